// Makes what is shown of a workflow what the site says it is now, element by element: a field that stays is the same
// element before and after. Fields that somebody has changed since their form was sent, types in or chooses from are left
// as they are, and so are the rows that they stand among; once they are left, they become what the site said last.

const FIELD = "input, select, textarea";
const ROWS = ".card-field, .card-rows"; // the site puts them together: one changed row can change them all
const OPEN = CSS.supports("selector(:open)") ? "select:open" : "select:focus"; // a list that somebody chooses from
const touched = new WeakSet(); // fields that hold what has not been sent
const later = new Map(); // fields and rows that are left as they are for now, and what the site has in their place

/** Whether a form holds what has not been sent. */
export const isUnsent = (form) => [...form.elements].some((field) => touched.has(field));

/** Notes that a form is on its way: what it holds now the site will know, and what it said before is out of date. */
export function sent(form) {
  for (const field of form.elements) touched.delete(field);
  for (const left of later.keys()) if (form.contains(left)) later.delete(left);
}

/** Notes that a form did not arrive. */
export const unsent = (form) => [...form.elements].filter((field) => field.name && field.type !== "hidden").forEach(touched.add, touched);

/** Watches the fields within `page`. */
export function watch(page) {
  page.addEventListener("input", ({ target }) => touched.add(target));
  page.addEventListener("focusout", () => [...later].forEach(([left, fresh]) => renew(left, fresh)));
}

/** Whether somebody is changing a field, or one of these rows. */
function isHeld(old) {
  const isTyped = (field) => field === document.activeElement && field.matches("[data-typed] :is(textarea, [type=text], [type=number])");
  const fields = old.matches(FIELD) ? [old] : [...old.querySelectorAll(FIELD)];
  return fields.some((field) => touched.has(field) || field.matches(OPEN) || isTyped(field));
}

/** Makes what `old` holds what `fresh` holds, of which nothing is left to use. */
export function redraw(old, fresh) {
  const coming = [...fresh.childNodes];
  const isComing = (node) => node.nodeType === Node.ELEMENT_NODE && coming.some((one) => alike(node, one));
  let at = old.firstChild;
  while (coming.length) {
    const same = counterpart(at, coming[0], isComing);
    while (same && at !== same && !isComing(at)) at = removed(at);
    const next = coming.shift();
    if (same && same === at) at = at.nextSibling;
    else old.insertBefore(same ?? next, at);
    if (same) renew(same, next);
  }
  while (at) at = removed(at);
}

function renew(old, fresh) {
  later.delete(old);
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
  } else if (old.matches("[data-text]")) takeText(old, fresh.value);
  else if (old.matches(`${FIELD}, ${ROWS}`) && isHeld(old)) leave(old, fresh);
  else {
    const { value, checked } = fresh;
    const isField = old.matches(FIELD);
    renewAttributes(old, fresh);
    if (!isField || !old.isEqualNode(fresh)) redraw(old, fresh); // lists are long, and seldom others
    if (!isField) return;
    if (old.checked !== checked) old.checked = checked;
    if (old.value !== value) old.value = value;
  }
}

/** Leaves a field or rows as they are for now, but for further rows. */
function leave(old, fresh) {
  later.set(old, fresh);
  if (old.matches(ROWS)) for (const row of [...fresh.children].slice(old.children.length)) old.append(row.cloneNode(true));
}

/** Whoever looks opens and closes a `details`; the site opens it once, when it comes to say so. */
function renewAttributes(old, fresh) {
  const isOpened = fresh.hasAttribute("data-open") && !old.hasAttribute("data-open");
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && name !== "open") old.setAttribute(name, value);
  }
  if (isOpened) old.open = true;
}

/** What a node is told by among its neighbours: a step, an input, a field's name, a heading, or else its first field. */
function keyOf(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return "";
  const own = node.dataset.step ?? node.dataset.key ?? node.getAttribute("name") ?? node.getAttribute("aria-labelledby");
  return own ?? node.querySelector("[name]:not([type=hidden])")?.name ?? "";
}

const alike = (one, other) => one.nodeName === other.nodeName && keyOf(one) === keyOf(other);

/** Whether an element may become another one: a renamed step is the same step, another field is another field. */
function mayBecome(old, fresh) {
  if (old.nodeName !== fresh.nodeName || old.dataset?.key || old.hasAttribute?.("name")) return false;
  return old.dataset?.step === undefined || (old.dataset.kind === fresh.dataset.kind && old.dataset.label === fresh.dataset.label);
}

/** What of the children from `at` on becomes `next`; null where nothing does. */
function counterpart(at, next, isComing) {
  if (next.nodeType !== Node.ELEMENT_NODE) return at?.nodeType === next.nodeType ? at : null;
  for (let node = at; node; node = node.nextSibling) if (alike(node, next)) return node;
  for (let node = at; node; node = node.nextSibling) {
    if (node.nodeType === Node.ELEMENT_NODE) return !isComing(node) && mayBecome(node, next) ? node : null;
  }
  return null;
}

function removed(node) {
  const { nextSibling } = node;
  node.remove();
  return nextSibling;
}

/** Takes the text that the site has now into the field that somebody types in, and keeps what they have typed. */
function takeText(field, theirs) {
  const base = field.defaultValue;
  const { value: mine, selectionStart: start, selectionEnd: end } = field;
  const text = merged(base, mine, theirs);
  field.defaultValue = theirs;
  if (text === mine) {
    if (field.value !== mine) field.value = mine;
    return field.setSelectionRange(start, end);
  }
  const shift = start > changed(base, theirs).from ? text.length - mine.length : 0;
  field.value = text;
  field.setSelectionRange(start + shift, end + shift);
}

/** Where two texts differ: `from` and `to` in the first of them, and what the second has there. */
function changed(base, text) {
  const least = Math.min(base.length, text.length);
  let from = 0;
  while (from < least && base[from] === text[from]) from += 1;
  let same = 0;
  while (same < least - from && base.at(-1 - same) === text.at(-1 - same)) same += 1;
  return { from, to: base.length - same, put: text.slice(from, text.length - same) };
}

/** Both changes of a text, or my own where they are of the same place. */
function merged(base, mine, theirs) {
  if (mine === base) return theirs;
  const [one, two] = [changed(base, mine), changed(base, theirs)].sort((a, b) => a.from - b.from || a.to - b.to);
  if (base === theirs || one.to > two.from || (one.from === two.from && one.to === two.to)) return mine;
  return base.slice(0, one.from) + one.put + base.slice(one.to, two.from) + two.put + base.slice(two.to);
}
