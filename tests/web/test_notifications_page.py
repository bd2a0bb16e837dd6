"""Recipients when backups stop, as an admin sees and sets it: real addresses, real receivers."""

from __future__ import annotations

import html
import json
import logging
import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from launcher.background.child import Child
from launcher.backup.locks import try_lock
from launcher.config import Config
from launcher.current import current_backups, current_offsite
from launcher.extensions import db
from launcher.models import AuditEvent
from launcher.models.types import utc_now
from launcher.notifications import dispatch, recipients, sender
from launcher.notifications.memory import HEARTBEAT, read_memory, save_memory
from launcher.notifications.recipients import MAX_RECIPIENTS, Recipient, RecipientError
from launcher.notifications.sender import Message, Undelivered
from launcher.web.admin.notifications.forms import EXAMPLES, version_of
from tests.support.receivers import MailServer, Receiver, http_receiver
from tests.web.visitor import Visitor

pytestmark = pytest.mark.usefixtures("quick_errands")

SECRET = "sesame-open-wide"
PAGE = "/admin/notifications"
BOTH = ["failure", "recovery", "apps"]


@pytest.fixture
def config(app: Flask) -> Config:
    config: Config = app.extensions["launcher.config"]
    return config


@pytest.fixture
def phone(config: Config, receiver: Receiver) -> Recipient:
    return recipients.add_recipient(config, name="phone", url=hook(receiver))


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take any address, for tests that are about something else; to check one takes a second."""
    monkeypatch.setattr(sender, "check", lambda _url: sender.Delivery(shown="json://host/…"))


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def full(*_args: object, **_how: object) -> None:
        raise OSError(28, "No space left on device")

    return lambda: monkeypatch.setattr(recipients, "write_atomic", full)


def hook(receiver: Receiver, way: str = SECRET) -> str:
    return f"json://ada:{SECRET}@{receiver.place}/{way}?+Token={SECRET}"


def kept(config: Config) -> list[Recipient]:
    return list(recipients.read_notification_settings(config).recipients)


def seen(page: str) -> str:
    found = re.search(r'name="seen" value="([^"]+)"', page)
    assert found, page
    return found[1]


def text(page: str) -> str:
    """Return what a reader sees."""
    words = html.unescape(re.sub(r"<[^>]+>", " ", page.partition("<main")[2].partition(">")[2]))
    return " ".join(words.split())


def events(app: Flask) -> list[AuditEvent]:
    with app.app_context():
        found = db.select(AuditEvent).where(AuditEvent.target_kind == "recipient")
        return list(db.session.scalars(found.order_by(AuditEvent.id)))


def failing(config: Config, recipient: Recipient, *, minutes: int = 40) -> None:
    """Let somebody not be reached since yesterday, with two messages waiting."""
    memory, now = read_memory(config), utc_now()
    line = replace(
        memory.delivery_to(recipient.id, recipient.url),
        waiting=(Message("Backups fail", "b"), Message("And again", "b")),
        failed_since=now - timedelta(days=1),
        failed_at=now,
        reason=Undelivered.ANSWERED,
        status=401,
        next_try_at=now + timedelta(minutes=minutes),
    )
    save_memory(config, replace(memory, deliveries={recipient.id: line}))


# Looking


def test_that_no_one_is_notified_is_the_first_thing_said(ada: Visitor) -> None:
    ada.open(PAGE)

    assert text(ada.page).startswith("No one is notified if backups fail")
    assert f'href="{PAGE}/new"' in ada.page
    assert ada.page.count("button-primary") == 1


@pytest.mark.usefixtures("unasked")
def test_a_recipient_has_a_language_which_is_kept_and_shown(
    app: Flask, ada: Visitor, config: Config
) -> None:
    ada.send(PAGE, name="phone", url="json://host", event=BOTH, language="ru")
    (made,) = kept(config)
    assert made.language == "ru"

    ada.open(f"{PAGE}/{made.id}")
    assert '<option value="ru" lang="ru" selected>' in ada.page
    assert "Same as site (English)" in text(ada.page)
    ada.send(f"{PAGE}/{made.id}", seen=seen(ada.page), name="phone", event=BOTH, language="")
    assert kept(config)[0].language == ""
    assert events(app)[-1].changes == {"language": ["ru", ""]}

    refused = ada.send(PAGE, name="watch", url="json://host", event=BOTH, language="tlh")
    assert refused.status_code == 422
    assert "Choose a language from the list." in text(ada.page)


def test_who_is_notified_is_said_with_where_and_whether_it_was_tried(
    ada: Visitor, phone: Recipient, receiver: Receiver
) -> None:
    ada.open(PAGE)

    said = text(ada.page)
    assert said.startswith("Not tested yet: phone Messages may not arrive.")
    assert (
        f"phone Failure, Recovery, Apps json://ada:****@{receiver.place}/… Not tested yet" in said
    )
    assert ada.page.count("button-primary") == 1


@pytest.mark.usefixtures("unasked")
def test_an_address_that_hears_of_no_failure_is_not_enough(ada: Visitor, config: Config) -> None:
    recipients.add_recipient(config, name="log", url="json://host", events=["success"])

    assert text(ada.open(PAGE).text).startswith("No one is notified if backups fail")


@pytest.mark.usefixtures("unasked")
def test_who_cannot_be_reached_is_said_with_since_when_why_and_what_next(
    ada: Visitor, config: Config
) -> None:
    phone = recipients.add_recipient(config, name="phone", url="json://host")
    failing(config, phone)
    ada.open(PAGE)

    said = text(ada.page)
    assert said.startswith("Recipient phone cannot be reached No one is notified if backups fail.")
    assert "Delivery failed since yesterday" in said
    assert "The service rejected the message with status 401. The token" in said
    assert re.search(r"Next attempt in (39|40) minutes ?\. 2 messages are waiting\.", said)
    assert 'data-state="bad"' in ada.page
    assert "mark-down" in ada.page

    recipients.add_recipient(config, name="mail", url="json://host")
    assert "Other recipients are still notified." in text(ada.open(PAGE).text)
    failing(config, phone, minutes=-3)
    assert "Next attempt within a minute." in text(ada.open(PAGE).text)


@pytest.mark.usefixtures("unasked")
def test_an_address_that_was_set_again_does_not_bear_the_failure_of_the_old_one(
    ada: Visitor, config: Config
) -> None:
    phone = recipients.add_recipient(config, name="phone", url="json://host")
    failing(config, phone)
    recipients.change_recipient(config, phone.id, name="phone", events=BOTH, url="json://other")

    assert "phone Failure, Recovery, Apps json://host/… Not tested yet" in text(ada.open(PAGE).text)


@pytest.mark.usefixtures("unasked")
def test_a_name_that_is_a_script_is_only_a_name(ada: Visitor, config: Config) -> None:
    name = "<script>alert(1)</script>\"'&"
    made = recipients.add_recipient(config, name=name, url="json://host")
    failing(config, made)
    at = f"{PAGE}/{made.id}"

    for path in (PAGE, at, f"{at}/remove", "/admin/backups/schedule"):
        ada.open(path)
        assert "<script>alert" not in ada.page, path
        assert "&lt;script&gt;alert(1)" in ada.page, path


def test_who_switched_the_scheduler_off_sees_what_must_look_instead(
    make_app: Callable[..., Flask], ada: Visitor
) -> None:
    assert "flask backup run-scheduled" in ada.open(PAGE).text
    other = Visitor(make_app(scheduler="on"))
    other.take_session(ada)

    assert "flask backup run-scheduled" not in other.open(PAGE).text


@pytest.mark.usefixtures("unasked")
def test_the_page_of_the_schedule_says_who_is_notified(ada: Visitor, config: Config) -> None:
    assert "No one is notified if a backup fails." in ada.open("/admin/backups/schedule").text
    recipients.add_recipient(config, name="phone", url="json://host")
    recipients.add_recipient(config, name="log", url="json://host", events=["success"])

    ada.open("/admin/backups/schedule")
    assert "Recipients of failures: phone." in ada.page
    assert f'href="{PAGE}"' in ada.page


# Telling somebody, and trying it


@pytest.mark.usefixtures("real_errands")
def test_a_webhook_is_added_and_its_test_arrives(
    ada: Visitor, app: Flask, config: Config, receiver: Receiver
) -> None:
    ada.open(f"{PAGE}/new")
    assert ada.page.count(" checked>") == 3
    answer = ada.send(PAGE, name=" phone ", url=hook(receiver), event=BOTH)

    assert (answer.status_code, answer.location) == (303, PAGE)
    assert "Recipient phone added" in ada.open(PAGE).text
    assert receiver.received == []
    (made,) = kept(config)
    answer = ada.send(f"{PAGE}/{made.id}/test")

    assert (answer.status_code, answer.location) == (303, PAGE)
    assert json.loads(receiver.bodies[0])["title"] == "Launcher: Test message"
    ada.open(PAGE)
    assert "Test message sent to phone" in ada.page
    assert "The last message reached every recipient." in ada.page
    created, tested = events(app)
    assert (created.action, created.actor_name, created.target_name) == (
        "recipient.create", "ada", "phone",
    )  # fmt: skip
    assert created.changes == {
        "events": [None, BOTH],
        "shown_url": [None, f"json://ada:****@{receiver.place}/…"],
    }
    assert (tested.action, tested.changes) == ("recipient.test", {"outcome": "succeeded"})
    said = text(ada.open("/admin/audit").text)
    assert "Added recipient phone Events: none → Failure, Recovery and Apps" in said
    assert "Sent a test message to phone" in said


def test_a_test_by_mail_speaks_the_language_of_the_site_and_leads_to_it(
    ada: Visitor, config: Config, mailbox: MailServer, set_site: Callable[..., None]
) -> None:
    set_site(default_locale="de")
    recipients.set_public_url(config, "https://home.example")
    made = recipients.add_recipient(
        config,
        name="ada",
        url=f"mailto://127.0.0.1:{mailbox.port}?from=launcher@home.example&to=ada@home.example",
    )
    ada.send(f"{PAGE}/{made.id}/test")

    assert mailbox.recipients == ["ada@home.example"]
    assert "Testnachricht" in str(mailbox.mails[0]["Subject"])
    assert "https://home.example/admin/backups" in mailbox.text(0)
    assert "Test message sent to ada" in ada.open(PAGE).text


def test_a_refused_test_says_why_and_what_to_do_and_alarms_no_one_else(
    ada: Visitor, app: Flask, phone: Recipient, receiver: Receiver
) -> None:
    ada.send(f"{PAGE}/{phone.id}/test")
    receiver.status, receiver.answer = 401, b"a stranger's words"
    ada.send(f"{PAGE}/{phone.id}/test")

    said = ada.open(PAGE).text
    assert "The test message to phone failed" in said
    assert "The service rejected the message with status 401." in said
    assert "The token, password or topic may be wrong" in said
    assert "stranger" not in said
    assert "phone cannot be reached" not in said
    assert events(app)[-1].changes["outcome"] == "failed"

    again = text(ada.open(PAGE).text)
    assert again.startswith(
        "The last test message failed: phone The service rejected the message with status 401."
    )
    assert "Test failed" in again.partition("phone Failure")[2]
    assert 'class="answer" data-state="warn"' in ada.page
    assert 'id="banner"' not in ada.page

    receiver.status = 200
    ada.send(f"{PAGE}/{phone.id}/test")
    assert "phone is notified if backups fail" in text(ada.open(PAGE).text)


def mark(page: str) -> str:
    """Return how bad the navigation says that notifications are, "" where they are well."""
    found = re.search(r'id="notifications-mark"(?: data-state="(\w+)")?', page)
    assert found
    return found[1] or ""


def test_no_recipient_at_all_is_said_on_the_overview_and_marked_in_the_navigation(
    ada: Visitor, app: Flask
) -> None:
    with app.app_context():
        current_backups().create(by="ada")
        current_offsite().accept_one_disk("Tape every night", until=None, by="ada")

    page = text(ada.open("/admin").text)
    assert "Notifications No one is notified if backups fail" in page
    assert mark(ada.page) == "warn"
    # Whom to notify is a choice while all is well.
    assert page.startswith("Backups are working")


def test_the_failed_test_of_the_only_recipient_is_said_wherever_health_is(
    ada: Visitor, app: Flask, phone: Recipient, receiver: Receiver
) -> None:
    with app.app_context():
        current_backups().create(by="ada")
        current_offsite().accept_one_disk("Tape every night", until=None, by="ada")
    ada.send(f"{PAGE}/{phone.id}/test")
    assert mark(ada.open("/admin").text) == ""
    assert "Backups are working" in ada.page
    receiver.status = 401
    ada.send(f"{PAGE}/{phone.id}/test")

    words = "The last test message failed: phone"
    page = text(ada.open("/admin").text)
    assert page.startswith(words)
    assert f"Notifications {words}" in page
    assert "are working" not in page
    assert mark(ada.page) == "warn"
    schedule = text(ada.open("/admin/backups/schedule").text)
    assert f"Recipients of failures: phone. {words}." in schedule
    assert words in text(ada.open("/admin/backups").text)
    ada.open("/")
    assert 'id="banner" data-state="warn"' in ada.page
    assert words in ada.page

    receiver.status = 200
    ada.send(f"{PAGE}/{phone.id}/test")
    assert "Backups are working" in ada.open("/admin").text
    assert "phone is notified if backups fail" in text(ada.page)
    assert mark(ada.page) == ""


def test_the_failed_ping_of_the_heartbeat_is_said_as_well(
    ada: Visitor, app: Flask, config: Config, phone: Recipient, receiver: Receiver
) -> None:
    with app.app_context():
        current_backups().create(by="ada")
    ada.send(f"{PAGE}/{phone.id}/test")
    recipients.set_heartbeat(config, "http://127.0.0.1:1/ping")
    assert dispatch.ping_heartbeat(app).reason

    assert text(ada.open(PAGE).text).startswith("The last test of the heartbeat failed")
    assert mark(ada.page) == "warn"
    assert "are working" not in ada.open("/admin").text


def test_ping_now_says_why_it_failed_in_the_message_and_on_the_page(
    ada: Visitor, config: Config
) -> None:
    recipients.set_heartbeat(config, "http://127.0.0.1:1/ping")
    ada.open(PAGE)
    ada.send(f"{PAGE}/heartbeat/ping")

    why = "The service cannot be reached."
    said = text(ada.open(PAGE).text)
    assert said.startswith("Only the heartbeat reports failed backups")
    assert said.count(why) == 2, said
    assert "The heartbeat URL did not answer" in said
    assert text(ada.open(PAGE).text).count(why) == 1


@pytest.mark.usefixtures("real_errands")
def test_a_service_that_never_answers_ends_in_time_and_holds_no_restore_back(
    ada: Visitor,
    config: Config,
    phone: Recipient,
    receiver: Receiver,
    *,
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    is_over, is_reached, closed = threading.Event(), threading.Event(), []

    def hang(_handler: object) -> None:
        try:
            with app.extensions["launcher.gate"].closed():
                closed.append(True)
            with closing(sqlite3.connect(config.database_path, timeout=0)) as live:
                live.execute("BEGIN IMMEDIATE")  # nor is the write lock of the database held
                closed.append(True)
        finally:
            is_reached.set()
        is_over.wait()

    read = Child._read

    def read_once_it_hangs(child: Child, _deadline: float) -> tuple[bytes, bool]:
        """Count the limit from there: on a busy machine the process needs long to get there."""
        assert is_reached.wait(60)
        return read(child, time.monotonic() + 0.5)

    receiver.instead = hang
    monkeypatch.setattr(Child, "_read", read_once_it_hangs)
    ada.send(f"{PAGE}/{phone.id}/test")
    is_over.set()

    assert closed == [True, True]
    assert "The service did not answer in time." in ada.open(PAGE).text


def test_a_test_that_arrives_sends_what_waits_with_the_next_look(
    ada: Visitor, app: Flask, config: Config, phone: Recipient, receiver: Receiver
) -> None:
    failing(config, phone)
    ada.send(f"{PAGE}/{phone.id}/test")
    assert "Next attempt within a minute." in ada.open(PAGE).text

    dispatch.send_notifications(app)

    sent = [json.loads(body)["title"] for body in receiver.bodies]
    assert sent[1:3] == ["Backups fail", "And again"]
    assert text(ada.open(PAGE).text).startswith(
        "phone is notified if backups fail The last message"
    )


def test_a_script_gets_the_part_of_the_page_with_what_became_of_it(
    ada: Visitor, phone: Recipient
) -> None:
    ada.open(PAGE)
    answer = ada.send_with({"HX-Request": "true"}, f"{PAGE}/{phone.id}/test")
    part = ada.open(answer.location, HX_Request="true").text

    assert part.lstrip().startswith('<div class="contents" id="notifications">')
    assert "Test message sent to phone" in part


# What is refused


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "This URL is not supported. Use one of"),
        (f"nonsense {SECRET}", "This URL is not supported."),
        (f"javascript:{SECRET}", "This URL is not supported."),
        (f"file:///etc/{SECRET}", "This only reaches the server itself."),
        ("syslog://", "This only reaches the server itself."),
        ("dbus://", "This only reaches the server itself."),
        (
            "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7F/?template=/etc/passwd",
            "This would send a file of the server.",
        ),
        (f"json://host/{SECRET}?attach=/etc/passwd", "This would send a file of the server"),
        (f"json://host/{SECRET}" + "x" * 3000, "This URL is too long."),
        (f"json://host/{SECRET}\x00", "one line without control characters"),
        (f"json://host/{SECRET}\r\nHost: x", "one line without control characters"),
        (f"json://host/{SECRET}\u202e", "one line without control characters"),
    ],
)  # fmt: skip
def test_an_address_that_will_not_do_is_refused_at_its_field_and_not_repeated(
    ada: Visitor, config: Config, url: str, words: str
) -> None:
    ada.open(f"{PAGE}/new")
    answer = ada.send(PAGE, name="My phone", url=url, event=["recovery", "success"])

    assert answer.status_code == 422
    error = ada.page.partition('id="url-error"')[2].partition("</p>")[0]
    assert words in error
    assert "<details open>" in ada.page  # the formats, which help now
    assert SECRET not in ada.page
    assert "/etc/passwd" not in ada.page
    assert re.search(r'id="url"[^>]* value=""[^>]* aria-invalid="true"', ada.page)
    assert 'value="My phone"' in ada.page
    assert re.findall(r'value="(\w+)" checked', ada.page) == ["recovery", "success"]
    assert kept(config) == []


@pytest.mark.usefixtures("real_errands")
def test_an_address_that_cannot_be_checked_in_time_is_refused(
    ada: Visitor, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = sender.check
    monkeypatch.setattr(sender, "check", lambda url: check(url, timeout_s=0.001))
    ada.open(f"{PAGE}/new")

    assert ada.send(PAGE, name="phone", url="json://host", event=BOTH).status_code == 422
    assert "The service did not answer in time." in ada.page
    assert kept(config) == []


@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize(
    ("fields", "at", "words"),
    [
        ({"name": " "}, "name", "Enter a name."),
        ({"name": "x" * 61}, "name", "Use at most 60 characters."),
        ({"name": "a\nb"}, "name", "one line without control characters"),
        ({"name": "PHONE"}, "name", "Another recipient has this name."),
        ({"event": []}, "events", "Choose at least one"),
        ({"event": ["party"]}, "events", "Choose at least one"),
    ],
)
def test_another_field_that_is_wrong_is_named_and_the_address_asked_for_once_more(
    ada: Visitor, config: Config, fields: dict[str, str], at: str, words: str
) -> None:
    recipients.add_recipient(config, name="phone", url="json://host")
    ada.open(f"{PAGE}/new")
    given = {"name": "watch", "url": f"json://host/{SECRET}", "event": BOTH} | fields
    answer = ada.send(PAGE, **given)

    assert answer.status_code == 422
    assert words in ada.page.partition(f'id="{at}-error"')[2].partition("</p>")[0]
    assert "Enter the URL again" in ada.page
    assert SECRET not in ada.page
    assert len(kept(config)) == 1


@pytest.mark.usefixtures("unasked")
def test_twenty_are_enough(ada: Visitor, config: Config) -> None:
    for number in range(MAX_RECIPIENTS):
        recipients.add_recipient(config, name=f"n{number}", url="json://host")

    assert f'href="{PAGE}/new"' not in ada.open(PAGE).text
    assert "20 of 20" in text(ada.page)
    ada.open(f"{PAGE}/new")
    assert ada.send(PAGE, name="one more", url="json://host", event=BOTH).status_code == 409
    assert "There are 20 recipients already. Remove one first." in ada.page
    assert 'value="one more"' in ada.page
    assert len(kept(config)) == MAX_RECIPIENTS


# Changing and removing


@pytest.mark.usefixtures("unasked")
def test_an_empty_address_keeps_the_old_one(ada: Visitor, app: Flask, config: Config) -> None:
    made = recipients.add_recipient(config, name="phone", url=f"json://host/{SECRET}")
    ada.open(f"{PAGE}/{made.id}")
    assert "Leave empty to keep json://host/…" in ada.page
    answer = ada.send(
        f"{PAGE}/{made.id}", seen=seen(ada.page), name="watch", url=" ", event=["success"]
    )

    assert (answer.status_code, answer.location) == (303, PAGE)
    (after,) = kept(config)
    assert (after.name, after.url, set(after.events)) == (
        "watch", f"json://host/{SECRET}", {"success"},
    )  # fmt: skip
    assert events(app)[-1].changes == {"name": ["phone", "watch"], "events": [BOTH, ["success"]]}


def test_a_new_address_takes_the_place_of_the_old_one(
    ada: Visitor, app: Flask, config: Config, phone: Recipient
) -> None:
    with http_receiver() as other:
        ada.open(f"{PAGE}/{phone.id}")
        form = {"seen": seen(ada.page), "name": "phone", "event": BOTH}
        ada.send(f"{PAGE}/{phone.id}", url=hook(other, "new"), **form)
        ada.send(f"{PAGE}/{phone.id}/test")

        assert [each.path for each in other.received] == ["/new"]
    assert kept(config)[0].shown_url == f"json://ada:****@{other.place}/…"
    assert events(app)[0].changes["shown_url"] == [phone.shown_url, kept(config)[0].shown_url]


@pytest.mark.usefixtures("unasked")
def test_what_is_not_different_is_not_changed(ada: Visitor, app: Flask, config: Config) -> None:
    made = recipients.add_recipient(config, name="phone", url="json://host")
    ada.open(f"{PAGE}/{made.id}")
    ada.send(f"{PAGE}/{made.id}", seen=seen(ada.page), name="phone", url="", event=BOTH)

    assert "No changes to save." in ada.open(PAGE).text
    assert events(app) == []


def test_a_bad_address_leaves_the_old_one(ada: Visitor, config: Config, phone: Recipient) -> None:
    ada.open(f"{PAGE}/{phone.id}")
    form = {"seen": seen(ada.page), "name": "watch", "event": ["success"]}
    answer = ada.send(f"{PAGE}/{phone.id}", url=f"file:///{SECRET}", **form)

    assert answer.status_code == 422
    assert 'id="url-error"' in ada.page
    assert 'value="watch"' in ada.page
    assert SECRET not in ada.page
    assert kept(config) == [phone]


@pytest.mark.usefixtures("unasked")
def test_removing_says_what_goes_and_then_it_is_gone(
    ada: Visitor, app: Flask, config: Config
) -> None:
    made = recipients.add_recipient(config, name="phone", url=f"json://host/{SECRET}")
    ada.open(f"{PAGE}/{made.id}/remove")
    said = text(ada.page)
    assert "Remove recipient phone?" in said
    assert "This is the last recipient for failures." in said
    assert "json://host/… and its waiting messages will be deleted" in said
    part = ada.client.get(f"{PAGE}/{made.id}/remove", headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith("<form")

    answer = ada.send(f"{PAGE}/{made.id}/remove", seen=seen(ada.page))

    assert (answer.status_code, answer.location) == (303, PAGE)
    assert "Recipient phone removed" in ada.open(PAGE).text
    assert SECRET not in (config.data_dir / "notifications.json").read_text()
    assert events(app)[-1].action == "recipient.delete"


@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize("way", ["", "/remove"])
def test_a_form_of_before_gets_what_is_there_now(ada: Visitor, config: Config, way: str) -> None:
    made = recipients.add_recipient(config, name="phone", url="json://host")
    at = f"{PAGE}/{made.id}{way}"
    ada.open(at)
    mark = seen(ada.page)
    recipients.change_recipient(
        config, made.id, name="phone", events=["failure"], url="json://secretly"
    )
    answer = ada.send(at, seen=mark, name="watch", event=BOTH, url="")

    assert answer.status_code == 409
    assert "Someone else changed this in the meantime" in ada.page
    assert re.findall(r'value="(\w+)" checked', ada.page) == ["failure"]
    assert [each.name for each in kept(config)] == ["phone"]
    assert ada.send(at, name="watch", event=BOTH, url="").status_code == 409


@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize("way", ["", "/remove", "/test"])
def test_what_was_removed_in_another_tab_is_said_to_be_gone(
    ada: Visitor, config: Config, way: str
) -> None:
    made = recipients.add_recipient(config, name="phone", url="json://host")
    recipients.add_recipient(config, name="mail", url="json://host")
    recipients.remove_recipient(config, made.id)
    answer = ada.send(f"{PAGE}/{made.id}{way}", name="watch", event=BOTH, url="", seen="x")

    assert answer.status_code == 404
    said = text(ada.page)
    assert said.startswith("Someone removed this recipient or heartbeat Nothing was changed.")
    assert "Not tested yet: mail" in said


@pytest.mark.usefixtures("unasked")
def test_of_two_who_save_in_the_same_moment_the_second_is_refused(config: Config) -> None:
    before = recipients.read_notification_settings(config)
    made = recipients.add_recipient(config, name="phone", url="json://host")
    recipients.change_recipient(config, made.id, name="tablet", events=BOTH)
    recipients.set_heartbeat(config, "https://heart.example")
    recipients.set_public_url(config, "https://home.example")
    now = recipients.read_notification_settings(config)
    for change in (
        lambda: recipients.change_recipient(config, made.id, name="x", events=BOTH, seen=made),
        lambda: recipients.remove_recipient(config, made.id, seen=made),
        lambda: recipients.set_heartbeat(config, "", seen=before),
        lambda: recipients.set_public_url(config, "", seen=before),
    ):
        with pytest.raises(RecipientError) as refused:
            change()
        assert refused.value.code == "outdated"
    assert recipients.read_notification_settings(config) == now


# Heartbeat, and the address of the site


def test_a_heartbeat_is_set_kept_hidden_and_removed(
    ada: Visitor, app: Flask, config: Config
) -> None:
    at = f"{PAGE}/heartbeat"
    url = f"https://ada:{SECRET}@heart.example/ping/{SECRET}?key={SECRET}"
    ada.open(at)
    answer = ada.send(at, seen=seen(ada.page), url=url, pings_start="on")
    assert (answer.status_code, answer.location) == (303, PAGE)

    said = text(ada.open(PAGE).text)
    assert said.startswith("Only the heartbeat reports failed backups")
    assert "https://heart.example/… also when a backup starts Not pinged yet" in said

    ada.open(at)
    assert "Leave empty to keep https://heart.example/…" in ada.page
    ada.send(at, seen=seen(ada.page), url="")
    heart = recipients.read_notification_settings(config).heartbeat
    assert heart
    assert (heart.url, heart.pings_start) == (url, False)

    ada.open(f"{at}/remove")
    assert "it will report a failure" in ada.page
    assert ada.send(f"{at}/remove", seen=seen(ada.page)).status_code == 303
    assert recipients.read_notification_settings(config).heartbeat is None
    with app.app_context():
        found = db.select(AuditEvent).where(AuditEvent.action == "recipient.set_heartbeat")
        first, second, third = (each.changes for each in db.session.scalars(found))
    assert first == {"shown_url": [None, "https://heart.example/…"], "pings_start": [False, True]}
    assert second["pings_start"] == [True, False]
    assert third["shown_url"] == ["https://heart.example/…", None]


def test_a_heartbeat_says_when_it_was_answered_and_since_when_it_is_not(
    ada: Visitor, config: Config
) -> None:
    url = "https://heart.example/ping"
    recipients.set_heartbeat(config, url)
    memory, now = read_memory(config), utc_now()
    line = memory.delivery_to(HEARTBEAT, url)
    told = replace(line, notified_at=now - timedelta(hours=2))
    save_memory(config, replace(memory, deliveries={HEARTBEAT: told}))
    assert "Delivered Last answer 2 hours ago" in text(ada.open(PAGE).text)

    lost = replace(
        told, waiting=(Message("", ""),), failed_since=now, reason=Undelivered.UNREACHABLE,
        next_try_at=now + timedelta(minutes=5),
    )  # fmt: skip
    save_memory(config, replace(memory, deliveries={HEARTBEAT: lost}))
    said = text(ada.open(PAGE).text)
    assert said.startswith("The heartbeat URL cannot be reached Your monitoring service")
    assert "The service cannot be reached. Check the host and port" in said
    assert "Last answer 2 hours ago" in said


@pytest.mark.parametrize("url", ["", "ftp://host/", "javascript:alert(1)", "http://", "http://a b"])
def test_a_heartbeat_that_is_no_web_address_is_refused(
    ada: Visitor, config: Config, url: str
) -> None:
    ada.open(f"{PAGE}/heartbeat")
    answer = ada.send(f"{PAGE}/heartbeat", seen=seen(ada.page), url=url, pings_start="on")

    assert answer.status_code == 422
    assert "http:// or https://" in ada.page.partition('id="url-error"')[2]
    assert not url or url not in ada.page.partition("<main")[2].replace("http:// or", "")
    assert 'name="pings_start" checked' in ada.page
    assert recipients.read_notification_settings(config).heartbeat is None


def test_the_address_of_the_site_is_suggested_and_never_set_by_itself(
    ada: Visitor, app: Flask, config: Config
) -> None:
    at = f"{PAGE}/site"
    ada.open(at)
    assert 'placeholder="http://localhost"' in ada.page
    assert re.search(r'id="public_url"[^>]* value=""', ada.page)
    assert recipients.read_notification_settings(config).public_url == ""

    ada.send(at, seen=seen(ada.page), public_url=" https://home.example/ ")
    assert recipients.read_notification_settings(config).public_url == "https://home.example"
    assert "https://home.example" in text(ada.open(PAGE).text)
    ada.open(at)
    ada.send(at, seen=seen(ada.page), public_url="")
    assert "Not set. Messages have no link." in text(ada.open(PAGE).text)
    with app.app_context():
        found = db.select(AuditEvent).where(AuditEvent.action == "recipient.set_public_url")
        assert [each.changes["public_url"] for each in db.session.scalars(found)] == [
            ["", "https://home.example"],
            ["https://home.example", ""],
        ]


@pytest.mark.parametrize(
    "url", ["home", "ftp://home", f"https://ada:{SECRET}@home", "https://home?x=1", "https://h#x"]
)
def test_an_address_of_the_site_that_no_page_can_be_put_behind_is_refused(
    ada: Visitor, config: Config, url: str
) -> None:
    ada.open(f"{PAGE}/site")
    answer = ada.send(f"{PAGE}/site", seen=seen(ada.page), public_url=url)

    assert answer.status_code == 422
    assert 'id="public_url-error"' in ada.page
    assert recipients.read_notification_settings(config).public_url == ""


@pytest.mark.parametrize(("way", "field"), [("heartbeat", "url"), ("site", "public_url")])
def test_a_form_of_the_other_two_that_is_out_of_date_is_refused(
    ada: Visitor, config: Config, way: str, field: str
) -> None:
    ada.open(f"{PAGE}/{way}")
    mark = seen(ada.page)
    recipients.set_heartbeat(config, "https://heart.example/now")
    recipients.set_public_url(config, "https://now.example")
    answer = ada.send(f"{PAGE}/{way}", seen=mark, **{field: "https://mine.example"})

    assert answer.status_code == 409
    assert "Someone else changed this in the meantime" in ada.page
    assert "https://heart.example/…" in ada.page or "https://now.example" in ada.page
    found = recipients.read_notification_settings(config)
    assert found.heartbeat
    assert (found.heartbeat.url, found.public_url) == (
        "https://heart.example/now", "https://now.example",
    )  # fmt: skip


# What goes wrong


def test_a_file_that_cannot_be_read_is_said_calmly_and_left_as_it_is(
    ada: Visitor, config: Config
) -> None:
    path = config.data_dir / "notifications.json"
    path.write_text("{")

    answer = ada.open(PAGE)
    assert answer.status_code == 200
    assert text(ada.page).startswith(
        "No one is notified about problems because the list of recipients cannot be read"
    )
    assert str(path) in ada.page
    for way, fields in (("", {"name": "x", "url": "json://host", "event": BOTH}), ("/site", {})):
        assert ada.send(f"{PAGE}{way}", **fields).status_code == 503
        assert "cannot be read" in ada.page
    assert ada.open("/admin/backups/schedule").status_code == 200
    assert path.read_text() == "{"


@pytest.mark.usefixtures("unasked")
def test_a_full_disk_is_said_and_nothing_is_changed(
    ada: Visitor, app: Flask, config: Config, full_disk: Callable[[], None]
) -> None:
    made = recipients.add_recipient(config, name="phone", url="json://host")
    before = recipients.read_notification_settings(config)
    marks = {}
    for way in (f"/{made.id}", f"/{made.id}/remove", "/heartbeat", "/site"):
        marks[way] = seen(ada.open(f"{PAGE}{way}").text)
    full_disk()
    web = "https://home.example"
    for way, mark in {"": "", **marks}.items():
        answer = ada.send(
            f"{PAGE}{way}", seen=mark, name="watch", event=BOTH, url=web, public_url=web
        )
        assert answer.status_code == 507, way
        assert "The disk is too full. Nothing was changed" in ada.page

    assert recipients.read_notification_settings(config) == before
    assert events(app) == []


@pytest.mark.usefixtures("unasked")
def test_someone_who_holds_the_list_for_long_is_said_to_be_in_the_way(
    ada: Visitor, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipients, "_LOCK_PATIENCE_S", 0.05)
    held = try_lock(config.lock_dir / "notifications_file", exclusive=True)
    assert held is not None
    answer = ada.send(PAGE, name="phone", event=BOTH, url="json://host")
    os.close(held)

    assert answer.status_code == 503
    assert "Someone else is changing this now" in ada.page
    assert 'value="phone"' in ada.page


@pytest.mark.usefixtures("unasked")
def test_a_database_that_takes_no_audit_row_does_not_undo_what_was_done(
    ada: Visitor, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise db.exc.OperationalError("INSERT", {}, Exception("disk full"))

    ada.open(f"{PAGE}/new")
    with monkeypatch.context() as patch:
        patch.setattr(db.session, "commit", refuse)
        answer = ada.send(PAGE, name="phone", event=BOTH, url="json://host")

    assert answer.status_code == 303
    assert [each.name for each in kept(config)] == ["phone"]


# Secrets and rights


@pytest.mark.usefixtures("real_errands")
def test_no_answer_no_cookie_and_no_log_holds_a_secret(
    ada: Visitor,
    app: Flask,
    config: Config,
    receiver: Receiver,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    answers: list[str] = []

    def send(way: str, **fields: str | list[str]) -> None:
        ada.open(f"{PAGE}{way}" if way else f"{PAGE}/new")
        answers.append(ada.page)
        mark = re.search(r'name="seen" value="([^"]+)"', ada.page)
        answer = ada.send(f"{PAGE}{way}", seen=mark[1] if mark else "", **fields)
        answers.append(f"{answer.headers} {answer.text}")

    send("", name="phone", url=hook(receiver), event=BOTH)
    send("/heartbeat", url=f"https://ada:{SECRET}@heart.example/{SECRET}?{SECRET}", pings_start="1")
    (made,) = kept(config)
    at = f"/{made.id}"
    for status in (200, 403):
        receiver.status = status
        send(f"{at}/test")
    failing(config, made)
    send(at, name="", url=hook(receiver, "other"), event=BOTH)
    send(at, name="phone", url=f"nonsense://{SECRET}", event=BOTH)
    send(at, name="phone", url=hook(receiver, "new"), event=["success"])
    send("/heartbeat", url=f"ftp://{SECRET}")
    arguments = {"recipient_id": made.id, "user_id": 1}
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.arguments <= set(arguments):
            with app.test_request_context():
                path = rule.build({k: arguments[k] for k in rule.arguments})
            assert path
            answer = ada.open(path[1])
            answers.append(f"{answer.headers} {answer.text}")
    send(f"{at}/remove")
    send("/heartbeat/remove")
    answers.append(ada.open("/admin/audit").text)

    assert len(answers) > 30
    assert any("Recipient phone removed" in each for each in answers)
    assert [each[:80] for each in answers if SECRET in each] == []
    assert SECRET not in caplog.text
    assert SECRET not in (config.data_dir / "alerts.json").read_text()
    with app.app_context():
        rows = db.session.execute(db.select(AuditEvent.__table__)).all()
    assert SECRET not in repr(rows)


@pytest.mark.usefixtures("unasked")
def test_the_mark_of_a_form_reveals_nothing_of_the_address(ada: Visitor, config: Config) -> None:
    """Without the key of this host, nobody can try out what a short secret may be."""
    made = recipients.add_recipient(config, name="phone", url="json://host/1234")
    mark = seen(ada.open(f"{PAGE}/{made.id}").text)
    other = Flask("other")
    other.config["SECRET_KEY"] = "another"
    with other.app_context():
        assert version_of(made) != mark


@pytest.mark.usefixtures("unasked")
def test_changes_ask_for_the_password_again_and_looking_and_trying_do_not(
    ada: Visitor, config: Config, receiver: Receiver
) -> None:
    made = recipients.add_recipient(config, name="phone", url=hook(receiver))
    ada.open(f"{PAGE}/{made.id}")
    with ada.client.session_transaction() as session:
        session["password_at"] = (utc_now() - timedelta(minutes=16)).isoformat()
    ways = ("/new", f"/{made.id}", f"/{made.id}/remove", "/heartbeat", "/site")
    for way in ways:
        answer = ada.client.get(f"{PAGE}{way}")
        assert answer.status_code == 303, way
        assert answer.location.startswith("/account/confirm"), way
    for way in ("", *ways[1:], "/heartbeat/remove"):
        answer = ada.send(f"{PAGE}{way}", name="x", url="json://host", event=BOTH)
        assert answer.status_code == 422, way
        assert "Confirm password" in ada.page
        assert 'name="url" value="json://host"' in ada.page

    assert ada.open(PAGE).status_code == 200
    assert ada.send(f"{PAGE}/{made.id}/test").location == PAGE
    assert len(receiver.received) == 1
    assert kept(config) == [made]


# What is said of addresses is true


@pytest.mark.parametrize("example", [address for _service, address in EXAMPLES])
def test_each_example_is_an_address_that_is_accepted(example: str) -> None:
    assert sender.check(example).reason is None


def test_a_topic_that_its_name_opens_is_not_shown(config: Config) -> None:
    made = recipients.add_recipient(config, name="phone", url=f"ntfy://{SECRET}")

    assert made.shown_url == "ntfys://ntfy.sh/…"


@pytest.mark.parametrize("language", ["de", "ru"])
@pytest.mark.usefixtures("unasked")
def test_the_page_speaks_the_language_of_the_reader(
    ada: Visitor, config: Config, language: str
) -> None:
    ada.language = language
    failing(config, recipients.add_recipient(config, name="phone", url="json://host"))
    made = kept(config)[0]
    english = ("notified", "reached", "recipient", "failure", "Send", "since", "Name")
    for way in ("", "/new", f"/{made.id}", f"/{made.id}/remove", "/heartbeat", "/site"):
        said = text(ada.open(f"{PAGE}{way}").text)
        found = [word for word in english if re.search(rf"\b{word}\b", said)]
        assert found in ([], ["Name"]), (way, found)


@pytest.mark.usefixtures("real_errands")
def test_the_heartbeat_is_pinged_on_request(
    ada: Visitor, config: Config, receiver: Receiver
) -> None:
    recipients.set_heartbeat(config, f"http://{receiver.place}/ping/abc")
    assert "Ping now" in ada.open(PAGE).text

    ada.send(f"{PAGE}/heartbeat/ping")

    assert "The heartbeat URL answered" in ada.open(PAGE).text
    assert "Pinged the heartbeat" in text(ada.open("/admin/audit").text)
    receiver.status = 500
    ada.send(f"{PAGE}/heartbeat/ping")
    assert "The heartbeat URL did not answer" in ada.open(PAGE).text
    assert "Test failed" in ada.page
