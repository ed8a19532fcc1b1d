// Sending: the form of a new upload, and what goes over the line, a few files at
// a time.
import { announce, ask, askJSON, base, bounds, box, button, headers, inUnit, multipart, nameProblem, offered, refusal, segments, spoken, state, tell, units } from "./plik_api.js";
import { bytes, el } from "./page.js";

const parallel = 3;
const parallelStreams = 5; // each waits for its reader; a browser has six lines to a server

const at = (id) => document.getElementById(id);
const form = at("plik-form");
let chosen = [];

// transfers are the files that this page sends, by the id of their entry.
export const transfers = new Map();
export const moved = new EventTarget(); // "change" when one of them goes on
const queue = [];

const changed = (transfer) => moved.dispatchEvent(new CustomEvent("change", { detail: transfer }));

class Transfer {
  constructor(upload, file, entry) {
    Object.assign(this, { upload, file, entry, state: "waiting", done: 0, problem: "", request: null });
  }

  get active() {
    return this.state === "waiting" || this.state === "sending";
  }

  set(state, problem = "") {
    this.state = state;
    this.problem = problem;
    changed(this);
  }

  // send gives the file's entry as it is in the end.
  send() {
    const { upload, file, entry } = this;
    const name = file.name;
    const route = entry.id ? `/${upload.stream ? "stream" : "file"}/${segments(upload.id, entry.id, name)}` : `/file/${segments(upload.id)}`;
    const { type, body } = multipart(name, file);
    return new Promise((resolve, reject) => {
      const x = new XMLHttpRequest();
      this.request = x;
      x.open("POST", base + route);
      const h = headers({ "Content-Type": type, "X-UploadToken": upload.uploadToken ?? "" });
      if (upload.authorization) h.Authorization = upload.authorization;
      for (const [name, value] of Object.entries(h)) if (value) x.setRequestHeader(name, value);
      x.upload.addEventListener("progress", (ev) => {
        this.done = Math.min(file.size, Math.round((ev.loaded / ev.total) * file.size));
        changed(this);
      });
      x.addEventListener("loadend", () => {
        if (x.status !== 200) return reject(x.status ? refusal(x.status, x.responseText) : new Error("The connection was cut."));
        try {
          resolve(JSON.parse(x.responseText));
        } catch {
          reject(new Error("Something between here and the server answered in its place."));
        }
      });
      x.send(body);
    });
  }

  async run() {
    this.set("sending");
    try {
      Object.assign(this.entry, await this.send());
      this.set("done");
      announce(`${this.file.name} is uploaded.`);
    } catch (err) {
      if (this.state === "sending") this.set("failed", err.message);
    }
    pump();
  }

  cancel() {
    const was = this.state;
    this.set("cancelled");
    if (was === "waiting") queue.splice(queue.indexOf(this), 1);
    this.request?.abort();
    if (this.entry.id) ask("DELETE", `/file/${segments(this.upload.id, this.entry.id, this.file.name)}`, { more: { "X-UploadToken": this.upload.uploadToken ?? "" } }).catch(() => {});
    pump();
  }

  // again sends the file as a new entry: the server has given the old one up.
  again() {
    transfers.delete(this.entry.key);
    enqueue(this.upload, this.file, {});
  }
}

function pump() {
  for (const next of [...queue]) {
    const running = [...transfers.values()].filter((t) => t.state === "sending");
    if (running.length >= (next.upload.stream ? parallelStreams : parallel)) break;
    queue.splice(queue.indexOf(next), 1);
    next.run();
  }
}

let nameless = 0;

// enqueue sends a file; an entry without an id is made by the server.
export function enqueue(upload, file, entry) {
  entry.key = entry.id ?? `new-${nameless++}`;
  const t = new Transfer(upload, file, entry);
  transfers.set(entry.key, t);
  queue.push(t);
  changed(t);
  pump();
  return t;
}

addEventListener("beforeunload", (ev) => {
  if ([...transfers.values()].some((t) => t.active)) ev.preventDefault();
});

