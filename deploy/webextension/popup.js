// The form for a container of the selected links, and what there is to a
// container's page. Also opened as a tab, by the context menu.
import { call, containerOf, say, settings, tell, translate } from "./api.js";
import { collect } from "./collect.js";

const most = 1000; // links of a container
const known = await settings();
const $ = (id) => document.getElementById(id);
const texts = {}; // what the copy buttons copy

// working keeps a form's button from being pressed twice.
async function working(form, work) {
  const button = form.querySelector("button");
  button.disabled = true;
  tell("");
  try {
    await work();
  } catch (err) {
    tell(err.message, true);
  } finally {
    button.disabled = false;
  }
}

// badge shows a container's badge, as it is now.
function badge(img, id) {
  img.src = `${known.server}/s/${id}.svg?t=${Date.now()}`;
  img.alt = say("badge");
}

// draft gives what the form begins with.
async function draft(asked) {
  const name = asked.get("draft");
  if (name) {
    const kept = (await chrome.storage.session.get(name))[name];
    await chrome.storage.session.remove(name);
    return { tab: null, ...kept };
  }
  const tab = asked.has("tab") ? await chrome.tabs.get(Number(asked.get("tab"))) : (await chrome.tabs.query({ active: true, currentWindow: true }))[0];
  if (containerOf(known.server, tab?.url)) return { tab };
  try {
    const [{ result }] = await chrome.scripting.executeScript({ target: { tabId: tab.id }, func: collect });
    return { tab, ...result };
  } catch {
    return { tab, title: tab?.title }; // a page that scripts may not run in
  }
}

function showForm({ title = "", links = [] }) {
  const form = $("make");
  form.elements.title.value = [...title].slice(0, 200).join("");
  form.elements.links.value = links.slice(0, most).join("\n");
  form.hidden = false;
  if (links.length > most) tell(say("tooMany", String(most)), true);
  form.addEventListener("submit", (ev) => {
    ev.preventDefault();
    working(form, async () => {
      const wish = { title: form.elements.title.value, links: form.elements.links.value.split("\n").map((l) => l.trim()).filter(Boolean) };
      if (form.elements.password.value) wish.password = form.elements.password.value;
      showMade(await call(known, "POST", "/api/v1/container/create", wish, true));
      form.hidden = true;
    });
  });
}

function showMade({ container_id: id }) {
  const address = `${known.server}/container/${id}`;
  $("address").href = $("address").textContent = texts.address = address;
  texts.bbcode = `[url=${address}][img]${known.server}/s/${id}.svg[/img][/url]`;
  badge($("made").querySelector(".badge"), id);
  $("made").hidden = false;
}

async function showContainer(id) {
  const root = $("container");
  root.hidden = false;
  badge(root.querySelector(".badge"), id);
  $("unlock").addEventListener("submit", (ev) => {
    ev.preventDefault();
    working($("unlock"), async () => showLinks(await call(known, "POST", "/api/v1/container/unlock", { container_id: id, password: $("unlock").elements.password.value })));
  });
  try {
    const s = await call(known, "GET", `/api/v1/public/container/${id}/status`);
    root.querySelector("h1").textContent = s.title;
    $("state").textContent = say("counts", String(s.stats.online), String(s.container_size));
  } catch (err) {
    tell(err.message, true);
  }
}

function showLinks({ links }) {
  $("links").replaceChildren(...links.map(({ url, status }) => {
    const li = document.createElement("li");
    const state = Object.assign(document.createElement("span"), { textContent: say(`state_${status}`) || status, className: `state ${status}` });
    li.append(state, " ", Object.assign(document.createElement("span"), { textContent: url, className: "url" }));
    return li;
  }));
  texts.links = links.map((l) => l.url).join("\n");
  document.querySelector("[data-copy=links]").hidden = false;
  $("unlock").hidden = true;
}

document.addEventListener("click", async (ev) => {
  const what = ev.target.dataset?.copy;
  if (!what) return;
  try {
    await navigator.clipboard.writeText(texts[what]);
    tell(say("copied"));
  } catch {
    tell(say("notCopied"), true);
  }
});

translate();
if (!known.server) $("unset").hidden = false;
else {
  const begun = await draft(new URLSearchParams(location.search));
  const id = containerOf(known.server, begun.tab?.url);
  if (id) await showContainer(id);
  else if (!known.key) $("unset").hidden = false;
  else showForm(begun);
}
document.documentElement.dataset.ready = "yes";
