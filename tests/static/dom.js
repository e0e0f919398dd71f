// As much of a browser as the chat's scripts need in tests without one: elements, events, ranges, timers. What is missing
// here is missed by an exception, and belongs into tests/browser.

globalThis.globalThis.window = globalThis;

class Node {
  static ELEMENT_NODE = 1;
  static TEXT_NODE = 3;
  childNodes = [];
  parentElement = null;
  get nodeType() { return this instanceof Text ? 3 : 1; }
  get nodeName() { return this instanceof Text ? "#text" : this.name.toUpperCase(); }
  get textContent() { return this instanceof Text ? this.data : this.childNodes.map((node) => node.textContent).join(""); }
  get siblings() { return this.parentElement?.childNodes ?? []; }
  get nextSibling() { return this.siblings[this.siblings.indexOf(this) + 1] ?? null; }
  get root() { return this.parentElement?.root ?? this; }
  get isConnected() { return this.root === document.documentElement; }
  contains(node) { return node === this || Boolean(node?.parentElement && this.contains(node.parentElement)); }
  remove() {
    this.siblings.splice(this.siblings.indexOf(this), this.parentElement ? 1 : 0);
    this.parentElement = null;
  }
  put(at, nodes) {
    for (const each of nodes.flat()) {
      const node = typeof each === "string" ? new Text(each) : each;
      node.remove();
      node.parentElement = this;
      this.childNodes.splice(at++, 0, node);
    }
  }
  append(...nodes) { this.put(this.childNodes.length, nodes); }
  replaceChildren(...nodes) { for (const node of [...this.childNodes]) node.remove(); this.append(...nodes); }
  after(...nodes) { this.parentElement.put(this.siblings.indexOf(this) + 1, nodes); }
  before(...nodes) { this.parentElement.put(this.siblings.indexOf(this), nodes); }
  replaceWith(...nodes) { this.before(...nodes); this.remove(); }
  isEqualNode(other) { return this.outerHTML === other.outerHTML; }
  addEventListener(type, listener) { ((this.listeners ??= {})[type] ??= []).push(listener); }
  dispatchEvent(event) {
    event.target ??= this;
    for (const listener of this.listeners?.[event.type] ?? []) listener(event);
    if (event.bubbles && this.parentElement) this.parentElement.dispatchEvent(event);
    return !event.defaultPrevented;
  }
}

class Text extends Node {
  constructor(data) { super(); this.data = data; }
  appendData(more) { this.data += more; }
  cloneNode() { return new Text(this.data); }
  get outerHTML() { return escaped(this.data); }
}

