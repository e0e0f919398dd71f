// The translated sentences that scripts show or have said; they stand in fragments/texts.html.

const texts = new Map(
  Array.from(document.querySelector("#texts").content.children, (item) => [item.dataset.text, item.textContent]),
);
const plural = new Intl.PluralRules(document.documentElement.lang);
const order = new Intl.PluralRules(document.documentElement.lang, { type: "ordinal" });

export function text(name, values = {}) {
  return texts.get(name).replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

/** The text called `name`-one, -few, … as the language wants for `count`, or else `name`-other. */
export function counted(name, count, rules = plural) {
  const form = `${name}-${rules.select(count)}`;
  return text(texts.has(form) ? form : `${name}-other`, { count });
}

/** Likewise for the `count`-th of a row: 1st, 2nd, 3rd. */
export function ordinal(name, count) {
  return counted(name, count, order);
}

/** `percent` as the language writes it. */
export function share(percent) {
  return new Intl.NumberFormat(document.documentElement.lang, { style: "percent" }).format((percent ?? 0) / 100);
}

/** How many characters the server counts in `string`: code points, not UTF-16 units. */
export function characters(string) {
  return [...string].length;
}

/** Lets a screen reader say `message`. */
export function announce(message) {
  document.querySelector("[data-announcement]").textContent = message;
}
