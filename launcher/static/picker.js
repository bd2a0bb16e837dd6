// Choosing an icon: searches while one types, and opens over a form. Everything works without it.

let form = null; // the one that the picker is open for
let pause = 0;
let request = null;

const picker = () => document.querySelector("#picker");
const results = () => document.querySelector("#picker-results");

function dialogOf() {
  const found = document.querySelector("#picker-dialog");
  if (found) return found;
  const made = Object.assign(document.createElement("dialog"), { id: "picker-dialog", className: "dialog dialog-picker" });
  made.addEventListener("click", (event) => { if (event.target === made) made.close(); });
  made.addEventListener("close", () => {
    clearTimeout(pause);
    request?.abort();
    made.replaceChildren();
    form = null;
  });
  return document.body.appendChild(made);
}

async function read(address, options) {
  request?.abort();
  request = new AbortController();
  const answer = await fetch(address, { headers: { "HX-Request": "true" }, signal: request.signal, ...options });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#picker");
  if (!page) throw new Error(answer.status);
  return page;
}

async function open(button) {
  const fields = button.form.elements;
  const address = new URL(button.dataset.picksIcon, location.href);
  const asked = { icon: fields.icon.value, letters: fields.letters.value, for: fields.name?.value ?? "" };
  for (const [name, value] of Object.entries(asked)) address.searchParams.set(name, value);
  try {
    const page = await read(address);
    const dialog = dialogOf();
    form = button.form;
    dialog.setAttribute("aria-label", button.textContent.trim());
    dialog.replaceChildren(page);
    if (!dialog.open) dialog.showModal();
    page.elements.q.focus();
  } catch (error) {
    if (error.name !== "AbortError") form = null, button.form.requestSubmit(button);
  }
}

// The results alone are replaced: the focus stays in the field.
async function show(submitter) {
  clearTimeout(pause);
  if (!picker()) return; // closed meanwhile
  const sent = new FormData(picker(), submitter);
  if (!sent.get("file")?.name) sent.delete("file");
  try {
    const page = await read(picker().action, { method: "POST", body: sent });
    const had = results().contains(document.activeElement);
    const picked = chosen()?.value;
    results().replaceWith(page.querySelector("#picker-results"));
    // What was chosen while the answer was on its way stays chosen.
    const again = picked !== sent.get("icon") && [...results().querySelectorAll("[name=icon]")].find(({ value }) => value === picked);
    if (again) again.checked = true, showChoice();
    picker().elements.in.value = results().dataset.in;
    picker().elements.q.value = page.elements.q.value;
    if (had) (chosen() ?? picker().elements.q).focus();
  } catch (error) {
    if (error.name !== "AbortError") results().querySelector("[role=status]").textContent = picker().dataset.lost;
  }
}

const chosen = () => results().querySelector("[name=icon]:checked");

function glyphOf(cell) {
  const shown = cell.querySelector(".glyph, .icon, img").cloneNode(true);
  if (!shown.matches(".icon")) return shown.classList.add("glyph"), shown;
  const glyph = document.createElement("span");
  glyph.className = "glyph";
  glyph.dataset.hue = results().querySelector(".picker-foot .glyph[data-hue]")?.dataset.hue ?? "0";
  glyph.setAttribute("aria-hidden", "true");
  glyph.append(shown);
  return glyph;
}

function showChoice() {
  const cell = chosen()?.closest(".cell");
  const foot = results().querySelector(".picker-foot");
  if (!cell || !foot) return;
  const heading = cell.closest("section").querySelector("h2").firstChild.textContent.trim();
  foot.querySelector("[data-icon-shown]").replaceChildren(glyphOf(cell));
  foot.querySelector("[data-icon-name]").textContent = cell.lastElementChild.textContent;
  foot.querySelector("[data-icon-kind]").textContent = heading;
}

function use() {
  const foot = results().querySelector(".picker-foot");
  form.elements.icon.value = chosen()?.value ?? "";
  form.elements.letters.value = picker().elements.letters.value;
  form.querySelector("[data-icon-shown]")?.replaceChildren(...foot.querySelector("[data-icon-shown]").cloneNode(true).childNodes);
  const name = form.querySelector("[data-icon-name]");
  if (name) name.textContent = foot.querySelector("[data-icon-name]").textContent;
  form.elements.icon.dispatchEvent(new Event("change", { bubbles: true }));
  dialogOf().close();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-picks-icon]");
  if (!button) return;
  event.preventDefault();
  open(button);
});
document.addEventListener("input", ({ target }) => {
  if (target.form !== picker() || !picker()) return;
  if (target.name === "q") {
    clearTimeout(pause);
    pause = setTimeout(show, 120);
  } else if (target.name === "letters") {
    for (const glyph of results().querySelectorAll(".tints .glyph")) glyph.textContent = target.value || target.placeholder;
    showChoice();
  }
});
document.addEventListener("change", ({ target }) => {
  if (target.form !== picker() || !picker()) return;
  if (target.name === "in" || target.name === "file") show();
  if (target.name === "icon") showChoice();
});
document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (!picker() || target.form !== picker()) return;
  if (target.name === "q" && key === "ArrowDown") {
    event.preventDefault();
    (chosen() ?? results().querySelector("[name=icon]"))?.focus();
  }
  if (target.name === "icon" && key === "Enter") {
    event.preventDefault();
    results().querySelector("[name=pick][value=use]")?.click();
  }
});
document.addEventListener("submit", (event) => {
  if (event.target !== picker()) return;
  const { name, value } = event.submitter ?? {};
  if (name === "pick" && !form) return; // the page sends all back
  event.preventDefault();
  if (name !== "pick") show(event.submitter);
  else if (value === "use") use();
  else dialogOf().close();
});
