// Lights up the cards and the graph of a run while it goes on, and shows it anew when it has ended.

import { draw } from "./workflow-graph.js";

const page = document.querySelector("[data-run]");
const graph = () => draw(page.querySelector("[data-cards]"), page.querySelector("[data-graph]"));
const words = (state) => document.querySelector(`template[data-word="${state}"]`)?.content.textContent.trim() ?? "";

function show({ steps }) {
  for (const card of page.querySelectorAll("[data-step]")) {
    const state = steps[card.dataset.step]?.state ?? "open";
    if (card.dataset.state === state) continue;
    card.dataset.state = state;
    card.querySelector("[data-state-text]").textContent = words(state);
  }
  graph();
}

/** The page as it is now, in place of what is shown. */
async function renew() {
  const response = await fetch(location.href, { headers: { "X-Fragment": "run" } });
  if (!response.ok || response.redirected) return;
  page.innerHTML = await response.text();
  graph();
  follow();
}

function follow() {
  const address = page.querySelector("[data-events]")?.dataset.events;
  if (!address) return;
  const events = new EventSource(address);
  events.addEventListener("steps", (event) => show(JSON.parse(event.data)));
  events.addEventListener("done", (event) => {
    events.close();
    show(JSON.parse(event.data));
    renew();
  });
}

graph();
follow();
