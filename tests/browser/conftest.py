"""A real browser at a real server: it asks no other host and complains of nothing."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    WebError,
    expect,
    sync_playwright,
)

from launcher import demo
from launcher.accounts import passwords
from launcher.app import create_app
from launcher.audit import COMMAND_LINE
from launcher.current import current_backups
from launcher.db.settings import change_settings
from launcher.models.types import utc_now
from tests.support.server import Server, serving
from tests.support.words import compile_words

SWITCHES = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
expect.set_options(timeout=60_000)  # a machine may be busy; waiting less proves nothing
_FRESH_S = 600.0
"""Of the 15 minutes in which the password is not asked for again."""
_NO_TRANSITION = "Transition was aborted because of invalid state"
"""What Chromium says when it leaves out the transition to a page, as it does where a small sheet of
the page comes in before the one that asks for transitions: with a new colour that one is not yet in
its cache."""
_NO_WORKER = "Service Worker registration blocked by Playwright"
"""A service worker asks for what no test counts. `test_home_screen` lets it run."""
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first of these that there is. The shell is the same engine without windows and menus, which
cost three quarters of every page that a test opens."""


@dataclass
class Watch:
    """What a page did that it should not have done.

    `expected_statuses` are those that a test provokes: the browser writes a line for each.
    """

    origin: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    expected_statuses: set[int] = field(default_factory=set)

    def over(self, context: BrowserContext) -> None:
        """Watch every page of a browser context, the ones to come as well."""
        context.on("request", self.on_request)
        context.on("console", self.on_console)
        context.on("weberror", self.on_error)

    def on_request(self, request: Request) -> None:
        self.requests.append(request.url)
        if not request.url.startswith(f"{self.origin}/"):
            self.complaints.append(f"asked another host: {request.url}")

    def on_error(self, error: WebError) -> None:
        if _NO_TRANSITION not in str(error.error):
            self.complaints.append(f"script: {error.error}")

    def on_console(self, message: ConsoleMessage) -> None:
        if message.text == _NO_WORKER:
            return
        is_expected = any(
            f"status of {status}" in message.text for status in self.expected_statuses
        )
        if message.type in {"error", "warning"} and not is_expected:
            self.complaints.append(f"{message.type}: {message.text}")


