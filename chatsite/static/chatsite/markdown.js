// Markdown as it is written, as DOM nodes. Model text is untrusted: it only ever becomes text nodes, in elements of a few
// kinds without attributes; a link leads to http, https or mailto. It is built by appending: a unit (a paragraph, a
// heading, an item of a list, a row of a table, a block of code) that another one follows is never touched again, so a
// frame costs as much as the last unit, however long the answer is. At the end the server's rendering takes its place.

const UNIT_MOST = 8_000; // a longer paragraph is cut, so that the last unit stays cheap to draw
const DEEPEST = 6;
const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;
const HEADING = /^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*$/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])(?:[ \t]+|$)/;
const QUOTE = /^ {0,3}>[ \t]?/;
const DELIMITERS = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;
const FORMULA = /^ {0,3}(?:\$\$(?!.*\$\$)|\\\[(?!.*\\\]))/; // it opens on this line and goes on behind it
const INLINE = new RegExp(
  [
    /(?<ticks>`+)(?<code>[^`][\s\S]{0,2000}?)\k<ticks>(?!`)/,
    /\$\$(?<dollars>(?:[^$\\]|\\[\s\S]){1,2000}?)\$\$/,
    /\\\[(?<brackets>(?:[^\\]|\\[^\]]){1,2000}?)\\\]/,
    /\\\((?<round>(?:[^\\]|\\[^)]){1,2000}?)\\\)/,
    /\$(?<dollar>(?!\s)(?:[^$\\`]|\\[\s\S]){1,2000}?)(?<!\s)\$(?![\dA-Z_$])/,
    /(?<open>(?:\$\$|\\\[|\\\()[^\uE000]*)$(?![\s\S])/,
    /\\(?<escaped>[!-/:-@[-`{-~])/,
    /(?:\*\*(?=\S)(?<strong>[\s\S]{0,1000}?\S)\*\*|__(?=\S)(?<strong2>[\s\S]{0,1000}?\S)__)/,
    /~~(?=\S)(?<del>[\s\S]{0,1000}?\S)~~/,
    /\*(?=[^\s*])(?<em>[\s\S]{0,1000}?[^\s*])\*(?!\*)/,
    /(?<!\w)_(?=[^\s_])(?<em2>[\s\S]{0,1000}?[^\s_])_(?!\w)/,
    /\[(?<label>[^[\]]{1,1000})\]\(<?(?<href>[^\s()<>]{1,2000})>?(?:[ \t]+"[^"]{0,500}")?\)/,
    /<(?<address>https?:[^\s<>]{1,2000})>/,
    /\uE000(?<cited>\d+)\uE001/,
    /(?<newline> {2,}\n|\\\n)/,
  ].map(({ source }) => source).join("|"),
  "g",
);

/** Markdown that grows in `place`; `cite(n)` makes the element for the n-th citation. */
export class Markdown {
  #place;
  #cite;
  #text = "";
  #from = 0; // where the unit begins that may still grow
  #last = null; // its elements
  #table = null; // the last one that was drawn
  #code = null; // while that unit is a block of code: its text node, its fence, and how far it has been drawn

  constructor(place, cite) {
    this.#place = place;
    this.#cite = cite;
  }

  get text() {
    return this.#text;
  }

  write(piece) {
    this.#text += piece.replace(/[\uE000\uE001]/g, ""); // they stand for citations here
  }

  /** The marker that the text ends with is the `position`-th citation. */
  cite(marker, position) {
    if (this.#text.endsWith(marker)) this.#text = `${this.#text.slice(0, -marker.length)}\uE000${position}\uE001`;
  }

  draw() {
    while (this.#from < this.#text.length) {
      if (this.#code && !this.#goOnWithCode()) return;
      if (this.#from >= this.#text.length) return;
      const rest = this.#text.slice(this.#from, this.#from + 2 * UNIT_MOST);
      this.#last?.remove();
      this.#last = null;
      const unit = firstUnit(rest, { table: this.#place.lastElementChild === this.#table ? this.#table : null });
      if (unit.kind === "fence") {
        this.#openCode(unit);
        continue;
      }
      const whole = this.#from + unit.length < this.#text.length && unit.closed;
      const shown = this.#show(unit);
      if (whole) {
        this.#from += unit.length;
        continue;
      }
      this.#last = shown;
      if (rest.length > UNIT_MOST) { // it goes on for ever
        this.#last = null;
        this.#from += unit.length;
        continue;
      }
      return;
    }
  }

  #show(unit) {
    const inline = (text) => [...inlineNodes(text, this.#cite, 0)];
    if (unit.kind === "blank") return null;
    if (unit.kind === "item") {
      const item = itemElement(unit, this.#cite, 0);
      const list = listFor(unit, this.#place);
      list.append(item);
      return removable(item, list);
    }
    if (unit.kind === "row") {
      const row = rowElement("td", unit.text, inline);
      this.#table.tBodies[0].append(row);
      return row;
    }
    const shown = blockElement(unit, this.#cite, 0);
    if (unit.kind === "table") this.#table = shown;
    this.#place.append(shown);
    return shown;
  }

  #openCode(unit) {
    const node = document.createTextNode("");
    const code = element("code", node);
    this.#place.append(element("pre", code));
    this.#from += unit.length;
    this.#code = { node, close: unit.close };
  }

  /** Appends what has come of the code; true once its fence is closed. */
  #goOnWithCode() {
    const { node, close } = this.#code;
    const rest = this.#text.slice(this.#from);
    close.lastIndex = 0;
    const end = close.exec(rest);
    const lines = end ? rest.slice(0, end.index) : rest.slice(0, rest.lastIndexOf("\n") + 1);
    node.appendData(lines);
    this.#from += end ? end.index + end[0].length : lines.length;
    if (end) this.#code = null;
    return Boolean(end);
  }
}

/** An item whose list goes with it when the list has no other. */
function removable(item, list) {
  return { remove: () => (list.children.length > 1 ? item.remove() : list.remove()) };
}

/** The first unit of `text`: {kind, text, length, closed}; `closed` when nothing that follows can belong to it. */
function firstUnit(text, { table = null } = {}) {
  const lines = text.split("\n");
  const [first] = lines;
  const complete = lines.length > 1;
  const single = (kind, more = {}) => ({ kind, text: first, length: first.length + (complete ? 1 : 0), closed: complete, ...more });
  if (!first.trim()) return single("blank");
  let match = FENCE.exec(first);
  if (match && complete && !(match[1][0] === "`" && match[2].includes("`"))) {
    const close = new RegExp(`^ {0,3}${match[1][0]}{${match[1].length},}[ \\t]*(?:\\n|$(?![\\s\\S]))`, "gm");
    return single("fence", { close });
  }
  if (table && first.includes("|")) return single("row");
  if ((match = HEADING.exec(first))) return single("heading", { level: match[1].length, text: match[2] });
  if (RULE.test(first)) return single("rule");
  if (first.includes("|") && complete && DELIMITERS.test(lines[1]) && lines[1].includes("-")) {
    return { ...single("table"), length: first.length + 1 + lines[1].length + (lines.length > 2 ? 1 : 0), closed: lines.length > 2 };
  }
  const formula = FORMULA.test(first) && formulaUnit(lines);
  if (formula) return formula;
  if (QUOTE.test(first)) return many("quote", lines, (line) => QUOTE.test(line));
  if ((match = ITEM.exec(first))) {
    const ordered = /\d/.test(match[2]);
    const unit = many("item", lines, (line, before) => /^(?: {2,}|\t)/.test(line) || !line.trim() || (before.trim() && !begins(line)));
    return { ...unit, ordered, start: ordered ? parseInt(match[2], 10) : 1, indent: match[0].length };
  }
  return many("paragraph", lines, (line) => line.trim() && !begins(line));
}

function begins(line) {
  return [FENCE, HEADING, RULE, ITEM, QUOTE, FORMULA].some((kind) => kind.test(line));
}

/** The lines of a formula as a paragraph, whatever they begin with; null when a blank line comes before its end. */
function formulaUnit(lines) {
  const closing = lines[0].includes("$$") ? "$$" : "\\]";
  const last = lines.findIndex((line, at) => at && (line.includes(closing) || (!line.trim() && at < lines.length - 1)));
  if (last >= 0 && !lines[last].includes(closing)) return null;
  let at = 0;
  return many("paragraph", lines, () => last < 0 || ++at <= last);
}

/** The unit of the first line and those behind it that belong to it. */
function many(kind, lines, belongs) {
  let count = 1;
  while (count < lines.length && belongs(lines[count], lines[count - 1])) count++;
  const text = lines.slice(0, count).join("\n");
  const closed = count < lines.length;
  return { kind, text, length: text.length + (closed ? 1 : 0), closed };
}

// ---- units as elements ----

function element(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}

function blockElement(unit, cite, depth) {
  const inline = (text) => inlineNodes(text, cite, depth);
  if (unit.kind === "heading") return element(`h${unit.level}`, ...inline(unit.text));
  if (unit.kind === "rule") return element("hr");
  if (unit.kind === "table") return element("table", element("thead", rowElement("th", unit.text, inline)), element("tbody"));
  if (unit.kind === "quote") {
    const inner = unit.text.split("\n").map((line) => line.replace(QUOTE, "")).join("\n");
    return element("blockquote", ...blocks(inner, cite, depth + 1));
  }
  return element("p", ...inline(unit.text));
}

function rowElement(cell, line, inline) {
  const cells = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "").split(/(?<!\\)\|/);
  return element("tr", ...cells.map((text) => element(cell, ...inline(text.trim().replaceAll("\\|", "|")))));
}

function itemElement(unit, cite, depth) {
  const indent = new RegExp(`^[ \\t]{0,${unit.indent}}`);
  const [first, ...rest] = unit.text.split("\n");
  const inner = [first.slice(unit.indent), ...rest.map((line) => line.replace(indent, ""))].join("\n").trimEnd();
  const made = blocks(inner, cite, depth + 1);
  const tight = !/\n[ \t]*\n/.test(inner);
  return element("li", ...made.flatMap((block) => (tight && block.nodeName === "P" ? [...block.childNodes] : block)));
}

/** The list that an item goes on with: the last one in `place`, when it is of its kind. */
function listFor({ ordered, start }, place) {
  const name = ordered ? "OL" : "UL";
  if (place.lastElementChild?.nodeName === name) return place.lastElementChild;
  const list = document.createElement(name);
  if (ordered && start !== 1) list.start = start;
  place.append(list);
  return list;
}

/** All blocks of `text`, which stands inside an item or a quotation. */
function blocks(text, cite, depth) {
  if (depth > DEEPEST) return [element("p", text)];
  const place = document.createElement("div");
  let table = null;
  for (let at = 0; at < text.length; ) {
    const unit = firstUnit(text.slice(at), { table: place.lastElementChild === table ? table : null });
    at += Math.max(unit.length, 1);
    if (unit.kind === "blank") continue;
    if (unit.kind === "item") listFor(unit, place).append(itemElement(unit, cite, depth));
    else if (unit.kind === "row") table.tBodies[0].append(rowElement("td", unit.text, (cell) => inlineNodes(cell, cite, depth)));
    else if (unit.kind === "fence") {
      unit.close.lastIndex = at;
      const end = unit.close.exec(text);
      place.append(element("pre", element("code", text.slice(at, end?.index))));
      at = end ? end.index + end[0].length : text.length;
    } else {
      const shown = blockElement(unit, cite, depth);
      if (unit.kind === "table") table = shown;
      place.append(shown);
    }
  }
  return [...place.childNodes];
}

// ---- inside a line ----

function* inlineNodes(text, cite, depth) {
  if (depth > DEEPEST) return yield text;
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > at) yield text.slice(at, match.index);
    at = match.index + match[0].length;
    const formula = formulaOf(match.groups);
    if (!formula) yield inlineNode(match, cite, depth + 1);
    else if (isFormula(formula)) yield formulaElement(formula, match[0]);
    else yield* besides(match[0], cite, depth);
  }
  if (at < text.length) yield text.slice(at);
}

function inlineNode({ 0: whole, groups }, cite, depth) {
  const { code, escaped, strong, strong2, del, em, em2, label, href, address, cited, newline } = groups;
  const within = (name, text) => element(name, ...inlineNodes(text, cite, depth));
  if (code !== undefined) return element("code", code.replaceAll("\n", " ").replace(/^ (.*\S.*) $/, "$1"));
  if (escaped) return escaped;
  if (strong ?? strong2) return within("strong", strong ?? strong2);
  if (del) return within("del", del);
  if (em ?? em2) return within("em", em ?? em2);
  if (cited) return cite(Number(cited));
  if (newline) return element("br");
  const url = safeUrl(href ?? address);
  if (!url) return whole;
  const link = within("a", label ?? address);
  link.href = url;
  link.rel = "noopener noreferrer nofollow";
  return link;
}

// ---- formulas: as they are written, until the server's MathML takes their place; what is one, formulas.py says ----

const SIGN = /[\\^_=+*/<>|{}-]/;
const WORDS = /(?:^|\s)\p{L}{2,}\s+\p{L}{2,}(?:\s|$)/u;
const PRICE = /^(?:\d[\d.,]*\s*\p{L}{2,}|\d[\d.,]*\s+\S)/u;

function formulaOf(groups) {
  const kind = ["dollars", "brackets", "round", "dollar", "open"].find((name) => groups[name] !== undefined);
  return kind && { kind, source: groups[kind].trim() };
}

function isFormula({ kind, source }) {
  if (kind === "dollars" || kind === "open") return Boolean(source);
  if (!source.includes("\\") && WORDS.test(source)) return false;
  if (kind === "dollar") return source.includes("\\") || !PRICE.test(source);
  return SIGN.test(source) || (source.length <= 3 && !(kind === "brackets" && /^\d+$/.test(source)));
}

function formulaElement({ kind, source }, written) {
  const made = element("span", source);
  made.className = kind === "dollars" || kind === "brackets" ? "math display source" : "math source";
  made.dataset.tex = written;
  return made;
}

/** What only looked like a formula: its first sign, and the rest as any other text. */
function* besides(whole, cite, depth) {
  const signs = whole[0] === "\\" ? 2 : 1; // \( is a bracket
  yield whole[signs - 1];
  yield* inlineNodes(whole.slice(signs), cite, depth);
}

function safeUrl(address) {
  if (!/^(?:https?|mailto):/i.test(address) || !URL.canParse(address)) return "";
  return new URL(address).href;
}
