"""Whom to tell is set in a real browser, and a real receiver hears of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from playwright.sync_api import Page, expect

from launcher.app import create_app
from launcher.config import Config
from launcher.models.types import utc_now
from launcher.notifications import recipients
from launcher.notifications.memory import read_memory, save_memory
from launcher.notifications.sender import Message, Undelivered
from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage, Sessions
from tests.browser.test_users import tab_to
from tests.support.receivers import Receiver

PAGE = "/admin/notifications"
SECRET = "sesame-open-wide"


@pytest.fixture
def config(home: Home) -> Iterator[Config]:
    """The host of the server, on which nobody is told before and after."""
    app = create_app({"LAUNCHER_DATA_DIR": str(home.server.data_dir)})
    config: Config = app.extensions["launcher.config"]
    yield config
    for name in ("notifications.json", "alerts.json"):
        (config.data_dir / name).unlink(missing_ok=True)


@pytest.fixture
def as_ada(home: Home, signed_in: Sessions, open_page: OpenPage, config: Config):
    def open_one(path: str = PAGE, **context: object) -> Page:
        return open_page(f"{home.server.url}{path}", storage_state=signed_in["ada"], **context)

    return open_one


@pytest.fixture
def crowd(config: Config, receiver: Receiver) -> None:
    """One who is reached, one with long words who is not, and a heartbeat."""
    reached = recipients.add_recipient(
        config, name="Phone", url=f"json://{receiver.place}/{SECRET}"
    )
    lost = recipients.add_recipient(
        config,
        name="The-tablet-in-the-hall-which-has-a-very-long-name-indeed",
        url=f"json://ada-with-a-long-name:{SECRET}@tablet.in-the-hall.of-the-house.home.example/",
        events=list(recipients.Event),
    )
    recipients.set_heartbeat(config, f"https://heart.example/{SECRET}", pings_start=True)
    recipients.set_public_url(config, "https://launcher.in-a-long-domain.of-the-house.home.example")
    memory, now = read_memory(config), utc_now()
    told = replace(memory.delivery_to(reached.id, reached.url), notified_at=now)
    failed = replace(
        memory.delivery_to(lost.id, lost.url),
        waiting=(Message("a", "b"),),
        failed_since=now - timedelta(hours=30),
        reason=Undelivered.ANSWERED,
        status=401,
        next_try_at=now + timedelta(minutes=40),
    )
    save_memory(config, replace(memory, deliveries={reached.id: told, lost.id: failed}))


def arrived(receiver: Receiver) -> int:
    """Return how many tests arrived; the server may tell of a real trouble meanwhile."""
    told = [json.loads(each.body)["title"] for each in receiver.received if each.method == "POST"]
    return sum("Test message" in title for title in told)


def add(page: Page, receiver: Receiver, name: str) -> None:
    page.get_by_role("link", name="Add recipient").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("URL", exact=True).fill(f"json://ada:{SECRET}@{receiver.place}/hook")
    page.get_by_role("button", name="Add recipient").click()
    expect(page.get_by_text(f"Recipient {name} added")).to_be_visible()


def test_a_webhook_is_added_tried_changed_and_removed(as_ada, receiver: Receiver) -> None:
    page = as_ada()
    expect(
        page.get_by_role("heading", name="No one is notified if backups fail", exact=True)
    ).to_be_visible()
    add(page, receiver, "Phone")
    row = page.get_by_role("row", name="Phone")
    expect(row).to_contain_text("Not tested yet")

    may_answer = threading.Event()

    def answer_late(handler: BaseHTTPRequestHandler) -> None:
        may_answer.wait(60)
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    receiver.instead = answer_late
    button = row.get_by_role("button")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-busy", "true")
    expect(button).to_have_accessible_name("Sending… (Phone)")
    page.keyboard.press("Enter")
    may_answer.set()

    expect(page.get_by_role("status").get_by_text("Test message sent to Phone")).to_be_visible()
    expect(row).to_contain_text("Delivered")
    expect(button).not_to_have_attribute("aria-busy", "true")
    expect(button).to_have_accessible_name("Send test message (Phone)")
    expect(button).to_be_focused()
    assert arrived(receiver) == 1

    receiver.instead, receiver.status = None, 401
    button.click()
    expect(page.get_by_text("The test message to Phone failed")).to_be_visible()
    reason = "The service rejected the message with status 401."
    expect(page.get_by_text(reason, exact=True)).to_be_visible()

    page.get_by_role("link", name="Phone").click()
    expect(page.get_by_label("New URL")).to_have_value("")
    page.get_by_label("Name").fill("Tablet")
    page.get_by_role("checkbox", name="Success").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("row", name="Tablet")).to_contain_text("Failure, Recovery, Success")

    page.get_by_role("link", name="Tablet").click()
    opener = page.get_by_role("link", name="Remove recipient…")
    opener.click()
    dialog = page.get_by_role("dialog", name="Remove recipient Tablet?")
    expect(dialog.get_by_role("link", name="Keep recipient")).to_be_focused()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    opener.click()
    dialog.get_by_role("button", name="Remove recipient").click()
    expect(page.get_by_text("Recipient Tablet removed")).to_be_visible()
    assert SECRET not in page.content()


def test_without_script_all_of_it_works_as_well(as_ada, receiver: Receiver) -> None:
    page = as_ada(java_script_enabled=False)
    add(page, receiver, "Phone")
    page.get_by_role("button", name="Send test message").click()
    expect(page.get_by_text("Test message sent to Phone")).to_be_visible()
    assert arrived(receiver) == 1

    page.get_by_role("link", name="Phone").click()
    page.get_by_label("Name").fill("Tablet")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Set up heartbeat…").click()
    page.get_by_label("URL", exact=True).fill(f"http://{receiver.place}/{SECRET}")
    page.get_by_role("button", name="Save heartbeat").click()
    expect(page.get_by_text(f"http://{receiver.place}/…")).to_be_visible()
    page.get_by_role("link", name="Remove heartbeat…").click()
    page.get_by_role("button", name="Remove heartbeat").click()
    expect(page.get_by_text("Heartbeat removed")).to_be_visible()
    page.get_by_role("link", name="Tablet").click()
    page.get_by_role("link", name="Remove recipient…").click()
    page.get_by_role("button", name="Remove recipient").click()
    expect(page.get_by_text("Recipient Tablet removed")).to_be_visible()


def test_the_keyboard_alone_adds_a_recipient_and_tries_it(as_ada, receiver: Receiver) -> None:
    page = as_ada()
    tab_to(page, "Add recipient")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("Phone")
    tab_to(page, "URL")
    page.keyboard.type(f"json://{receiver.place}/hook")
    tab_to(page, "URL formats")
    page.keyboard.press("Enter")
    expect(page.get_by_text("appriseit.com/services")).to_be_visible()
    tab_to(page, "Success")
    page.keyboard.press("Space")
    tab_to(page, "Add recipient")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name="Phone")).to_contain_text("Failure, Recovery, Success")
    tab_to(page, "Send test message")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Test message sent to Phone")).to_be_visible()
    assert arrived(receiver) == 1


def test_a_url_that_is_refused_is_named_at_its_field_and_gone(as_ada) -> None:
    page = as_ada(f"{PAGE}/new", expected_statuses={422})
    page.get_by_label("Name").fill("Phone")
    page.get_by_label("URL", exact=True).fill(f"file:///etc/{SECRET}")
    page.get_by_role("button", name="Add recipient").click()

    url = page.get_by_label("URL", exact=True)
    expect(url).to_be_focused()
    expect(url).to_have_value("")
    expect(page.locator("#url-error")).to_contain_text("This only reaches the server itself")
    expect(page.get_by_label("Name")).to_have_value("Phone")
    assert SECRET not in page.content()
    assert findings(page) == []


@pytest.mark.usefixtures("crowd")
def test_axe_finds_nothing_where_there_is_much_to_show(as_ada) -> None:
    page = as_ada()
    expect(page.locator("#answer")).to_contain_text("cannot be reached")
    assert findings(page) == []

    page.get_by_role("link", name="Remove heartbeat…").click()
    expect(page.get_by_role("dialog", name="Remove heartbeat?")).to_be_visible()
    assert findings(page) == []

    page.keyboard.press("Escape")
    page.get_by_role("link", name="Phone").click()
    page.get_by_text("URL formats").click()
    assert findings(page) == []


@pytest.mark.parametrize("language", ["en", "de", "ru"])
@pytest.mark.usefixtures("crowd")
def test_long_names_do_not_reach_beyond_the_edge_of_a_phone(as_ada, language: str) -> None:
    page = as_ada(locale=language, width=390)
    lost = page.locator("tbody th a").last.get_attribute("href")
    for path in (PAGE, lost, f"{lost}/remove", f"{PAGE}/heartbeat", f"{PAGE}/site"):
        page.goto(path)
        for details in page.locator("details").all():
            details.locator("summary").click()
        for width in (390, 360):
            page.set_viewport_size({"width": width, "height": 844})
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{path} at {width}: {wide}"
