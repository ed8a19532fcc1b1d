// An upload as whoever has its link sees it, and whoever has its admin link.
import { archiveOf, ask, askJSON, attempt, base, basic, button, codeOf, copyline, curlOf, fileOf, pageOf, Refused, segments, spoken, state, sure, tell, time } from "./plik_api.js";
import { bytes, el } from "./page.js";
import { comments, enqueue, moved, picker, refusalOf, transfers } from "./plik_send.js";

const place = document.getElementById("plik-show");
const known = new Map(); // login and password of uploads behind one, by id
const pollEvery = 3000;
let shown = null;
let round = 0; // of what is asked for; an answer to an older question is not shown

const readable = (upload, file) => file.status === (upload.stream ? "uploading" : "uploaded");

// condition says what became of a file.
function condition(upload, file) {
  switch (file.status) {
    case "missing":
      return "not uploaded yet";
    case "uploading":
      return upload.stream ? "ready: its sender waits for you" : "is being uploaded";
    case "uploaded":
      return upload.oneShot ? "can be downloaded once" : "";
    case "removed":
    case "deleted":
      if (upload.stream) return "passed on, and gone";
      return upload.oneShot ? "downloaded once or removed, and gone" : "removed";
  }
  return file.status;
}

class Row {
  constructor(view, file) {
    Object.assign(this, { view, file });
    this.name = el("span", { className: "name" });
    this.meta = el("span", { className: "meta" });
    this.acts = el("span", { className: "acts" });
    this.bar = el("progress", { max: 1, value: 0, hidden: true });
    this.bar.setAttribute("aria-label", `progress of ${file.fileName}`);
    this.more = el("div", { className: "wide" });
    this.item = el("li", {}, this.name, this.meta, this.acts, this.bar, this.more);
    this.update(file);
  }

  update(file) {
    const { upload } = this.view;
    Object.assign(this.file, file);
    const sending = transfers.get(this.file.key ?? this.file.id);
    const there = readable(upload, this.file) && !sending?.active;
    const was = this.key;
    this.key = JSON.stringify([this.file.status, sending?.state, upload.admin, this.file.id]);
    this.item.dataset.status = sending && sending.state !== "done" ? sending.state : this.file.status;
    this.bar.hidden = !sending?.active;
    if (sending?.active) {
      this.bar.value = sending.file.size ? sending.done / sending.file.size : 0;
      this.meta.textContent = sending.state === "waiting" ? "waiting for its turn" : upload.stream && sending.done < sending.file.size ? `${bytes(sending.done)} of ${bytes(sending.file.size)}: goes on while somebody downloads it` : `${bytes(sending.done)} of ${bytes(sending.file.size)}`;
    } else if (sending?.state === "failed") this.meta.textContent = sending.problem;
    else if (sending?.state === "cancelled") this.meta.textContent = "cancelled";
    else this.meta.textContent = [bytes(this.file.fileSize), (this.file.fileType ?? "").split(";")[0], condition(upload, this.file)].filter(Boolean).join(" · ");
    this.meta.classList.toggle("bad", sending?.state === "failed");
    if (was === this.key) return;
    const { fileName } = this.file;
    const url = this.file.id && fileOf(upload, this.file);
    this.name.replaceChildren(there ? el("a", { href: url, textContent: fileName }) : fileName);
    const focused = this.acts.contains(document.activeElement);
    this.acts.replaceChildren(...this.buttons(sending, there, url));
    if (focused) (this.acts.querySelector("button, a") ?? place.querySelector("h1")).focus();
  }

