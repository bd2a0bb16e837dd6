"""An installed Launcher, in Chromium with its service worker: what needs a browser and a server."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage, Sessions, Watch

if TYPE_CHECKING:
    from collections.abc import Callable

UNREACHABLE = "Launcher cannot be reached"
_BUFFER_BYTES = 1 << 16


@dataclass
class Wire:
    """A port before the server of all tests that can be cut off, as to stop one takes seconds.

    `state` is on, off, silent, or 502 for the error of a proxy. `slow_path` takes two seconds.
    """

    url: str
    server: tuple[str, int]
    state: str = "on"
    slow_path: str = ""
    asked: list[str] = field(default_factory=list)
    # Of as many bytes. People wait three times as long.
    changes: dict[bytes, bytes] = field(
        default_factory=lambda: {b"PATIENCE_MS = 3000": b"PATIENCE_MS = 1000"}
    )

    def carry(self, connection: socket.socket) -> None:
        """Answer one request; each has a connection of its own."""
        with closing(connection), suppress(OSError):
            if self.state == "off":
                return
            head = connection.recv(_BUFFER_BYTES)
            path = [*head.split(b" ", 2), b"", b""][1].decode()
            self.asked.append(path)
            while self.state == "silent":
                time.sleep(0.05)
            if self.state == "502":
                connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                return
            if path == self.slow_path:
                time.sleep(2)
            with closing(socket.create_connection(self.server)) as server:
                server.sendall(head.replace(b"keep-alive", b"close"))
                while found := server.recv(_BUFFER_BYTES):
                    for one, other in self.changes.items():
                        found = found.replace(one, other)
                    connection.sendall(found)


@pytest.fixture
def wire(home: Home) -> Iterator[Wire]:
    host, port = urlsplit(home.server.url).netloc.split(":")
    with closing(socket.create_server((host, 0))) as listener:
        made = Wire(f"http://{host}:{listener.getsockname()[1]}", (host, int(port)))

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=made.carry, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield made
        made.state = "off"


@pytest.fixture
def installed(
    open_page: OpenPage, wire: Wire, watches: list[Watch]
) -> Iterator[Callable[..., Page]]:
    """Open a page whose service worker is ready; errors of the network are expected."""

    def go(path: str = "/", **context: object) -> Page:
        page = open_page(
            f"{wire.url}{path}", service_workers="allow", expected_statuses={502}, **context
        )
        page.evaluate("""async () => {
          const { active } = await navigator.serviceWorker.ready;
          while (active.state !== 'activated') {
            await new Promise((resolve) => { setTimeout(resolve, 20); });
          }
        }""")
        return page

    yield go
    for watch in watches:
        watch.complaints[:] = [each for each in watch.complaints if "net::ERR" not in each]


def test_chromium_offers_to_install_it(installed: Callable[..., Page]) -> None:
    page = installed()
    session = page.context.new_cdp_session(page)

    found = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # A context of a test counts as incognito, where Chromium has windows.
    assert {each["errorId"] for each in found} <= {"in-incognito"}
    assert session.send("Page.getAppManifest")["errors"] == []


def test_a_page_says_that_the_site_cannot_be_reached_and_opens_when_it_is_back(
    installed: Callable[..., Page], wire: Wire
) -> None:
    page = installed(width=390)

    for state in ("off", "502"):
        wire.state = state
        page.goto(f"{wire.url}/login?next=/admin/users")
        expect(page.get_by_role("heading", name=UNREACHABLE)).to_be_visible()
        expect(page.get_by_text(urlsplit(wire.url).netloc)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert findings(page) == []

        wire.state = "on"
        if state == "502":
            page.get_by_role("link", name="Try again").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert page.url == f"{wire.url}/login?next=/admin/users"


def test_a_silent_server_is_named_and_a_slow_one_is_waited_for(
    installed: Callable[..., Page], wire: Wire
) -> None:
    page = installed(locale="de")
    wire.slow_path = "/login"
    page.goto(f"{wire.url}/login")
    expect(page).to_have_title(re.compile("^Anmeldung"))
    assert "/healthz" in wire.asked

    wire.state = "silent"
    page.goto(f"{wire.url}/login?next=/")
    expect(page.get_by_role("heading", name="Launcher antwortet noch nicht")).to_be_visible()
    wire.state = "on"
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.get_by_role("heading", name="Anmeldung")).to_be_visible()


def test_a_page_is_asked_for_once_and_nothing_of_it_is_kept(
    installed: Callable[..., Page], wire: Wire, signed_in: Sessions
) -> None:
    page = installed(storage_state=signed_in["ada"])
    wire.asked.clear()
    for path in ("/b/home", "/admin/users", "/account"):
        page.goto(f"{wire.url}{path}")
        assert wire.asked.count(path) == 1, wire.asked

    kept = page.evaluate("""async () => {
      const found = [];
      for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const request of await cache.keys()) {
          const text = await (await cache.match(request)).text();
          found.push([new URL(request.url).pathname, /Ada|csrf/.test(text)]);
        }
      }
      return found.sort();
    }""")
    assert [path.split("-")[0] for path, _ in kept] == [
        "/assets/icons", "/assets/launcher", "/assets/offline", "/offline", "/offline/waiting",
    ]  # fmt: skip
    assert not any(is_private for _, is_private in kept)


def test_a_script_that_fails_keeps_no_page_from_coming(
    installed: Callable[..., Page], wire: Wire
) -> None:
    wire.changes[b"response.status >= 502"] = b"response.non.at >= 502"
    page = installed()

    page.goto(f"{wire.url}/login")

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_the_kept_pages_follow_the_theme(installed: Callable[..., Page], wire: Wire) -> None:
    page = installed()
    page.context.add_cookies([{"name": "theme", "value": "dark", "url": wire.url}])
    page.goto(f"{wire.url}/")
    page.evaluate("""async () => {
      const isNew = async () => (await caches.keys()).length === 1
        && (await (await caches.match('/offline')).text()).includes('data-theme="dark"');
      while (!await isNew()) await new Promise((resolve) => { setTimeout(resolve, 20); });
    }""")

    wire.state = "off"
    page.goto(f"{wire.url}/")
    expect(page.get_by_role("heading", name=UNREACHABLE)).to_be_visible()
    assert page.locator("html").get_attribute("data-theme") == "dark"
