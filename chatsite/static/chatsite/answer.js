// The answer while it is written. Model text is untrusted: see markdown.js. A marker [n] becomes a link once the server,
// right behind it, has sent what it cites. At the end the server's own rendering takes the place of what was written here,
// and only what differs is touched: the rest keeps its layout, the focus and what is selected or found in it.

import { Markdown } from "./markdown.js";
import { counted, text } from "./texts.js";

const HOLDS_BLOCKS = "article, div, ul, ol, blockquote, table, thead, tbody, tr, li:has(> p)";
const OURS = ["data-open"]; // a citation whose document is open beside the chat

export class Answer {
  #article;
  #markdown;
  #drawn; // what is drawn into: the answer's place, or what will take it
  #sources = [];
  #citations = [];
  #called = [];
  #frame = 0;

  constructor(article) {
    this.#article = article;
    this.restart();
  }

  /** What is written from now on takes the place of what is shown, at the first frame of it. */
  restart() {
    this.#drawn = this.#place.cloneNode(false);
    this.#markdown = new Markdown(this.#drawn, (position) => this.#link(this.#citations[position]));
    this.#sources = [];
    this.#citations = [];
    this.#called = [];
    this.#steps?.querySelector("ol").replaceChildren();
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
    this.#article.querySelector("[data-activity-text]").textContent = activity;
  }

  called(call) {
    const query = queryOf(call);
    this.#called.push({ query, at: performance.now() });
    this.show(query ? text("searching", { query }) : text("working"));
  }

  received({ passages = 0 }) {
    this.show(passages ? counted("reading", passages) : text("reading-none"));
    const { query } = this.#called.shift() ?? {};
    if (!query || !this.#steps) return;
    this.#steps.hidden = false;
    const step = document.createElement("li");
    step.textContent = `${text("searched", { query })} ${counted("found", passages)}`;
    this.#steps.querySelector("ol").append(step);
  }

  use({ sources }) {
    this.#sources = sources;
  }

  write({ text: piece }) {
    if (!this.#markdown.text) this.show(text("writing"));
    this.#markdown.write(piece);
    this.#later();
  }

  cite(citation) {
    this.#citations.push(citation);
    this.#markdown.cite(`[${citation.marker}]`, this.#citations.length - 1);
    this.#later();
  }

  // Once a frame is as often as anyone can see, however fast the tokens come.
  #later() {
    this.#frame ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#markdown.draw();
    if (this.#place !== this.#drawn && this.#drawn.hasChildNodes()) this.#place.replaceWith(this.#drawn);
  }

  #link({ marker, source: position, quote, start, end }) {
    const source = this.#sources[position];
    const link = document.createElement(source?.url ? "a" : "span");
    if (source?.url) {
      const url = new URL(source.url, location.href);
      url.searchParams.set("start", start);
      url.searchParams.set("end", end);
      url.hash = "quote";
      link.href = url;
      link.dataset.citation = "";
    }
    link.className = "citation";
    link.dataset.marker = marker;
    link.dataset.from = source?.title ?? "";
    link.title = quote;
    link.textContent = marker;
    return link;
  }
}

/** What a search looks for. A model wrote its arguments, which may not even be JSON. */
function queryOf({ arguments: given }) {
  try {
    return JSON.parse(given).query;
  } catch {
    return "";
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

/** The nodes in `parent`, without the white space between blocks and what hovers above them. */
function nodesOf(parent) {
  const counts = (node) => (node.nodeType === Node.TEXT_NODE ? node.data.trim() : !node.popover);
  return parent.matches(HOLDS_BLOCKS) ? [...parent.childNodes].filter(counts) : [...parent.childNodes];
}
