// Editing a board: its forms are sent, and its links with data-dialog opened, without leaving the
// page. Everything works without this file.

const dialog = document.querySelector("#dialog");
const menu = document.querySelector("#tile-menu");
const toasts = document.querySelector("#toasts");
const words = document.querySelector("#words").dataset;
const board = () => document.querySelector("#board");

// One after the other: each sends what the one before it left.
let queue = Promise.resolve();
function send(request) {
  queue = queue.then(() => post(request)).catch(() => false);
  return queue;
}

// `lost` puts back what the page showed already.
async function post({ path, fields, multipart = false, into = "#board", lost }) {
  const isUndo = pathOf(path) === words.undo;
  if (isUndo) forget(fields.get("id"));
  if (fields.has("seen") && into === "#board") fields.set("seen", document.querySelector("#edit").elements.seen.value);
  let answer;
  try {
    answer = await ask(path, { method: "POST", body: multipart ? fields : new URLSearchParams(fields) });
    if ([502, 503, 504].includes(answer.status)) throw new Error(answer.status);
  } catch {
    lost?.();
    if (into === "#dialog" && dialog.open) return sayInDialog(words.lost);
    showLost({ path, fields, multipart, into }, lost ? words.moveLost : words.lost);
    return false;
  }
  await show(answer, into);
  noteSteps(isUndo);
  // A deleted app is gone for good: no step before that is undone unseen.
  if (answer.ok && /\/apps\/\d+\/delete$/.test(path)) [steps.undo, steps.redo] = [[WALL], []];
  return answer.ok;
}

// The steps of this page that can be undone and done again, oldest first: the toasts bring them.

const steps = { undo: [], redo: [] };
const WALL = "wall";

function noteSteps(isUndo) {
  for (const form of toasts.querySelectorAll("form[data-step]:not([data-noted])")) {
    form.dataset.noted = "";
    if (form.dataset.step === "undo" && !isUndo) steps.redo = [];
    steps[form.dataset.step].push(form.elements.id.value);
  }
}

function forget(id) {
  for (const kind of ["undo", "redo"]) steps[kind] = steps[kind].filter((each) => each !== id);
}

function takeBack(kind) {
  const id = steps[kind].at(-1);
  removeUndoToasts();
  if (id === WALL) return showNote(words.wall);
  if (!id) return showNote(kind === "undo" ? words.nothingUndo : words.nothingRedo);
  const fields = new FormData(document.querySelector("#edit"));
  fields.delete("seen");
  fields.set("id", id);
  return post({ path: words.undo, fields });
}

function showNote(text) {
  const toast = document.querySelector("#note").content.firstElementChild.cloneNode(true);
  toast.querySelector("span").textContent = text;
  toasts.append(toast);
  document.dispatchEvent(new Event("htmx:after:swap"));
}

function pathOf(path) {
  return new URL(path, location.href).pathname;
}

function ask(path, options = {}) {
  return fetch(path, { headers: { "HX-Request": "true", "HX-Current-URL": location.href }, ...options });
}

async function show(answer, into) {
  const done = answer.headers.get("Launcher-Done") ?? answer.headers.get("HX-Redirect");
  if (done !== null) return finish(done);
  if (answer.headers.has("Launcher-Changed")) [isDirty, isBehind] = [false, true];
  const target = answer.headers.get("HX-Retarget") ?? into;
  const focused = placeOfFocus();
  const text = await answer.text();
  await htmx.swap({ text, target, swap: target === "#board" ? "outerMorph" : "innerHTML", sourceElement: document.body });
  if (target === "#board") {
    document.querySelector("#problem").replaceChildren();
    if (dialog.open && into === "#dialog") dialog.close();
  } else if (target === "#dialog") {
    openDialog();
  }
  document.dispatchEvent(new Event("launcher:shown"));
  refocus(focused);
}

// The form is saved: the board of this page is renewed, another address is opened.
async function finish(path) {
  const address = new URL(path, location.href);
  const isOther = address.search && address.search !== location.search;
  if (isOther || address.pathname !== location.pathname) return location.assign(address);
  isDirty = isBehind = false;
  dialog.close();
  await show(await ask(location.pathname), "#board");
}

