// The selected texts a question is about. Each is a chip that can be removed, or shortened to a part of itself: its
// text opens in a field that takes no changes, where mouse, finger and keyboard all select (the keyboard would not in a
// readonly one), and the part keeps its exact place.

import { characters, text } from "./texts.js";

export class Chips {
  #passages = [];
  #place;
  #template;
  #changed;
  #field;
  #limit;
  #most;

  /** Chips in `form`; calls `changed` with a complaint ({message, label, act}, or nothing) when they are others. */
  constructor(form, changed) {
    this.#place = form.querySelector("[data-chips]");
    this.#template = form.querySelector("[data-chip-template]");
    this.#field = form.querySelector("[name=query]");
    this.#limit = Number(form.dataset.selectionLimit);
    this.#most = Number(form.dataset.selectionsLimit);
    this.#changed = changed;
  }

  get passages() {
    return this.#passages;
  }

  set(passages) {
    this.#passages = [];
    this.#place.replaceChildren();
    for (const passage of passages) this.#append(passage);
    this.#changed();
  }

  /** Adds `passage` behind the others, as far as there is room; a text that is there already is not asked about twice. */
  add(passage) {
    if (this.#passages.some((other) => same(other, passage))) return this.#changed();
    const room = this.#limit - this.#passages.reduce((sum, other) => sum + characters(other.text), 0);
    const count = characters(passage.text);
    if (this.#passages.length >= this.#most || room <= 0) {
      return this.#changed({ message: text("selections-full", { most: this.#most, limit: number(this.#limit) }) });
    }
    if (count > room) {
      return this.#changed({
        message: text("selections-over", { count: number(count), room: number(room), limit: number(this.#limit) }),
        label: text("selections-first", { room: number(room) }),
        act: () => this.add(part(passage, 0, [...passage.text].slice(0, room).join("").length)),
      });
    }
    this.#append(passage);
    this.#changed();
  }

  #append(passage) {
    this.#passages = [...this.#passages, passage];
    this.#place.append(this.#chip(passage));
  }

  #chip(passage) {
    const chip = this.#template.content.firstElementChild.cloneNode(true);
    const find = (name) => chip.querySelector(`[data-chip-${name}]`);
    const whole = find("whole");
    find("from").textContent = passage.from ?? "";
    find("text").textContent = passage.text;
    whole.value = passage.text;
    const open = (value) => {
      find("editor").hidden = !value;
      find("text").hidden = value;
      find("shorten").setAttribute("aria-expanded", value);
      (value ? whole : find("shorten")).focus({ preventScroll: true });
      chip.scrollIntoView({ block: "nearest", behavior: "instant" });
    };
    const watch = () => (find("keep").disabled = !chosen(whole, passage));
    for (const event of ["select", "keyup", "pointerup", "selectionchange"]) whole.addEventListener(event, watch);
    whole.addEventListener("beforeinput", (event) => event.preventDefault());
    find("shorten").addEventListener("click", () => open(!find("text").hidden));
    find("close").addEventListener("click", () => open(false));
    find("editor").addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      open(false);
    });
    find("keep").addEventListener("click", () => {
      const kept = chosen(whole, passage);
      if (kept) this.#replace(chip, passage, kept);
    });
    find("remove").addEventListener("click", () => this.#replace(chip, passage));
    return chip;
  }

  #replace(chip, passage, kept) {
    this.#passages = this.#passages.flatMap((other) => (other === passage ? (kept ?? []) : other));
    const next = kept && this.#chip(kept);
    if (next) chip.replaceWith(next);
    else chip.remove();
    this.#changed();
    this.#field.focus(); // the button that was pressed has gone
  }
}

/** The part of `passage` that is selected in `field`; null when that is nothing, or all of it. */
function chosen({ selectionStart, selectionEnd }, passage) {
  const found = part(passage, selectionStart, selectionEnd);
  return found.text && found.text !== passage.text ? found : null;
}

/** `passage` from `start` to `end` (UTF-16 units of its text), without white space around, and where that stands. */
function part(passage, start, end) {
  const piece = passage.text.slice(start, end);
  const content = piece.trim();
  const before = passage.text.slice(0, start) + piece.slice(0, piece.length - piece.trimStart().length);
  const first = passage.selection && passage.selection.start + characters(before);
  const selection = passage.selection && { ...passage.selection, start: first, end: first + characters(content) };
  return { ...passage, text: content, selection };
}

function number(value) {
  return value.toLocaleString(document.documentElement.lang);
}

function same(one, other) {
  return one.text === other.text && JSON.stringify(one.selection) === JSON.stringify(other.selection);
}
