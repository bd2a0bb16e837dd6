"""Is the data safe? The verdict, and what troubles it, as data: the pages find the words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from launcher.backup.records import Backup, JournalEntry, Outcome, State, Verb

from .situation import Situation


class Tone(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


class Verdict(StrEnum):
    """The one sentence that stands first."""

    STORE_AWAY = "store_away"
    NONE_YET = "none_yet"
    NONE_LEFT = "none_left"
    NO_GOOD = "no_good"
    ONLY_BROUGHT = "only_brought"
    STALE = "stale"
    NEWEST_UNVERIFIED = "newest_unverified"
    SAFE = "safe"


class WayOut(StrEnum):
    """What the one primary button of the page does."""

    BACK_UP = "back_up"
    MAKE_ROOM = "make_room"
    LOOK_AGAIN = "look_again"


class Concern(StrEnum):
    """What can be wrong besides, in the order of what it costs."""

    NOT_PUT_BACK = "not_put_back"
    READ_ONLY = "read_only"
    FAILED = "failed"
    NO_ROOM = "no_room"
    DAMAGED = "damaged"
    INTERRUPTED = "interrupted"
    LITTLE_ROOM = "little_room"
    SCHEDULE_OFF = "schedule_off"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One line of what is wrong.

    Attributes:
        entry: the journal's line about it, where there is one.
        backup: the backup that it is about, where there is one.
        count: how many of them.
    """

    concern: Concern
    tone: Tone
    entry: JournalEntry | None = None
    backup: Backup | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What an admin reads first.

    Attributes:
        last_good: the backup that the answer rests on, None when there is none.
    """

    verdict: Verdict
    tone: Tone
    way_out: WayOut
    last_good: Backup | None
    troubles: tuple[Trouble, ...]


_TONES = {
    Verdict.STORE_AWAY: Tone.BAD,
    Verdict.NONE_YET: Tone.WARN,
    Verdict.NONE_LEFT: Tone.BAD,
    Verdict.NO_GOOD: Tone.BAD,
    Verdict.ONLY_BROUGHT: Tone.WARN,
    Verdict.STALE: Tone.BAD,
    Verdict.NEWEST_UNVERIFIED: Tone.WARN,
    Verdict.SAFE: Tone.OK,
}


def judge(situation: Situation) -> Answer:
    """Return the verdict and every trouble, the costliest first."""
    verdict = _verdict(situation)
    troubles = tuple(_troubles(situation, verdict))
    tone = _TONES[verdict]
    if tone is Tone.OK and troubles:
        # There is a good and recent backup: whatever else is wrong, nothing is lost yet.
        is_grave = any(trouble.concern in _GRAVE for trouble in troubles)
        tone = Tone.BAD if is_grave else Tone.WARN
    return Answer(
        verdict=verdict,
        tone=tone,
        way_out=_way_out(verdict, troubles),
        last_good=situation.last_good,
        troubles=troubles,
    )


_GRAVE = {Concern.NOT_PUT_BACK, Concern.READ_ONLY, Concern.NO_ROOM}


def _verdict(situation: Situation) -> Verdict:
    listing = situation.listing
    if listing is None:
        return Verdict.STORE_AWAY
    if not listing.backups:
        return Verdict.NONE_LEFT if situation.has_history else Verdict.NONE_YET
    if not listing.own_good:
        has_good = any(backup.is_good for backup in listing.backups)
        has_own_damaged = any(
            backup.verification.state is State.DAMAGED for backup in listing.backups
        )
        return Verdict.ONLY_BROUGHT if has_good and not has_own_damaged else Verdict.NO_GOOD
    if situation.is_stale:
        return Verdict.STALE
    if listing.backups[0].verification.state is State.UNVERIFIED:
        return Verdict.NEWEST_UNVERIFIED
    return Verdict.SAFE


def _troubles(situation: Situation, verdict: Verdict) -> Iterator[Trouble]:
    """Yield what is wrong, in the order of `Concern`."""
    if entry := _not_put_back(situation.entries):
        yield Trouble(Concern.NOT_PUT_BACK, Tone.BAD, entry=entry)
    if verdict is Verdict.STORE_AWAY:
        return  # one cause is enough
    if not situation.is_writable:
        yield Trouble(Concern.READ_ONLY, Tone.BAD)
    failed = _failed_in_a_row(situation)
    if failed:
        tone = Tone.BAD if verdict is not Verdict.SAFE else Tone.WARN
        yield Trouble(Concern.FAILED, tone, entry=failed[0], count=len(failed))
    if situation.space is not None and situation.space.is_full:
        yield Trouble(Concern.NO_ROOM, Tone.BAD)
    yield from _damaged(situation)
    if situation.entries and situation.entries[0].outcome is Outcome.INTERRUPTED:
        yield Trouble(Concern.INTERRUPTED, Tone.WARN, entry=situation.entries[0])
    if situation.space is not None and situation.space.is_short:
        yield Trouble(Concern.LITTLE_ROOM, Tone.WARN)
    if not situation.rules.is_scheduled and verdict is not Verdict.NONE_YET:
        yield Trouble(Concern.SCHEDULE_OFF, Tone.WARN)


def _damaged(situation: Situation) -> Iterator[Trouble]:
    listing = situation.listing
    if listing is None or not (count := listing.counts_by_state[State.DAMAGED]):
        return
    newest = next(b for b in listing.backups if b.verification.state is State.DAMAGED)
    yield Trouble(Concern.DAMAGED, Tone.BAD, backup=newest, count=count)


def _failed_in_a_row(situation: Situation) -> list[JournalEntry]:
    """Return the attempts at a backup that failed since the last good one, newest first."""
    failed: list[JournalEntry] = []
    last_good = situation.last_good
    for entry in situation.entries:
        if last_good and entry.started_at < last_good.created_at:
            break
        if entry.verb is not Verb.CREATE or entry.outcome is Outcome.INTERRUPTED:
            continue
        if entry.outcome is Outcome.SUCCEEDED:
            break
        failed.append(entry)
    return failed


def _not_put_back(entries: Sequence[JournalEntry]) -> JournalEntry | None:
    """Return the last restore, if it left the data half way."""
    last = next((entry for entry in entries if entry.verb is Verb.RESTORE), None)
    return last if last and last.error_code == "revert_failed" else None


def _way_out(verdict: Verdict, troubles: Sequence[Trouble]) -> WayOut:
    concerns = {trouble.concern for trouble in troubles}
    if verdict is Verdict.STORE_AWAY or Concern.READ_ONLY in concerns:
        return WayOut.LOOK_AGAIN
    if Concern.NO_ROOM in concerns:
        return WayOut.MAKE_ROOM
    return WayOut.BACK_UP