  buttons(sending, there, url) {
    const { upload } = this.view;
    const { fileName } = this.file;
    const named = (b, what) => {
      b.setAttribute("aria-label", `${what} ${fileName}`);
      return b;
    };
    if (sending?.active) return [named(button("Cancel", () => sending.cancel(), "small danger"), "Cancel")];
    if (sending?.state === "failed")
      return [
        named(button("Try again", () => this.dismiss(() => sending.again())), "Try again with"),
        named(button("Dismiss", () => this.dismiss(() => transfers.delete(this.file.key ?? this.file.id))), "Dismiss"),
      ];
    const acts = [];
    if (there) {
      const get = named(el("a", { className: "button small", href: `${url}?dl=1`, textContent: "Download" }), "Download");
      get.addEventListener("click", () => this.view.fetched());
      const copy = named(el("button", { type: "button", className: "small copy", textContent: "Copy link" }), "Copy the link of");
      copy.dataset.copy = url;
      acts.push(get, copy, named(button("QR", (b) => this.code(b, url)), "QR code of"));
    }
    if (this.file.status !== "deleted" && this.file.id && (upload.admin || upload.removable)) acts.push(named(sure("Remove", "Really?", () => this.remove()), "Remove"));
    return acts;
  }

  code(b, url) {
    const open = this.more.children.length === 0;
    b.setAttribute("aria-expanded", String(open));
    this.more.replaceChildren(...(open ? [el("img", { className: "qr", src: codeOf(url), alt: `QR code of ${this.file.fileName}`, width: 150, height: 150 })] : []));
  }

  dismiss(then) {
    this.item.remove();
    this.view.rows = this.view.rows.filter((r) => r !== this);
    then();
  }

  async remove() {
    const { upload } = this.view;
    await attempt(() => ask("DELETE", `/file/${segments(upload.id, this.file.id, this.file.fileName)}`, { more: access(upload) }));
    await this.view.refresh();
  }
}

// access are the headers that open an upload.
function access({ id, uploadToken }) {
  const more = {};
  if (uploadToken) more["X-UploadToken"] = uploadToken;
  const key = known.get(id);
  if (key) more.Authorization = basic(key.login, key.password);
  return more;
}

// get asks for an upload. Where a password is missing the browser would ask for
// it in a window of its own, if the request were made with what it knows: so it
// is made without at first, and again with it, since its owner may be asking.
async function get(id, uploadToken) {
  const route = `/upload/${segments(id)}`;
  const more = access({ id, uploadToken });
  let upload = await askJSON("GET", route, { more, alone: true });
  if (!upload.admin && state.me && (!upload.protectedByPassword || more.Authorization)) upload = await askJSON("GET", route, { more });
  upload.files ??= [];
  upload.uploadToken ??= uploadToken;
  return upload;
}

// unlockLinks lets the browser itself know the password, so that links work: it
// answers the server's question with what this request was given.
function unlockLinks(upload) {
  const key = known.get(upload.id);
  if (!key || upload.downloadDomain) return Promise.resolve();
  return new Promise((resolve) => {
    const x = new XMLHttpRequest();
    x.open("GET", `${base}/upload/${segments(upload.id)}`, true, key.login || "plik", key.password);
    x.addEventListener("loadend", resolve);
    x.send();
  });
}

class View {
  constructor(upload) {
    this.upload = upload;
    this.rows = [];
    this.title = el("h1", { tabIndex: -1, className: "name" });
    this.lead = el("p", { className: "lead" });
    this.notes = el("div");
    this.list = el("ul", { className: "files", id: "plik-files" });
    this.below = el("p", { className: "below" });
    place.replaceChildren(this.title, this.lead, this.notes, el("section", { className: "card", ariaLabel: "Files" }, this.list, this.below), this.share());
    if (upload.admin) place.append(this.admin());
    if (upload.comments) {
      const text = el("div", { id: "plik-shown-comments", textContent: upload.comments });
      place.querySelector("section").before(el("section", { className: "card", ariaLabel: "Comments" }, text));
      comments(text, upload.comments);
    }
    for (const f of upload.files) this.row(f);
    for (const t of transfers.values()) if (t.upload.id === upload.id) this.row(t.entry);
    this.facts();
  }

  row(file) {
    const old = this.rows.find((r) => (file.id ? r.file.id === file.id : r.file.key === file.key));
    if (old) return old.update(file);
    const sent = transfers.get(file.key ?? file.id);
    file.fileName ??= sent?.file.name;
    const row = new Row(this, sent?.entry ?? file);
    this.rows.push(row);
    this.list.append(row.item);
    return row;
  }

