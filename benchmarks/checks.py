"""What health checks cost: 500 a minute, 50 of them without an answer, beside a server with none.

Both servers run at the same time, so that whatever else the machine does meets both. What is
checked runs in a process of its own and counts for neither.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import pairwise
from pathlib import Path

from benchmarks.core import filled_copy
from benchmarks.idle import cpu_s, own_mb, workers_of
from benchmarks.site import get, serving
from benchmarks.timing import ROOT, Row
from launcher.schedule.leader import leader
from tests.support.many_apps import fill

APPS = 500
HANGING = 50
INTERVAL_S = 60.0
SETTLE_S = 100.0  # the first checks run at once, and each has its slot 90 seconds later
WITHIN = 0.1

_SERVER = """
import asyncio, json, sys, time
visits = {}
async def serve(reader, writer):
    try:
        head = await reader.readuntil(b"\\r\\n\\r\\n")
        number = int(head.split()[1][1:])
        visits.setdefault(number, []).append(time.monotonic())
        if number < int(sys.argv[1]):
            await asyncio.sleep(3600)
        writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
        await writer.drain()
    except Exception:
        pass
    finally:
        writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    print(json.dumps(visits), flush=True)
    import os
    os._exit(0)
asyncio.run(main())
"""


def measure_checks(template: Path, folder: Path, *, seconds: float) -> Iterator[Row]:
    """Processor time, memory, transactions, punctuality, and what a page takes meanwhile."""
    with ExitStack() as stack:
        on, off = (filled_copy(template, folder / f"checks-{name}") for name in ("on", "off"))
        port, visits = stack.enter_context(_counting())
        for data_dir in (on, off):
            fill(data_dir / "launcher.db", apps=APPS)
            _point_at(data_dir / "launcher.db", port, is_on=data_dir is on)
        port_on = stack.enter_context(serving(on, workers=2))
        port_off = stack.enter_context(serving(off, workers=2))
        time.sleep(SETTLE_S)
        _show_the_same(on / "launcher.db", off / "launcher.db")
        leaders = [leader(data_dir / "locks") for data_dir in (on, off)]
        pids = [found.pid for found in leaders if found is not None]
        began = time.monotonic()
        # Without pages: the one that leads serves any share of them, which costs more than checks.
        before = [cpu_s([pid]) for pid in pids]
        transactions = _transactions(on / "launcher.db", max(seconds, 2.5 * INTERVAL_S))
        passed_s = time.monotonic() - began
        spent = [cpu_s([pid]) - earlier for pid, earlier in zip(pids, before, strict=True)]
        memory = [own_mb([pid]) for pid in pids]
        pages = _pages_ms([port_on, port_off], seconds)
        with closing(sqlite3.connect(on / "launcher.db")) as database:
            (cost,) = database.execute("SELECT cost FROM checks_run").fetchone()
        workers = [len(workers_of(data_dir)) for data_dir in (on, off)]
        found = [pair for times in visits().values() for pair in pairwise(times)]
    gaps = [later - earlier for earlier, later in found if earlier > began]
    punctual = sum(abs(gap - INTERVAL_S) <= WITHIN * INTERVAL_S for gap in gaps) / len(gaps)
    facts = json.loads(cost)
    table = f"health checks, {APPS} a minute, {HANGING} hanging, {workers[0]} workers"
    beside = "beyond a leader whose checks are off"
    yield Row(table, "CPU of one core", (spent[0] - spent[1]) / passed_s * 100, "%", beside)
    yield Row(table, "CPU of one core, as Launcher says", facts["cpu_share"] * 100, "%")
    yield Row(table, "memory", memory[0] - memory[1], "MB", beside)
    yield Row(table, "checks begun", facts["checks_per_min"], "/min")
    yield Row(table, "within 10 % of their interval", punctual * 100, "%", f"of {len(gaps)}")
    yield Row(table, "begun in time, as Launcher says", (1 - facts["late_share"]) * 100, "%")
    yield Row(table, "transactions", transactions * 60 / passed_s, "/min")
    medians = [statistics.median(times) for times in pages]
    yield Row(table, "start page, median", medians[0], "ms", f"{medians[1]:.1f} without checks")
    yield Row(table, "start page, with by without", medians[0] / medians[1], "")


@contextmanager
def _counting() -> Iterator[tuple[int, Callable[[], dict[str, list[float]]]]]:
    """Serve in a process of its own; yield its port, and what returns the visits at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(HANGING)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    reading, writing = process.stdout, process.stdin

    def visits() -> dict[str, list[float]]:
        writing.write("\n")
        writing.flush()
        return json.loads(reading.readline())  # type: ignore[no-any-return]

    try:
        yield int(reading.readline()), visits
    finally:
        process.kill()
        process.wait()


def _point_at(database: Path, port: int, *, is_on: bool) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE system_settings SET checks_enabled = ?", (is_on,))
        connection.execute("DELETE FROM check_states")
        connection.execute("UPDATE health_checks SET paused_until = NULL")
        (first,) = connection.execute("SELECT min(id) FROM apps").fetchone()
        connection.execute(
            "UPDATE apps SET url = 'http://127.0.0.1:' || ? || '/' || (id - ?)", (port, first)
        )


def _show_the_same(source: Path, target: Path) -> None:
    """Copy the states, so that both servers show the same page; none is overdue there."""
    with closing(sqlite3.connect(target, isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS other", (str(source),))
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM check_states")
        connection.execute("INSERT INTO check_states SELECT * FROM other.check_states")
        connection.execute("UPDATE system_settings SET check_interval_s = 3600")
        connection.execute("COMMIT")


def _transactions(path: Path, seconds: float) -> int:
    """Return how many transactions changed a database within some seconds."""
    found, end = 0, time.monotonic() + seconds
    with closing(sqlite3.connect(path)) as database:
        version = database.execute("PRAGMA data_version").fetchone()
        while time.monotonic() < end:
            time.sleep(0.1)
            newer = database.execute("PRAGMA data_version").fetchone()
            found += newer != version
            version = newer
    return found


def _pages_ms(ports: Sequence[int], seconds: float) -> list[list[float]]:
    """Return how long the page took each time, twice a second; each server is first in turn."""
    times: list[list[float]] = [[] for _ in ports]
    for number in range(int(seconds * 2)):
        began = time.monotonic()
        for index in sorted(range(len(ports)), reverse=number % 2 == 1):
            times[index].append(_page_ms(ports[index]))
        time.sleep(max(0.0, 0.5 - (time.monotonic() - began)))
    return times


def _page_ms(port: int) -> float:
    began = time.perf_counter()
    get(port, "/")
    return (time.perf_counter() - began) * 1000
