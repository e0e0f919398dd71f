// A card asks the reader before a tool does something. Its buttons decide here, without leaving the page; the site takes one
// decision, however often and in however many tabs it is made.

import { decide } from "./chat.js";

const chat = document.querySelector("[data-chat]");

chat.addEventListener("submit", (event) => {
  const card = event.target.closest("[data-approval]");
  if (!card) return;
  event.preventDefault();
  const { value: id } = card.elements.call_id;
  const approved = event.submitter?.dataset.decision === "confirm";
  decide(card.closest(".run"), card.dataset.url, { call_id: id, approved });
});