// refusalOf says why a file would not be taken; empty: it would.
export function refusalOf(file) {
  const { fileSize } = bounds(state.config, state.me);
  if (fileSize && file.size > fileSize) return `${bytes(file.size)} are too much: ${bytes(fileSize)} a file.`;
  return nameProblem(file.name);
}

// picker makes a field and a place to drop on give files to take.
export function picker(input, place, take) {
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // the same file again is a change, too
    take(files);
  });
  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    place.addEventListener(name, (ev) => {
      ev.preventDefault();
      place.classList.toggle("over", name === "dragenter" || name === "dragover");
    });
  }
  place.addEventListener("drop", (ev) => {
    if ([...ev.dataTransfer.items].some((i) => i.webkitGetAsEntry?.()?.isDirectory)) {
      tell("A folder is more than one file: open it and drop what is in it, or pack it.");
      return;
    }
    take([...ev.dataTransfer.files]);
  });
}

function showChosen() {
  at("plik-chosen").replaceChildren(
    ...chosen.map((file, i) => {
      const drop = button("Leave out", () => {
        chosen.splice(i, 1);
        showChosen();
        at("plik-pick").focus();
      });
      drop.setAttribute("aria-label", `Leave out ${file.name}`);
      const problem = refusalOf(file);
      return el("li", {}, el("span", {}, el("strong", { textContent: file.name }), el("br"), el("small", { className: problem ? "bad" : "", textContent: problem || bytes(file.size) })), drop);
    }),
  );
  const total = chosen.reduce((sum, f) => sum + f.size, 0);
  const text = at("plik-text").value !== "" && !at("plik-text-box").hidden;
  at("plik-send").textContent = chosen.length + text === 0 ? "Get a link" : `Get a link for ${chosen.length + text === 1 ? "1 file" : `${chosen.length + text} files`}${total ? `, ${bytes(total)}` : ""}`;
}

function choose(files) {
  tell("");
  const { files: most } = bounds(state.config, state.me);
  if (chosen.length + files.length > most) {
    tell(`An upload has ${most} files at most.`);
    return;
  }
  chosen.push(...files);
  showChosen();
}

// The checkboxes of the form, by the flag that offers them.
const switches = { oneShot: "feature_one_shot", removable: "feature_removable", stream: "feature_stream", extend_ttl: "feature_extend_ttl" };

// prepare makes the form what the server offers to this user.
export function prepare() {
  const { config, me } = state;
  const limit = bounds(config, me);
  for (const [name, flag] of Object.entries(switches)) {
    const { there, on, fixed } = offered(config[flag]);
    const field = form.elements[name];
    field.closest("label").hidden = !there;
    field.checked = on;
    field.disabled = fixed;
  }
  const password = offered(config.feature_password);
  at("plik-lock").closest("label").hidden = !password.there;
  at("plik-lock").checked = password.on;
  at("plik-lock").disabled = password.fixed;
  at("plik-credentials").hidden = !password.on;
  const comments = offered(config.feature_comments);
  at("plik-comments-box").hidden = !comments.there;
  at("plik-comments-box").open = comments.on;
  const text = offered(config.feature_text);
  at("plik-text-box").hidden = !text.there;
  at("plik-text-box").open = text.on;
  prepareTTL(config, limit);
  const closed = offered(config.feature_authentication).fixed && !me;
  form.hidden = closed;
  at("plik-closed").hidden = !closed;
  const each = limit.fileSize ? `up to ${bytes(limit.fileSize)} each` : "of any size";
  at("plik-bounds").textContent = `${limit.files === 1 ? "One file" : `As many as ${limit.files} files`}, ${each}. They go by themselves when their time is over.`;
  showChosen();
}

function prepareTTL(config, limit) {
  const { there } = offered(config.feature_set_ttl);
  at("plik-ttl-box").hidden = !there;
  at("plik-ttl-fixed").hidden = there;
  const first = limit.ttl && (config.defaultTTL <= 0 || config.defaultTTL > limit.ttl) ? limit.ttl : config.defaultTTL;
  at("plik-ttl-fixed").textContent = config.defaultTTL > 0 ? `Kept for ${spoken(config.defaultTTL)}.` : "Kept until it is removed.";
  const { value, unit } = inUnit(first > 0 ? first : units.days * 30);
  form.elements.ttl.value = value;
  form.elements.unit.value = first > 0 ? unit : "never";
  for (const option of form.elements.unit.options) option.hidden = option.disabled = limit.ttl > 0 && (option.value === "never" || units[option.value] > limit.ttl);
  at("plik-ttl-note").textContent = limit.ttl ? `${spoken(limit.ttl)} at most` : "";
  showTTL();
}

