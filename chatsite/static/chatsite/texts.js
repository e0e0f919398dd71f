// The translated sentences that scripts show; they stand in fragments/texts.html.

const texts = new Map(
  Array.from(document.querySelector("#texts").content.children, (item) => [item.dataset.text, item.textContent]),
);
const plural = new Intl.PluralRules(document.documentElement.lang);

export function text(name, values = {}) {
  return texts.get(name).replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

/** The text called `name`-one, -few, … as the language wants for `count`, or else `name`-other. */
export function counted(name, count) {
  const form = `${name}-${plural.select(count)}`;
  return text(texts.has(form) ? form : `${name}-other`, { count });
}

/** `percent` as the language writes it. */
export function share(percent) {
  return new Intl.NumberFormat(document.documentElement.lang, { style: "percent" }).format((percent ?? 0) / 100);
}

/** How many characters the server counts in `string`: code points, not UTF-16 units. */
export function characters(string) {
  return [...string].length;
}
