"""One operation in a process of its own, for tests that kill it, starve it, or hold it up.

Reads its job, one line of JSON, from standard input, and answers on standard output: "begun",
the name of every stage, and at last one line of JSON with what came of it. With `pause` it waits
for a line after each stage. At the `moment` of a restore, it answers with its name and waits.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from launcher.backup.errors import BackupError
from launcher.backup.ports import OnProgress
from launcher.backup.records.operation import Progress
from launcher.backup.service import BackupService
from tests.fault.disk import killed_at, watched
from tests.fault.elsewhere import copy_elsewhere
from tests.fault.moments import struck
from tests.fault.place import KEEP_ONE, Place, first_backup

_ROOM = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is to do; see the fields of `run`."""

    root: str
    verb: str
    store_path: str = ""
    by: str = "ada"
    pause: bool = False
    moment: str = ""
    die_at: int = 0
    max_file_bytes: int = 0
    drain_timeout_s: float = 60.0


def _start() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fault.worker"],
        cwd=_ROOM,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@dataclass(slots=True)
class Worker:
    """A worker process seen from the test; started early, it waits for its job."""

    process: subprocess.Popen[str] = field(default_factory=_start)

    def begin(self, job: Job) -> None:
        """Hand over the job, and wait until the worker has begun."""
        self.report(json.dumps({name: getattr(job, name) for name in Job.__slots__}))
        assert self.hear() == "begun"

    def hear_of(self, stage: str) -> None:
        """Let it go on, from pause to pause, until it comes to a stage or a moment."""
        while (heard := self.hear()) != stage:
            assert heard, f"it ended before {stage}"
            assert not heard.startswith("{"), heard
            self.report()

    def report(self, line: str = "go") -> None:
        """Send a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        """Return the next line, "" when the worker is dead."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def answer(self) -> dict[str, Any]:
        """Wait for the end; return what came of it, {} when the worker was killed."""
        last = ""
        while line := self.hear():
            last = line
        self.process.wait(timeout=60)
        self.close()
        return json.loads(last) if last.startswith("{") else {}

    def kill(self) -> None:
        """End it this instant, as the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait(timeout=60)

    def close(self) -> None:
        """Leave no process and no pipe behind."""
        if self.process.poll() is None:
            self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue


@contextmanager
def spare_workers() -> Iterator[Any]:
    """Lend workers one after another; the next one is always already starting."""
    lent: list[Worker] = []
    spare = [Worker()]

    def lend() -> Worker:
        worker = spare.pop()
        spare.append(Worker())
        lent.append(worker)
        return worker

    try:
        yield lend
    finally:
        for worker in (*lent, *spare):
            worker.close()


def run(job: Job) -> dict[str, Any]:
    """Do the job in this process."""
    place = Place(Path(job.root), Path(job.store_path) if job.store_path else None)
    if job.max_file_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job.max_file_bytes, job.max_file_bytes))
    told: list[str] = []

    def on_progress(progress: Progress) -> None:
        stage = str(progress.stage)
        if stage not in told:
            told.append(stage)
            print(stage, flush=True)
            if job.pause:
                sys.stdin.readline()

    def wait() -> None:
        print(job.moment, flush=True)
        sys.stdin.readline()

    with watched(place.root, killed_at(job.die_at)) as disk, struck(job.moment, wait):
        try:
            done = _do(job, place, on_progress)
        except BackupError as error:
            return {
                "error": error.code,
                "message": str(error),
                "class": type(error).__name__,
                "verb": str(getattr(error, "verb", "")),
                "by": str(getattr(error, "by", "")),
                "since": bool(getattr(error, "since", None)),
                "calls": disk.count,
            }
        return {"done": done, "calls": disk.count}


def _do(job: Job, place: Place, on_progress: OnProgress) -> str:
    service = place.service(drain_timeout_s=job.drain_timeout_s)
    return _VERBS[job.verb](service, place, {"by": job.by, "on_progress": on_progress})


def _create_scheduled(service: BackupService, _place: Place, how: dict[str, Any]) -> str:
    made = service.create_scheduled(datetime(2026, 1, 1, 3, tzinfo=UTC), **how)
    return made.id if made else ""


def _export(service: BackupService, place: Place, how: dict[str, Any]) -> str:
    target = place.root / "exported"
    target.mkdir(exist_ok=True)
    return str(service.export(first_backup(place).id, target, **how))


def _first(place: Place) -> str:
    return first_backup(place).id


_VERBS: dict[str, Callable[[BackupService, Place, dict[str, Any]], str]] = {
    "recover": lambda service, _place, _how: str(service.recover()),
    "create": lambda service, _place, how: service.create(**how).id,
    "create_scheduled": _create_scheduled,
    "restore": lambda service, place, how: service.restore(_first(place), **how).operation_id,
    "restore_file": lambda service, place, how: (
        service.restore(place.root / "outside.db", **how).operation_id
    ),
    "undo": lambda service, _place, how: service.undo(**how).operation_id,
    "verify": lambda service, place, how: service.verify(_first(place), **how).verification.state,
    "test_restore": lambda service, place, how: service.test_restore(_first(place), **how).source,
    "plan": lambda service, place, how: service.plan(_first(place), **how).source,
    "delete": lambda service, place, how: service.delete([_first(place)], by=how["by"]).done[0],
    "prune": lambda service, _place, how: str(service.prune(KEEP_ONE, by=how["by"]).done),
    "protect": lambda service, place, how: service.protect(_first(place), by=how["by"]).id,
    "import": lambda service, place, how: service.import_(place.root / "outside.db", **how).id,
    "export": _export,
    "copy": lambda _service, place, _how: str(copy_elsewhere(place)),
    "copy_fewer": lambda _service, place, _how: str(copy_elsewhere(place, keep_count=1)),
}


def main() -> None:
    line = sys.stdin.readline()
    if not line:
        return
    job = Job(**json.loads(line))
    print("begun", flush=True)
    print(json.dumps(run(job)), flush=True)


if __name__ == "__main__":
    main()