function showTTL() {
  form.elements.ttl.disabled = form.elements.unit.value === "never";
}

// ttlOf reads the form's time in seconds; -1 is for ever.
function ttlOf() {
  if (at("plik-ttl-box").hidden) return 0;
  if (form.elements.unit.value === "never") return -1;
  const seconds = Math.round(Number(form.elements.ttl.value) * units[form.elements.unit.value]);
  const { ttl } = bounds(state.config, state.me);
  if (!(seconds > 0)) throw new Error("Say for how long it is available.");
  if (ttl && seconds > ttl) throw new Error(`It can be available for ${spoken(ttl)} at most.`);
  return seconds;
}

// read makes the request of the form, and the files.
function read() {
  const files = [...chosen];
  if (at("plik-text").value !== "" && !at("plik-text-box").hidden) files.push(new File([at("plik-text").value], at("plik-text-name").value.trim() || "text.txt", { type: "text/plain" }));
  if (files.length === 0) throw new Error("Choose a file first.");
  for (const f of files) {
    const problem = refusalOf(f);
    if (problem) throw new Error(`${f.name}: ${problem}`);
  }
  const options = { ttl: ttlOf(), files: files.map((f, i) => ({ fileName: f.name, fileType: f.type, fileSize: f.size, reference: String(i) })) };
  for (const name of Object.keys(switches)) options[name] = form.elements[name].checked;
  if (!at("plik-comments-box").hidden) options.comments = at("plik-comments").value;
  if (at("plik-lock").checked) {
    options.login = form.elements.login.value;
    options.password = form.elements.password.value;
    if (!options.password) throw new Error("Say which password it is.");
    if (options.login.includes(":")) throw new Error("A login holds no colon.");
  }
  return { options, files };
}

// make makes the upload and begins to send; it gives what the server answered.
export async function make() {
  const { options, files } = read();
  const upload = await askJSON("POST", "/upload", { json: options });
  Object.assign(upload, { login: options.login ?? "", password: options.password ?? "" });
  for (const entry of upload.files ?? []) {
    const file = files[Number(entry.reference)];
    if (file) enqueue(upload, file, entry);
  }
  chosen = [];
  for (const id of ["plik-text", "plik-comments"]) at(id).value = "";
  form.elements.password.value = "";
  at("plik-preview").hidden = true;
  prepare();
  return upload;
}

// comments shows markdown that the server has made harmless (README, Decisions).
export async function comments(place, text) {
  try {
    const r = await fetch("/pages/comments", { method: "POST", body: text, headers: { "Content-Type": "text/plain; charset=utf-8" } });
    if (!r.ok) throw new Error();
    place.innerHTML = await r.text();
    place.classList.add("markdown");
  } catch {
    place.replaceChildren(el("pre", { textContent: text })); // too long, or the server is away
  }
}

picker(at("plik-pick"), at("plik-drop"), choose);
at("plik-lock").addEventListener("change", () => (at("plik-credentials").hidden = !at("plik-lock").checked));
at("plik-text").addEventListener("input", showChosen);
form.elements.unit.addEventListener("change", showTTL);
at("plik-preview-button").addEventListener("click", () => {
  at("plik-preview").hidden = false;
  comments(at("plik-preview"), at("plik-comments").value);
});
form.addEventListener("paste", (ev) => {
  const files = [...ev.clipboardData.files];
  if (files.length === 0) return;
  ev.preventDefault();
  choose(files);
});
form.addEventListener("submit", async (ev) => {
  ev.preventDefault();
  const send = at("plik-send");
  send.disabled = true;
  tell("");
  try {
    const upload = await make();
    box.dispatchEvent(new CustomEvent("made", { detail: upload }));
  } catch (err) {
    tell(err.message);
  } finally {
    send.disabled = false;
  }
});
