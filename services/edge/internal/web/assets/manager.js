// The file manager: keys, several at once, dragging onto folders, renaming in
// place. Whatever it does it does by the page's own forms.
import { el } from "./page.js";

const box = document.getElementById("manager");
const { sayName = "", saySelected = "", sayPurge = "" } = box.dataset;
const kind = "application/x-sluice-nodes";
let last = null; // the row that a range begins at
let kept = new Set(); // the ids of what is selected
let at; // the id of the row that had the focus last

const form = () => document.getElementById("selected");
const rows = () => [...box.querySelectorAll("#nodes > li")];
const check = (row) => row.querySelector("input[type=checkbox]");
const chosen = () => rows().filter((row) => check(row).checked);
const rowOf = (target) => target.closest?.("#nodes > li");
const typing = (target) => target.matches?.("input:not([type=checkbox]), textarea, select");

// sync shows what is selected.
function sync() {
  const n = chosen().length;
  const all = document.getElementById("all");
  all.checked = n > 0 && n === rows().length;
  all.indeterminate = n > 0 && !all.checked;
  const count = document.getElementById("count");
  count.dataset.all ??= count.textContent;
  count.textContent = n > 0 ? saySelected.replace("%d", n) : count.dataset.all;
  for (const b of form().querySelectorAll("button[name=do]")) b.disabled = n === 0;
  for (const row of rows()) row.classList.toggle("selected", check(row).checked);
  kept = new Set(chosen().map((row) => row.dataset.node));
}

function select(which, on = true) {
  for (const row of which) check(row).checked = on;
  sync();
}

function focus(row, options) {
  for (const r of rows()) r.tabIndex = r === row ? 0 : -1;
  row.focus(options);
}

// act sends the form as its button does, for the row where nothing is selected.
function act(what, row) {
  const button = form().querySelector(`button[value=${what}]`);
  if (!button) return;
  if (chosen().length === 0 && row) select([row]);
  if (chosen().length > 0) form().requestSubmit(button);
}

function rename(row) {
  const link = row.querySelector("a.name");
  if (!link || row.querySelector("form")) return;
  const name = row.dataset.name;
  const field = el("input", { name: "name", value: name, required: true, maxLength: 255, autocomplete: "off" });
  field.setAttribute("aria-label", sayName.replace("%s", () => name));
  const asked = el("form", { method: "post", action: `/account/nodes/${row.dataset.node}`, className: "rename" }, field, el("input", { type: "hidden", name: "from", value: "list" }));
  const back = () => {
    if (!asked.isConnected) return;
    row.draggable = true;
    asked.replaceWith(link);
  };
  asked.addEventListener("submit", (ev) => {
    if (field.value.trim() !== name) return;
    ev.preventDefault();
    back();
    focus(row);
  });
  field.addEventListener("keydown", (ev) => {
    if (ev.key !== "Escape") return;
    ev.stopPropagation();
    back();
    focus(row);
  });
  field.addEventListener("blur", () => setTimeout(back, 200)); // a submit comes first
  row.draggable = false;
  link.replaceWith(asked);
  const dot = name.lastIndexOf(".");
  field.focus();
  field.setSelectionRange(0, dot > 0 && !("folder" in row.dataset) ? dot : name.length);
}

function range(from, to) {
  const all = rows();
  const [a, b] = [all.indexOf(from), all.indexOf(to)].sort((x, y) => x - y);
  return a < 0 ? [to] : all.slice(a, b + 1);
}

// step goes to the row that is n away; with Shift what lies between is selected.
function step(row, n, extend) {
  const all = rows();
  const at = row ? Math.max(0, Math.min(all.length - 1, all.indexOf(row) + n)) : 0;
  if (!all[at]) return;
  if (extend && row) select([row, all[at]]);
  focus(all[at]);
}

