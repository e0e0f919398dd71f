// A document that is read, on its own page or in the panel: links to a passage, its outline, pages that can't be drawn.

import { selected } from "./selection.js";
import { text } from "./texts.js";

/** Shows what works only with scripts in `place`, where a document has been put. */
export function equip(place) {
  for (const button of place.querySelectorAll("[data-copy-link]")) button.hidden = false;
  for (const picture of place.querySelectorAll("[data-picture]")) if (picture.complete && !picture.naturalWidth) undrawn(picture);
}

/** A page that can't be drawn shows its text instead. */
function undrawn(picture) {
  picture.closest(".page-picture").classList.add("undrawn");
}

/** The address of the selected characters of this document, else of the place it is opened at. */
function linkTo(reading) {
  const chosen = selected()?.passage.selection;
  const own = chosen && reading.querySelector(`[data-document="${chosen.document_id}"]`);
  const here = own ? `${reading.dataset.address}?start=${chosen.start}&end=${chosen.end}#quote` : reading.dataset.here;
  return { url: new URL(here, location.href).href, own: Boolean(own) };
}

async function copy(reading) {
  const told = reading.querySelector("[data-copied]");
  const { url, own } = linkTo(reading);
  try {
    await navigator.clipboard.writeText(url); // there is none without HTTPS
    told.textContent = text(own ? "copied-selection" : "copied");
  } catch {
    told.replaceChildren(`${text("copy-this")} `, Object.assign(document.createElement("a"), { href: url, textContent: url }));
  }
}

const copying = (event) => event.target.closest?.("[data-copy-link]");

document.addEventListener("pointerdown", (event) => copying(event) && event.preventDefault()); // keeps the selection
document.addEventListener("click", (event) => {
  if (copying(event)) copy(event.target.closest("[data-reading]"));
  for (const outline of document.querySelectorAll("[data-outline][open]")) {
    if (!outline.contains(event.target) || event.target.closest("a")) outline.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  const outline = event.key === "Escape" && event.target.closest?.("[data-outline][open]");
  if (!outline) return;
  event.preventDefault(); // the panel stays
  outline.open = false;
  outline.querySelector("summary").focus();
}, { capture: true });
document.addEventListener("error", (event) => event.target.matches?.("[data-picture]") && undrawn(event.target), { capture: true });

equip(document);
