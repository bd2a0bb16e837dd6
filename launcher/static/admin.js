// Enhancements of the admin pages; everything works without this file.

const dialog = document.querySelector("#dialog");
const problem = document.querySelector("#problem");
const toasts = document.querySelector("#toasts");
let opener = null;
const KEPT = new Set([400, 401, 403, 404, 500, 503, 507]);

// A part swapped into the dialog opens it; closing returns the focus.
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  const source = ctx.sourceElement;
  ctx.isByHand = !source.matches("#operation, #panel, #jobs, #job-progress");
  if (ctx.target !== dialog || dialog.contains(source)) return;
  const menu = source.closest("[popover]");
  opener = menu ? document.querySelector(`[popovertarget="${menu.id}"]`) : source;
});
// A swap within the dialog, such as of a form with errors, leaves it open.
document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  const target = typeof ctx.target === "string" ? document.querySelector(ctx.target) : ctx.target;
  ctx.isWithinDialog = dialog.contains(target);
  ctx.focused = document.activeElement;
});
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const source = ctx.sourceElement;
  const isForDialog = ctx.target === dialog || ctx.hx?.retarget === "#dialog";
  if (isForDialog && !dialog.open && dialog.childElementCount > 0) dialog.showModal();
  // What was typed into the dialog stays when it could not be saved for now.
  const isKept = KEPT.has(ctx.response.status) && source.querySelector?.("input.input, textarea, select");
  if (dialog.contains(source) && !isForDialog && !ctx.isWithinDialog && !isKept) dialog.close();
  if (ctx.response.status < 400 && source.matches("form.menu")) source.reset();
  if (ctx.response.status < 400 && ctx.isByHand) problem.replaceChildren();
  source.closest(".toast")?.remove();
  while (toasts.childElementCount > 4) {
    (toasts.querySelector(".toast:not([data-state=bad])") ?? toasts.firstElementChild).remove();
  }
  // A part that is renewed without being asked for may have had the focus too; a button that is
  // switched off loses it with the next frame.
  const isGone = document.activeElement === document.body && (ctx.isByHand || !ctx.focused?.isConnected);
  if (isGone || document.activeElement.matches(":disabled")) focusOn(null);
});

// If the element is gone, the list or the page gets the focus.
function focusOn(element) {
  const place = element?.isConnected ? element : document.querySelector("#list") ?? document.querySelector("#main");
  place.focus({ preventScroll: place !== element });
}

dialog.addEventListener("close", () => {
  dialog.replaceChildren();
  focusOn(opener);
});
dialog.addEventListener("click", (event) => {
  if (event.target !== dialog && !event.target.closest("[data-closes-dialog]")) return;
  event.preventDefault();
  dialog.close();
});

// A choice in a menu closes it.
document.addEventListener("click", (event) => {
  event.target.closest(".menu :is(a, button)")?.closest(":popover-open")?.hidePopover();
});

// Polls while the page is visible.
let polledAt = Date.now();
function poll() {
  const row = document.querySelector("[data-poll-s]");
  if (!row || document.hidden || Date.now() - polledAt < row.dataset.pollS * 1000 - 100) return;
  polledAt = Date.now();
  htmx.trigger(row, "poll", {}, false);
}
setInterval(poll, 1000);
document.addEventListener("visibilitychange", poll);

// Requests say what this page has shown, for the toasts of what ended since.
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const row = document.querySelector("#operation");
  if (row) ctx.request.headers["Launcher-Seen"] = row.dataset.seen;
});

// A button shows that it waits, until the last of its requests ends: one may replace another.
const awaited = new WeakMap();
const busy = ({ sourceElement: source }) => (source.matches("[data-busy]") ? source : source.querySelector("[data-busy]"));
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  const button = busy(ctx);
  if (!button) return;
  awaited.set(button, ctx);
  button.setAttribute("aria-busy", "true");
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  const button = busy(ctx);
  if (button && awaited.get(button) === ctx) button.removeAttribute("aria-busy");
});