document.addEventListener("keydown", (ev) => {
  const { target, key } = ev;
  if (typing(target) || ev.altKey || (target !== document.body && !box.contains(target))) return;
  const row = rowOf(target);
  const done = (f) => {
    ev.preventDefault();
    f();
  };
  if ((ev.ctrlKey || ev.metaKey) && key.toLowerCase() === "a") return done(() => select(rows()));
  if (ev.ctrlKey || ev.metaKey) return;
  switch (key) {
    case "ArrowDown":
    case "ArrowUp":
      return done(() => step(row, key === "ArrowDown" ? 1 : -1, ev.shiftKey));
    case "Home":
    case "End":
      return row && done(() => step(row, key === "End" ? rows().length : -rows().length, ev.shiftKey));
    case "Escape":
      return done(() => select(rows(), false));
    case "Delete":
      return done(() => act(form().querySelector("button[value=trash]") ? "trash" : "purge", row));
    case "F2":
      return row && done(() => rename(row));
    case "Enter":
      return target === row && done(() => row.querySelector("a.name")?.click());
    case " ":
      return target === row && done(() => select([row], !check(row).checked));
  }
});

box.addEventListener("click", (ev) => {
  const row = rowOf(ev.target);
  if (ev.target.id === "all") return select(rows(), ev.target.checked);
  if (!row || ev.target.closest("a, button, form")) return;
  const box = ev.target === check(row);
  const on = box ? check(row).checked : !check(row).checked;
  select(ev.shiftKey && last ? range(last, row) : [row], on);
  last = row;
});

box.addEventListener("submit", (ev) => {
  if (ev.submitter?.value === "purge" && !confirm(sayPurge)) ev.preventDefault();
});

box.addEventListener("focusin", (ev) => {
  const row = rowOf(ev.target);
  if (row) for (const r of rows()) r.tabIndex = r === row ? 0 : -1;
  at = row?.dataset.node;
});

// Dragging. What is dragged are the selected rows, or the one that is taken.
box.addEventListener("dragstart", (ev) => {
  const row = rowOf(ev.target);
  if (!row || !form().querySelector("button[value=move]")) return;
  if (!check(row).checked) {
    select(rows(), false);
    select([row]);
  }
  ev.dataTransfer.setData(kind, "rows");
  ev.dataTransfer.effectAllowed = "move";
});

// targetOf is the folder that what is dragged would come into.
function targetOf(ev) {
  if (!ev.dataTransfer?.types.includes(kind)) return null;
  const to = ev.target.closest?.("[data-folder]");
  return to && box.contains(to) && !to.matches(".selected, #uploader") ? to : null;
}

for (const name of ["dragenter", "dragover"]) {
  box.addEventListener(name, (ev) => {
    const to = targetOf(ev);
    if (!to) return;
    ev.preventDefault();
    to.classList.add("over");
  });
}
for (const name of ["dragleave", "drop", "dragend"]) {
  box.addEventListener(name, (ev) => {
    for (const e of box.querySelectorAll("[data-folder].over")) if (name !== "dragleave" || !e.contains(ev.relatedTarget)) e.classList.remove("over");
  });
}
box.addEventListener("drop", (ev) => {
  const to = targetOf(ev);
  if (!to) return;
  ev.preventDefault();
  const into = el("input", { type: "hidden", name: "to", value: to.dataset.folder });
  form().append(into);
  act("move");
  into.remove(); // who comes back to this page asks anew
});

// setUp makes the rows what scripts can work with.
function setUp() {
  for (const [i, row] of rows().entries()) {
    row.tabIndex = i === 0 ? 0 : -1;
    row.draggable = Boolean(form().querySelector("button[value=move]"));
    for (const a of row.querySelectorAll("a")) a.draggable = false;
  }
  sync();
}

// The list is another one, with what was selected and had the focus in the one before.
document.addEventListener("sluice:refreshed", () => {
  const before = rows().filter((row) => kept.has(row.dataset.node));
  setUp();
  select(before);
  const row = document.activeElement === document.body && rows().find((r) => r.dataset.node === at);
  if (row) focus(row, { preventScroll: true }); // who reads elsewhere stays there
});
setUp();
const here = location.hash && document.getElementById(location.hash.slice(1));
if (here && rows().includes(here)) focus(here);
