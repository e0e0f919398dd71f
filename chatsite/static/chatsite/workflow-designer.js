// The designer without reloads: each form is sent as it is typed, and what is shown becomes what the site answers, but
// for what somebody is typing or choosing meanwhile. Without this script every form is sent by its button.

import { draw } from "./workflow-graph.js";
import { isUnsent, redraw, sent, unsent, watch } from "./workflow-redraw.js";

const page = document.querySelector("[data-page]");
const TYPED_MS = 700;
const timers = new WeakMap();
let line = Promise.resolve(); // one change after another: each is of the draft that the one before it has made
let waiting = 0;
let isReached = true; // whether the last change has come to the site

const find = (selector, within = page) => within.querySelector(selector);
const graph = () => draw(find("[data-cards]"), find("[data-graph]"));

page.classList.add("is-scripted");
watch(page);
graph();

/** Sends a form, with the button that was pressed, and shows what the site answers. What it holds is read when its turn
 * has come, and is by then what the answers before it have left of it. */
function send(form, button) {
  clearTimeout(timers.get(form));
  if (["up", "down"].includes(button?.value) && isUnsent(form)) send(form); // moving a card saves nothing else of it
  const { activeElement: from } = document;
  const step = form.closest("[data-step]")?.dataset.step;
  waiting += 1;
  line = line.then(async () => {
    if (!button && !isUnsent(form)) return void (waiting -= 1); // it has been sent with what came before it
    const body = new FormData(form, button);
    if (!body.has("action")) body.set("action", "set");
    body.set("base", find("[name=base]").value);
    sent(form);
    const answer = await asked(body);
    waiting -= 1;
    isReached = answer !== null;
    if (isReached) return show(answer, { action: body.get("action"), step, from });
    unsent(form);
    say(page.dataset.failed);
  });
}

/** The page after a change; null where the site could not be asked. */
async function asked(body) {
  try {
    const response = await fetch(page.dataset.editAddress, { method: "POST", body, headers: { "X-Fragment": "draft" } });
    return response.ok && !response.redirected ? await response.text() : null;
  } catch {
    return null;
  }
}

const say = (text) => {
  find("[data-live=said]").textContent = text;
};

/** Shows the new state, and moves the focus with what was pressed, unless it has been moved on since. */
function show(answer, { action, step, from }) {
  const known = cards();
  const fresh = document.createElement("template");
  fresh.innerHTML = answer;
  redraw(page, fresh.content);
  graph();
  const now = document.activeElement;
  const added = cards().find((card) => !known.includes(card));
  if (now === from || now === document.body) focusAfter(action, step, added);
}

const cards = () => [...page.querySelectorAll("[data-step]")];

function focusAfter(action, step, added) {
  const card = cards().find((one) => one.dataset.step === step);
  if (action === "add") focus(added);
  else if (action === "up" || action === "down") focus((card && find(`[data-focus=${action}]:not(:disabled)`, card)) ?? card);
  else if (action === "remove") focus(card ?? find("[data-cards]").lastElementChild ?? find("#add-target"));
  else if (document.activeElement === document.body) focus(card ?? find("[data-undo]"));
}

function focus(element) {
  element?.focus({ preventScroll: true });
  element?.closest("[data-step]")?.scrollIntoView({ block: "nearest" });
}

// ---- what people do --------------------------------------------------------------------------------------------------
page.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-edit]")) {
    event.preventDefault();
    send(form, event.submitter);
    return;
  }
  const typed = [...page.querySelectorAll("[data-typed]")].filter(isUnsent);
  if (!waiting && !typed.length) return;
  event.preventDefault();
  for (const one of typed) send(one);
  line.then(() => isReached && form.requestSubmit(event.submitter)); // to another page: what was typed is saved by now
});

page.addEventListener("change", (event) => {
  const form = event.target.closest("[data-typed]");
  if (form) send(form);
});

page.addEventListener("input", (event) => {
  const form = event.target.closest("[data-typed]");
  const isTyped = event.target.matches("textarea, input[type=text], input[type=number]");
  if (!form || !isTyped || event.target.hasAttribute("data-slow")) return;
  clearTimeout(timers.get(form));
  timers.set(form, setTimeout(() => form.isConnected && send(form), TYPED_MS));
});

page.addEventListener("keydown", (event) => {
  const isText = event.target.matches("textarea, input[type=text], input[type=number]");
  if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    const card = event.target.closest("[data-step]");
    const button = card && find(`[data-focus=${event.key === "ArrowUp" ? "up" : "down"}]:not(:disabled)`, card);
    if (!button) return;
    event.preventDefault();
    send(button.form, button);
  } else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey && !isText) {
    event.preventDefault();
    const undo = find("[data-undo]");
    if (undo) send(undo.form, undo);
  }
});

addEventListener("beforeunload", (event) => {
  if (waiting) event.preventDefault();
});
