"""When a person sees a page: Chromium with an empty cache, as it is and on a slow phone."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, CDPSession, sync_playwright

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_SETTLE_MS = 300  # for what would still move

# Runs before the page: notes when its last tile has been painted, and how far anything moved.
_WATCH = """
globalThis.shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) globalThis.shift += entry.value;
}).observe({type: "layout-shift", buffered: true});
const look = () => {
  const last = [...document.querySelectorAll(".tile")].at(-1);
  const isWhole = document.readyState !== "loading" && document.styleSheets.length > 0;
  if (!isWhole || !last || last.getBoundingClientRect().height === 0) {
    requestAnimationFrame(look);
  } else {
    requestAnimationFrame(() => { globalThis.seenAt = performance.now(); });
  }
};
requestAnimationFrame(look);
"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Medians of some visits: milliseconds to the last tile; the largest shift; bytes, requests."""

    last_tile_ms: float
    shift: float
    received_kb: float
    requests: float


@contextmanager
def chromium() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def arrive(browser: Browser, url: str, *, cookie: str, is_slow: bool, visits: int) -> Arrival:
    """Visit `url` some times, each with a new profile."""
    found = [_visit(browser, url, cookie, is_slow) for _ in range(visits)]
    return Arrival(
        statistics.median(each.last_tile_ms for each in found),
        max(each.shift for each in found),
        statistics.median(each.received_kb for each in found),
        statistics.median(each.requests for each in found),
    )


def _visit(browser: Browser, url: str, cookie: str, is_slow: bool) -> Arrival:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    for pair in filter(None, cookie.split("; ")):
        name, _, value = pair.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": url}])
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    if is_slow:
        _slow_down(session)
    received: list[float] = []
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    page.add_init_script(_WATCH)
    page.goto(url, wait_until="load")
    page.wait_for_function("globalThis.seenAt")
    page.wait_for_timeout(_SETTLE_MS)
    seen_at, shift = page.evaluate("[globalThis.seenAt, globalThis.shift]")
    context.close()
    return Arrival(seen_at, shift, sum(received) / 1000, len(received))


def _slow_down(session: CDPSession) -> None:
    """A quarter of the processor, 10 Mbit/s, and 40 ms to the server and back."""
    session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    session.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 40,
            "downloadThroughput": 10_000_000 / 8,
            "uploadThroughput": 10_000_000 / 8,
        },
    )
