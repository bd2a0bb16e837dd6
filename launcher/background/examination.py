"""The examination of a database file in a process of its own, with limits.

SQLite reads what it says while it opens a file, and a single function inside can run for hours, so
only ending the process ends the check for certain. It holds no lock and knows no secret.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from launcher.background.child import Answer, Child, answering, limit, started
from launcher.backup.codec import DecodeError, decode, encode, parse
from launcher.backup.errors import BackupError, CheckStoppedError, OperationInProgressError
from launcher.backup.examine import Checked, examine
from launcher.backup.ports import Content
from launcher.backup.reasons import Fact, Fault, Reason
from launcher.backup.verify import Examine
from launcher.db.content import LauncherContent

_MB = 1 << 20
_ENVIRONMENT = {
    "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH",
    "PYTHONPYCACHEPREFIX", "SQLITE_TMPDIR", "TMPDIR", "TZ",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """What the check of one file may use.

    Attributes:
        time_s: seconds by the clock.
        processor_s: seconds of processor time.
        memory_bytes: address space.
        file_bytes: the largest file that SQLite may write while it works on the copy.
    """

    time_s: float
    processor_s: int
    memory_bytes: int
    file_bytes: int


def limits_for(size_bytes: int) -> Limits:
    """Return the limits for a database of this size, ten times what a slow machine needs.

    For 1 GB they are 18 minutes, of which 6 of processor time.
    """
    megabytes = size_bytes / _MB
    return Limits(
        time_s=60 + megabytes,
        processor_s=round(30 + megabytes / 3),
        memory_bytes=512 * _MB,
        file_bytes=2 * size_bytes + 64 * _MB,
    )


@dataclass(frozen=True, slots=True)
class _Request:
    path: Path
    is_own: bool
    app_version: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class _Reply:
    """What the check found, or the name of the error that it raised."""

    checked: Checked | None = None
    error: str = ""
    reason: Reason = Reason.CHECK_ENDED
    facts: Mapping[str, Fact] = field(default_factory=dict)


class ExaminerInChild:
    """Checks each file in a process of its own, with limits that the kernel enforces."""

    def __init__(
        self, module: str = __name__, *, limits: Callable[[int], Limits] = limits_for
    ) -> None:
        """
        Args:
            module: what to run; it calls `main`.
            limits: returns the limits for a size in bytes.
        """
        self._module = module
        self._limits = limits

    @contextlib.contextmanager
    def started(self) -> Iterator[Examine]:
        """Start the process, which has ended when the block ends.

        Raises:
            CheckStoppedError: no process can be started.
        """
        with contextlib.ExitStack() as stack:
            environment = {name: os.environ[name] for name in _ENVIRONMENT & os.environ.keys()}
            try:
                child = stack.enter_context(started(self._module, environment=environment))
            except OSError as error:
                raise CheckStoppedError(Reason.CHECK_ENDED, detail=error.strerror) from error
            yield partial(self._ask, child)

    def _ask(self, child: Child, path: Path, *, is_own: bool, app_version: str) -> Checked:
        limits = self._limits(path.stat().st_size)
        request = json.dumps(encode(_Request(path.absolute(), is_own, app_version, limits)))
        answer = child.ask(request, timeout_s=limits.time_s)
        reply = _read(answer, limits)
        if reply.checked is not None:
            # The path of the caller: a name need not be text.
            return replace(reply.checked, path=path)
        raise _ERRORS.get(reply.error, CheckStoppedError)(reply.reason, **reply.facts)


def _errors(kind: type[BackupError]) -> Iterator[type[BackupError]]:
    if kind is not OperationInProgressError:
        yield kind
    for each in kind.__subclasses__():
        yield from _errors(each)


_ERRORS = {kind.__name__: kind for kind in _errors(BackupError)}


def _read(answer: Answer, limits: Limits) -> _Reply:
    """Return what a child replied.

    Raises:
        CheckStoppedError: it ended without a reply.
    """
    if answer.is_late or answer.code == -signal.SIGALRM:
        raise CheckStoppedError(Reason.CHECK_TIME, seconds=round(limits.time_s))
    if answer.code == -signal.SIGXCPU:
        raise CheckStoppedError(Reason.CHECK_PROCESSOR, seconds=limits.processor_s)
    try:
        reply = decode(_Reply, parse(answer.output))
        if reply.checked is None:
            str(Fault(reply.reason, reply.facts))
    except (DecodeError, KeyError, ValueError, TypeError) as error:
        ended = f"signal {-answer.code}" if answer.code < 0 else f"exit code {answer.code}"
        raise CheckStoppedError(Reason.CHECK_ENDED, detail=ended) from error
    return reply


# --- in the other process ----------------------------------------------------------------


def main(content: Callable[[], Content] = LauncherContent) -> None:
    """Answer the request on standard input.

    Args:
        content: makes what the application knows of its database.
    """
    knows = content()
    with answering() as (line, stream):
        if line:
            json.dump(encode(_examined(decode(_Request, parse(line)), knows)), stream)


def _examined(request: _Request, content: Content) -> _Reply:
    limits = request.limits
    limit(
        memory_bytes=limits.memory_bytes,
        alive_s=limits.time_s + 5,  # the parent counts from its request on, and is first
        processor_s=limits.processor_s,
        file_bytes=limits.file_bytes,
    )
    try:
        checked = examine(
            request.path, content=content, is_own=request.is_own, app_version=request.app_version
        )
        return _Reply(checked=checked)
    except BackupError as error:
        return _Reply(error=type(error).__name__, reason=error.reason, facts=error.facts)
    except MemoryError:
        return _Reply(reason=Reason.CHECK_MEMORY, facts={"limit_bytes": limits.memory_bytes})
    except Exception as error:  # noqa: BLE001  (whatever it is, it is an answer)
        return _Reply(reason=Reason.CHECK_ENDED, facts={"detail": repr(error)[:300]})


if __name__ == "__main__":
    main()
