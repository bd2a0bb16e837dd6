"""`flask check`: what a script reads of the health of apps, and a check at once."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from launcher.backup.locks import Gate
from launcher.cli import check
from launcher.cli.check import DOWN
from launcher.extensions import db
from launcher.models import (
    App,
    ChecksRun,
    CheckState,
    Health,
    HealthCheck,
    Outage,
    Probe,
    ProbeHour,
)
from launcher.models.health import CheckKind
from launcher.models.types import utc_now
from tests.integration.test_cli_catalogue import Run, read, run

__all__ = ["run"]


@pytest.fixture
def port() -> Iterator[int]:
    """A port of this machine that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def add(app: Flask, name: str, state: Health | None = None, **facts: object) -> int:
    """Add an app that is checked, with its last result."""
    with app.app_context():
        made = App(name=name, url=str(facts.pop("url", "http://nas.home.arpa")))
        kind = facts.pop("kind", CheckKind.HTTP)
        made.check = HealthCheck(kind=kind, is_enabled=facts.pop("is_enabled", True))
        if state:
            defaults = {"since": utc_now(), "last_at": utc_now()}
            made.check_state = CheckState(state=state, **(defaults | facts))
        db.session.add(made)
        db.session.commit()
        return made.id


def test_the_list_has_state_uptime_and_the_reason_in_words(run: Run, app: Flask) -> None:
    add(app, "Wiki", Health.UP, last_ms=1840)
    down = add(app, "Frigate", Health.DOWN, error="refused", facts={"port": 5000})
    add(app, "New")
    add(app, "Unchecked", is_enabled=False)
    with app.app_context():
        hour = utc_now().replace(minute=0, second=0, microsecond=0)
        db.session.add(ProbeHour(app_id=down, at=hour, probes=60, up=45, ms_sum=0))
        db.session.commit()

    heading, frigate, new, wiki = run("check", "list").stdout.splitlines()
    assert heading.split() == [
        "ID",
        "APP",
        "STATE",
        "SINCE",
        "RESPONSE",
        "24",
        "H",
        "30",
        "DAYS",
        "REASON",
    ]
    assert "75.00 %" in frigate
    assert frigate.endswith("Connection refused: nothing listens on port 5000")
    assert new.split()[1:] == ["New", "unknown", "no", "data", "no", "data"]
    assert "1.8 s" in wiki

    (one,) = read(run, "check", "list", "--state", "down")
    assert (one["state"], one["reason"]) == ("down", "refused")
    assert one["detail"] == "Connection refused: nothing listens on port 5000."
    assert (one["uptime_24h"], one["uptime_30d"]) == (0.75, 0.75)


def test_what_keeps_apps_from_being_checked_is_named(run: Run, app: Flask) -> None:
    add(app, "Wiki", Health.UP)
    assert run("check", "list").stderr == ""
    with app.app_context():
        checks_run = db.session.get_one(ChecksRun, 1)
        checks_run.offline_since = utc_now()
        db.session.commit()
    assert "This server is offline since" in run("check", "list").stderr
    assert [each["state"] for each in read(run, "check", "list")] == ["offline"]
    with app.app_context():
        db.session.get_one(ChecksRun, 1).paused_until = utc_now() + timedelta(hours=1)
        db.session.commit()
    assert "All checks are paused until" in run("check", "list").stderr
    run("settings", "set", "checks_enabled", "off")
    assert "Checks are off." in run("check", "list").stderr


def test_one_app_is_shown_with_its_certificate_and_its_outages(run: Run, app: Flask) -> None:
    now = utc_now()
    app_id = add(
        app,
        "Wiki",
        Health.UP,
        certificate={"issuer": "Home CA", "names": ["wiki.home.arpa"]},
        certificate_until=now + timedelta(days=9),
    )
    with app.app_context():
        begin = now - timedelta(hours=3)
        db.session.add(
            Outage(
                app_id=app_id,
                started_at=begin,
                ended_at=now,
                error="http_code",
                facts={"code": 502},
            )
        )
        db.session.commit()
    shown = run("check", "show", "wiki").stdout
    assert "issued by Home CA, for wiki.home.arpa" in shown
    assert "3 h     502 Bad Gateway: the proxy answers" in shown
    facts = read(run, "check", "show", str(app_id))
    assert [each["reason"] for each in facts["outages"]] == ["http_code"]
    assert facts["uptime_1y"] is None, "nothing was measured"


def test_an_app_that_is_not_checked_is_not_shown_as_up(run: Run, app: Flask) -> None:
    add(app, "Wiki", is_enabled=False)
    assert "Wiki is not checked" in run("check", "show", "Wiki", expect=1).stderr
    assert "there is no app 'Music'" in run("check", "show", "Music", expect=1).stderr


def test_a_check_now_of_an_app_that_is_up_ends_with_0(run: Run, app: Flask, port: int) -> None:
    add(app, "Wiki", kind=CheckKind.TCP, url=f"127.0.0.1:{port}")
    facts = read(run, "check", "run", "Wiki")
    assert (facts["state"], facts["reason"], facts["port"]) == ("up", "", port)
    assert facts["phases"]["connect_ms"] is not None
    rows = dict(line.split(maxsplit=1) for line in run("check", "run", "Wiki").stdout.splitlines())
    assert (rows["STATE"], rows["ADDRESS"]) == ("up", f"127.0.0.1 port {port}")


