"""What checks found is written with the states, the history and the outages, or dropped."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from launcher.checks import pauses
from launcher.checks.conditions import read_conditions
from launcher.checks.outcome import Certificate, Outcome, Reason
from launcher.checks.plan import OtherVersionError, Plan, Reader
from launcher.checks.retention import prune_some
from launcher.checks.states import Result
from launcher.checks.store import write
from launcher.current import current_config
from launcher.db.connect import connect, stored_moment
from launcher.extensions import db
from launcher.models.health import CheckKind, Health
from tests.support.checks import add_app, set_check

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
UP = Outcome(Health.UP, ms=40, code=200)
SLOW = Outcome(Health.SLOW, ms=2000, code=200)
DOWN = Outcome(Health.DOWN, Reason.REFUSED, {"port": 80})


@dataclass
class Site:
    """A live database, and the process that writes what checks find."""

    database: sqlite3.Connection
    now: datetime = NOON
    reader: Reader = field(default_factory=Reader)

    def plan(self) -> Plan:
        return self.reader.read(self.database)

    def result(self, app_id: int, outcome: Outcome, plan: Plan | None = None) -> Result:
        spec = (plan or self.plan()).checks[app_id].spec
        return Result(spec, outcome, self.now, self.now + timedelta(seconds=1))

    def write(self, *results: Result, **facts: object) -> Plan:
        return write(self.database, self.reader, results, now=self.now, **facts)  # type: ignore[arg-type]

    def see(self, *outcomes: Outcome, app_id: int = 1) -> None:
        """Check an app once a minute."""
        for outcome in outcomes:
            self.write(self.result(app_id, outcome))
            self.now += MINUTE

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return self.database.execute(query).fetchall()

    def state(self, app_id: int = 1) -> object:
        found = self.rows(f"SELECT state FROM check_states WHERE app_id = {app_id}")
        return found[0][0] if found else None


@pytest.fixture
def site(app: Flask) -> Iterator[Site]:
    with closing(connect(current_config(app).database_path)) as database:
        site = Site(database)
        add_app(site.database, 1)
        yield site


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def test_an_app_in_the_archive_is_not_checked_until_it_is_back(site: Site) -> None:
    site.see(DOWN)
    running = site.result(1, DOWN)
    site.database.execute("UPDATE apps SET archived_at = ?", (stored_moment(site.now),))
    assert site.plan().checks == {}
    site.write(running)
    assert site.rows("SELECT count(*) FROM probes") == [(1,)]
    assert site.rows("SELECT count(*) FROM outages WHERE ended_at IS NULL") == [(0,)]
    assert site.state() == "unknown"
    site.database.execute("UPDATE apps SET archived_at = NULL")
    assert list(site.plan().checks) == [1]


def test_a_result_becomes_a_state_and_history(site: Site) -> None:
    site.see(UP, SLOW, DOWN)
    assert site.rows("SELECT at, is_up, is_slow, ms, code, error FROM probes") == [
        (seconds(NOON), 1, 0, 40, 200, None),
        (seconds(NOON + MINUTE), 1, 1, 2000, 200, None),
        (seconds(NOON + 2 * MINUTE), 0, 0, None, None, "refused"),
    ]
    tier = (3, 2, 1, 40, 2000, 2040)
    columns = "at, probes, up, slow, ms_min, ms_max, ms_sum"
    assert site.rows(f"SELECT {columns} FROM probe_hours") == [(seconds(NOON), *tier)]
    assert site.rows(f"SELECT {columns} FROM probe_days") == [(seconds(NOON - 12 * HOUR), *tier)]
    (row,) = site.rows("SELECT state, last_at, last_ms, error, facts, streak FROM check_states")
    ended = stored_moment(NOON + 2 * MINUTE + timedelta(seconds=1))
    assert row == ("down", ended, None, "refused", '{"port": 80}', 1)
    assert site.rows("SELECT started_at, ended_at, error FROM outages") == [
        (seconds(NOON + 2 * MINUTE), None, "refused")
    ]


def test_an_app_without_a_check_of_its_own_is_checked_as_a_new_one(site: Site) -> None:
    site.database.execute("UPDATE system_settings SET check_interval_s = 90")
    check = site.plan().checks[1]
    assert (check.spec.kind, check.spec.address) == (CheckKind.HTTP, "http://host-1")
    assert check.spec.interval_s == 90


def test_a_result_of_an_app_that_is_gone_is_dropped(site: Site) -> None:
    result = site.result(1, UP)
    site.database.execute("DELETE FROM apps")
    site.write(result)
    assert site.rows("SELECT * FROM probes") == []
    assert site.state() is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE apps SET url = 'http://another'",
        "UPDATE health_checks SET keyword = 'Welcome'",
        "UPDATE health_checks SET is_enabled = 0",
        "UPDATE health_checks SET paused_until = '2026-11-22 13:00:00.000000'",
        "UPDATE checks_run SET paused_until = '2026-11-22 13:00:00.000000'",
        "UPDATE system_settings SET checks_enabled = 0",
    ],
)
def test_a_result_of_a_check_that_was_changed_meanwhile_is_dropped(site: Site, change: str) -> None:
    set_check(site.database, 1)
    result = site.result(1, DOWN)
    site.database.execute(change)
    site.write(result)
    assert site.rows("SELECT * FROM probes") == []
    assert site.rows("SELECT * FROM outages") == []


def test_another_interval_or_number_of_retries_keeps_the_result(site: Site) -> None:
    set_check(site.database, 1)
    result = site.result(1, UP)
    set_check(site.database, 1, interval_s=30, retries=5)
    site.write(result)
    assert site.state() == "up"


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ("UPDATE apps SET url = 'http://another'", "unknown"),
        ("UPDATE health_checks SET is_enabled = 0", "unknown"),
        ("UPDATE health_checks SET paused_until = '2026-11-22 13:00:00.000000'", "unknown"),
        ("UPDATE checks_run SET paused_until = '2026-11-22 13:00:00.000000'", "unknown"),
        ("UPDATE system_settings SET checks_enabled = 0", "unknown"),
        ("INSERT INTO maintenance_windows VALUES (1, NULL, '6', 720, 60)", "unknown"),
        ("INSERT INTO maintenance_windows VALUES (1, 1, '6', 720, 60)", "unknown"),
        ("UPDATE health_checks SET keyword = 'Welcome'", "down"),
    ],
)
def test_an_outage_ends_with_the_last_failure_once_no_one_looks(
    site: Site, change: str, state: str
) -> None:
    set_check(site.database, 1)
    site.see(DOWN, DOWN)
    site.database.execute(change)
    site.write()
    assert site.state() == state
    (ended_at,) = site.rows("SELECT ended_at FROM outages")[0]
    last = seconds(NOON + MINUTE) + 1
    assert ended_at == (last if state == "unknown" else None)
    site.write()
    assert len(site.rows("SELECT * FROM outages")) == 1


def test_outages_begin_and_end_with_what_is_measured(site: Site) -> None:
    site.see(DOWN, UP, DOWN, UP, UP, DOWN)
    assert site.rows("SELECT started_at, ended_at FROM outages") == [
        (seconds(NOON), seconds(NOON + MINUTE) + 1),
        (seconds(NOON + 2 * MINUTE), seconds(NOON + 3 * MINUTE) + 1),
        (seconds(NOON + 5 * MINUTE), None),
    ]


def test_a_batch_is_written_whole_or_not_at_all(site: Site) -> None:
    site.see(UP)

    def fail() -> None:
        raise sqlite3.OperationalError("no room")

    with pytest.raises(sqlite3.OperationalError):
        site.write(site.result(1, DOWN), and_then=fail)
    assert site.state() == "up"
    assert len(site.rows("SELECT * FROM probes")) == 1
    assert site.rows("SELECT * FROM outages") == []


def test_a_database_of_another_version_is_left_alone(site: Site) -> None:
    result = site.result(1, UP)
    site.database.execute("UPDATE alembic_version SET version_num = '0009'")
    with pytest.raises(OtherVersionError):
        site.write(result)
    assert site.rows("SELECT * FROM probes") == []


def test_what_the_checks_cost_and_being_offline_are_written_with_them(site: Site) -> None:
    plan = site.write(offline_since=NOON, cost={"checks_per_min": 12.5})
    assert plan.offline_since == NOON
    assert site.rows("SELECT offline_since, written_at, cost FROM checks_run") == [
        (stored_moment(NOON), stored_moment(NOON), '{"checks_per_min": 12.5}')
    ]
    assert site.write().offline_since is None


@pytest.mark.parametrize(
    "odd",
    [
        {"headers": "[1]", "headers_for": "http://host-1:80"},
        {"url": b"\xff", "target": "other"},
        {"accept": "many"},
        {"interval_s": None},
        {"paused_until": "yesterday"},
        {"ca_pem": "-----BEGIN"},
    ],
)
def test_odd_rows_stop_no_other_check(site: Site, odd: dict[str, object]) -> None:
    add_app(site.database, 2)
    set_check(site.database, 1, **odd)
    assert set(site.plan().checks) == {1, 2}
    site.write(site.result(1, UP), site.result(2, UP))
    assert site.state(2) == "up"


def test_thousands_of_maintenance_windows_are_bounded(
    site: Site, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest 20 of an app and of all count, each worked out once, before the lock."""
    for app_id in range(2, 50):
        add_app(site.database, app_id)
    windows = "INSERT INTO maintenance_windows (app_id, days, starts_at_min, minutes)"
    row = f"{windows} VALUES (?, '0123456', ?, 60)"
    site.database.executemany(row, [(None, number % 600) for number in range(5000)])
    site.database.executemany(row, [(1, 720)] + [(1, number % 600) for number in range(5000)])
    site.database.executemany(row, [(2, number % 600) for number in range(21)] + [(2, 720)])
    in_lock: list[bool] = []

    def times(*arguments: object) -> Iterator[tuple[datetime, datetime]]:
        in_lock.append(site.database.in_transaction)
        return original(*arguments)  # type: ignore[arg-type]

    original = pauses._times
    monkeypatch.setattr("launcher.checks.pauses._times", times)
    site.now = NOON + 7 * MINUTE
    plan = site.write(site.result(1, UP), site.result(2, UP))
    assert {app_id: len(each) for app_id, each in plan.windows.items()} == {None: 20, 1: 20, 2: 20}
    assert site.rows("SELECT app_id FROM probes") == [(1,)], "the newest window pauses app 2"
    assert len(in_lock) <= 60
    assert not any(in_lock)
    with app.app_context():
        conditions = read_conditions(db.session, now=site.now, interval_s=60, zone=ZoneInfo("UTC"))
    assert set(conditions.pauses) == {2}


