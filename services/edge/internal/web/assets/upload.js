// The uploader: resumable sessions (PUT with Content-Range), several files, pause,
// cut connections, and going on after the page was closed: the session's URL is
// kept by the file's name, size and time, and the same file chosen again meets it.
import { bytes, el, german, keyHash, localTimes, problemOf } from "./page.js";

const chunk = 16 << 20; // bytes of one request
const parallel = 2;
const stall = 30_000; // ms without a byte before a connection counts as dead
const longestWait = 30_000;

const box = document.getElementById("uploader");
const list = document.getElementById("uploads");
const account = box.dataset.account; // empty: a guest
const { begin, folder, refresh: here = "/account" } = box.dataset; // in the file manager
const maxBytes = Number(box.dataset.max);
const running = new Map(); // by storage key
const queue = [];

const de = {
  "The upload was stopped.": "Der Upload wurde angehalten.",
  "The connection was cut.": "Die Verbindung brach ab.",
  "The upload has expired.": "Der Upload ist abgelaufen.",
  "The upload is still being written down.": "Der Upload wird noch gespeichert.",
  "You are logged out. Log in, and choose the file again.": "Du bist abgemeldet. Melde dich an und wähle die Datei noch einmal.",
  "Something between here and the server answered in its place.": "Etwas auf dem Weg zum Server hat an seiner Stelle geantwortet.",
  "The file cannot be read any more; it may have changed.": "Die Datei ist nicht mehr lesbar; vielleicht hat sie sich geändert.",
  "The server took nothing.": "Der Server hat nichts angenommen.",
  "The server answered %s.": "Der Server hat %s geantwortet.",
  "Copy link": "Link kopieren",
  Cancel: "Abbrechen",
  Pause: "Anhalten",
  Resume: "Weiter",
  "Try again": "Noch einmal",
  Dismiss: "Schließen",
  Choose: "Auswählen",
  Discard: "Verwerfen",
  Waiting: "Wartet",
  "progress of %s": "Fortschritt von %s",
  "%s, in %s, with a phrase.": "%s, in %s, mit Kennwort.",
  "%s, in %s.": "%s, in %s.",
  "link of %s": "Link von %s",
  "Open its page": "Seite öffnen",
  "QR code": "QR-Code",
  "QR code of the link": "QR-Code des Links",
  "Trying again in %s s, from %s.": "Neuer Versuch in %s s, ab %s.",
  "%s left": "noch %s",
  "%s of %s": "%s von %s",
  "Paused at %s of %s": "Angehalten bei %s von %s",
  "%s was not uploaded.": "%s wurde nicht hochgeladen.",
  "%s is uploaded.": "%s ist hochgeladen.",
  "Unfinished. Choose the same file to go on.": "Unfertig. Wähle dieselbe Datei, um weiterzumachen.",
  "Unfinished, %s of %s are there. Choose the same file to go on.": "Unfertig, %s von %s sind da. Wähle dieselbe Datei, um weiterzumachen.",
  "%s are too much: %s a file.": "%s sind zu viel: %s je Datei.",
  Folders: "Ordner",
  "A folder is more than one file: rclone uploads it whole.": "Ein Ordner ist mehr als eine Datei: rclone lädt ihn ganz hoch.",
};

// say says a text in the page's language, with values in its places.
function say(text, ...values) {
  let i = 0;
  return ((german && de[text]) || text).replace(/%s/g, () => values[i++]);
}

// store keeps what is needed to go on. A browser that has none loses only that.
const store = {
  prefix: "sluice.upload.",
  key: (f) => store.prefix + JSON.stringify([account, f.name, f.size, f.lastModified, ...(folder ? [folder] : [])]),
  get(key) {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  },
  put(key, session) {
    try {
      localStorage.setItem(key, JSON.stringify(session));
    } catch {
      // no storage, or it is full
    }
  },
  drop(key) {
    try {
      localStorage.removeItem(key);
    } catch {
      // as above
    }
  },
  mine() {
    try {
      const ours = ([who, , , , into = ""]) => who === account && into === (folder ?? "");
      return Object.keys(localStorage).filter((k) => k.startsWith(store.prefix) && ours(JSON.parse(k.slice(store.prefix.length))));
    } catch {
      return [];
    }
  },
};

