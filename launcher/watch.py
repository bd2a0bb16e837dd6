"""Is the data safe, and what is wrong: what follows from a situation, as data.

Pure functions of a `Situation`. The pages, the command line, `/healthz`, the metrics and the
notifications all read the same `Findings`, and only find the words.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from launcher.backup.records import (
    Backup,
    JournalEntry,
    Kind,
    Outcome,
    State,
    Verb,
)
from launcher.situation import Situation, Space, runs_ahead

SPACE = "insufficient_space"
STORE = "store_unavailable"
SOURCE = "source_database"

VERIFIED_WITHIN = timedelta(days=31)
"""How old the verdict on any backup may be: a month, which the scrub keeps by a few days."""

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
    UNCHECKED = "unchecked"
    PRUNE_FAILED = "prune_failed"
    NOTICES_FAILING = "notices_failing"
    NOBODY_TOLD = "nobody_told"
    INTERRUPTED = "interrupted"
    SCHEDULE_OFF = "schedule_off"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong, with what its words need.

    Attributes:
        since: since when, as far as it is known.
        count: how many: failed attempts in a row, damaged or unchecked backups, unreachable
            targets.
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


class Headline(StrEnum):
    """The one sentence that stands first: what backups there are."""

    STORE_AWAY = "store_away"
    NONE_YET = "none_yet"
    NONE_LEFT = "none_left"
    NO_GOOD = "no_good"
    ONLY_BROUGHT = "only_brought"
    STALE = "stale"
    NEWEST_UNVERIFIED = "newest_unverified"
    SAFE = "safe"


class PrimaryAction(StrEnum):
    """What helps most."""

    BACK_UP = "back_up"
    MAKE_ROOM = "make_room"
    LOOK_AGAIN = "look_again"


_NOT_YET = frozenset({Headline.NONE_YET, Headline.ONLY_BROUGHT, Headline.NEWEST_UNVERIFIED})
"""The headlines that warn by themselves; those that are bad rest on a trouble."""


@dataclass(frozen=True, slots=True)
class Findings:
    """The answer to "is the data safe?".

    Attributes:
        troubles: what is wrong, the worst first.
        unknown: what could not be seen, so that nobody may conclude that it is over.
    """

    troubles: tuple[Trouble, ...]
    unknown: frozenset[Concern] = frozenset()
    headline: Headline = Headline.SAFE

    @property
    def tone(self) -> Tone:
        """How bad it is: as bad as the worst trouble."""
        if any(trouble.tone is Tone.BAD for trouble in self.troubles):
            return Tone.BAD
        return Tone.WARN if self.besides or self.headline in _NOT_YET else Tone.OK

    @property
    def primary_action(self) -> PrimaryAction:
        """What helps most against what is wrong."""
        bad = {trouble.concern for trouble in self.troubles if trouble.tone is Tone.BAD}
        if self.headline is Headline.STORE_AWAY or Concern.READ_ONLY in bad:
            return PrimaryAction.LOOK_AGAIN
        return PrimaryAction.MAKE_ROOM if Concern.LOW_SPACE in bad else PrimaryAction.BACK_UP

    @property
    def besides(self) -> tuple[Trouble, ...]:
        """The troubles that the headline does not say already: one cause is enough to read."""
        return tuple(
            trouble
            for trouble in self.troubles
            if trouble.concern not in {Concern.STORE_UNAVAILABLE, Concern.STALE}
            and not (self.headline is Headline.STORE_AWAY and trouble in self.echoes)
            and not (self.headline is Headline.NONE_YET and trouble.concern is Concern.SCHEDULE_OFF)
            and not (trouble.concern is Concern.INTERRUPTED and trouble in self.echoes)
        )

    def find(self, concern: Concern) -> Trouble | None:
        """Return the trouble of one kind."""
        return next((trouble for trouble in self.troubles if trouble.concern == concern), None)

    @property
    def causes(self) -> tuple[Trouble, ...]:
        """The troubles without those that another one explains: one cause is enough to tell."""
        return tuple(t for t in self.troubles if not explains(self.troubles, t))

    @property
    def echoes(self) -> tuple[Trouble, ...]:
        """The troubles that another one explains."""
        return tuple(t for t in self.troubles if explains(self.troubles, t))


def judge(situation: Situation) -> Findings:
    """Return the answer, every trouble, the worst first, and what this look could not tell."""
    order = list(Concern)
    found = list(_troubles(situation))
    if not situation.is_anybody_told and any(trouble.tone is Tone.BAD for trouble in found):
        # On a good day it is nobody's business whether somebody wants to be told.
        found.append(Trouble(Concern.NOBODY_TOLD, Tone.WARN))
    troubles = sorted(found, key=lambda t: (t.tone is not Tone.BAD, order.index(t.concern)))
    return Findings(tuple(troubles), frozenset(_unknown(situation)), _headline(situation))


def _headline(situation: Situation) -> Headline:
    listing = situation.listing
    if listing is None:
        return Headline.STORE_AWAY
    if situation.is_stale:
        if not listing.backups and situation.has_history:
            return Headline.NONE_LEFT
        has_damaged = listing.counts_by_state[State.DAMAGED] > 0
        return Headline.NO_GOOD if has_damaged and not listing.own_good else Headline.STALE
    if not listing.own_good:
        return Headline.ONLY_BROUGHT if listing.backups else Headline.NONE_YET
    if listing.backups[0].verification.state is State.UNVERIFIED:
        return Headline.NEWEST_UNVERIFIED
    return Headline.SAFE


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
    Concern.UNCHECKED: {Concern.SCHEDULER_STOPPED: ""},
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
        yield from (
            Concern.STALE,
            Concern.DAMAGED,
            Concern.LOW_SPACE,
            Concern.READ_ONLY,
            Concern.UNCHECKED,
        )
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
        yield Trouble(Concern.LIVE_DAMAGED, Tone.BAD, detail=str(situation.live_problem))


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
            _tone_of_loss(situation),
            since=min(moments, default=None),
            count=damaged,
            detail=found[0].verification.error,
            backups=found,
        )


def _tone_of_loss(situation: Situation) -> Tone:
    """Return how bad a lost or damaged backup is: a good and recent one makes up for it."""
    is_covered = situation.last_good is not None and not situation.is_stale
    return Tone.WARN if is_covered else Tone.BAD


def _of_attempts(situation: Situation) -> Iterator[Trouble]:
    failed = _failed_in_a_row(situation)
    if failed:
        yield Trouble(
            Concern.FAILED,
            _tone_of_loss(situation),
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
    yield from _unchecked(situation)
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


def _unchecked(situation: Situation) -> Iterator[Trouble]:
    """Yield the trouble of backups that the scrub did not come to within a month."""
    verdicts = situation.listing.verdicts_at if situation.listing else ()
    count = bisect_left(verdicts, situation.now - VERIFIED_WITHIN)
    if count:
        yield Trouble(
            Concern.UNCHECKED, Tone.WARN, since=verdicts[0] + VERIFIED_WITHIN, count=count
        )


def _of_the_schedule(situation: Situation) -> Iterator[Trouble]:
    if not situation.has_rules:
        return
    if not situation.rules.backup_enabled:
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


def _full_at(situation: Situation, space: Space) -> datetime | None:
    """Return the first scheduled run that will not fit, if retention does not make room before."""
    rules, listing = situation.rules, situation.listing
    if listing is None:
        return None
    until_pruned = rules.backup_max_count - listing.counts_by_kind[Kind.SCHEDULED]
    if space.more_fit >= min(until_pruned, _RUNS_AHEAD):
        return None
    runs = runs_ahead(rules, situation.now, count=space.more_fit + 1)
    return runs[-1] if len(runs) > space.more_fit else None


# --- as programs read it -----------------------------------------------------------------


def status_facts(situation: Situation, findings: Findings) -> dict[str, object]:
    """Return the whole answer as plain values; None for what is not known."""
    good, attempt = situation.last_good, situation.last_attempt
    listing, space = situation.listing, situation.space
    last_success_at = good.created_at if good else None
    return {
        "severity": findings.tone.value,
        "headline": findings.headline.value,
        "last_attempt_at": attempt.started_at if attempt else last_success_at,
        "last_attempt_outcome": attempt.outcome.value if attempt else None,
        "last_attempt_error": attempt.error if attempt else "",
        "last_success_at": last_success_at,
        "last_good_id": good.id if good else None,
        "is_stale": situation.is_stale,
        "next_run_at": situation.next_run_at,
        "is_led": situation.leader is not None,
        "counts": dict(listing.counts_by_state) if listing else None,
        "stored_bytes": listing.stored_bytes if listing else None,
        "free_bytes": space.free_bytes if space else None,
        "live_problem": str(situation.live_problem or ""),
        "troubles": [facts(trouble) for trouble in findings.troubles],
    }


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
