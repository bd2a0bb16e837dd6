// Opens the page that was asked for as soon as the site answers. Without this file a link does.

const { health, home } = document.querySelector("[data-health]").dataset;
const PAUSE_MS = 3000;
const PATIENCE_MS = 5000;
let isAsking = false;
let next;

async function ask() {
  if (isAsking) return;
  isAsking = true;
  clearTimeout(next);
  const response = await Promise.race([
    fetch(health, { cache: "no-store", redirect: "manual" }).catch(() => null),
    new Promise((resolve) => { setTimeout(resolve, PATIENCE_MS); }),
  ]);
  isAsking = false;
  if (isOfTheSite(response)) open();
  else next = setTimeout(ask, PAUSE_MS);
}

// Its errors have a page of their own. A redirect leads to sign-in at a proxy.
function isOfTheSite(response) {
  return response?.ok || response?.type === "opaqueredirect" || response?.headers.has("Launcher-Error");
}

function open() {
  if (/\/offline(\/waiting)?$/.test(location.pathname)) location.replace(home);
  else location.reload();
}

next = setTimeout(ask, PAUSE_MS);
window.addEventListener("online", ask);
document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
