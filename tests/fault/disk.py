"""Counts the file-system calls of this process, and lets one of them be its last.

Python reports most of them to audit hooks, which no caller can go around; `fsync`, `write` and
the writes of a file object are reported by stand-ins of ours. What SQLite itself does to its
files is not seen here: kills at random moments and disks that are really full meet those.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_NAMED = {
    "os.rename": "rename",
    "os.remove": "unlink",
    "os.mkdir": "mkdir",
    "os.rmdir": "rmdir",
    "os.link": "link",
    "os.chmod": "chmod",
    "os.truncate": "truncate",
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
FREEING = {"unlink", "rmdir", "truncate"}

OnCall = Callable[[int, str], None]
"""Called before each file-system call with its number, from 1, and its name."""


class _Hook:
    """The one audit hook of this process; silent but within `watched`."""

    on_call: OnCall | None = None
    under = ""
    count = 0
    is_installed = False

    def heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.on_call is None:
            return
        if event == "open":
            if isinstance(arguments[2], int) and arguments[2] & _WRITING:
                self.tick("open", arguments[0])
        elif event in _NAMED:
            self.tick(_NAMED[event], arguments[0])

    def tick(self, name: str, where: object = None) -> None:
        if self.on_call is None:
            return
        if isinstance(where, str | bytes | os.PathLike) and not os.fsdecode(where).startswith(
            self.under
        ):
            return
        self.count += 1
        self.on_call(self.count, name)


_hook = _Hook()
_fsync, _write, _fdopen = os.fsync, os.write, os.fdopen


class _ToldWrites(io.FileIO):
    def write(self, data: Any, /) -> int:
        _hook.tick("write")
        return super().write(data)


def _told_fsync(descriptor: int) -> None:
    _hook.tick("fsync")
    _fsync(descriptor)


def _told_write(descriptor: int, data: bytes) -> int:
    _hook.tick("write")
    return _write(descriptor, data)


def _told_fdopen(descriptor: int, mode: str = "r", *arguments: Any, **named: Any) -> Any:
    if mode == "wb":
        return io.BufferedWriter(_ToldWrites(descriptor, mode))
    return _fdopen(descriptor, mode, *arguments, **named)


@contextmanager
def watched(under: Path, on_call: OnCall) -> Iterator[_Hook]:
    """Tell `on_call` of every call that changes something under a folder."""
    if not _Hook.is_installed:
        sys.addaudithook(_hook.heard)
        _Hook.is_installed = True
    _hook.on_call, _hook.under, _hook.count = on_call, str(under), 0
    os.fsync, os.write, os.fdopen = _told_fsync, _told_write, _told_fdopen
    try:
        yield _hook
    finally:
        _hook.on_call = None
        os.fsync, os.write, os.fdopen = _fsync, _write, _fdopen


def killed_at(number: int) -> OnCall:
    """Return what kills this process just before its call `number`."""

    def on_call(count: int, name: str) -> None:
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return on_call


def full_from(number: int, *, calls: int | None = None, code: int = errno.ENOSPC) -> OnCall:
    """Return what makes the disk full at call `number`, for so many calls, or for good.

    A full disk still lets files go; any other fault refuses that as well.
    """

    def on_call(count: int, name: str) -> None:
        is_full = count >= number and (calls is None or count < number + calls)
        if is_full and not (code == errno.ENOSPC and name in FREEING):
            raise OSError(code, os.strerror(code), f"call {count}: {name}")

    return on_call
