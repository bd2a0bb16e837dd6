"""*Find* by the number of apps: time and weight of an answer, alone and for ten people at once."""

from __future__ import annotations

import http.client
import sqlite3
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import quote

from benchmarks.panel import Admin
from benchmarks.site import get, serving
from benchmarks.start_page import run_tool
from benchmarks.timing import Row, interleaved
from launcher.icons.drawn import Kind, drawn_set
from tests.support.many_apps import fill

_COUNTS = (500, 5000)
_PEOPLE = 10
_START = "/b/home"
_PART = {"HX-Request": "true", "Accept-Encoding": "gzip"}
_PATHS = {
    "nothing typed": "/find?q=",
    "one letter": f"/find?q={quote('a')}",
    "the name begins so": f"/find?q={quote('jelly')}",
    "two words, of name and tag": f"/find?q={quote('lab jel')}",
    "of the description": f"/find?q={quote('number')}",
    "a port": f"/find?q={quote(':8096')}",
    "a typing error": f"/find?q={quote('jelyfin')}",
    "a typing error in two words": f"/find?q={quote('jelyfin workshp')}",
    "another keyboard": f"/find?q={quote('оуддн')}",
    "nothing found": f"/find?q={quote('qqzzxx')}",
}
_TAGS = ("home", "lab", "family", "media", "work", "garden", "tools", "network")


def measure_find(template: Path, *, runs: int) -> Iterator[Row]:
    """Answers for a script: processor time, and over HTTP beside an answer from memory."""
    for apps in _COUNTS:
        data_dir = template.with_name(f"find-{apps}")
        template.rename(data_dir)
        template = data_dir
        fill(data_dir / "launcher.db", apps=apps - _count(data_dir), slug=f"find-{apps}")
        _name(data_dir / "launcher.db")
        with serving(data_dir, workers=1, LAUNCHER_SCHEDULER="off") as port:
            admin = Admin(port)
            weights = {path: len(admin.get(path, **_PART)) for path in _PATHS.values()}
            yield from _processor_time(data_dir, admin, weights, runs)
            yield from _over_http(data_dir, port, admin, runs)
        with serving(data_dir, LAUNCHER_SCHEDULER="off") as port:
            yield from _together(port, admin, apps, runs)


def _processor_time(
    data_dir: Path, admin: Admin, weights: Mapping[str, int], runs: int
) -> Iterator[Row]:
    """In one process, without a network: other work on the machine counts little."""
    asked = (_START, *_PATHS.values())
    lines = run_tool(data_dir, "inside", str(runs * 4), admin.cookie, "--part", *asked)
    took_ms = {path: float(value) for path, value in map(str.split, lines)}
    for what, path in _PATHS.items():
        times = took_ms[path] / took_ms[_START]
        note = f"{times:.1f} times the start page with 27 apps; {weights[path]:,} bytes"
        yield Row(f"{_table(data_dir)}, processor time", what, took_ms[path], "ms", note)


def _over_http(data_dir: Path, port: int, admin: Admin, runs: int) -> Iterator[Row]:
    path = _PATHS["the name begins so"]
    still = data_dir.with_name(f"{data_dir.name}.html")
    still.write_bytes(admin.get(path, **{"HX-Request": "true"}))
    settings = {"STILL_PAGE": str(still), "LAUNCHER_SCHEDULER": "off"}
    folder = still.with_suffix("").with_name(f"{data_dir.name}-still")
    with serving(folder, workers=1, app="benchmarks.still:app", **settings) as other:
        calls = {
            "found": partial(_timed, port, path, admin.cookie),
            "still": partial(_timed, other, "/", ""),
        }
        interleaved(5, **calls)
        median = interleaved(runs * 20, **calls)
    ratio = f"{median['found'] / median['still']:.1f} times the same answer from memory"
    table = f"{_table(data_dir)}, over HTTP"
    yield Row(table, "the name begins so", median["found"] * 1000, "ms", ratio)
    yield Row(table, "the same answer from memory", median["still"] * 1000, "ms", "same gunicorn")


def _table(data_dir: Path) -> str:
    return f"find, {int(data_dir.name.partition('-')[2]):,} apps"


def _together(port: int, admin: Admin, apps: int, runs: int) -> Iterator[Row]:
    """Ten people who type a word, a letter after the other, without waiting for the answers."""
    typed = [f"/find?q={'jellyfin'[:end]}" for end in range(1, 9)]
    asked = list(islice(cycle(typed), _PEOPLE * runs * 8))
    with ThreadPoolExecutor(_PEOPLE) as people:
        seconds = sorted(people.map(lambda path: _timed(port, path, admin.cookie), asked))
    table = f"find, {apps:,} apps, {_PEOPLE} people at once"
    yield Row(table, "median", seconds[len(seconds) // 2] * 1000, "ms", f"{len(seconds)} answers")
    yield Row(table, "19 of 20 within", seconds[len(seconds) * 19 // 20] * 1000, "ms")


def _count(data_dir: Path) -> int:
    with closing(sqlite3.connect(data_dir / "launcher.db")) as database:
        return int(database.execute("SELECT count(*) FROM apps").fetchone()[0])


def _name(database: Path) -> None:
    """Name all apps after brands, and give each a port, a second URL, a tag and search words."""
    titles = [each.title for each in drawn_set(Kind.BRAND).drawings.values()]
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany("INSERT OR IGNORE INTO tags (name) VALUES (?)", zip(_TAGS))
        tags = [row[0] for row in connection.execute("SELECT id FROM tags ORDER BY id")]
        ids = [row[0] for row in connection.execute("SELECT id FROM apps ORDER BY id")]
        for number, (id_, title) in enumerate(zip(ids, cycle(titles), strict=False)):
            place = ("", " Workshop", " Garden", " Family")[number // len(titles) % 4]
            connection.execute(
                "UPDATE apps SET name = ?, url_local = ?, keywords = ? WHERE id = ?",
                (f"{title}{place}", f"http://10.0.{number % 250}.2:{8000 + number % 900}",
                 f"service {number}", id_),
            )  # fmt: skip
            connection.execute(
                "INSERT OR IGNORE INTO app_tags (app_id, tag_id) VALUES (?, ?)",
                (id_, tags[number % len(tags)]),
            )


def _timed(port: int, path: str, cookie: str) -> float:
    began = time.perf_counter()
    status, _ = get(port, path, Cookie=cookie, **_PART)
    if status != http.client.OK:
        raise RuntimeError(f"{path} answers {status}")
    return time.perf_counter() - began
