// Moving apps, sections and the board among the others: by dragging a handle, or by keyboard on it.

const words = document.querySelector("#words").dataset;
const moving = document.querySelector("#moving");
const EDGE = 72; // px from the edge of the window within which it scrolls
const isRightToLeft = document.documentElement.dir === "rtl";
let lifted = null;

// Kinds: what is moved by a handle, and the lists where it can be.

const KINDS = {
  app: {
    item: (grip) => grip.closest(".slot"),
    lists: () => [...document.querySelectorAll("#board .tiles")],
    items: (list) => [...list.querySelectorAll(":scope > .slot")],
    end: (list) => list.lastElementChild,
    float: (item) => item.firstElementChild,
    name: (item) => item.querySelector(".tile-name").textContent,
    section: (list) => list.closest(".section").dataset.name,
    path: (item) => `${document.querySelector("#board").dataset.path}/apps/${item.id.slice(6)}/move`,
    fields: (list, position) => ({ section: list.closest(".section").dataset.id, position }),
  },
  section: {
    item: (grip) => grip.closest(".section"),
    lists: () => [document.querySelector("#board")],
    items: (list) => [...list.querySelectorAll(":scope > .section")],
    end: () => document.querySelector("#section-add"),
    float: (item) => item,
    name: (item) => item.dataset.name,
    section: () => "",
    path: (item) => `${document.querySelector("#board").dataset.path}/sections/${item.dataset.id}/move`,
    fields: (_list, position) => ({ position }),
  },
  board: {
    item: (grip) => grip.previousElementSibling,
    lists: () => [document.querySelector("#tabs")],
    items: (list) => [...list.querySelectorAll(":scope > [data-slug]")],
    end: (list) => list.lastElementChild,
    float: () => null,
    name: (item) => item.textContent,
    section: () => "",
    path: () => `${document.querySelector("#board").dataset.path}/move`,
    fields: (_list, position) => ({ position, among: "edited" }),
  },
};

function kindOf(grip) {
  return KINDS[grip.dataset.kind];
}

// Handles, which no one sees without script

function addHandles() {
  for (const tile of document.querySelectorAll(".tile-edit:not(:has(> .grip))")) tile.prepend(handle("app", words.moveApp, tile.querySelector(".tile-name").textContent));
  for (const head of document.querySelectorAll("#board .section-head:not(:has(> .grip))")) head.append(handle("section", words.moveSection, head.closest(".section").dataset.name));
  const tab = document.querySelector("#tabs[data-sorts] [aria-current]");
  const isAlone = document.querySelectorAll("#tabs [data-slug]").length < 2;
  if (tab && !isAlone && !document.querySelector("#tabs .grip")) tab.after(handle("board", words.moveBoard, tab.textContent));
  document.querySelector("#keys").hidden = false;
}

function handle(kind, label, name) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "grip";
  made.dataset.kind = kind;
  made.setAttribute("aria-label", label.replace("{name}", name));
  made.setAttribute("aria-describedby", "how");
  return made;
}

// Lifting, moving, dropping: the same for pointer and keyboard

function lift(grip, pointer = null) {
  const kind = kindOf(grip);
  const item = kind.item(grip);
  const float = kind.float(item);
  lifted = { grip, kind, item, float, pointer, parent: item.parentElement, next: item.nextElementSibling, tab: null, kept: new Set() };
  lifted.from = placeOf();
  document.body.classList.add("dragging");
  document.body.classList.toggle("arranging", kind === KINDS.section);
  grip.setAttribute("aria-pressed", "true");
  item.classList.add("slot-target");
  float?.classList.add("tile-lifted");
  if (kind === KINDS.section) grip.scrollIntoView({ block: "nearest" });
  say(sentence("lifted", lifted.from), !pointer);
}

function placeOf() {
  const { kind, item } = lifted;
  const list = item.parentElement;
  const items = kind.items(list);
  return { list, position: items.indexOf(item) + 1, count: items.length };
}

function moveTo(list, index) {
  const { kind, item, grip } = lifted;
  const others = kind.items(list).filter((each) => each !== item);
  const before = others[index] ?? kind.end(list);
  if (before === item.nextElementSibling || before === item) return;
  if (lifted.pointer && list !== item.parentElement) keepHeight(item.parentElement);
  list.insertBefore(item, before);
  if (kind === KINDS.board) item.after(grip);
  if (!lifted.pointer) {
    grip.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
  }
  say(sentence("at", placeOf()), !lifted.pointer);
}

// What a dragged tile leaves keeps its height: nothing moves up under the pointer.
function keepHeight(list) {
  list.style.minHeight = `${list.offsetHeight}px`;
  lifted.kept.add(list);
}

