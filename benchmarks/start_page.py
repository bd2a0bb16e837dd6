"""The start page by its number of apps: server time, weight, saving, when it is seen, memory."""

from __future__ import annotations

import http.client
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from benchmarks.arrival import arrive, chromium
from benchmarks.panel import Admin
from benchmarks.saving import measure_saving
from benchmarks.site import get, serving, weigh, whole_memory
from benchmarks.timing import ROOT, Row, environment, interleaved
from tests.support.many_apps import fill

_COUNTS = (24, 50, 500)
_CLIENTS = 4
_PACKED = {"Accept-Encoding": "gzip"}
_HISTORY = ("probes", "probe_hours", "probe_days")

# 24 apps in four sections with status, an empty cache, Chromium, medians, on another day and
# machine; "slow" is a quarter of the processor on 10 Mbit/s and 40 ms.
_MEASURED_ELSEWHERE = {
    "Homer 26.04": (573, 2443, 490),
    "Homepage 1.12": (1300, 3425, 350),
    "Dashy 4.0": (1156, 4171, 1469),
}


def measure_start(template: Path, *, runs: int, requests: int) -> Iterator[Row]:
    """The start page of boards of some sizes, with a year of history and without."""
    with_history = template.with_name("with-history")
    with closing(sqlite3.connect(template / "launcher.db")) as connection, connection:
        for table in _HISTORY:
            connection.execute(f"DELETE FROM {table}")
    for apps in _COUNTS:
        fill(template / "launcher.db", apps=apps, slug=f"with-{apps}")
    shutil.copytree(template, with_history)
    fill(with_history / "launcher.db", apps=1, slug="history", with_history=True)
    with ExitStack() as stack:
        off = {"LAUNCHER_SCHEDULER": "off"}
        port = stack.enter_context(serving(template, workers=1, **off))
        past_port = stack.enter_context(serving(with_history, workers=1, **off))
        admin, past_admin = Admin(port), Admin(past_port)
        visitors = {
            "signed in": (port, {"Cookie": admin.cookie}),
            "guest": (port, {}),
            "signed in, a year of history": (past_port, {"Cookie": past_admin.cookie}),
            "guest, a year of history": (past_port, {}),
        }
        for apps in _COUNTS:
            still = template.with_name(f"still-{apps}.html")
            still.write_bytes(admin.get(_path(apps)))
            yield from _server_time(still, visitors, apps=apps, runs=runs)
        yield from _processor_time(template, "without history", admin.cookie, runs)
        yield from _processor_time(with_history, "a year of history", past_admin.cookie, runs)
        for apps in _COUNTS:
            yield from weigh(
                port, _path(apps), table="start page, weight", what=f"{apps} apps",
                Cookie=admin.cookie,
            )  # fmt: skip
        for apps in _COUNTS[1:]:
            yield from measure_saving(port, admin, apps=apps, slug=f"with-{apps}", runs=runs)
        yield from _seen(port, admin, runs)
        yield from _memory(port, requests)


def _path(apps: int) -> str:
    return f"/b/with-{apps}"


def _server_time(
    still: Path, visitors: Mapping[str, tuple[int, dict[str, str]]], *, apps: int, runs: int
) -> Iterator[Row]:
    """Over HTTP, each with a connection of its own, beside the same page from memory."""
    settings = {"STILL_PAGE": str(still), "LAUNCHER_SCHEDULER": "off"}
    folder = still.with_suffix("")
    with serving(folder, workers=1, app="benchmarks.still:app", **settings) as other:
        calls = {"still": partial(_timed, other, "/")} | {
            who: partial(_timed, port, _path(apps), **headers)
            for who, (port, headers) in visitors.items()
        }
        interleaved(5, **calls)
        median = interleaved(runs * 20, **calls)
    table = f"start page, {apps} apps, over HTTP"
    for name in visitors:
        ratio = f"{median[name] / median['still']:.1f} times the same page from memory"
        yield Row(table, name, median[name] * 1000, "ms", ratio)
    yield Row(table, "the same page from memory", median["still"] * 1000, "ms", "same gunicorn")


def _timed(port: int, path: str, **headers: str) -> float:
    began = time.perf_counter()
    status, _ = get(port, path, **_PACKED, **headers)
    if status != http.client.OK:
        raise RuntimeError(f"{path} answers {status}")
    return time.perf_counter() - began


def _processor_time(data_dir: Path, what: str, cookie: str, runs: int) -> Iterator[Row]:
    """In one process, without a network: other work on the machine counts little."""
    paths = [_path(apps) for apps in _COUNTS]
    for who, held in (("signed in", cookie), ("guest", "")):
        lines = run_tool(data_dir, "inside", str(runs * 10), held, *paths)
        for apps, line in zip(_COUNTS, lines, strict=True):
            statements = len(run_tool(data_dir, "statements", _path(apps), held))
            yield Row(
                f"start page, processor time, {what}", f"{apps} apps, {who}",
                float(line.split()[1]), "ms", f"{statements} statements, BEGIN included",
            )  # fmt: skip


def run_tool(data_dir: Path, name: str, *words: str) -> list[str]:
    """Run a tool of this package with a data directory; return the lines that it prints."""
    return subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *words],
        cwd=ROOT,
        env=environment(data_dir, LAUNCHER_SCHEDULER="off"),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()


def _seen(port: int, admin: Admin, runs: int) -> Iterator[Row]:
    with chromium() as browser:
        for is_slow in (False, True):
            how = "processor ÷ 4, 10 Mbit/s, 40 ms" if is_slow else "unthrottled"
            table = f"start page, last tile seen, empty cache, {how}"
            for apps in _COUNTS:
                url = f"http://127.0.0.1:{port}{_path(apps)}"
                found = arrive(
                    browser, url, cookie=admin.cookie, is_slow=is_slow, visits=max(3, runs)
                )
                note = (
                    f"{found.requests:.0f} requests, {found.received_kb:.0f} kB,"
                    f" all icons included; layout shift {found.shift:.3f}"
                )
                yield Row(table, f"{apps} apps", found.last_tile_ms, "ms", note)
                if apps == _COUNTS[0]:
                    ours = found
            for name, (fast_ms, slow_ms, kilobytes) in _MEASURED_ELSEWHERE.items():
                theirs_ms = slow_ms if is_slow else fast_ms
                note = (
                    f"measured elsewhere; {theirs_ms / ours.last_tile_ms:.1f} times ours,"
                    f" {kilobytes / ours.received_kb:.0f} times the bytes"
                )
                yield Row(table, f"{name}, 24 apps", theirs_ms, "ms", note)


def _memory(port: int, requests: int) -> Iterator[Row]:
    """All processes, after the same page was asked for again and again by a few clients."""
    for path in map(_path, _COUNTS):
        for _ in range(20):
            _timed(port, path)
    table = "start page, memory of all processes"
    before_mb = whole_memory(port)
    clients = [
        threading.Thread(target=_press, args=(port, requests // _CLIENTS)) for _ in range(_CLIENTS)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    after_mb = whole_memory(port)
    yield Row(table, "before", before_mb, "MB", "what they share counts once")
    yield Row(
        table, f"after {requests:,} requests", after_mb, "MB", f"{after_mb - before_mb:+.1f} MB"
    )


def _press(port: int, count: int) -> None:
    for _ in range(count):
        _timed(port, _path(50))
