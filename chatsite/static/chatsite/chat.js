// Asking: sends the question, shows the answer as it is written, then puts the server's rendering in its place.

import { Answer } from "./answer.js";
import { composer } from "./composer.js";
import { events } from "./sse.js";
import { text } from "./texts.js";

const NO_ID = "00000000-0000-0000-0000-000000000000";
const POLL_MS = 2000;
const chat = document.querySelector("[data-chat]");
const runs = chat.querySelector("[data-runs]");

const { token } = chat.dataset; // in a page of another origin: it asks instead of a cookie

const asked = new WeakMap(); // article -> question, as far as it was asked on this page

let aborter = null;

/** An answer that ended badly; `message` is for the reader. */
class Failure extends Error {
  constructor(message, { signIn = false, request = "" } = {}) {
    super(message);
    this.signIn = signIn;
    this.request = request;
  }
}

async function ask(question) {
  if (aborter) return;
  aborter = new AbortController();
  const article = pending(question);
  const answer = new Answer(article);
  composer.setBusy(true);
  announce(text("asked"));
  try {
    await follow(await post(question), article, answer, question);
    asked.set(await settle(article), question);
  } catch (error) {
    answer.draw();
    fail(article, error, question);
  } finally {
    aborter = null;
    composer.setBusy(false);
  }
}

/** The question with an empty answer, at the top of the view with room to grow below. */
function pending({ query, passages = [], collections }) {
  const article = document.querySelector("#pending").content.firstElementChild.cloneNode(true);
  article.querySelector("[data-question]").textContent = query;
  article.querySelector("[data-question]").before(...passages.map(({ text: selected }) => element("blockquote", "selected", selected)));
  chat.querySelector("[data-welcome]")?.remove();
  runs.querySelectorAll(".run:not([data-run])").forEach((refused) => refused.remove());
  asked.set(article, { query, passages, collections });
  runs.append(article);
  article.scrollIntoView({ block: "start" });
  return article;
}

async function post({ query, passages = [], collections }) {
  const body = { query, stream: true, session_id: chat.dataset.session || undefined };
  if (passages.length) body.selections = passages.map(({ text: selected, selection }) => ({ text: selected, ...selection }));
  else body.collections = collections;
  const response = await fetch(chat.dataset.queryUrl, {
    method: "POST",
    headers: {
      "Accept": "text/event-stream",
      "Content-Type": "application/json",
      ...(token ? { Authorization: `Bearer ${token}` } : { "X-CSRFToken": composer.csrfToken }),
    },
    credentials: token ? "omit" : "same-origin",
    body: JSON.stringify(body),
    signal: aborter.signal,
  });
  if (!response.ok) throw await refusal(response);
  return response;
}

async function refusal(response) {
  const body = await response.json().catch(() => ({})); // a proxy's error page is not JSON
  const signIn = response.status === 401 || response.status === 403;
  const fallback = signIn ? text("refused") : text("failed", { status: response.status });
  return new Failure(body.message ?? fallback, { signIn, request: body.request_id });
}

async function follow(response, article, answer, question) {
  for await (const [name, value] of events(response)) {
    if (name === "run") begin(article, value, question);
    else if (name === "tool_call") answer.called(value);
    else if (name === "tool_result") answer.received(value);
    else if (name === "sources") answer.use(value);
    else if (name === "text") answer.write(value);
    else if (name === "citation") answer.cite(value);
    else if (name === "error") throw new Failure(value.message, { request: value.request_id });
    else if (name === "done") return answer.draw();
  }
  throw new Failure(text("interrupted"));
}

/** The server has saved the question: the page now stands for its conversation. */
function begin(article, { run_id: run, session_id: session }, { query }) {
  article.dataset.run = chat.dataset.runUrl.replace(NO_ID, run);
  if (chat.dataset.session === session) return;
  chat.dataset.session = session;
  const url = chat.dataset.conversationUrl.replace(NO_ID, session);
  history.replaceState(null, "", url);
  const item = document.createElement("li");
  const link = Object.assign(document.createElement("a"), { href: url, textContent: query });
  link.setAttribute("aria-current", "page");
  item.append(link);
  document.querySelector("[data-conversations]").prepend(item);
}

/** Puts the server's rendering of the run in the article's place, without moving focus or view. */
async function settle(article) {
  const response = await fetch(article.dataset.run, { credentials: token ? "omit" : "same-origin" });
  if (!response.ok) throw await refusal(response);
  const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
  const settled = document.adoptNode(parsed.querySelector("[data-run]"));
  const focused = article.contains(document.activeElement) && document.activeElement.dataset.marker;
  article.replaceWith(settled);
  if (focused) settled.querySelector(`[data-marker="${focused}"]`)?.focus({ preventScroll: true });
  if (settled.dataset.summary) announce(settled.dataset.summary);
  return settled;
}

/** Shows why there is no (whole) answer. What the server never took goes back to where it was typed. */
function fail(article, error, question) {
  article.querySelector("[data-activity]").remove();
  if (!article.dataset.run) composer.restore(question);
  if (error.name === "AbortError") {
    article.dataset.state = "cancelled";
    article.append(element("p", "aside", text("stopped")));
    return announce(text("stopped"));
  }
  const known = error instanceof Failure;
  if (!known && !(error instanceof TypeError)) console.error(error); // fetch says TypeError when offline
  article.dataset.state = "failed";
  article.append(notice(article, known ? error : new Failure(text("offline"))));
}

function notice(article, { message, signIn, request }) {
  const box = document.querySelector("#failure").content.firstElementChild.cloneNode(true);
  box.querySelector("[data-message]").textContent = message;
  if (request) box.append(element("p", "muted", text("request", { id: request })));
  if (signIn) {
    const link = element("a", "button", text("sign-in"));
    link.href = `${chat.dataset.loginUrl}?next=${encodeURIComponent(location.pathname)}`;
    box.append(link);
  } else if (article.dataset.run) {
    const button = element("button", "button", text("try-again"));
    button.type = "button";
    button.dataset.tryAgain = "";
    box.append(button);
  }
  return box;
}

function element(name, className, content) {
  return Object.assign(document.createElement(name), { className, textContent: content });
}

function announce(message) {
  chat.querySelector("[data-announcement]").textContent = message;
}

/** A run that was under way when the page was loaded is shown when it has ended. */
function watch(article) {
  setTimeout(async () => {
    const settled = await settle(article).catch(() => article); // offline: look again later
    if (settled.dataset.state === "running") watch(settled);
  }, POLL_MS);
}

/** The question of `article`; from its text where the page was loaded since. */
function questionOf(article) {
  return asked.get(article) ?? {
    query: article.querySelector("[data-question]").textContent,
    passages: Array.from(article.querySelectorAll("[data-selected]"), passageOf),
    collections: composer.collections,
  };
}

/** What was asked about, from its `quoted` text in a conversation. */
function passageOf(quoted) {
  const { document: id, start, end, from } = quoted.dataset;
  const selection = id && { document_id: Number(id), start: Number(start), end: Number(end) };
  return { text: quoted.textContent, selection, from };
}

function again({ target }) {
  const button = target.closest("[data-try-again], [data-search-all]");
  if (!button) return;
  const question = questionOf(button.closest(".run"));
  ask("searchAll" in button.dataset ? { ...question, passages: [], collections: undefined } : question);
}

function start() {
  runs.querySelectorAll("[data-state=running]").forEach(watch);
  runs.lastElementChild?.scrollIntoView({ block: "start", behavior: "instant" });
  if (!composer) return;
  composer.onAsk(ask);
  composer.onStop(() => aborter?.abort());
  runs.addEventListener("click", again);
}

start();
