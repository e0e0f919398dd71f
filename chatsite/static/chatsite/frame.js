// The chat as a frame in another page: hears what is selected there, says when it is ready and when it is to be closed,
// and goes on with the conversation that this tab had open on the page before.

import { kept } from "./kept.js";

const chat = document.querySelector("[data-frame]");
const { parentOrigin, loginUrl, hostPage, token = "", agent = "" } = chat.dataset;
const KEPT = `docchat ${[token, agent].filter(Boolean).join(" ")}`;
const NO_ID = "00000000-0000-0000-0000-000000000000";
const PASSAGE_MAX = 2_000_000; // more than any page has; the composer says what may be asked of it

function tell(message) {
  if (parentOrigin && parent !== window) parent.postMessage({ docchat: message }, parentOrigin);
}

const find = (selector) => document.querySelector(selector);

function hear({ source, origin, data }) {
  if (source !== parent || origin !== parentOrigin) return;
  if (data?.docchat === "focus") (find("#question") ?? find("[data-chat] a") ?? find("[data-frame-close]")).focus();
  if (data?.docchat === "theme") document.documentElement.style.colorScheme = ["light", "dark"].includes(data.theme) ? data.theme : "";
  if (data?.docchat === "passage" && typeof data.text === "string") take(data);
}

function take({ text, from }) {
  const passage = { text: text.slice(0, PASSAGE_MAX).trim(), from: String(from ?? "").slice(0, 200) };
  if (!passage.text) return;
  const taken = !document.dispatchEvent(new CustomEvent("passage", { detail: passage, cancelable: true }));
  if (taken) return;
  const draft = kept.get("draft") ?? { query: "" }; // it is there again behind the sign-in
  kept.set("draft", { ...draft, passages: [...(draft.passages ?? []), passage] });
}

/** True when the page is left for the conversation that was open before. */
function resume() {
  const asked = new URLSearchParams(location.search);
  const earlier = kept.get(KEPT);
  if (chat.dataset.session || asked.has("conversation") || asked.has("new")) return false;
  if (!earlier) return false;
  location.replace(chat.dataset.conversationUrl.replace(NO_ID, earlier));
  return true;
}

function remember() {
  kept.set(KEPT, chat.dataset.session || null);
}

// ---- colour ----

function luminance(colour) {
  const parts = colour.map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
}

/** The colour, mixed with `ink` until it stands out from `paper` by 4.5:1. */
function legible(colour, paper, ink) {
  const contrast = (one) => (Math.max(luminance(one), luminance(paper)) + 0.05) / (Math.min(luminance(one), luminance(paper)) + 0.05);
  for (let share = 0; share < 1; share += 0.05) {
    const mixed = colour.map((part, at) => Math.round(part * (1 - share) + ink[at] * share));
    if (contrast(mixed) >= 4.5) return `rgb(${mixed.join(" ")})`;
  }
  return `rgb(${ink.join(" ")})`;
}

function paint(accent) {
  const colour = [1, 3, 5].map((at) => parseInt(accent.slice(at, at + 2), 16));
  const [onLight, onDark] = [legible(colour, [255, 255, 255], [0, 0, 0]), legible(colour, [28, 34, 32], [255, 255, 255])];
  document.documentElement.style.setProperty("--accent", `light-dark(${onLight}, ${onDark})`);
  document.documentElement.style.setProperty("--on-accent", "light-dark(#ffffff, #08211b)");
}

function signIn(event) {
  const link = event.target.closest?.("a[href]");
  if (!link || !link.pathname || link.pathname !== new URL(loginUrl, location.href).pathname) return;
  link.search = `?next=${encodeURIComponent(hostPage || "/")}`; // back to the page, not to the frame alone
}

if (document.documentElement.dataset.accent) paint(document.documentElement.dataset.accent);
addEventListener("message", hear);
document.addEventListener("click", signIn, { capture: true });
document.addEventListener("keydown", (event) => {
  const open = !document.querySelector("[data-panel]").hidden || document.querySelector(".quote-card:popover-open");
  if (event.key === "Escape" && !event.defaultPrevented && !open) tell("close");
});
document.querySelector("[data-frame-close]").addEventListener("click", () => tell("close"));
document.querySelector("[data-new]").addEventListener("click", () => kept.set(KEPT, null));
if (!resume()) {
  remember();
  new MutationObserver(remember).observe(chat, { attributeFilter: ["data-session"] });
  if (find("[data-composer]")) addEventListener("DOMContentLoaded", () => tell("ready")); // its script hears passages then
  else tell("ready");
}
