"""Pauses and maintenance of checks, of one app and of all, and what holds for all."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from launcher.catalogue.check_pauses import PauseRefusedError, pause_end
from launcher.db.settings import current_settings
from launcher.extensions import db
from launcher.models import App, ChecksRun, HealthCheck, MaintenanceWindow
from launcher.models.types import utc_now
from tests.web.restoring import text_of
from tests.web.test_check_form import CHECK, fields_of, logged
from tests.web.visitor import Visitor

ALL = "/admin/health/settings"
BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=BERLIN)


@pytest.fixture
def checked(app: Flask, boards: None) -> Flask:
    with app.app_context():
        db.session.get_one(App, 1).check = HealthCheck()
        db.session.commit()
    return app


@pytest.mark.parametrize(
    ("choice", "day", "end"),
    [
        ("hour", "", "2026-11-22 13:00"),
        ("tomorrow", "", "2026-11-23 08:00"),
        ("date", "2026-12-24", "2026-12-24 08:00"),
        ("date", "2027-04-01", "2027-04-01 08:00"),  # the clocks have changed by then
    ],
)
def test_a_pause_ends_in_an_hour_or_in_the_morning_of_a_day(
    choice: str, day: str, end: str
) -> None:
    found = pause_end(choice, day, now=NOON, zone=BERLIN)
    assert f"{found.astimezone(BERLIN):%Y-%m-%d %H:%M}" == end


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-03-28T12:00:00+01:00", "2026-03-29T06:00:00+00:00"),
        ("2026-10-24T12:00:00+02:00", "2026-10-25T07:00:00+00:00"),
    ],
)
def test_tomorrow_is_eight_by_the_clock_also_where_the_clocks_change_in_the_night(
    now: str, end: str
) -> None:
    found = pause_end("tomorrow", "", now=datetime.fromisoformat(now), zone=BERLIN)
    assert found == datetime.fromisoformat(end)


@pytest.mark.parametrize("day", ["", "tomorrow", "2026-11-22", "2020-01-01", "2031-01-01"])
def test_a_pause_ends_on_a_day_of_the_next_year(day: str) -> None:
    with pytest.raises(PauseRefusedError):
        pause_end("date", day, now=NOON, zone=BERLIN)


def test_the_checks_of_an_app_are_paused_and_resumed(checked: Flask, ben: Visitor) -> None:
    ben.open(f"{CHECK}/pause")
    assert ben.send(f"{CHECK}/pause", until="hour").location == CHECK
    page = ben.open(CHECK).text
    assert "Checks of Jellyfin paused until" in page
    assert "Paused by ben until" in page
    with checked.app_context():
        check = db.session.get_one(HealthCheck, 1)
        assert check.paused_until is not None
        assert abs(check.paused_until - utc_now() - timedelta(hours=1)) < timedelta(minutes=1)
        assert check.paused_by == "ben"
    ben.send(f"{CHECK}/resume")
    assert "Paused by ben" not in ben.open(CHECK).text
    assert [action for action, _changes in logged(checked)] == ["check.pause", "check.resume"]


def test_a_pause_without_a_date_says_what_to_enter(checked: Flask, ben: Visitor) -> None:
    ben.open(f"{CHECK}/pause")
    assert ben.send(f"{CHECK}/pause", until="date", until_date="").status_code == 422
    assert "Enter a date within the next year." in ben.page


def test_an_app_is_paused_from_another_page_and_leads_back_to_it(
    checked: Flask, ben: Visitor
) -> None:
    ben.open(CHECK)
    answer = ben.send(f"{CHECK}/pause", until="tomorrow", next="/apps/1/health")
    assert answer.location == "/apps/1/health"
    assert ben.send(f"{CHECK}/resume", next="https://evil.example").location == "/"


def test_all_checks_are_paused_by_an_admin(checked: Flask, ada: Visitor, ben: Visitor) -> None:
    ada.open(ALL)
    ada.send(f"{ALL}/pause", until="tomorrow")
    assert "Paused by ada until tomorrow, 08:00" in ada.open(ALL).text
    with checked.app_context():
        assert db.session.get_one(ChecksRun, 1).paused_by == "ada"
    ada.send(f"{ALL}/resume")
    assert "Paused by ada" not in ada.open(ALL).text
    ben.open(CHECK)
    assert ben.send(f"{ALL}/pause", until="hour").status_code == 403


def test_maintenance_over_midnight_is_added_and_deleted(checked: Flask, ben: Visitor) -> None:
    ben.open(CHECK)
    ben.send(f"{CHECK}/windows", days=["5", "6"], starts_at="23:30", minutes="120")
    assert "Saturday and Sunday, 23:30 to 01:30 on the next day" in ben.open(CHECK).text
    with checked.app_context():
        window = db.session.scalars(db.select(MaintenanceWindow)).one()
        found = (window.app_id, window.days, window.starts_at_min, window.minutes)
        assert found == (1, "56", 1410, 120)
    ben.send(f"{CHECK}/windows/delete", window="1")
    assert "23:30 to" not in ben.open(CHECK).text
    assert [changes for _action, changes in logged(checked)] == [
        {"maintenance": [None, "56 23:30 120"]}, {"maintenance": ["56 23:30 120", None]},
    ]  # fmt: skip


def test_the_maintenance_of_another_app_is_not_deleted(checked: Flask, ada: Visitor) -> None:
    ada.open(ALL)
    ada.send(f"{ALL}/windows", days=["0"], starts_at="03:00", minutes="60")
    ada.open(CHECK)
    ada.send(f"{CHECK}/windows/delete", window="1")
    assert "It was deleted already." in ada.open(CHECK).text
    assert "Monday, 03:00 to 04:00" in ada.open(ALL).text
    ada.send(f"{ALL}/windows/delete", window="1")
    assert "Monday, 03:00" not in ada.open(ALL).text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"days": []}, "Choose at least one day."),
        ({"starts_at": "25:00"}, "Enter a time, for example 03:00."),
        ({"minutes": "0"}, "Enter a number from 1 to 1440."),
        ({"minutes": "1441"}, "Enter a number from 1 to 1440."),
    ],
)
def test_maintenance_that_is_none_is_refused(
    checked: Flask, ben: Visitor, fields: dict[str, str | list[str]], words: str
) -> None:
    ben.open(CHECK)
    good: dict[str, str | list[str]] = {"days": ["1"], "starts_at": "03:00", "minutes": "60"}
    assert ben.send(f"{CHECK}/windows", **good | fields).status_code == 422
    assert words in ben.page


def test_how_often_all_apps_are_checked_is_set_beside_the_list(
    checked: Flask, ada: Visitor
) -> None:
    ada.open(ALL)
    assert ada.send(ALL, check_interval_s="5").status_code == 422
    assert ada.send(ALL, check_interval_s="120").status_code == 303  # the switch was off
    with checked.app_context():
        settings = current_settings()
        assert (settings.checks_enabled, settings.check_interval_s) == (False, 120)


def test_what_another_admin_saved_meanwhile_is_asked_and_not_undone(
    checked: Flask, ada: Visitor
) -> None:
    def saved() -> tuple[bool, int]:
        with checked.app_context():
            settings = current_settings()
            return settings.checks_enabled, settings.check_interval_s

    opened = {"seen_checks_enabled": "on", "seen_check_interval_s": "60"}
    ada.open(ALL)
    ada.send(ALL, checks_enabled="on", check_interval_s="300")
    # Who opened the page before that switches the checks off, and keeps the new interval.
    assert ada.send(ALL, **opened, check_interval_s="60").status_code == 303
    assert saved() == (False, 300)

    answer = ada.send(ALL, **opened, checks_enabled="on", check_interval_s="120")
    assert answer.status_code == 409
    assert "The settings were changed while you were editing" in ada.page
    assert "Saved: 300. Your entry: 120." in text_of(ada.page)
    assert saved() == (False, 300)
    assert ada.send(ALL, **fields_of(ada.page, "settings-form")).status_code == 303
    assert saved()[1] == 120


def test_an_interval_that_is_shorter_than_time_limits_names_their_apps(
    checked: Flask, ada: Visitor
) -> None:
    with checked.app_context():
        for app_id, check in (
            (1, HealthCheck(timeout_ms=30_000)),
            (2, HealthCheck(timeout_ms=30_000, interval_s=60)),
            (3, HealthCheck(timeout_ms=30_000, is_enabled=False)),
        ):
            db.session.get_one(App, app_id).check = check
        db.session.commit()
    ada.open(ALL)
    assert ada.send(ALL, checks_enabled="on", check_interval_s="30").status_code == 422
    assert "Time limit of 30 seconds or more: Jellyfin. Shorten the time limits first." in text_of(
        ada.page
    )
    assert ada.send(ALL, checks_enabled="on", check_interval_s="31").status_code == 303


def test_an_app_is_checked_now(
    checked: Flask, ben: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(
        "launcher.web.check_form.pages.ask_for_check", lambda _folder, app_id: asked.append(app_id)
    )
    ben.open(CHECK)
    assert ben.send(f"{CHECK}/now").status_code == 303
    assert asked == [1]
    assert "Check of Jellyfin requested." in ben.open(CHECK).text


def test_pauses_and_settings_are_reached_from_the_pages_of_health(
    checked: Flask, ada: Visitor, chloe: Visitor
) -> None:
    page = ada.open("/admin/health").text
    assert f'href="{ALL}"' in page
    assert f'href="{CHECK}/pause?next=/admin/health"' in page
    page = ada.open("/apps/1/health").text
    assert f'href="{CHECK}/pause?next=/apps/1/health"' in page
    assert f'action="{CHECK}/now"' in page
    assert CHECK not in chloe.open("/apps/1/health").text