def test_only_rows_that_changed_are_read_again(site: Site) -> None:
    add_app(site.database, 2)
    before = site.plan().checks
    site.database.execute("UPDATE apps SET url = 'http://another' WHERE id = 2")
    after = site.plan().checks
    assert after[1] is before[1]
    assert after[2].spec != before[2].spec


def test_what_was_written_is_known_as_it_is_stored(site: Site) -> None:
    """So a later reading finds nothing new, and the checks are not planned again."""
    add_app(site.database, 2)
    site.see(DOWN, app_id=2)
    certificate = Certificate(NOON + 90 * DAY, NOON - DAY, "Authority", ("host-1",))
    result = site.result(1, replace(SLOW, certificate=certificate))
    written = site.write(result, site.result(2, UP), offline_since=NOON)
    assert site.plan() is written
    stored = Reader().read(site.database)
    assert stored == written
    assert stored.checks[1].standing == written.checks[1].standing
    assert written.offline_since == NOON


def test_what_another_process_changed_since_the_last_reading_is_known(site: Site) -> None:
    written = site.write(site.result(1, UP))
    for change in (
        "UPDATE apps SET url = 'http://another'",
        "UPDATE system_settings SET time_zone = 'Asia/Tokyo'",
        "UPDATE checks_run SET paused_by = 'Ada'",
        "UPDATE check_states SET streak = 9",
        "INSERT INTO maintenance_windows (days, starts_at_min, minutes) VALUES ('0', 60, 60)",
    ):
        before = site.plan()
        site.database.execute(change)
        assert site.plan() != before, change
    assert site.plan().checks[1].standing != written.checks[1].standing


