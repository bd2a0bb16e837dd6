// Comforts of the admin pages: every link and form does its work without this file.

const dialog = document.querySelector("#dialog");
const problem = document.querySelector("#problem");
const toasts = document.querySelector("#toasts");
let opener = null;

// A part that was swapped into the dialog opens it; focus goes back to where it came from.
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  const source = ctx.sourceElement;
  ctx.isByHand = !source.matches("#operation, #panel, #jobs, #job-progress");
  if (ctx.target !== dialog || dialog.contains(source)) return;
  const menu = source.closest("[popover]");
  opener = menu ? document.querySelector(`[popovertarget="${menu.id}"]`) : source;
});
// What is swapped within the dialog, like a form with its errors, leaves it open.
document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  const target = typeof ctx.target === "string" ? document.querySelector(ctx.target) : ctx.target;
  ctx.isWithinDialog = dialog.contains(target);
});
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const source = ctx.sourceElement;
  const isForDialog = ctx.target === dialog || ctx.hx?.retarget === "#dialog";
  if (isForDialog && !dialog.open && dialog.childElementCount > 0) dialog.showModal();
  if (dialog.contains(source) && !isForDialog && !ctx.isWithinDialog) dialog.close();
  if (ctx.response.status < 400 && source.matches("form.menu")) source.reset();
  if (ctx.response.status < 400 && ctx.isByHand) problem.replaceChildren();
  source.closest(".toast")?.remove();
  while (toasts.childElementCount > 4) {
    (toasts.querySelector(".toast:not([data-state=bad])") ?? toasts.firstElementChild).remove();
  }
  if (ctx.isByHand && document.activeElement === document.body) focusOn(null);
});

// What had the focus may be gone by now: then it goes to the list, or to the page.
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

// What was chosen in a menu closes it, as choosing does anywhere.
document.addEventListener("click", (event) => {
  event.target.closest(".menu :is(a, button)")?.closest(":popover-open")?.hidePopover();
});

// What runs is asked for while somebody looks, and at once when they look again.
let askedAt = Date.now();
function ask() {
  const row = document.querySelector("[data-poll-s]");
  if (!row || document.hidden || Date.now() - askedAt < row.dataset.pollS * 1000 - 100) return;
  askedAt = Date.now();
  htmx.trigger(row, "poll", {}, false);
}
setInterval(ask, 1000);
document.addEventListener("visibilitychange", ask);

// Whatever is drawn anew says what this page has seen, so that it is told the rest.
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const row = document.querySelector("#operation");
  if (row) ctx.request.headers["Launcher-Seen"] = row.dataset.seen;
});

// A button that waits for an answer says so; what it sends meanwhile is dropped by its form.
const busy = ({ detail: { ctx } }) => ctx.sourceElement.querySelector("[data-busy]");
document.addEventListener("htmx:before:request", (event) => busy(event)?.setAttribute("aria-busy", "true"));
document.addEventListener("htmx:after:request", (event) => busy(event)?.removeAttribute("aria-busy"));

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

// Who writes a cron expression means their own; who chooses a preset sees its expression.
const schedule = document.querySelector("#schedule");
schedule?.elements.backup_cron_expression.addEventListener("input", () => { schedule.elements.preset.value = "own"; });
document.addEventListener("htmx:after:swap", () => {
  const made = schedule?.querySelector("[data-cron]")?.dataset.cron;
  if (made && schedule.elements.preset.value !== "own") schedule.elements.backup_cron_expression.value = made;
});
