"""Proof that copies elsewhere can be used: each is downloaded, opened and checked in its turn.

A copy that was confirmed when it was written may rot, be cut off or be swapped since. So each is
read in full once in `read_within_days`, a few a day, the longest unread first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path

from launcher.backup.compression import unpack_to
from launcher.backup.errors import InsufficientSpaceError, VerificationError
from launcher.backup.files import discard, disk_errors, require_space
from launcher.backup.ports import Clock
from launcher.backup.sqlite.connection import side_files
from launcher.backup.sqlite.copy import integrity_findings, open_checked
from launcher.backup.sqlite.rows import table_of_broken_rule
from launcher.offsite.age import Identity
from launcher.offsite.download import SPARE_BYTES, download_copy, needed_bytes
from launcher.offsite.errors import OffsiteError
from launcher.offsite.records import CopyState, Destinations, LastTrouble, Ledger, StoredCopy
from launcher.offsite.remote import OnBytes, Remote
from launcher.offsite.troubles import RemoteError, Trouble

OnCopyBytes = Callable[[StoredCopy, int, int], None]
"""Called with a copy and (done, total) in bytes; what it raises ends the reading."""

_SHARE = 0.9
"""In which part of the days all copies are read, so that a missed day or two is caught up."""

_PAUSE = timedelta(hours=6)
_NEVER = date.min
_OF_THE_COPY = {
    Trouble.DIFFERENT: CopyState.DAMAGED,
    Trouble.NOT_THERE: CopyState.MISSING,
}
"""What says something of the copy; all other troubles are of the service."""


def read_some(
    remote: Remote,
    ledger: Ledger,
    *,
    rules: Destinations,
    identities: Sequence[Identity],
    staged: Path,
    clock: Clock,
    keep: Callable[[Ledger], None],
    on_bytes: OnCopyBytes,
    may_go_on: Callable[[], bool] = lambda: True,
) -> Ledger:
    """Read the copies whose turn it is, and return the ledger with what was found.

    What is found is kept after each copy, so a killed process loses one. A copy that was proved
    has `read_at`; one that is not what was written is `DAMAGED`, one that is gone `MISSING`, each
    with its trouble. One that no key here opens is not downloaded, and has the trouble `NO_KEY`.
    What the service refuses, or the disk here has no room for, is in `read_trouble`, and is tried
    again in six hours: copying does not depend on it.

    Args:
        remote: opened for this site.
        ledger: of this destination; the caller holds its lock.
        rules: how often, and how much a day.
        identities: the secret keys that are here.
        staged: a file for the download, which is not there before nor afterwards.
        clock: gives the moment.
        keep: writes a ledger down.
        on_bytes: gets the progress.
        may_go_on: asked before each copy; False once something else is more urgent.

    Raises:
        StoreUnavailableError: the disk here refuses the download, or the ledger.
    """
    reader = _Reader(remote, ledger, rules, identities, staged, clock, keep, on_bytes)
    reader.name_unopened()
    waiting = ledger.read_trouble
    if waiting and waiting.next_try_at and clock() < waiting.next_try_at:
        return reader.ledger
    room_bytes = math.inf
    trouble: LastTrouble | None = None
    for copy in due_to_read(reader.ledger, rules, reader.own_keys, now=clock()):
        if not may_go_on():
            return reader.ledger
        if needed_bytes(copy) > room_bytes or not reader.is_affordable(copy):
            continue
        try:
            reader.read(copy)
        except InsufficientSpaceError as error:
            room_bytes = min(room_bytes, needed_bytes(copy)) - 1
            facts = {
                "needed_bytes": error.facts.get("required_bytes", 0),
                "free_bytes": error.facts.get("available_bytes", 0),
            }
            trouble = reader.trouble(RemoteError(Trouble.NO_ROOM), facts)
        except RemoteError as error:
            trouble = reader.trouble(error, error.facts)
            break
    reader.keep(read_trouble=trouble)
    return reader.ledger


def due_to_read(
    ledger: Ledger, rules: Destinations, own_keys: Collection[str], *, now: datetime
) -> list[StoredCopy]:
    """Return the copies whose turn it is today: unconfirmed ones, then the longest unread.

    Those are the ones that were not read in time, and as many others as a day needs for all to be.
    """
    queue = sorted(
        readable(ledger.copies, own_keys),
        key=lambda each: (each.is_checked, unread_since(each)),
    )
    days = max(1.0, rules.read_within_days * _SHARE)
    late = now - timedelta(days=days)
    overdue = sum(not each.is_checked or unread_since(each) <= late for each in queue)
    unread = [each for each in queue if not _is_read_on(each, now)]
    share = math.ceil(len(queue) / days) - (len(queue) - len(unread))
    return unread[: max(overdue, share, 0)]


def readable(copies: Sequence[StoredCopy], own_keys: Collection[str]) -> Iterator[StoredCopy]:
    """Yield the good copies that can be opened with these keys, or are not encrypted."""
    for copy in copies:
        is_known = copy.backup.file is not None  # and not only what its manifest says openly
        if copy.state is CopyState.GOOD and is_known and opens(copy, own_keys):
            yield copy


def opens(copy: StoredCopy, own_keys: Collection[str]) -> bool:
    """Whether one of these keys opens a copy, as far as its manifest says."""
    return not copy.recipients or not copy.recipients.isdisjoint(own_keys)


def unread_since(copy: StoredCopy) -> datetime:
    """Return since when nobody has read all of a copy: it was confirmed when it was written."""
    return copy.read_at or copy.copied_at


@dataclass
class _Reader:
    """Reads one copy after another, and keeps what it found of each."""

    remote: Remote
    ledger: Ledger
    rules: Destinations
    identities: Sequence[Identity]
    staged: Path
    clock: Clock
    write: Callable[[Ledger], None]
    on_bytes: OnCopyBytes

    @cached_property
    def own_keys(self) -> frozenset[str]:
        """The public keys of the secret ones that are here."""
        return frozenset(each.public_key for each in self.identities)

    def keep(self, **changes: object) -> None:
        """Write the ledger down with these changes, unless it has them."""
        changed = replace(self.ledger, **changes)  # type: ignore[arg-type]
        if changed != self.ledger:
            self.ledger = changed
            self.write(changed)

    def name_unopened(self) -> None:
        """Give the trouble `NO_KEY` to each copy that no key here opens, and to no other."""
        self.keep(copies=tuple(self._named(each) for each in self.ledger.copies))

    def _named(self, copy: StoredCopy) -> StoredCopy:
        if copy.state is not CopyState.GOOD:
            return copy
        trouble = None if opens(copy, self.own_keys) else Trouble.NO_KEY
        return copy if copy.trouble is trouble else replace(copy, trouble=trouble)

    def is_affordable(self, copy: StoredCopy) -> bool:
        """Whether the bytes of a day allow to read it.

        One that is larger than all bytes of a day is read as well: then nothing is read until the
        days since have made up for it.
        """
        if not self.rules.read_bytes_a_day:
            return True
        spent = self._spent()
        return not spent or spent + copy.size_bytes <= self.rules.read_bytes_a_day

    def _spent(self) -> int:
        """Return how much of today is spent, with what the days before have spent too much."""
        today, began = self.clock().date(), _NEVER
        with suppress(ValueError):
            began = date.fromisoformat(self.ledger.read_day)
        days, allowed = (today - began).days, self.rules.read_bytes_a_day
        if days and not allowed:
            return 0
        return max(0, self.ledger.read_bytes - max(0, days) * allowed)

    def read(self, copy: StoredCopy) -> None:
        """Read one copy, and keep what was found of it.

        Raises:
            RemoteError: of the service, which says nothing of the copy.
            InsufficientSpaceError, StoreUnavailableError
        """
        try:
            prove(
                self.remote,
                copy,
                self.staged,
                identities=self.identities,
                on_bytes=partial(self.on_bytes, copy),
            )
        except OffsiteError:
            # Its manifest names a key that is here, and its bytes are for another one.
            found = self._bad(copy, CopyState.DAMAGED, Trouble.NO_KEY)
        except RemoteError as error:
            if error.trouble not in _OF_THE_COPY:
                raise
            found = self._bad(copy, _OF_THE_COPY[error.trouble], error.trouble)
        else:
            found = replace(copy, read_at=self.clock(), trouble=None)
        copies = tuple(found if each is copy else each for each in self.ledger.copies)
        self.keep(
            copies=copies,
            read_bytes=self._spent() + copy.size_bytes,
            read_day=self.clock().date().isoformat(),
        )

    def _bad(self, copy: StoredCopy, state: CopyState, trouble: Trouble) -> StoredCopy:
        return replace(copy, state=state, trouble=trouble, bad_since=self.clock())

    def trouble(self, error: RemoteError, facts: Mapping[str, object]) -> LastTrouble:
        """Return why nothing can be read now, counted with the times before."""
        now, last = self.clock(), self.ledger.read_trouble
        return LastTrouble(
            trouble=error.trouble,
            at=now,
            since=last.since if last else now,
            count=last.count + 1 if last else 1,
            facts=facts,
            answer=error.answer,
            next_try_at=now + _PAUSE,
        )


def prove(
    remote: Remote,
    copy: StoredCopy,
    staged: Path,
    *,
    identities: Sequence[Identity],
    on_bytes: OnBytes,
) -> None:
    """Download a copy, open it, and check its database; nothing of it is left here.

    Raises:
        RemoteError: of the service; `DIFFERENT` where it is not the backup that was written.
        OffsiteError: `not_opened`: none of the keys opens it.
        InsufficientSpaceError: nothing was downloaded.
        StoreUnavailableError
    """
    file, database = copy.backup.file, copy.backup.database
    if file is None or database is None:
        raise RemoteError(Trouble.DIFFERENT, name=copy.name)
    raw = staged.with_name(f"{staged.name}.db")
    discard(raw)  # of a process that was killed
    try:
        with disk_errors("download a copy"):
            room_bytes = max(needed_bytes(copy), file.size_bytes + database.size_bytes)
            require_space(staged.parent, room_bytes + SPARE_BYTES, what="reading a copy")
        download_copy(remote, copy, staged, identities=identities, on_bytes=on_bytes)
        with staged.open("rb") as source, disk_errors("unpack a copy"):
            unpack_to(raw, source, file=file, database=database, on_bytes=lambda _done, _all: None)
        with open_checked(raw) as connection:
            findings = integrity_findings(connection, is_quick=True)
            # A row that breaks a rule was backed up as it is.
            if not all(map(table_of_broken_rule, findings)):
                raise RemoteError(Trouble.DIFFERENT, name=copy.name)
    except VerificationError as error:
        raise RemoteError(Trouble.DIFFERENT, name=copy.name) from error
    finally:
        discard(staged, raw, *side_files(raw))


def _is_read_on(copy: StoredCopy, now: datetime) -> bool:
    return copy.read_at is not None and copy.read_at.date() == now.date()
