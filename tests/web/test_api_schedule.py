"""A program reads the schedule, sees what other settings would do, and sets them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from launcher.backup.errors import StoreUnavailableError
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Kind
from launcher.backup.store.local import LocalStore
from launcher.current import current_backups
from launcher.db.settings import current_settings
from launcher.extensions import db
from launcher.models import AuditEvent, TokenScope
from launcher.settings.schedule import SHOWN
from tests.support.api import Program, new_token

PATH = "/schedule"


def settings_of(program: Program) -> dict[str, Any]:
    found: dict[str, Any] = program.get(PATH)["settings"]
    return found


def is_set(app: Flask, name: str) -> object:
    with app.app_context():
        return getattr(current_settings(), name)


def make(app: Flask, kind: Kind, count: int) -> list[str]:
    with app.app_context():
        return [current_backups().create(kind=kind, by="ada").id for _ in range(count)]


def test_it_reads_every_setting_of_the_schedule_by_its_name(app: Flask, program: Program) -> None:
    assert settings_of(program) == {each.name: each.default for each in SHOWN}


def test_it_reads_the_next_five_runs_in_the_zone_of_the_site(
    program: Program, set_site: Callable[..., None]
) -> None:
    set_site(time_zone="Europe/Berlin", backup_cron_expression="0 12 1 7 *")
    found = program.get(PATH)
    runs = [datetime.fromisoformat(each) for each in found["next_runs"]]
    assert found["time_zone"] == "Europe/Berlin"
    assert [(each.month, each.day, each.hour) for each in runs] == [(7, 1, 10)] * 5
    assert {each.tzinfo for each in runs} == {UTC}


def test_a_schedule_that_is_off_has_no_next_run(
    program: Program, set_site: Callable[..., None]
) -> None:
    set_site(backup_enabled=False)
    assert program.get(PATH)["next_runs"] == []


def test_what_it_got_can_be_sent_back(app: Flask, program: Program) -> None:
    settings = settings_of(program) | {"backup_max_count": 14, "backup_enabled": False}
    answer = program("PUT", PATH, json=settings)
    assert answer.status_code == 200
    assert answer.json["settings"] == settings == settings_of(program)
    assert is_set(app, "backup_max_count") == 14


def test_the_whole_answer_can_be_sent_back(app: Flask, program: Program) -> None:
    got = program.get(PATH)
    got["settings"]["backup_max_count"] = 14
    answer = program("PUT", PATH, json=got)
    assert (answer.status_code, answer.json["settings"]) == (200, got["settings"])
    assert is_set(app, "backup_max_count") == 14


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"time_zone": "Asia/Tokyo"}, "time_zone"),
        ({"colour": "red"}, "colour"),
        ({"settings": {"colour": "red"}}, "colour"),
        ({"settings": {}}, "backup_enabled"),
    ],
)
def test_what_cannot_be_changed_in_the_whole_answer_is_refused_by_its_name(
    program: Program, changes: dict[str, Any], field: str
) -> None:
    answer = program("PUT", PATH, json=program.get(PATH) | changes)
    assert (answer.status_code, answer.json["field"]) == (422, field)


def test_the_change_is_in_the_audit_log_under_the_token_and_its_owner(
    app: Flask, program: Program
) -> None:
    program("PUT", PATH, json=settings_of(program) | {"backup_enabled": False})
    with app.app_context():
        event = db.session.scalars(db.select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert event is not None
        assert (event.action, event.actor_name, event.actor_id) == (
            "settings.update", "ada (token script)", 1,
        )  # fmt: skip
        assert event.changes == {"backup_enabled": [True, False]}


def test_a_dry_run_says_what_retention_would_remove_and_saves_nothing(
    app: Flask, program: Program
) -> None:
    made = make(app, Kind.SCHEDULED, 3)
    settings = settings_of(program) | {"backup_max_count": 2}
    answer = program("PUT", f"{PATH}?dry_run=true", json=settings)
    preview = answer.json["retention"]
    assert [each["id"] for each in preview["kept"]] == [None, made[2]]
    assert [each["id"] for each in preview["removed"]] == [made[1], made[0]]
    assert preview["freed_bytes"] == sum(each["size_bytes"] for each in preview["removed"]) > 0
    assert is_set(app, "backup_max_count") == 10
    assert answer.json["settings"] == settings


def test_a_dry_run_refuses_what_saving_would_refuse(app: Flask, program: Program) -> None:
    settings = settings_of(program) | {"backup_cron_expression": "61 * * * *"}
    for path in (PATH, f"{PATH}?dry_run=true"):
        answer = program("PUT", path, json=settings)
        assert (answer.status_code, answer.json["field"]) == (422, "backup_cron_expression")
        assert "61" in answer.json["detail"]
    assert is_set(app, "backup_cron_expression") == "0 3 * * *"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("backup_max_count", 0), ("backup_max_count", "10"), ("backup_max_count", 1.5),
        ("backup_max_count", True), ("backup_max_count", 10**30), ("backup_keep_daily", None),
        ("backup_enabled", "on"), ("backup_restore_test", "hourly"), ("backup_restore_test", ""),
        ("backup_cron_expression", "0 0 31 2 *"), ("backup_cron_expression", "* " * 300),
        ("backup_cron_expression", "0 3 * * *\0"), ("site_name", "Home"), ("time_zone", "UTC"),
        ("backup_colour", "red"),
    ],
)  # fmt: skip
def test_what_a_setting_may_not_hold_is_refused_by_its_name(
    app: Flask, program: Program, name: str, value: object
) -> None:
    settings = settings_of(program) | {"backup_keep_weekly": 4, name: value}
    answer = program("PUT", PATH, json=settings)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_field")
    assert answer.json["field"] == name
    assert is_set(app, "backup_keep_weekly") == 0


def test_a_setting_that_is_missing_is_refused_by_its_name(program: Program) -> None:
    settings = settings_of(program)
    del settings["backup_stale_after_h"]
    answer = program("PUT", PATH, json=settings)
    assert (answer.status_code, answer.json["field"]) == (422, "backup_stale_after_h")


def test_of_two_programs_the_second_learns_that_the_schedule_changed(
    app: Flask, program: Program
) -> None:
    read = program("GET", PATH)
    first = read.json["settings"] | {"backup_max_count": 11}
    second = read.json["settings"] | {"backup_max_count": 12}
    seen = {"If-Match": read.headers["ETag"]}
    saved = program("PUT", PATH, json=first, headers=seen)
    refused = program("PUT", PATH, json=second, headers=seen)
    assert (saved.status_code, refused.status_code) == (200, 412)
    assert refused.json["code"] == "precondition_failed"
    assert is_set(app, "backup_max_count") == 11
    again = {"If-Match": saved.headers["ETag"]}
    assert program("PUT", PATH, json=second, headers=again).status_code == 200


def test_the_schedule_can_be_set_while_the_backup_folder_is_away(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(program) | {"backup_max_count": 12}

    def fail(*_args: object, **_more: object) -> None:
        raise StoreUnavailableError(Reason.UNCLASSIFIED, sentence="it is away")

    monkeypatch.setattr(LocalStore, "list", fail)
    answer = program("PUT", PATH, json=settings)
    assert (answer.status_code, answer.json["retention"]) == (200, None)
    assert settings_of(program) == settings


def test_a_schedule_of_a_restored_database_that_is_no_cron_is_shown_as_it_stands(
    app: Flask, program: Program
) -> None:
    with app.app_context():
        db.session.execute(
            db.text("UPDATE system_settings SET backup_cron_expression = 'every night'")
        )
        db.session.commit()
    found = program.get(PATH)
    assert found["settings"]["backup_cron_expression"] == "every night"
    assert found["next_runs"] == []


def test_a_token_without_the_scope_neither_reads_nor_sets_it(app: Flask, program: Program) -> None:
    others = Program(app, new_token(app, scopes=set(TokenScope) - {TokenScope.SCHEDULE}))
    assert others("GET", PATH).json["code"] == "scope_missing"
    assert others("PUT", PATH, json=settings_of(program)).json["code"] == "scope_missing"