function showLost(request, text) {
  const toast = document.querySelector("#lost").content.firstElementChild.cloneNode(true);
  toast.querySelector("span").textContent = text;
  toast.querySelector("[data-again]").addEventListener("click", () => { toast.remove(); send(request); });
  toasts.append(toast);
  document.dispatchEvent(new Event("htmx:after:swap"));
}

// A toast is behind the dialog; its button sends again.
function sayInDialog(text) {
  const notice = Object.assign(document.createElement("p"), { id: "problem-notice", className: "notice", textContent: text });
  notice.dataset.state = "bad";
  notice.setAttribute("role", "alert");
  dialog.querySelector(":scope > #problem-notice")?.remove();
  dialog.prepend(notice);
  notice.scrollIntoView({ block: "nearest" });
  return false;
}

function removeUndoToasts() {
  for (const toast of toasts.querySelectorAll(".toast:has(form)")) toast.remove();
}

// What had the focus is found by its place, since it may be another element now.
function placeOfFocus() {
  const focused = document.activeElement;
  const owner = focused?.closest("[id]");
  if (!owner || dialog.contains(focused)) return null;
  const kind = [".grip", ".tile-more", ".tile-name", ".rename .input", ".rename .button"].find((each) => focused.matches(each));
  return { id: owner.id, kind, after: owner.matches(".slot") ? beside(owner) : [] };
}

// Where the focus goes when a tile is gone: to the next, the one before, or the section.
function beside(slot) {
  const slots = [slot.nextElementSibling, slot.previousElementSibling];
  return [...slots.filter((each) => each?.matches(".slot")), slot.closest(".section")].map((each) => each.id);
}

function refocus(place) {
  if (!place || dialog.open || document.activeElement !== document.body) return;
  const owner = [place.id, ...place.after].map((id) => document.getElementById(id)).find(Boolean);
  const found = owner?.matches(".section") && place.after.length ? owner.querySelector(".tile-add") : place.kind ? owner?.querySelector(place.kind) : owner;
  (found ?? document.querySelector("#main")).focus({ preventScroll: true });
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  const submitter = event.submitter;
  if (form.method !== "post" || !(form.id === "edit" || form.closest("#board, #toasts, #dialog"))) return;
  event.preventDefault();
  const fields = new FormData(form, submitter);
  const path = submitter?.getAttribute("formaction") ?? form.action;
  const into = dialog.contains(form) ? "#dialog" : "#board";
  if (form.closest(".toast")) removeUndoToasts();
  const sent = send({ path, fields, multipart: form.enctype === "multipart/form-data", into });
  if (form.id === "section-add") sent.then((isAdded) => { if (isAdded) clearNewSection(fields.get("name")); });
});

// Added: the field is for the next one, unless that is being typed already.
function clearNewSection(added) {
  const field = document.querySelector("#section-add").elements.name;
  if (field.value !== added) return;
  field.value = "";
  delete field.dataset.isTyped;
}
document.addEventListener("input", ({ target }) => { if (target.closest("#section-add")) target.dataset.isTyped = ""; });

// The dialog

let opener = null;
let isDirty = false;
let isBehind = false; // the board lacks what was saved in a dialog that is still open

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  opener = link.closest("#tile-menu") ? menu.opener : link.closest("[popover]") ? document.querySelector(`[popovertarget="${link.closest("[popover]").id}"]`) : link;
  closeMenus();
  try {
    const answer = await ask(link.href);
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    await show(answer, "#dialog");
  } catch {
    location.assign(link.href);
  }
});

function openDialog() {
  if (!dialog.open) {
    isDirty = false;
    dialog.showModal();
  }
  const first = ["[autofocus]", "[aria-invalid]", ".input", ".button"].map((each) => dialog.querySelector(each)).find(Boolean);
  first?.focus();
}

function askToClose() {
  if (isDirty && !document.querySelector("#discard").open) return document.querySelector("#discard").showModal();
  dialog.close();
}

dialog.addEventListener("input", () => { isDirty = true; });
dialog.addEventListener("cancel", (event) => {
  if (event.target !== dialog) return;
  event.preventDefault();
  askToClose();
});
dialog.addEventListener("close", async () => {
  const wasBehind = isBehind;
  isDirty = isBehind = false;
  dialog.replaceChildren();
  if (opener?.isConnected) opener.focus({ preventScroll: true });
  else document.querySelector("#main").focus({ preventScroll: true });
  if (wasBehind) await show(await ask(location.pathname), "#board");
});
dialog.addEventListener("click", (event) => {
  if (event.target.closest("[data-closes-dialog]")) {
    event.preventDefault();
    askToClose();
  } else if (event.target === dialog) {
    askToClose();
  }
});
document.querySelector("#discard").addEventListener("close", ({ target }) => { if (target.returnValue === "discard") dialog.close(); });

