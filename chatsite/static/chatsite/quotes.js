// Hovering or focusing a citation shows the sentence it stands on. The card can be hovered, and Escape closes it:
// https://www.w3.org/WAI/WCAG22/Understanding/content-on-hover-or-focus.html

const LEAVE_MS = 150;
const GAP = 8;

const card = Object.assign(document.createElement("div"), { className: "quote-card", id: "quote-card", popover: "manual" });
card.setAttribute("role", "tooltip");
const quote = document.createElement("q");
const from = Object.assign(document.createElement("p"), { className: "muted" });
card.append(quote, from);
document.body.append(card);

let shown = null;
let leaving = 0;

function show(citation) {
  clearTimeout(leaving);
  if (shown === citation) return;
  hide();
  if (citation.title) {
    citation.dataset.quoted = citation.title; // the browser's own tooltip would stand in front of the card
    citation.removeAttribute("title");
  }
  if (!citation.dataset.quoted) return;
  shown = citation;
  quote.textContent = citation.dataset.quoted;
  from.textContent = source(citation) || citation.ariaLabel;
  citation.setAttribute("aria-describedby", card.id);
  card.showPopover();
  place(citation.getClientRects()[0]);
}

function source(citation) {
  const item = citation.closest(".run")?.querySelector(`[data-source="${citation.dataset.marker}"] [data-source-title]`);
  const parts = Array.from(item?.childNodes ?? [], ({ textContent }) => textContent.replace(/\s+/g, " ").trim());
  return parts.filter(Boolean).join(" · ");
}

function place(rect) {
  const above = rect.top - card.offsetHeight - GAP;
  const left = Math.min(rect.left - GAP, innerWidth - card.offsetWidth - GAP);
  card.style.left = `${Math.max(GAP, left)}px`;
  card.style.top = `${above > GAP ? above : rect.bottom + GAP}px`;
}

function hide() {
  clearTimeout(leaving);
  shown?.removeAttribute("aria-describedby");
  shown = null;
  if (card.matches(":popover-open")) card.hidePopover();
}

function leave() {
  clearTimeout(leaving);
  leaving = setTimeout(hide, LEAVE_MS);
}

const citationAt = (event) => event.target.closest?.(".citation[data-marker]");

document.addEventListener("mouseover", (event) => {
  if (citationAt(event)) show(citationAt(event));
  else if (card.contains(event.target)) clearTimeout(leaving);
  else if (shown) leave();
});
document.addEventListener("focusin", (event) => (citationAt(event) ? show(citationAt(event)) : hide()));
document.addEventListener("click", hide);
document.addEventListener("scroll", hide, { capture: true, passive: true });
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !shown) return;
  event.preventDefault(); // the first Escape closes the card, the next one what is below
  hide();
}, { capture: true });
