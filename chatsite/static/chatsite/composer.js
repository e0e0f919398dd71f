// What the reader is about to ask: the question, the selected text it is about, the collections or documents to search.
// A draft survives a reload and a detour through sign-in.

import { Chips } from "./chips.js";
import { Chosen, countOf } from "./choosing.js";
import { kept, remembered } from "./kept.js";
import { characters, text } from "./texts.js";

const NEAR_LIMIT = 400;
const form = document.querySelector("[data-composer]");
const field = form?.querySelector("textarea");
const find = (name) => form.querySelector(`[data-${name}]`);
const limit = Number(form?.dataset.limit);
const placeholder = field?.placeholder;

const session = () => document.querySelector("[data-chat]").dataset.session;

let busy = false;
let held = 0; // files that are being sent: the question waits for them
let wanted = false; // it was to be sent meanwhile
let restored = Promise.resolve(); // the documents that a draft was for
const chips = form && new Chips(form, chipsChanged);
const chosen = form && new Chosen(form, chosenChanged);

export const composer = form && {
  /** Calls `ask` with each question that is sent, also before this script had run: see enter.js. */
  onAsk(ask) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      wanted = held > 0;
      if (!sendable()) return;
      const asked = question();
      clear();
      ask(asked);
    });
    if (!("early" in form.dataset)) return;
    delete form.dataset.early;
    restored.finally(() => form.requestSubmit());
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

  get busy() {
    return busy;
  },

  /** Lets the question wait for so many files more (or less); one that is refused lets it be thought over. */
  hold(count, { refused = false } = {}) {
    held += count;
    wanted &&= !refused;
    refresh();
    if (!held && wanted) form.requestSubmit();
  },

  notify,

  /** Puts back what could not be sent, unless something new was typed meanwhile. */
  restore({ query, passages, documents }) {
    if (!field.value) field.value = query;
    if (!chips.passages.length) chips.set(passages ?? []);
    if (!chosen.documents.length && !chips.passages.length) chosen.set(documents ?? []);
    refresh();
  },

  focus() {
    field.focus();
  },

  get csrfToken() {
    // The cookie is newer than the page after a sign-in in another tab; it can also be hidden from scripts.
    return /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? form.elements.csrfmiddlewaretoken?.value ?? "";
  },

  /** What is searched, as fields of a question: the documents that were chosen, or else collections (undefined: all). */
  get filter() {
    return { documents: chosen.documents, collections: this.collections };
  },

  /** The language model to ask; undefined where there is no choice. */
  get model() {
    return find("model")?.value;
  },

  /** All that can be searched from here, as collections. */
  get everything() {
    return form.dataset.only?.split(" ");
  },

  get collections() {
    if (form.dataset.only) return this.everything;
    const boxes = [...form.querySelectorAll("[name=collections]")];
    const ticked = boxes.filter((box) => box.checked).map((box) => box.value);
    return ticked.length && ticked.length < boxes.length ? ticked : undefined;
  },
};

function question() {
  return { query: field.value.trim(), passages: chips.passages, ...composer.filter };
}

function sendable() {
  const { query } = question();
  return query && characters(query) <= limit && !busy && !held;
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
  kept.set("draft", { query: field.value, passages: chips.passages, documents: chosen?.documents, session: session() });
}

function chipsChanged(complaint) {
  const about = chips.passages.length > 0;
  if (find("filter")) find("filter").hidden = about; // the selections alone are asked
  if (chosen) chosen.hidden = about;
  field.placeholder = about ? field.dataset.placeholderSelection : placeholder;
  notify(complaint);
  refresh();
}

function chosenChanged(complaint) {
  chosen.hidden = chips.passages.length > 0;
  const collections = form.querySelector("[data-collections]");
  if (collections) collections.disabled = chosen.documents.length > 0; // documents are asked wherever they stand
  if (find("filter")) showFilter();
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

/** A conversation goes on with the model that has answered in it, another one begins with the one that was last chosen. */
function offerModels(choice) {
  const last = remembered.get("model");
  const offered = [...choice.querySelectorAll("option")].some(({ value }) => value === last);
  if (offered && !("ofConversation" in choice.dataset)) choice.value = last;
  choice.addEventListener("change", () => remembered.set("model", choice.value));
}

function showFilter() {
  const total = form.querySelectorAll("[name=collections]").length;
  const { documents, collections } = composer.filter;
  const all = text(total ? "all-collections" : "all-documents");
  const some = collections?.length && total ? text("some-collections", { count: collections.length, total }) : all;
  find("filter-label").textContent = documents.length ? countOf(documents) : some;
}

function start() {
  field.addEventListener("input", refresh);
  document.addEventListener("passage", (event) => {
    event.preventDefault(); // taken: it need not be carried to the chat page
    chips.add(event.detail);
    field.focus();
  });
  if (find("model")) offerModels(find("model"));
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
  const named = chosen.documents; // by the address of this page
  chips.set(draft?.passages ?? []);
  if (named.length) chosen.set(named);
  else if (draft?.session === session()) restored = chosen.restore(draft?.documents ?? []);
  if (problem) notify({ message: problem });
}

if (form) start();
