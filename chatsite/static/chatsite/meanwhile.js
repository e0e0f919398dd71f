// What an article shows before the first word of its answer: what the model thinks, how long it has been reading, the place
// in line, and sentences that can be read meanwhile. None of it is a part of the answer, and the server keeps none of it.

import { grow } from "./answer.js";
import { announce, counted, ordinal, text } from "./texts.js";

const SECOND = 1000;
const LINE = 200; // characters of the newest thoughts, of which the last line is shown while they are folded

export class Meanwhile {
  #article;
  #show; // shows an activity, in words
  #thoughts = null; // the element that holds them, and the one in it that grows
  #growing = null;
  #more = ""; // what has come of them since the last frame
  #newest = "";
  #frame = 0;
  #begun = 0;
  #isOver = false;
  #isTold = false; // that the model reads
  #again = false;

  constructor(article, show) {
    this.#article = article;
    this.#show = show;
  }

  /** What is told from now on takes the place of what is shown, when it comes. */
  restart() {
    this.#again = true;
  }

  /** Takes one of the events `thinking`, `waiting`, `queued` and `quoted`. */
  take(name, value) {
    if (name === "thinking") this.#think(value.text);
    else if (!this.#isOver) this[name](value);
  }

  waiting({ seconds }) {
    this.#show(text("model-reading-for", { seconds }));
    if (!this.#isTold) announce(text("model-reading")); // once: its seconds are for the eye
    this.#isTold = true;
  }

  queued({ place }) {
    this.#show(ordinal("in-line", place));
    announce(ordinal("in-line", place));
  }

  quoted({ html }) {
    if (this.#quoted) return;
    const offer = document.querySelector("#quoted").content.firstElementChild.cloneNode(true);
    offer.querySelector("[data-quoted-text]").insertAdjacentHTML("beforeend", html);
    this.#article.querySelector("[data-activity]").after(offer);
  }

  get #quoted() {
    return this.#article.querySelector("[data-quoted]");
  }

  /** The answer has begun, or will not begin any more. */
  end() {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#quoted?.remove();
    if (!this.#thoughts) return;
    this.draw();
    const seconds = Math.round((performance.now() - this.#begun) / SECOND);
    const label = seconds ? counted("thought-for", seconds) : text("thoughts");
    this.#article.querySelector("[data-thinking-label]").textContent = label;
    this.#article.querySelector("[data-thinking-line]").textContent = "";
    announce(label);
  }

  #think(more) {
    if (!this.#thoughts) this.#beginThoughts();
    else if (this.#again) this.#forgetThoughts();
    this.#again = false;
    this.#more += more;
    this.#frame ||= requestAnimationFrame(() => this.draw());
  }

  #beginThoughts() {
    const thinking = document.querySelector("#thinking").content.firstElementChild.cloneNode(true);
    this.#article.querySelector(".question").after(thinking);
    this.#thoughts = thinking.querySelector("[data-thoughts]");
    this.#growing = this.#thoughts;
    this.#begun = performance.now();
    if (this.#isOver) return void (thinking.querySelector("[data-thinking-label]").textContent = text("thoughts"));
    this.#article.querySelector("[data-activity]").hidden = true; // until there is another
    announce(text("thinking"));
  }

  #forgetThoughts() {
    this.#thoughts.replaceChildren();
    this.#growing = this.#thoughts;
    this.#more = "";
    this.#newest = "";
  }

  draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (!this.#more) return;
    this.#growing = grow(this.#growing, this.#more);
    this.#newest = `${this.#newest}${this.#more}`.slice(-LINE);
    this.#more = "";
    if (!this.#isOver) this.#article.querySelector("[data-thinking-line]").textContent = this.#newest.trimEnd().split("\n").at(-1);
  }
}