def test_a_check_now_of_an_app_that_is_down_ends_with_its_code_and_the_way_out(
    run: Run, app: Flask, closed_port: int
) -> None:
    app_id = add(app, "Wiki", Health.UP, url=f"http://127.0.0.1:{closed_port}")
    done = run("check", "run", "Wiki", expect=DOWN)
    assert f"Connection refused: nothing listens on port {closed_port}." in done.stdout
    assert "Check the port and that the app is running." in done.stdout
    with app.app_context():
        assert db.session.get_one(CheckState, app_id).state is Health.UP, "it records nothing"
        assert db.session.query(Probe).count() == 0


def test_a_sample_is_called_a_sample(run: Run, app: Flask) -> None:
    add(app, "Wiki", Health.UP, kind=CheckKind.SAMPLE)
    assert run("check", "run", "Wiki").stderr == "This is a sample result. Nothing was requested.\n"


def test_a_check_now_does_not_keep_a_restore_waiting(
    run: Run, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(app, "Wiki", Health.UP, kind=CheckKind.SAMPLE)
    gate = Gate(app.extensions["launcher.config"].lock_dir, drain_timeout_s=0.2, patience_s=0.1)
    test_now = check.test_now

    def while_a_restore_begins(*args: Any) -> object:
        with gate.closed():
            return test_now(*args)

    monkeypatch.setattr(check, "test_now", while_a_restore_begins)
    run("check", "run", "Wiki")


def paused_until(app: Flask, app_id: int | None = None) -> datetime | None:
    with app.app_context():
        if app_id is None:
            return db.session.get_one(ChecksRun, 1).paused_until
        return db.session.get_one(HealthCheck, app_id).paused_until


@pytest.mark.parametrize(
    ("words", "length"),
    [
        ((), timedelta(hours=1)),
        (("--for", "30min"), timedelta(minutes=30)),
        (("--for", "3d"), timedelta(days=3)),
    ],
)
def test_one_app_is_paused_and_resumed(
    run: Run, app: Flask, words: tuple[str, ...], length: timedelta
) -> None:
    wiki, music = add(app, "Wiki", Health.DOWN, error="refused"), add(app, "Music", Health.UP)
    begun = utc_now()
    assert "Check of Wiki paused until" in run("check", "pause", "Wiki", *words).stderr
    until = paused_until(app, wiki)
    assert until is not None
    assert begun - timedelta(seconds=1) <= until - length <= utc_now()
    assert paused_until(app, music) is None
    (one,) = read(run, "check", "list", "--state", "paused")
    assert (one["name"], one["paused_by"]) == ("Wiki", "command line")
    assert run("check", "resume", "Wiki").stderr == "Check of Wiki resumed.\n"
    assert paused_until(app, wiki) is None


def test_all_are_paused_until_a_time_in_the_zone_of_the_site(run: Run, app: Flask) -> None:
    run("settings", "set", "time_zone", "Europe/Berlin")
    day = (utc_now().astimezone(ZoneInfo("Europe/Berlin")) + timedelta(days=2)).date()
    for end, clock in ((f"{day}", "08:00"), (f"{day}T18:30", "18:30")):
        run("check", "pause", "--all", "--until", end)
        until = paused_until(app)
        assert until is not None
        assert f"{until.astimezone(ZoneInfo('Europe/Berlin')):%Y-%m-%d %H:%M}" == f"{day} {clock}"
    assert run("check", "resume", "--all").stderr == "All checks resumed.\n"
    assert paused_until(app) is None


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "Give APP or --all."),
        (("Wiki", "--all"), 2, "Give APP or --all."),
        (("Wiki", "--for", "1h", "--until", "tomorrow"), 2, "Give --for or --until"),
        (("Wiki", "--for", "soon"), 2, "'soon' is not like 30min"),
        (("Wiki", "--for", "0h"), 2, "'0h' is not like 30min"),
        (("Wiki", "--for", "9999d"), 2, "longer than a year"),
        (("Wiki", "--until", "2020-01-01"), 2, "within the next year"),
        (("Wiki", "--until", "9999-12-31T00:00"), 2, "within the next year"),
        (("Wiki", "--until", "noon"), 2, "is not tomorrow"),
        (("Unchecked",), 1, "Unchecked is not checked"),
        (("Music",), 1, "there is no app 'Music'"),
    ],
)
def test_a_pause_that_is_refused_changes_nothing(
    run: Run, app: Flask, words: tuple[str, ...], code: int, said: str
) -> None:
    wiki = add(app, "Wiki", Health.UP)
    unchecked = add(app, "Unchecked", is_enabled=False)
    assert said in run("check", "pause", *words, expect=code).stderr
    assert [paused_until(app, each) for each in (wiki, unchecked, None)] == [None] * 3


def test_an_interval_that_is_not_longer_than_time_limits_is_refused(run: Run, app: Flask) -> None:
    for number in range(7):
        add(app, f"App {number}")
    refused = run("settings", "set", "check_interval_s", "10", expect=1)
    assert refused.stderr.startswith(
        "Error: App 0, App 1, App 2, App 3, App 4 and 2 more: a check may take 10 seconds or more."
    )
    assert run("settings", "get", "check_interval_s").stdout == "60\n"
    run("settings", "set", "check_interval_s", "11")
