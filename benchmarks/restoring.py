"""A restore of a served site: who waits for it, how long it takes, and the memory it needs.

The restore is started over HTTP and followed to its outcome, as a program or an admin does. At rest
one visitor looks every 20 ms, beside `zstd -d` + `cp` + fsync of the same file; then six clients
read and three write without pause.
"""

from __future__ import annotations

import shutil
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.clients import READERS, WRITERS, Answered, pressing
from benchmarks.our_site import READ, OurSite, Restored, our_site
from benchmarks.site import helper_peaks_of
from benchmarks.timing import Row, shell

_NORMAL_S = 3.0
_AFTER_S = 1.0
"""How long after the outcome a request still counts as one during the restore."""


def measure_restoring(data_dir: Path, *, megabytes: int, runs: int) -> Iterator[Row]:
    """A restore at rest, and under nine clients."""
    with our_site(data_dir) as site:
        site.restore()  # the first is slower: nothing is in memory yet
        yield from _at_rest(site, megabytes, runs)
        yield from _memory(site, f"restore, {megabytes} MB, at rest")
        yield from _under_load(site, megabytes, runs)


def _memory(site: OurSite, table: str) -> Iterator[Row]:
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


def _at_rest(site: OurSite, megabytes: int, runs: int) -> Iterator[Row]:
    assert site.kept.file is not None
    stored = site.service.store_path / site.kept.file.name
    scratch = stored.parent.parent / "scratch"
    scratch.mkdir()
    theirs: list[float] = []
    restored: list[Restored] = []
    with pressing(site.port, read=READ, readers=1, pause_s=0.02) as pressed:
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


def _under_load(site: OurSite, megabytes: int, runs: int) -> Iterator[Row]:
    restored: list[Restored] = []
    with pressing(site.port, read=READ, write=site.write_call()) as pressed:
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
    changes_held_s = statistics.median(each.changes_held_s for each in restored)
    yield Row(table, "changes held, as the history says", changes_held_s, "s")


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