function putBack(state) {
  state.parent.insertBefore(state.item, state.next?.parentElement === state.parent ? state.next : state.kind.end(state.parent));
  if (state.kind === KINDS.board) state.item.after(state.grip);
}

function settle() {
  const state = lifted;
  lifted = null;
  document.body.classList.remove("dragging", "arranging");
  state.grip.removeAttribute("aria-pressed");
  state.item.classList.remove("slot-target");
  state.float?.classList.remove("tile-lifted");
  for (const name of ["--at-x", "--at-y"]) state.float?.style.removeProperty(name);
  state.tab?.classList.remove("is-over");
  for (const list of state.kept) list.style.removeProperty("min-height");
  return state;
}

function cancel() {
  putBack(lifted);
  say(sentence("cancelled", placeOf()));
  const { grip } = settle();
  grip.focus({ preventScroll: true });
  hideSoon();
}

function drop() {
  const place = placeOf();
  const { tab } = lifted;
  const text = tab ? "" : sentence("dropped", place);
  const isSame = !tab && place.list === lifted.parent && place.position === lifted.from.position;
  const name = lifted.kind.name(lifted.item);
  const state = settle();
  if (tab) putBack(state);
  hideSoon();
  state.grip.focus({ preventScroll: true });
  if (isSame) return say(text);
  const fields = tab ? { board: tab.dataset.id } : state.kind.fields(place.list, place.position);
  const detail = { path: state.kind.path(state.item), fields, lost: () => putBack(state) };
  document.dispatchEvent(new CustomEvent("launcher:send", { detail }));
  // Dropped is what the server has saved; where it did not, its toast says why.
  detail.sent.then((isSaved) => {
    if (!isSaved || lifted) return;
    say(tab ? words.movedToBoard.replace("{name}", name).replace("{board}", tab.textContent) : text);
    hideSoon();
  });
}

// Words

function sentence(name, { list, position, count }) {
  const { kind, item } = lifted;
  const text = kind === KINDS.app ? words[name] : words[`${name}Among`];
  const facts = { name: kind.name(item), position, count, section: kind.section(list) };
  return text.replace(/\{(\w+)\}/g, (_all, fact) => facts[fact]);
}

let hiding = 0;
function say(text, byKeyboard = false) {
  clearTimeout(hiding);
  moving.hidden = false;
  moving.querySelector("[data-says]").textContent = text;
  moving.querySelector("[data-how]").hidden = !byKeyboard;
}

// Long enough to be read out; the toast of the answer takes its place.
function hideSoon() {
  moving.classList.add("vh");
  hiding = setTimeout(() => { moving.querySelector("[data-says]").textContent = ""; }, 3000);
}

// Keyboard

document.addEventListener("keydown", (event) => {
  const grip = event.target.closest?.(".grip");
  if (!grip) return;
  const isLift = event.key === " " || event.key === "Enter";
  if (isLift && event.repeat) {
    // held: it lifts or drops once
  } else if (!lifted) {
    if (!isLift) return;
    moving.classList.remove("vh");
    lift(grip);
  } else if (isLift) {
    drop();
  } else if (event.key === "Escape") {
    cancel();
  } else if (!moveByKey(event.key)) {
    return;
  }
  event.preventDefault();
});
document.addEventListener("keyup", (event) => {
  if (event.key === " " && event.target.closest?.(".grip")) event.preventDefault(); // no click
});
document.addEventListener("keydown", (event) => { if (lifted && event.key === "Tab") drop(); });

function moveByKey(key) {
  const { kind, item } = lifted;
  const list = item.parentElement;
  const items = kind.items(list);
  const index = items.indexOf(item);
  const columns = kind === KINDS.app ? getComputedStyle(list).gridTemplateColumns.split(" ").length : 1;
  const forward = isRightToLeft ? "ArrowLeft" : "ArrowRight";
  const backward = isRightToLeft ? "ArrowRight" : "ArrowLeft";
  const by = { [forward]: 1, [backward]: -1, ArrowDown: columns, ArrowUp: -columns }[key];
  if (key === "Home") moveTo(list, 0);
  else if (key === "End") moveTo(list, items.length - 1);
  else if (by) moveBy(list, index, by, items.length - 1, columns);
  return Boolean(by) || key === "Home" || key === "End";
}