// Shows once that the server is silent, until it answers. A form that may have been received all
// the same says where its outcome is.
document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  const words = ctx?.sourceElement?.querySelector("template[data-lost]");
  if (words) {
    problem.replaceChildren(words.content.cloneNode(true));
    problem.scrollIntoView({ block: "nearest" });
  } else if (problem && !problem.hasChildNodes()) problem.textContent = problem.dataset.lost;
});
document.addEventListener("htmx:after:request", () => {
  if (problem?.textContent === problem?.dataset.lost) problem?.replaceChildren();
});

// The address follows the panel, so that a reload shows the same.
document.addEventListener("htmx:after:swap", () => {
  const address = document.querySelector("[data-address]")?.dataset.address;
  if (address && address !== location.pathname + location.search) history.replaceState(null, "", address);
});

// Typing an expression selects the own preset; another preset fills it in.
const schedule = document.querySelector("#schedule");
schedule?.elements.backup_cron_expression.addEventListener("input", () => { schedule.elements.preset.value = "own"; });
document.addEventListener("htmx:after:swap", () => {
  const cron = schedule?.querySelector("[data-cron]")?.dataset.cron;
  if (cron && schedule.elements.preset.value !== "own") schedule.elements.backup_cron_expression.value = cron;
});

// A swatch fills in the exact hue; typing a hue selects it. The preview follows both, by a sheet:
// attributes of style are forbidden.
const exactHue = new CSSStyleSheet();
document.adoptedStyleSheets.push(exactHue);
document.addEventListener("input", ({ target }) => {
  const form = target.closest("#settings");
  if (!form || !["accent", "accent_hue"].includes(target.name)) return;
  const { accent, accent_hue: hue } = form.elements;
  if (target === hue) accent.value = "own";
  else if (accent.value !== "own") hue.value = accent.value;
  exactHue.replaceSync(`[data-exact] { --h: ${Number(hue.value)}; }`);
});

// Lists with a box in each row: all at once, a range with Shift, and how many are selected.
const boxes = () => [...document.querySelectorAll(".pick input[name=app]")];
let lastPicked = null;
function countPicked() {
  const all = document.querySelector("[data-picks-all]");
  const words = document.querySelector("#picked");
  if (!all || !words) return;
  const picked = boxes().filter((box) => box.checked).length;
  all.parentElement.hidden = false;
  all.checked = picked > 0 && picked === boxes().length;
  all.indeterminate = picked > 0 && !all.checked;
  const text = picked === 1 ? words.dataset.one : words.dataset.many.replace("{}", picked);
  if (picked > 0 && words.textContent !== text) words.textContent = text;
}
document.addEventListener("click", (event) => {
  const box = event.target;
  if (!box.matches(".pick input[name=app]")) return;
  const list = boxes();
  const [from, to] = [list.indexOf(lastPicked), list.indexOf(box)].sort((a, b) => a - b);
  if (event.shiftKey && from >= 0) {
    for (const each of list.slice(from, to + 1)) each.checked = box.checked;
  }
  lastPicked = box;
});
document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-picks-all]")) for (const box of boxes()) box.checked = target.checked;
  countPicked();
});
document.addEventListener("htmx:after:swap", countPicked);
countPicked();

// A form that counts no changes on the server says that there are some. Its fields are compared with
// what the page had, so that a change that is taken back is none, and one that the browser brings
// back with an older page is one. Hidden fields are no person's.
const isEdited = (field) => {
  if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
  if (field.options) return [...field.options].some((each) => each.selected !== each.defaultSelected);
  return field.value !== field.defaultValue;
};
for (const status of document.querySelectorAll("[data-when-changed]")) {
  const form = status.closest("form");
  const text = status.firstElementChild;
  if (text.textContent) continue;
  const compare = () => {
    const fields = [...form.querySelectorAll("input:not([type=hidden]), select, textarea")];
    text.textContent = fields.some(isEdited) ? status.dataset.whenChanged : "";
  };
  form.addEventListener("input", compare);
  addEventListener("pageshow", compare);
}