@dataclass(frozen=True, slots=True)
class Home:
    """A running server with sample content, and the passwords of its people."""

    server: Server
    passwords: dict[str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """A data directory with sample content that nobody serves, and the passwords of its people."""

    data_dir: Path
    passwords: dict[str, str]

    def copy_to(self, folder: Path) -> Path:
        """Return a copy of the data directory in `folder`."""
        return shutil.copytree(self.data_dir, folder / "data")


OpenPage = Callable[..., Page]


@pytest.fixture(scope="session", autouse=True)
def _words() -> None:
    compile_words()


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    data_dir = tmp_path_factory.mktemp("sample") / "data"
    app = create_app({"LAUNCHER_DATA_DIR": str(data_dir)})
    # The server hashes at the real cost, and would hash anew at the first sign-in what was made
    # cheaply: to a restore that is another password.
    with app.app_context(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "hasher", PasswordHasher())
        current_backups().initialise(by="test")
        filled = demo.fill(now=utc_now(), seed=1)
    return Sample(data_dir, {each.username: each.password for each in filled.accounts})


@pytest.fixture(scope="session")
def home(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The server of all tests that neither restore nor need more than the sample content."""
    data_dir = sample.copy_to(tmp_path_factory.mktemp("home"))
    with create_app({"LAUNCHER_DATA_DIR": str(data_dir)}).app_context():
        change_settings({"guest_access": True}, actor=COMMAND_LINE)
    with serving(data_dir, app="tests.patterns:create_app()") as server:
        yield Home(server, sample.passwords)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    assert program, f"none of {', '.join(PROGRAMS)} is installed"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(SWITCHES))
        yield browser
        browser.close()


@pytest.fixture
def watches() -> Iterator[list[Watch]]:
    """Every page's watch; the test fails when one of them saw something."""
    kept: list[Watch] = []
    yield kept
    complaints = []
    for watch in kept:
        complaints += watch.complaints
        watch.complaints.clear()
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def open_page(chromium: Browser, watches: list[Watch]) -> Iterator[OpenPage]:
    """Open a page in a browser context of its own, watched; `context` goes to Playwright."""
    opened = []

    def open_one(
        url: str, *, expected_statuses: set[int] | None = None, width: int = 1280, **context: object
    ) -> Page:
        origin = _origin(url)
        watch = Watch(origin, expected_statuses=expected_statuses or set())
        watches.append(watch)
        options = {
            "locale": "en", "viewport": {"width": width, "height": 844}, "service_workers": "block"
        } | context  # fmt: skip
        held = chromium.new_context(base_url=origin, **options)
        opened.append(held)
        watch.over(held)
        page = held.new_page()
        page.set_default_timeout(60_000)
        page.goto(url)
        return page

    yield open_one
    for context in opened:
        context.close()


@pytest.fixture(scope="session")
def kept_pages() -> dict[str, tuple[Page, Watch]]:
    """The page that `look_at` has in each language, and its watch."""
    return {}


@pytest.fixture
def look_at(
    chromium: Browser, kept_pages: dict[str, tuple[Page, Watch]], watches: list[Watch]
) -> Iterator[OpenPage]:
    """Go to an address in the one page that there is in a language, and lead it away at the end.

    It is for tests that only look: with a new page and its context, as `open_page` makes them,
    most would cost three times as much. Cookies are those of `storage_state` alone.
    """
    used = []

    def go(
        url: str, *, storage_state: dict[str, list] | None = None, locale: str = "en",
        width: int = 1280, expected_statuses: set[int] | None = None,
    ) -> Page:  # fmt: skip
        if locale not in kept_pages:
            context, watch = chromium.new_context(locale=locale, service_workers="block"), Watch("")
            watch.over(context)
            kept_pages[locale] = context.new_page(), watch
        page, watch = kept_pages[locale]
        watch.origin, watch.expected_statuses = _origin(url), expected_statuses or set()
        watches.append(watch)
        used.append(page)
        page.context.clear_cookies()
        if storage_state:
            page.context.add_cookies(storage_state["cookies"])
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(url)
        return page

    yield go
    for page in used:
        page.goto("about:blank")


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3])


def sign_in(chromium: Browser, url: str, username: str, password: str) -> object:
    """Sign in by the form, watched like everything; return the cookies for `storage_state`."""
    watch = Watch(url)
    context = chromium.new_context(base_url=url, service_workers="block")
    watch.over(context)
    page = context.new_page()
    page.goto("/login")
    page.fill("#username", username)
    page.fill("#password", password)
    page.click("main button")
    page.wait_for_url(f"{url}/")
    state = context.storage_state()
    context.close()
    assert not watch.complaints, "\n".join(watch.complaints)
    return state


class Sessions(Mapping[str, object]):
    """The cookies of each person, to open pages with as `storage_state`.

    Made when they are first wanted, and anew before the password would be asked for again.
    """

    def __init__(self, chromium: Browser, url: str, passwords: Mapping[str, str]) -> None:
        self._chromium = chromium
        self._url = url
        self._passwords = passwords
        self._made: dict[str, tuple[float, object]] = {}

    def __getitem__(self, name: str) -> object:
        made_at, state = self._made.get(name, (-_FRESH_S, None))
        if time.monotonic() - made_at >= _FRESH_S:
            state = sign_in(self._chromium, self._url, name, self._passwords[name])
            self._made[name] = time.monotonic(), state
        return state

    def __iter__(self) -> Iterator[str]:
        return iter(self._passwords)

    def __len__(self) -> int:
        return len(self._passwords)


@pytest.fixture(scope="session")
def signed_in(home: Home, chromium: Browser) -> Sessions:
    return Sessions(chromium, home.server.url, home.passwords)
