"""The backup panel under gunicorn: what its page and a progress poll cost as the store grows."""

from __future__ import annotations

import html
import http.client
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from benchmarks.core import service_for
from benchmarks.sample import ADMIN, PASSWORD
from benchmarks.site import get, memory_of, serving, weigh
from benchmarks.timing import ROOT, Row, environment, interleaved
from launcher.backup.create import STAGES
from launcher.backup.journal import Journal, _line
from launcher.backup.manifest import write_manifest
from launcher.backup.records.backup import (
    Backup,
    DatabaseFacts,
    Encoding,
    Kind,
    State,
    StoredFile,
    Verification,
)
from launcher.backup.records.ids import BackupId, new_backup_id, new_operation_id
from launcher.backup.records.operation import JournalEntry, Outcome, Stage, Verb
from launcher.backup.retention import RetentionPolicy, decide
from launcher.backup.store.names import stored_name

_PAGE = "/admin/backups"
_HTMX = {"HX-Request": "true", "Accept-Encoding": "gzip"}
_COUNTS = (10, 1_000, 10_000)
_GONE = 500
"""Runs of the schedule whose copies retention has removed: they are in the journal alone."""


def measure_panel(template: Path, *, counts: tuple[int, ...] = _COUNTS) -> Iterator[Row]:
    """The panel of stores of some sizes, with the start page of the same site beside it."""
    for count in counts:
        data_dir = template.with_name(f"panel-{count}")
        shutil.copytree(template, data_dir)
        fill_store(data_dir, count)
        yield from _measure(data_dir, f"panel, {count:,} backups")
        shutil.rmtree(data_dir)


def _measure(data_dir: Path, table: str) -> Iterator[Row]:
    with serving(data_dir, workers=1) as port:
        admin = Admin(port)
        first_s = admin.timed(_PAGE)
        for path in ("/", _PAGE) * 20:
            admin.get(path)
        yield from _times(admin, table)
        yield Row(table, "first page right after the start", first_s * 1000, "ms")
        changed_s = statistics.median(_after_a_change(data_dir, admin) for _ in range(5))
        yield Row(table, "page after a change in the store", changed_s * 1000, "ms")
        yield Row(table, "statements to the database", _statements(data_dir, admin), "")
        yield from weigh(port, _PAGE, table=table, what="page", Cookie=admin.cookie)
        yield from _schedule(data_dir, admin, table)
        yield from _poll(data_dir, admin, table)
        for name, memory in memory_of(port):
            yield Row(table, name, memory, "MB", "resident")


def _times(admin: Admin, table: str) -> Iterator[Row]:
    seconds: list[float] = []

    def page() -> float:
        seconds.append(admin.timed(_PAGE))
        return seconds[-1]

    median = interleaved(150, start=lambda: admin.timed("/"), page=page)
    ratio = f"page takes {median['page'] / median['start']:.2f} of it"
    yield Row(table, "page, median", median["page"] * 1000, "ms")
    yield Row(table, "page, p95", statistics.quantiles(seconds, n=20)[18] * 1000, "ms")
    yield Row(table, "start page, median", median["start"] * 1000, "ms", ratio)


def _schedule(data_dir: Path, admin: Admin, table: str) -> Iterator[Row]:
    """The page of the schedule with what its clean-up would do, and that decision alone."""
    path = f"{_PAGE}/schedule"
    ask = partial(admin.timed, path)
    preview = partial(admin.timed, f"{path}/preview?preset=daily&at=03:00&max_count=7", **_HTMX)
    median = interleaved(30, page=ask, preview=preview)
    yield Row(table, "schedule page, median", median["page"] * 1000, "ms")
    yield Row(table, "schedule preview while typing, median", median["preview"] * 1000, "ms")
    service, policy = service_for(data_dir), RetentionPolicy(keep_count=7, keep_weekly=5)
    backups, now = service.list(), datetime.now(UTC)
    for what, decide_once in (
        ("retention, decided", lambda: decide(backups, policy, now=now)),
        ("retention, every file asked and decided", lambda: decide(service.list(), policy)),
    ):
        took_s = statistics.median(_timed(decide_once) for _ in range(7))
        yield Row(table, what, took_s * 1000, "ms")


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _after_a_change(data_dir: Path, admin: Admin) -> float:
    service = service_for(data_dir)
    newest = max(path.name for path in (data_dir / "backups").glob("*.json"))
    service.protect(newest.removeprefix("launcher-").removesuffix(".json"), by="bench")
    time.sleep(0.1)  # as long as a person takes at the very least
    return admin.timed(_PAGE)


