// The list of keyboard shortcuts, in a dialog over the page where they are wanted.

let dialog;

// Returns the dialog once it is open; fails when the list cannot be had.
export async function show(address) {
  const answer = await fetch(address, { headers: { "HX-Request": "true" } });
  if (!answer.ok || answer.redirected) throw new Error(answer.status);
  const part = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.className = "dialog dialog-shortcuts";
    dialog.setAttribute("aria-labelledby", "shortcuts-dialog-title");
    dialog.addEventListener("click", (event) => {
      if (event.target !== dialog && !event.target.closest("[data-closes-dialog]")) return;
      event.preventDefault();
      dialog.close();
    });
    document.body.append(dialog);
  }
  dialog.replaceChildren(...part.body.childNodes);
  if (!document.querySelector("dialog[open]")) dialog.showModal();
  return dialog;
}