class Element extends Node {
  constructor(name, attributes = {}) { super(); Object.assign(this, { name, map: { ...attributes }, style: {} }); }
  get attributes() { return Object.entries(this.map).map(([name, value]) => ({ name, value })); }
  getAttribute(name) { return this.map[name] ?? null; }
  hasAttribute(name) { return name in this.map; }
  setAttribute(name, value) { this.map[name] = String(value); }
  removeAttribute(name) { delete this.map[name]; }
  get children() { return this.childNodes.filter((node) => node instanceof Element); }
  get lastElementChild() { return this.children.at(-1) ?? null; }
  get firstElementChild() { return this.children[0] ?? null; }
  get lastChild() { return this.childNodes.at(-1) ?? null; }
  get previousElementSibling() { return this.parentElement.children[this.parentElement.children.indexOf(this) - 1] ?? null; }
  get content() { return this; } // of a template
  set textContent(value) { this.replaceChildren(...(value ? [String(value)] : [])); }
  get textContent() { return super.textContent; }
  get dataset() {
    const named = (key) => `data-${String(key).replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return new Proxy(this.map, {
      get: (map, key) => map[named(key)],
      set: (map, key, value) => { map[named(key)] = String(value); return true; },
      has: (map, key) => named(key) in map,
      deleteProperty: (map, key) => delete map[named(key)],
    });
  }
  get classList() {
    const all = new Set((this.map.class ?? "").split(" ").filter(Boolean));
    return { toggle: (name, on) => { on ? all.add(name) : all.delete(name); this.map.class = [...all].join(" "); }, contains: (name) => all.has(name) };
  }
  cloneNode(deep) {
    const copy = new Element(this.name, this.map);
    if (deep) copy.append(...this.childNodes.map((node) => node.cloneNode(true)));
    return copy;
  }
  matches(selector) { return selector.split(",").some((each) => matchesOne(this, each.trim())); }
  closest(selector) { return this.matches(selector) ? this : (this.parentElement?.closest(selector) ?? null); }
  querySelectorAll(selector) { return this.children.flatMap((child) => [...(child.matches(selector) ? [child] : []), ...child.querySelectorAll(selector)]); }
  querySelector(selector) { return this.querySelectorAll(selector)[0] ?? null; }
  insertAdjacentHTML(where, html) { this.append(...parsed(html)); }
  get innerHTML() { return this.childNodes.map((node) => node.outerHTML).join(""); }
  get outerHTML() {
    const attributes = Object.entries(this.map).sort().map(([name, value]) => ` ${name}="${escaped(value)}"`).join("");
    return `<${this.name}${attributes}>${VOID.has(this.name) ? "" : `${this.innerHTML}</${this.name}>`}`;
  }
  focus() { document.activeElement = this; }
  scrollIntoView() {}
  showPopover() {}
  hidePopover() {}
}

for (const name of ["hidden", "disabled"]) {
  Object.defineProperty(Element.prototype, name, {
    get() { return name in this.map; },
    set(value) { value ? (this.map[name] = "") : delete this.map[name]; },
  });
}
for (const [property, name] of [["className", "class"], ["title", "title"], ["popover", "popover"], ["id", "id"]]) {
  Object.defineProperty(Element.prototype, property, { get() { return this.map[name] ?? ""; }, set(value) { this.map[name] = value; } });
}

const VOID = new Set(["br", "hr", "input"]);
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
const unescaped = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");

function parsed(html) {
  const root = new Element("root");
  let place = root;
  for (const [, close, open, rest, text] of html.matchAll(/<\/(\w+)>|<(\w+)([^>]*)>|([^<]+)/g)) {
    if (text) place.append(unescaped(text));
    else if (close) place = place.parentElement;
    else {
      const attributes = [...rest.matchAll(/([\w-]+)(?:="([^"]*)")?/g)].map(([, name, value]) => [name, unescaped(value ?? "")]);
      const element = new Element(open, Object.fromEntries(attributes));
      place.append(element);
      if (!VOID.has(open)) place = element;
    }
  }
  return [...root.childNodes];
}

/** Simple selectors alone, of one element: tag, .class, [name], [name=value], :is(…) of those, and `li:has(> p)`. */
function matchesOne(element, selector) {
  if (selector === "li:has(> p)") return element.name === "li" && element.children.some((child) => child.name === "p");
  const parts = selector.match(/[\w-]+|\.[\w-]+|#[\w-]+|\[[^\]]+\]/g);
  if (!parts || parts.join("") !== selector) throw new Error(`The stub knows no selector ${selector}`);
  return parts.every((part) => {
    if (part[0] === ".") return element.classList.contains(part.slice(1));
    if (part[0] === "#") return element.map.id === part.slice(1);
    if (part[0] !== "[") return element.name === part;
    const [name, value] = part.slice(1, -1).split("=");
    return element.hasAttribute(name) && (value === undefined || element.map[name] === value.replace(/^"(.*)"$/, "$1"));
  });
}

// ---- ranges: two places in the text of the document ----

const offsetOf = (root, node, offset) => {
  let count = 0;
  const visit = (each) => {
    if (each === node) {
      count += node instanceof Text ? offset : node.childNodes.slice(0, offset).map((child) => child.textContent).join("").length;
      return true;
    }
    if (each instanceof Text) count += each.data.length;
    return each.childNodes.some(visit);
  };
  visit(root);
  return count;
};

class Range {
  setStart(node, offset) { Object.assign(this, { startContainer: node, startOffset: offset }); }
  setEnd(node, offset) { Object.assign(this, { endContainer: node, endOffset: offset }); }
  selectNodeContents(node) { this.setStart(node, 0); this.setEnd(node, node.childNodes.length); }
  cloneRange() { return Object.assign(new Range(), this); }
  get edges() {
    const { root } = this.startContainer;
    return [offsetOf(root, this.startContainer, this.startOffset), offsetOf(root, this.endContainer, this.endOffset)];
  }
  toString() { return this.startContainer.root.textContent.slice(...this.edges); }
  intersectsNode(node) {
    const start = offsetOf(node.root, node, 0);
    return start < this.edges[1] && start + node.textContent.length > this.edges[0];
  }
}

// ---- the page around them ----

class CustomEvent {
  constructor(type, more = {}) { Object.assign(this, { type, ...more }); }
  preventDefault() { this.defaultPrevented = true; }
  stopPropagation() { this.bubbles = false; }
}

const html = new Element("html", { lang: "en" });
html.lang = "en";
const body = new Element("body");
html.append(body);
globalThis.document = Object.assign(new Node(), {
  documentElement: html,
  body,
  cookie: "",
  createElement: (name) => new Element(name),
  createRange: () => new Range(),
  querySelector: (selector) => html.querySelector(selector),
  querySelectorAll: (selector) => html.querySelectorAll(selector),
});

const storage = () => ({ kept: {}, getItem(name) { return this.kept[name] ?? null; }, setItem(name, value) { this.kept[name] = value; } });
const frames = [];
const timers = [];
Object.assign(globalThis, {
  Node, Text, Element, Range, CustomEvent,
  requestAnimationFrame: (draw) => frames.push(draw),
  cancelAnimationFrame: (number) => delete frames[number - 1],
  nextFrame: () => frames.splice(0).forEach((draw) => draw?.()),
  setTimeout: (call, ms, ...values) => timers.push({ call: () => call(...values), ms }),
  clearTimeout: (number) => delete timers[number - 1],
  /** Lets the timers that wait for so many milliseconds at most have their turn. */
  pass: (ms) => timers.forEach((timer, at) => timer && timer.ms <= ms && (delete timers[at], timer.call())),
  performance: { now: () => 0 },
  navigator: { onLine: true },
  addEventListener: () => {},
  removeEventListener: () => {},
  matchMedia: () => ({ matches: false }),
  sessionStorage: storage(),
  localStorage: storage(),
  getSelection: () => globalThis.selection,
  Intl: {
    PluralRules: class {
      constructor(_, { type } = {}) { this.ordinal = type === "ordinal"; }
      select(count) { return (this.ordinal ? { 1: "one", 2: "two", 3: "few" }[count] : count === 1 && "one") || "other"; }
    },
    NumberFormat: class { format(number) { return String(number); } },
  },
  /** Decodes UTF-8 that may be cut inside a character. */
  TextDecoderStream: class {
    rest = [];
    decode(bytes) {
      const all = [...this.rest, ...bytes];
      let text = "";
      let at = 0;
      while (at < all.length) {
        const size = all[at] < 0x80 ? 1 : all[at] < 0xe0 ? 2 : all[at] < 0xf0 ? 3 : 4;
        if (at + size > all.length) break;
        text += decodeURIComponent(all.slice(at, at + size).map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""));
        at += size;
      }
      this.rest = all.slice(at);
      return text;
    }
  },
});