class Failure extends Error {
  // after and most bound the wait before the next attempt, in ms.
  constructor(message, { final = false, gone = false, after = 0, most = longestWait } = {}) {
    super(message);
    Object.assign(this, { final, gone, after, most });
  }
}

// request is XMLHttpRequest, since fetch does not tell how much was sent.
function request(method, url, { headers = {}, body = null, sent = () => {}, signal } = {}) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new Failure(say("The upload was stopped.")));
    const x = new XMLHttpRequest();
    let timer;
    const alive = (ms = stall) => {
      clearTimeout(timer);
      timer = setTimeout(() => x.abort(), ms);
    };
    const stop = () => x.abort();
    x.open(method, url);
    for (const [name, value] of Object.entries(headers)) x.setRequestHeader(name, value);
    x.upload.addEventListener("progress", (ev) => {
      alive();
      sent(ev.loaded);
    });
    x.upload.addEventListener("load", () => alive(2 * stall)); // until it is durable
    x.addEventListener("loadend", () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      if (x.status) resolve({ status: x.status, text: x.responseText, header: (name) => x.getResponseHeader(name) });
      else reject(new Failure(say("The connection was cut.")));
    });
    signal?.addEventListener("abort", stop);
    alive();
    x.send(body);
  });
}

// read makes of an answer either the finished file or how many bytes are there.
function read({ status, text, header }) {
  const partial = status === 308 || (status === 200 && header("X-Http-Status-Code-Override") === "308");
  if (partial) {
    const range = /^bytes=0-(\d+)$/.exec(header("Range") ?? "");
    return { offset: range ? Number(range[1]) + 1 : 0 };
  }
  if (status === 200 || status === 201) return { file: parse(text) };
  if (status === 404 || status === 410) throw new Failure(say("The upload has expired."), { gone: true });
  // Busy is what the connection before this one has left behind. Its end is told
  // by asking again; Retry-After is when it would end by itself at the latest.
  if (status === 409) throw new Failure(say("The upload is still being written down."), { most: 2_000 });
  const wait = { after: 1000 * (Number(header("Retry-After")) || 0) };
  if (status === 408 || status === 429 || status >= 500) throw new Failure(problemOf(status, text), wait);
  if (status === 401) throw new Failure(say("You are logged out. Log in, and choose the file again."), { final: true });
  throw new Failure(problemOf(status, text), { final: true });
}

// parse reads an answer's JSON. What is none comes from something in between.
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Failure(say("Something between here and the server answered in its place."));
  }
}

const put = (url, range, options = {}) =>
  request("PUT", url, { ...options, headers: { "Content-Range": range, "X-GUploader-No-308": "yes" } }).then(read);

const button = (label, act, className = "small") => {
  const b = el("button", { type: "button", className, textContent: label });
  b.addEventListener("click", act);
  return b;
};

function announce(text) {
  document.getElementById("upload-status").textContent = text;
}

