// What every page has: buttons that copy, and times in the reader's own zone.
// Other scripts import what they share from here.

export const german = document.documentElement.lang === "de";

export const el = (tag, props = {}, ...children) => {
  const e = Object.assign(document.createElement(tag), props);
  e.append(...children);
  return e;
};

export function bytes(n) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return `${n >= 100 || i === 0 ? Math.round(n) : n.toFixed(1).replace(/\.0$/, "")} ${units[i]}`;
}

// keyHash is the lower-case hexadecimal SHA-256 of a phrase; null where the
// browser has no WebCrypto, which is on plain HTTP beyond this machine.
export async function keyHash(phrase) {
  if (!globalThis.crypto?.subtle) return null;
  const sum = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(phrase));
  return Array.from(new Uint8Array(sum), (b) => b.toString(16).padStart(2, "0")).join("");
}

// problemOf makes a sentence of an answer of the API that is an error.
export function problemOf(status, text) {
  try {
    const { error } = JSON.parse(text);
    if (error) return error[0].toUpperCase() + error.slice(1) + ".";
  } catch {
    // not JSON: a proxy's page
  }
  return german ? `Der Server hat ${status} geantwortet.` : `The server answered ${status}.`;
}

export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = el("textarea", { value: text, className: "sr" });
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("the browser does not let this page copy");
}

export function localTimes(root = document) {
  for (const t of root.querySelectorAll("time[datetime]")) {
    const at = new Date(t.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    t.title = t.dateTime;
    t.textContent = at.toLocaleString(german ? "de" : undefined, { dateStyle: "medium", timeStyle: "short" });
  }
}

document.addEventListener("click", async (ev) => {
  const button = ev.target.closest("button[data-copy]");
  if (!button) return;
  const label = button.dataset.label ??= button.textContent;
  try {
    await copy(button.dataset.copy);
    button.textContent = german ? "Kopiert" : "Copied";
  } catch {
    button.textContent = german ? "Nicht kopiert" : "Not copied";
  }
  setTimeout(() => (button.textContent = label), 1500);
});
document.addEventListener("focusin", (ev) => {
  if (ev.target.matches(".copyline input")) ev.target.select();
});
localTimes();
// An answer to a form that shows a secret once: a reload must not send the form again.
if (document.body.dataset.canonical) history.replaceState(null, "", document.body.dataset.canonical);
