// collect runs in a page: it gives the page's title and the http links of what is
// selected there, each once. It may use nothing from outside itself.
export function collect() {
  const links = [], seen = new Set();
  const add = (text) => {
    try {
      const u = new URL(text);
      if (/^https?:$/.test(u.protocol) && !seen.has(u.href)) {
        seen.add(u.href);
        links.push(u.href);
      }
    } catch {
      // no address
    }
  };
  const selection = getSelection();
  if (selection && !selection.isCollapsed) {
    for (const a of document.links) if (selection.containsNode(a, true)) add(a.href);
    for (const [text] of selection.toString().matchAll(/https?:\/\/[^\s<>"'`]+/gi)) add(text.replace(/[.,;:!?)\]}]+$/, ""));
  }
  return { title: document.title, links };
}