// Row is a file's line in the list.
class Row {
  constructor(name) {
    this.bar = el("progress", { max: 1, value: 0 });
    this.bar.setAttribute("aria-label", say("progress of %s", name));
    this.text = el("small");
    this.acts = el("span", { className: "acts" });
    this.item = el("li", {}, el("div", { className: "row" }, el("strong", { textContent: name }), this.acts), this.bar, this.text);
    list.append(this.item);
  }
  show(text, ...acts) {
    const focused = this.acts.contains(document.activeElement);
    this.text.textContent = text;
    this.text.className = "";
    this.acts.replaceChildren(...acts);
    if (focused) acts[0]?.focus();
  }
  fail(text, ...acts) {
    this.show(text, ...acts);
    this.text.className = "problem";
    this.bar.hidden = true;
  }
  progress(done, size) {
    this.bar.value = size > 0 ? done / size : 1;
  }
  // done shows the link at the end.
  done(file) {
    this.bar.hidden = true;
    this.show(say(file.hasKey ? "%s, in %s, with a phrase." : "%s, in %s.", bytes(file.size), file.region));
    const copy = button(say("Copy link"), () => {});
    copy.dataset.copy = file.url;
    const field = el("input", { readOnly: true, value: file.url });
    field.setAttribute("aria-label", say("link of %s", file.name));
    const qr = el("img", { className: "qr", src: `/download/${encodeURIComponent(file.id)}/qr.svg`, alt: say("QR code of the link"), width: 150, height: 150 });
    this.item.append(
      el("span", { className: "copyline" }, field, copy),
      el("p", {}, el("a", { href: new URL(file.url).pathname, textContent: say("Open its page") })),
      el("details", { open: list.children.length === 1 }, el("summary", { textContent: say("QR code") }), qr),
    );
    this.item.classList.add("done");
  }
}

class Upload {
  constructor(file, options, row) {
    Object.assign(this, { file, options, key: store.key(file), row: row ?? new Row(file.name), state: "waiting", offset: 0, stop: null });
    this.session = store.get(this.key);
    this.row.show(say("Waiting"), button(say("Cancel"), () => this.cancel()));
  }

  set(state) {
    this.state = state;
    this.row.item.dataset.state = state;
  }

  async create() {
    const { hash, phrase, region } = this.options;
    const body = { name: this.file.name, size: this.file.size, type: this.file.type || undefined };
    if (hash) body.keyHash = hash;
    else if (phrase) body.key = phrase;
    const headers = { "Content-Type": "application/json" };
    if (region) headers["x-upload-region"] = region;
    const r = begin ? await this.begin(hash, phrase, region) : await request("POST", "/api/v1/upload/session", { headers, body: JSON.stringify(body), signal: this.stop.signal });
    if (r.status !== 201) {
      if (r.status === 404) throw new Failure(problemOf(r.status, r.text), { final: true }); // the folder is gone
      read(r); // throws; a 200 would be no session
      throw new Failure(say("The server answered %s.", r.status), { final: true });
    }
    const { uploadUrl, expiresAt } = parse(r.text);
    // Only the path: the page may be open under another of the server's names.
    this.session = { path: new URL(uploadUrl, location.href).pathname, expiresAt };
    store.put(this.key, this.session);
  }

  // begin asks for a session of a file that goes into the page's folder.
  begin(hash, phrase, region) {
    const body = new URLSearchParams({ folder, name: this.file.name, size: this.file.size, type: this.file.type, region });
    if (hash) body.set("hash", hash);
    else if (phrase) body.set("key", phrase);
    return request("POST", begin, { headers: { "Content-Type": "application/x-www-form-urlencoded" }, body: body.toString(), signal: this.stop.signal });
  }

  // step moves one chunk, or asks where to go on; it gives the finished file.
  async step(ask) {
    if (!this.session) {
      await this.create();
      ask = false;
      this.offset = 0;
    }
    const { size } = this.file;
    const { signal } = this.stop;
    if (ask) {
      const was = await put(this.session.path, `bytes */${size}`, { signal });
      if (was.file) return was.file;
      this.offset = was.offset;
      this.moved(0);
      if (this.offset < size) return null;
    }
    const end = Math.min(size, this.offset + chunk);
    const part = this.file.slice(this.offset, end);
    try {
      await part.slice(0, 1).arrayBuffer();
    } catch {
      throw new Failure(say("The file cannot be read any more; it may have changed."), { final: true });
    }
    const range = end > this.offset ? `bytes ${this.offset}-${end - 1}/${size}` : `bytes */${size}`;
    const is = await put(this.session.path, range, { body: part.size ? part : null, signal, sent: (n) => this.moved(n) });
    if (is.file) return is.file;
    if (is.offset <= this.offset) throw new Failure(say("The server took nothing."));
    this.offset = is.offset;
    this.moved(0);
    return null;
  }

