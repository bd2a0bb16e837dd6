"""Create, its effect on a writer beside it, and memory."""

from __future__ import annotations

import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.timing import ROOT, Row, interleaved, peak_memory, shell
from launcher.background.examination import ExaminerInChild
from launcher.backup import BackupService, Gate, LocalStore, compression
from launcher.backup.records.backup import Encoding
from launcher.backup.sqlite.live import copy_live
from launcher.db.content import LauncherContent


def service_for(data_dir: Path) -> BackupService:
    """Return a backup service as `create_app` builds it."""
    return BackupService(
        database_path=data_dir / "launcher.db",
        data_dir=data_dir,
        store=LocalStore(data_dir / "backups"),
        content=LauncherContent(),
        gate=Gate(data_dir / "locks"),
        examiner=ExaminerInChild(),
    )


def measure_create(data_dir: Path, *, megabytes: int, runs: int) -> Iterator[Row]:
    """Create against three ways that an admin might script it, all of them durable."""
    live = data_dir / "launcher.db"
    scratch = data_dir / "scratch"
    scratch.mkdir()
    service = service_for(data_dir)
    shell(f"cat {live} > /dev/null")

    def ours() -> None:
        service.delete([service.create(by="bench").id], by="bench")

    def timed_ours() -> float:
        began = time.perf_counter()
        made = service.create(by="bench")
        seconds = time.perf_counter() - began
        service.delete([made.id], by="bench")
        return seconds

    ours()  # warm
    out = f"{scratch}/copy"
    median = interleaved(
        runs,
        ours=timed_ours,
        copy=lambda: shell(f"cp {live} {out}.db; sync {out}.db; rm {out}.db"),
        pipeline=lambda: shell(
            f"sqlite3 {live} '.backup {out}.db'; zstd -q -1 {out}.db -o {out}.zst;"
            f" sha256sum {out}.zst > {out}.sum; sync {out}.zst; rm {out}.*"
        ),
        gzip=lambda: shell(
            f"sqlite3 {live} \"VACUUM INTO '{out}.db'\"; gzip -6 {out}.db; sync {out}.db.gz;"
            f" rm {out}.*"
        ),
    )
    shutil.rmtree(scratch)
    table = f"create, {megabytes} MB"
    yield Row(table, "create (copy, check, compress, hash, durable)", median["ours"], "s")
    for name, what in (
        ("copy", "cp + fsync"),
        ("pipeline", "sqlite3 .backup + zstd -1 + sha256sum"),
        ("gzip", "VACUUM INTO + gzip -6"),
    ):
        yield Row(
            table,
            what,
            median[name],
            "s",
            f"create takes {median['ours'] / median[name]:.2f} of it",
        )


def measure_levels(data_dir: Path, *, megabytes: int, runs: int) -> Iterator[Row]:
    """What each compression level costs and saves, one of which `compression` uses."""
    raw, packed = data_dir / "raw.db", data_dir / "packed"
    raw.touch()
    copy_live(data_dir / "launcher.db", raw, on_bytes=_ignore_progress)
    used = compression._LEVEL
    sizes: dict[str, int] = {}

    def pack_at(level: int) -> None:
        compression._LEVEL = level
        compression.pack(raw, packed, encoding=Encoding.ZSTD, on_bytes=_ignore_progress)
        sizes[f"level_{level}"] = packed.stat().st_size
        packed.unlink()

    try:
        median = interleaved(
            runs,
            level_1=lambda: pack_at(1),
            level_3=lambda: pack_at(3),
            level_6=lambda: pack_at(6),
        )
    finally:
        compression._LEVEL = used
    for name, seconds in median.items():
        what = f"zstd {name.replace('_', ' ')}"
        note = f"{sizes[name] / raw.stat().st_size:.3f} of the raw size"
        yield Row(f"compress and hash, {megabytes} MB", what, seconds, "s", note)


def _ignore_progress(_done: int, _total: int) -> None:
    """Take progress in silence."""


def measure_writer(data_dir: Path, *, megabytes: int, runs: int) -> Iterator[Row]:
    """Write latency of another process, idle and during creates."""
    service = service_for(data_dir)
    idle: list[float] = []
    busy: list[float] = []
    for _ in range(runs):
        idle += _latencies(data_dir, lambda: time.sleep(2))
        busy += _latencies(data_dir, lambda: _creates_for(service, seconds=2))
    table = f"write latency of another process, {megabytes} MB"
    for name, values in (("idle", idle), ("during create", busy)):
        cuts = statistics.quantiles(values, n=100)
        yield Row(table, f"{name}, median", cuts[49] * 1000, "ms")
        yield Row(table, f"{name}, p99", cuts[98] * 1000, "ms", f"{len(values)} writes")


def _creates_for(service: BackupService, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        service.delete([service.create(by="bench").id], by="bench")


def _latencies(data_dir: Path, meanwhile: object) -> list[float]:
    writer = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.writer", str(data_dir / "launcher.db")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    writer.stdout.readline()  # it has begun
    meanwhile()  # type: ignore[operator]
    printed, _ = writer.communicate("stop\n")
    return [float(line) for line in printed.split()]


def measure_memory(data_dir: Path, *, megabytes: int) -> Iterator[Row]:
    """Peak memory of each operation as a process of its own."""
    table = f"peak memory of a command, {megabytes} MB"
    for what, arguments in (
        ("flask --version (for comparison)", ("--version",)),
        ("list", ("backup", "list")),
        ("create", ("backup", "create")),
        ("verify", ("backup", "verify", "latest")),
        ("test a restore", ("backup", "test-restore", "latest")),
        ("restore", ("backup", "restore", "latest", "--yes")),
    ):
        seconds, memory = peak_memory(data_dir, *arguments)
        yield Row(table, what, memory, "MB", f"{seconds:.2f} s as a whole command")


def filled_copy(template: Path, target: Path) -> Path:
    """Copy a data directory that nobody uses."""
    sqlite3.connect(template / "launcher.db").close()
    shutil.copytree(template, target)
    return target
