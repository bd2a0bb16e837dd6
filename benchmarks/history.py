"""What a year of history costs: its size, beside another shape of tables, and the pages with it.

The apps of the pages have made-up hosts, so their servers run no scheduler: nothing is looked up.
"""

from __future__ import annotations

import http.client
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from benchmarks.panel import Admin
from benchmarks.site import get, serving, weigh
from benchmarks.timing import Row, interleaved
from launcher.checks.outcome import Outcome
from launcher.checks.retention import prune_some
from launcher.checks.spec import CheckSpec
from launcher.checks.states import Result
from launcher.checks.store import write_history
from launcher.models.health import CheckKind, Health
from tests.support.many_apps import fill

_SIZED_APPS = 50
_PAGE_APPS = 500
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_TABLES = ("probes", "probe_hours", "probe_days")

# Uptime Kuma's shape, by its description: heartbeats with four indexes, and a table with an index
# for each length of time that is summed up. It keeps a day of heartbeats, as we do of probes.
_OTHER_SHAPE = """
CREATE TABLE heartbeat (
    id INTEGER PRIMARY KEY AUTOINCREMENT, important BOOLEAN NOT NULL DEFAULT 0,
    monitor_id INTEGER NOT NULL, status SMALLINT NOT NULL, msg TEXT, time DATETIME NOT NULL,
    ping INTEGER, duration INTEGER NOT NULL DEFAULT 0, down_count INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX heartbeat_important ON heartbeat (important);
CREATE INDEX heartbeat_monitor ON heartbeat (monitor_id);
CREATE INDEX heartbeat_monitor_time ON heartbeat (monitor_id, time);
CREATE INDEX heartbeat_monitor_important_time ON heartbeat (monitor_id, important, time);
"""
_OTHER_SUM = """
CREATE TABLE {table} (
    id INTEGER PRIMARY KEY AUTOINCREMENT, monitor_id INTEGER NOT NULL, timestamp INTEGER NOT NULL,
    ping FLOAT NOT NULL, up SMALLINT NOT NULL, down SMALLINT NOT NULL
);
CREATE UNIQUE INDEX {table}_monitor ON {table} (monitor_id, timestamp);
"""
_OTHER_KEEP = {"stat_minutely": _DAY, "stat_hourly": 30 * _DAY, "stat_daily": 365 * _DAY}


def measure_history(template: Path, *, runs: int) -> Iterator[Row]:
    """The size of a year, 50 apps checked each minute; then pages of 500 apps with it and without.

    `template` has no apps.
    """
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    ours, theirs = template.with_name("history.db"), template.with_name("other-history.db")
    shutil.copy(template / "launcher.db", ours)
    table = f"a year of history, {_SIZED_APPS} apps, a check each minute"
    ours_mb, theirs_mb = _our_size_mb(ours, now), _their_size_mb(theirs, now)
    yield Row(table, "size", ours_mb, "MB", "steps filled and pruned in the order of time")
    ratio = f"{theirs_mb / ours_mb:.1f} times ours; our SQL for the shape of Uptime Kuma's tables"
    yield Row(table, "heartbeats with four indexes, sums", theirs_mb, "MB", ratio)
    yield from _pages(template, runs=runs)


# --- size --------------------------------------------------------------------------------------


def _our_size_mb(database: Path, now: datetime) -> float:
    fill(database, apps=_SIZED_APPS)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        before = _size_mb(connection)
        connection.execute("BEGIN")
        for table in _TABLES:
            connection.execute(f"DELETE FROM {table}")
        ids = [row[0] for row in connection.execute("SELECT id FROM apps")]
        _fill_hours(connection, ids, now)
        for minute in range(2 * 1440):
            at = now - 2 * _DAY + minute * timedelta(minutes=1)
            write_history(connection, [_result(app_id, minute, at) for app_id in ids])
            if minute % 60 == 0:
                prune_some(connection, now=at, after_id=-1, apps=len(ids))
        connection.execute("COMMIT")
        return _size_mb(connection) - before


def _fill_hours(connection: sqlite3.Connection, ids: list[int], now: datetime) -> None:
    """Fill the longer steps until two days ago: days of 13 months and hours of 60 days."""
    at = (now - 395 * _DAY).replace(hour=0)
    while at < now - 2 * _DAY:
        at_s = int(at.timestamp())
        for table, is_due, checks in (
            ("probe_hours", now - at < 60 * _DAY, 60),
            ("probe_days", at.hour == 0, 1440),
        ):
            if is_due:
                connection.executemany(
                    f"INSERT INTO {table} VALUES (?, ?, ?, ?, 0, 9, 80, ?)",
                    [(app_id, at_s, checks, checks, checks * 32) for app_id in ids],
                )
        if at.hour == 0:
            prune_some(connection, now=at, after_id=-1, apps=len(ids))
        at += _HOUR


def _result(app_id: int, minute: int, at: datetime) -> Result:
    spec = CheckSpec(app_id, CheckKind.HTTP, f"https://app-{app_id}.home.arpa")
    outcome = Outcome(Health.UP, ms=12 + (minute * 7 + app_id) % 40, code=200)
    return Result(spec, outcome, at, at)


