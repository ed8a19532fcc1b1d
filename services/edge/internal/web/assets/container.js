// The pages of link containers: live status by server-sent events, copying, and
// the picture by keyboard.
import { copy, el, german, localTimes } from "./page.js";

const root = document.getElementById("container");
const words = root?.dataset ?? {};
const word = (key) => words[`say${key[0].toUpperCase()}${key.slice(1)}`] ?? key;
const states = { o: "online", x: "offline", u: "unknown" };

function paint(tag, state) {
  if (!tag || tag.classList.contains(state)) return false;
  tag.className = `state ${state}`;
  tag.textContent = word(state);
  return true;
}

const statusOf = (counts) => {
  const all = counts.online + counts.offline + counts.unknown;
  return counts.unknown === all ? "unknown" : counts.online === all ? "online" : counts.offline === all ? "offline" : "partial";
};

// show puts a state on the page, and reports whether that is a change.
function show(place, s) {
  let changed = paint(place.querySelector("[data-state]"), s.status);
  const counts = place.querySelector("[data-counts]");
  const text = ["online", "offline", "unknown"].map((k) => `${s.counts[k]} ${word(k)}`).join(" · ");
  if (counts && counts.textContent !== text) {
    counts.textContent = text;
    changed = true;
  }
  const checked = place.querySelector("[data-checked]");
  if (checked && s.checked) {
    checked.replaceChildren(el("time", { dateTime: s.checked }));
    localTimes(checked);
  }
  return changed;
}

function say(text) {
  const note = document.getElementById("live") ?? el("p", { id: "live", className: "notice" });
  note.setAttribute("role", "status");
  note.textContent = text;
  root.prepend(note);
}

// links shows each link's state, and each group's.
function links(letters) {
  if (letters.length !== words.letters.length) {
    say(word("changed"));
    return;
  }
  for (const li of root.querySelectorAll("[data-link]")) paint(li.querySelector(".state"), states[letters[li.dataset.link]]);
  for (const tag of root.querySelectorAll("[data-group]")) {
    const counts = { online: 0, offline: 0, unknown: 0 };
    for (const li of tag.closest(".group").querySelectorAll("[data-link]")) counts[states[letters[li.dataset.link]]]++;
    paint(tag, statusOf(counts));
  }
}

// row shows what is known of a link beside its state.
function row({ link, name, about, checked }) {
  const li = root.querySelector(`[data-link="${link}"]`);
  if (!li) return; // of another mirror than the page shows
  li.querySelector("[data-about]").textContent = about ? `${about} · ` : "";
  if (checked) {
    const when = li.querySelector("[data-when]");
    when.replaceChildren(`${word("checked")} `, el("time", { dateTime: checked }));
    localTimes(when);
  }
  const title = li.querySelector("[data-name]");
  if (!name || title.textContent === name) return;
  if (title.href && !li.querySelector(".url")) title.after(" ", el("small", { className: "url", textContent: title.textContent }));
  title.textContent = name;
}

function watch(url, told) {
  const source = new EventSource(url);
  source.addEventListener("status", (ev) => told(JSON.parse(ev.data)));
  source.addEventListener("rows", (ev) => {
    for (const r of JSON.parse(ev.data)) row(r);
  });
  source.addEventListener("gone", () => {
    source.close();
    say(word("gone"));
  });
}

function renew() {
  const badge = document.getElementById("badge");
  if (badge) badge.src = `${badge.src.split("?")[0]}?at=${Date.now()}`;
}

if (words.events) {
  watch(words.events, (s) => {
    if (show(root, s)) {
      renew();
      setTimeout(renew, 5000); // badges know a change within 5 s
    }
    if (words.letters && s.links) links(s.links);
  });
}
if (words.list) {
  watch(words.list, (all) => {
    for (const s of all) {
      const li = root.querySelector(`[data-container="${s.id}"]`);
      if (li) show(li, s);
    }
  });
}

document.querySelector("[data-copy-links]")?.addEventListener("click", async (ev) => {
  const button = ev.target;
  const label = (button.dataset.label ??= button.textContent);
  try {
    await copy(globalThis.CNL_LINKS.join("\n"));
    button.textContent = german ? "Kopiert" : "Copied";
  } catch {
    button.textContent = german ? "Nicht kopiert" : "Not copied";
  }
  setTimeout(() => (button.textContent = label), 1500);
});

document.querySelector("[data-cnl]")?.form.addEventListener("submit", () => {
  const said = document.querySelector("[data-cnl-said]");
  said.textContent = said.dataset.said;
});

// The picture by keyboard: arrows move a cross, Enter and Space click there.
const picture = document.querySelector(".captcha input");
picture?.addEventListener("keydown", (ev) => {
  const step = { ArrowLeft: [-6, 0], ArrowRight: [6, 0], ArrowUp: [0, -6], ArrowDown: [0, 6] }[ev.key];
  let cross = picture.parentElement.querySelector(".cross");
  if (!step) {
    if (!cross || (ev.key !== "Enter" && ev.key !== " ")) return;
    ev.preventDefault();
    const form = picture.form;
    if (!form.reportValidity()) return;
    for (const axis of ["x", "y"]) form.elements[`cc_${axis}`].value = cross.dataset[axis];
    form.submit();
    return;
  }
  ev.preventDefault();
  if (!cross) {
    cross = el("span", { className: "cross" });
    cross.dataset.x = picture.width / 2;
    cross.dataset.y = picture.height / 2;
    picture.parentElement.append(cross);
  }
  cross.dataset.x = Math.min(picture.width, Math.max(0, Number(cross.dataset.x) + step[0]));
  cross.dataset.y = Math.min(picture.height, Math.max(0, Number(cross.dataset.y) + step[1]));
  cross.style.left = `${cross.dataset.x}px`;
  cross.style.top = `${cross.dataset.y}px`;
});