  async run() {
    this.set("sending");
    this.stop = new AbortController();
    this.clock = { at: performance.now(), from: null, rate: 0 };
    const stop = this.stop;
    let ask = true;
    let failures = 0;
    let before = -1;
    while (!stop.signal.aborted) {
      try {
        const file = await this.step(ask);
        ask = false;
        if (this.offset > before) {
          failures = 0;
          before = this.offset;
        }
        if (file) return this.finished(file);
        this.set("sending");
      } catch (err) {
        if (stop.signal.aborted) return;
        if (err.final || !(err instanceof Failure)) return this.failed(err.message);
        ask = true;
        failures++;
        if (err.gone) {
          store.drop(this.key);
          this.session = null;
          if (failures > 3) return this.failed(err.message);
          continue;
        }
        await this.wait(err, failures);
      }
    }
  }

  async wait(err, failures) {
    const backoff = Math.min(err.most, 500 * 2 ** Math.min(failures, 10)) * (0.75 + Math.random() / 2);
    const ms = Math.max(err.after, backoff);
    this.set("retrying");
    this.row.show(`${err.message} ${say("Trying again in %s s, from %s.", Math.ceil(ms / 1000), bytes(this.offset))}`, ...this.buttons());
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      const now = () => {
        clearTimeout(timer);
        resolve();
      };
      this.stop.signal.addEventListener("abort", now, { once: true });
      if (!err.after) addEventListener("online", now, { once: true });
    });
  }

  buttons() {
    return [button(say("Pause"), () => this.pause()), button(say("Cancel"), () => this.cancel(), "small danger")];
  }

  moved(n) {
    const { size } = this.file;
    const done = Math.min(size, this.offset + n);
    const now = performance.now();
    const c = this.clock;
    this.row.progress(done, size);
    c.from ??= done;
    if (now - c.at >= 500) {
      const rate = (1000 * Math.max(0, done - c.from)) / (now - c.at);
      c.rate = c.rate ? 0.7 * c.rate + 0.3 * rate : rate;
      c.at = now;
      c.from = done;
    }
    const left = c.rate > 0 ? ` · ${bytes(c.rate)}/s · ${say("%s left", duration((size - done) / c.rate))}` : "";
    if (this.row.acts.dataset.for !== "sending" || this.state !== "sending") {
      this.row.show("", ...this.buttons());
      this.row.acts.dataset.for = "sending";
    }
    this.row.text.textContent = say("%s of %s", bytes(done), bytes(size)) + left;
    this.row.text.className = "";
    this.set("sending");
  }

  pause() {
    this.stop?.abort();
    this.set("paused");
    this.row.acts.dataset.for = "";
    this.row.show(say("Paused at %s of %s", bytes(this.offset), bytes(this.file.size)), button(say("Resume"), () => this.again()), button(say("Cancel"), () => this.cancel(), "small danger"));
    this.leave();
  }

  again() {
    this.set("waiting");
    this.row.bar.hidden = false;
    this.row.show(say("Waiting"), button(say("Cancel"), () => this.cancel()));
    enqueue(this);
  }

  cancel() {
    this.stop?.abort();
    this.set("cancelled");
    if (this.session) request("DELETE", this.session.path).catch(() => {});
    store.drop(this.key);
    this.row.item.remove();
    this.leave();
  }

  failed(message) {
    this.set("failed");
    this.row.acts.dataset.for = "";
    this.row.fail(message, button(say("Try again"), () => this.again()), button(say("Dismiss"), () => this.cancel()));
    announce(say("%s was not uploaded.", this.file.name));
    this.leave();
  }

  finished(file) {
    this.set("done");
    store.drop(this.key);
    this.row.done(file);
    announce(say("%s is uploaded.", file.name));
    this.leave();
  }

  leave() {
    const at = queue.indexOf(this);
    if (at >= 0) queue.splice(at, 1);
    if (running.get(this.key) === this) running.delete(this.key);
    pump();
    if (running.size === 0) refresh();
  }
}

function duration(s) {
  if (s < 60) return `${Math.max(1, Math.round(s))} s`;
  if (s < 3600) return `${Math.round(s / 60)} min`;
  return `${(s / 3600).toFixed(1)} h`;
}

