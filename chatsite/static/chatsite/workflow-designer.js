// The designer without reloads: each form is sent as it is typed, and what the site answers takes the place of what is
// shown, but for the form that somebody is in. Without this script every form is sent by its button.

import { draw } from "./workflow-graph.js";

const page = document.querySelector("[data-page]");
const TYPED_MS = 700;
const timers = new WeakMap();
const typedIn = new Set(); // forms in which something is typed that has not been sent
let line = Promise.resolve(); // one change after another: each is of the draft that the one before it has made
let waiting = 0;

const find = (selector, within = page) => within.querySelector(selector);
const graph = () => draw(find("[data-cards]"), find("[data-graph]"));

page.classList.add("is-scripted");
graph();

/** Sends a form, with the button that was pressed, and shows what the site answers. */
function send(form, button) {
  clearTimeout(timers.get(form));
  const name = form.closest("[data-step]")?.dataset.step;
  waiting += 1;
  line = line.then(async () => {
    typedIn.delete(form);
    const body = new FormData(form, button?.isConnected ? button : undefined);
    if (button && !button.isConnected) body.set(button.name, button.value);
    if (!body.has("action")) body.set("action", "set");
    body.set("base", find("[name=base]").value);
    const action = body.get("action");
    try {
      const response = await fetch(page.dataset.editAddress, { method: "POST", body, headers: { "X-Fragment": "draft" } });
      if (response.redirected || !response.ok) return say(page.dataset.failed);
      const fresh = document.createElement("template");
      fresh.innerHTML = await response.text();
      show(fresh.content, form, { action, name });
    } catch {
      say(page.dataset.failed);
    } finally {
      waiting -= 1;
    }
  });
}

const say = (text) => {
  find("[data-live=said]").textContent = text;
};

/** Shows the new state. The form that has the focus stays as it is while it is typed in. */
function show(fresh, form, { action, name }) {
  const focus = remembered();
  const isIn = document.activeElement?.closest("[data-typed]");
  const typed = action === "set" || action === "text" || action === "input" || action === "output";
  const kept = isIn && ((typed && isIn === form) || typedIn.has(isIn)) ? isIn : null;
  for (const region of ["bar", "inputs", "add", "output", "text", "foot"]) {
    const [old, next] = [find(`[data-region=${region}]`), find(`[data-region=${region}]`, fresh)];
    if (!old || !next) continue;
    if (region === "foot" && old.contains(document.activeElement)) continue;
    if (kept && old.contains(kept)) renewAround(old, next);
    else replace(old, next);
  }
  showCards(find("[data-cards]"), find("[data-cards]", fresh), kept);
  for (const base of page.querySelectorAll("[name=base]")) base.value = find("[name=base]", fresh)?.value ?? base.value;
  graph();
  if (!kept) refocus(focus, action, name);
}

function showCards(list, next, kept) {
  const names = (cards) => [...cards.children].map((card) => card.dataset.step).join();
  if (!kept || !list.contains(kept) || names(list) !== names(next)) return replace(list, next);
  for (const card of [...list.children]) {
    const fresh = next.firstElementChild; // the ones before it have been moved out
    if (card.contains(kept)) {
      renewAround(card, fresh);
      fresh.remove();
    } else replace(card, fresh);
  }
}

function replace(old, fresh) {
  const open = [...old.querySelectorAll("details[id]")].map((one) => [one.id, one.open]);
  const filled = [...old.querySelectorAll("form:not([data-typed]) :is(input[type=text], textarea)[id]")]
    .filter((one) => one.value !== one.defaultValue && !one.closest("[data-edit]"))
    .map((one) => [one.id, one.value]);
  old.replaceWith(fresh);
  for (const [id, value] of filled) {
    const field = document.getElementById(id);
    if (field) field.value = value;
  }
  for (const [id, isOpen] of open) {
    const details = document.getElementById(id);
    if (details) details.open = isOpen;
  }
}

/** Renews what is said around a form that somebody is in: what is wrong with it, further rows, what the graph is drawn from. */
function renewAround(old, fresh) {
  for (const part of fresh.querySelectorAll("[data-live]")) {
    const shown = find(`[data-live="${part.dataset.live}"]`, old);
    if (shown && shown.innerHTML !== part.innerHTML) shown.innerHTML = part.innerHTML;
  }
  for (const rows of fresh.querySelectorAll("[data-rows]")) { // those that have come: an empty one for the next
    const shown = find(`[data-rows="${rows.dataset.rows}"]`, old);
    if (shown) shown.append(...[...rows.children].slice(shown.children.length));
  }
  const [mine, theirs] = [find("[data-text]", old), find("[data-text]", fresh)];
  if (mine && theirs) takeText(mine, theirs.value);
  for (const name of ["data-needs", "data-kind", "data-label", "data-faulty", "data-conditional", "data-repeated", "class"]) {
    if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    else old.setAttribute(name, fresh.getAttribute(name));
  }
}

