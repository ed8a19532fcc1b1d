// What all parts of the page of temporary uploads share: the way to Plik's
// routes (plik-wire.md 16.6), its links, and the rules that need no server.
import { el } from "./page.js";

export const box = document.getElementById("plik");
export const base = location.origin + box.dataset.path;

// state is who the page is for. acting is the user that an administrator acts as.
export const state = { config: {}, me: null, acting: "" };
try {
  state.acting = sessionStorage.getItem("sluice.acting") ?? "";
} catch {
  // no storage: nobody acts as somebody else
}

export function actAs(user) {
  state.acting = user;
  try {
    if (user) sessionStorage.setItem("sluice.acting", user);
    else sessionStorage.removeItem("sluice.acting");
  } catch {
    // as above: until the page is loaded again
  }
}

// Refused is an answer that is not 200; status 0 is none at all.
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const cookie = (name) =>
  document.cookie
    .split("; ")
    .find((c) => c.startsWith(`${name}=`))
    ?.slice(name.length + 1) ?? "";

// loggedIn reports whether this browser has a session, which may have ended.
export const loggedIn = () => cookie("plik-xsrf") !== "";

export function headers(more = {}) {
  const h = { "X-ClientApp": "web_client", ...more };
  const xsrf = cookie("plik-xsrf");
  if (xsrf) h["X-XSRFToken"] = xsrf;
  if (state.acting) h["X-Plik-Impersonate"] = state.acting;
  return h;
}

export const refusal = (status, text) => new Refused(status, text.trim().slice(0, 500) || `The server answered ${status}.`);

// ask gives the text of an answer. alone leaves out what the browser knows by
// itself: then it does not ask for a password by itself, either.
export async function ask(method, route, { json, more, alone = false } = {}) {
  const options = { method, headers: headers(more), credentials: alone ? "omit" : "same-origin", cache: "no-store" };
  if (json !== undefined) {
    options.body = JSON.stringify(json);
    options.headers["Content-Type"] = "application/json";
  }
  let r, text;
  try {
    r = await fetch(base + route, options);
    text = await r.text();
  } catch {
    throw new Refused(0, "The server does not answer.");
  }
  if (r.status !== 200) throw refusal(r.status, text);
  return text;
}

export async function askJSON(...args) {
  try {
    return JSON.parse(await ask(...args));
  } catch (err) {
    if (err instanceof SyntaxError) throw new Refused(0, "Something between here and the server answered in its place.");
    throw err;
  }
}

// segments makes a path of names that hold anything.
export const segments = (...names) => names.map(encodeURIComponent).join("/");

export const pageOf = (id, token) => `${base}/#/?id=${encodeURIComponent(id)}${token ? `&uploadToken=${encodeURIComponent(token)}` : ""}`;

// A download domain is a host; the routes are below the same path there.
const home = (upload) => (upload.downloadDomain ? upload.downloadDomain.replace(/\/+$/, "") + box.dataset.path : base);
export const fileOf = (upload, file) => `${home(upload)}/${upload.stream ? "stream" : "file"}/${segments(upload.id, file.id, file.fileName)}`;
export const archiveOf = (upload) => `${home(upload)}/archive/${segments(upload.id, `files-${upload.id}.zip`)}`;
export const codeOf = (text, size = 250) => `${base}/qrcode?url=${encodeURIComponent(text)}&size=${size}`;

const quoted = (s) => `'${s.replaceAll("'", `'\\''`)}'`;
export const curlOf = (upload, file) => `curl ${upload.protectedByPassword ? `-u ${quoted(upload.login || "plik")} ` : ""}-o ${quoted(file.fileName)} ${quoted(fileOf(upload, file))}`;

// basic is the header that opens an upload behind a password.
export const basic = (login, password) => `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${login || "plik"}:${password}`)))}`;

// offered says what a feature flag means for a form: whether there is a choice
// at all, what it is at first, and whether it may be changed.
export const offered = (flag) => ({ there: flag !== "disabled" && flag !== undefined, on: flag === "default" || flag === "forced", fixed: flag === "forced" });

// bounds are the limits of a user's uploads; 0 stands for none.
export function bounds(config, me) {
  const of = (own, general) => Math.max(0, own ? own : (general ?? 0));
  return {
    ttl: of(me?.maxTTL, config.maxTTL),
    fileSize: of(me?.maxFileSize, config.maxFileSize),
    userSize: me ? of(me.maxUserSize, config.maxUserSize) : 0,
    files: config.maxFilePerUpload ?? 1000,
  };
}

export const units = { minutes: 60, hours: 3600, days: 86400 };

