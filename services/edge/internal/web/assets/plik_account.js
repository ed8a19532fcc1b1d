// Who is logged in: the way in, own uploads, and tokens for programs.
import { ask, askJSON, attempt, bounds, button, copyline, loggedIn, pageOf, pages, Refused, segments, spoken, state, sure, tag, time } from "./plik_api.js";
import { bytes, el } from "./page.js";

const at = (id) => document.getElementById(id);

// whoAmI asks who is logged in. Only that nobody is, is no failure.
export async function whoAmI() {
  state.me = null;
  if (!loggedIn()) return;
  try {
    state.me = await askJSON("GET", "/me");
  } catch (err) {
    if (!(err instanceof Refused) || (err.status !== 401 && err.status !== 403)) throw err;
  }
}

const providers = { google: ["googleAuthentication", "Google"], ovh: ["ovhAuthentication", "OVH"], oidc: ["oidcAuthentication", "OpenID"] };

export function prepareLogin(entered) {
  const buttons = Object.entries(providers)
    .filter(([, [flag]]) => state.config[flag])
    .map(([name, [, label]]) =>
      button(
        `Log in by ${label}`,
        () =>
          attempt(async () => {
            const url = new URL(await ask("GET", `/auth/${name}/login`));
            if (url.protocol === "https:" || url.protocol === "http:") location.assign(url);
          }),
        "plain",
      ),
    );
  at("plik-providers").replaceChildren(...buttons);
  at("plik-login").onsubmit = async (ev) => {
    ev.preventDefault();
    const { login, password } = ev.target.elements;
    const ok = await attempt(() => ask("POST", "/auth/local/login", { json: { login: login.value, password: password.value } }));
    password.value = "";
    if (ok) entered();
  };
}

// limitsOf says what a user may do.
export function limitsOf(config, user) {
  const b = bounds(config, user);
  return [b.fileSize ? `files of up to ${bytes(b.fileSize)}` : "files of any size", b.userSize ? `${bytes(b.userSize)} together` : "as many as fit", b.ttl ? `kept for ${spoken(b.ttl)} at most` : "kept for as long as you say"].join(", ");
}

const mark = (on, text) => (on ? [" ", tag(text)] : []);

// uploadRow is a line of a list of uploads.
export function uploadRow(upload, changed, owner) {
  const files = upload.files ?? [];
  const size = files.reduce((sum, f) => sum + (f.status === "uploaded" ? f.fileSize : 0), 0);
  const names = files.slice(0, 3).map((f) => f.fileName).join(", ") + (files.length > 3 ? ` and ${files.length - 3} more` : "");
  const open = el("a", { className: "name", href: new URL(pageOf(upload.id, upload.uploadToken)).hash, textContent: names || "an empty upload" });
  const meta = el("span", { className: "meta" }, `${files.length === 1 ? "1 file" : `${files.length} files`}, ${bytes(size)} · `, time(upload.createdAt));
  if (upload.expireAt) meta.append(" · expires ", time(upload.expireAt));
  if (owner) meta.append(` · ${upload.user || "nobody's"}${upload.uploadIp ? ` · ${upload.uploadIp}` : ""}`);
  meta.append(...mark(upload.oneShot, "one-shot"), ...mark(upload.stream, "stream"), ...mark(upload.removable, "removable"), ...mark(upload.protectedByPassword, "password"));
  const copy = el("button", { type: "button", className: "small copy", textContent: "Copy link" });
  copy.dataset.copy = pageOf(upload.id);
  copy.setAttribute("aria-label", `Copy the link of ${names}`);
  const more = upload.uploadToken ? { "X-UploadToken": upload.uploadToken } : {};
  const item = el("li", {}, open, meta);
  const remove = sure("Remove", "Really?", async () => {
    if (await attempt(() => ask("DELETE", `/upload/${segments(upload.id)}`, { more }))) {
      item.remove();
      changed();
    }
  });
  remove.setAttribute("aria-label", `Remove ${names}`);
  item.append(el("span", { className: "acts" }, copy, remove));
  return item;
}

function tokenRow(token) {
  const item = el("li");
  const value = el("span");
  const reveal = button("Show", () => {
    value.replaceChildren(copyline("token", token.token));
    reveal.remove();
  });
  const name = token.comment || "without a name";
  reveal.setAttribute("aria-label", `Show the token ${name}`);
  const uploads = button("Its uploads", () => {
    at("plik-of-token").value = token.token;
    at("plik-of-token").dispatchEvent(new Event("change"));
    at("plik-uploads").scrollIntoView();
  });
  const revoke = sure("Revoke", "Really?", async () => {
    if (await attempt(() => ask("DELETE", `/me/token/${segments(token.token)}`))) showTokens();
  });
  revoke.setAttribute("aria-label", `Revoke the token ${name}`);
  item.append(el("span", {}, el("strong", { textContent: name }), el("br"), el("small", {}, "made ", time(token.createdAt)), value), el("span", { className: "acts" }, reveal, uploads, revoke));
  at("plik-of-token").append(el("option", { value: token.token, textContent: `made with ${name}` }));
  return item;
}

const showUploads = pages(
  at("plik-uploads"),
  () => `/me/uploads${at("plik-of-token").value ? `?token=${encodeURIComponent(at("plik-of-token").value)}` : ""}`,
  (upload) => uploadRow(upload, showStats),
  "No uploads yet.",
);
const listTokens = pages(at("plik-tokens"), () => "/me/token", tokenRow, "No tokens yet.");

function showTokens() {
  const select = at("plik-of-token");
  const was = select.value;
  select.length = 1;
  return listTokens().then(() => {
    select.value = [...select.options].some((o) => o.value === was) ? was : "";
  });
}

async function showStats() {
  const s = await askJSON("GET", "/me/stats");
  at("plik-stats").textContent = `${s.uploads === 1 ? "1 upload" : `${s.uploads} uploads`}, ${s.files === 1 ? "1 file" : `${s.files} files`}, ${bytes(s.totalSize)}.`;
}

// showOwn fills the view of who is logged in.
export async function showOwn() {
  const { me } = state;
  at("plik-name").textContent = me.name || me.login || me.id;
  at("plik-who").textContent = `${me.id}${me.email ? ` · ${me.email}` : ""}${me.admin ? " · administrator" : ""}`;
  at("plik-limits").textContent = `You may send ${limitsOf(state.config, me)}.`;
  at("plik-new-token").replaceChildren();
  await attempt(() => Promise.all([showStats(), showUploads(), showTokens()]));
}

at("plik-of-token").addEventListener("change", () => attempt(showUploads));
at("plik-token-form").addEventListener("submit", (ev) => {
  ev.preventDefault();
  attempt(async () => {
    const { comment } = ev.target.elements;
    const made = await askJSON("POST", "/me/token", { json: { comment: comment.value.trim() } });
    comment.value = "";
    at("plik-new-token").replaceChildren(el("p", { textContent: "The new token. Whoever has it uploads in your name." }), copyline("new token", made.token));
    await showTokens();
  });
});
at("plik-remove-all").replaceWith(
  sure(
    "Remove all of them",
    "Really remove all?",
    () =>
      attempt(async () => {
        const token = at("plik-of-token").value;
        const said = await ask("DELETE", `/me/uploads${token ? `?token=${encodeURIComponent(token)}` : ""}`);
        await Promise.all([showStats(), showUploads()]);
        at("plik-status").textContent = said;
      }),
    "danger",
  ),
);
