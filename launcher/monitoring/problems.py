"""Whether the data is safe, and what is wrong: pure functions of a `Snapshot`.

The pages, the command line, `/healthz`, the metrics and the notifications all show the same
`Findings`, in words of their own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from launcher.backup.errors import OF_THE_SCHEMA
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import Backup, Kind, State
from launcher.backup.records.operation import JournalEntry, Outcome, Stage, Verb
from launcher.monitoring import copies
from launcher.monitoring.snapshot import Snapshot, Space, patience, runs_ahead
from launcher.offsite.records import LastTrouble, StoredCopy
from launcher.offsite.status import DestinationStatus, KitState, OffsiteStatus

SPACE = "insufficient_space"
STORE = "store_unavailable"
SOURCE = "source_database"

VERIFIED_WITHIN = timedelta(days=31)
"""How old the verdict on any backup may be: a month, which the scrub keeps by a few days."""

_RUNS_AHEAD = 400
_NAMED = 3
LEAST_DATA_FREE_BYTES = 1000 * 4096
"""What the live database needs: SQLite folds its log (`wal_autocheckpoint`) at 1000 pages."""


class Severity(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


class ProblemKind(StrEnum):
    """What can be wrong, in the order of what it costs."""

    NOT_PUT_BACK = "not_put_back"
    LIVE_DAMAGED = "live_damaged"
    DATA_DISK_FULL = "data_disk_full"
    STORE_UNAVAILABLE = "store_unavailable"
    READ_ONLY = "read_only"
    LOW_SPACE = "low_space"
    FAILED = "failed"
    STALE = "stale"
    DAMAGED = "damaged"
    DESTINATIONS_UNREADABLE = "destinations_unreadable"
    KEY_MISSING = "key_missing"
    COPIES_STALE = "copies_stale"
    COPIES_DAMAGED = "copies_damaged"
    COPIES_FAILING = "copies_failing"
    RESTORE_FAILED = "restore_failed"
    SCHEDULER_STOPPED = "scheduler_stopped"
    RESTORE_TEST_FAILED = "restore_test_failed"
    FROM_FUTURE = "from_future"
    UNCHECKED = "unchecked"
    COPIES_UNREAD = "copies_unread"
    KIT_UNCONFIRMED = "kit_unconfirmed"
    PRUNE_FAILED = "prune_failed"
    COPIES_STRANGE = "copies_strange"
    NOTIFICATIONS_FAILING = "notifications_failing"
    RECIPIENT_TEST_FAILED = "recipient_test_failed"
    NO_RECIPIENTS = "no_recipients"
    INTERRUPTED = "interrupted"
    SCHEDULE_OFF = "schedule_off"
    COPIES_PAUSED = "copies_paused"
    ONE_DISK = "one_disk"


OF_COPIES = frozenset(
    {
        ProblemKind.DESTINATIONS_UNREADABLE,
        ProblemKind.KEY_MISSING,
        ProblemKind.COPIES_STALE,
        ProblemKind.COPIES_DAMAGED,
        ProblemKind.COPIES_FAILING,
        ProblemKind.COPIES_UNREAD,
        ProblemKind.KIT_UNCONFIRMED,
        ProblemKind.COPIES_STRANGE,
        ProblemKind.COPIES_PAUSED,
        ProblemKind.ONE_DISK,
    }
)
"""What can be wrong with copies in other places."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, with what its words need.

    Attributes:
        since: since when, as far as it is known.
        count: how many: failed attempts in a row, damaged or unchecked backups, failing
            recipients, copies, strange files.
        code: of `BackupError`, where an operation failed.
        fault: what exactly was wrong.
        undelivered: why the first failing recipient was not reached, an `Undelivered`.
        entry: the journal's line about it, the newest where there are several.
        backups: those that it is about, newest first.
        free_bytes, needed_bytes, full_at: of low space; `full_at` is the scheduled run that will
            not fit any more, None when that cannot be said or retention makes room for each.
        names: of the recipients that cannot be reached, or whose test failed.
        only_cause: the one problem that explains this one, where that is known.
        destinations: the names of those that it is about, the worst first.
        trouble: why the last tries at the first of them failed.
        files: what was found at the first of them, at most three names.
        state: of the copies that it is about, a `CopyState`.
    """

    kind: ProblemKind
    severity: Severity
    since: datetime | None = None
    count: int = 1
    code: str = ""
    fault: Fault | None = None
    undelivered: str = ""
    entry: JournalEntry | None = None
    backups: tuple[Backup, ...] = ()
    free_bytes: int = 0
    needed_bytes: int = 0
    full_at: datetime | None = None
    names: tuple[str, ...] = ()
    only_cause: ProblemKind | None = None
    destinations: tuple[str, ...] = ()
    trouble: LastTrouble | None = None
    files: tuple[str, ...] = ()
    state: str = ""

    @property
    def detail(self) -> str:
        """The fault as an English sentence, or why a recipient was not reached."""
        return str(self.fault or self.undelivered)


class Headline(StrEnum):
    """The one sentence that stands first: what backups there are, and nothing of other problems."""

    STORE_AWAY = "store_away"
    NONE_YET = "none_yet"
    NONE_LEFT = "none_left"
    NO_GOOD = "no_good"
    ONLY_BROUGHT = "only_brought"
    STALE = "stale"
    NEWEST_UNVERIFIED = "newest_unverified"
    RECENT_GOOD = "recent_good"


class PrimaryAction(StrEnum):
    """What helps most."""

    BACK_UP = "back_up"
    MAKE_ROOM = "make_room"
    LOOK_AGAIN = "look_again"


_NOT_YET = frozenset({Headline.NONE_YET, Headline.ONLY_BROUGHT, Headline.NEWEST_UNVERIFIED})
"""The headlines that warn by themselves; those that are bad rest on a problem."""


@dataclass(frozen=True, slots=True)
class Findings:
    """The answer to "is the data safe?".

    Attributes:
        problems: the worst first.
        unknown: what could not be seen, so that it may not count as over.
    """

    problems: tuple[Problem, ...]
    unknown: frozenset[ProblemKind] = frozenset()
    headline: Headline = Headline.RECENT_GOOD

    @property
    def severity(self) -> Severity:
        """How bad it is: as bad as the worst problem."""
        if any(problem.severity is Severity.BAD for problem in self.problems):
            return Severity.BAD
        return Severity.WARN if self.besides or self.headline in _NOT_YET else Severity.OK

    @property
    def is_only_one_disk(self) -> bool:
        """Whether all is well but that all copies are on one disk, which takes time to change."""
        return self.headline is Headline.RECENT_GOOD and all(
            each.kind is ProblemKind.ONE_DISK for each in self.problems
        )

    @property
    def primary_action(self) -> PrimaryAction:
        """What helps most against what is wrong."""
        bad = {problem.kind for problem in self.problems if problem.severity is Severity.BAD}
        if self.headline is Headline.STORE_AWAY or ProblemKind.READ_ONLY in bad:
            return PrimaryAction.LOOK_AGAIN
        return PrimaryAction.MAKE_ROOM if ProblemKind.LOW_SPACE in bad else PrimaryAction.BACK_UP

    @property
    def besides(self) -> tuple[Problem, ...]:
        """The causes that the headline does not name already."""
        named = {ProblemKind.STORE_UNAVAILABLE, ProblemKind.STALE}
        if self.headline is Headline.NONE_YET:
            named.add(ProblemKind.SCHEDULE_OFF)
        return tuple(problem for problem in self.causes if problem.kind not in named)

    def find(self, kind: ProblemKind) -> Problem | None:
        """Return the problem of one kind."""
        return next((problem for problem in self.problems if problem.kind == kind), None)

    @property
    def causes(self) -> tuple[Problem, ...]:
        """The problems that no other one explains."""
        return tuple(each for each in self.problems if not explains(self.problems, each))


def detect_problems(snapshot: Snapshot) -> Findings:
    """Return every problem in the snapshot, the worst first, and what it could not show."""
    order = list(ProblemKind)
    found = list(_problems(snapshot))
    if not snapshot.has_recipients and any(problem.severity is Severity.BAD for problem in found):
        # Without a bad problem, having no recipients is a choice.
        found.append(Problem(ProblemKind.NO_RECIPIENTS, Severity.WARN))
    problems = sorted(found, key=lambda t: (t.severity is not Severity.BAD, order.index(t.kind)))
    return Findings(tuple(problems), frozenset(_unknown(snapshot)), _headline(snapshot))


def _headline(snapshot: Snapshot) -> Headline:
    listing = snapshot.listing
    if listing is None:
        return Headline.STORE_AWAY
    if snapshot.is_stale:
        if not listing.ours and snapshot.has_history:
            return Headline.NONE_LEFT
        return Headline.NO_GOOD if listing.damaged and not snapshot.latest else Headline.STALE
    if not snapshot.last_good:
        is_brought = bool(snapshot.latest or listing.ours)
        return Headline.ONLY_BROUGHT if is_brought else Headline.NONE_YET
    if snapshot.newest and snapshot.newest.verification.state is State.UNVERIFIED:
        return Headline.NEWEST_UNVERIFIED
    return Headline.RECENT_GOOD


_CAUSES: Mapping[ProblemKind, Mapping[ProblemKind, str]] = {
    ProblemKind.STALE: {
        ProblemKind.FAILED: "",
        ProblemKind.STORE_UNAVAILABLE: "",
        ProblemKind.READ_ONLY: "",
        ProblemKind.LIVE_DAMAGED: "",
        ProblemKind.SCHEDULER_STOPPED: "",
    },
    ProblemKind.FAILED: {
        ProblemKind.STORE_UNAVAILABLE: STORE,
        ProblemKind.READ_ONLY: STORE,
        ProblemKind.DATA_DISK_FULL: SPACE,
        ProblemKind.LOW_SPACE: SPACE,
        ProblemKind.LIVE_DAMAGED: SOURCE,
    },
    ProblemKind.UNCHECKED: {ProblemKind.SCHEDULER_STOPPED: ""},
    ProblemKind.INTERRUPTED: {ProblemKind.FAILED: ""},
}
"""Which problems explain each, and the code that it must have for that ("" for any)."""


def explains(others: Sequence[Problem], problem: Problem) -> Sequence[ProblemKind]:
    """Return which of `others` explain `problem`."""
    if problem.only_cause:
        return [other.kind for other in others if other.kind is problem.only_cause]
    causes = _CAUSES.get(problem.kind, {})
    return [
        other.kind
        for other in others
        if other.kind in causes
        and causes[other.kind] in {"", problem.code}
        and (other.kind is not ProblemKind.LOW_SPACE or other.severity is Severity.BAD)
    ]


def _unknown(snapshot: Snapshot) -> Iterator[ProblemKind]:
    if snapshot.listing is None:
        yield from (
            ProblemKind.STALE,
            ProblemKind.DAMAGED,
            ProblemKind.LOW_SPACE,
            ProblemKind.READ_ONLY,
            ProblemKind.FROM_FUTURE,
            ProblemKind.UNCHECKED,
            ProblemKind.ONE_DISK,
        )
    if not snapshot.knows_settings:
        yield from (ProblemKind.STALE, ProblemKind.SCHEDULE_OFF, ProblemKind.COPIES_STALE)
    if snapshot.space is None:
        yield ProblemKind.LOW_SPACE
    if snapshot.offsite is None:
        yield from OF_COPIES
    elif snapshot.offsite.is_unreadable:
        yield from OF_COPIES - {ProblemKind.DESTINATIONS_UNREADABLE}


def _problems(snapshot: Snapshot) -> Iterator[Problem]:
    yield from _of_the_data(snapshot)
    yield from _of_the_store(snapshot)
    yield from _of_attempts(snapshot)
    yield from _of_upkeep(snapshot)
    yield from _of_the_schedule(snapshot)
    if snapshot.offsite:
        yield from _of_copies(snapshot.offsite, now=snapshot.now)
        yield from _on_one_disk(snapshot, snapshot.offsite)
    if snapshot.failing_recipients:
        yield Problem(
            ProblemKind.NOTIFICATIONS_FAILING,
            Severity.WARN,
            since=min(each.since for each in snapshot.failing_recipients),
            count=len(snapshot.failing_recipients),
            undelivered=snapshot.failing_recipients[0].reason,
            names=tuple(each.name for each in snapshot.failing_recipients),
        )
    if tests := snapshot.failed_tests:
        yield Problem(
            ProblemKind.RECIPIENT_TEST_FAILED,
            Severity.WARN,
            since=min(each.since for each in tests),
            count=len(tests),
            undelivered=tests[0].reason,
            names=tuple(each.name for each in tests),
        )


def _of_the_data(snapshot: Snapshot) -> Iterator[Problem]:
    restore = _last(snapshot, Verb.RESTORE) or snapshot.last_restore
    if restore and restore.error_code == "revert_failed":
        yield _of_entry(snapshot, restore, ProblemKind.NOT_PUT_BACK, Severity.BAD)
    if snapshot.live_problem:
        yield Problem(ProblemKind.LIVE_DAMAGED, Severity.BAD, fault=snapshot.live_problem)
    free = snapshot.data_free_bytes
    if free is not None and free < LEAST_DATA_FREE_BYTES:
        yield Problem(ProblemKind.DATA_DISK_FULL, Severity.BAD, code=SPACE, free_bytes=free)


def _of_the_store(snapshot: Snapshot) -> Iterator[Problem]:
    if snapshot.listing is None:
        yield Problem(
            ProblemKind.STORE_UNAVAILABLE, Severity.BAD, code=STORE, fault=snapshot.problem
        )
        return
    if not snapshot.is_writable:
        yield Problem(ProblemKind.READ_ONLY, Severity.BAD, code=STORE)
    space = snapshot.space
    if space is not None and (space.is_full or space.is_short):
        yield Problem(
            ProblemKind.LOW_SPACE,
            Severity.BAD if space.is_full else Severity.WARN,
            count=space.more_fit,
            free_bytes=space.free_bytes,
            needed_bytes=space.needed_bytes,
            full_at=_full_at(snapshot, space),
        )
    if found := tuple(snapshot.listing.damaged):
        yield Problem(
            ProblemKind.DAMAGED,
            _severity_of_loss(snapshot),
            since=_damaged_since(snapshot, found),
            count=len(found),
            fault=found[0].verification.fault,
            backups=found,
        )
    if future := tuple(snapshot.from_future):
        yield Problem(ProblemKind.FROM_FUTURE, Severity.WARN, count=len(future), backups=future)


def _damaged_since(snapshot: Snapshot, damaged: Sequence[Backup]) -> datetime | None:
    """Return when the first of them was found damaged, None unless the journal knows of each.

    Damage whose last good verdict is older than the journal's lines may be older than its verdict.
    """
    entries = snapshot.entries
    found: dict[str, datetime | None] = {
        b.id: None for b in damaged if entries and b.created_at < entries[-1].started_at
    }
    ids = {backup.id for backup in damaged}
    for entry in reversed(entries):
        if entry.backup_id not in ids:
            continue
        if entry.damage:
            found.setdefault(entry.backup_id, entry.ended_at)
        elif entry.verb is Verb.VERIFY and entry.outcome is Outcome.SUCCEEDED:
            found.pop(entry.backup_id, None)
    moments = [at for backup in damaged if (at := found.get(backup.id))]
    return min(moments) if len(moments) == len(damaged) else None


def _severity_of_loss(snapshot: Snapshot) -> Severity:
    """Return how bad a lost or damaged backup is: a good and recent one makes up for it."""
    is_covered = snapshot.last_good is not None and not snapshot.is_stale
    return Severity.WARN if is_covered else Severity.BAD


def _of_attempts(snapshot: Snapshot) -> Iterator[Problem]:
    failed = _failed_in_a_row(snapshot)
    if failed:
        is_altered = failed[0].fault and failed[0].fault.reason in OF_THE_SCHEMA
        yield Problem(
            ProblemKind.FAILED,
            Severity.BAD if is_altered else _severity_of_loss(snapshot),
            since=failed[-1].started_at,
            count=len(failed),
            code=failed[0].error_code,
            fault=failed[0].fault,
            entry=failed[0],
        )
    if snapshot.is_stale:
        last = snapshot.last_good
        yield Problem(
            ProblemKind.STALE,
            Severity.BAD,
            since=last.created_at if last else None,
            backups=(last,) if last else (),
            only_cause=ProblemKind.DAMAGED if _is_late_by_damage(snapshot) else None,
        )
    if restore := _failed_restore(snapshot):
        yield _of_entry(snapshot, restore, ProblemKind.RESTORE_FAILED, Severity.WARN)
    newest = snapshot.entries[0] if snapshot.entries else None
    if newest and newest.outcome is Outcome.INTERRUPTED:
        problem = _of_entry(snapshot, newest, ProblemKind.INTERRUPTED, Severity.WARN)
        # When it was killed is not known: the line ends when that was noticed.
        yield replace(problem, since=newest.started_at, code="", fault=None)


def _is_late_by_damage(snapshot: Snapshot) -> bool:
    """Whether a backup is recent enough, and would be the last good one if it were undamaged."""
    newest, last = snapshot.newest, snapshot.last_good
    if newest is None or newest.verification.state is not State.DAMAGED:
        return False
    if last and last.created_at > newest.created_at and not last.is_from_future(snapshot.now):
        return False
    settings = snapshot.settings
    is_recent = snapshot.now - newest.created_at <= patience(settings, newest.created_at)
    return is_recent or not settings.backup_enabled


def _of_upkeep(snapshot: Snapshot) -> Iterator[Problem]:
    # One for which there was no room is postponed, and says nothing of the backup.
    tests = (e for e in snapshot.entries if e.verb is Verb.TEST_RESTORE and e.error_code != SPACE)
    restore_test = next(tests, None)
    if restore_test and restore_test.outcome is Outcome.FAILED:
        yield _of_entry(snapshot, restore_test, ProblemKind.RESTORE_TEST_FAILED, Severity.WARN)
    yield from _unchecked(snapshot)
    pruning = _last(snapshot, Verb.PRUNE)
    left = pruning.facts.get("failed") if pruning else None
    if pruning and (left or pruning.outcome is Outcome.FAILED):
        problem = _of_entry(snapshot, pruning, ProblemKind.PRUNE_FAILED, Severity.WARN)
        yield replace(problem, count=len(left) if isinstance(left, list) else 1)


def _unchecked(snapshot: Snapshot) -> Iterator[Problem]:
    """Yield the problem of backups that the scrub did not reach within a month."""
    verdicts = snapshot.listing.verified_at if snapshot.listing else ()
    count = bisect_left(verdicts, snapshot.now - VERIFIED_WITHIN)
    if count:
        yield Problem(
            ProblemKind.UNCHECKED, Severity.WARN, since=verdicts[0] + VERIFIED_WITHIN, count=count
        )


def _of_the_schedule(snapshot: Snapshot) -> Iterator[Problem]:
    if not snapshot.knows_settings:
        return
    if not snapshot.settings.backup_enabled:
        if snapshot.has_ever_begun:
            yield Problem(ProblemKind.SCHEDULE_OFF, Severity.WARN)
    elif snapshot.is_scheduler_wanted and snapshot.leader is None:
        yield Problem(ProblemKind.SCHEDULER_STOPPED, Severity.WARN)


def _of_copies(offsite: OffsiteStatus, *, now: datetime) -> Iterator[Problem]:
    if offsite.is_unreadable:
        yield Problem(ProblemKind.DESTINATIONS_UNREADABLE, Severity.BAD)
        return
    unopened = copies.unopened(offsite)
    if offsite.kit is KitState.KEY_MISSING or unopened:
        is_lost = offsite.kit is KitState.KEY_MISSING
        found = [each for _, part in unopened for each in part]
        yield _of_destinations(
            ProblemKind.KEY_MISSING,
            Severity.BAD if is_lost else Severity.WARN,
            [status for status, _ in unopened],
            count=len(found),
            backups=_backups_of(found),
        )
    if stale := copies.stale(offsite):
        is_covered = copies.covered(offsite, now=now) is not None
        yield _of_destinations(
            ProblemKind.COPIES_STALE,
            Severity.WARN if is_covered else Severity.BAD,
            stale,
            since=copies.covered_until(stale[0]),
            trouble=stale[0].trouble,
        )
    if spoiled := copies.spoiled(offsite):
        found = [each for _, part in spoiled for each in part]
        is_last = any(status.newest_good is None for status, _ in spoiled)
        yield _of_destinations(
            ProblemKind.COPIES_DAMAGED,
            Severity.BAD if is_last else Severity.WARN,
            [status for status, _ in spoiled],
            count=len(found),
            state=found[0].state.value,
            backups=_backups_of(found),
        )
    if failing := copies.failing(offsite, now=now):
        trouble = failing[0].trouble
        yield _of_destinations(
            ProblemKind.COPIES_FAILING,
            Severity.WARN,
            failing,
            since=trouble.since if trouble else None,
            count=trouble.count if trouble else 1,
            trouble=trouble,
        )
    yield from _of_care(offsite, now=now)


def _of_care(offsite: OffsiteStatus, *, now: datetime) -> Iterator[Problem]:
    """Yield what endangers no copy yet."""
    if unread := copies.unread(offsite, now=now):
        yield _of_destinations(
            ProblemKind.COPIES_UNREAD,
            Severity.WARN,
            [each.status for each in unread],
            since=unread[0].since,
            count=sum(len(each.copies) for each in unread),
            trouble=unread[0].status.ledger.read_trouble,
        )
    if offsite.kit is KitState.UNCONFIRMED:
        yield Problem(ProblemKind.KIT_UNCONFIRMED, Severity.WARN)
    if strange := [each for each in offsite.destinations if each.ledger.strange_count]:
        yield _of_destinations(
            ProblemKind.COPIES_STRANGE,
            Severity.WARN,
            strange,
            count=sum(each.ledger.strange_count for each in strange),
            files=strange[0].ledger.strange[:_NAMED],
        )
    if paused := copies.paused(offsite, now=now):
        since = copies.covered_until(paused[0])
        yield _of_destinations(ProblemKind.COPIES_PAUSED, Severity.WARN, paused, since=since)


def _on_one_disk(snapshot: Snapshot, offsite: OffsiteStatus) -> Iterator[Problem]:
    """Yield that one broken disk takes everything, unless an admin accepted that."""
    if offsite.is_unreadable or snapshot.last_good is None or offsite.accepted(snapshot.now):
        return
    if offsite.places.on_one_disk:
        yield Problem(ProblemKind.ONE_DISK, Severity.WARN)


def _of_destinations(
    kind: ProblemKind,
    severity: Severity,
    found: Sequence[DestinationStatus],
    *,
    count: int | None = None,
    **more: Any,
) -> Problem:
    """Return a problem of these destinations, the worst first; `count` is of them by default."""
    return Problem(
        kind,
        severity,
        count=len(found) if count is None else count,
        destinations=tuple(each.destination.name for each in found),
        **more,
    )


def _backups_of(found: Sequence[StoredCopy]) -> tuple[Backup, ...]:
    return tuple({each.id: each.backup for each in found}.values())


def _failed_in_a_row(snapshot: Snapshot) -> list[JournalEntry]:
    """Return the attempts at a backup that failed since the last good one, newest first.

    An interrupted backup is a failure if the schedule started it, and none if a person did. What
    was wrong with the live data is over when a restore replaced it.
    """
    failed: list[JournalEntry] = []
    is_replaced = False
    last_good = snapshot.last_good
    for entry in snapshot.entries:
        if last_good and entry.started_at < last_good.created_at <= snapshot.now:
            break
        is_replaced |= entry.has_replaced_data
        if entry.verb is not Verb.CREATE or (is_replaced and entry.error_code == SOURCE):
            continue
        if entry.outcome is Outcome.SUCCEEDED:
            break
        if entry.outcome is Outcome.FAILED or is_scheduled(entry):
            failed.append(entry)
    return failed


_TO_TRY_AGAIN = frozenset({Reason.HELD_UP, Reason.LIVE_CHANGED})
"""Why a restore ends while it replaces the data, and its page alone says so."""


def _failed_restore(snapshot: Snapshot) -> JournalEntry | None:
    """Return the last restore that failed while or after it replaced the data, None when over.

    It is over with the next restore, or with a backup, which finds the current data good. One that
    was refused before is a matter of the person who follows it: no one else noticed anything.
    """
    for entry in snapshot.entries:
        if entry.verb is Verb.CREATE and entry.outcome is Outcome.SUCCEEDED:
            return None
        if entry.verb is not Verb.RESTORE:
            continue
        if entry.has_replaced_data or entry.error_code == "revert_failed":
            return None
        has_begun = entry.facts.get("stage") in {Stage.REPLACE, Stage.CONFIRM}
        is_refusal = entry.fault is not None and entry.fault.reason in _TO_TRY_AGAIN
        if entry.outcome is Outcome.FAILED and has_begun and not is_refusal:
            return entry
    return None


def is_scheduled(entry: JournalEntry) -> bool:
    """Whether the schedule asked for this backup."""
    return entry.verb is Verb.CREATE and entry.facts.get("kind") == Kind.SCHEDULED


def _last(snapshot: Snapshot, verb: Verb) -> JournalEntry | None:
    return next((entry for entry in snapshot.entries if entry.verb is verb), None)


def _of_entry(
    snapshot: Snapshot, entry: JournalEntry, kind: ProblemKind, severity: Severity
) -> Problem:
    """Return the problem that a line of the journal shows."""
    backup = snapshot.listing.by_id.get(entry.backup_id) if snapshot.listing else None
    return Problem(
        kind,
        severity,
        since=entry.ended_at,
        code=entry.error_code,
        fault=entry.fault,
        entry=entry,
        backups=(backup,) if backup else (),
    )


def _full_at(snapshot: Snapshot, space: Space) -> datetime | None:
    """Return the first scheduled run that will not fit, if retention does not make room before."""
    settings, listing = snapshot.settings, snapshot.listing
    if listing is None:
        return None
    until_pruned = settings.backup_max_count - listing.counts_by_kind[Kind.SCHEDULED]
    if space.more_fit >= min(until_pruned, _RUNS_AHEAD):
        return None
    runs = runs_ahead(settings, snapshot.now, count=space.more_fit + 1)
    return runs[-1] if len(runs) > space.more_fit else None


# --- as programs read it -----------------------------------------------------------------


def status_facts(snapshot: Snapshot, findings: Findings) -> dict[str, object]:
    """Return the whole answer as plain values; None for what is not known."""
    good, attempt = snapshot.last_good, snapshot.last_attempt
    listing, space = snapshot.listing, snapshot.space
    last_success_at = good.created_at if good else None
    return {
        "severity": findings.severity.value,
        "headline": findings.headline.value,
        "last_attempt_at": attempt.started_at if attempt else last_success_at,
        "last_attempt_outcome": attempt.outcome.value if attempt else None,
        "last_attempt_error": attempt.error if attempt else "",
        "last_success_at": last_success_at,
        "last_good_id": snapshot.latest.id if snapshot.latest else None,
        "is_stale": snapshot.is_stale,
        "next_run_at": snapshot.next_run_at,
        "is_led": snapshot.leader is not None,
        "counts": dict(listing.counts_by_state) if listing else None,
        "stored_bytes": listing.stored_bytes if listing else None,
        "free_bytes": space.free_bytes if space else None,
        "is_open_to_others": snapshot.is_open_to_others,
        "live_problem": str(snapshot.live_problem or ""),
        "copies": _copy_facts(snapshot.offsite) if snapshot.offsite and listing else None,
        "problems": [facts(problem, findings.problems) for problem in findings.problems],
    }


def _copy_facts(offsite: OffsiteStatus) -> Mapping[str, object]:
    """Return in how many places a recent good backup is, as the panel says it."""
    return {
        "copies": offsite.places.copies,
        "places": offsite.places.places,
        "off_site": offsite.places.off_site,
        "on_one_disk": offsite.places.on_one_disk,
        "newest_elsewhere_at": offsite.places.newest_at,
        "kit": offsite.kit.value,
    }


def facts(problem: Problem, others: Sequence[Problem] = ()) -> Mapping[str, object]:
    """Return a problem as plain values for JSON; what does not apply to it is left out."""
    entry = problem.entry
    found: dict[str, object] = {
        "kind": problem.kind.value,
        "severity": problem.severity.value,
        "caused_by": explains(others, problem),
        "since": problem.since,
        "count": problem.count,
        "code": problem.code,
        "reason": problem.fault.reason if problem.fault else problem.undelivered,
        "details": dict(problem.fault.facts) if problem.fault else {},
        "detail": problem.detail,
        "operation_id": entry.operation_id if entry else "",
        "backup_ids": [str(backup.id) for backup in problem.backups],
        "recipients": list(problem.names),
        "destinations": list(problem.destinations),
        "files": list(problem.files),
        "state": problem.state,
    }
    if trouble := problem.trouble:
        found["trouble"] = {
            "code": trouble.trouble,
            "at": trouble.at,
            "since": trouble.since,
            "count": trouble.count,
            "next_try_at": trouble.next_try_at,
        }
    if problem.kind is ProblemKind.DATA_DISK_FULL:
        found["free_bytes"] = problem.free_bytes
    if problem.kind is ProblemKind.LOW_SPACE:
        found |= {
            "free_bytes": problem.free_bytes,
            "needed_bytes": problem.needed_bytes,
            "full_at": problem.full_at,
        }
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}
