// Enhancements; everything works without this file.

// Who signed in again in another tab has a new token: forms that are open here take it, and what
// was sent is sent once more.
const plainFetch = window.fetch.bind(window);
window.fetch = async (address, options) => {
  const answer = await plainFetch(address, options);
  const token = answer.headers.get("Launcher-Token");
  if (!token || !options?.body?.has?.("csrf_token")) return answer;
  for (const field of document.querySelectorAll("input[name=csrf_token]")) field.value = token;
  options.body.set("csrf_token", token);
  return plainFetch(address, options);
};

// What a form in a dialog cannot do is said in the dialog, which keeps the form.
function sayInDialog() {
  const notice = document.querySelector("#problem > .notice");
  const open = [...document.querySelectorAll("dialog[open]")].at(-1);
  if (!notice || !open) return;
  open.querySelector(":scope > #problem-notice")?.remove();
  notice.setAttribute("role", "alert");
  open.prepend(notice);
  notice.scrollIntoView({ block: "nearest" });
}
// After the other listeners, which may close the dialog.
for (const shown of ["htmx:after:swap", "launcher:shown"]) document.addEventListener(shown, () => queueMicrotask(sayInDialog));

// It shows a page where the site cannot be reached. Browsers have it over TLS and on this machine.
const { worker } = document.currentScript.dataset;
if (worker) window.addEventListener("load", () => navigator.serviceWorker?.register(worker).catch(() => {}));

// Keys: Ctrl K on every page with boards. Single keys are shortcuts where the page says so
// (data-shortcuts): not while someone types, drags, or has a dialog or a menu open.

const isMac = /^(Mac|iP)/.test(navigator.platform);
const page = document.body.dataset;
const goes = new Map((page.go ?? "").split(" ").map((each) => [each[0], each.slice(1)]));
let goUntil = 0;

function showMacKeys(root) {
  if (isMac) for (const key of root.querySelectorAll("[data-mac]")) key.textContent = key.dataset.mac;
}
showMacKeys(document);

// The field of a dialog that has just been closed keeps the focus until the next frame.
function isTyping(target) {
  return target.closest("input, textarea, select, [contenteditable]") !== null && !target.closest("dialog:not([open])");
}

// Whether the key of a Latin letter is pressed, also where the keyboard writes another script.
function isKey(event, letter) {
  return event.key.toLowerCase() === letter || (event.key > "\u007f" && event.code === `Key${letter.toUpperCase()}`);
}

// The edit mode has steps of its own.
function isUndo(event) {
  if (!(isMac ? event.metaKey : event.ctrlKey) || event.altKey || event.shiftKey || !isKey(event, "z") || isTyping(event.target)) return false;
  return document.querySelector(".toast form button") && !document.querySelector("#tile-menu, dialog[open]");
}

// Arrows move within a menu, and from its button into it.
document.addEventListener("keydown", (event) => {
  const opener = event.target.closest?.("[popovertarget]");
  const open = event.target.closest?.(".menu:popover-open") ?? (opener && document.getElementById(opener.getAttribute("popovertarget")));
  if (!open?.matches(".menu:popover-open") || isTyping(event.target)) return;
  const items = [...open.querySelectorAll("a, button")].filter((each) => each.checkVisibility());
  const at = items.indexOf(document.activeElement);
  const next = { ArrowDown: items[(at + 1) % items.length], ArrowUp: items.at(at < 0 ? -1 : at - 1), Home: items[0], End: items.at(-1) }[event.key];
  if (!next) return;
  event.preventDefault();
  next.focus();
});

function isShortcut(event) {
  const isBare = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat && !event.isComposing;
  if (!page.shortcuts || !isBare || isTyping(event.target)) return false;
  return !document.querySelector("dialog[open], .menu:popover-open, body.dragging");
}

// A shortcut acts once, however long its key is down, and types nothing where it leads: in a field
// that it opens, and on the next page, which learns of the key by a repetition alone.
let held = null;
let isFresh = true;
document.addEventListener("keydown", (event) => {
  if (!event.repeat) held = null;
  else if (event.code === held || (isFresh && page.shortcuts && event.key.length === 1)) event.preventDefault(), event.stopPropagation();
  isFresh &&= event.repeat;
}, true);

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented) return;
  if ((isMac ? event.metaKey : event.ctrlKey) && !event.altKey && !event.shiftKey && isKey(event, "k")) {
    if (opens("find")) event.preventDefault(), held = event.code;
  } else if (isUndo(event)) {
    event.preventDefault();
    document.querySelector(".toast form button").click();
  } else if (isShortcut(event) && press(event)) {
    event.preventDefault();
    held = event.code;
  }
});

