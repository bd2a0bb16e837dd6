// A button that prints the page. Without this file there is none, and the browser can print it.

for (const button of document.querySelectorAll("[data-prints]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
