// Comforts of the admin pages: every link and form does its work without this file.

const dialog = document.querySelector("#dialog");
const problem = document.querySelector("#problem");
let opener = null;

// A part that was swapped into the dialog opens it; focus goes back to where it came from.
document.addEventListener("htmx:before:request", (event) => {
  const source = event.detail.ctx.sourceElement;
  if (dialog && !dialog.contains(source) && event.detail.ctx.target === dialog) {
    opener = source.closest("[popover]")?.id ? document.querySelector(`[popovertarget="${source.closest("[popover]").id}"]`) : source;
  }
});
document.addEventListener("htmx:after:swap", () => {
  if (!dialog) return;
  if (dialog.childElementCount > 0 && !dialog.open) {
    document.querySelector("[popover].menu:popover-open")?.hidePopover();
    dialog.showModal();
    (dialog.querySelector("[autofocus]") ?? dialog.querySelector("h2, button, a"))?.focus();
  }
  if (dialog.childElementCount === 0 && dialog.open) dialog.close();
});
dialog?.addEventListener("close", () => {
  dialog.replaceChildren();
  if (opener?.isConnected) opener.focus();
  else document.querySelector("#main").focus();
});
dialog?.addEventListener("click", (event) => {
  if (event.target === dialog || event.target.closest("[data-closes-dialog]")) {
    event.preventDefault();
    dialog.close();
  }
});

// Silence of the server is told once, and taken back when it answers again.
document.addEventListener("htmx:error", () => {
  if (problem && !problem.hasChildNodes()) problem.textContent = problem.dataset.lost;
});
document.addEventListener("htmx:after:request", () => {
  if (problem?.textContent === problem?.dataset.lost) problem?.replaceChildren();
});

// The address names what the panel shows, so that a reload shows the same.
document.addEventListener("htmx:after:swap", () => {
  const address = document.querySelector("[data-address]")?.dataset.address;
  if (address && address !== location.pathname + location.search) history.replaceState(null, "", address);
});
