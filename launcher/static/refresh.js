// The state of the apps on a board, renewed while the page is visible: one request for all.
const said = document.querySelector("#board-said");
if (said) {
  const EVERY_MS = 30_000;
  const { refresh, fresh, zone } = said.dataset;
  const notice = document.querySelector("#board-notice");
  const summary = document.querySelector("#summary");
  const clock = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone });
  let [tag, known, timer, asking, freshAt] = ["", notice.cloneNode(true), 0, null, Date.now()];

  const sayFresh = () => { summary.querySelector("[data-fresh]").textContent = fresh.replace("{time}", clock.format(freshAt)); };

  // Puts the state of a tile in its place, and says what a screen reader needs to say of it.
  const renew = (item, state) => {
    const old = item.querySelector(".state");
    const [before, now] = [old?.dataset.state, state?.dataset.state];
    state?.setAttribute("aria-haspopup", "dialog");
    if (old ? old.isEqualNode(state) : !state) return "";
    // In its place: it may have the focus.
    if (old && state) old.dataset.state = now, old.replaceChildren(...state.childNodes);
    else if (state) item.querySelector(".tile").append(state);
    else old.remove();
    const words = now === "down" && before !== "down" ? "down" : before === "down" && /^(up|slow)$/.test(now) ? "up" : "";
    return words && said.dataset[words].replace("{name}", item.querySelector(".tile-name").textContent);
  };

  const show = (page) => {
    const changed = new Set();
    const parts = new Map([...page.querySelectorAll("[data-for]")].map((part) => [part.dataset.for, part]));
    for (const item of document.querySelectorAll(".tiles > li")) {
      const state = parts.get(item.id);
      state?.removeAttribute("data-for");
      changed.add(renew(item, state));
    }
    for (const [id, part] of parts) {
      const place = document.getElementById(id);
      if (place && !place.matches("li") && place !== notice) place.replaceChildren(...part.childNodes);
    }
    known = parts.get("board-notice");
    changed.delete("");
    said.textContent = changed.size > 3 ? summary.textContent : [...changed].join(" ");
    document.dispatchEvent(new Event("launcher:shown"));
  };

  const warn = (words) => {
    const shown = document.querySelector("#board-stale").content.cloneNode(true);
    const line = shown.querySelector("p");
    line.textContent = line.dataset[words].replace("{time}", clock.format(freshAt));
    if (notice.querySelector("p")?.textContent !== line.textContent) notice.replaceChildren(shown);
  };

  const ask = async () => {
    clearTimeout(timer);
    if (document.hidden || asking) return;
    asking = AbortSignal.timeout(10_000);
    try {
      const answer = await fetch(refresh, { headers: tag ? { "If-None-Match": tag } : {}, redirect: "manual", signal: asking });
      if (answer.status === 404 || answer.type === "opaqueredirect") return warn("gone");
      if (!answer.ok && answer.status !== 304) throw new Error(answer.status);
      freshAt = Date.now();
      if (answer.ok) {
        show(new DOMParser().parseFromString(await answer.text(), "text/html"));
        tag = answer.headers.get("ETag");
      }
      if (notice.textContent !== known.textContent) notice.replaceChildren(...known.cloneNode(true).childNodes);
      sayFresh();
    } catch {
      warn("lost");
    } finally {
      asking = null;
    }
    timer = setTimeout(ask, EVERY_MS);
  };

  sayFresh();
  timer = setTimeout(ask, EVERY_MS);
  document.addEventListener("visibilitychange", ask);
}
