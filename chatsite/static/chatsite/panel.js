// A citation opens its document beside the chat, at the quoted place; on a narrow screen it covers the chat, and Back
// closes it. From there one goes to the answer's next citation, by button or arrow key, and checks it in one pass.
// Without this script, and with a modified click, a citation is a plain link to the document's page.

import { equip } from "./reader.js";
import { text } from "./texts.js";

const panel = document.querySelector("[data-panel]");
const body = panel.querySelector("[data-panel-body]");
const page = panel.querySelector("[data-panel-page]");
const steps = panel.querySelector("[data-panel-steps]");
const covered = [document.querySelector(".masthead"), document.querySelector("[data-chat]")];
const narrow = matchMedia("(width < 60rem)");

let opener = null;
let latest = 0;

/** Opens `url`; the focus goes to its quote, or stays on the control that asked for it (`keep`, a selector). It is an
    entry in the history of a phone, unless it is there `again`. */
async function open(url, link, { keep = "", again = false } = {}) {
  const ticket = ++latest;
  mark(link);
  page.href = url;
  if (panel.hidden) {
    keepInPlace(link, () => (panel.hidden = false));
    body.replaceChildren(paragraph(text("opening")));
    if (narrow.matches && self === top && !again) history.pushState({ panel: url }, ""); // in a frame, Back is the host page's
  } else if (history.state?.panel) {
    history.replaceState({ panel: url }, "");
  }
  cover();
  const fragment = await load(url);
  if (ticket !== latest || panel.hidden) return; // another one was opened, or it was closed, meanwhile
  body.replaceChildren(...fragment);
  equip(body);
  body.scrollTop = 0;
  const place = body.querySelector("[data-quote]") ?? (new URL(url).hash === "#place" && body.querySelector("[data-place]"));
  if (place) place.scrollIntoView({ block: place.matches("[data-quote]") ? "center" : "start", behavior: "instant" });
  const kept = keep && panel.querySelector(keep);
  (kept || place || panel).focus({ preventScroll: true });
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

/** What the history says is open: after Forward, or when the page was loaded again. */
function reopen() {
  const { panel: url } = history.state;
  if (panel.hidden) open(url, [...document.querySelectorAll("a[data-citation]")].find(({ href }) => href === url) ?? null, { again: true });
}

/** Closes by way of the history where opening went that way, so that Back does not open an empty page later. */
function close() {
  if (history.state?.panel) return history.back();
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
  const { places, at } = citations();
  steps.hidden = at < 0 || places.length < 2;
  panel.querySelector("[data-panel-number]").textContent =
    steps.hidden ? "" : text("citation-step", { number: at + 1, count: places.length });
}

/** The answer's citations in its order, each place once, and which of them is open. */
function citations() {
  const all = [...(opener?.closest(".run")?.querySelectorAll(".answer a.citation[data-citation]") ?? [])];
  const places = all.filter((link, at) => all.findIndex(({ href }) => href === link.href) === at);
  return { places, at: places.findIndex(({ href }) => href === opener?.href) };
}

function step(by, keep = "") {
  const { places, at } = citations();
  if (at < 0 || places.length < 2) return;
  const link = places[(at + by + places.length) % places.length];
  link.scrollIntoView({ block: "nearest" });
  open(link.href, link, { keep });
}

function cover() {
  for (const element of covered) element.inert = narrow.matches && !panel.hidden;
}

function paragraph(content) {
  return Object.assign(document.createElement("p"), { className: "muted", textContent: content });
}

function turn(link) {
  const keep = link.dataset.keep ? `[data-keep="${link.dataset.keep}"]` : "";
  open(link.href, opener, { keep });
}

document.addEventListener("click", (event) => {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest("a[data-citation], a[data-turn]");
  if (!link) return;
  event.preventDefault();
  if ("turn" in link.dataset) turn(link);
  else open(link.href, link);
});
panel.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-turn]");
  if (!form) return;
  event.preventDefault();
  const url = new URL(form.action);
  url.search = new URLSearchParams(new FormData(form));
  const field = form.querySelector("input");
  open(url.href, opener, { keep: `[name="${field.name}"]` });
});
panel.addEventListener("click", (event) => {
  const by = event.target.closest("[data-panel-step]")?.dataset.panelStep;
  if (by) step(Number(by), `[data-panel-step="${by}"]`);
});
panel.addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const free = !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey && getSelection().isCollapsed;
  if (!by || !free || event.target.closest("input, select, textarea")) return;
  event.preventDefault();
  const on = event.target.closest("[data-panel-step]");
  step(by, on ? `[data-panel-step="${on.dataset.panelStep}"]` : "");
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented && !panel.hidden) close();
});
addEventListener("popstate", () => {
  if (history.state?.panel) reopen();
  else if (!panel.hidden) close();
});
// The composer is behind the panel on a narrow screen: it is uncovered before it takes the passage, or the document.
for (const name of ["passage", "narrow"]) {
  document.addEventListener(name, () => {
    if (!narrow.matches || panel.hidden) return;
    hide();
    if (history.state?.panel) history.back();
  }, { capture: true });
}
panel.querySelector("[data-panel-close]").addEventListener("click", close);
narrow.addEventListener("change", cover);
if (history.state?.panel) reopen();
