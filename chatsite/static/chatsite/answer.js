// The answer while it is written. Model text is untrusted: it only ever becomes text nodes. A marker [n] becomes a link
// once the server, right behind it, has sent what it cites; the server's own rendering takes this one's place at the end.

import { counted, text } from "./texts.js";

const PARAGRAPH = /(?:[^\n]|\n(?!\n))+/g;

export class Answer {
  #article;
  #written = "";
  #shown = [];
  #sources = [];
  #citations = []; // in the order of their markers, each with the place of its marker in what is written
  #frame = 0;

  constructor(article) {
    this.#article = article;
  }

  /** What the agent does at the moment, in words. */
  show(activity) {
    this.#article.querySelector("[data-activity-text]").textContent = activity;
  }

  called(call) {
    const query = queryOf(call);
    this.show(query ? text("searching", { query }) : text("working"));
  }

  received({ passages = 0 }) {
    this.show(passages ? counted("reading", passages) : text("reading-none"));
  }

  use({ sources }) {
    this.#sources = sources;
  }

  write({ text: piece }) {
    if (!this.#written) this.show(text("writing"));
    this.#written += piece;
    this.#later();
  }

  cite(citation) {
    const marker = `[${citation.marker}]`;
    this.#citations.push({ ...citation, length: marker.length, at: this.#written.lastIndexOf(marker) });
    this.#later();
  }

  // Once a frame is as often as anyone can see, however fast the tokens come.
  #later() {
    this.#frame ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const place = this.#article.querySelector("[data-answer]");
    [...this.#written.matchAll(PARAGRAPH)].forEach(({ 0: paragraph, index }, position) => {
      const cited = this.#citations.filter(({ at }) => at >= index && at < index + paragraph.length);
      const state = `${cited.length} ${paragraph}`;
      if (this.#shown[position] === state) return;
      const element = place.children[position] ?? place.appendChild(document.createElement("p"));
      element.replaceChildren(...this.#parts(index, index + paragraph.length, cited));
      this.#shown[position] = state;
    });
  }

  *#parts(start, end, cited) {
    for (const citation of cited) {
      yield this.#written.slice(start, citation.at);
      yield this.#link(citation);
      start = citation.at + citation.length;
    }
    yield this.#written.slice(start, end);
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
