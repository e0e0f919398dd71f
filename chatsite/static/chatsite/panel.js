// A citation opens its document beside the chat, at the quoted place; on a narrow screen it covers the chat.
// Without this script, and with a modified click, a citation is a plain link to the document's page.

import { text } from "./texts.js";

const panel = document.querySelector("[data-panel]");
const body = panel.querySelector("[data-panel-body]");
const page = panel.querySelector("[data-panel-page]");
const covered = [document.querySelector(".masthead"), document.querySelector("[data-chat]")];
const narrow = matchMedia("(width < 60rem)");

let opener = null;
let latest = 0;

async function open(url, link) {
  const ticket = ++latest;
  mark(link);
  page.href = url;
  if (panel.hidden) {
    keepInPlace(link, () => (panel.hidden = false));
    body.replaceChildren(paragraph(text("opening")));
  }
  cover();
  const fragment = await load(url);
  if (ticket !== latest || panel.hidden) return; // another one was opened, or it was closed, meanwhile
  body.replaceChildren(...fragment);
  body.scrollTop = 0;
  body.querySelector("[data-quote]")?.scrollIntoView({ block: "center", behavior: "instant" });
  (body.querySelector("[data-quote]") ?? panel).focus({ preventScroll: true });
}

async function load(url) {
  try {
    const response = await fetch(url, { headers: { "X-Fragment": "1" } });
    if (!response.ok || response.redirected) return [paragraph(text("unopened"))]; // redirected: to sign-in
    return new DOMParser().parseFromString(await response.text(), "text/html").body.childNodes;
  } catch (error) {
    if (error instanceof TypeError) return [paragraph(text("offline"))];
    throw error;
  }
}

function close() {
  const back = opener?.isConnected ? opener : document.querySelector("#question");
  hide();
  back?.focus({ preventScroll: true });
}

function hide() {
  latest++;
  keepInPlace(opener, () => (panel.hidden = true));
  cover();
  mark(null);
}

/** The chat grows narrower or wider: what the reader looked at stays where it was. */
function keepInPlace(link, change) {
  const log = document.querySelector("[data-log]");
  const before = link?.getBoundingClientRect().top;
  change();
  if (link?.isConnected && log.contains(link)) log.scrollBy({ top: link.getBoundingClientRect().top - before, behavior: "instant" });
}

function mark(link) {
  opener?.removeAttribute("data-open");
  opener = link;
  opener?.setAttribute("data-open", "");
}

function cover() {
  for (const element of covered) element.inert = narrow.matches && !panel.hidden;
}

function paragraph(content) {
  return Object.assign(document.createElement("p"), { className: "muted", textContent: content });
}

document.addEventListener("click", (event) => {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest("a[data-citation], a[data-turn]");
  if (!link) return;
  event.preventDefault();
  open(link.href, "turn" in link.dataset ? opener : link);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented && !panel.hidden) close();
});
// The composer is behind the panel on a narrow screen: it is uncovered before the composer takes the passage.
document.addEventListener("passage", () => narrow.matches && !panel.hidden && hide(), { capture: true });
panel.querySelector("[data-panel-close]").addEventListener("click", close);
narrow.addEventListener("change", cover);
