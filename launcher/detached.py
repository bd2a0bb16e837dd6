"""One operation in a process of its own: it outlives the request and the worker that began it.

`start` waits until the operation has begun, or says why it did not. From then on it is followed
like any other, by its id. The new process is a fresh interpreter, never a fork of a threaded one.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from launcher import incoming
from launcher.backup.errors import BackupError, OperationInProgressError, StoreUnavailableError
from launcher.backup.ports import OnProgress
from launcher.backup.records import Verb
from launcher.backup.service import BackupService
from launcher.backups import build_backups
from launcher.config import ROOT, Config

BEGUN = "begun"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Errand:
    """What the other process is to do. `details` are arguments of the service's method.

    A `path` among them is a file that was received for this errand alone (`launcher.incoming`),
    and is removed when it is done. When it could not begin, the caller still has the file.
    """

    verb: Verb
    by: str
    operation_id: str
    details: Mapping[str, Any] = field(default_factory=dict)


def start(config: Config, errand: Errand) -> None:
    """Begin `errand` in a process of its own; it is under way, or has ended, when this returns.

    The caller must not hold the gate.

    Raises:
        OperationInProgressError, StoreUnavailableError: it could not begin.
        RuntimeError: its process ended without a word, which its log explains.
    """
    said = launch("launcher.detached", {"place": place_of(config), "errand": asdict(errand)})
    if said != BEGUN:
        raise refusal(said)


def launch(module: str, request: Mapping[str, Any]) -> str:
    """Run a module of ours in a process of its own, hand it `request`; return its first line.

    The process goes on after that line, and outlives this one.
    """
    # stderr is shared, so that what goes wrong there is in the log of the server.
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert process.stdin is not None  # noqa: S101 (both are pipes)
    assert process.stdout is not None  # noqa: S101
    said = ""
    with process.stdout, contextlib.suppress(BrokenPipeError):
        with process.stdin as stdin:
            json.dump(request, stdin)
        said = process.stdout.readline().strip()
    # Somebody has to take note of its end, or it stays in the table of processes.
    threading.Thread(target=process.wait, name="errand", daemon=True).start()
    return said


def place_of(config: Config) -> Mapping[str, Any]:
    """Return what another process must know of this installation, as JSON holds it."""
    return {
        "database_path": str(config.database_path),
        "data_dir": str(config.data_dir),
        "backup_dir": str(config.backup_dir),
        "compression": config.compression,
    }


def service_at(place: Mapping[str, Any]) -> BackupService:
    """Return the backup service of the installation that `place` describes."""
    return build_backups(
        database_path=Path(place["database_path"]),
        data_dir=Path(place["data_dir"]),
        backup_dir=Path(place["backup_dir"]),
        compression=place["compression"],
    )


def refusal(said: str) -> Exception:
    """Return the error that a process said instead of beginning."""
    try:
        facts = json.loads(said)
    except ValueError:
        return RuntimeError(f"the process of the operation ended without a word: {said!r}")
    if facts["code"] == OperationInProgressError.code:
        since = datetime.fromisoformat(facts["since"]) if facts["since"] else None
        return OperationInProgressError(verb=facts["verb"], by=facts["by"], since=since)
    return StoreUnavailableError(facts["message"], hint=facts["hint"])


# --- in the other process ----------------------------------------------------------------


def main() -> None:
    """Run the errand that is written on stdin."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    request = json.load(sys.stdin)
    service, asked = service_at(request["place"]), request["errand"]
    errand = Errand(Verb(asked["verb"]), asked["by"], asked["operation_id"], asked["details"])
    answer = Answer(sys.stdout)
    with _received(errand):
        try:
            _run(service, errand, on_progress=lambda _progress: answer.begun())
        except BackupError as error:
            # What began is in the journal, and its follower reads there how it ended.
            if service.operation(errand.operation_id):
                _log.warning("%s %s: %s", errand.verb, errand.operation_id, error)
            else:
                answer.refused(error)
    answer.begun()


def _received(errand: Errand) -> AbstractContextManager[None]:
    """Return what keeps the file of the errand from being swept, if it has one."""
    path = errand.details.get("path")
    return incoming.taken_over(Path(path)) if path else contextlib.nullcontext()


def _run(service: BackupService, errand: Errand, *, on_progress: OnProgress) -> None:
    details = dict(errand.details)
    methods: Mapping[Verb, Callable[..., object]] = {
        Verb.CREATE: service.create,
        Verb.VERIFY: service.verify,
        Verb.REHEARSE: service.rehearse,
        Verb.RESTORE: service.restore,
        Verb.UPLOAD: service.import_,
    }
    if "path" in details:
        details["path"] = Path(details["path"])
    methods[errand.verb](
        **details, by=errand.by, operation_id=errand.operation_id, on_progress=on_progress
    )


class Answer:
    """The one line that whoever started this process waits for."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._is_given = False

    def begun(self) -> None:
        """Say that the work is under way, unless something was said already."""
        self.give(BEGUN)

    def refused(self, error: BackupError) -> None:
        """Say why the work cannot begin."""
        facts: dict[str, object] = {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
        }
        if isinstance(error, OperationInProgressError):
            since = error.since.isoformat() if error.since else ""
            facts |= {"verb": error.verb, "by": error.by, "since": since}
        self.give(json.dumps(facts))

    def give(self, line: str) -> None:
        """Say `line`, unless something was said already."""
        if self._is_given:
            return
        self._is_given = True
        # Whoever asked may be gone by now; the work goes on.
        with contextlib.suppress(OSError):
            os.write(self._stream.fileno(), f"{line}\n".encode())


if __name__ == "__main__":
    main()
