// Enter asks, also before the modules have run: no module, it runs as soon as it is here, and nothing waits for it. What is
// asked early waits for the modules (onAsk in composer.js); where they don't come, the form goes as it goes without scripts.

{
  const LONGEST_WAIT_MS = 10_000;

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || !event.target.matches("[data-composer] [name=query]")) return;
    event.preventDefault();
    event.target.form.requestSubmit();
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || !form.matches("[data-composer]")) return;
    event.preventDefault();
    if (!form.elements.query.value.trim()) return;
    form.dataset.early = "";
    const leave = () => {
      if (!("early" in form.dataset) || self !== top) return; // in a frame it would take the host's page away
      delete form.dataset.early; // once: a second submission would take the place of the first, and ask again
      form.submit();
    };
    setTimeout(leave, LONGEST_WAIT_MS);
    addEventListener("load", leave);
  });
}
