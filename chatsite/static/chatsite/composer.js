// What the reader is about to ask: the question, the selected text it is about, the collections to search.
// A draft survives a reload and a detour through sign-in.

import { Chips } from "./chips.js";
import { kept } from "./kept.js";
import { characters, text } from "./texts.js";

const NEAR_LIMIT = 400;
const form = document.querySelector("[data-composer]");
const field = form?.querySelector("textarea");
const find = (name) => form.querySelector(`[data-${name}]`);
const limit = Number(form?.dataset.limit);
const placeholder = field?.placeholder;

const chips = form && new Chips(form, chipsChanged);
let busy = false;

export const composer = form && {
  /** Calls `ask` with each question that is sent. */
  onAsk(ask) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!sendable()) return;
      const asked = question();
      clear();
      ask(asked);
    });
  },

  onStop(stop) {
    find("stop").addEventListener("click", stop);
  },

  setBusy(value) {
    const focused = form.contains(document.activeElement);
    busy = value;
    find("stop").hidden = !busy;
    find("send").hidden = busy;
    if (focused) field.focus(); // the button that was pressed has gone
    refresh();
  },

  /** Puts back what could not be sent, unless something new was typed meanwhile. */
  restore({ query, passages }) {
    if (!field.value) field.value = query;
    if (!chips.passages.length) chips.set(passages ?? []);
    refresh();
  },

  focus() {
    field.focus();
  },

  get csrfToken() {
    // The cookie is newer than the page after a sign-in in another tab; it can also be hidden from scripts.
    return /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? form.elements.csrfmiddlewaretoken?.value ?? "";
  },

  /** The collections to search, or undefined for all. */
  get collections() {
    if (form.dataset.only) return form.dataset.only.split(" ");
    const boxes = [...form.querySelectorAll("[name=collections]")];
    const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
    return chosen.length && chosen.length < boxes.length ? chosen : undefined;
  },
};

function question() {
  return { query: field.value.trim(), passages: chips.passages, collections: composer.collections };
}

function sendable() {
  const { query } = question();
  return query && characters(query) <= limit && !busy;
}

function clear() {
  field.value = "";
  chips.set([]);
}

function refresh() {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
  const left = limit - characters(field.value.trim());
  find("counter").textContent =
    left > NEAR_LIMIT ? "" : left < 0 ? text("query-over", { count: -left }) : text("query-left", { count: left });
  find("counter").classList.toggle("over", left < 0);
  find("send").disabled = !sendable();
  kept.set("draft", { query: field.value, passages: chips.passages });
}

function chipsChanged(complaint) {
  const about = chips.passages.length > 0;
  if (find("filter")) find("filter").hidden = about; // the selections alone are asked
  field.placeholder = about ? field.dataset.placeholderSelection : placeholder;
  notify(complaint);
  refresh();
}

function notify({ message = "", label, act } = {}) {
  find("notice").hidden = !message;
  find("notice-text").textContent = message;
  find("notice-first").hidden = !act;
  find("notice-first").textContent = label ?? "";
  find("notice-first").onclick = act;
}

function showFilter() {
  const total = form.querySelectorAll("[name=collections]").length;
  const count = composer.collections?.length;
  find("filter-label").textContent = count ? text("some-collections", { count, total }) : text("all-collections");
}

function start() {
  field.addEventListener("input", refresh);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  document.addEventListener("passage", (event) => {
    event.preventDefault(); // taken: it need not be carried to the chat page
    chips.add(event.detail);
    field.focus();
  });
  const filter = find("filter");
  filter?.addEventListener("change", showFilter);
  document.addEventListener("click", (event) => {
    if (filter && !filter.contains(event.target)) filter.open = false;
  });
  filter?.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    filter.open = false;
    filter.querySelector("summary").focus();
  });
  const problem = find("notice-text").textContent; // the server's, with a question that was sent without this script
  const draft = kept.get("draft");
  field.value ||= draft?.query ?? "";
  chips.set(draft?.passages ?? []);
  if (problem) notify({ message: problem });
}

if (form) start();
