"""A database from elsewhere may hold a schedule that the settings would never take."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from launcher.backup import BackupService
from launcher.config import Config
from launcher.current import current_backups, current_config
from launcher.i18n.app import speaking
from launcher.schedule import cron
from launcher.web.admin.schedule.cron_words import cron_words
from launcher.web.admin.schedule.form import Preset, find_preset
from tests.support.service import run
from tests.web.restoring import ended, operation_of, restore, text_of
from tests.web.visitor import Visitor

LIST = "/admin/backups"
ODD = [
    "*/0 * * * *",
    "0 3 1 13 *",
    "0 3 31 2 *",
    "05:30 3 * * *",  # read by the form as half past five, were it not for the rest
    "* * * * * *",
    "every day",
    "",
    "9" * 5000 + " 3 * * *",
]
TERMS = st.sampled_from([
    "*", "0", "1", "7", "12", "13", "31", "60", "05:30", "*/0", "*/1", "*/2", "*/99", "0/0", "5/2",
    "1-5", "5-1", "1-5/0", "1-5/2", "L", "LW", "5L", "9L", "#1", "1#5", "1#6", "mon", "sun-sat",
    "mon#2", "jan", "dec-jan", "x", "²", "-1", "/", "-", ",", "@daily",
])  # fmt: skip
EXPRESSIONS = st.one_of(
    st.lists(st.lists(TERMS, min_size=1, max_size=3).map(",".join), max_size=7).map(" ".join),
    st.text(alphabet="0123456789*/,-#L @abfnrismoe\x00٣²W?", max_size=40),
)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(EXPRESSIONS, st.sampled_from(["en", "de", "ru"]))
def test_every_expression_has_words_and_runs_or_neither(
    app: Flask, expression: str, language: str
) -> None:
    now, zone = datetime.now(UTC), ZoneInfo("Europe/Berlin")

    with app.app_context(), speaking(language, "Europe/Berlin"):
        words = cron_words(expression)
        preset, _ = find_preset(expression)

    runs = cron.next_runs(expression, after=now, zone=zone, count=3)
    assert all(run > now for run in runs)
    last = cron.last_due(expression, now=now, zone=zone)
    assert last is None or last <= now
    assert bool(runs) == cron.comes_due(expression)
    if not runs:
        assert (words, preset) == (expression, Preset.OWN)


@pytest.mark.parametrize("expression", ODD)
def test_such_a_schedule_is_shown_as_it_stands(
    ada: Visitor, service: BackupService, config: Config, expression: str
) -> None:
    backup_id = _backup_with(service, config, expression)

    for path in ("/", LIST, f"{LIST}/schedule", "/admin/jobs", "/healthz"):
        assert ada.open(path).status_code == 200, path
    plan = ada.open(f"{LIST}/{backup_id}/restore")
    deletion = ada.open(f"{LIST}/{backup_id}/delete")

    assert plan.status_code == 200
    said = f"The same here and in the backup: {expression} · retention:"
    assert " ".join(said.split()) in text_of(plan.text)
    assert "until you create one" in deletion.text  # it is the last good one, and none is due


@pytest.mark.parametrize("expression", ["*/0 * * * *", "0 3 31 2 *"])
def test_a_backup_with_such_a_schedule_can_be_restored(
    ada: Visitor, service: BackupService, config: Config, expression: str
) -> None:
    answer = restore(ada, _backup_with(service, config, expression))
    ended(service, operation_of(answer))

    outcome = text_of(ada.open(answer.location).text)

    assert "Restored to today" in outcome
    assert expression in outcome
    assert "Next backup:" not in outcome


@pytest.fixture
def service(app: Flask) -> BackupService:
    return current_backups(app)


@pytest.fixture
def config(app: Flask) -> Config:
    return current_config(app)


def _backup_with(service: BackupService, config: Config, expression: str) -> str:
    change = "UPDATE system_settings SET backup_cron_expression = ?"
    run(config.database_path, change, expression)
    return service.create(by="ada").id
