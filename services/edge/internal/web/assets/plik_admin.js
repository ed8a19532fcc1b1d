// What administrators have besides: all users, all uploads, and the sums.
import { actAs, ask, askJSON, attempt, box, button, pages, segments, state, sure, tag, time } from "./plik_api.js";
import { bytes, el } from "./page.js";
import { limitsOf, uploadRow } from "./plik_account.js";

const at = (id) => document.getElementById(id);
const form = at("plik-user-form");
let edited = null; // null: a user is made

const userPath = (user) => `/user/${segments(user.id)}`;

// Sizes in a form are in MB, times in days; empty is the server's, -1 no limit.
const factors = { maxFileSize: 1e6, maxUserSize: 1e6, maxTTL: 86400 };
const toField = (name, n) => (n === 0 ? "" : n < 0 ? "-1" : String(n / factors[name]));
const fromField = (name, text) => (text.trim() === "" ? 0 : Number(text) < 0 ? -1 : Math.round(Number(text) * factors[name]));

function edit(user) {
  edited = user;
  at("plik-user-h").textContent = user ? `Change ${user.id}` : "Make a user";
  for (const name of ["provider", "login"]) {
    form.elements[name].disabled = Boolean(user);
    form.elements[name].value = user?.[name] ?? (name === "provider" ? "local" : "");
  }
  form.elements.name.value = user?.name ?? "";
  form.elements.email.value = user?.email ?? "";
  form.elements.admin.checked = user?.admin ?? false;
  form.elements.password.value = "";
  for (const name of Object.keys(factors)) form.elements[name].value = toField(name, user?.[name] ?? 0);
  at("plik-user-cancel").hidden = !user;
  at("plik-user-box").open = Boolean(user) || at("plik-user-box").open;
  if (user) form.elements.name.focus();
}

function userRow(user) {
  const named = (b, what) => {
    b.setAttribute("aria-label", `${what} ${user.id}`);
    return b;
  };
  const who = el("span", {}, el("strong", { textContent: user.id }), user.admin ? " " : "", ...(user.admin ? [tag("administrator")] : []), el("br"));
  who.append(el("small", {}, [user.name, user.email].filter(Boolean).join(", "), user.name || user.email ? " · " : "", "since ", time(user.createdAt), ` · ${limitsOf(state.config, user)}`));
  const acts = [
    named(button("Change", () => edit(user)), "Change"),
    named(
      button("Uploads", () => {
        at("plik-of-user").value = user.id;
        attempt(showUploads);
        at("plik-all").scrollIntoView();
      }),
      "Uploads of",
    ),
  ];
  if (user.id !== state.me.id) {
    acts.push(
      named(
        button("Act as", () => {
          actAs(user.id);
          box.dispatchEvent(new Event("entered"));
          location.hash = "#/uploads";
        }),
        "Act as",
      ),
      named(sure("Remove", "With all uploads?", () => attempt(() => ask("DELETE", userPath(user)).then(showUsers))), "Remove"),
    );
  }
  return el("li", {}, who, el("span", { className: "acts" }, ...acts));
}

const showUsers = pages(at("plik-users"), () => "/users", userRow, "No users.");
const showUploads = pages(
  at("plik-all"),
  () => {
    const query = new URLSearchParams();
    if (at("plik-of-user").value.trim()) query.set("user", at("plik-of-user").value.trim());
    if (at("plik-sort").value === "size") query.set("sort", "size");
    const text = query.toString();
    return `/uploads${text ? `?${text}` : ""}`;
  },
  (upload) => uploadRow(upload, showStats, true),
  "No uploads.",
);

async function showStats() {
  const s = await askJSON("GET", "/stats");
  const facts = [
    ["Users", s.users],
    ["Uploads", s.uploads],
    ["Uploads without a user", s.anonymousUploads],
    ["Files", s.files],
    ["Size", bytes(s.totalSize)],
    ["Size without a user", bytes(s.anonymousTotalSize)],
  ];
  at("plik-server").replaceChildren(...facts.map(([name, value]) => el("div", {}, el("dt", { textContent: name }), el("dd", { textContent: value }))));
}

// showAll fills the view of administrators.
export const showAll = () => attempt(() => Promise.all([showStats(), showUsers(), showUploads()]));

form.addEventListener("submit", (ev) => {
  ev.preventDefault();
  const f = form.elements;
  const user = { name: f.name.value.trim(), email: f.email.value.trim(), admin: f.admin.checked };
  if (f.password.value) user.password = f.password.value;
  for (const name of Object.keys(factors)) user[name] = fromField(name, f[name].value);
  attempt(async () => {
    if (edited) await ask("POST", userPath(edited), { json: { ...user, id: edited.id } });
    else await ask("POST", "/user", { json: { ...user, provider: f.provider.value, login: f.login.value.trim() } });
    at("plik-user-box").open = false;
    edit(null);
    await Promise.all([showUsers(), showStats()]);
  });
});
at("plik-user-cancel").addEventListener("click", () => edit(null));
at("plik-filter").addEventListener("submit", (ev) => {
  ev.preventDefault();
  attempt(showUploads);
});
at("plik-sort").addEventListener("change", () => attempt(showUploads));
