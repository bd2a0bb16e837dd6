"""What happened, one line for each finished operation, kept outside the database.

A restore cannot rewind it, a torn line hides no other, and it never grows beyond its bound.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from .files import write_atomic
from .records import JournalEntry, Outcome, Verb

MAX_BYTES = 1 << 20
_TAIL_BYTES = 64 << 10


class Journal:
    """The file `journal.jsonl`. Appended to only by the holder of the operation lock."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self._max_bytes = max_bytes

    def append(self, entry: JournalEntry) -> None:
        """Add one line, durable when this returns; drops the oldest half at the bound.

        Raises:
            OSError: the disk refused. What was there before is still there.
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
                line = b"\n" + line  # the last writer was killed in mid-line
            if os.write(descriptor, line) != len(line):
                os.ftruncate(descriptor, size)
                raise OSError(28, "the journal line did not fit", str(self.path))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def entries(self) -> Iterator[JournalEntry]:
        """Yield what can be read, newest first."""
        for line in self._lines_backwards():
            if entry := _entry(line):
                yield entry

    def is_empty(self) -> bool:
        """Whether nothing ever happened here."""
        return self._size() == 0

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def _halve(self) -> None:
        lines = self.path.read_bytes().splitlines(keepends=True)
        kept: list[bytes] = []
        room = self._max_bytes // 2
        for line in reversed(lines):
            room -= len(line)
            if room < 0:
                break
            kept.append(line)
        write_atomic(self.path, b"".join(reversed(kept)))

    def _lines_backwards(self) -> Iterator[bytes]:
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            position = file.seek(0, os.SEEK_END)
            rest = b""
            while position > 0:
                step = min(_TAIL_BYTES, position)
                position -= step
                file.seek(position)
                first, *lines = (file.read(step) + rest).split(b"\n")
                rest = first
                yield from reversed(lines)
            yield rest


def _line(entry: JournalEntry) -> bytes:
    # A file name that is not UTF-8 must not cost the line: what cannot be written becomes "?".
    text = json.dumps(_facts(entry), ensure_ascii=False)
    return text.encode(errors="replace") + b"\n"


def _shortened(entry: JournalEntry, *, size_bytes: int) -> JournalEntry:
    """Return what every line must have, for one that would not leave room for the others."""
    # A character takes up to six bytes: JSON spells a control character as \u001f.
    return replace(entry, error=entry.error[: size_bytes // 6], facts={"shortened": True})


def _facts(entry: JournalEntry) -> dict[str, object]:
    return {
        "operation_id": entry.operation_id,
        "verb": entry.verb,
        "by": entry.by,
        "started_at": entry.started_at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "ended_at": entry.ended_at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "outcome": entry.outcome,
        "backup_id": entry.backup_id,
        "error_code": entry.error_code,
        "error": entry.error,
        "facts": dict(entry.facts),
    }


def _entry(line: bytes) -> JournalEntry | None:
    try:
        facts = json.loads(line)
        return JournalEntry(
            operation_id=str(facts["operation_id"]),
            verb=Verb(facts["verb"]),
            by=str(facts["by"]),
            started_at=_moment(facts["started_at"]),
            ended_at=_moment(facts["ended_at"]),
            outcome=Outcome(facts["outcome"]),
            backup_id=str(facts["backup_id"]),
            error_code=str(facts["error_code"]),
            error=str(facts["error"]),
            facts=dict(_mapping(facts["facts"])),
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC)


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError("not a mapping")
    return value
