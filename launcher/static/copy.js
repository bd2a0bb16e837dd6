// Copies a text; a browser offers its clipboard over a secure connection only.
// Without this file there is no button, and the text can be selected.

for (const button of document.querySelectorAll("[data-copies]")) button.hidden = false;
let copied = null; // the button that says so
document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copies]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copies);
  getSelection().selectAllChildren(source);
  const isCopied = await (navigator.clipboard?.writeText(source.textContent) ?? Promise.reject()).then(
    () => true, () => document.execCommand("copy"),
  );
  if (!isCopied) return; // it stays selected, to be copied by hand
  const words = button.querySelector("span");
  const announced = document.querySelector("#copied");
  if (copied && copied !== button) copied.querySelector("span").textContent = copied.dataset.idle;
  button.dataset.idle ??= words.textContent;
  copied = button;
  words.textContent = button.dataset.done;
  announced.textContent = "";
  setTimeout(() => { announced.textContent = button.dataset.done; }, 50); // announced each time
});
