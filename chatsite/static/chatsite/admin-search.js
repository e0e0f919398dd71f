// In the admin: offers its own search below each answer, and shows what it finds when it is asked for.

const QUESTION_MAX = 300; // an address has to hold it
const chat = document.querySelector("[data-admin-search-url]");
const runs = chat.querySelector("[data-runs]");
const offered = document.querySelector("#admin-search").content;

/** A button below `article`, unless there is one, or its answer is still being written. */
function offer(article) {
  if (article.dataset.state === "running" || article.querySelector("[data-admin-search], [data-admin-matches]")) return;
  article.append(offered.cloneNode(true));
}

async function search(button) {
  const article = button.closest("[data-run]");
  const url = new URL(chat.dataset.adminSearchUrl, location.href);
  url.searchParams.set("question", article.querySelector("[data-question]").textContent.slice(0, QUESTION_MAX));
  button.disabled = true;
  const response = await fetch(url).catch(() => null);
  button.disabled = false;
  const failed = article.querySelector("[data-admin-failed]");
  failed.hidden = Boolean(response?.ok);
  if (!response?.ok) return;
  const found = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("[data-admin-matches]");
  failed.remove();
  button.replaceWith(found);
  found.focus({ preventScroll: true });
  found.scrollIntoView({ block: "center" });
}

runs.querySelectorAll(":scope > [data-run]").forEach(offer);
runs.addEventListener("settled", ({ target }) => offer(target));
chat.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-admin-search]");
  if (button) search(button);
});