def test_a_text_that_is_no_utf_8_stops_no_check(site: Site) -> None:
    add_app(site.database, 2)
    site.database.execute("UPDATE apps SET url = CAST(X'687474703A2F2FFF' AS TEXT) WHERE id = 1")
    assert site.plan().checks[1].spec.address == "http://\ufffd"
    site.see(UP, app_id=2)
    assert site.state(2) == "up"


def test_a_year_leaves_no_more_than_its_tiers(site: Site) -> None:
    """A check every ten minutes, by a clock in hand: raw for a day, hours, days for a year."""
    site.now = NOON
    plan = site.plan()
    for _ in range(400):
        results = []
        for _ in range(144):
            results.append(site.result(1, UP, plan))
            site.now += 10 * MINUTE
        site.write(*results, and_then=lambda: prune_some(site.database, now=site.now, after_id=0))
    assert len(site.rows("SELECT * FROM probes")) == 144
    assert len(site.rows("SELECT * FROM probe_hours")) == 720
    assert len(site.rows("SELECT * FROM probe_days")) in {365, 366}
    assert site.rows("SELECT DISTINCT probes FROM probe_hours") == [(6,)]


def test_what_a_clock_recorded_that_was_wrong_is_removed(site: Site) -> None:
    site.see(UP, DOWN)
    site.now = NOON + 30 * DAY
    site.see(UP, DOWN)
    site.now = NOON + HOUR
    prune_some(site.database, now=site.now, after_id=0)
    assert site.rows("SELECT count(*) FROM probes") == [(2,)]
    assert site.rows("SELECT sum(probes) FROM probe_hours") == [(2,)]
    assert site.rows("SELECT sum(probes) FROM probe_days") == [(2,)]
    assert site.rows("SELECT started_at FROM outages") == [(seconds(NOON + MINUTE),)]


def test_an_outage_that_a_wrong_clock_ended_ahead_ends_with_the_last_check_that_failed(
    site: Site,
) -> None:
    site.see(UP, DOWN, DOWN)
    site.now = NOON + 30 * DAY
    site.see(DOWN, UP)
    assert site.rows("SELECT ended_at > started_at + 2000000 FROM outages") == [(1,)]
    site.now = NOON + HOUR
    prune_some(site.database, now=site.now, after_id=0)
    assert site.rows("SELECT ended_at - started_at FROM outages") == [(60,)]


def test_pruning_goes_through_all_apps_in_small_steps(site: Site) -> None:
    for app_id in range(2, 12):
        add_app(site.database, app_id)
    plan = site.plan()
    site.write(*(site.result(app_id, DOWN, plan) for app_id in range(1, 12)))
    site.write(*(site.result(app_id, UP, plan) for app_id in range(1, 12)))
    later, after_id, steps = NOON + 366 * DAY, 0, 0
    while True:
        found = prune_some(site.database, now=later, after_id=after_id, apps=4)
        steps += 1
        if found is None:
            break
        after_id = found
    assert steps == 3
    for table in ("probes", "probe_hours", "probe_days", "outages"):
        assert site.rows(f"SELECT * FROM {table}") == []