/** Takes the text that the site has now into the field that somebody types in, and keeps what they have typed. */
function takeText(field, theirs) {
  const base = field.defaultValue;
  const { value: mine, selectionStart: start, selectionEnd: end } = field;
  const text = merged(base, mine, theirs);
  field.defaultValue = theirs;
  if (text === mine) {
    field.value = mine;
    field.setSelectionRange(start, end);
    return;
  }
  const shift = start > changed(base, theirs).from ? text.length - mine.length : 0;
  field.value = text;
  field.setSelectionRange(start + shift, end + shift);
}

/** Where two texts differ: `from` and `to` in the first of them, and what the second has there. */
function changed(base, text) {
  const least = Math.min(base.length, text.length);
  let from = 0;
  while (from < least && base[from] === text[from]) from += 1;
  let same = 0;
  while (same < least - from && base.at(-1 - same) === text.at(-1 - same)) same += 1;
  return { from, to: base.length - same, put: text.slice(from, text.length - same) };
}

/** Both changes of a text, or my own where they are of the same place. */
function merged(base, mine, theirs) {
  if (mine === base) return theirs;
  const [one, two] = [changed(base, mine), changed(base, theirs)].sort((a, b) => a.from - b.from || a.to - b.to);
  if (base === theirs || one.to > two.from || (one.from === two.from && one.to === two.to)) return mine;
  return base.slice(0, one.from) + one.put + base.slice(one.to, two.from) + two.put + base.slice(two.to);
}

// ---- where the focus is ----------------------------------------------------------------------------------------------
function remembered() {
  const { activeElement: at } = document;
  if (!at || !page.contains(at)) return {};
  const step = at.closest("[data-step]")?.dataset.step;
  return { id: at.id, step, button: at.dataset.focus ?? at.name, value: at.value, start: at.selectionStart, end: at.selectionEnd };
}

function refocus({ id, step, button, value, start, end }, action, name) {
  const card = (called) => find(`[data-step="${CSS.escape(called ?? "")}"]`);
  if (action === "add") return focus(find("[data-cards]").querySelector("[data-step]:last-child"), true);
  if (action === "remove") return focus(card(name) ?? find("[data-cards]").lastElementChild ?? find("#add-target"));
  if (action === "up" || action === "down") {
    const moved = card(step ?? name);
    const again = moved && find(`[data-focus=${action}]:not(:disabled)`, moved);
    return focus(again ?? moved, true);
  }
  const same = id ? document.getElementById(id) : null;
  if (same) {
    focus(same);
    if (start !== null && start !== undefined && same.setSelectionRange && same.type !== "number") same.setSelectionRange(start, end);
    return;
  }
  const inside = step && card(step);
  if (inside) focus([...inside.querySelectorAll("button")].find((one) => one.value === value && one.name === button && one.tabIndex >= 0) ?? inside);
  else if (action === "undo") focus(find("[data-undo]"));
}

function focus(element, intoView = false) {
  element?.focus({ preventScroll: intoView });
  if (intoView) element?.closest("[data-step]")?.scrollIntoView({ block: "nearest" });
}

// ---- what people do --------------------------------------------------------------------------------------------------
page.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-edit]")) {
    event.preventDefault();
    send(form, event.submitter);
  } else if (waiting || typedIn.size) {
    event.preventDefault();
    for (const typed of typedIn) if (typed.isConnected) send(typed);
    line.then(() => submitNow(form, event.submitter));
  }
});

/** Sends a form that leads to another page, or the one in its place: what was typed is saved by now. */
function submitNow(form, button) {
  const now = form.isConnected ? form : find(`form[action="${form.getAttribute("action")}"]:not([data-edit])`);
  const pressed = button?.isConnected ? button : [...now.querySelectorAll("button")].find((one) => one.value === button?.value);
  now.requestSubmit(pressed);
}

page.addEventListener("change", (event) => {
  const form = event.target.closest("[data-typed]");
  if (form) send(form);
});

page.addEventListener("input", (event) => {
  const form = event.target.closest("[data-typed]");
  const isTyped = event.target.matches("textarea, input[type=text], input[type=number]");
  if (!form || !isTyped || event.target.hasAttribute("data-slow")) return;
  typedIn.add(form);
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
