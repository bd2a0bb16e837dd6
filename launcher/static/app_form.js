// Proposes name and icon in the form of an app, and keeps its preview; all works without this file.

const LETTERS = "letters:";
let request = null;
let requested = "";
let begun = Promise.resolve();

const formOf = (element) => element?.closest?.("#app-form");

// What a person entered stays: see `with_proposal` on the server, which has the same rule.
function take(form, proposal) {
  const { elements } = form;
  const { name, icon } = proposal.dataset;
  if (name && ["", elements.proposed_name.value].includes(elements.name.value.trim())) {
    elements.name.value = name;
    // Who has come to the field meanwhile and types, replaces it.
    if (document.activeElement === elements.name) elements.name.select();
  }
  const ours = ["", LETTERS, elements.proposed_icon.value, elements.seen_icon?.value ?? LETTERS];
  if (icon !== LETTERS && ours.includes(elements.icon.value)) {
    elements.icon.value = icon;
    form.querySelector("[data-icon-shown]").replaceChildren(proposal.querySelector(".glyph"));
    const title = form.querySelector("[data-icon-name]");
    title.textContent = title.dataset.proposed;
  }
  elements.proposed_name.value = name;
  elements.proposed_icon.value = icon;
}

function say(form, words, state = "") {
  const place = form.querySelector("#app-proposal");
  place.textContent = words;
  place.dataset.state = state;
}

async function propose(form) {
  const button = form.querySelector("[data-fetches]");
  const url = form.elements.url.value.trim();
  request?.abort();
  request = new AbortController();
  requested = url;
  button.setAttribute("aria-busy", "true");
  say(form, form.querySelector("#app-proposal").dataset.begun);
  try {
    const body = new URLSearchParams({ url, csrf_token: form.elements.csrf_token.value });
    const answer = await fetch(button.dataset.fetches, {
      method: "POST", body, signal: request.signal, headers: { "HX-Request": "true" },
    });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const proposal = page.querySelector("#proposal");
    if (!proposal) throw new Error(answer.status);
    say(form, proposal.querySelector("p").textContent, proposal.dataset.state);
    take(form, proposal);
    showPreview(form);
  } catch (error) {
    if (error.name === "AbortError") return;
    // The name of another URL is no name of this one.
    if (form.elements.name.value.trim() === form.elements.proposed_name.value) form.elements.name.value = "";
    say(form, form.querySelector("#app-proposal").dataset.lost, "failed");
  }
  button.removeAttribute("aria-busy");
}

// Once for a URL, and only while the app has no name of its own.
function isProposable(form) {
  if (!form.querySelector("[data-fetches]")) return false;
  const { url, name } = form.elements;
  const isComplete = /^https?:\/\/[^\s/]+/i.test(url.value.trim());
  const isFree = ["", form.elements.proposed_name.value].includes(name.value.trim());
  return isComplete && isFree;
}
function proposeOnce(form) {
  if (isProposable(form) && form.elements.url.value.trim() !== requested) begun = propose(form);
}

// Who adds the app before its name has come gets it first. A second click does not wait.
document.addEventListener("submit", (event) => {
  const form = formOf(event.target);
  if (!form || event.target !== form || !isProposable(form)) return;
  const isAwaited = form.querySelector("[data-fetches]").hasAttribute("aria-busy");
  if (form.elements.url.value.trim() === requested && !isAwaited) return;
  const isOther = event.submitter?.hasAttribute("formaction") || ["pick", "use_letters"].includes(event.submitter?.name);
  if (isOther || "waits" in form.dataset) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  proposeOnce(form);
  form.dataset.waits = "";
  begun.finally(() => {
    delete form.dataset.waits;
    if (form.isConnected) form.requestSubmit(event.submitter);
  });
}, true);

function showPreview(form) {
  const preview = document.querySelector("#app-preview");
  if (!preview) return;
  const { name, url } = form.elements;
  const title = preview.querySelector(".tile-name");
  title.textContent = name.value.trim() || title.dataset.empty;
  preview.querySelector(".tile-note").textContent = url.value.trim().replace(/^\w+:\/\//, "").replace(/\/+$/, "");
  const glyph = form.querySelector("[data-icon-shown]").firstElementChild;
  if (glyph) preview.querySelector(".glyph").replaceWith(glyph.cloneNode(true));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-fetches]");
  if (!button) return;
  event.preventDefault();
  event.stopPropagation();
  begun = propose(formOf(button));
}, true);
document.addEventListener("paste", ({ target }) => {
  if (target.id === "app-url") setTimeout(() => proposeOnce(formOf(target)));
});
document.addEventListener("change", ({ target }) => {
  const form = formOf(target);
  // Not at once: what the proposal says would move the button that is being pressed.
  if (form && target.id === "app-url") setTimeout(() => form.isConnected && proposeOnce(form), 300);
  if (form) showPreview(form);
});
document.addEventListener("input", ({ target }) => {
  const form = formOf(target);
  if (form && ["app-name", "app-url"].includes(target.id)) showPreview(form);
});
