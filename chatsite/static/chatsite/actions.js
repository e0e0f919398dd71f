// What one can do with an answer: copy it, have it written again or to its end, edit its question, say what it was worth,
// ask what is suggested.

import { addressOf, ask, questionOf, send } from "./chat.js";
import { composer } from "./composer.js";
import { announce, text } from "./texts.js";

const NOTED_MS = 1500;
const chat = document.querySelector("[data-chat]");

const actions = {
  "data-copy": (button, run) => copy(run.querySelector("[data-copy-text]").content.textContent, button),
  "data-copy-code": (button) => copy(button.closest(".code").querySelector("code").textContent, button),
  "data-regenerate": (_, run) => again(run),
  "data-try-again": (_, run) => again(run),
  "data-search-all": (_, run) => ask({ ...questionOf(run), passages: [], documents: [], collections: composer.everything }),
  "data-continue": (_, run) => ask({ ...questionOf(run), replaces: undefined, continues: run.dataset.runId }, { instead: run }),
  "data-edit": (_, run) => edit(run),
  "data-edit-cancel": (_, run) => endEdit(run),
  "data-helpful": (button, run) => rate(button, run),
  "data-suggestion": (link) => ask({ query: link.textContent, ...composer.filter }),
};

function clicked(event) {
  const { target } = event;
  const button = target.closest(Object.keys(actions).map((name) => `[${name}]`).join(", "));
  if (!button || !composer || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const name = Object.keys(actions).find((each) => button.hasAttribute(each));
  if (button.href) event.preventDefault();
  actions[name](button, button.closest(".run"));
}

function again(run, changes = {}) {
  ask({ ...questionOf(run), continues: undefined, replaces: run.dataset.runId, ...changes }, { instead: run });
}

async function copy(content, button) {
  try {
    await navigator.clipboard.writeText(content);
  } catch {
    return announce(text("not-copied"));
  }
  announce(text("copied-answer"));
  button.setAttribute("data-noted", "");
  setTimeout(() => button.removeAttribute("data-noted"), NOTED_MS);
}

// ---- the question again ----

function edit(run) {
  if (run.querySelector("[data-edit-form]")) return;
  const form = document.querySelector("#edit-question").content.firstElementChild.cloneNode(true);
  const field = form.querySelector("textarea");
  const heading = run.querySelector("[data-question]");
  field.value = heading.textContent;
  heading.hidden = true;
  heading.after(form);
  field.focus();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const query = field.value.trim();
    if (!query) return;
    endEdit(run);
    again(run, { query });
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") endEdit(run);
    else if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target === field) form.requestSubmit();
    else return;
    event.preventDefault();
  });
}

function endEdit(run) {
  run.querySelector("[data-edit-form]").remove();
  run.querySelector("[data-question]").hidden = false;
  run.querySelector("[data-edit]").focus();
}

// ---- what it was worth ----

async function rate(button, run) {
  const helpful = button.dataset.helpful === "true";
  run.querySelector("[data-feedback-form]")?.remove();
  if (!(await give(run, { helpful }))) return;
  run.querySelectorAll("[data-helpful]").forEach((each) => each.setAttribute("aria-pressed", String(each === button)));
  if (!helpful) askWhy(run);
}

function askWhy(run) {
  const form = document.querySelector("#feedback-reason").content.firstElementChild.cloneNode(true);
  run.querySelector(".run-foot").after(form);
  form.querySelector("select").focus();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { reason, comment } = Object.fromEntries(new FormData(form));
    if (await give(run, { helpful: false, reason, ...(comment.trim() && { comment }) })) form.remove();
  });
}

async function give(run, feedback) {
  const response = await send(addressOf(run, "feedbackUrl"), { method: "PUT", body: feedback }).catch(() => null);
  announce(text(response?.ok ? "thanks" : "not-sent"));
  return Boolean(response?.ok);
}

// ---- what works with scripts only ----

/** Shows the actions of the answers in `root`, and gives their code a button that copies it. */
function equip(root) {
  if (!composer) return;
  root.querySelectorAll("[data-answer-actions]").forEach((actions) => (actions.hidden = false));
  for (const block of root.querySelectorAll("[data-answer] > pre, [data-answer] li > pre")) {
    const frame = Object.assign(document.createElement("div"), { className: "code" });
    const button = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: text("copy-code") });
    button.dataset.copyCode = "";
    block.replaceWith(frame);
    block.tabIndex = 0; // it scrolls
    frame.append(block, button);
  }
}

chat.addEventListener("click", clicked);
chat.addEventListener("settled", ({ target }) => equip(target));
equip(chat);
