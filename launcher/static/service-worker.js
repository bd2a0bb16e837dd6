// Shows a page of this site where otherwise the browser would say that the site cannot be reached.
// What it keeps has no data in it: two pages, their style sheet, drawings and script. Everything
// else goes to the network. Its address changes with what it keeps, so that it is installed again.

"use strict";

const { scope } = self.registration;
const OURS = `launcher ${scope} `; // another Launcher may be on this host, below another path
const KEPT = OURS + self.location.search;
const UNREACHABLE = new URL("offline", scope).href;
const WAITING = new URL("offline/waiting", scope).href;
const HEALTH = new URL("healthz", scope).href;
const PATIENCE_MS = 3000;
const PROBE_MS = 2000;

self.addEventListener("install", (event) => event.waitUntil(prepare()));
self.addEventListener("activate", (event) => event.waitUntil(begin()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(answer(event));
  else if (new URL(request.url).search === "?offline") event.respondWith(file(request));
});

async function prepare() {
  const cache = await caches.open(KEPT);
  const files = new Set();
  for (const address of [UNREACHABLE, WAITING]) {
    const page = await whole(address);
    for (const [, path] of (await page.clone().text()).matchAll(/"([^"#]+)\?offline\b/g)) files.add(path);
    await cache.put(address, page);
  }
  // Without the query, the browser has most of them from the page before.
  for (const path of files) await cache.put(`${path}?offline`, await whole(path));
  await self.skipWaiting(); // nothing that an older one kept is in use
}

async function whole(address) {
  const response = await fetch(address);
  if (!response.ok || response.redirected) throw new Error(`${address} was not sent`);
  return response;
}

async function begin() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(OURS) && name !== KEPT).map((name) => caches.delete(name)));
  await self.registration.navigationPreload?.enable();
}

async function file(request) {
  return (await kept(request.url)) ?? fetch(request);
}

function kept(address) {
  return caches.match(address, { cacheName: KEPT, ignoreVary: true }).catch(() => undefined);
}

async function answer(event) {
  const arriving = arrive(event);
  event.waitUntil(arriving.catch(() => {})); // it is not broken off when a page is shown meanwhile
  const came = arriving.then((response) => (isOfAProxy(response) ? UNREACHABLE : response), () => UNREACHABLE);
  const found = await Promise.race([came, silence(came)]).catch(() => arriving); // whatever fails here
  if (typeof found !== "string") return found;
  return (await kept(found)) ?? arriving;
}

async function arrive(event) {
  const early = await Promise.resolve(event.preloadResponse).catch(() => undefined);
  return early ?? fetch(event.request);
}

// A proxy answers for a server that is down. Errors of Launcher itself have its header.
function isOfAProxy(response) {
  return response.status >= 502 && !response.headers.has("Launcher-Error");
}

// Resolves when the server is silent altogether. A page may take long while the server is well.
async function silence(came) {
  let isOver = false;
  came.then(() => { isOver = true; });
  for (;;) {
    await pause(PATIENCE_MS);
    if (isOver) return came;
    const probe = fetch(HEALTH, { cache: "no-store", redirect: "manual" }).then(() => true, () => false);
    if (!(await Promise.race([probe, pause(PROBE_MS)]))) return WAITING;
  }
}

function pause(ms) {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}