  // facts is what changes when files do.
  facts() {
    const { upload } = this;
    const files = this.rows.map((r) => r.file);
    const there = files.filter((f) => readable(upload, f));
    const size = there.reduce((sum, f) => sum + f.fileSize, 0);
    this.title.textContent = files.length === 1 ? files[0].fileName : `${files.length} files`;
    document.title = `${this.title.textContent} · Sluice`;
    this.lead.replaceChildren();
    if (there.length !== 1 || files.length !== 1) this.lead.append(there.length === files.length ? `${bytes(size)} · ` : `${there.length} of ${files.length} can be downloaded · `);
    if (upload.expireAt) {
      const left = (Date.parse(upload.expireAt) - Date.now()) / 1000;
      this.lead.append(left > 0 ? `expires in ${spoken(left + 59)}, on ` : "expired on ", time(upload.expireAt));
      if (upload.extend_ttl) this.lead.append(`; each visit keeps it ${spoken(upload.ttl)} more`);
    } else this.lead.append("kept until it is removed");
    const notes = [];
    if (upload.oneShot) notes.push("Each file can be downloaded once, and is gone then.");
    if (upload.stream) notes.push("A stream: files are stored nowhere, and go from the sender to the first who downloads. The sender must keep the page open.");
    if (upload.protectedByPassword) notes.push("Protected by a password.");
    if (upload.removable && !upload.admin) notes.push("Whoever has the link may remove files.");
    this.notes.replaceChildren(...notes.map((n) => el("p", { className: "note", textContent: n })));
    const below = [];
    if (!upload.stream && there.length > 0) {
      const zip = el("a", { className: "button", href: `${archiveOf(upload)}?dl=1`, id: "plik-archive", textContent: there.length === 1 ? "Download as a zip" : `Download all ${there.length} as a zip` });
      zip.addEventListener("click", () => this.fetched());
      if (files.length > 1) below.push(zip);
    }
    if (files.length === 0) below.push(el("span", { className: "empty", textContent: "There is no file in it." }));
    if (below.length !== this.below.children.length || below[0]?.textContent !== this.below.textContent) this.below.replaceChildren(...below);
    const curl = there.length > 0 ? curlOf(upload, there[0]) : "";
    if (this.curl.dataset.line === curl) return; // whoever has its field in focus keeps it
    this.curl.dataset.line = curl;
    this.curl.replaceChildren(...(curl ? [el("p", { textContent: "From a command line:" }), copyline("curl command", curl)] : []));
  }

  share() {
    const { upload } = this;
    const link = pageOf(upload.id);
    const code = el("img", { className: "qr", src: codeOf(link), alt: "QR code of this page", width: 150, height: 150 });
    this.curl = el("div");
    const side = el("div", {}, el("p", { textContent: "Whoever has this link sees the files:" }), copyline("link", link), this.curl);
    if (upload.removable && !upload.admin) side.append(sure("Remove the upload", "Really remove all of it?", () => this.end()));
    return el("section", { className: "card", ariaLabel: "Share" }, el("h2", { textContent: "Share" }), el("div", { className: "share" }, code, side));
  }

  admin() {
    const { upload } = this;
    const pick = el("input", { type: "file", multiple: true, id: "plik-more" });
    const drop = el("label", { className: "drop" }, pick, el("span", {}, el("strong", { textContent: "Add files" }), ", dropped or chosen"));
    picker(pick, drop, (files) => {
      for (const file of files) {
        const problem = refusalOf(file);
        if (problem) {
          tell(`${file.name}: ${problem}`);
          continue;
        }
        enqueue(upload, file, { fileName: file.name, fileSize: file.size, status: "missing" });
      }
    });
    const parts = [el("h2", { textContent: "Yours to change" })];
    if (upload.uploadToken) parts.push(el("p", { textContent: "Keep this link for yourself: it adds and removes." }), copyline("admin link", pageOf(upload.id, upload.uploadToken)));
    parts.push(drop, el("p", {}, sure("Remove the upload", "Really remove all of it?", () => this.end())));
    return el("section", { className: "card", ariaLabel: "Administration", id: "plik-own" }, ...parts);
  }

