"""A program reads which apps are up, since when, and what was measured of one."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from flask import Flask

from launcher.extensions import db
from launcher.models import (
    App,
    ChecksRun,
    CheckState,
    Health,
    HealthCheck,
    Outage,
    Probe,
    ProbeDay,
    ProbeHour,
)
from launcher.models.types import utc_now
from tests.support.api import Program


def add(app: Flask, name: str, state: Health | None = None, **facts: object) -> int:
    """Add an app that is checked, with its last result."""
    with app.app_context():
        made = App(name=name, url="http://nas.home.arpa")
        made.check = HealthCheck(is_enabled=facts.pop("is_enabled", True))
        made.archived_at = facts.pop("archived_at", None)
        if state:
            made.check_state = CheckState(
                state=state, **({"since": utc_now(), "last_at": utc_now()} | facts)
            )
        db.session.add(made)
        db.session.commit()
        return made.id


@pytest.fixture
def down(app: Flask) -> int:
    return add(app, "Wiki", Health.DOWN, error="refused", facts={"port": 8080})


def test_the_list_is_what_the_command_prints(app: Flask, program: Program, down: int) -> None:
    add(app, "Music", Health.SLOW, last_ms=2400, last_code=200)
    add(app, "New")
    with app.app_context():
        hour = utc_now().replace(minute=0, second=0, microsecond=0)
        db.session.add(ProbeHour(app_id=down, at=hour, probes=60, up=45, ms_sum=0))
        db.session.commit()
    answered = program.get("/apps/checks")["apps"]
    printed = app.test_cli_runner().invoke(args=["check", "list", "--json"]).stdout
    assert answered == sorted(json.loads(printed), key=lambda each: each["id"])
    assert answered[0]["detail"] == "Connection refused: nothing listens on port 8080."
    assert answered[0]["uptime_24h"] == 0.75
    assert (answered[1]["state"], answered[1]["reason"]) == ("slow", "")


def test_an_app_has_the_same_uptimes_in_the_list_and_alone(
    app: Flask, program: Program, down: int
) -> None:
    other = add(app, "Music", Health.UP)
    with app.app_context():
        this_hour = utc_now().replace(minute=0, second=0, microsecond=0)
        for hours_ago in range(0, 40 * 24, 5):
            at = this_hour - timedelta(hours=hours_ago)
            for app_id, up in ((down, 60 - hours_ago % 9), (other, 59)):
                db.session.add(ProbeHour(app_id=app_id, at=at, probes=60, up=up, ms_sum=0))
        db.session.commit()
    for listed in program.get("/apps/checks")["apps"]:
        alone = program.get(f"/apps/{listed['id']}/check")
        assert {name: alone[name] for name in listed} == listed
        assert 0.85 < listed["uptime_30d"] < 1


def test_apps_that_no_page_lists_are_not_listed(app: Flask, program: Program) -> None:
    unchecked = add(app, "Unchecked", is_enabled=False)
    archived = add(app, "Old", Health.UP, archived_at=utc_now())
    assert program.get("/apps/checks")["apps"] == []
    for app_id in (unchecked, archived, 999):
        answer = program("GET", f"/apps/{app_id}/check")
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_pages_of_the_list_skip_and_repeat_nothing(app: Flask, program: Program) -> None:
    ids = [add(app, name, Health.UP) for name in ("C", "A", "B", "D", "E")]
    found, cursor = [], ""
    while cursor is not None:
        page = program.get(f"/apps/checks?limit=2&cursor={cursor}")
        found += [each["id"] for each in page["apps"]]
        cursor = page["next_cursor"]
        if len(found) == 2:
            add(app, "0", Health.UP)
    assert found[:5] == ids


def test_one_state_is_asked_for_as_the_pages_show_it(
    app: Flask, program: Program, down: int
) -> None:
    add(app, "Music", Health.UP)
    assert [each["id"] for each in program.get("/apps/checks?state=down")["apps"]] == [down]
    with app.app_context():
        db.session.get_one(ChecksRun, 1).offline_since = utc_now()
        db.session.commit()
    found = program.get("/apps/checks?state=down")
    assert (found["apps"], found["offline_since"] is None) == ([], False)
    assert len(program.get("/apps/checks?state=offline")["apps"]) == 2


def test_a_list_that_has_not_changed_is_not_sent_again(
    app: Flask, program: Program, down: int
) -> None:
    tag = program("GET", "/apps/checks").headers["ETag"]
    again = program("GET", "/apps/checks", headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    with app.app_context():
        db.session.get_one(CheckState, down).state = Health.UP
        db.session.commit()
    assert program("GET", "/apps/checks", headers={"If-None-Match": tag}).status_code == 200


def test_one_app_has_its_certificate_its_uptime_and_its_outages(
    app: Flask, program: Program
) -> None:
    now = utc_now()
    app_id = add(
        app,
        "Wiki",
        Health.UP,
        certificate={"issuer": "Home CA", "names": ["wiki.home.arpa"]},
        certificate_until=now + timedelta(days=9),
    )
    with app.app_context():
        day = (now - timedelta(days=40)).replace(hour=0, minute=0, second=0, microsecond=0)
        begin = now - timedelta(hours=3)
        db.session.add_all(
            [
                ProbeDay(app_id=app_id, at=day, probes=100, up=99, ms_sum=0),
                Outage(app_id=app_id, started_at=begin, error="http_code", facts={"code": 502}),
            ]
        )
        db.session.commit()
    found = program.get(f"/apps/{app_id}/check")
    assert (found["certificate"]["issuer"], found["certificate"]["names"]) == (
        "Home CA",
        ["wiki.home.arpa"],
    )
    assert (found["uptime_30d"], found["uptime_1y"]) == (None, 0.99)
    (outage,) = found["outages"]
    assert (outage["reason"], outage["ended_at"]) == ("http_code", None)
    assert outage["detail"].startswith("502 Bad Gateway: the proxy answers")


@pytest.mark.parametrize(("period", "steps"), [("24h", 145), ("7d", 169), ("30d", 181)])
def test_a_time_without_checks_is_a_gap(
    app: Flask, program: Program, period: str, steps: int
) -> None:
    app_id, now = add(app, "Wiki", Health.UP), utc_now()
    with app.app_context():
        hour = (now - timedelta(hours=5)).replace(minute=0, second=0, microsecond=0)
        db.session.add(ProbeHour(app_id=app_id, at=hour, probes=10, up=8, ms_sum=400, ms_max=90))
        db.session.add(Probe(app_id=app_id, at=hour, is_up=True, ms=40))
        db.session.commit()
    found = program.get(f"/apps/{app_id}/check/history?period={period}")
    assert len(found["steps"]) in {steps, steps - 1}
    measured = [each for each in found["steps"] if each["probes"]]
    gaps = [each for each in found["steps"] if not each["probes"]]
    assert len(measured) == 1
    assert measured[0]["response_ms"] in {40.0, 50.0}
    assert {(each["uptime"], each["response_ms"], each["response_ms_max"]) for each in gaps} == {
        (None, None, None)
    }


def test_a_period_that_there_is_not_is_refused_by_name(program: Program, down: int) -> None:
    answer = program("GET", f"/apps/{down}/check/history?period=2d")
    assert (answer.status_code, answer.json["field"]) == (422, "period")
    assert "one of 24h, 7d, 30d, 1y" in answer.json["detail"]
