"""What is wrong, as data: one look at the store, the journal, the disk and the schedule.

`look` asks the disk and gathers a `Situation`; everything after it is a pure function of that.
The pages, the command line, the metrics and the notifications all read the same `Findings`, and
only find the words. Nothing here asks the live database for anything but whether it opens.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from cronsim import CronSimError

from launcher.backup.errors import BackupError
from launcher.backup.records import (
    OWN_KINDS,
    Backup,
    JournalEntry,
    Kind,
    Listing,
    Outcome,
    Progress,
    State,
    Verb,
)
from launcher.cron import next_runs
from launcher.leader import Leader
from launcher.rules import UNKNOWN, Rules

if TYPE_CHECKING:
    from launcher.backup.service import BackupService

SPACE = "insufficient_space"
STORE = "store_unavailable"
SOURCE = "source_database"

PATIENCE_S = 5.0

_JOURNAL_DAYS = 40
_RUNS_AHEAD = 400


class Tone(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


class Concern(StrEnum):
    """What can be wrong, in the order of what it costs."""

    NOT_PUT_BACK = "not_put_back"
    LIVE_DAMAGED = "live_damaged"
    STORE_UNAVAILABLE = "store_unavailable"
    READ_ONLY = "read_only"
    LOW_SPACE = "low_space"
    FAILED = "failed"
    STALE = "stale"
    DAMAGED = "damaged"
    SCHEDULER_STOPPED = "scheduler_stopped"
    REHEARSAL_FAILED = "rehearsal_failed"
    PRUNE_FAILED = "prune_failed"
    NOTICES_FAILING = "notices_failing"
    INTERRUPTED = "interrupted"
    SCHEDULE_OFF = "schedule_off"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong, with what its words need.

    Attributes:
        since: since when, as far as it is known.
        count: how many: failed attempts in a row, damaged backups, unreachable targets.
        code: of `BackupError`, where an operation failed.
        detail: a sentence of the core's, in English.
        entry: the journal's line about it, the newest where there are several.
        backups: those that it is about, newest first.
        free_bytes, needed_bytes, full_at: of low space; `full_at` is the scheduled run that will
            not fit any more, None when that cannot be said or retention makes room for each.
        names: of the targets that cannot be told.
    """

    concern: Concern
    tone: Tone
    since: datetime | None = None
    count: int = 1
    code: str = ""
    detail: str = ""
    entry: JournalEntry | None = None
    backups: tuple[Backup, ...] = ()
    free_bytes: int = 0
    needed_bytes: int = 0
    full_at: datetime | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Space:
    """The disk that the backups lie on.

    Attributes:
        needed_bytes: what the next backup takes for a moment, judged by the newest one; 0 while
            there is none.
        kept_bytes: what it will then keep.
    """

    total_bytes: int
    free_bytes: int
    stored_bytes: int
    needed_bytes: int
    kept_bytes: int = 0

    @property
    def is_full(self) -> bool:
        """Whether the next backup would not fit."""
        return self.needed_bytes > self.free_bytes

    @property
    def is_short(self) -> bool:
        """Whether it fits, and soon one will not."""
        return not self.is_full and self.needed_bytes * 4 > self.free_bytes

    @property
    def foreign_share(self) -> float:
        """How much of the disk others take, from 0 to 1."""
        return max(0.0, 1 - self.own_share - self.free_bytes / self.total_bytes)

    @property
    def own_share(self) -> float:
        """How much of the disk the backups take, from 0 to 1."""
        return min(1.0, self.stored_bytes / self.total_bytes)

    @property
    def more_fit(self) -> int:
        """How many more backups like the newest fit."""
        if self.is_full or not self.kept_bytes:
            return 0
        return (self.free_bytes - self.needed_bytes) // self.kept_bytes + 1


