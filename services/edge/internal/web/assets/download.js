// The page of a download: the phrase is hashed here and never sent, and texts
// and PDFs are shown.
import { el, keyHash, problemOf } from "./page.js";

const maxText = 64 << 10;
const maxPDF = 32 << 20;
const page = document.getElementById("download");
const { id, type, preview, size } = page.dataset;
const stage = document.getElementById("stage");
const status = document.getElementById("download-status");
const link = (query) => `/api/v1/download/${encodeURIComponent(id)}${query}`;

async function showText(url) {
  const r = await fetch(url, { headers: Number(size) > 0 ? { Range: `bytes=0-${maxText - 1}` } : {} });
  if (!r.ok) throw new Error(problemOf(r.status, await r.text()));
  const text = await r.text();
  stage.replaceChildren(el("pre", { textContent: text, tabIndex: 0 }));
  stage.firstChild.setAttribute("aria-label", "beginning of the text");
  if (Number(size) > maxText) stage.append(el("p", { className: "note", textContent: "This is only its beginning." }));
}

// A PDF that is marked as sandboxed is not shown by browsers; as a blob of this
// type only their viewer gets it, which runs nothing of ours.
async function showPDF(url) {
  const r = await fetch(url);
  if (!r.ok) throw new Error(problemOf(r.status, await r.text()));
  const blob = new Blob([await r.arrayBuffer()], { type: "application/pdf" });
  stage.replaceChildren(el("iframe", { src: URL.createObjectURL(blob), title: "the PDF" }));
}

function offer(label, show) {
  const button = el("button", { type: "button", className: "plain", textContent: label });
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await show();
    } catch (err) {
      button.disabled = false;
      stage.append(el("p", { className: "problem", textContent: err.message }));
    }
  });
  stage.replaceChildren(button);
}

function showPreview(hash) {
  if (!preview) return;
  const url = link(hash ? `?inline=1&keyHash=${hash}` : "?inline=1");
  document.getElementById("preview").hidden = false;
  if (preview === "text") offer("Show the beginning", () => showText(url));
  else if (preview === "pdf" && Number(size) <= maxPDF) offer("Show the PDF", () => showPDF(url));
  else if (preview === "pdf") document.getElementById("preview").hidden = true;
  else if (hash && preview === "image") stage.replaceChildren(el("img", { src: url, alt: document.querySelector("h1").textContent }));
  else if (hash) stage.replaceChildren(el(preview, { src: url, controls: true, preload: "metadata" }));
}

function start(url) {
  const a = el("a", { href: url, download: "" });
  document.body.append(a);
  a.click();
  a.remove();
  status.textContent = "The download begins.";
}

const form = document.getElementById("unlock");
form?.addEventListener("submit", async (ev) => {
  if (!globalThis.crypto?.subtle) return; // the form does it
  ev.preventDefault();
  const problem = document.getElementById("phrase-problem");
  const button = form.querySelector("button");
  problem.hidden = true;
  button.disabled = true;
  try {
    const hash = await keyHash(document.getElementById("phrase").value);
    const url = link(`?keyHash=${hash}`);
    const r = await fetch(url, { method: "HEAD" });
    if (r.ok) {
      start(url);
      showPreview(hash);
      return;
    }
    problem.textContent = r.status === 403 ? "That is not the phrase." : r.status === 404 ? "The file is not here any more." : r.status === 429 ? "Too many attempts. Wait a little." : `The server answered ${r.status}.`;
    problem.hidden = false;
  } catch {
    problem.textContent = "The server does not answer. Try again.";
    problem.hidden = false;
  } finally {
    button.disabled = false;
  }
});
if (!form) showPreview("");
