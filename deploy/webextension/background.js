// The context menu: it gathers links and opens the form with them.
import { collect } from "./collect.js";

// Pages that scripts of extensions run in shall not read the key.
chrome.storage.local.setAccessLevel?.({ accessLevel: "TRUSTED_CONTEXTS" });

chrome.runtime.onInstalled.addListener(() => {
  chrome.contextMenus.create({ id: "make", title: chrome.i18n.getMessage("makeOfSelection"), contexts: ["selection", "link"] });
});

chrome.contextMenus.onClicked.addListener(async (info, tab) => {
  let draft = { title: tab?.title ?? "", links: [] };
  try {
    const [{ result }] = await chrome.scripting.executeScript({ target: { tabId: tab.id, frameIds: [info.frameId ?? 0] }, func: collect });
    draft = result;
  } catch {
    // a page that scripts may not run in: the link is known all the same
  }
  if (!draft.links.length && info.linkUrl) draft.links = [info.linkUrl];
  const name = `draft-${crypto.randomUUID()}`;
  await chrome.storage.session.set({ [name]: draft });
  await chrome.tabs.create({ url: chrome.runtime.getURL(`popup.html?draft=${name}`) });
});