@dataclass(frozen=True, slots=True)
class Unreached:
    """Somebody who was to be told and could not be: for how long, and why (see `notices`)."""

    name: str
    since: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything at one moment.

    Attributes:
        rules: the settings; `has_rules` is False when nobody can read or remember them.
        listing: the backups, None when the store cannot be read; `problem` then says why.
        is_writable: whether a backup could be put there.
        space: None when the disk does not tell.
        entries: what happened in the last weeks, newest first.
        has_history: whether a backup was ever made; asked only where there is none now.
        next_run_at: None when no schedule is on.
        leader: who runs the scheduled work, None when nobody does.
        is_scheduler_wanted: whether this deployment runs that work itself.
    """

    now: datetime
    rules: Rules
    folder: Path
    listing: Listing | None
    problem: str
    is_writable: bool
    space: Space | None
    entries: Sequence[JournalEntry]
    has_history: bool
    running: Progress | None
    next_run_at: datetime | None
    has_rules: bool = True
    live_problem: str = ""
    leader: Leader | None = None
    is_scheduler_wanted: bool = False
    unreached: Sequence[Unreached] = ()

    @property
    def last_good(self) -> Backup | None:
        """The newest backup that holds this site's data and is whole: the last success."""
        return self.listing.own_good[0] if self.listing and self.listing.own_good else None

    @property
    def last_attempt(self) -> JournalEntry | None:
        """The newest attempt at a backup, however it ended."""
        return next((entry for entry in self.entries if entry.verb is Verb.CREATE), None)

    @property
    def is_stale(self) -> bool:
        """Whether the schedule has let too much time pass since a good backup."""
        if not self.rules.is_scheduled or self.listing is None:
            return False
        limit = self.rules.stale_after
        # A backup from the future was made by a wrong clock, and says nothing of today.
        ages = (self.now - backup.created_at for backup in self.listing.own_good)
        newest = next((age for age in ages if age >= -limit), None)
        if newest is None and not self.has_ever_begun:
            return False
        return newest is None or newest > limit

    @property
    def has_ever_begun(self) -> bool:
        """Whether a first scheduled backup should be there by now: a new site is not late."""
        if (self.listing and self.listing.backups) or self.has_history:
            return True
        began = self.entries[-1].started_at if self.entries else self.now
        return self.now - began > self.rules.stale_after


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong, worst first, and what could not be seen: that is not right again."""

    troubles: tuple[Trouble, ...]
    unknown: frozenset[Concern] = frozenset()

    def find(self, concern: Concern) -> Trouble | None:
        """Return the trouble of one kind."""
        return next((trouble for trouble in self.troubles if trouble.concern is concern), None)

    @property
    def causes(self) -> tuple[Trouble, ...]:
        """The troubles without those that another one explains: one cause is enough to tell."""
        return tuple(t for t in self.troubles if not explains(self.troubles, t))

    @property
    def echoes(self) -> tuple[Trouble, ...]:
        """The troubles that another one explains."""
        return tuple(t for t in self.troubles if explains(self.troubles, t))


def look(
    service: BackupService,
    *,
    rules: Rules | None,
    now: datetime,
    leader: Leader | None = None,
    is_scheduler_wanted: bool = False,
    unreached: Sequence[Unreached] = (),
    patience_s: float = PATIENCE_S,
) -> Situation:
    """Return the situation. A store that is away, or does not answer in time, is no error.

    Args:
        patience_s: how long to wait for the disk of the backups: a folder on another machine
            that hangs lets every question about it hang.
    """
    store = _ask_store(service, patience_s)
    return Situation(
        now=now,
        rules=rules or UNKNOWN,
        has_rules=rules is not None,
        folder=service.store_path,
        listing=store.listing,
        problem=store.problem,
        is_writable=store.is_writable,
        space=store.space,
        entries=service.journal(limit=None, since=now - timedelta(days=_JOURNAL_DAYS)),
        has_history=_has_history(service) if store.listing and not store.listing.backups else False,
        running=service.progress(),
        next_run_at=_next_run_at(rules, now),
        live_problem=service.live_problem(),
        leader=leader,
        is_scheduler_wanted=is_scheduler_wanted,
        unreached=unreached,
    )


@dataclass(frozen=True, slots=True)
class _Store:
    """What the disk of the backups says."""

    listing: Listing | None = None
    problem: str = ""
    is_writable: bool = False
    space: Space | None = None


_asking: dict[Path, threading.Thread] = {}
"""Who asks which folder at this moment: one that hangs is asked by one thread, not by many."""


def _ask_store(service: BackupService, patience_s: float) -> _Store:
    deadline = time.monotonic() + patience_s
    said: list[_Store] = []
    before = _asking.get(service.store_path)
    if before is not None:
        before.join(patience_s)
    if before is None or not before.is_alive():
        # A daemon: a disk that hangs must not keep a process from ending.
        asking = threading.Thread(
            target=lambda: said.append(_store_of(service)), name="store", daemon=True
        )
        _asking[service.store_path] = asking
        asking.start()
        asking.join(max(0.0, deadline - time.monotonic()))
    return said[0] if said else _Store(problem="the backup folder does not answer")


def _store_of(service: BackupService) -> _Store:
    try:
        listing = service.listing()
        return _Store(
            listing=listing,
            is_writable=is_writable(service.store_path),
            space=space_of(service.store_path, listing),
        )
    except (BackupError, OSError) as error:
        return _Store(problem=str(error))


def is_writable(folder: Path) -> bool:
    """Whether something can be put into the folder, or the folder be made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)


