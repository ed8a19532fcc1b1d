// Which server, and as whom.
import { call, say, serverOf, settings, tell, translate } from "./api.js";

translate();
const form = document.getElementById("options");
const known = await settings();
form.elements.server.value = known.server;
form.elements.key.value = known.key;

form.addEventListener("submit", async (ev) => {
  ev.preventDefault();
  let server;
  try {
    server = serverOf(form.elements.server.value);
  } catch {
    tell(say("badServer"), true);
    return;
  }
  const key = form.elements.key.value.trim();
  try {
    // First of all, as long as the browser counts this as the user's doing.
    if (!(await chrome.permissions.request({ origins: [`${new URL(server).origin}/*`] }))) {
      tell(say("notAllowed"), true);
      return;
    }
    await chrome.storage.local.set({ server, key });
    form.elements.server.value = server;
    if (key) await call({ server, key }, "GET", "/api/v1/container/list?limit=1", undefined, true);
    tell(say(key ? "saved" : "savedWithoutKey"));
  } catch (err) {
    tell(err.message, true);
  }
});
document.documentElement.dataset.ready = "yes";
