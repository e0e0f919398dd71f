// The answer while it is written. The server renders it: blocks that have ended come as safe HTML, and the text of what is
// still open grows in an element of its own, as it was written, until its block takes its place. At the end the server's
// whole rendering takes the place of all, and only what differs is touched: the rest keeps its layout, the focus and what
// is selected or found in it.

import { counted, text } from "./texts.js";

const HOLDS_BLOCKS = "article, div, ul, ol, blockquote, table, thead, tbody, tr, li:has(> p)";
const LONG_TEXT = 8_000;
const OURS = ["data-open", "tabindex"]; // a citation whose document is open beside the chat; what has the focus

export class Answer {
  #article;
  #drawn; // what is drawn into: the answer's place, or what will take it
  #open = null; // the element whose text grows, and the one inside it that holds the text
  #waiting = []; // what has come since the last frame, as [name, value]
  #begun = false;
  #called = [];
  #frame = 0;

  constructor(article) {
    this.#article = article;
    this.restart();
  }

  /** What is written from now on takes the place of what is shown, as soon as it is as long. */
  restart() {
    this.#redraw();
    this.#called = [];
    this.#steps?.querySelector("ol").replaceChildren();
  }

  #redraw() {
    this.#drawn = this.#place.cloneNode(false);
    this.#drawn.dataset.unsupported = "";
    this.#open = null;
    this.#waiting = [];
    this.#begun = false;
  }

  get #place() {
    const place = this.#article.querySelector("[data-answer]");
    if (place) return place;
    const made = Object.assign(document.createElement("div"), { className: "answer" });
    made.dataset.answer = "";
    this.#article.querySelector(".question").after(made);
    return made;
  }

  get #steps() {
    return this.#article.querySelector("[data-steps]");
  }

  /** What the agent does at the moment, in words. */
  show(activity) {
    this.#article.querySelector("[data-activity]").hidden = false;
    this.#article.querySelector("[data-activity-text]").textContent = activity;
  }

  called(call) {
    const { query, step } = argumentsOf(call);
    const { title } = call;
    this.#called.push({ query, step, title, at: performance.now() });
    if (title) return this.show(text("asking-tool", { title }));
    this.show(step ? text("step", { step }) : query ? text("searching", { query }) : text("working"));
  }

  received({ passages = 0, failed = false }) {
    const { query, step, title } = this.#called.shift() ?? {};
    if (title) return this.#did(text(failed ? "tool-failed" : "tool-answered", { title }));
    if (step) return this.#did(text("step-done", { step }));
    this.show(passages ? counted("reading", passages) : text("reading-none"));
    if (query) this.#did(`${text("searched", { query })} ${counted("found", passages)}`);
  }

  /** Lists what has been done. */
  #did(what) {
    if (!this.#steps) return;
    this.#steps.hidden = false;
    this.#steps.querySelector("ol").append(Object.assign(document.createElement("li"), { textContent: what }));
  }

  /** Takes an event of the answer's content: `open`, `text`, `citation`, `html` or `kept`. */
  take(name, value) {
    if (!this.#begun) this.show(text("unsupported" in this.#drawn.dataset ? "writing-unsupported" : "writing"));
    this.#begun = true;
    if (name === "html") this.#forgetOpen();
    const last = this.#waiting.at(-1);
    if (name === "text" && last?.[0] === "text") last[1] = { text: last[1].text + value.text };
    else this.#waiting.push([name, value]);
    this.#frame ||= requestAnimationFrame(() => this.draw()); // as often as anyone can see, however fast it comes
  }

  /** What was written is no answer: it leaves at once. */
  withdraw() {
    this.#redraw();
    this.#place.replaceWith(this.#drawn);
  }

  /** A citation has come: the answer stands on something. */
  support() {
    delete this.#drawn.dataset.unsupported;
    this.show(text("writing"));
  }

  /** What has come of an open block is not drawn when its end has come, too. */
  #forgetOpen() {
    const from = this.#waiting.findLastIndex(([name]) => name === "html" || name === "kept") + 1;
    this.#waiting.splice(from);
  }

  /** Everything has come. */
  end() {
    this.draw();
    if (this.#place !== this.#drawn && this.#drawn.textContent) this.#place.replaceWith(this.#drawn);
  }

  draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    for (const [name, value] of this.#waiting) this.#draw(name, value);
    this.#waiting = [];
    const { length } = this.#drawn.textContent;
    if (this.#place !== this.#drawn && length && length >= this.#place.textContent.length) this.#place.replaceWith(this.#drawn);
  }

  #draw(name, { html = "", depth = 0, again = false, text: more = "" }) {
    if (name === "text") this.#open.inner = grow(this.#open.inner, more);
    else if (name === "citation") this.#open.inner.insertAdjacentHTML("beforeend", html);
    else if (name === "open") {
      const outer = append(this.#drawn, html, depth);
      this.#open = { outer, inner: innermost(outer) };
    } else {
      if (name === "html") this.#open?.outer.remove();
      this.#open = null;
      if (again) this.#drawn.lastElementChild.remove();
      append(this.#drawn, html, depth);
    }
  }
}

/** Appends `html` at the end of `place`, or `depth` last children deep into it, and gives its last element. */
function append(place, html, depth) {
  for (let level = 0; level < depth; level++) place = place.lastElementChild;
  place.insertAdjacentHTML("beforeend", html);
  return place.lastElementChild;
}

function innermost(element) {
  return element.lastElementChild ? innermost(element.lastElementChild) : element;
}

/** Adds to the text that `element` ends with, in the same node: what is selected in it stays so. Gives the element in
    which it goes on: behind a long text another one, so that a frame lays out no more than the last of them. */
export function grow(element, more) {
  if (element.lastChild?.nodeType === Node.TEXT_NODE) element.lastChild.appendData(more);
  else element.append(more);
  if (!element.matches(".unfinished") || element.lastChild.data.length < LONG_TEXT) return element;
  const next = Object.assign(document.createElement("span"), { className: "unfinished further" });
  if (element.matches(".further")) element.after(next);
  else element.append(next);
  return next;
}

/** What a search looks for, or a workflow's step is called. A model may have written it, so that it is perhaps no JSON. */
function argumentsOf({ arguments: given }) {
  try {
    return JSON.parse(given) ?? {};
  } catch {
    return {};
  }
}

/** Makes `shown` what `wanted` is; takes `wanted` apart. */
export function become(shown, wanted) {
  if (shown.isEqualNode(wanted)) return;
  if (shown.nodeName !== wanted.nodeName || shown.nodeType !== Node.ELEMENT_NODE) return shown.replaceWith(wanted);
  for (const { name } of [...shown.attributes]) if (!wanted.hasAttribute(name) && !OURS.includes(name)) shown.removeAttribute(name);
  for (const { name, value } of wanted.attributes) if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  const before = nodesOf(shown);
  const after = nodesOf(wanted);
  before.slice(after.length).forEach((node) => node.remove());
  after.forEach((node, at) => (before[at] ? become(before[at], node) : shown.append(node)));
}

/** The nodes in `parent`, without the white space between blocks, what hovers above them, and thoughts, which the server
    doesn't keep. */
function nodesOf(parent) {
  const counts = (node) => (node.nodeType === Node.TEXT_NODE ? node.data.trim() : !node.popover && node.dataset?.thinking === undefined);
  return parent.matches(HOLDS_BLOCKS) ? [...parent.childNodes].filter(counts) : [...parent.childNodes];
}
