// The documents that a question is for: found by their titles in the filter, shown as chips above the question. Each chip
// holds its own field of the form, so what stands there is asked, with this script or without.

import { counted, text } from "./texts.js";

const SETTLE_MS = 200;
const chat = document.querySelector("[data-chat]");

/** Documents the server lets this reader ask: {documents, more}; null when it can't be asked. */
async function listed(form, given) {
  const asked = new URLSearchParams(given);
  if (form.dataset.only) asked.set("collections", form.dataset.only.split(" ").join(","));
  const response = await fetch(`${chat.dataset.documentsUrl}?${asked}`).catch(() => null);
  return response?.ok ? response.json() : null;
}

export class Chosen {
  #form;
  #place;
  #template;
  #changed;
  #finder;

  /** Chips in `form`; calls `changed` with a complaint ({message}, or nothing) when they are others. */
  constructor(form, changed) {
    this.#form = form;
    this.#place = form.querySelector("[data-chosen]");
    this.#template = form.querySelector("[data-chosen-template]");
    this.#changed = changed;
    if (!this.#place) return;
    for (const chip of this.#place.children) this.#equip(chip);
    const place = form.querySelector("[data-finder]");
    if (place) this.#finder = new Finder(form, place, this);
    document.addEventListener("click", (event) => this.#narrow(event));
  }

  /** [{id, title, beside}], in the order they were chosen. */
  get documents() {
    return Array.from(this.#place?.children ?? [], (chip) => ({
      id: Number(chip.dataset.id),
      title: chip.querySelector("[data-name]").textContent,
      beside: chip.querySelector("[data-beside]").textContent,
    }));
  }

  set hidden(value) {
    if (this.#place) this.#place.hidden = value || !this.#place.children.length;
  }

  set(documents) {
    if (!this.#place) return;
    this.#place.replaceChildren(...documents.map((each) => this.#chip(each)));
    this.#told();
  }

  /** Those of `documents` that may still be asked: what a tab has kept may be another reader's, or gone. */
  async restore(documents) {
    if (!this.#place || !documents.length) return;
    const found = await listed(this.#form, { document_ids: documents.map(({ id }) => id).join(",") });
    if (!found || this.documents.length) return;
    const known = new Map(found.documents.map(({ document_id: id, title, beside }) => [id, { id, title, beside }]));
    this.set(documents.filter(({ id }) => known.has(id)).map(({ id }) => known.get(id)));
    if (known.size < documents.length) this.#changed({ message: text("choice-dropped") });
  }

  add(document) {
    if (this.documents.some(({ id }) => id === document.id)) return;
    this.#place.append(this.#chip(document));
    this.#told();
  }

  remove(id) {
    this.#place.querySelector(`[data-id="${id}"]`)?.remove();
    this.#told();
  }

  #told() {
    this.#finder?.tick(this.documents);
    this.#changed();
  }

  #chip({ id, title, beside }) {
    const chip = this.#template.content.firstElementChild.cloneNode(true);
    chip.dataset.id = id;
    chip.querySelector("[name]").value = id;
    chip.querySelector("[data-name]").textContent = title || text("gone-document");
    chip.querySelector("[data-beside]").textContent = beside ?? "";
    return this.#equip(chip);
  }

  #equip(chip) {
    const button = chip.querySelector("[data-remove]");
    button.hidden = false;
    button.addEventListener("click", () => {
      this.remove(Number(chip.dataset.id));
      this.#form.querySelector("[name=query]").focus(); // the button that was pressed has gone
    });
    return chip;
  }

  /** "Ask about this document", in a document that is open beside the chat. */
  #narrow(event) {
    const link = event.target.closest?.("a[data-narrow]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    document.dispatchEvent(new CustomEvent("narrow")); // what covers the composer makes way
    this.add({ id: Number(link.dataset.narrow), title: link.dataset.title });
    this.#form.querySelector("[name=query]").focus();
  }
}

/** The documents by words of their titles, as boxes to tick. */
class Finder {
  #form;
  #words;
  #found;
  #told;
  #template;
  #chosen;
  #latest = 0;
  #settling = 0;

  constructor(form, place, chosen) {
    this.#form = form;
    this.#chosen = chosen;
    this.#words = place.querySelector("[data-finder-words]");
    this.#found = place.querySelector("[data-finder-found]");
    this.#told = place.querySelector("[data-finder-told]");
    this.#template = form.querySelector("[data-finder-template]");
    const filter = place.closest("[data-filter]");
    filter.hidden = place.hidden = false;
    filter.addEventListener("toggle", () => {
      if (!filter.open) return;
      this.#look();
      if (matchMedia("(pointer: fine)").matches) this.#words.focus();
    });
    this.#words.addEventListener("input", () => {
      clearTimeout(this.#settling);
      this.#settling = setTimeout(() => this.#look(), SETTLE_MS);
    });
    place.addEventListener("keydown", (event) => this.#keyed(event));
  }

  async #look() {
    const ticket = ++this.#latest;
    const found = await listed(this.#form, { words: this.#words.value });
    if (ticket !== this.#latest) return;
    if (!found) return this.#tell("finder-failed");
    this.#found.replaceChildren(...found.documents.map((each) => this.#row(each)));
    this.tick(this.#chosen.documents);
    this.#tell(found.more ? "finder-more" : found.documents.length ? "" : "finder-none");
  }

  #tell(name) {
    this.#told.textContent = name && text(name);
  }

  #row({ document_id: id, title, beside, collection }) {
    const row = this.#template.content.firstElementChild.cloneNode(true);
    const box = row.querySelector("input");
    box.value = id;
    row.querySelector("[data-title]").textContent = title;
    row.querySelector("[data-collection]").textContent = [beside, collection].filter(Boolean).join(" · ");
    box.addEventListener("change", () => (box.checked ? this.#chosen.add({ id, title, beside }) : this.#chosen.remove(id)));
    return row;
  }

  tick(documents) {
    const ids = new Set(documents.map(({ id }) => String(id)));
    for (const box of this.#found.querySelectorAll("input")) box.checked = ids.has(box.value);
  }

  /** Arrows go from the words to the boxes and back; Enter ticks a box, and does not ask the question. */
  #keyed(event) {
    const stops = [this.#words, ...this.#found.querySelectorAll("input")];
    const at = stops.indexOf(event.target);
    const to = stops[at + ({ ArrowDown: 1, ArrowUp: -1 }[event.key] ?? NaN)];
    if (event.key === "Enter") {
      if (at > 0) event.target.click();
    } else if (to) to.focus();
    else return;
    event.preventDefault();
  }
}

/** How the filter names what is searched. */
export function countOf(documents) {
  return counted("some-documents", documents.length);
}
