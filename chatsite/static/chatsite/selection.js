// "Ask about this": selecting text in a document or in an answer offers to ask about just that.
// What is offered goes out as a `passage` event {text, from, selection?}; the composer takes it. On a page without a
// composer it is carried to the chat page.

import { kept } from "./kept.js";
import { characters, text } from "./texts.js";

const SETTLE_MS = 150;
const GAP = 10;

const button = Object.assign(document.createElement("button"), {
  type: "button",
  className: "ask-about button",
  popover: "manual",
  textContent: text("ask-about"),
});

let offered = null;
let settling = 0;

/** What is selected as {passage, after}, `after` being the element behind which the button stands for Tab. */
export function selected() {
  const selection = getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  const region = regionOf(range.startContainer) ?? regionOf(range.endContainer);
  if (!region) return null;
  return region.matches(".text") ? inDocument(region, range) : inAnswer(region, selection);
}

function regionOf(node) {
  return (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement).closest(".text[data-document], .answer");
}

function inAnswer(answer, selection) {
  const content = written(selection).trim();
  return content && { passage: { text: content, from: text("from-answer") }, after: answer };
}

/** The selected text, its formulas as they were written. */
function written(selection) {
  const range = selection.getRangeAt(0).cloneRange();
  const formulas = [...document.querySelectorAll("[data-tex]")].filter((formula) => range.intersectsNode(formula));
  if (!formulas.length) return selection.toString();
  if (formulas[0].contains(range.startContainer)) range.setStartBefore(formulas[0]);
  if (formulas.at(-1).contains(range.endContainer)) range.setEndAfter(formulas.at(-1));
  const copy = Object.assign(document.createElement("div"), { className: "visually-hidden" });
  copy.append(range.cloneContents());
  copy.querySelectorAll(".citation").forEach((marker) => marker.remove());
  copy.querySelectorAll("[data-tex]").forEach((formula) => formula.replaceWith(formula.dataset.tex));
  formulas[0].closest(".answer").after(copy); // only what is laid out has lines
  const content = copy.innerText;
  copy.remove();
  return content;
}

/** Copied text has formulas as they were written, too. */
function copied(event) {
  const selection = getSelection();
  if (!selection.rangeCount || selection.isCollapsed || event.target.closest?.("input, textarea")) return;
  const content = written(selection);
  if (content === selection.toString()) return;
  event.clipboardData.setData("text/plain", content);
  event.preventDefault();
}

/** The document's own characters from the first to the last selected one, with their place in it. */
function inDocument(region, range) {
  const pieces = [...region.querySelectorAll(".block, .said")].flatMap((block) => piece(block, range) ?? []);
  const source = region.querySelector("[data-source]");
  if (source) return inSource(region, pieces, source);
  const whole = pieces.map(({ content }) => content).join("");
  const content = whole.trim();
  if (!content) return null;
  const [first, last] = [pieces[0], pieces.at(-1)];
  const start = first.start + characters(whole) - characters(whole.trimStart());
  const end = start + characters(content);
  const gapless = first.start + characters(whole) === last.start + characters(last.content);
  const from = [region.dataset.title, pageOf(first.block)].filter(Boolean).join(", ");
  const selection = gapless ? { document_id: Number(region.dataset.document), start, end } : undefined;
  return { passage: { text: content, from, selection }, after: last.block };
}

/** The same where the text is shown in another way than it was written: what was written from the first to the last. */
function inSource(region, pieces, source) {
  if (!pieces.length) return null;
  const [first, last] = [pieces[0], pieces.at(-1)];
  const from = Number(source.dataset.from);
  const until = last.block.dataset.end ? Number(last.block.dataset.end) : last.start + characters(last.content);
  const start = first.block.dataset.end ? Number(first.block.dataset.start) : first.start;
  const written = [...source.content.textContent].slice(start - from, until - from).join("");
  const content = written.trim();
  const at = start + characters(written) - characters(written.trimStart());
  const selection = { document_id: Number(region.dataset.document), start: at, end: at + characters(content) };
  return content && { passage: { text: content, from: region.dataset.title, selection }, after: last.block };
}

/** The part of `block` inside `range`, or null: {block, start in code points, content}. */
function piece(block, range) {
  if (!range.intersectsNode(block)) return null;
  const inside = document.createRange();
  inside.selectNodeContents(block);
  const before = inside.cloneRange();
  if (block.contains(range.startContainer)) inside.setStart(range.startContainer, range.startOffset);
  if (block.contains(range.endContainer)) inside.setEnd(range.endContainer, range.endOffset);
  before.setEnd(inside.startContainer, inside.startOffset);
  const content = inside.toString();
  return content ? { block, start: Number(block.dataset.start) + characters(before.toString()), content } : null;
}

/** The page a block is on: the nearest page label at or before it. */
function pageOf(block) {
  while (block && !block.dataset.page) block = block.previousElementSibling;
  return block?.dataset.page;
}

function offer() {
  const found = selected();
  if (!found && button.matches(":hover, :focus")) return; // a touch on the button has taken the selection away
  offered = found?.passage ?? null;
  if (!found) return hide();
  if (found.after.nextSibling !== button) found.after.after(button);
  button.showPopover();
  place(getSelection().getRangeAt(0));
}

// Below the end of the selection: phones show their own menu above it.
function place(range) {
  const rect = [...range.getClientRects()].findLast(({ width }) => width) ?? range.getBoundingClientRect();
  const left = Math.min(rect.right - button.offsetWidth / 2, innerWidth - button.offsetWidth - GAP);
  const top = Math.min(rect.bottom + GAP, innerHeight - button.offsetHeight - GAP);
  button.style.left = `${Math.max(GAP, left)}px`;
  button.style.top = `${Math.max(GAP, top)}px`;
}

function hide() {
  offered = null;
  if (button.matches(":popover-open")) button.hidePopover();
}

function ask() {
  const passage = offered;
  hide();
  getSelection().empty();
  const taken = !document.dispatchEvent(new CustomEvent("passage", { detail: passage, cancelable: true }));
  if (!taken) carry(passage);
}

function carry(passage) {
  const draft = kept.get("draft") ?? { query: "" };
  kept.set("draft", { ...draft, passages: [...(draft.passages ?? []), passage] });
  location.assign(document.querySelector("[data-chat-url]").dataset.chatUrl);
}

function settle() {
  clearTimeout(settling);
  settling = setTimeout(offer, SETTLE_MS);
}

// Tab goes to the offer first, wherever the focus was when the text was selected; Escape declines it.
function keyed(event) {
  if (!offered || (event.key === "Tab" && (event.shiftKey || document.activeElement === button))) return;
  if (event.key === "Tab") button.focus();
  else if (event.key === "Escape") hide();
  else return;
  event.preventDefault();
}

document.addEventListener("copy", copied);
document.addEventListener("selectionchange", settle);
document.addEventListener("scroll", () => offered && settle(), { capture: true, passive: true });
document.addEventListener("keydown", keyed, { capture: true });
button.addEventListener("pointerdown", (event) => event.preventDefault()); // keeps the selection
button.addEventListener("click", ask);
