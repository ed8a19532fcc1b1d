// The page of temporary uploads: what the address behind # says is shown
// (plik-wire.md 2, 16.6).
import { actAs, askJSON, base, box, Refused, state, tell } from "./plik_api.js";
import { el } from "./page.js";
import { prepareLogin, showOwn, whoAmI } from "./plik_account.js";
import { showAll } from "./plik_admin.js";
import { hide, remember, show } from "./plik_show.js";
import { prepare } from "./plik_send.js";

const title = document.title;
const views = [...box.querySelectorAll("[data-view]")];
const tabs = [...box.querySelectorAll("[data-tab]")];

// place reads the address: the view, and what is asked of it.
export function place(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const asked = new URLSearchParams(query);
  if (path === "" && asked.get("id")) return { view: "show", id: asked.get("id"), token: asked.get("uploadToken") ?? "" };
  if (path === "" && asked.has("err")) return { view: "send", problem: asked.get("err"), code: asked.get("errcode") ?? "", uri: asked.get("uri") ?? "" };
  return { view: ["keep", "login", "uploads", "admin"].includes(path) ? path : "send" };
}

function open(view) {
  for (const v of views) v.hidden = v.dataset.view !== view;
  for (const t of tabs) {
    if (t.dataset.tab === view) t.setAttribute("aria-current", "page");
    else t.removeAttribute("aria-current");
  }
}

async function go() {
  const to = place(location.hash);
  tell("");
  if (to.view === "login" && state.me) to.view = "uploads";
  if (to.view === "uploads" && !state.me) to.view = "login";
  if (to.view === "admin" && !state.me?.admin) to.view = state.me ? "uploads" : "login";
  if (to.view !== "show") {
    hide();
    document.title = title;
  }
  open(to.view);
  if (to.view === "show") await show(to.id, to.token);
  if (to.view === "uploads") await showOwn();
  if (to.view === "admin") await showAll();
  if (to.problem) tell(`${to.problem.slice(0, 500)}${to.code ? ` (${to.code})` : ""}`);
}

// enter finds out who is here, and makes the page theirs; who cannot be found
// out is nobody.
async function enter() {
  let problem = "";
  try {
    await whoAmI();
    if (state.acting && !state.me) {
      actAs("");
      await whoAmI();
    }
  } catch (err) {
    if (!(err instanceof Refused)) throw err;
    problem = err.message;
  }
  const { me } = state;
  for (const t of tabs) {
    if (t.dataset.tab === "uploads") t.hidden = !me;
    if (t.dataset.tab === "admin") t.hidden = !me?.admin;
  }
  const acting = document.getElementById("plik-acting");
  acting.hidden = !state.acting;
  acting.querySelector("span").textContent = `You act as ${state.acting}.`;
  prepareLogin(() => {
    history.replaceState(null, "", "#/");
    location.reload(); // what the server shows of who is logged in changes, too
  });
  prepare();
  await go();
  if (problem) tell(problem);
}

// showClients offers the builds of the command line that the server has.
async function showClients() {
  if (state.config.feature_clients === "disabled") return;
  const { clients } = await askJSON("GET", "/version");
  if (!clients?.length) return;
  const list = document.getElementById("plik-clients");
  list.querySelector("span").replaceChildren(...clients.flatMap((c, i) => [i ? ", " : "", el("a", { href: `${base}/${c.path}`, textContent: `${c.name} for ${c.os} ${c.arch}` })]));
  list.hidden = false;
}

async function begin() {
  open(place(location.hash).view);
  try {
    state.config = await askJSON("GET", "/config");
  } catch (err) {
    if (!(err instanceof Refused)) throw err;
    tell(err.message);
    return;
  }
  const contact = document.getElementById("plik-abuse");
  contact.hidden = !state.config.abuseContact;
  contact.querySelector("a").textContent = state.config.abuseContact;
  contact.querySelector("a").href = `mailto:${state.config.abuseContact}`;
  showClients().catch((err) => console.info(err.message)); // nobody misses them
  await enter();
}

addEventListener("hashchange", async () => {
  await go();
  // A reader of screens hears which view this is.
  const heading = views.find((v) => !v.hidden)?.querySelector("h1");
  if (!heading || (document.activeElement && document.activeElement !== document.body)) return;
  heading.tabIndex = -1;
  heading.focus();
});
box.addEventListener("entered", enter);
box.addEventListener("made", ({ detail: upload }) => {
  if (upload.password) remember(upload.id, upload.login, upload.password);
  location.hash = `#/?id=${encodeURIComponent(upload.id)}&uploadToken=${encodeURIComponent(upload.uploadToken ?? "")}`;
});
document.getElementById("plik-stop-acting").addEventListener("click", () => {
  actAs("");
  enter();
});
begin();
