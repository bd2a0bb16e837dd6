"""The schedule is set on a page that says, before it is saved, what it comes to."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from launcher.backup.errors import StoreUnavailableError
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Kind
from launcher.backup.store.local import LocalStore
from launcher.current import current_backups
from launcher.db.settings import change_settings, current_settings
from launcher.extensions import db
from launcher.i18n.zones import zone_words
from launcher.models import AuditEvent
from launcher.settings.kinds import Cron, Number
from launcher.web.admin.schedule import page as schedule_page
from launcher.web.admin.schedule.form import SHOWN
from tests.conftest import ADA
from tests.web.visitor import Visitor

PATH = "/admin/backups/schedule"
SCRIPT = {"HX_Request": "true"}
DAILY = {
    "backup_enabled": "on", "preset": "daily", "at": "03:00", "weekday": "0", "day": "1",
    "backup_cron_expression": "0 3 * * *", "backup_max_count": "10", "backup_keep_daily": "0",
    "backup_keep_weekly": "0", "backup_keep_monthly": "0", "backup_restore_test": "weekly",
    "backup_stale_after_h": "30",
}  # fmt: skip

SetSite = Callable[..., None]


def is_set(app: Flask) -> dict[str, object]:
    with app.app_context():
        return asdict(current_settings())


def text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split()).replace(" .", ".")


def save(who: Visitor, *without: str, **changes: str) -> int:
    """Send the form as it stands on the page, with `changes`; return the status."""
    who.open(PATH)
    return send(who, *without, **changes)


def send(who: Visitor, *without: str, **changes: str) -> int:
    seen = re.search(r'name="seen" value="(\w+)"', who.page)
    assert seen
    fields = DAILY | changes | {"seen": seen[1]}
    return who.send(PATH, **{k: v for k, v in fields.items() if k not in without}).status_code


@pytest.fixture
def make(app: Flask, cast: object, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Make a real backup, as of a number of days ago."""

    def make_one(days: float, kind: Kind = Kind.SCHEDULED) -> str:
        with app.app_context():
            service = current_backups()
            at = datetime.now(UTC) - timedelta(days=days)
            monkeypatch.setattr(service, "_clock", lambda: at)
            made = service.create(kind=kind, by="schedule")
            monkeypatch.setattr(service, "_clock", lambda: datetime.now(UTC))
            return made.id

    return make_one


# --- saving ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expression"),
    [
        ({"preset": "hourly"}, "0 * * * *"),
        ({"preset": "six_hours"}, "0 */6 * * *"),
        ({"preset": "daily", "at": "14:05"}, "5 14 * * *"),
        ({"preset": "weekly", "at": "00:30", "weekday": "5"}, "30 0 * * 5"),
        ({"preset": "monthly", "at": "23:59", "day": "28"}, "59 23 28 * *"),
        ({"preset": "monthly", "at": "03:00", "day": "L"}, "0 3 L * *"),
        ({"preset": "own", "backup_cron_expression": "*/15  8-18 * * 1-5"}, "*/15 8-18 * * 1-5"),
        ({"preset": "own", "backup_cron_expression": "@weekly"}, "@weekly"),
    ],
)
def test_a_preset_and_its_fields_do_without_any_cron(
    app: Flask, ada: Visitor, fields: dict[str, str], expression: str
) -> None:
    assert save(ada, **fields) == 303
    assert is_set(app)["backup_cron_expression"] == expression

    ada.open(PATH)  # and the page shows it again by the same preset
    assert re.search(rf'value="{fields["preset"]}" checked', ada.page)


def test_each_setting_of_the_page_is_a_field_with_its_limits(ada: Visitor) -> None:
    ada.open(PATH)
    for setting in SHOWN:
        found = re.search(rf'<(?:input|select)[^>]* name="{setting.name}"[^>]*>', ada.page)
        assert found, setting.name
        match setting.kind:
            case Number(minimum, maximum):
                assert f'min="{minimum}"' in found[0]
                assert f'max="{maximum}"' in found[0]
            case Cron(maximum):
                assert f'maxlength="{maximum}"' in found[0]


