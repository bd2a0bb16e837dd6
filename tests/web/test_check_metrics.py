"""What Prometheus reads of the apps: state, response time, certificate, and what checks cost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from launcher.extensions import db
from launcher.models import App, ChecksRun, CheckState, Health, HealthCheck
from launcher.models.types import utc_now
from tests.conftest import MakeApp

TOKEN = "a token of more than 32 characters, certainly"
Scrape = Callable[[], dict[tuple[str, ...], float]]


@pytest.fixture
def app(app: Flask, make_app: MakeApp) -> Flask:
    return make_app(metrics_token=TOKEN, scheduler="off")


@pytest.fixture
def scrape(app: Flask) -> Scrape:
    """Return each sample by its name and the values of its labels, in the order of their names."""

    def read() -> dict[tuple[str, ...], float]:
        answer = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }

    return read


def add(app: Flask, name: str, state: Health | None = None, **facts: object) -> int:
    with app.app_context():
        made = App(name=name, url="https://nas.home.arpa")
        made.check = HealthCheck(is_enabled=facts.pop("is_enabled", True))
        if state:
            made.check_state = CheckState(state=state, since=utc_now(), **facts)
        db.session.add(made)
        db.session.commit()
        return made.id


def set_run(app: Flask, **values: object) -> None:
    with app.app_context():
        run = db.session.get_one(ChecksRun, 1)
        for name, value in values.items():
            setattr(run, name, value)
        db.session.commit()


def states(found: dict[tuple[str, ...], float], name: str) -> dict[str, float]:
    return {
        key[3]: value for key, value in found.items() if key[:2] == ("launcher_app_state", name)
    }


def test_each_app_has_state_response_time_last_check_and_certificate(
    app: Flask, scrape: Scrape
) -> None:
    now = utc_now()
    expiry = now + timedelta(days=9)
    app_id = add(app, "Wiki", Health.SLOW, last_at=now, last_ms=1840, certificate_until=expiry)
    found, of = scrape(), ("Wiki", str(app_id))

    assert states(found, "Wiki") == {each.value: float(each is Health.SLOW) for each in Health}
    assert found["launcher_app_response_seconds", *of] == 1.84
    assert found["launcher_app_last_check_timestamp_seconds", *of] == pytest.approx(now.timestamp())
    assert found["launcher_app_certificate_expiry_timestamp_seconds", *of] == pytest.approx(
        expiry.timestamp()
    )


def test_what_is_not_known_of_an_app_is_missing_and_not_zero(app: Flask, scrape: Scrape) -> None:
    add(app, "New")
    add(app, "Gone", Health.DOWN, last_at=utc_now(), error="refused")
    add(app, "Unchecked", is_enabled=False)
    found = scrape()

    assert states(found, "New")["unknown"] == 1
    assert states(found, "Gone")["down"] == 1
    assert states(found, "Unchecked") == {}
    assert not [key for key in found if key[0] == "launcher_app_response_seconds"]


def test_a_state_is_the_one_that_the_pages_show(app: Flask, scrape: Scrape) -> None:
    add(app, "Wiki", Health.DOWN, last_at=utc_now(), error="refused")
    set_run(app, offline_since=utc_now(), cost={"checks_per_min": 12.0, "cpu_share": 0.004})
    found = scrape()
    assert (states(found, "Wiki")["offline"], states(found, "Wiki")["down"]) == (1, 0)
    assert found["launcher_checks_offline",] == 1
    assert found["launcher_checks_per_minute",] == 12
    assert found["launcher_checks_cpu_ratio",] == 0.004

    set_run(app, paused_until=utc_now() + timedelta(hours=1))
    found = scrape()
    assert (states(found, "Wiki")["paused"], found["launcher_checks_paused",]) == (1, 1)


def test_a_name_is_escaped_and_two_apps_of_one_name_are_two(app: Flask, scrape: Scrape) -> None:
    odd = 'a"b\\c\n{id="9"} 1'
    first, second = add(app, odd), add(app, odd)
    found = [key for key in scrape() if key[0] == "launcher_app_state" and key[3] == "unknown"]
    assert sorted(found) == [
        ("launcher_app_state", odd, str(each), "unknown") for each in (first, second)
    ]


def test_during_a_restore_and_with_a_damaged_database_the_rest_is_there(
    app: Flask, scrape: Scrape
) -> None:
    add(app, "Wiki", Health.UP, last_at=utc_now())
    with app.extensions["launcher.gate"].closed():
        found = scrape()
        assert states(found, "Wiki") == {}
        assert found["launcher_database_up",] == 1
    assert states(scrape(), "Wiki")["up"] == 1
    app.extensions["launcher.config"].database_path.write_bytes(b"no database" * 400)
    found = scrape()
    assert (states(found, "Wiki"), found["launcher_database_up",]) == ({}, 0)
