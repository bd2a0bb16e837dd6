// The palette: what is found for the words in its field, answer by answer. The focus stays in the
// field; the keys move through the results. Without this file, the page of Find has the same.

const SLOW_MS = 150; // before that, waiting is not shown
const LOST_MS = 10_000;
const QUIET_MS = 500; // of no answer, before the number of results is announced

const template = document.querySelector("#palette");
let palette, field, status, notice;
let request = null; // the newest; an older answer is dropped
let latest = Promise.resolve();
let shown = null; // the words that the list is for
let drawn = null; // the answer that it was made from
let first = null; // the answer for no words: shown at once the next time
let announcing = 0;

document.addEventListener("launcher:find", (event) => {
  const onPage = document.querySelector("main .palette-find input");
  if (!template || (document.querySelector("dialog[open]") && !palette?.open)) return;
  event.preventDefault();
  if (onPage) return onPage.focus(), onPage.select();
  if (palette?.open) return field.select();
  document.querySelector(":popover-open")?.hidePopover();
  if (!palette) build();
  palette.showModal();
  fit();
  if (first !== null) draw(first, "");
  ask();
});
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-opens=find]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (opens("find")) event.preventDefault();
});

function build() {
  document.body.append(template.content.cloneNode(true));
  palette = document.body.lastElementChild;
  showMacKeys(palette);
  field = palette.querySelector("input");
  status = palette.querySelector("[role=status]");
  notice = palette.querySelector(".notice");
  field.addEventListener("input", ask);
  field.addEventListener("keydown", onKey);
  field.form.addEventListener("submit", (event) => event.preventDefault());
  palette.addEventListener("click", onClick);
  // The field keeps the focus.
  palette.addEventListener("mousedown", (event) => { if (event.button === 0 && event.target.closest("#found")) event.preventDefault(); });
  palette.addEventListener("close", () => {
    request?.abort();
    clearTimeout(announcing);
    field.value = status.textContent = "";
  });
  for (const kind of ["resize", "scroll"]) visualViewport.addEventListener(kind, fit);
}

function onClick(event) {
  const { target } = event;
  if (target.closest("[data-again]")) field.focus(), ask();
  else if (target === palette || target.closest("[data-closes]")) palette.close();
  else if (target.closest("#found a") && !event.ctrlKey && !event.metaKey && !event.shiftKey) palette.close();
}

// The keyboard of a phone covers the page; the dialog stays in what is left.
function fit() {
  palette.style.setProperty("--view", `${visualViewport.height}px`);
  palette.style.setProperty("--view-top", `${visualViewport.offsetTop}px`);
}

function ask() {
  request?.abort();
  request = new AbortController();
  latest = answer(request, field.value);
}

async function answer(mine, words) {
  const slow = setTimeout(() => palette.setAttribute("aria-busy", "true"), SLOW_MS);
  const lost = setTimeout(() => mine.abort(new Error("lost")), LOST_MS);
  const address = new URL(field.form.action);
  address.searchParams.set("q", words);
  try {
    const headers = { "HX-Request": "true", "HX-Current-URL": location.href };
    const found = await fetch(address, { headers, signal: mine.signal });
    const elsewhere = found.headers.get("HX-Redirect") ?? (found.redirected ? found.url : null);
    if (elsewhere && mine === request) return location.assign(elsewhere); // to sign in
    if (!found.ok) throw new Error(found.status);
    const text = await found.text();
    if (mine === request) draw(text, words);
  } catch (error) {
    if (mine === request && error.name !== "AbortError") lose();
  } finally {
    clearTimeout(slow);
    clearTimeout(lost);
    if (mine === request) palette.removeAttribute("aria-busy");
  }
}

function draw(text, words) {
  notice.hidden = true;
  if (words === shown && text === drawn) return;
  const found = new DOMParser().parseFromString(text, "text/html").querySelector("#found");
  const says = found.querySelector("[role=status]");
  says?.removeAttribute("role"); // announced by the one that is on the page already
  palette.querySelector("#found").replaceWith(found);
  [shown, drawn] = [words, text];
  if (words === "") first = text;
  for (const each of options()) each.tabIndex = -1;
  select(0);
  announce(says?.textContent.trim() ?? "");
}

function lose() {
  palette.querySelector("#found").replaceChildren();
  shown = drawn = null;
  select(0);
  notice.hidden = false;
}

function announce(text) {
  clearTimeout(announcing);
  announcing = setTimeout(() => { status.textContent = text; }, QUIET_MS);
}

function options() {
  return [...palette.querySelectorAll("#found [role=option]")];
}

function selected() {
  return palette.querySelector("#found [aria-selected=true]");
}

function select(index) {
  const all = options();
  selected()?.setAttribute("aria-selected", "false");
  field.setAttribute("aria-expanded", all.length > 0);
  if (all.length === 0) return field.removeAttribute("aria-activedescendant");
  const option = all.at(index % all.length);
  option.setAttribute("aria-selected", "true");
  field.setAttribute("aria-activedescendant", option.id);
  if (option === all[0]) palette.querySelector("#hits").scrollTop = 0;
  else option.scrollIntoView({ block: "nearest" });
}

function onKey(event) {
  if (event.isComposing || event.keyCode === 229) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) select(options().indexOf(selected()) + step);
  else if (event.key === "Enter") event.repeat || openSelected(event.ctrlKey || event.metaKey);
  else return;
  event.preventDefault();
}

// What is selected, once there is an answer for what the field says.
async function openSelected(isInNewTab) {
  const words = field.value;
  await latest;
  if (!palette.open || field.value !== words || shown !== words) return;
  const option = selected();
  if (!option?.href) return;
  if (!isInNewTab) return option.click();
  countLaunch(option);
  window.open(option.href, "_blank", "noopener");
}