// inUnit writes seconds as a number of the largest unit that fits.
export function inUnit(seconds) {
  const unit = Object.keys(units).findLast((u) => seconds >= units[u] && seconds % units[u] === 0) ?? "minutes";
  return { value: Math.max(1, Math.round(seconds / units[unit])), unit };
}

// spoken writes seconds for people.
export function spoken(seconds) {
  const count = (n, unit) => `${n} ${n === 1 ? unit.slice(0, -1) : unit}`;
  for (const unit of ["days", "hours", "minutes"]) {
    const n = seconds / units[unit];
    if (n >= 2 || n === 1) return count(Math.floor(n), unit);
  }
  return count(Math.max(1, Math.floor(seconds)), "seconds");
}

// nameProblem says why a file of this name cannot be sent; empty: it can.
export function nameProblem(name) {
  if (!name) return "A file needs a name.";
  if (name === "." || name === ".." || /[/\u0000-\u001f\u007f]/.test(name)) return "A name holds no slash and no line break.";
  if (new TextEncoder().encode(name).length > 1024) return "A name has 1024 bytes at most.";
  return "";
}

// multipart puts a file into a form's body. Browsers write %22 for a quotation
// mark in a name; the server would take that for another name.
export function multipart(name, file) {
  const boundary = `sluice-${Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("")}`;
  const escaped = name.replace(/[\\"]/g, "\\$&");
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${escaped}"\r\nContent-Type: application/octet-stream\r\n\r\n`;
  return { type: `multipart/form-data; boundary=${boundary}`, body: new Blob([head, file, `\r\n--${boundary}--\r\n`]) };
}

export const button = (label, act, className = "small plain") => {
  const b = el("button", { type: "button", className, textContent: label });
  b.addEventListener("click", () => act(b));
  return b;
};

// sure is a button that asks once more, by itself.
export function sure(label, question, act, className = "small danger") {
  let timer, name;
  const calm = () => {
    clearTimeout(timer);
    delete b.dataset.asked;
    b.textContent = label;
    if (name) b.setAttribute("aria-label", name);
  };
  const b = button(
    label,
    async () => {
      if (b.dataset.asked) {
        b.disabled = true;
        await act(b);
        b.disabled = false;
        return calm();
      }
      b.dataset.asked = "yes";
      b.textContent = question;
      name = b.getAttribute("aria-label");
      if (name) b.setAttribute("aria-label", `${question} ${name}`);
      timer = setTimeout(calm, 5000);
    },
    className,
  );
  return b;
}

export function copyline(label, text) {
  const field = el("input", { readOnly: true, value: text });
  field.setAttribute("aria-label", label);
  const copy = el("button", { type: "button", className: "small copy", textContent: "Copy" });
  copy.dataset.copy = text;
  copy.setAttribute("aria-label", `Copy the ${label}`);
  return el("span", { className: "copyline" }, field, copy);
}

export function time(at) {
  const t = el("time", { dateTime: at, title: at });
  t.textContent = new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  return t;
}

export const tag = (text) => el("span", { className: "tag", textContent: text });

// tell shows what went wrong above everything; empty text takes it away.
export function tell(text) {
  const p = document.getElementById("plik-problem");
  p.hidden = !text;
  p.textContent = text;
  if (text) p.scrollIntoView({ block: "nearest" });
}

export const announce = (text) => (document.getElementById("plik-status").textContent = text);

// attempt does something that the server may refuse, and says so where it does.
export async function attempt(act) {
  try {
    tell("");
    await act();
    return true;
  } catch (err) {
    if (!(err instanceof Refused)) throw err;
    tell(err.message);
    return false;
  }
}

// pages shows a list that comes in pages, and a button for the next one. It gives
// the function that shows it from the beginning.
export function pages(list, route, row, empty) {
  const more = button("Show more", () => load(), "plain");
  const none = el("p", { className: "empty", textContent: empty, hidden: true });
  list.after(none, more);
  more.hidden = true;
  let after = "";
  let round = 0;
  const load = async () => {
    const mine = round;
    more.disabled = true;
    try {
      const target = route();
      const p = await askJSON("GET", `${target}${target.includes("?") ? "&" : "?"}limit=20${after ? `&after=${encodeURIComponent(after)}` : ""}`);
      if (mine !== round) return;
      list.append(...p.results.map(row));
      after = p.after ?? "";
      more.hidden = !after;
      none.hidden = list.children.length > 0;
    } finally {
      more.disabled = false;
    }
  };
  return async () => {
    round++;
    after = "";
    list.replaceChildren();
    more.hidden = none.hidden = true;
    await load();
  };
}
