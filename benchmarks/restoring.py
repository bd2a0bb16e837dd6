"""A restore of a served site: who waits for it, how long it takes, and the memory it needs.

The restore is started over HTTP and followed to its outcome, as a program or an admin does. At rest
one visitor looks every 20 ms, beside `zstd -d` + `cp` + fsync of the same file; then six clients
read and three write without pause.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import statistics
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clients import READERS, WRITERS, Answered, Call, ask, pressing
from benchmarks.core import service_for
from benchmarks.sample import create_token
from benchmarks.site import helper_peaks_of, serving
from benchmarks.timing import Row, shell
from launcher.backup import BackupService
from launcher.backup.errors import OperationInProgressError

_API = "/api/v1"
WORKERS = 2
SITE = Call("GET", "/")
_NORMAL_S = 3.0
_AFTER_S = 1.0
"""How long after the outcome a request still counts as one during the restore."""


@dataclass(frozen=True, slots=True)
class Restored:
    """One restore, from its request to its outcome, in seconds of the monotonic clock."""

    began_s: float
    ended_s: float
    held_s: float

    @property
    def took_s(self) -> float:
        return self.ended_s - self.began_s


def measure_restoring(data_dir: Path, *, megabytes: int, runs: int) -> Iterator[Row]:
    """A restore at rest, and under nine clients, of a site with two workers."""
    headers = {
        "Authorization": f"Bearer {create_token(data_dir)}",
        "Content-Type": "application/json",
    }
    service = service_for(data_dir)
    backup = service.create(by="bench")
    assert backup.file is not None
    with serving(data_dir, workers=WORKERS, LAUNCHER_SCHEDULER="off") as port:
        site = _Site(port, headers, service, backup.id)
        site.restore()  # the first is slower: nothing is in memory yet
        yield from _at_rest(site, service.store_path / backup.file.name, megabytes, runs)
        yield from _memory(site, f"restore, {megabytes} MB, at rest")
        yield from _under_load(site, megabytes, runs)


class _Site:
    def __init__(
        self, port: int, headers: Mapping[str, str], service: BackupService, backup_id: str
    ) -> None:
        self.port = port
        self._headers = headers
        self._service = service
        self._backup_id = backup_id

    def restore(self) -> Restored:
        """Restore the backup and remove the safety backup."""
        path = f"{_API}/backups/{self._backup_id}/restore"
        began_s = time.monotonic()
        status, body = ask(
            self.port,
            Call("POST", path, self._headers),
            json.dumps({"confirm": self._backup_id}),
        )
        if status != 202:
            raise RuntimeError(f"the restore answers {status}: {body.decode()}")
        started = json.loads(body)
        follow = Call(
            "GET",
            f"{_API}/operations/{started['id']}?wait=30",
            {"Authorization": f"Bearer {started['follow_token']}"},
        )
        while (operation := json.loads(ask(self.port, follow)[1]))["state"] == "running":
            pass
        ended_s = time.monotonic()
        if operation["state"] != "succeeded":
            raise RuntimeError(f"the restore ended so: {operation}")
        if safety_id := operation["safety_backup_id"]:
            remove(self._service, safety_id)
        return Restored(began_s, ended_s, operation["held_seconds"])

    def write_call(self) -> Call:
        """Return a request that changes a setting, and says so in the audit log."""
        path = f"{_API}/schedule"
        status, body = ask(self.port, Call("GET", path, self._headers))
        if status != 200:
            raise RuntimeError(f"the schedule answers {status}")
        settings = json.loads(body)["settings"]
        bodies = [json.dumps(settings | {"backup_max_count": count}) for count in (11, 12, 13)]
        return Call("PUT", path, self._headers, bodies)


def remove(service: BackupService, backup_id: str) -> None:
    """Remove a backup once the operation has ended that said its outcome."""
    for _ in range(200):
        with contextlib.suppress(OperationInProgressError):
            service.delete([backup_id], by="bench")
            return
        time.sleep(0.05)
    raise RuntimeError("an operation does not end")


def _memory(site: _Site, table: str) -> Iterator[Row]:
    """Yield what the restoring process needs, in a restore that is not timed."""
    peak_mb = 0.0
    ended = threading.Event()

    def look() -> None:
        nonlocal peak_mb
        while not ended.wait(0.05):
            peak_mb = max(peak_mb, *helper_peaks_of(site.port), 0.0)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        site.restore()
    finally:
        ended.set()
        looking.join()
    yield Row(table, "peak memory of the restoring process", peak_mb, "MB")


def _at_rest(site: _Site, stored: Path, megabytes: int, runs: int) -> Iterator[Row]:
    scratch = stored.parent.parent / "scratch"
    scratch.mkdir()
    theirs: list[float] = []
    restored: list[Restored] = []
    with pressing(site.port, read=SITE, readers=1, pause_s=0.02) as pressed:
        for _ in range(runs):
            time.sleep(_NORMAL_S)
            restored.append(site.restore())
            time.sleep(_AFTER_S)
            began = time.perf_counter()
            shell(
                f"zstd -dqf {stored} -o {scratch}/raw.db; cp {scratch}/raw.db {scratch}/live.db;"
                f" sync {scratch}/live.db"
            )
            theirs.append(time.perf_counter() - began)
            shell(f"rm {scratch}/*")
    shutil.rmtree(scratch)
    table = f"restore, {megabytes} MB, at rest"
    median_s = statistics.median(each.took_s for each in restored)
    ratio = f"restore takes {median_s / statistics.median(theirs):.2f} of it"
    yield from whole(table, restored)
    yield Row(table, "zstd -d + cp + fsync", statistics.median(theirs), "s", ratio)
    yield from waits(table, pressed.answers, restored, is_write=False)


def _under_load(site: _Site, megabytes: int, runs: int) -> Iterator[Row]:
    restored: list[Restored] = []
    with pressing(site.port, read=SITE, write=site.write_call()) as pressed:
        for _ in range(runs):
            time.sleep(_NORMAL_S)
            restored.append(site.restore())
            time.sleep(_AFTER_S)
    table = f"restore, {megabytes} MB, {READERS} clients reading and {WRITERS} writing"
    yield from whole(table, restored)
    yield from waits(table, pressed.answers, restored, is_write=False)
    yield from waits(table, pressed.answers, restored, is_write=True)


def whole(table: str, restored: Sequence[Restored]) -> Iterator[Row]:
    """Yield how long restores took and held requests."""
    took = [each.took_s for each in restored]
    held = [each.held_s * 1000 for each in restored]
    yield Row(table, "restore, from request to outcome", statistics.median(took), "s")
    note = f"{max(held):.1f} at most"
    yield Row(table, "requests held, as the outcome says", statistics.median(held), "ms", note)


def waits(
    table: str, answers: Sequence[Answered], restored: Sequence[Restored], *, is_write: bool
) -> Iterator[Row]:
    """Yield the longest request during restores, beside what is normal, and how many failed."""
    kind = "write" if is_write else "read"
    of_kind = [each for each in answers if each.is_write is is_write]
    during = [each for each in of_kind if _is_during(each, restored)]
    normal = sorted(each.took_s * 1000 for each in of_kind if not _is_during(each, restored))
    longest = max(each.took_s for each in during) * 1000
    p99 = normal[len(normal) * 99 // 100]
    note = (
        f"{longest - p99:+.0f} to the normal 99th percentile; the normal longest {normal[-1]:.0f}"
    )
    yield Row(table, f"longest {kind} request", longest, "ms", note)
    yield Row(table, f"normal {kind} request, p99", p99, "ms", f"of {len(normal):,}")
    failed = sum(each.is_failed for each in during)
    yield Row(table, f"failed {kind} requests", failed, "", f"of {len(during):,}")


def _is_during(answer: Answered, restored: Sequence[Restored]) -> bool:
    return any(
        answer.ended_s > each.began_s and answer.began_s < each.ended_s + _AFTER_S
        for each in restored
    )
