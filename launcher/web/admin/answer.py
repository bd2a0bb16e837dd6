"""Is the data safe? The answer of the panel and the start page: one verdict, one way out.

What is wrong is found by `launcher.watch`, for this page as for every message; here it is put
behind one sentence, and what that sentence says already is not said again below it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from launcher import watch
from launcher.backup.records import Backup, State
from launcher.situation import Situation
from launcher.watch import Concern, Findings, Tone, Trouble


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


@dataclass(frozen=True, slots=True)
class Answer:
    """What an admin reads first.

    Attributes:
        last_good: the backup that the answer rests on, None when there is none.
        troubles: what is wrong besides, the costliest first.
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

_GRAVE = {Concern.NOT_PUT_BACK, Concern.LIVE_DAMAGED, Concern.READ_ONLY, Concern.LOW_SPACE}
"""What turns the answer red although the last backup is good and recent: the next will fail."""


def judge(situation: Situation) -> Answer:
    """Return the verdict and every trouble, the costliest first."""
    verdict = _verdict(situation)
    troubles = _besides(verdict, watch.judge(situation))
    tone = _TONES[verdict]
    if tone is Tone.OK and troubles:
        # There is a good and recent backup: whatever else is wrong, nothing is lost yet.
        is_grave = any(t.concern in _GRAVE and t.tone is Tone.BAD for t in troubles)
        tone = Tone.BAD if is_grave else Tone.WARN
    return Answer(
        verdict=verdict,
        tone=tone,
        way_out=_way_out(verdict, troubles),
        last_good=situation.last_good,
        troubles=troubles,
    )


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


def _besides(verdict: Verdict, findings: Findings) -> tuple[Trouble, ...]:
    """Return what is wrong and not said by the verdict: one cause is enough to read."""
    return tuple(
        trouble
        for trouble in findings.troubles
        if trouble.concern not in {Concern.STORE_UNAVAILABLE, Concern.STALE}
        and not (verdict is Verdict.STORE_AWAY and trouble in findings.echoes)
        and not (verdict is Verdict.NONE_YET and trouble.concern is Concern.SCHEDULE_OFF)
        and not (trouble.concern is Concern.INTERRUPTED and trouble in findings.echoes)
    )


def _way_out(verdict: Verdict, troubles: Collection[Trouble]) -> WayOut:
    grave = {trouble.concern for trouble in troubles if trouble.tone is Tone.BAD}
    if verdict is Verdict.STORE_AWAY or Concern.READ_ONLY in grave:
        return WayOut.LOOK_AGAIN
    if Concern.LOW_SPACE in grave:
        return WayOut.MAKE_ROOM
    return WayOut.BACK_UP