def _poll(data_dir: Path, admin: Admin, table: str) -> Iterator[Row]:
    """What a page asks each second while an operation is running, once it has moved on."""
    operations = service_for(data_dir)._operations
    headers = _HTMX
    with operations.run(Verb.CREATE, by=ADMIN, stages=STAGES) as operation:
        operation.stage(Stage.COPY, 200_000_000)
        in_page = re.search(rb'hx-get="([^"]*/progress[^"]*)"', admin.get(_PAGE))
        assert in_page, "the panel follows what is running"
        operation._told_at = 0
        operation.advance(123_456_789, 200_000_000)
        for what, path in (
            ("poll of the panel", html.unescape(in_page[1].decode())),
            ("poll of an operation's page", f"{_PAGE}/operations/{operation.id}"),
        ):
            size = len(admin.get(path, **headers))
            ask = partial(admin.timed, path, **headers)
            median = interleaved(50, start=lambda: admin.timed("/"), poll=ask)
            ratio = f"{median['poll'] / median['start']:.2f} of the start page"
            yield Row(table, f"{what}, compressed", size / 1000, "kB")
            yield Row(table, f"{what}, median", median["poll"] * 1000, "ms", ratio)


class Admin:
    """The admin of the sample data, or another user with that password, signed in."""

    def __init__(self, port: int, username: str = ADMIN) -> None:
        self._port = port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/login")
        form = connection.getresponse()
        token = re.search(rb'name="csrf_token" value="([^"]+)"', form.read())
        assert token
        connection.request(
            "POST",
            "/login",
            body=f"username={username}&password={PASSWORD}&csrf_token={token[1].decode()}",
            headers={
                "Cookie": form.headers["Set-Cookie"].partition(";")[0],
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status not in {http.client.FOUND, http.client.SEE_OTHER}:
            raise RuntimeError(f"signing in answers {answer.status}")
        cookies = answer.headers.get_all("Set-Cookie") or []
        self.cookie = "; ".join(each.partition(";")[0] for each in cookies)

    def get(self, path: str, **headers: str) -> bytes:
        status, body = get(self._port, path, Cookie=self.cookie, **headers)
        if status != http.client.OK:
            raise RuntimeError(f"{path} answers {status}")
        return body

    def timed(self, path: str, **headers: str) -> float:
        began = time.perf_counter()
        self.get(path, **headers)
        return time.perf_counter() - began


def _statements(data_dir: Path, admin: Admin) -> int:
    """Count the SQL statements of one page, in an application of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.statements", _PAGE, admin.cookie],
        cwd=ROOT,
        env=environment(data_dir),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return len(done.splitlines())


def fill_store(data_dir: Path, count: int) -> None:
    """Put `count` small backups into a store, and into the journal how they came about.

    An hour lies between two of them. Every tenth was made by hand, one in a hundred is damaged,
    and between the newest lie runs whose copies are gone.
    """
    folder = data_dir / "backups"
    (folder / "staging").mkdir(mode=0o700, parents=True, exist_ok=True)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    entries = []
    for number in range(count):
        at = now - timedelta(hours=number, minutes=5)
        backup = _backup(number, at)
        assert backup.file is not None
        (folder / backup.file.name).write_bytes(b"data")
        (folder / f"launcher-{backup.id}.json").write_bytes(write_manifest(backup))
        entries.append(_entry(backup.id, at, backup.kind))
    entries += [
        _entry(new_backup_id(at), at, Kind.SCHEDULED)
        for at in (now - timedelta(hours=number, minutes=35) for number in range(_GONE))
    ]
    entries.sort(key=lambda entry: entry.started_at)
    # Written at once: to flush each line would take minutes. The newest thousand or so fit.
    journal = Journal(data_dir / "journal.jsonl")
    journal.path.write_bytes(b"".join(map(_line, entries[-2000:])))


def _backup(number: int, at: datetime) -> Backup:
    backup_id = new_backup_id(at)
    is_damaged = number % 100 == 50
    return Backup(
        id=backup_id,
        kind=Kind.MANUAL if number % 10 == 3 else Kind.SCHEDULED,
        created_at=at,
        created_by=ADMIN if number % 10 == 3 else "scheduler",
        note="before the update" if number % 10 == 3 else "",
        app_version="0.1.0",
        schema_revision="0001",
        sqlite_version="3.46.0",
        database=DatabaseFacts(4_096_000, f"{number:064x}", 4096),
        file=StoredFile(stored_name(backup_id, Encoding.ZSTD), 4, "0" * 64, Encoding.ZSTD),
        contents={"apps": 40, "audit_events": number, "boards": 4, "sections": 12, "users": 5},
        verification=Verification(
            State.DAMAGED if is_damaged else State.VERIFIED, at, "cut off" if is_damaged else ""
        ),
    )


def _entry(backup_id: BackupId, at: datetime, kind: Kind) -> JournalEntry:
    return JournalEntry(
        operation_id=new_operation_id(),
        verb=Verb.CREATE,
        by="scheduler" if kind is Kind.SCHEDULED else ADMIN,
        started_at=at,
        ended_at=at + timedelta(seconds=2),
        outcome=Outcome.SUCCEEDED,
        backup_id=backup_id,
        facts={"kind": kind, "size_bytes": 4, "took_s": {"copy": 0.4, "check": 0.9}},
    )
