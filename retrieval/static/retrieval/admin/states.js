/* Keeps the states on the page current: asks once a second while a document waits or is processed, and then stops. */
const announcement = document.querySelector("[data-states-url]");
const UNFINISHED = ["queued", "processing"].map((state) => `[data-document][data-state=${state}]`).join();
const SECOND = 1000;
let timer = null;

/* A sentence of how a document was read. */
const note = ({ text, lost }) => {
  const item = Object.assign(document.createElement("li"), { textContent: text });
  item.toggleAttribute("data-lost", lost);
  return item;
};

const show = (id, fields, state) => {
  for (const cell of document.querySelectorAll(`[data-document="${id}"]`)) {
    const value = fields[cell.dataset.field] ?? "";
    if (Array.isArray(value)) cell.replaceChildren(...value.map(note));
    else cell.textContent = value;
    cell.dataset.state = state;
  }
};

/* Returns whether asking again makes sense. */
const ask = async (ids) => {
  const query = new URLSearchParams(ids.map((id) => ["id", id]));
  const response = await fetch(`${announcement.dataset.statesUrl}?${query}`);
  if (!response.ok || response.redirected) return response.status >= 500;
  const { documents } = await response.json();
  for (const id of ids) {
    const found = documents[id];
    show(id, found?.fields ?? {}, found?.state ?? "deleted");
  }
  const finished = Object.values(documents).filter(({ state }) => state !== "queued" && state !== "processing");
  if (finished.length) announcement.textContent = finished.map(({ title, fields }) => `${title}: ${fields.state}`).join(". ");
  return true;
};

const poll = async () => {
  timer = null;
  const ids = [...new Set([...document.querySelectorAll(UNFINISHED)].map((cell) => cell.dataset.document))];
  if (!ids.length) return;
  let again = true;
  try {
    if (!document.hidden) again = await ask(ids.slice(0, 100));
  } catch {
    /* The site may be restarting. */
  }
  if (again) start();
};

const start = () => {
  timer ??= setTimeout(poll, SECOND);
};

/* A collection's progress: its piece of the page is asked for again while some of its documents are under way. */
const progress = async () => {
  const shown = document.querySelector("[data-progress-url]");
  let again = true;
  try {
    if (!document.hidden) {
      const response = await fetch(shown.dataset.progressUrl);
      if (response.ok && !response.redirected) shown.outerHTML = await response.text();
      else again = response.status >= 500;
    }
  } catch {
    /* The site may be restarting. */
  }
  if (again && document.querySelector("[data-progress-url][data-unfinished]")) setTimeout(progress, 2 * SECOND);
};

if (document.querySelector("[data-progress-url]")) {
  if (document.querySelector("[data-progress-url][data-unfinished]")) setTimeout(progress, 2 * SECOND);
  document.addEventListener("documents:added", () => {
    if (!document.querySelector("[data-progress-url][data-unfinished]")) progress();
  });
}

if (announcement) {
  document.addEventListener("documents:added", start);
  start();
}
