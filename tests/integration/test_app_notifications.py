"""Apps that are down, as recipients hear of it: a real database and a real receiver."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from launcher.accounts import users
from launcher.audit import COMMAND_LINE
from launcher.config import Config
from launcher.current import current_backups, current_gate
from launcher.db.connect import connect, stored_moment
from launcher.models import Role
from launcher.notifications import memory, recipients
from launcher.notifications.dispatch import send_notifications
from launcher.notifications.memory import read_memory, save_memory
from launcher.notifications.notified import notified_of_apps
from launcher.notifications.recipients import Event
from launcher.notifications.sender import Message
from tests.conftest import ADA, MakeApp
from tests.support.checks import add_app, set_check
from tests.support.receivers import Receiver
from tests.support.words import compile_words

pytestmark = pytest.mark.usefixtures("quick_errands")

NOW = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="session", autouse=True)
def _words() -> None:
    compile_words()


@pytest.fixture
def site(make_app: MakeApp) -> Flask:
    """A site with an admin, one good backup, and no checks of its own that run."""
    app = make_app(scheduler="off")
    with app.app_context():
        current_backups().initialise(by="test")
    with app.test_request_context("/", method="POST"):
        users.create_user(
            ADA.username, ADA.password, role=Role.ADMIN, display_name="Ada", actor=COMMAND_LINE
        )
    with app.app_context():
        current_backups().create_scheduled(NOW - timedelta(hours=1), by="schedule")
    return app


@pytest.fixture
def config(site: Flask) -> Config:
    config: Config = site.extensions["launcher.config"]
    return config


Live = Callable[[], closing[sqlite3.Connection]]


@pytest.fixture
def live(config: Config) -> Live:
    return lambda: closing(connect(config.database_path))


def found(
    live: sqlite3.Connection,
    app_id: int,
    state: str,
    *,
    since: datetime,
    at: datetime,
    until: datetime | None = None,
) -> None:
    """Let the last check of an app have found it so."""
    live.execute(
        "INSERT OR REPLACE INTO check_states (app_id, state, since, last_at, error, facts, streak,"
        " certificate, certificate_until) VALUES (?, ?, ?, ?, ?, ?, 1, '{}', ?)",
        (
            app_id,
            state,
            stored_moment(since),
            stored_moment(at),
            "http_code" if state == "down" else "",
            '{"code": 502, "host": "secret-host"}' if state == "down" else "{}",
            stored_moment(until) if until else None,
        ),
    )
    if state == "down":
        live.execute(
            "INSERT OR IGNORE INTO outages (app_id, started_at, error, facts)"
            " VALUES (?, ?, 'http_code', '{}')",
            (app_id, int(since.timestamp())),
        )
    else:
        live.execute(
            "UPDATE outages SET ended_at = ? WHERE app_id = ? AND ended_at IS NULL",
            (int(since.timestamp()), app_id),
        )


def add(config: Config, receiver: Receiver, name: str = "Ada", **more: str) -> str:
    url = f"json://{receiver.place}/{name}"
    events = [Event.APPS]
    return recipients.add_recipient(config, name=name, url=url, events=events, **more).id


def said(receiver: Receiver) -> list[str]:
    return [json.loads(body)["title"] for body in receiver.bodies]


def test_who_wants_to_hear_of_apps_hears_in_their_language_and_is_named(
    site: Flask, config: Config, live: Live, receiver: Receiver
) -> None:
    for name, language in (("Ada", ""), ("Ben", "de"), ("Cleo", "ru")):
        add(config, receiver, name, language=language)
    recipients.add_recipient(
        config, name="other", url=f"json://{receiver.place}/other", events=["failure", "recovery"]
    )
    recipients.set_public_url(config, "https://home.example")
    with live() as database:
        add_app(database, 1)
        found(database, 1, "down", since=NOW - 26 * MINUTE, at=NOW)
    send_notifications(site, now=NOW)
    send_notifications(site, now=NOW + MINUTE)

    assert dict(zip(receiver.paths, said(receiver), strict=True)) == {
        "/Ada": "Launcher: App 1 is down",
        "/Ben": "Launcher: „App 1“ ist ausgefallen",
        "/Cleo": "Launcher: Приложение «App 1» не отвечает",
    }
    text = json.loads(receiver.bodies[receiver.paths.index("/Ada")])["message"]
    assert "502 Bad Gateway: the proxy answers" in text
    assert text.endswith("\nhttps://home.example/apps/1/health")
    assert "secret-host" not in text
    (notified,) = notified_of_apps(config).values()
    assert (notified.names, notified.at) == (("Ada", "Ben", "Cleo"), NOW)

    with live() as database:
        found(database, 1, "up", since=NOW + MINUTE, at=NOW + MINUTE)
    receiver.received.clear()
    send_notifications(site, now=NOW + 2 * MINUTE)
    assert "Launcher: App 1 is up again" in said(receiver)
    text = json.loads(receiver.bodies[receiver.paths.index("/Ada")])["message"]
    assert text.startswith("It was down for 27 minutes, since ")
    assert notified_of_apps(config) == {}


def test_many_apps_are_one_message_with_a_list_that_ends(
    site: Flask, config: Config, live: Live, receiver: Receiver
) -> None:
    add(config, receiver)
    with live() as database:
        for app_id in range(1, 24):
            add_app(database, app_id)
            found(
                database, app_id, "down", since=NOW - 9 * MINUTE, at=NOW,
                until=NOW + timedelta(days=2),
            )  # fmt: skip
    send_notifications(site, now=NOW)

    assert said(receiver) == [
        "Launcher: 23 apps are down",
        "Launcher: 23 certificates expire within 3 days",
    ]
    lines = json.loads(receiver.bodies[0])["message"].splitlines()
    assert len(lines) == 21
    assert lines[0].startswith("• App 1: down since ")
    assert lines[-1] == "and 3 more"


def test_what_is_not_to_be_sent_is_not(
    site: Flask, config: Config, live: Live, receiver: Receiver
) -> None:
    add(config, receiver)
    with live() as database:
        for app_id in range(1, 7):
            add_app(database, app_id)
            found(database, app_id, "down", since=NOW - 9 * MINUTE, at=NOW)
        set_check(database, 1, is_notifying=0)
        set_check(database, 2, notify_after_min=30)
        set_check(database, 3, is_enabled=0)
        set_check(database, 4, kind="sample")
        set_check(database, 5, paused_until=stored_moment(NOW + timedelta(hours=1)))
        database.execute("UPDATE apps SET archived_at = created_at WHERE id = 6")
    send_notifications(site, now=NOW)

    assert said(receiver) == []


def test_nothing_is_sent_of_results_that_are_too_old_or_in_a_maintenance_window(
    site: Flask, config: Config, live: Live, receiver: Receiver
) -> None:
    add(config, receiver)
    with live() as database:
        add_app(database, 1)
        found(database, 1, "down", since=NOW - timedelta(hours=9), at=NOW - timedelta(hours=8))
        add_app(database, 2)
        found(database, 2, "down", since=NOW - 9 * MINUTE, at=NOW)
        database.execute(
            "INSERT INTO maintenance_windows (app_id, days, starts_at_min, minutes)"
            " VALUES (2, '0123456', 0, 1440)"
        )
    send_notifications(site, now=NOW)

    assert said(receiver) == []


def test_a_restore_sends_nothing_again(
    site: Flask, config: Config, live: Live, receiver: Receiver
) -> None:
    add(config, receiver)
    with live() as database:
        add_app(database, 1)
        found(database, 1, "down", since=NOW - 9 * MINUTE, at=NOW)
    send_notifications(site, now=NOW)
    with site.app_context():
        current_backups().create(by="ada")
    with live() as database:
        found(database, 1, "up", since=NOW + MINUTE, at=NOW + MINUTE)
    send_notifications(site, now=NOW + MINUTE)
    assert said(receiver) == ["Launcher: App 1 is down", "Launcher: App 1 is up again"]

    with site.app_context():
        current_backups().restore("latest", by="ada")
    send_notifications(site, now=NOW + 2 * MINUTE)
    with live() as database:
        found(database, 1, "up", since=NOW + 3 * MINUTE, at=NOW + 3 * MINUTE)
    send_notifications(site, now=NOW + 3 * MINUTE)
    assert len(receiver.received) == 2


def test_while_the_data_is_being_replaced_nothing_is_forgotten(
    site: Flask, config: Config, live: Live, receiver: Receiver
) -> None:
    add(config, receiver)
    with live() as database:
        add_app(database, 1)
        found(database, 1, "down", since=NOW - 9 * MINUTE, at=NOW)
    send_notifications(site, now=NOW)
    known = read_memory(config).apps
    with current_gate(site).closed():
        send_notifications(site, now=NOW + MINUTE)

    assert known.apps
    assert read_memory(config).apps == known


def test_a_full_disk_does_not_repeat_that_an_app_is_down(
    site: Flask,
    config: Config,
    live: Live,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_args: object, **_how: object) -> None:
        raise OSError(28, "No space left on device")

    add(config, receiver)
    with live() as database:
        add_app(database, 1)
        found(database, 1, "down", since=NOW - 9 * MINUTE, at=NOW)
    monkeypatch.setattr(memory, "write_atomic", full)
    send_notifications(site, now=NOW)
    send_notifications(site, now=NOW + MINUTE)

    assert said(receiver) == ["Launcher: App 1 is down"]


def test_the_first_recipient_hears_of_what_is_down_already(
    site: Flask, config: Config, live: Live, receiver: Receiver
) -> None:
    with live() as database:
        add_app(database, 1)
        found(database, 1, "down", since=NOW - timedelta(hours=9), at=NOW)
    send_notifications(site, now=NOW)
    add(config, receiver)
    send_notifications(site, now=NOW + MINUTE)

    assert said(receiver) == ["Launcher: App 1 is down"]


def test_messages_about_apps_push_none_about_backups_out(
    site: Flask, config: Config, live: Live, receiver: Receiver
) -> None:
    made = add(config, receiver)
    receiver.status = 500
    state = read_memory(config)
    to = recipients.read_notification_settings(config).find(made)
    line = state.delivery_to(made, to.url)
    waiting = (Message("Backups fail", "b"),) + 19 * (Message("a", "b", about_apps=True),)
    save_memory(config, replace(state, deliveries={made: replace(line, waiting=waiting)}))
    with live() as database:
        add_app(database, 1)
        found(database, 1, "down", since=NOW - 9 * MINUTE, at=NOW)
    send_notifications(site, now=NOW)

    waiting = read_memory(config).deliveries[made].waiting
    assert len(waiting) == 20
    assert (waiting[0].title, waiting[-1].title) == ("Backups fail", "Launcher: App 1 is down")
    assert notified_of_apps(config) == {}


def test_that_this_server_is_offline_is_one_message(
    site: Flask, config: Config, live: Live, receiver: Receiver
) -> None:
    add(config, receiver)
    with live() as database:
        add_app(database, 1)
        found(database, 1, "up", since=NOW - 90 * MINUTE, at=NOW - 9 * MINUTE)
        database.execute(
            "UPDATE checks_run SET offline_since = ?", (stored_moment(NOW - 8 * MINUTE),)
        )
    send_notifications(site, now=NOW)
    with live() as database:
        database.execute("UPDATE checks_run SET offline_since = NULL")
        found(database, 1, "up", since=NOW - 90 * MINUTE, at=NOW + 4 * MINUTE)
    send_notifications(site, now=NOW + 4 * MINUTE)

    assert said(receiver) == [
        "Launcher: This server is offline",
        "Launcher: This server is online again",
    ]
    assert "It was offline for 12 minutes" in json.loads(receiver.bodies[1])["message"]


def test_that_this_server_was_offline_is_one_message_where_it_could_not_be_sent_before(
    site: Flask, config: Config, live: Live, receiver: Receiver
) -> None:
    add(config, receiver)
    with live() as database:
        add_app(database, 1)
        database.execute(
            "UPDATE checks_run SET offline_since = ?", (stored_moment(NOW - 8 * MINUTE),)
        )
    receiver.status = 500
    send_notifications(site, now=NOW)
    receiver.received.clear()
    receiver.status = 200
    with live() as database:
        database.execute("UPDATE checks_run SET offline_since = NULL")
        found(database, 1, "up", since=NOW - 90 * MINUTE, at=NOW + 4 * MINUTE)
    send_notifications(site, now=NOW + 4 * MINUTE)

    assert said(receiver) == ["Launcher: This server is online again"]
    assert "It was offline for 12 minutes" in json.loads(receiver.bodies[0])["message"]


def test_the_command_lists_what_people_were_notified_of(
    site: Flask, config: Config, live: Live, receiver: Receiver
) -> None:
    add(config, receiver)
    with live() as database:
        add_app(database, 1)
        found(database, 1, "down", since=NOW - 9 * MINUTE, at=NOW)
    send_notifications(site, now=NOW)
    result = site.test_cli_runner().invoke(args=["notifications", "send"])
    assert "App 1 is down, notified " in result.output, result.exception
