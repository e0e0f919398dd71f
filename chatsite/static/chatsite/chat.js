// Asking: sends the question, shows the answer as it is written, then puts the server's rendering in its place. The server
// goes on when the connection is lost, or the page is left: it is followed again from its beginning, and redrawn in place.

import { Answer, become } from "./answer.js";
import { composer } from "./composer.js";
import { adopt, retitle } from "./conversations.js";
import { Meanwhile } from "./meanwhile.js";
import { lasting } from "./sse.js";
import { announce, counted, share, text } from "./texts.js";

const NO_ID = "00000000-0000-0000-0000-000000000000";
const SECOND = 1000;
const CONTENT = ["open", "text", "citation", "html", "kept"]; // events of the answer itself
const BEFORE = ["thinking", "waiting", "queued", "quoted"]; // and of what comes before it
const LONGEST_WAIT_MS = 16_000;
const chat = document.querySelector("[data-chat]");
const runs = chat.querySelector("[data-runs]");

const { token } = chat.dataset; // in a page of another origin: it asks instead of a cookie
const credentials = token ? "omit" : "same-origin";

const asked = new WeakMap(); // article -> question, as far as it was asked on this page

let current = null; // {article, answer, aborter} of the answer that is being written

/** An answer that ended badly; `message` is for the reader. */
class Failure extends Error {
  constructor(message, { signIn = false, request = "", wait = 0, recorded = false } = {}) {
    super(message);
    Object.assign(this, { signIn, request, wait, recorded });
  }
}

/** Ask `question`; with `instead` (an article), in its place and that of all that follows it. */
export async function ask(question, { instead = null } = {}) {
  if (current) return;
  const article = pending(question);
  const removed = instead ? take(instead) : [];
  runs.append(article);
  article.scrollIntoView({ block: "start" });
  announce(text("asked"));
  await answering(article, (signal) => post(question, signal), { question, removed });
}

/** Shows an answer to its end. `first` gives the response to begin with. */
async function answering(article, first, { question = null, removed = [] } = {}) {
  const aborter = new AbortController();
  const answer = new Answer(article);
  const meanwhile = new Meanwhile(article, (activity) => answer.show(activity));
  current = { article, answer, aborter };
  composer?.setBusy(true);
  try {
    await follow(await first(aborter.signal), { article, answer, meanwhile, question, signal: aborter.signal });
    meanwhile.end();
    await settle(article);
  } catch (error) {
    meanwhile.end();
    answer.draw();
    await fail(article, error, { question, removed });
  } finally {
    current = null;
    composer?.setBusy(false);
  }
}

/** The question with an empty answer. */
function pending({ query, passages = [], collections, documents }) {
  const article = document.querySelector("#pending").content.firstElementChild.cloneNode(true);
  article.querySelector("[data-question]").textContent = query;
  article.querySelector("[data-question]").before(...passages.map(({ text: selected }) => element("blockquote", "selected", selected)));
  chat.querySelector("[data-welcome]")?.setAttribute("hidden", "");
  runs.querySelectorAll(".run:not([data-run])").forEach((refused) => refused.remove());
  asked.set(article, { query, passages, collections, documents });
  return article;
}

/** Takes `article` and all that follows it out of the page, and gives them. */
function take(article) {
  const all = [...runs.children];
  const removed = all.slice(all.indexOf(article));
  removed.forEach((run) => run.remove());
  return removed;
}

async function post({ query, passages = [], collections, documents = [], replaces, continues }, signal) {
  const body = { query, stream: true, keep: true, session_id: chat.dataset.session || undefined, agent: chat.dataset.agent, model: composer.model, replaces, continues };
  if (passages.length) body.selections = passages.map(({ text: selected, selection }) => ({ text: selected, ...selection }));
  else if (documents.length) body.document_ids = documents.map(({ id }) => id);
  else body.collections = collections;
  const response = await send(chat.dataset.queryUrl, { method: "POST", body, signal });
  if (!response.ok) throw await refusal(response, documents);
  return response;
}

/** A request to the API. */
export function send(url, { method, body, signal }) {
  return fetch(url, {
    method,
    headers: {
      "Accept": "text/event-stream;html=1", // as the server renders it
      "Content-Type": "application/json",
      ...(token ? { Authorization: `Bearer ${token}` } : { "X-CSRFToken": composer?.csrfToken ?? "" }),
    },
    credentials,
    body: body && JSON.stringify(body),
    signal,
  });
}

