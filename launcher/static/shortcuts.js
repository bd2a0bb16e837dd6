// The list of keyboard shortcuts, in a dialog over the page where they are wanted.

let dialog;

document.addEventListener("launcher:shortcuts", async (event) => {
  const address = document.body.dataset.shortcuts;
  if (!address || document.querySelector("dialog[open], main #shortcuts")) return;
  event.preventDefault();
  try {
    const answer = await fetch(address, { headers: { "HX-Request": "true" } });
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    location.assign(address);
  }
});

function show(part) {
  dialog ??= build();
  dialog.replaceChildren(...part.body.childNodes);
  showMacKeys(dialog);
  if (!document.querySelector("dialog[open]")) dialog.showModal();
}

function build() {
  const made = document.createElement("dialog");
  made.className = "dialog dialog-shortcuts";
  made.setAttribute("aria-labelledby", "shortcuts-dialog-title");
  made.addEventListener("click", (event) => {
    if (event.target !== made && !event.target.closest("[data-closes-dialog]")) return;
    event.preventDefault();
    made.close();
  });
  document.body.append(made);
  return made;
}