  async refresh() {
    try {
      const now = await get(this.upload.id, this.upload.uploadToken);
      if (shown !== this) return;
      this.upload.expireAt = now.expireAt;
      // What this page adds has no id until the server has all of it.
      const adding = new Set([...transfers.values()].filter((t) => t.upload.id === now.id && t.active && !t.entry.id).map((t) => t.file.name));
      for (const f of now.files) if (!adding.has(f.fileName) || this.rows.some((r) => r.file.id === f.id)) this.row(f);
      this.facts();
    } catch (err) {
      if (!(err instanceof Refused)) throw err;
      if (shown === this && err.status === 404) gone(err.message);
    }
  }

  // fetched looks again after a download began, since that may change a file.
  fetched() {
    if (this.upload.oneShot || this.upload.stream) setTimeout(() => this.refresh(), 1500);
  }

  async end() {
    const done = await attempt(() => ask("DELETE", `/upload/${segments(this.upload.id)}`, { more: access(this.upload) }));
    if (done) gone("The upload is removed.");
  }
}

// gone says that there is nothing.
function gone(text) {
  shown = null;
  document.title = "Not here · Sluice";
  place.replaceChildren(
    el("div", { className: "hero" }, el("h1", { textContent: "There is nothing here", tabIndex: -1 }), el("p", { id: "plik-gone", textContent: text }), el("p", {}, el("a", { className: "button", href: "#/", textContent: "Send files yourself" }))),
  );
}

// locked asks for the password of an upload.
function locked(id, token, problem) {
  shown = null;
  document.title = "Password · Sluice";
  const login = el("input", { name: "login", value: "plik", autocomplete: "off", autocapitalize: "none", spellcheck: false, maxLength: 256 });
  const password = el("input", { name: "password", type: "password", required: true, autocomplete: "off", maxLength: 256 });
  const form = el(
    "form",
    { id: "plik-unlock" },
    el("p", { textContent: "Whoever sent these files has told you a password, and perhaps a login." }),
    el("label", {}, "Login", login),
    el("label", {}, "Password", password),
    el("button", { className: "big", textContent: "Show the files" }),
  );
  if (problem) form.prepend(el("p", { className: "problem", role: "alert", textContent: problem }));
  if (state.me) form.append(el("p", { className: "note" }, "Is it yours? Open it from ", el("a", { href: "#/uploads", textContent: "your uploads" }), "."));
  form.addEventListener("submit", (ev) => {
    ev.preventDefault();
    known.set(id, { login: login.value, password: password.value });
    show(id, token, true);
  });
  place.replaceChildren(el("h1", { textContent: "This upload is protected" }), el("section", { className: "card", ariaLabel: "Password" }, form));
  password.focus();
}

// show opens an upload.
export async function show(id, token, tried = false) {
  if (shown?.upload.id === id && (shown.upload.uploadToken ?? "") === (token ?? "")) return shown.refresh();
  const mine = ++round;
  shown = null;
  if (!tried) place.replaceChildren(el("p", { className: "empty", textContent: "One moment …" }));
  try {
    const upload = await get(id, token);
    await unlockLinks(upload);
    if (mine === round) shown = new View(upload);
  } catch (err) {
    if (!(err instanceof Refused)) throw err;
    if (mine !== round) return;
    if (err.status === 401) {
      known.delete(id);
      return locked(id, token, tried ? "That is not the password." : "");
    }
    gone(err.message);
  }
}

export function hide() {
  round++;
  shown = null;
}

// remember keeps the password of an upload that was made here.
export const remember = (id, login, password) => known.set(id, { login, password });

moved.addEventListener("change", ({ detail: t }) => {
  if (shown?.upload.id !== t.upload.id) return;
  shown.row(t.entry);
  if (!t.active) shown.facts();
});

setInterval(() => {
  if (!shown || document.hidden) return;
  const waits = shown.rows.some((r) => (r.file.status === "missing" || r.file.status === "uploading") && !transfers.get(r.file.key ?? r.file.id)?.active);
  if (waits) shown.refresh();
}, pollEvery);
document.addEventListener("visibilitychange", () => !document.hidden && shown?.refresh());
setInterval(() => shown?.facts(), 30_000);
