// The chat on another page: `{% docchat %}` in a page of the same project, embed.js in a page of any other origin.
// One plain script, for pages of which nothing is known. What it shows stands in a shadow root, so that neither side's
// css meets the other's; the chat itself is a frame of its own site, loaded when it is first opened.
// Both sides check where a message comes from. The page gives the frame selected text and hears: ready, close.

(() => {
  const SETTLE_MS = 150;
  const GAP = 10;
  const OPEN = "docchat-open";
  const UNHEARD = "docchat-unheard";
  const STYLE = `
    :host { all: initial !important; color-scheme: light dark !important; }
    * { box-sizing: border-box; margin: 0; font: 600 16px/1.3 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
    [hidden] { display: none !important; }
    button { position: fixed; z-index: 2147483000; display: inline-flex; align-items: center; gap: 8px; min-height: 48px; padding: 0 18px;
      border: 1px solid #ffffff55; border-radius: 24px; background: var(--accent); color: var(--on-accent); cursor: pointer;
      box-shadow: 0 1px 2px #0003, 0 6px 20px #0000002e; }
    button:hover { box-shadow: 0 2px 4px #0004, 0 8px 26px #0000004d; }
    button:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; box-shadow: 0 0 0 3px Canvas; }
    .open { inset-block-end: max(16px, env(safe-area-inset-bottom)); inset-inline-end: 16px; max-width: calc(100vw - 32px); }
    .start .open { inset-inline: 16px auto; }
    .ask { min-height: 40px; padding: 0 16px; font-size: 15px; background: light-dark(#18201d, #e7ece9); color: light-dark(#fff, #131716); border-color: transparent; }
    svg { flex: none; width: 22px; height: 22px; fill: none; stroke: currentColor; stroke-width: 1.7; stroke-linecap: round; stroke-linejoin: round; }
    dialog { position: fixed; z-index: 2147483000; inset: auto 16px max(16px, env(safe-area-inset-bottom)) auto; width: min(26rem, calc(100vw - 32px));
      height: min(42rem, calc(100dvh - 32px)); max-width: none; max-height: none; padding: 0; overflow: hidden; border: 1px solid light-dark(#cfd6d3, #3c4643);
      border-radius: 16px; background: light-dark(#fff, #131716); box-shadow: 0 2px 6px #0002, 0 16px 48px #0000003d; }
    [dir=rtl] dialog, .start dialog { inset-inline: auto; right: auto; left: 16px; }
    [dir=rtl].start dialog { right: 16px; left: auto; }
    iframe { display: block; width: 100%; height: 100%; border: 0; }
    dialog:modal { inset: 0; width: 100%; height: 100dvh; border: 0; border-radius: 0; }
    dialog::backdrop { background: light-dark(#fff, #131716); }
    @media (width < 40rem) { .open span { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); } .open { width: 52px; min-height: 52px; padding: 0; border-radius: 26px; justify-content: center; } }
    @media (forced-colors: active) { button { border-color: ButtonText; } }
    @media print { :host { display: none !important; } }
  `;

  const script = document.currentScript;
  const options = { title: "Ask the documents", accent: "", side: "end", shortcut: "on", ask: "Ask about this", ...script.dataset };
  const address = options.docchat ? new URL(options.docchat, location.href) : new URL(`embed/${encodeURIComponent(options.token)}/`, script.src);
  if (options.docchat) address.searchParams.set("page", location.pathname + location.search);
  else address.searchParams.set("origin", location.origin);
  if (options.agent && !options.docchat) address.searchParams.set("agent", options.agent);
  const full = matchMedia("(width < 40rem), (height < 26rem)");

  const host = document.createElement("doc-chat");
  const around = element("div", { className: options.side === "start" ? "start" : "" });
  const opener = element("button", { className: "open", type: "button", ariaHasPopup: "dialog", ariaExpanded: "false" });
  const asker = element("button", { className: "ask", type: "button", hidden: true, textContent: options.ask });
  const dialog = element("dialog", { ariaLabel: options.title });

  let frame = null;
  let ready = false;
  let waiting = unheard();
  let offered = "";
  let settling = 0;
  let before = null;
  let overflow = "";

  function element(name, properties) {
    return Object.assign(document.createElement(name), properties);
  }

  function build() {
    if (document.querySelector("doc-chat")) return; // once, however often it stands in the page
    const sheet = new CSSStyleSheet(); // unlike a <style>, it needs nothing of the page's own Content-Security-Policy
    sheet.replaceSync(STYLE);
    const root = host.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    around.dir = getComputedStyle(document.documentElement).direction;
    const accent = /^#[0-9a-f]{6}$/i.test(options.accent) ? options.accent : "#0b6a58";
    around.style.setProperty("--accent", accent);
    around.style.setProperty("--on-accent", light(accent) ? "#111" : "#fff");
    opener.append(icon(), element("span", { textContent: options.title }));
    opener.title = options.shortcut === "on" ? `${options.title} (${/Mac|iP/.test(navigator.platform) ? "⌘" : "Ctrl+"}I)` : options.title;
    around.append(asker, opener, dialog);
    root.append(around);
    document.body.append(host);
    wear();
    listen();
    if (!full.matches && recalled()) open({ focus: false });
  }

  /** Whether black is easier to read on this colour than white: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
  function light(colour) {
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179;
  }

  /** Light or dark where the page itself has chosen, as Django's admin does; else as the reader's system is. */
  function wear() {
    const { theme } = document.documentElement.dataset;
    around.style.colorScheme = ["light", "dark"].includes(theme) ? theme : "";
    if (ready) send({ docchat: "theme", theme: around.style.colorScheme });
  }

  function icon() {
    const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    drawing.setAttribute("viewBox", "0 0 20 20");
    drawing.setAttribute("aria-hidden", "true");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", "M3.500 4.500h13v9h-7l-3.500 3v-3h-2.500zM6.500 7.700h7M6.500 10.400h4.500");
    drawing.append(path);
    return drawing;
  }

  // ---- open and closed ----

  function open({ focus = true } = {}) {
    if (!dialog.open) {
      before = document.activeElement;
      frame ??= dialog.appendChild(element("iframe", { src: address.href, title: options.title }));
      show();
      opener.ariaExpanded = "true";
      opener.hidden = true;
      recall(true);
    }
    if (focus) send({ docchat: "focus" });
  }

  /** Beside the page it leaves the page usable, for selecting; over the page it holds the focus. */
  function show() {
    const active = document.activeElement;
    if (full.matches) {
      overflow = document.documentElement.style.overflow;
      document.documentElement.style.overflow = "hidden";
      dialog.showModal();
    } else {
      dialog.show();
      active?.focus?.({ preventScroll: true }); // what it does with the focus is said by whoever opens it
    }
  }

  function close() {
    if (!dialog.open) return;
    if (full.matches) document.documentElement.style.overflow = overflow;
    dialog.close();
    opener.hidden = false;
    opener.ariaExpanded = "false";
    recall(false);
    const back = before?.isConnected && before !== document.body ? before : opener;
    (back === host ? opener : back).focus({ preventScroll: true });
  }

  function recall(value) {
    try {
      if (value) sessionStorage.setItem(OPEN, "1");
      else sessionStorage.removeItem(OPEN);
    } catch {
      // storage is off: it begins closed on the next page
    }
  }

  function recalled() {
    try {
      return sessionStorage.getItem(OPEN) === "1";
    } catch {
      return false;
    }
  }

  // ---- to and from the frame ----

  function send(message) {
    if (!ready) {
      waiting.push(message);
      return keep();
    }
    if (message.docchat === "focus") frame.focus();
    frame.contentWindow.postMessage(message, address.origin);
  }

  function receive({ source, origin, data }) {
    if (!frame || source !== frame.contentWindow || origin !== address.origin) return;
    if (data?.docchat === "close") close();
    if (data?.docchat === "ready") {
      ready = true;
      wear();
      waiting.splice(0).forEach(send);
      keep();
    }
  }

  /** Keep what the frame has not heard yet for the page that comes next: the one behind a sign-in, for one. */
  function keep() {
    const passages = waiting.filter(({ docchat }) => docchat === "passage");
    try {
      if (passages.length) sessionStorage.setItem(UNHEARD, JSON.stringify(passages));
      else sessionStorage.removeItem(UNHEARD);
    } catch {
      // storage is off, or full: it is lost with the page
    }
  }

  function unheard() {
    try {
      return JSON.parse(sessionStorage.getItem(UNHEARD) ?? "[]").filter(({ docchat }) => docchat === "passage");
    } catch {
      return [];
    }
  }

  // ---- selected text ----

  function offer() {
    const selection = getSelection();
    const field = document.activeElement?.closest?.("input, textarea, [contenteditable]:not([contenteditable=false])");
    const content = selection.rangeCount && !selection.isCollapsed && !field && !host.contains(selection.anchorNode) ? selection.toString().trim() : "";
    if (!content && asker.matches(":hover, :focus")) return; // a touch on the button has taken the selection away
    offered = content;
    asker.hidden = !content;
    if (content) place(selection.getRangeAt(0));
  }

  function place(range) {
    const rect = [...range.getClientRects()].findLast(({ width }) => width) ?? range.getBoundingClientRect();
    const left = Math.min(rect.right - asker.offsetWidth / 2, innerWidth - asker.offsetWidth - GAP);
    const top = Math.min(rect.bottom + GAP, innerHeight - asker.offsetHeight - GAP);
    asker.style.left = `${Math.max(GAP, left)}px`;
    asker.style.top = `${Math.max(GAP, top)}px`;
  }

  function decline() {
    offered = "";
    asker.hidden = true;
  }

  function ask() {
    const content = offered;
    decline();
    getSelection().empty();
    open();
    send({ docchat: "passage", text: content, from: document.title });
  }

  function settle() {
    clearTimeout(settling);
    settling = setTimeout(offer, SETTLE_MS);
  }

  // ---- keys ----

  function keyed(event) {
    const focused = host.shadowRoot.activeElement;
    if (isShortcut(event)) {
      if (offered) ask();
      else open();
    } else if (offered && event.key === "Tab" && !event.shiftKey && focused !== asker) asker.focus();
    else if (offered && event.key === "Escape") decline();
    else if (event.key === "Escape" && dialog.open && !event.defaultPrevented) close();
    else return;
    event.preventDefault();
  }

  /** Ctrl+I or Cmd+I, but not where it makes text italic. */
  function isShortcut({ key, ctrlKey, metaKey, altKey, shiftKey }) {
    if (options.shortcut !== "on" || key.toLowerCase() !== "i" || altKey || shiftKey || ctrlKey === metaKey) return false;
    return !document.activeElement?.isContentEditable;
  }

  function listen() {
    opener.addEventListener("click", () => open());
    asker.addEventListener("pointerdown", (event) => event.preventDefault()); // keeps the selection
    asker.addEventListener("click", ask);
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      close();
    });
    full.addEventListener("change", () => {
      if (!dialog.open) return;
      document.documentElement.style.overflow = overflow;
      dialog.close();
      show();
    });
    addEventListener("message", receive);
    new MutationObserver(wear).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    document.addEventListener("selectionchange", settle);
    document.addEventListener("scroll", () => offered && settle(), { capture: true, passive: true });
    document.addEventListener("keydown", keyed, { capture: true });
  }

  if (document.body) build();
  else document.addEventListener("DOMContentLoaded", build);
})();