def space_of(folder: Path, listing: Listing) -> Space | None:
    """Return what the disk of the folder has left, None when it does not tell."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None
    newest = next((b for b in listing.backups if b.database and b.kind in OWN_KINDS), None)
    raw_bytes = newest.database.size_bytes if newest and newest.database else 0
    kept_bytes = newest.file.size_bytes if newest and newest.file else 0
    return Space(
        total_bytes=max(1, disk.f_blocks * disk.f_frsize),
        free_bytes=disk.f_bavail * disk.f_frsize,
        stored_bytes=listing.stored_bytes,
        # The raw copy and what it is packed into lie there side by side.
        needed_bytes=raw_bytes * 3 // 2,
        kept_bytes=kept_bytes,
    )


# --- what follows from it ----------------------------------------------------------------


def judge(situation: Situation) -> Findings:
    """Return every trouble, the costliest first, and what this look could not tell."""
    order = list(Concern)
    troubles = sorted(
        _troubles(situation), key=lambda t: (t.tone is not Tone.BAD, order.index(t.concern))
    )
    return Findings(tuple(troubles), frozenset(_unknown(situation)))


_ECHOES: Mapping[Concern, Mapping[Concern, str]] = {
    Concern.STALE: {
        Concern.FAILED: "",
        Concern.STORE_UNAVAILABLE: "",
        Concern.READ_ONLY: "",
        Concern.LIVE_DAMAGED: "",
        Concern.SCHEDULER_STOPPED: "",
    },
    Concern.FAILED: {
        Concern.STORE_UNAVAILABLE: STORE,
        Concern.READ_ONLY: STORE,
        Concern.LOW_SPACE: SPACE,
        Concern.LIVE_DAMAGED: SOURCE,
    },
    Concern.INTERRUPTED: {Concern.FAILED: ""},
}
"""What each trouble is an echo of, and the code that makes it one ("" for any)."""


def explains(others: Sequence[Trouble], trouble: Trouble) -> bool:
    """Whether one of `others` is the cause of `trouble`, so that there is one thing to tell."""
    causes = _ECHOES.get(trouble.concern, {})
    return any(
        other.concern in causes
        and causes[other.concern] in {"", trouble.code}
        and (other.concern is not Concern.LOW_SPACE or other.tone is Tone.BAD)
        for other in others
    )


def _unknown(situation: Situation) -> Iterator[Concern]:
    if situation.listing is None:
        yield from (Concern.STALE, Concern.DAMAGED, Concern.LOW_SPACE, Concern.READ_ONLY)
    if not situation.has_rules:
        yield from (Concern.STALE, Concern.SCHEDULE_OFF)
    if situation.space is None:
        yield Concern.LOW_SPACE


def _troubles(situation: Situation) -> Iterator[Trouble]:
    yield from _of_the_data(situation)
    yield from _of_the_store(situation)
    yield from _of_attempts(situation)
    yield from _of_upkeep(situation)
    yield from _of_the_schedule(situation)
    if situation.unreached:
        yield Trouble(
            Concern.NOTICES_FAILING,
            Tone.WARN,
            since=min(each.since for each in situation.unreached),
            count=len(situation.unreached),
            detail=situation.unreached[0].reason,
            names=tuple(each.name for each in situation.unreached),
        )


def _of_the_data(situation: Situation) -> Iterator[Trouble]:
    restore = _last(situation, Verb.RESTORE)
    if restore and restore.error_code == "revert_failed":
        yield Trouble(
            Concern.NOT_PUT_BACK,
            Tone.BAD,
            since=restore.ended_at,
            code=restore.error_code,
            detail=restore.error,
            entry=restore,
            backups=_named(situation, restore),
        )
    if situation.live_problem:
        yield Trouble(Concern.LIVE_DAMAGED, Tone.BAD, detail=situation.live_problem)


def _of_the_store(situation: Situation) -> Iterator[Trouble]:
    if situation.listing is None:
        yield Trouble(Concern.STORE_UNAVAILABLE, Tone.BAD, code=STORE, detail=situation.problem)
        return
    if not situation.is_writable:
        yield Trouble(Concern.READ_ONLY, Tone.BAD, code=STORE)
    space = situation.space
    if space is not None and (space.is_full or space.is_short):
        yield Trouble(
            Concern.LOW_SPACE,
            Tone.BAD if space.is_full else Tone.WARN,
            count=space.more_fit,
            free_bytes=space.free_bytes,
            needed_bytes=space.needed_bytes,
            full_at=_full_at(situation, space),
        )
    damaged = situation.listing.counts_by_state[State.DAMAGED]
    if damaged:
        found = tuple(situation.listing.select(state=State.DAMAGED))
        moments = [backup.verification.at for backup in found if backup.verification.at]
        yield Trouble(
            Concern.DAMAGED,
            Tone.BAD,
            since=min(moments, default=None),
            count=damaged,
            detail=found[0].verification.error,
            backups=found,
        )


def _of_attempts(situation: Situation) -> Iterator[Trouble]:
    failed = _failed_in_a_row(situation)
    if failed:
        is_covered = situation.last_good is not None and not situation.is_stale
        yield Trouble(
            Concern.FAILED,
            Tone.WARN if is_covered else Tone.BAD,
            since=failed[-1].started_at,
            count=len(failed),
            code=failed[0].error_code,
            detail=failed[0].error,
            entry=failed[0],
        )
    if situation.is_stale:
        last = situation.last_good
        yield Trouble(
            Concern.STALE,
            Tone.BAD,
            since=last.created_at if last else None,
            backups=(last,) if last else (),
        )
    newest = situation.entries[0] if situation.entries else None
    if newest and newest.outcome is Outcome.INTERRUPTED:
        yield Trouble(
            Concern.INTERRUPTED,
            Tone.WARN,
            since=newest.ended_at,
            entry=newest,
            backups=_named(situation, newest),
        )


def _of_upkeep(situation: Situation) -> Iterator[Trouble]:
    rehearsal = _last(situation, Verb.REHEARSE)
    if rehearsal and rehearsal.outcome is Outcome.FAILED:
        yield Trouble(
            Concern.REHEARSAL_FAILED,
            Tone.WARN,
            since=rehearsal.ended_at,
            code=rehearsal.error_code,
            detail=rehearsal.error,
            entry=rehearsal,
            backups=_named(situation, rehearsal),
        )
    pruning = _last(situation, Verb.PRUNE)
    left = pruning.facts.get("failed") if pruning else None
    if pruning and (left or pruning.outcome is Outcome.FAILED):
        yield Trouble(
            Concern.PRUNE_FAILED,
            Tone.WARN,
            since=pruning.ended_at,
            count=len(left) if isinstance(left, list) else 1,
            code=pruning.error_code,
            detail=pruning.error,
            entry=pruning,
        )


def _of_the_schedule(situation: Situation) -> Iterator[Trouble]:
    if not situation.has_rules:
        return
    if not situation.rules.is_scheduled:
        if situation.has_ever_begun:
            yield Trouble(Concern.SCHEDULE_OFF, Tone.WARN)
    elif situation.is_scheduler_wanted and situation.leader is None:
        yield Trouble(Concern.SCHEDULER_STOPPED, Tone.WARN)


def _failed_in_a_row(situation: Situation) -> list[JournalEntry]:
    """Return the attempts at a backup that failed since the last good one, newest first.

    What a person broke off is no failure; what the schedule began and nobody ended is one.
    """
    failed: list[JournalEntry] = []
    last_good = situation.last_good
    for entry in situation.entries:
        if last_good and entry.started_at < last_good.created_at <= situation.now:
            break
        if entry.verb is not Verb.CREATE:
            continue
        if entry.outcome is Outcome.SUCCEEDED:
            break
        if entry.outcome is Outcome.FAILED or is_scheduled(entry):
            failed.append(entry)
    return failed


def is_scheduled(entry: JournalEntry) -> bool:
    """Whether the schedule asked for this backup."""
    return entry.verb is Verb.CREATE and entry.facts.get("kind") == Kind.SCHEDULED


def _last(situation: Situation, verb: Verb) -> JournalEntry | None:
    return next((entry for entry in situation.entries if entry.verb is verb), None)


def _named(situation: Situation, entry: JournalEntry) -> tuple[Backup, ...]:
    found = situation.listing.by_id.get(entry.backup_id) if situation.listing else None
    return (found,) if found else ()


def _has_history(service: BackupService) -> bool:
    made = service.journal(limit=None, verbs={Verb.CREATE})
    return any(entry.outcome is Outcome.SUCCEEDED for entry in made)


def _next_run_at(rules: Rules | None, now: datetime) -> datetime | None:
    return next(iter(_runs(rules, now, count=1)), None)


def _runs(rules: Rules | None, now: datetime, *, count: int) -> Sequence[datetime]:
    if rules is None or not rules.is_scheduled:
        return ()
    with contextlib.suppress(CronSimError):  # remembered from who knows when
        return list(
            islice(next_runs(rules.cron_expression, after=now, zone=rules.zone, count=count), count)
        )
    return ()


def _full_at(situation: Situation, space: Space) -> datetime | None:
    """Return the first scheduled run that will not fit, if retention does not make room before."""
    rules, listing = situation.rules, situation.listing
    if listing is None:
        return None
    until_pruned = rules.keep_count - listing.counts_by_kind[Kind.SCHEDULED]
    if space.more_fit >= min(until_pruned, _RUNS_AHEAD):
        return None
    runs = _runs(rules, situation.now, count=space.more_fit + 1)
    return runs[-1] if len(runs) > space.more_fit else None


# --- as programs read it -----------------------------------------------------------------


def facts(trouble: Trouble) -> Mapping[str, object]:
    """Return a trouble as plain values for JSON; what does not apply to it is left out."""
    entry = trouble.entry
    found: dict[str, object] = {
        "concern": trouble.concern.value,
        "severity": trouble.tone.value,
        "since": trouble.since,
        "count": trouble.count,
        "code": trouble.code,
        "detail": trouble.detail,
        "operation_id": entry.operation_id if entry else "",
        "backup_ids": [str(backup.id) for backup in trouble.backups],
        "targets": list(trouble.names),
    }
    if trouble.concern is Concern.LOW_SPACE:
        found |= {
            "free_bytes": trouble.free_bytes,
            "needed_bytes": trouble.needed_bytes,
            "full_at": trouble.full_at,
        }
    return {name: value for name, value in found.items() if value not in (None, "", [])}
