/* The drop zone: each file is sent on its own, one after the other, so that a refused one never holds back the rest. */
for (const form of document.querySelectorAll("[data-upload]")) {
  const zone = form.querySelector("[data-upload-zone]");
  const results = form.querySelector("[data-upload-results]");
  const input = form.querySelector("input[type=file]");
  let last = Promise.resolve();

  const row = (kind, file) => {
    const item = form.querySelector(`[data-upload-${kind}]`).content.firstElementChild.cloneNode(true);
    item.querySelector("[data-name]").textContent = file.name;
    return item;
  };

  const send = async (file, fields, pending) => {
    try {
      const response = await fetch(form.action, { method: "POST", body: fields, headers: { "X-Fragment": "1" } });
      if (!(response.ok || response.status === 413) || response.redirected) throw new Error(response.statusText);
      pending.outerHTML = await response.text();
      document.dispatchEvent(new Event("documents:added"));
    } catch {
      pending.replaceWith(row("failed", file));
    }
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    for (const file of input.files) {
      const fields = new FormData(form);
      if (file.size > form.dataset.maxBytes) {
        fields.delete(input.name); /* the site refuses it by its name and size, and remembers that */
        fields.set("unsent_name", file.name);
        fields.set("unsent_size", file.size);
      } else fields.set(input.name, file);
      const pending = row("pending", file);
      results.append(pending);
      last = last.then(() => send(file, fields, pending));
    }
    input.value = "";
  });

  input.addEventListener("change", () => input.files.length && form.requestSubmit());

  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.dataset.dragging = "";
    });
  }
  for (const name of ["dragleave", "drop"]) {
    zone.addEventListener(name, () => delete zone.dataset.dragging);
  }
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    form.requestSubmit();
  });
}