function moveBy(list, index, by, last, columns) {
  const lists = lifted.kind.lists();
  const other = lists[lists.indexOf(list) + Math.sign(by)];
  const isLastRow = Math.floor(index / columns) === Math.floor(last / columns);
  if (by > 0 && index + by > last && (by === 1 || isLastRow)) {
    if (other) moveTo(other, by === 1 ? 0 : Math.min(index % columns, lifted.kind.items(other).length));
  } else if (by < 0 && index + by < 0) {
    if (other) moveTo(other, lifted.kind.items(other).length);
    else moveTo(list, 0);
  } else {
    moveTo(list, Math.min(index + by, last));
  }
}

// Pointer: mouse, touch and pen, by the handle alone

let press = null;
document.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest(".grip");
  if (!grip || event.button !== 0 || lifted) return;
  event.preventDefault(); // no selection, and the focus stays
  grip.setPointerCapture(event.pointerId);
  press = { grip, id: event.pointerId, x: event.clientX, y: event.clientY };
});
document.addEventListener("pointermove", (event) => {
  if (!press || event.pointerId !== press.id) return;
  const at = { x: event.clientX, y: event.clientY };
  if (!lifted) {
    if (Math.hypot(at.x - press.x, at.y - press.y) < 4) return;
    const box = kindOf(press.grip).item(press.grip).getBoundingClientRect();
    moving.classList.remove("vh");
    lift(press.grip, { dx: press.x - box.left, dy: press.y - box.top });
    requestAnimationFrame(scrollAtEdge);
  }
  lifted.at = at;
  follow();
});
document.addEventListener("pointerup", (event) => { if (press?.id === event.pointerId) { press = null; if (lifted) drop(); } });
document.addEventListener("pointercancel", (event) => { if (press?.id === event.pointerId) { press = null; if (lifted) cancel(); } });
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !lifted?.pointer) return;
  press = null;
  cancel();
});

function follow() {
  const { at, pointer, item, float, kind } = lifted;
  const below = document.elementFromPoint(at.x, at.y);
  if (kind === KINDS.app) markTab(below?.closest("#tabs [data-slug]:not([aria-current])"));
  if (below && !lifted.tab) moveUnder(below, at);
  if (!float) return;
  const box = item.getBoundingClientRect();
  const dx = kind === KINDS.section ? 0 : at.x - pointer.dx - box.left;
  float.style.setProperty("--at-x", `${dx}px`);
  float.style.setProperty("--at-y", `${at.y - pointer.dy - box.top}px`);
}

function markTab(tab) {
  if (tab === lifted.tab) return;
  lifted.tab?.classList.remove("is-over");
  lifted.tab = tab ?? null;
  lifted.tab?.classList.add("is-over");
  if (tab) say(words.overBoard.replace("{board}", tab.textContent));
  else say(sentence("at", placeOf()));
}

function moveUnder(below, at) {
  const { kind, item } = lifted;
  if (kind === KINDS.app) {
    const list = below.closest("#board .section")?.querySelector(".tiles");
    if (!list) return;
    const over = below.closest(".slot");
    if (over === item) return;
    const items = kind.items(list).filter((each) => each !== item);
    if (over) moveTo(list, items.indexOf(over) + (isAfter(over, at) ? 1 : 0));
    else if (list !== item.parentElement || below.closest(".tile-add")) moveTo(list, items.length);
    return;
  }
  const list = kind.lists()[0];
  const items = kind.items(list).filter((each) => each !== item);
  const isUpright = kind === KINDS.section;
  const index = items.findIndex((each) => {
    const box = each.getBoundingClientRect();
    if (isUpright) return at.y < box.top + box.height / 2;
    return isRightToLeft ? at.x > box.left + box.width / 2 : at.x < box.left + box.width / 2;
  });
  moveTo(list, index < 0 ? items.length : index);
}

// Within its list a tile takes the place of the one below it; in another it goes before or after.
function isAfter(over, at) {
  const { item } = lifted;
  if (over.parentElement === item.parentElement) return Boolean(item.compareDocumentPosition(over) & Node.DOCUMENT_POSITION_FOLLOWING);
  const box = over.getBoundingClientRect();
  if (box.width > over.parentElement.clientWidth * 0.9) return at.y > box.top + box.height / 2;
  return isRightToLeft ? at.x < box.left + box.width / 2 : at.x > box.left + box.width / 2;
}

function scrollAtEdge() {
  if (!lifted?.pointer) return;
  const { y } = lifted.at;
  const top = EDGE + document.querySelector("#bar").offsetHeight;
  const by = y < top && !lifted.tab ? Math.max(-16, (y - top) / 4) : y > innerHeight - EDGE ? Math.min(16, (y - innerHeight + EDGE) / 4) : 0;
  if (by) {
    scrollBy({ top: by, behavior: "instant" });
    follow();
  }
  requestAnimationFrame(scrollAtEdge);
}

addHandles();
document.addEventListener("launcher:shown", addHandles);
