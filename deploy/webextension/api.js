// What the pages of the extension share: settings, the server's API, words.

const longest = 2048; // of an address

// serverOf gives the address of a server without a slash at its end. It throws
// where there is none in the text.
export function serverOf(text) {
  const u = new URL(text.trim());
  if (!/^https?:$/.test(u.protocol) || u.username || u.password || u.search || u.hash || text.length > longest) throw new TypeError("no server");
  return u.origin + u.pathname.replace(/\/+$/, "");
}

export async function settings() {
  const { server = "", key = "" } = await chrome.storage.local.get(["server", "key"]);
  return { server, key };
}

// containerOf gives the id of the container whose page an address is.
export function containerOf(server, address) {
  if (!server || !address?.startsWith(`${server}/container/`)) return "";
  return /^\/container\/([0-9a-z]{1,18})\/?$/.exec(new URL(address).pathname.slice(new URL(server).pathname.replace(/\/+$/, "").length))?.[1] ?? "";
}

// call asks the server. The key goes to no other host: redirects are errors.
export async function call({ server, key }, method, path, body, own = false) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (own) headers["X-API-Key"] = key;
  let answer, said;
  try {
    answer = await fetch(server + path, {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body),
      redirect: "error", credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer", signal: AbortSignal.timeout(60_000),
    });
    said = await answer.json();
  } catch {
    throw new Error(say(answer ? "notOurs" : "unreachable", server));
  }
  if (answer.ok && said?.success === true) return said;
  throw new Error(typeof said?.error === "string" ? said.error : say("notOurs", server));
}

export const say = (name, ...values) => chrome.i18n.getMessage(name, values);

// translate puts the words of the browser's language into a page.
export function translate() {
  document.documentElement.lang = chrome.i18n.getUILanguage();
  for (const el of document.querySelectorAll("[data-say]")) el.textContent = say(el.dataset.say);
}

// tell shows how something went.
export function tell(text, bad = false) {
  const note = document.getElementById("note");
  note.textContent = text;
  note.className = bad ? "bad" : "";
  note.hidden = !text;
}
