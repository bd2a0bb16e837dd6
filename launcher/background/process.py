"""One operation in a process of its own, which outlives the request and the worker.

`start` returns when the operation has begun, or raises why it could not. Its progress is read by
its id. The process is a new interpreter, never a fork of a threaded one.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, ClassVar, TypedDict, TypeVar, get_args

from launcher.background import uploads
from launcher.background.service import Installation, build_backups, installation_of
from launcher.backup.codec import DecodeError, decode, encode, parse
from launcher.backup.errors import (
    BackupError,
    InsufficientSpaceError,
    NotStartedError,
    OperationInProgressError,
    SourceDatabaseError,
    StoreUnavailableError,
)
from launcher.backup.ports import OnProgress
from launcher.backup.reasons import Reason
from launcher.backup.records.operation import Verb
from launcher.backup.service import BackupService
from launcher.config import ROOT, Config

T = TypeVar("T")

BEGUN = "begun"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """Create a backup of the live database."""

    verb: ClassVar = Verb.CREATE
    note: str = ""
    protected: bool = False


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """Verify a backup, by its id."""

    verb: ClassVar = Verb.VERIFY
    reference: str


@dataclass(frozen=True, slots=True)
class RestoreTestRequest:
    """Run a restore test of a backup, by its id."""

    verb: ClassVar = Verb.TEST_RESTORE
    reference: str


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """Restore a backup, by its id; `expected_live` as for `BackupService.restore`."""

    verb: ClassVar = Verb.RESTORE
    source: str
    keep_schedule: bool = True
    carry_account: str = ""
    expected_live: str | None = None


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """Check a received file and add it to the backups.

    The file belongs to this request (see `uploads`) and is removed when the operation has ended.
    When it could not begin, the caller still has the file.
    """

    verb: ClassVar = Verb.UPLOAD
    path: Path
    note: str = ""


OperationRequest = (
    CreateRequest | VerifyRequest | RestoreTestRequest | RestoreRequest | UploadRequest
)


@dataclass(frozen=True, slots=True)
class _Order:
    """What the other process reads; `request` is of the kind of `verb`."""

    installation: Installation
    verb: Verb
    request: object
    by: str
    operation_id: str


def start(config: Config, request: OperationRequest, *, by: str, operation_id: str) -> None:
    """Start an operation in a process of its own; on return it has begun, or has ended.

    The caller must not have entered the gate.

    Raises:
        OperationInProgressError, InsufficientSpaceError, SourceDatabaseError,
        StoreUnavailableError: it could not begin.
        NotStartedError: its process ended before; the server log may say why.
    """
    order = _Order(installation_of(config), request.verb, request, by, operation_id)
    said = launch("launcher.background.process", order)
    if said != BEGUN:
        raise refusal(said)


def launch(module: str, request: object) -> str:
    """Run a module in a process of its own with a record on stdin; return its first line.

    The process continues after that line, and outlives this one.
    """
    # stderr is shared: its errors are in the server log.
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
            json.dump(encode(request), stdin)
        said = process.stdout.readline().strip()
    # A child that is not waited for stays a zombie.
    threading.Thread(target=process.wait, name="operation", daemon=True).start()
    return said


_REFUSALS: Mapping[str, type[BackupError]] = {
    each.code: each for each in (InsufficientSpaceError, SourceDatabaseError)
}


def refusal(said: str) -> Exception:
    """Return the error that a process replied instead of beginning."""
    try:
        facts = json.loads(said)
    except ValueError:
        return NotStartedError(Reason.PROCESS_ENDED)
    if facts["reason"] == Reason.OPERATION_RUNNING:
        since = datetime.fromisoformat(facts["since"]) if facts["since"] else None
        return OperationInProgressError(verb=facts["verb"], by=facts["by"], since=since)
    kind = _REFUSALS.get(facts.pop("code", ""), StoreUnavailableError)
    return kind(Reason(facts.pop("reason")), **facts)


# --- in the other process ----------------------------------------------------------------


def read_request(kind: type[T]) -> T | None:
    """Return the record on stdin; None when the sender was killed before its end."""
    with contextlib.suppress(DecodeError):
        return decode(kind, parse(sys.stdin.read()))
    return None


def main() -> None:
    """Run the operation that is requested on stdin."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    if (order := read_request(_Order)) is None:
        return
    service, request = build_backups(order.installation), _decode(order.verb, order.request)
    reply = StartReply(sys.stdout)
    common: _Common = {
        "by": order.by,
        "operation_id": order.operation_id,
        "on_progress": lambda _progress: reply.begun(),
    }
    refused: BackupError | None = None
    with contextlib.ExitStack() as stack:
        if isinstance(request, UploadRequest):
            stack.enter_context(uploads.taken_over(request.path))
        try:
            _run(service, request, common)
        except BackupError as error:
            # How an operation ended that has begun is in the journal.
            if service.operation(order.operation_id):
                _log.warning("%s %s: %s", order.verb, order.operation_id, error)
            else:
                refused = error
    # Not before the lock on a file is released: the request that hears it removes the file.
    if refused:
        reply.refused(refused)
    reply.begun()


class _Common(TypedDict):
    """The arguments of every verb."""

    by: str
    operation_id: str
    on_progress: OnProgress


def _decode(verb: Verb, facts: object) -> OperationRequest:
    kinds: tuple[type[OperationRequest], ...] = get_args(OperationRequest)
    return decode(next(kind for kind in kinds if kind.verb is verb), facts)


def _run(service: BackupService, request: OperationRequest, common: _Common) -> None:
    match request:
        case CreateRequest():
            service.create(note=request.note, protected=request.protected, **common)
        case VerifyRequest():
            service.verify(request.reference, **common)
        case RestoreTestRequest():
            service.test_restore(request.reference, **common)
        case RestoreRequest():
            service.restore(
                request.source,
                keep_schedule=request.keep_schedule,
                carry_account=request.carry_account,
                expected_live=request.expected_live,
                **common,
            )
        case UploadRequest():
            service.import_(request.path, note=request.note, **common)


class StartReply:
    """The one line that the starter of this process waits for."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._is_given = False

    def begun(self) -> None:
        """Reply that the work has begun, unless there was a reply."""
        self.give(BEGUN)

    def refused(self, error: BackupError) -> None:
        """Reply why the work cannot begin."""
        self.give(json.dumps({"code": error.code, "reason": error.reason, **error.facts}))

    def give(self, line: str) -> None:
        """Reply `line`, unless there was a reply."""
        if self._is_given:
            return
        self._is_given = True
        # The starter may have ended; the work continues.
        with contextlib.suppress(OSError):
            os.write(self._stream.fileno(), f"{line}\n".encode())


if __name__ == "__main__":
    main()
