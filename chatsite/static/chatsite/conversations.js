// The list of conversations, and the menu of the one that is shown. Both work without this script.

const NO_ID = "00000000-0000-0000-0000-000000000000";
const list = document.querySelector("#conversations");
const menu = document.querySelector("[data-menu]");

/** A conversation has begun on this page: it stands in the list, and its menu leads to it. A page inside another one has
    neither. */
export function adopt({ id, url, title }) {
  for (const field of document.querySelectorAll("[name=session_id]")) field.value = id;
  if (!list) return;
  const today = list.querySelector("[data-today]");
  const item = document.createElement("li");
  const link = Object.assign(document.createElement("a"), { href: url, title, textContent: title });
  link.setAttribute("aria-current", "page");
  item.append(link);
  today.hidden = false;
  today.querySelector("ul").prepend(item);
  const bar = document.querySelector("[data-conversation-bar]");
  for (const form of bar.querySelectorAll("form")) form.setAttribute("action", form.getAttribute("action").replace(NO_ID, id));
  for (const link of bar.querySelectorAll("a")) link.setAttribute("href", link.getAttribute("href").replace(NO_ID, id));
  retitle(title);
  bar.hidden = false;
}

/** What the conversation that is shown is called from now on. */
export function retitle(title) {
  if (!list) return;
  for (const link of list.querySelectorAll("a[aria-current]")) link.textContent = title;
  for (const place of document.querySelectorAll("[data-conversation-bar] [data-title]")) place.value === undefined ? (place.textContent = title) : (place.value = title);
}

function start() {
  document.addEventListener("click", (event) => {
    if (menu.open && !menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  menu.addEventListener("focusin", ({ target }) => "selectAll" in target.dataset && target.select());
  if ("found" in list.dataset && matchMedia("(width < 60rem)").matches) list.showPopover(); // what was looked for
}

if (list) start();
