// What the reader is about to ask: the question, the selected text it is about, the collections to search.
// A draft survives a reload and a detour through sign-in.

import { characters, text } from "./texts.js";

const NEAR_LIMIT = 400;
const form = document.querySelector("[data-composer]");
const field = form?.querySelector("textarea");
const find = (name) => form.querySelector(`[data-${name}]`);
const limit = Number(form?.dataset.limit);
const placeholder = field?.placeholder;

let passage = null;
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
  restore({ query, passage: about }) {
    if (!field.value) field.value = query;
    if (!passage) setPassage(about);
    refresh();
  },

  focus() {
    field.focus();
  },

  get csrfToken() {
    // The cookie is newer than the page after a sign-in in another tab; it can also be hidden from scripts.
    return /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? form.elements.csrfmiddlewaretoken.value;
  },

  /** The collections to search, or undefined for all. */
  get collections() {
    const boxes = [...form.querySelectorAll("[name=collections]")];
    const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
    return chosen.length && chosen.length < boxes.length ? chosen : undefined;
  },
};

function question() {
  return { query: field.value.trim(), passage, collections: composer.collections };
}

function sendable() {
  const { query } = question();
  return query && characters(query) <= limit && !busy;
}

function clear() {
  field.value = "";
  setPassage(null);
}

function refresh() {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
  const left = limit - characters(field.value.trim());
  find("counter").textContent =
    left > NEAR_LIMIT ? "" : left < 0 ? text("query-over", { count: -left }) : text("query-left", { count: left });
  find("counter").classList.toggle("over", left < 0);
  find("send").disabled = !sendable();
  sessionStorage.setItem("draft", JSON.stringify({ query: field.value, passage }));
}

function setPassage(value) {
  const size = value ? characters(value.text) : 0;
  const most = Number(form.dataset.selectionLimit);
  if (size > most) return notify(text("selection-over", { count: size, limit: most }));
  passage = value;
  find("chip").hidden = !value;
  find("chip-text").textContent = value?.text ?? "";
  if (find("filter")) find("filter").hidden = Boolean(value); // the selection alone is asked
  find("chip-from").textContent = value?.from ?? "";
  field.placeholder = value ? field.dataset.placeholderSelection : placeholder;
  notify("");
  refresh();
}

function notify(message) {
  find("notice").hidden = !message;
  find("notice").textContent = message;
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
  find("chip-remove").addEventListener("click", () => {
    setPassage(null);
    field.focus();
  });
  document.addEventListener("passage", (event) => {
    event.preventDefault(); // taken: it need not be carried to the chat page
    setPassage(event.detail);
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
  const draft = JSON.parse(sessionStorage.getItem("draft")) ?? { query: "", passage: null };
  field.value ||= draft.query;
  setPassage(draft.passage);
}

if (form) start();
