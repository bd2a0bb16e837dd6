// Uploads a backup with progress; without this file the form sends it.

const root = document.documentElement;
const STEP = 0.25; // how often progress is read aloud

let transfer = null;

root.dataset.scripted = "uploads";

function formOf(event) {
  return event.target instanceof Element ? event.target.closest("form[data-uploads]") : null;
}

function megabytes(form, bytes) {
  const number = new Intl.NumberFormat(root.lang, { maximumFractionDigits: 1 }).format(bytes / 1e6);
  return form.dataset.megabytes.replace("{number}", number);
}

function say(form, words) {
  form.querySelector("[data-status]").textContent = words;
}

function showProblem(form, ...nodes) {
  form.parentElement.querySelector("[data-problem]").replaceChildren(...nodes);
}

function refuse(form, reason) {
  const template = form.parentElement.querySelector(`template[data-refusal=${reason}]`);
  showProblem(form, template.content.cloneNode(true));
}

// The response has the notice that its own page would show.
function showAnswer(form, answer) {
  const notice = new DOMParser().parseFromString(answer, "text/html").querySelector(".notice");
  if (notice) showProblem(form, notice);
  else refuse(form, "broken");
}

function keepPage(event) {
  event.preventDefault();
}

function end(form, words = "") {
  transfer = null;
  window.removeEventListener("beforeunload", keepPage);
  form.querySelector(".upload-progress").hidden = true;
  form.querySelector("input[type=file]").value = "";
  delete form.dataset.sending;
  say(form, words);
}

function send(form, files) {
  if (transfer) return;
  showProblem(form);
  if (files.length > 1) return refuse(form, "several");
  const [file] = files;
  if (file.size > Number(form.dataset.limitBytes)) return refuse(form, "size");

  const fields = new FormData(form);
  fields.set("file", file);
  const bar = form.querySelector("progress");
  const figures = form.querySelector("[data-figures]");
  let announced = 0;
  form.dataset.sending = "";
  form.querySelector("[data-name]").textContent = file.name;
  form.querySelector(".upload-progress").hidden = false;
  bar.value = 0;
  figures.textContent = "";
  say(form, form.dataset.begun.replace("{name}", file.name));

  transfer = new XMLHttpRequest();
  transfer.upload.addEventListener("progress", (event) => {
    bar.value = event.loaded / event.total;
    figures.textContent = form.dataset.sent
      .replace("{done}", megabytes(form, event.loaded))
      .replace("{total}", megabytes(form, event.total));
    if (bar.value >= announced + STEP) {
      announced = bar.value - (bar.value % STEP);
      say(form, figures.textContent);
    }
  });
  transfer.upload.addEventListener("load", () => {
    bar.removeAttribute("value");
    form.querySelector("[data-cancels]").hidden = true;
    say(form, form.dataset.checking);
  });
  transfer.addEventListener("loadend", (event) => {
    const answered = event.target;
    const wasCancelled = answered.status === 0 && form.dataset.sending === "cancelled";
    form.querySelector("[data-cancels]").hidden = false;
    end(form, wasCancelled ? form.dataset.cancelled : "");
    const address = answered.getResponseHeader("HX-Redirect");
    if (address) location.assign(address);
    else if (answered.status !== 0) showAnswer(form, answered.responseText);
    else if (!wasCancelled) refuse(form, "broken");
    if (!address) form.querySelector("input[type=file]").focus();
  });
  transfer.open("POST", form.action);
  transfer.setRequestHeader("HX-Request", "true");
  transfer.setRequestHeader("HX-Current-URL", location.href);
  window.addEventListener("beforeunload", keepPage);
  transfer.send(fields);
  form.querySelector("[data-cancels]").focus();
}

document.addEventListener("change", (event) => {
  const form = formOf(event);
  if (form && event.target.type === "file" && event.target.files.length) send(form, event.target.files);
});
document.addEventListener("submit", (event) => {
  const form = formOf(event);
  if (!form) return;
  event.preventDefault();
  const { files } = form.querySelector("input[type=file]");
  if (files.length) send(form, files);
});
document.addEventListener("click", (event) => {
  const form = formOf(event);
  if (!form || !event.target.closest("[data-cancels]") || !transfer) return;
  form.dataset.sending = "cancelled";
  transfer.abort();
});

// A file dropped elsewhere must not replace the page.
for (const name of ["dragover", "drop"]) {
  document.addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    const form = formOf(event);
    event.dataTransfer.dropEffect = form ? "copy" : "none";
    if (name === "dragover") form?.setAttribute("data-over", "");
    if (name === "drop" && form) send(form, event.dataTransfer.files);
  });
}
for (const name of ["dragleave", "drop"]) {
  document.addEventListener(name, (event) => formOf(event)?.removeAttribute("data-over"));
}