// Opens what find.js and shortcuts.js have; false where the page has none of it.
function opens(name) {
  return !document.dispatchEvent(new Event(`launcher:${name}`, { cancelable: true }));
}

// Does what a single key stands for, and says whether it stands for anything.
function press(event) {
  const letter = event.timeStamp < goUntil && [...goes.keys()].find((each) => isKey(event, each));
  goUntil = 0;
  if (letter) return location.assign(goes.get(letter)), true;
  if (event.key === "/") return opens("find");
  if (event.key === "?") return opens("shortcuts");
  if (isKey(event, "g")) return goUntil = event.timeStamp + 1500;
  const link = isKey(event, "e") ? document.querySelector("#edit-board, #done")
    : /^[1-9]$/.test(event.key) ? [...document.querySelectorAll("#bar .tabs > a:not([data-dialog])")][event.key - 1] : null;
  link?.click();
  return link;
}

// The apps that a user opens are counted for them, where the page says so.
function countLaunch(link) {
  const token = document.querySelector("input[name=csrf_token]")?.value;
  if (!page.launches || !token || !link.dataset.app) return;
  navigator.sendBeacon(page.launches, new URLSearchParams({ csrf_token: token, app: link.dataset.app }));
}
for (const kind of ["click", "auxclick"]) document.addEventListener(kind, (event) => {
  const link = event.target.closest("a[data-app]");
  if (link && (kind === "click" || event.button === 1)) countLaunch(link);
});

// A toast can be closed, and leaves after ten seconds unless it is in use, or about an error; one
// with an undo has thirty, and Ctrl Z. One at a time has an undo. No older success stays beside a failure. Without script all are gone on the next page.
function readyToasts() {
  const ready = [...document.querySelectorAll(".toast:not([data-ready])")];
  const outdated = document.querySelectorAll(".toast[data-ready][data-state=ok]:not(:has(form))");
  if (ready.some((toast) => toast.dataset.state !== "ok")) for (const toast of outdated) toast.remove();
  for (const toast of ready) {
    toast.dataset.ready = "";
    const closer = toast.querySelector("[data-closes]");
    if (closer) closer.hidden = false;
    if (toast.querySelector("form")) {
      for (const older of document.querySelectorAll(".toast[data-ready]:has(form)")) if (older !== toast) older.remove();
    }
    if (closer && toast.dataset.state === "ok") leave(toast);
  }
}

function leave(toast) {
  setTimeout(() => {
    if (toast.matches(":hover, :focus-within")) leave(toast);
    else toast.remove();
  }, toast.querySelector("form") ? 30_000 : 10_000);
}
readyToasts();
document.addEventListener("htmx:after:swap", readyToasts);
document.addEventListener("click", (event) => {
  event.target.closest(".toast [data-closes]")?.closest(".toast").remove();
});

// The page of a damaged or busy database reloads when the site is well.
const waiting = document.querySelector("[data-waits]");
if (waiting) {
  const check = async () => {
    const answer = await fetch(waiting.dataset.waits, { cache: "no-store" }).catch(() => null);
    if (answer?.ok) location.reload();
    else setTimeout(check, 3000);
  };
  setTimeout(check, 3000);
}

// Relative times go on counting while a page is open, in the same words and units as the server's.
const UNITS = [["year", 31536000], ["month", 2592000], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const relative = new Intl.RelativeTimeFormat(document.documentElement.lang);
const counted = new WeakMap();
function countTimes() {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const { ago } = time.dataset;
    if (counted.get(time)?.ago !== ago) counted.set(time, { ago, at: Date.now() });
    const seconds = Number(ago) - (Date.now() - counted.get(time).at) / 1000;
    const [unit, length] = UNITS.find(([, each]) => Math.abs(seconds) >= each) ?? ["second", 1];
    const words = relative.format(Math.sign(seconds) * Math.max(1, Math.round(Math.abs(seconds) / length)), unit);
    if (Date.now() - counted.get(time).at > 1000 && time.textContent !== words) time.textContent = words;
  }
}
countTimes();
setInterval(countTimes, 5000);
for (const shown of ["htmx:after:swap", "launcher:shown"]) document.addEventListener(shown, countTimes);
