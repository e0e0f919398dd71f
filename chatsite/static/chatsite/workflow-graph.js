// Draws the graph of a list of steps: where each stands is computed anew from the list, and stored nowhere.
// The list is the text of it; each step here is a link to its card.

import { Graph, layout } from "./vendor/dagre.js";

const WIDTH = 168;
const HEIGHT = 46;
const CHARACTERS = 21;
const MARKS = { running: "…", completed: "✓", failed: "✗", skipped: "–", stopped: "■", waiting: "?" };
const SVG = "http://www.w3.org/2000/svg";

function element(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const short = (text) => (text.length > CHARACTERS ? `${text.slice(0, CHARACTERS - 1)}…` : text);

/** Fills `drawing` with the graph of the steps that `list` holds; leaves it empty where there are none. */
export function draw(list, drawing) {
  const steps = [...list.querySelectorAll("[data-step]")];
  drawing.replaceChildren();
  drawing.hidden = !steps.length;
  if (!steps.length) return;
  const graph = laidOut(steps);
  const { width, height } = graph.graph();
  const svg = element("svg", { viewBox: `0 0 ${Math.ceil(width)} ${Math.ceil(height)}`, width: Math.ceil(width) });
  svg.setAttribute("class", "graph-drawing");
  const tip = element("path", { d: "M0 0 8 4 0 8z", class: "graph-tip" });
  svg.append(
    element("defs", {}, element("marker", { id: "graph-tip", markerWidth: 8, markerHeight: 8, refX: 8, refY: 4, orient: "auto" }, tip)),
  );
  for (const edge of graph.edges()) svg.append(arrow(graph.edge(edge).points));
  for (const step of steps) svg.append(node(step, graph.node(step.dataset.step)));
  drawing.append(svg);
}

function laidOut(steps) {
  const graph = new Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 20, ranksep: 34, marginx: 4, marginy: 4 });
  graph.setDefaultEdgeLabel(() => ({}));
  const names = new Set(steps.map((step) => step.dataset.step));
  for (const name of names) graph.setNode(name, { width: WIDTH, height: HEIGHT });
  for (const step of steps) {
    for (const need of step.dataset.needs.split(" ")) if (names.has(need)) graph.setEdge(need, step.dataset.step);
  }
  layout(graph);
  return graph;
}

/** A line through the points, bent at each but the ends. */
function arrow(points) {
  const [first, ...others] = points;
  let path = `M${first.x} ${first.y}`;
  others.forEach((point, index) => {
    const next = others[index + 1];
    path += next && index < others.length - 2
      ? `Q${point.x} ${point.y} ${(point.x + next.x) / 2} ${(point.y + next.y) / 2}`
      : `L${point.x} ${point.y}`;
  });
  return element("path", { d: path, class: "graph-arrow", "marker-end": "url(#graph-tip)" });
}

function node(step, { x, y }) {
  const { step: name, label, state = "", kind } = step.dataset;
  const shape = { x: x - WIDTH / 2, y: y - HEIGHT / 2, width: WIDTH, height: HEIGHT, rx: kind === "person" ? 22 : 6 };
  const mark = MARKS[state] ?? (step.hasAttribute("data-faulty") ? "!" : "");
  const badges = (step.hasAttribute("data-repeated") ? "× " : "") + (step.hasAttribute("data-conditional") ? "? " : "");
  const link = element(
    "a",
    { href: `#${step.id}`, class: `graph-node is-${state || "open"}${step.hasAttribute("data-faulty") ? " is-faulty" : ""}` },
    element("rect", shape),
    element("text", { x: x - WIDTH / 2 + 12, y: y - 3, class: "graph-name" }, short(name)),
    element("text", { x: x - WIDTH / 2 + 12, y: y + 14, class: "graph-label" }, short(badges + label)),
    element("text", { x: x + WIDTH / 2 - 12, y: y + 5, class: "graph-mark" }, mark),
  );
  link.setAttribute("aria-label", `${name}, ${label}`);
  link.addEventListener("click", () => setTimeout(() => step.focus(), 0));
  return link;
}