// Another section has other positions.
dialog.addEventListener("change", (event) => {
  if (!event.target.matches("[data-renews]")) return;
  const fields = new FormData(event.target.form);
  fields.set("choose", "1");
  send({ path: event.target.form.action, fields, into: "#dialog" });
});

// The menu of a tile, one for all

function closeMenus() {
  document.querySelector(".menu:popover-open")?.hidePopover();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest(".tile-more");
  if (button && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    openMenu(button);
  } else if (event.target.closest(".menu :is(a, button)")) {
    closeMenus();
  }
});

function openMenu(button) {
  const slot = button.closest(".slot");
  const path = button.href.replace(/\/move-to$/, "");
  const slots = [...slot.parentElement.querySelectorAll(".slot")];
  const position = slots.indexOf(slot) + 1;
  const form = slot.querySelector("a.tile-name"); // only a name where the app may not be edited
  menu.querySelector(".fine").hidden = form !== null;
  for (const item of menu.querySelectorAll("[data-act]")) {
    const act = item.dataset.act;
    item.hidden = !form && ["edit", "check", "duplicate", "archive", "delete"].includes(act);
    if (act === "edit") item.href = form?.href;
    else if (["delete", "check"].includes(act)) item.href = form?.href.replace(/\/edit$/, `/${act}`);
    else if (act === "health") item.href = `${words.apps}/${slot.dataset.app}/health`;
    else if (act === "move-to") item.href = button.href;
    else item.setAttribute("formaction", `${path}/${{ up: "move", down: "move" }[act] ?? act}`);
    if (act === "up") [item.value, item.hidden] = [position - 1, position === 1];
    if (act === "down") [item.value, item.hidden] = [position + 1, position === slots.length];
  }
  menu.opener = button;
  menu.showPopover({ source: button });
  showBrief(menu.querySelector("[data-act=health]"));
  menu.querySelector("a:not([hidden]), button:not([hidden])").focus();
}

// What is known of the health of the app, above the rest; nothing where it is not checked.
async function showBrief(link) {
  const { href } = link;
  const place = menu.querySelector("[data-brief]");
  place.replaceChildren();
  const answer = await fetch(`${href}/brief`).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const shown = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".brief");
  if (shown && link.href === href) place.replaceChildren(shown);
}

menu.addEventListener("toggle", (event) => {
  if (event.newState === "closed" && (menu.contains(document.activeElement) || document.activeElement === document.body)) menu.opener?.focus({ preventScroll: true });
});

// Keys

document.addEventListener("keydown", (event) => {
  const isCleared = event.target.matches("#section-add input") && !event.target.value && !("isTyped" in event.target.dataset);
  const isTyping = event.target.closest("input, textarea, select, [contenteditable]") !== null && !isCleared;
  if (isTyping || document.querySelector("dialog[open]") || event.defaultPrevented) return;
  if (!(event.ctrlKey || event.metaKey) || !isKey(event, "z")) return;
  event.preventDefault();
  // After the steps that are on their way.
  const kind = event.shiftKey ? "redo" : "undo";
  queue = queue.then(() => takeBack(kind)).catch(() => {});
});

// The settings of a board renew the whole page; what came before them is no step of this page.
const isOwnStep = new URLSearchParams(location.search).has("saved");
for (const form of toasts.querySelectorAll("form[data-step]")) if (!isOwnStep) form.dataset.noted = "";
noteSteps(false);
// An import was just made to this board: the last step of this user, on another page.
if (words.imported && !steps.undo.length) steps.undo.push(words.imported);

// For the moves, which are in a script of their own.
document.addEventListener("launcher:send", ({ detail }) => {
  const fields = new FormData(document.querySelector("#edit"));
  for (const [name, value] of Object.entries(detail.fields)) fields.set(name, value);
  detail.sent = send({ path: detail.path, fields, lost: detail.lost });
});