def _their_size_mb(database: Path, now: datetime) -> float:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.executescript(_OTHER_SHAPE)
        for table in _OTHER_KEEP:
            connection.executescript(_OTHER_SUM.format(table=table))
        connection.execute("BEGIN")
        at = (now - 395 * _DAY).replace(hour=0)
        while at < now:
            if at.hour == 0:
                _add_sum(connection, "stat_daily", at, 1440)
            if now - at < 60 * _DAY:
                _add_sum(connection, "stat_hourly", at, 60)
            if now - at <= 2 * _DAY:
                _add_heartbeats(connection, at)
            if at.hour == 0 or now - at <= 2 * _DAY:
                for table, keep in _OTHER_KEEP.items():
                    before_s = int((at - keep).timestamp())
                    connection.execute(f"DELETE FROM {table} WHERE timestamp < ?", (before_s,))
                connection.execute("DELETE FROM heartbeat WHERE time < ?", (_text(at - _DAY),))
            at += _HOUR
        connection.execute("COMMIT")
        return _size_mb(connection)


def _add_heartbeats(connection: sqlite3.Connection, hour: datetime) -> None:
    for minute in range(60):
        at = hour + minute * timedelta(minutes=1)
        connection.executemany(
            "INSERT INTO heartbeat (important, monitor_id, status, msg, time, ping, duration)"
            " VALUES (0, ?, 1, '200 - OK', ?, ?, 60)",
            [
                (number, _text(at), 12 + (minute * 7 + number) % 40)
                for number in range(1, _SIZED_APPS + 1)
            ],
        )
        _add_sum(connection, "stat_minutely", at, 1)


def _add_sum(connection: sqlite3.Connection, table: str, at: datetime, checks: int) -> None:
    connection.executemany(
        f"INSERT INTO {table} (monitor_id, timestamp, ping, up, down) VALUES (?, ?, 32.5, ?, 0)",
        [(number, int(at.timestamp()), checks) for number in range(1, _SIZED_APPS + 1)],
    )


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}.000"


def _size_mb(connection: sqlite3.Connection) -> float:
    """Return the size of the pages that are in use."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return float((pages - free) * size / 1e6)


# --- pages -------------------------------------------------------------------------------------


def _pages(template: Path, *, runs: int) -> Iterator[Row]:
    without, past = template.with_name("no-history"), template.with_name("a-year-of-history")
    shutil.copytree(template, without)
    fill(without / "launcher.db", apps=_SIZED_APPS, slug="few")
    fill(without / "launcher.db", apps=_PAGE_APPS)
    with closing(sqlite3.connect(without / "launcher.db")) as connection, connection:
        # Nothing is checked here, and yet no result is overdue.
        connection.execute("UPDATE system_settings SET check_interval_s = 3600")
        (app_id,) = connection.execute("SELECT max(app_id) FROM check_states").fetchone()
    shutil.copytree(without, past)
    fill(past / "launcher.db", apps=1, slug="history", with_history=True)
    with ExitStack() as stack:
        ports = [
            stack.enter_context(serving(each, workers=1, LAUNCHER_SCHEDULER="off"))
            for each in (without, past)
        ]
        admins = [Admin(port) for port in ports]
        yield from _compared(ports, admins, f"/apps/{app_id}/health", runs=runs)
        table = f"start page, {_SIZED_APPS} apps, a year of history"
        headers = {"Cookie": admins[1].cookie}
        yield from weigh(ports[1], "/b/few", table=table, what="page", **headers)
        renewed = get(ports[1], "/b/few/health", **headers, **{"Accept-Encoding": "gzip"})[1]
        yield Row(table, "refresh, compressed", len(renewed) / 1000, "kB")


def _compared(
    ports: list[int], admins: list[Admin], page_of_app: str, *, runs: int
) -> Iterator[Row]:
    table = f"{_PAGE_APPS} apps, over HTTP"
    for what, path, is_same in (
        ("start page", "/b/many", False),
        ("refresh", "/b/many/health", False),
        ("refresh, nothing changed", "/b/many/health", True),
        ("Administration → Health", "/admin/health", False),
        ("health of one app", page_of_app, False),
    ):
        calls: dict[str, Callable[[], float]] = {}
        for name, port, admin in zip(("without", "with"), ports, admins, strict=True):
            headers = {"Cookie": admin.cookie, "Accept-Encoding": "gzip"}
            if is_same:
                headers["If-None-Match"] = _tag(port, path, headers)
            expected = http.client.NOT_MODIFIED if is_same else http.client.OK
            calls[name] = partial(_timed_s, port, path, expected, headers)
        interleaved(5, **calls)
        median = interleaved(runs * 20, **calls)
        ratio = median["with"] / median["without"]
        note = f"{ratio:.2f} times the {median['without'] * 1000:.1f} ms without"
        yield Row(table, f"{what}, a year of history", median["with"] * 1000, "ms", note)


def _timed_s(port: int, path: str, expected: int, headers: dict[str, str]) -> float:
    began = time.perf_counter()
    status, _ = get(port, path, **headers)
    took_s = time.perf_counter() - began
    if status != expected:
        raise RuntimeError(f"{path} answers {status}")
    return took_s


def _tag(port: int, path: str, headers: dict[str, str]) -> str:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.headers["ETag"] or ""
