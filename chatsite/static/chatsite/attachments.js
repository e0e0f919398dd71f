// Files of the reader's own, attached to this conversation: chosen, dropped or pasted, sent one after another, and shown
// with how far each has been read. The server judges them; only what is too large isn't sent at all.

import { stand } from "./chat.js";
import { composer } from "./composer.js";
import { announce, share, text } from "./texts.js";

const POLL_MS = 700;
const LONGEST_POLL_MS = 15_000;
const chat = document.querySelector("[data-chat]");
const list = document.querySelector("[data-attached]");
const form = document.querySelector("[data-composer]");
const find = (name) => form.querySelector(`[data-${name}]`);

let queue = Promise.resolve();
let polling = false;

// ---- sending ----

function take(files) {
  const limit = Number(form.dataset.uploadLimit);
  const over = [...files].filter(({ size }) => size > limit);
  const complaints = over.map(({ name, size }) => text("file-too-large", { name, size: megabytes(size), limit: megabytes(limit) }));
  composer.notify({ message: complaints.join(" ") });
  for (const file of [...files].filter((each) => !over.includes(each))) {
    const aborter = new AbortController();
    const chip = add({ title: file.name, state: "sending" }, () => aborter.abort());
    composer.hold(1);
    queue = queue.then(() => upload(file, aborter.signal)).then((complaint) => {
      chip.remove();
      arrange();
      if (complaint) complaints.push(complaint);
      if (complaint) composer.notify({ message: complaints.join(" ") });
      composer.hold(-1, { refused: Boolean(complaint) });
    });
  }
}

/** Why it was not taken; nothing when it was. */
async function upload(file, signal) {
  while (!chat.dataset.session && composer.busy && !signal.aborted) await pause(100); // one conversation begins, not two
  const body = new FormData();
  body.append("file", file);
  if (chat.dataset.session) body.append("session_id", chat.dataset.session);
  const response = await fetch(chat.dataset.attachmentsUrl, { method: "POST", body, headers: headers(), signal }).catch((error) => error);
  if (signal.aborted) return "";
  if (response instanceof Error) return text("file-unsent", { name: file.name });
  const told = await response.json().catch(() => ({})); // a proxy's error page is not JSON
  if (!response.ok) return told.message ? `${file.name}: ${told.message.replace(/^file: /, "")}` : text("file-refused", { name: file.name, status: response.status });
  if (!chat.dataset.session) chat.dataset.untitled = ""; // until something is asked
  stand(told.session_id, file.name);
  show(told.attachments);
  poll();
  return "";
}

function headers() {
  return { "X-CSRFToken": composer.csrfToken };
}

function megabytes(bytes) {
  const format = { style: "unit", unit: "megabyte", maximumFractionDigits: 1 };
  return new Intl.NumberFormat(document.documentElement.lang, format).format(bytes / 1_048_576);
}

function pause(milliseconds) {
  return new Promise((go) => setTimeout(go, milliseconds));
}

// ---- what is there, and how far it is ----

const unread = () => list.querySelector("[data-state=queued], [data-state=processing]");

async function poll() {
  if (polling) return;
  polling = true;
  for (let wait = POLL_MS; unread(); ) {
    await pause(wait);
    const response = await fetch(`${chat.dataset.attachmentsUrl}?session_id=${chat.dataset.session}`).catch(() => null);
    if (response?.ok) show((await response.json()).attachments);
    else if (response && response.status < 500) break; // signed out, or deleted in another tab
    wait = response?.ok ? POLL_MS : Math.min(wait * 2, LONGEST_POLL_MS);
  }
  polling = false;
}

function show(attachments) {
  const known = new Set(attachments.map(({ document_id: id }) => String(id)));
  for (const chip of [...list.children]) if (chip.dataset.id && !known.has(chip.dataset.id)) chip.remove();
  for (const file of attachments) {
    const chip = list.querySelector(`[data-id="${file.document_id}"]`) ?? add(file);
    const before = chip.dataset.state;
    draw(chip, file);
    if (before === file.state || before === undefined) continue;
    if (file.state === "ready") announce(text(lost(file).length ? "file-is-noted" : "file-is-ready", file));
    else if (file.error) announce(text("file-is-failed", { title: file.title, reason: file.error }));
  }
  arrange();
}

function add(file, leave) {
  const chip = find("attached-template").content.firstElementChild.cloneNode(true);
  chip.dataset.id = file.document_id ?? "";
  draw(chip, file);
  equip(chip, leave);
  list.append(chip);
  arrange();
  return chip;
}

/** The sentences of what its text lacks. */
function lost({ notes = [] }) {
  return notes.filter((note) => note.lost).map(({ message }) => message);
}

function draw(chip, file) {
  const { title, filename, beside, state, progress, error } = file;
  chip.dataset.state = state;
  const name = chip.querySelector("[data-name]");
  name.textContent = title;
  name.title = filename ?? title;
  chip.querySelector("[data-beside]").textContent = beside ?? "";
  const said = { sending: "file-sending", queued: "file-queued", processing: "file-processing" }[state];
  const told = chip.querySelector("[data-file-state]");
  const losses = lost(file);
  told.textContent = said ? text(said, { share: share(progress) }) : error || (losses.length ? text("file-lost") : "");
  told.toggleAttribute("data-lost", losses.length > 0);
  told.title = losses.join(" ");
}

function arrange() {
  list.hidden = !list.children.length;
}

function equip(chip, leave = () => remove(chip)) {
  const button = chip.querySelector("[data-remove]");
  button.hidden = false;
  button.addEventListener("click", leave);
}

async function remove(chip) {
  const response = await fetch(`${chat.dataset.attachmentsUrl}/${chip.dataset.id}`, { method: "DELETE", headers: headers() }).catch(() => null);
  if (!response?.ok && response?.status !== 404) return composer.notify({ message: text("not-sent") });
  announce(text("file-removed", { title: chip.querySelector("[data-name]").textContent }));
  chip.remove();
  arrange();
  composer.focus();
}

// ---- chosen, dropped, pasted ----

const hasFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");

function dropping(event) {
  if (!hasFiles(event)) return;
  event.preventDefault();
  if (event.type === "drop") take(event.dataTransfer.files);
  const left = event.type === "dragleave" && !chat.contains(event.relatedTarget);
  chat.toggleAttribute("data-dropping", event.type !== "drop" && !left);
}

function start() {
  const chosen = find("attach-files");
  find("attach").hidden = false;
  find("attach").addEventListener("click", () => chosen.click());
  chosen.addEventListener("change", () => {
    take(chosen.files);
    chosen.value = ""; // the same file may be chosen again
    composer.focus();
  });
  chat.dataset.dropHere = text("drop-here");
  for (const type of ["dragenter", "dragover", "dragleave", "drop"]) chat.addEventListener(type, dropping);
  form.addEventListener("paste", (event) => {
    const { files, types } = event.clipboardData;
    if (!files.length || types.includes("text/plain")) return; // an office program puts a picture beside its text
    event.preventDefault();
    take(files);
  });
  for (const chip of list.children) equip(chip);
  poll();
}

if (list) start();