/** The address `name` for the run that `article` shows. */
export function addressOf(article, name) {
  return chat.dataset[name].replace(NO_ID, article.dataset.runId);
}

/** Why a request was refused; one for `documents` of which some are gone names those. */
async function refusal(response, documents = []) {
  const body = await response.json().catch(() => ({})); // a proxy's error page is not JSON
  const signIn = response.status === 401 || response.status === 403;
  const fallback = signIn ? text("refused") : text("failed", { status: response.status });
  const wait = Number(response.headers.get("Retry-After")) || 0;
  const gone = documents.filter(({ id }) => body.details?.missing?.includes(id)).map(({ title }) => title || text("gone-document"));
  const message = gone.length ? text("choice-gone", { titles: gone.join(", ") }) : body.message;
  return new Failure(message ?? fallback, { signIn, request: body.request_id, wait });
}

async function follow(response, { article, answer, meanwhile, question, signal }) {
  const told = lasting(response, {
    again: () => resume(article, signal),
    lost: (offline) => {
      const message = text(offline ? "offline-later" : "reconnecting");
      answer.show(message);
      announce(message);
    },
  });
  for await (const [name, value] of told) {
    if (name === "restart") [answer, meanwhile].forEach((told) => told.restart());
    else if (name === "run") begin(article, value, question);
    else if (name === "reading") answer.show(text("still-reading", { title: value.files[0].title, share: share(value.files[0].progress) }));
    else if (name === "tool_call") answer.called(value);
    else if (name === "tool_result") answer.received(value);
    else if (name === "error") throw new Failure(value.message, { request: value.request_id, recorded: true });
    else if (name === "done" || name === "approval") return answer.end();
    else if (name === "supported") answer.support();
    else if (name === "withdrawn") answer.withdraw();
    else if (BEFORE.includes(name)) meanwhile.take(name, value);
    else if (CONTENT.includes(name)) {
      meanwhile.end();
      answer.take(name, value);
    }
  }
}

/** The stream of a run again; null when its question never reached the server. Throws what can't be waited for. */
async function resume(article, signal) {
  if (!article.dataset.runId) return null;
  const response = await send(addressOf(article, "eventsUrl"), { method: "GET", signal });
  if (response.ok) return response;
  if (response.status >= 500) throw new TypeError("not yet");
  const failure = await refusal(response);
  if (response.status < 405) Object.assign(failure, { message: text("signed-out"), signIn: true });
  throw failure;
}

/** The server has saved the question: the page now stands for its conversation. */
function begin(article, { run_id: run, session_id: session }, question) {
  article.dataset.runId = run;
  article.dataset.run = chat.dataset.runUrl.replace(NO_ID, run);
  stand(session, question?.query ?? "");
  if (!question || chat.dataset.untitled === undefined) return;
  delete chat.dataset.untitled; // it began with a file
  retitle(question.query);
}

/** The page stands for this conversation from now on; one that has just begun is listed by its title. */
export function stand(session, title) {
  if (chat.dataset.session === session) return;
  chat.dataset.session = session;
  const url = chat.dataset.conversationUrl.replace(NO_ID, session);
  history.replaceState(null, "", url);
  adopt({ id: session, url, title });
}

/** Makes the article what the server shows of its run, without moving focus or view. */
async function settle(article) {
  const response = await fetched(article.dataset.run);
  if (!response.ok) throw await refusal(response);
  const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
  become(article, parsed.querySelector("[data-run]"));
  article.dispatchEvent(new CustomEvent("settled", { bubbles: true }));
  if (article.dataset.summary) announce(article.dataset.summary);
}

/** The page at `url`, also when the network is gone for a while. */
async function fetched(url) {
  for (let wait = 500; ; wait *= 2) {
    const response = await fetch(url, { credentials }).catch((error) => {
      if (!(error instanceof TypeError) || wait > LONGEST_WAIT_MS) throw error;
    });
    if (response) return response;
    await new Promise((go) => setTimeout(go, wait));
  }
}

