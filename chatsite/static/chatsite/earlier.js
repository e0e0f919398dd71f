// The part of a long conversation before the one that is shown: it is put above that, which stays where it is for the eye.
// Without this script its link leads to a page of its own.

const chat = document.querySelector("[data-chat]");
const log = chat.querySelector("[data-log]");
const runs = chat.querySelector("[data-runs]");

async function show(link) {
  link.setAttribute("aria-busy", "true");
  const response = await fetch(link.href, { credentials: chat.dataset.token ? "omit" : "same-origin" }).catch(() => null);
  if (!response?.ok) return location.assign(link.href);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const more = [...page.querySelector("[data-runs]").children];
  const { scrollHeight, scrollTop } = log;
  runs.prepend(...more);
  more.forEach((run) => run.dispatchEvent(new CustomEvent("settled", { bubbles: true }))); // which makes them higher
  const next = page.querySelector("[data-earlier]");
  if (next) link.replaceWith(next);
  else link.parentElement.remove();
  log.scrollTo({ top: scrollTop + log.scrollHeight - scrollHeight, behavior: "instant" });
  if (next) return next.focus({ preventScroll: true });
  const first = more.at(-1)?.querySelector("[data-question]"); // what stands right above what was shown
  first?.setAttribute("tabindex", "-1");
  first?.focus({ preventScroll: true });
}

log.addEventListener("click", (event) => {
  const link = event.target.closest("[data-earlier]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (!link.hasAttribute("aria-busy")) show(link);
});