function enqueue(upload) {
  queue.push(upload);
  pump();
}

function pump() {
  while (running.size < parallel && queue.length > 0) {
    const next = queue.shift();
    running.set(next.key, next);
    next.run();
  }
}

// refresh brings the page's list of files up to date.
async function refresh() {
  if (!document.getElementById("files")) return;
  if (document.querySelector("#files .rename")) return setTimeout(refresh, 1_000); // somebody types there
  try {
    const r = await fetch(here);
    if (!r.ok) return;
    const fresh = new DOMParser().parseFromString(await r.text(), "text/html");
    for (const id of ["files", "usage"]) {
      const now = fresh.getElementById(id);
      if (now) document.getElementById(id).replaceWith(now);
    }
    localTimes(document.getElementById("files"));
    document.dispatchEvent(new Event("sluice:refreshed"));
  } catch {
    // the list is as it was
  }
}

// pending are the rows of uploads that another visit to the page began.
const pending = new Map();

async function showPending(key) {
  const [, name, size] = JSON.parse(key.slice(store.prefix.length));
  const session = store.get(key);
  if (!session?.path || Date.parse(session.expiresAt) < Date.now()) return store.drop(key);
  const row = new Row(name);
  row.item.dataset.state = "unfinished";
  pending.set(key, row);
  const forget = () => {
    store.drop(key);
    pending.delete(key);
    row.item.remove();
  };
  const discard = () => {
    request("DELETE", session.path).catch(() => {});
    forget();
  };
  row.show(say("Unfinished. Choose the same file to go on."), button(say("Choose"), () => document.getElementById("pick").click()), button(say("Discard"), discard, "small danger"));
  try {
    const was = await put(session.path, `bytes */${size}`);
    if (!pending.has(key)) return;
    if (was.file) {
      store.drop(key);
      pending.delete(key);
      row.done(was.file);
      return;
    }
    row.progress(was.offset, size);
    row.text.textContent = say("Unfinished, %s of %s are there. Choose the same file to go on.", bytes(was.offset), bytes(size));
  } catch (err) {
    if (err.gone && pending.has(key)) forget();
  }
}

async function add(files) {
  const phrase = document.getElementById("phrase")?.value ?? "";
  const region = document.getElementById("region")?.value ?? "";
  const options = { region, phrase, hash: phrase ? await keyHash(phrase) : null };
  for (const file of files) {
    const key = store.key(file);
    if (running.has(key) || queue.some((u) => u.key === key)) continue;
    if (file.size > maxBytes) {
      const row = new Row(file.name);
      row.fail(say("%s are too much: %s a file.", bytes(file.size), bytes(maxBytes)), button(say("Dismiss"), () => row.item.remove()));
      continue;
    }
    const row = pending.get(key);
    pending.delete(key);
    enqueue(new Upload(file, options, row));
  }
}

const pick = document.getElementById("pick");
pick.addEventListener("change", () => {
  const files = [...pick.files];
  pick.value = ""; // the same file again is a change, too
  add(files);
});

const drop = document.getElementById("drop");
const target = document.getElementById("manager") ?? drop; // there files may fall anywhere
for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
  target.addEventListener(name, (ev) => {
    if (!ev.dataTransfer.types.includes("Files")) return;
    ev.preventDefault();
    drop.classList.toggle("over", name === "dragenter" || name === "dragover");
  });
}
target.addEventListener("drop", (ev) => {
  if (!ev.dataTransfer.types.includes("Files")) return;
  const folders = [...ev.dataTransfer.items].filter((i) => i.webkitGetAsEntry?.()?.isDirectory).length;
  const files = [...ev.dataTransfer.files];
  if (folders > 0) {
    const row = new Row(say("Folders"));
    row.fail(say("A folder is more than one file: rclone uploads it whole."), button(say("Dismiss"), () => row.item.remove()));
    return;
  }
  add(files);
});

for (const key of store.mine()) showPending(key);
