"""The API: a page of 10,000 backups, the status, and the memory that a large file takes."""

from __future__ import annotations

import http.client
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import IO

from benchmarks.core import service_for
from benchmarks.panel import Admin, fill_store
from benchmarks.sample import create_token, make_data_dir
from benchmarks.site import get, peaks_of, serving
from benchmarks.timing import Row, interleaved

_API = "/api/v1"
_PANEL = "/admin/backups"
_COUNTS = (100, 10_000)
_CLIENTS = 9
_PRESSED_S = 5.0
_CHUNK_BYTES = 1 << 20


def measure_api(template: Path, folder: Path, *, runs: int, megabytes: int) -> Iterator[Row]:
    """The calls that a program repeats, beside the page of the same facts; then a large file."""
    for count in _COUNTS:
        data_dir = template.with_name(f"api-{count}")
        shutil.copytree(template, data_dir)
        fill_store(data_dir, count)
        yield from _calls(data_dir, count, runs)
        shutil.rmtree(data_dir)
    data_dir = folder / "large"
    make_data_dir(data_dir, megabytes=1)
    _add_pictures(data_dir / "launcher.db", megabytes)
    yield from _large_file(data_dir, megabytes)


def _add_pictures(database: Path, megabytes: int) -> None:
    """Make a database so large, of what cannot be compressed."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany(
            "INSERT INTO media (sha256, name, mime, size_bytes, content, created_at)"
            " VALUES (?, 'p.png', 'image/png', 1000000, randomblob(1000000), CURRENT_TIMESTAMP)",
            [(f"{number:064x}",) for number in range(megabytes)],
        )


def _calls(data_dir: Path, count: int, runs: int) -> Iterator[Row]:
    table = f"API, {count:,} backups"
    program = {"Authorization": f"Bearer {create_token(data_dir)}"}
    with serving(data_dir, workers=1) as port:
        admin = Admin(port)
        first = f"{_API}/backups?limit=100"
        later = f"{first}&cursor={_cursor_after(port, program, count // 2)}"
        calls = {
            "list": partial(_timed, port, first, program),
            "later": partial(_timed, port, later, program),
            "status": partial(_timed, port, f"{_API}/status", program),
            "panel": partial(admin.timed, _PANEL),
        }
        interleaved(5, **calls)
        median = interleaved(runs * 20, **calls)
    for what, name in (
        ("first 100, median", "list"),
        ("100 from the middle, median", "later"),
        ("status, median", "status"),
    ):
        ratio = f"{median[name] / median['panel']:.2f} of the panel's page"
        yield Row(table, what, median[name] * 1000, "ms", ratio)
    yield Row(table, "page of the panel, median", median["panel"] * 1000, "ms")
    with serving(data_dir) as port:
        admin = Admin(port)
        ours = _per_second(partial(_timed, port, f"{_API}/status", program))
        page = _per_second(partial(admin.timed, _PANEL))
    table = f"{table}, {_CLIENTS} clients, 3 workers"
    yield Row(table, "status", ours, "1/s", f"{ours / page:.1f} times the panel's page")
    yield Row(table, "page of the panel", page, "1/s")


def _cursor_after(port: int, program: Mapping[str, str], count: int) -> str:
    cursor = ""
    for _ in range(count // 50):
        body = get(port, f"{_API}/backups?limit=50&cursor={cursor}", **program)[1]
        found = re.search(rb'"next_cursor":"([^"]+)"', body)
        assert found, "there are more pages"
        cursor = found[1].decode()
    return cursor


def _per_second(call: Callable[[], float]) -> float:
    """Return how many answers clients get in a second that ask without pause."""
    counts: list[int] = []
    deadline = time.monotonic() + _PRESSED_S

    def press() -> None:
        count = 0
        while time.monotonic() < deadline:
            call()
            count += 1
        counts.append(count)

    clients = [threading.Thread(target=press) for _ in range(_CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return sum(counts) / _PRESSED_S


def _large_file(data_dir: Path, megabytes: int) -> Iterator[Row]:
    """Memory of a worker at its peak, after each step; what else runs is a process of its own."""
    program = {"Authorization": f"Bearer {create_token(data_dir)}"}
    backup = service_for(data_dir).create(by="bench")
    copy = data_dir.with_name("downloaded.db")
    limit = str(megabytes * 2)
    table = f"API, a file of {megabytes:,} MB, peak memory of the worker"
    with serving(data_dir, workers=1, LAUNCHER_UPLOAD_LIMIT_MB=limit) as port:
        get(port, f"{_API}/status", **program)
        before = max(peaks_of(port))
        yield Row(table, "before", before, "MB")
        for what, transfer in (
            ("after a download", partial(_download, port, backup.id, copy, program)),
            ("after an upload", partial(_upload, port, copy, program)),
        ):
            began = time.perf_counter()
            transfer()
            took_s = time.perf_counter() - began
            peak = max(peaks_of(port))
            note = f"{peak - before:+.1f} MB; {megabytes / took_s:,.0f} MB/s"
            yield Row(table, what, peak, "MB", note)


def _download(port: int, backup_id: str, target: Path, program: Mapping[str, str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("GET", f"{_API}/backups/{backup_id}/download", headers=dict(program))
    answer = connection.getresponse()
    with target.open("wb") as file:
        while chunk := answer.read(_CHUNK_BYTES):
            file.write(chunk)
    connection.close()
    _require(answer, http.client.OK)


def _upload(port: int, source: Path, program: Mapping[str, str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    with source.open("rb") as file:
        _send(connection, file, source.stat().st_size, program)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    _require(answer, http.client.ACCEPTED)


def _send(
    connection: http.client.HTTPConnection,
    file: IO[bytes],
    size_bytes: int,
    program: Mapping[str, str],
) -> None:
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size_bytes)}
    connection.request("POST", f"{_API}/backups", body=file, headers={**program, **headers})


def _require(answer: http.client.HTTPResponse, status: int) -> None:
    if answer.status != status:
        raise RuntimeError(f"the API answers {answer.status}")


def _timed(port: int, path: str, headers: Mapping[str, str]) -> float:
    began = time.perf_counter()
    status, _ = get(port, path, **headers)
    if status != http.client.OK:
        raise RuntimeError(f"{path} answers {status}")
    return time.perf_counter() - began
