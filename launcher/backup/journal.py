"""The backup history: one line for each finished operation, kept outside the database.

A restore does not change it, a torn line hides no other, and its size is bounded. A line is
parsed when it is first needed, and cached as long as the file contains it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice, takewhile
from pathlib import Path

from launcher.backup.codec import DecodeError, decode, encode, parse
from launcher.backup.files import write_atomic
from launcher.backup.fingerprints import Fingerprint, fingerprint_of, is_settled
from launcher.backup.records.operation import JournalEntry, Verb

MAX_BYTES = 1 << 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read last.

    Attributes:
        fingerprint: the file's before it was read; None if it was not settled.
        lines: newest first.
        entries: the lines that were parsed; None for what is no entry.
    """

    fingerprint: Fingerprint | None
    lines: Sequence[bytes]
    entries: dict[bytes, JournalEntry | None]


class Journal:
    """The file `journal.jsonl`. Appended to only by the holder of the operation lock."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._read = _Read(None, (), {})

    def append(self, entry: JournalEntry) -> None:
        """Add one line, durable when this returns; drops the oldest half at the bound.

        The last restore is kept, and the last one that replaced the data: `undo` needs it.

        Raises:
            OSError: the disk refused; earlier lines are unchanged.
        """
        line = _line(entry)
        if len(line) > self._max_bytes // 2:
            line = _line(_shortened(entry, size_bytes=self._max_bytes // 4))
        if self._size() + len(line) > self._max_bytes:
            self._halve()
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self.path, flags, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line  # the last writer was killed
            if os.write(descriptor, line) != len(line):
                os.ftruncate(descriptor, size)
                raise OSError(28, "the journal line did not fit", str(self.path))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def entries(self) -> Iterator[JournalEntry]:
        """Yield the readable entries, newest first."""
        read = self._read_if_changed()
        for line in read.lines:
            try:
                entry = read.entries[line]
            except KeyError:
                entry = read.entries[line] = _entry(line)
            if entry is not None:
                yield entry

    def select(
        self,
        *,
        limit: int | None,
        backup_id: str = "",
        verbs: Collection[Verb] = (),
        since: datetime | None = None,
    ) -> Sequence[JournalEntry]:
        """Return the newest entries.

        Args:
            limit: how many at most, None for all.
            backup_id: those of one backup only.
            verbs: those of some verbs only.
            since: those that began at this moment or later.
        """
        entries = (
            entry
            for entry in self.entries()
            if (not verbs or entry.verb in verbs)
            and (not backup_id or entry.backup_id == backup_id)
            and (since is None or entry.started_at >= since)
        )
        return list(islice(entries, limit))

    def is_empty(self) -> bool:
        """Whether the journal has no line."""
        return self._size() == 0

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def _halve(self) -> None:
        lines = self.path.read_bytes().splitlines(keepends=True)
        kept = set(_last_restores(lines))
        room = self._max_bytes // 2 - sum(map(len, kept))
        for line in reversed(lines):
            room -= 0 if line in kept else len(line)
            if room < 0:
                break
            kept.add(line)
        write_atomic(self.path, b"".join(line for line in lines if line in kept))

    def _read_if_changed(self) -> _Read:
        """Return what the file holds, or what it held while it cannot be read."""
        last = self._read
        try:
            if last.fingerprint is not None and last.fingerprint == fingerprint_of(
                self.path.stat()
            ):
                return last
            with self.path.open("rb") as file:
                fingerprint = fingerprint_of(os.fstat(file.fileno()))
                # A file beyond twice the bound is cut when the next line is written, and then
                # keeps the last restores, too.
                begin = max(0, fingerprint[1] - 2 * self._max_bytes)
                restores = _last_restores(takewhile(lambda _line: file.tell() < begin, file))
                file.seek(begin)
                lines = file.read(2 * self._max_bytes).split(b"\n")[::-1]
                lines += [line.rstrip(b"\n") for line in reversed(restores)]
        except FileNotFoundError:
            return _Read(None, (), {})
        except OSError as error:
            _log.warning("%s cannot be read: %s", self.path, error.strerror)
            return last
        entries = {line: last.entries[line] for line in lines if line in last.entries}
        read = self._read = _Read(fingerprint if is_settled(fingerprint) else None, lines, entries)
        return read


def _last_restores(lines: Iterable[bytes]) -> Sequence[bytes]:
    """Return the last restore among `lines` and the last that replaced the data, oldest first."""
    last: dict[bool, bytes] = {}
    for line in lines:
        if (entry := _entry(line)) and entry.verb is Verb.RESTORE:
            last.pop(entry.has_replaced_data, None)
            last[entry.has_replaced_data] = line
    return list(last.values())


def _line(entry: JournalEntry) -> bytes:
    # A file name need not be UTF-8: what cannot be written becomes "?".
    return json.dumps(encode(entry), ensure_ascii=False).encode(errors="replace") + b"\n"


def _shortened(entry: JournalEntry, *, size_bytes: int) -> JournalEntry:
    """Return the required fields alone, for an entry that would leave no room for others."""
    # A character takes up to six bytes: JSON spells a control character as \u001f.
    error = entry.error[: size_bytes // 6]
    return replace(entry, error=error, reason="", details={}, facts={"shortened": True})


def _entry(line: bytes) -> JournalEntry | None:
    with contextlib.suppress(DecodeError):
        return decode(JournalEntry, parse(line))
    return None