/** Shows why there is no (whole) answer. What the server never took goes back to where it was typed. */
async function fail(article, error, { question, removed }) {
  const known = error instanceof Failure;
  if (!known && !(error instanceof TypeError) && error.name !== "AbortError") console.error(error);
  if (known && error.recorded) {
    const settled = await settle(article).then(() => true, () => false); // the server tells it best, with what there is to do
    if (settled) return announce(article.querySelector(".aside, .notice p")?.textContent.trim() ?? "");
  }
  article.querySelector("[data-activity]")?.remove();
  if (question && !article.dataset.run) {
    composer.restore(question);
    if (removed.length) article.before(...removed); // still there: nothing has taken their place
  }
  if (error.name === "AbortError") {
    article.dataset.state = "cancelled";
    article.append(element("p", "aside", text("stopped")));
    return announce(text("stopped"));
  }
  article.dataset.state = "failed"; // fetch says TypeError for all that the network does
  article.append(notice(article, known ? error : new Failure(text("offline"))));
}

function notice(article, { message, signIn, request, wait }) {
  const box = document.querySelector("#failure").content.firstElementChild.cloneNode(true);
  box.querySelector("[data-message]").textContent = message;
  if (wait) box.append(countdown(wait));
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

/** The seconds that are left. Only the eye follows them: the message has said how many there are. */
function countdown(seconds) {
  const line = element("p", "muted", counted("wait", seconds));
  line.setAttribute("aria-hidden", "true");
  const until = Date.now() + seconds * SECOND;
  const ticking = setInterval(() => {
    const left = Math.ceil((until - Date.now()) / SECOND);
    line.textContent = left > 0 ? counted("wait", left) : text("wait-over");
    if (left <= 0 || !line.isConnected) clearInterval(ticking);
  }, SECOND);
  return line;
}

function element(name, className, content) {
  return Object.assign(document.createElement(name), { className, textContent: content });
}

/** Has the answer in `article` go on with what its reader has decided: `decision` is sent to `url`. */
export async function decide(article, url, decision) {
  if (current) return;
  article.dataset.state = "running";
  article.querySelectorAll("[data-approval]").forEach((card) => card.remove());
  article.tabIndex = -1; // the button that was pressed has gone
  article.focus({ preventScroll: true });
  await answering(article, async (signal) => {
    const response = await send(url, { method: "POST", body: decision, signal });
    if (response.ok) return response;
    throw Object.assign(await refusal(response), { recorded: response.status === 409 });
  });
}

/** A run that was under way when the page was loaded is followed from its beginning. */
function takeUp(article) {
  return answering(article, (signal) => resume(article, signal).catch((error) => {
    if (error instanceof TypeError) return undefined; // it is asked for again
    throw error;
  }));
}

/** The server ends the answer, and tells so in its stream; when it can't be told, the page leaves it. */
async function stop() {
  const { article, answer, aborter } = current ?? {};
  if (!article) return;
  if (!article.dataset.runId) return aborter.abort();
  answer.show(text("stopping"));
  const response = await send(addressOf(article, "stopUrl"), { method: "POST" }).catch(() => null);
  if (!response?.ok) aborter.abort();
}

/** The question of `article`; from its text where the page was loaded since. */
export function questionOf(article) {
  return asked.get(article) ?? {
    query: article.querySelector("[data-question]").textContent,
    passages: Array.from(article.querySelectorAll("[data-selected]"), passageOf),
    ...scopeOf(article),
  };
}

/** What the search of `article` was narrowed to. */
function scopeOf({ dataset }) {
  const { collections = [], documents = [] } = JSON.parse(dataset.scope ?? "{}");
  return { collections: collections.length ? collections : composer.everything, documents };
}

/** What was asked about, from its `quoted` text in a conversation. */
function passageOf(quoted) {
  const { document: id, start, end, from } = quoted.dataset;
  const selection = id && { document_id: Number(id), start: Number(start), end: Number(end) };
  return { text: quoted.textContent, selection, from };
}

function start() {
  runs.querySelectorAll(":scope > [data-state=running]").forEach(takeUp);
  runs.lastElementChild?.scrollIntoView({ block: "start", behavior: "instant" });
  if (!composer) return;
  composer.onAsk(ask);
  composer.onStop(stop);
}

start();