def test_no_one_else_changes_a_setting_between_the_check_and_the_change(
    ada: Visitor, monkeypatch: pytest.MonkeyPatch, data_dir: Path
) -> None:

    def change_late(*args: Any, **kwargs: Any) -> Any:
        with (
            closing(sqlite3.connect(data_dir / "launcher.db", timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("UPDATE system_settings SET backup_max_count = 4")
        return change_settings(*args, **kwargs)

    monkeypatch.setattr(schedule_page, "change_settings", change_late)
    assert save(ada, backup_max_count="7") == 303


def test_what_is_saved_is_said_audited_and_takes_effect(app: Flask, ada: Visitor) -> None:
    assert (
        save(
            ada,
            "backup_enabled",
            backup_max_count="7",
            backup_keep_weekly="3",
            backup_stale_after_h="48",
        )
        == 303
    )

    wanted = {
        "backup_enabled": False,
        "backup_max_count": 7,
        "backup_keep_weekly": 3,
        "backup_stale_after_h": 48,
    }
    assert is_set(app).items() >= wanted.items()
    ada.open(PATH)
    assert "Schedule saved. It takes effect within seconds." in ada.page
    with app.app_context():
        event = db.session.scalars(db.select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert event is not None
        assert (event.actor_name, event.action) == ("ada", "settings.update")
        assert event.changes["backup_max_count"] == [10, 7]


def test_how_often_a_restore_is_tested_is_set_there_too(app: Flask, ada: Visitor) -> None:
    ada.open(PATH)
    choice = re.search(r'<select[^>]*id="backup_restore_test".*?</select>', ada.page, re.DOTALL)
    assert choice
    assert re.findall(r'value="(\w+)"(?: (selected))?>([^<]+)', choice[0]) == [
        ("off", "", "Never"),
        ("daily", "", "Every day at 04:00"),
        ("weekly", "selected", "Every week, on Sunday at 04:00"),
        ("monthly", "", "Every month, on day 1 at 04:00"),
    ]
    assert save(ada, backup_restore_test="monthly") == 303

    assert is_set(app)["backup_restore_test"] == "monthly"
    ada.open("/admin/audit")
    assert "Restore test" in ada.page
    assert "restore test every month" in ada.page


def test_a_page_from_before_the_restore_test_was_changed_is_out_of_date(
    app: Flask, ada: Visitor, set_site: SetSite
) -> None:
    ada.open(PATH)
    set_site(backup_restore_test="daily")
    assert send(ada, backup_max_count="9") == 409
    assert is_set(app).items() >= {"backup_restore_test": "daily", "backup_max_count": 10}.items()


def test_saving_what_is_set_already_changes_nothing(ada: Visitor) -> None:
    assert save(ada) == 303
    ada.open(PATH)
    assert "No changes to save." in ada.page


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        (
            {"preset": "own", "backup_cron_expression": "0 0 31 2 *"},
            "backup_cron_expression",
            "This schedule never runs",
        ),
        (
            {"preset": "own", "backup_cron_expression": "0 0 3 * * *"},
            "backup_cron_expression",
            "The expression has 6 fields",
        ),
        (
            {"preset": "own", "backup_cron_expression": "daily"},
            "backup_cron_expression",
            "Enter five fields",
        ),
        (
            {"preset": "own", "backup_cron_expression": "61 * * * *"},
            "backup_cron_expression",
            "Not a cron expression",
        ),
        (
            {"preset": "own", "backup_cron_expression": ""},
            "backup_cron_expression",
            "Enter five fields",
        ),
        ({"preset": "daily", "at": "25:00"}, "at", "Write a time of day"),
        ({"preset": "weekly", "weekday": "9"}, "weekday", "Choose one of these days"),
        ({"preset": "monthly", "day": "31"}, "day", "Choose one of these days"),
        (
            {"preset": "sometimes", "backup_cron_expression": "never"},
            "backup_cron_expression",
            "Enter five fields",
        ),
        ({"backup_max_count": "0"}, "backup_max_count", "Enter a number from 1 to 1000"),
        ({"backup_max_count": "-1"}, "backup_max_count", "Enter a whole number"),
        ({"backup_max_count": "ten"}, "backup_max_count", "Enter a whole number"),
        ({"backup_max_count": "9" * 400}, "backup_max_count", "Enter a number from 1 to 1000"),
        ({"backup_keep_weekly": ""}, "backup_keep_weekly", "Enter a whole number"),
        ({"backup_stale_after_h": "0"}, "backup_stale_after_h", "Enter a number from 1 to 8760"),
        (
            {"backup_restore_test": "yearly"},
            "backup_restore_test",
            "Choose one of off, daily, weekly, monthly",
        ),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(
    app: Flask, ada: Visitor, fields: dict[str, str], field: str, words: str
) -> None:
    before = is_set(app)
    assert save(ada, **{"backup_keep_daily": "5"} | fields) == 422

    assert is_set(app) == before
    error = re.search(rf'id="{field}-error".*?</p>', ada.page, re.DOTALL)
    assert error
    assert words in text(error[0])
    assert text(ada.page).count(words) == 1
    assert re.search(rf'id="{field}"[^>]*aria-invalid="true"', ada.page)
    assert 'name="backup_keep_daily" type="number" value="5"' in ada.page


def test_every_error_is_said_at_once_and_the_first_has_the_focus(ada: Visitor) -> None:
    assert (
        save(
            ada,
            preset="own",
            backup_cron_expression="no",
            backup_keep_monthly="x",
            backup_stale_after_h="x",
        )
        == 422
    )

    assert ada.page.count('aria-invalid="true"') == 3
    assert re.findall(r'id="(\w+)"[^>]*autofocus', ada.page) == ["backup_cron_expression"]


def test_of_two_tabs_the_second_learns_what_the_first_saved(
    app: Flask, ada: Visitor, set_site: SetSite
) -> None:
    ada.open(PATH)
    set_site(backup_max_count=4)

    assert send(ada, backup_max_count="9", backup_keep_weekly="3") == 409
    assert is_set(app).items() >= {"backup_max_count": 4, "backup_keep_weekly": 0}.items()
    assert "The schedule was changed in the meantime" in ada.page
    assert 'name="backup_max_count" type="number" value="4"' in ada.page

    assert send(ada, backup_max_count="9") == 303  # from the page that shows it
    assert is_set(app)["backup_max_count"] == 9


def test_a_form_that_does_not_say_what_it_saw_is_out_of_date(app: Flask, ada: Visitor) -> None:
    before = is_set(app)
    ada.open(PATH)
    assert ada.send(PATH, **DAILY | {"backup_max_count": "3"}).status_code == 409
    assert is_set(app) == before


# --- what it comes to --------------------------------------------------------------------------


def test_a_draft_is_shown_in_words_with_its_next_runs(ada: Visitor, set_site: SetSite) -> None:
    set_site(time_zone="Europe/Berlin")
    answer = ada.client.get(
        f"{PATH}/preview",
        query_string=DAILY | {"preset": "weekly", "at": "03:00", "weekday": "0"},
        headers={"HX-Request": "true", "Accept-Language": "en"},
    )

    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert "Every week, on Sunday at 03:00" in answer.text
    runs = [
        datetime.fromisoformat(at) for at in re.findall(r'<time datetime="([^"]+)"', answer.text)
    ]
    local = [run.astimezone(ZoneInfo("Europe/Berlin")) for run in runs]
    assert len(local) == 5
    assert {(run.weekday(), run.hour, run.minute) for run in local} == {(6, 3, 0)}
    assert local == sorted(set(local))
    assert 'data-cron="0 3 * * 0"' in answer.text
    assert "1 change not saved yet" in answer.text


def test_a_draft_counts_the_restore_test_among_the_changes(ada: Visitor) -> None:
    page = ada.client.get(
        f"{PATH}/preview", query_string=DAILY | {"backup_restore_test": "off"}, headers=SCRIPT
    ).text
    assert "1 change not saved yet" in page


def test_a_wrong_draft_says_why(app: Flask, ada: Visitor) -> None:
    before = is_set(app)
    page = ada.client.get(
        f"{PATH}/preview",
        query_string=DAILY
        | {"preset": "own", "backup_cron_expression": "0 0 31 2 *", "backup_max_count": "0"},
        headers={"HX-Request": "true", "Accept-Language": "en"},
    ).text

    assert "This schedule never runs" in page
    assert "Keep last: Enter a number from 1 to 1000" in text(page)
    assert "Enter valid numbers to see a preview." in page
    assert "2 changes not saved yet" in page
    assert is_set(app) == before


def test_without_script_a_button_shows_what_it_means_and_saves_nothing(
    app: Flask, ada: Visitor
) -> None:
    before = is_set(app)
    ada.open(PATH)
    assert send(ada, preset="hourly", show="1") == 200
    assert "Every hour, at minute 0" in ada.page
    assert "1 change not saved yet" in ada.page
    assert is_set(app) == before


@pytest.mark.parametrize(
    ("zone", "month", "words"),
    [
        ("Europe/Berlin", 11, "Berlin (UTC+1)"),
        ("Europe/Berlin", 6, "Berlin (UTC+2)"),
        ("Asia/Kolkata", 6, "Kolkata (UTC+5:30)"),
        ("America/St_Johns", 1, "St John\N{RIGHT SINGLE QUOTATION MARK}s (UTC\N{MINUS SIGN}3:30)"),
        ("UTC", 6, "UTC"),
    ],
)
def test_the_zone_is_named_with_its_offset(app: Flask, zone: str, month: int, words: str) -> None:
    with app.test_request_context(headers={"Accept-Language": "en"}):
        assert zone_words(ZoneInfo(zone), datetime(2026, month, 15, tzinfo=UTC)) == words


# --- the clean-up ------------------------------------------------------------------------------


def test_it_says_what_would_go_and_why_each_other_stays(
    app: Flask, ada: Visitor, make: Callable[..., str]
) -> None:
    going = [make(days) for days in (3, 2)]
    make(1)
    make(1.5, Kind.MANUAL)
    make(1.6, Kind.SAFETY)
    page = ada.client.get(
        f"{PATH}/preview",
        query_string=DAILY | {"backup_max_count": "2"},
        headers={"HX-Request": "true", "Accept-Language": "en"},
    ).text

    said = text(page)
    assert "After the next good backup, 2 backups will be removed" in said
    assert all(name in page for name in going)
    assert re.search(r"This will free [\d.]+ [kM]?B", said)
    assert "The next one One of the last 2 scheduled backups" in said
    assert "1 other Manual, uploaded or found in the folder" in said
    assert "Created before a restore or an upgrade: the newest 10 of each, for 90 days" in said

    assert save(ada, backup_max_count="2") == 303
    with app.app_context():
        kept = {backup.id for backup in current_backups().list()}
    assert set(going) <= kept  # saving itself removes nothing


def test_it_says_when_nothing_would_go(ada: Visitor, make: Callable[..., str]) -> None:
    make(1)
    ada.open(PATH)
    assert "After the next good backup, no backup will be removed" in ada.page


def test_the_schedule_can_be_set_while_the_folder_is_away(
    app: Flask, ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: object, **_more: object) -> None:
        raise StoreUnavailableError(Reason.UNCLASSIFIED, sentence="it is away")

    monkeypatch.setattr(LocalStore, "list", away)
    assert save(ada, backup_max_count="3") == 303
    assert is_set(app)["backup_max_count"] == 3
    ada.open(PATH)
    assert "The backup folder cannot be read" in ada.page


def test_the_panel_leads_there(ada: Visitor, make: Callable[..., str]) -> None:
    ada.open("/admin/backups")
    assert f'href="{PATH}"' in ada.page
    make(1)
    ada.open("/admin/backups")
    assert f'<a href="{PATH}">Change</a>' in ada.page


def test_where_a_safety_backup_goes_the_panel_says_when(
    ada: Visitor, make: Callable[..., str]
) -> None:
    make(3, Kind.SAFETY)
    make(1)
    ada.open("/admin/backups")
    assert re.search(r"Kept until \d+ \w+( \d+)? at the latest", ada.page)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("@daily", "Every day at 00:00"),
        ("0 */6 * * *", "Every 6 hours"),
        ("15 */6 * * *", "Every 6 hours, at minute 15"),
        ("*/15 8-18 * * 1-5", "Every 15 minutes, hours: 08:00-18:00, Monday-Friday"),
        ("0 3,15 * * *", "At 03:00 and 15:00"),
        ("30 4 1,15 * fri", "At 04:30, days of the month: 1 and 15, or Friday"),
        ("0 0 L * *", "Every month, on the last day at 00:00"),
        ("0 3 * * 5L", "At 03:00, Friday, the last one of the month"),
        ("0 3 * * mon#2", "At 03:00, Monday no. 2 of the month"),
        ("* * * * *", "Every minute"),
        ("0 3 * jan-mar *", "At 03:00, January-March"),
        ("10-50/20 3 * * *", "Minutes: 10, 30 and 50, hours: 03:00"),
        ("0 0 LW * *", "At 00:00, days of the month: LW"),
    ],
)
def test_every_expression_has_words(
    ada: Visitor, set_site: SetSite, expression: str, words: str
) -> None:
    set_site(backup_cron_expression=expression)
    ada.open(PATH)
    assert f"<b>{words}</b>" in ada.page.replace("\N{EN DASH}", "-")


# What weakens asks for the password


WEAKER = {
    "no schedule": {"without": "backup_enabled"},
    "less often": {"preset": "weekly"},
    "fewer": {"backup_max_count": "9"},
    "no restore test": {"backup_restore_test": "off"},
    "rarer restore tests": {"backup_restore_test": "monthly"},
    "a later alert": {"backup_stale_after_h": "31"},
}
STRONGER = {
    "more often": {"preset": "six_hours"},
    "another hour": {"at": "04:30"},
    "more": {"backup_max_count": "11", "backup_keep_daily": "7"},
    "more restore tests": {"backup_restore_test": "daily"},
    "an earlier alert": {"backup_stale_after_h": "29"},
}


@pytest.mark.parametrize("changes", WEAKER.values(), ids=WEAKER)
def test_what_weakens_asks_for_the_password_and_keeps_what_was_typed(
    tired: Visitor, app: Flask, changes: dict[str, str]
) -> None:
    changes = dict(changes)
    without = [changes.pop("without")] if "without" in changes else []
    before = is_set(app)

    assert save(tired, *without, backup_keep_daily="7", **changes) == 422
    assert "Confirm password" in tired.page
    assert is_set(app) == before
    assert tired.confirm(ADA.password).status_code == 303
    after = is_set(app)
    assert after["backup_keep_daily"] == 7
    assert len([name for name in before if before[name] != after[name]]) == 2


@pytest.mark.parametrize("changes", STRONGER.values(), ids=STRONGER)
def test_what_strengthens_asks_for_nothing(tired: Visitor, changes: dict[str, str]) -> None:
    assert save(tired, **changes) == 303
