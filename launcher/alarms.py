"""One alarm for each trouble: when it opens, when it ends, and once a week while it lasts.

`consider` is a pure function of what was known and what was found. It neither reads a clock nor
tells anybody: `notices` does both, and keeps the state outside the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from launcher.backup.codec import decode_each, encode, try_decode
from launcher.watch import Concern, Findings, Tone, Trouble, explains

AGAIN_AFTER = timedelta(days=7)
_WORSE_AFTER = timedelta(days=1)

_PATIENCE: Mapping[Concern, timedelta] = {
    Concern.SCHEDULER_STOPPED: timedelta(minutes=5),  # a restart is no trouble
    Concern.UNCHECKED: timedelta(days=1),  # after a long stop the scrub makes up for it at once
    Concern.NOTICES_FAILING: timedelta(minutes=15),  # others are told once it is no hiccup
}
"""How long a trouble must last before it is told."""

_CALM: Mapping[Concern, timedelta] = {
    Concern.LOW_SPACE: timedelta(minutes=30),
    Concern.STORE_UNAVAILABLE: timedelta(minutes=5),
    Concern.READ_ONLY: timedelta(minutes=5),
    Concern.SCHEDULER_STOPPED: timedelta(minutes=5),
    Concern.NOTICES_FAILING: timedelta(minutes=15),
}
"""How long a trouble must be gone before its alarm ends: what flickers is one alarm."""

SHOWN_ONLY = frozenset({Concern.INTERRUPTED, Concern.SCHEDULE_OFF, Concern.NOBODY_TOLD})
"""What a person did, or left undone: the pages say it, and nobody is woken."""


class News(StrEnum):
    """What happened to an alarm."""

    OPENED = "opened"
    WORSE = "worse"
    STILL = "still"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Alarm:
    """What is remembered of one trouble from look to look.

    Attributes:
        seen_at: when it was first seen here; `since` is when it began, as far as that is known.
        told_at: when it was last told, None while it is not.
        told_tone, told_of: how bad it was then, and of which backups.
        gone_at: since when it is not seen any more, None while it is.
    """

    concern: Concern
    seen_at: datetime
    since: datetime | None = None
    told_at: datetime | None = None
    told_tone: Tone | None = None
    told_of: tuple[str, ...] = ()
    gone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tiding:
    """One thing to tell. `trouble` is None for an alarm that ended."""

    news: News
    alarm: Alarm
    trouble: Trouble | None


@dataclass(frozen=True, slots=True)
class Alarms:
    """Everything remembered, at most one alarm a concern.

    Attributes:
        excused: the last failed operation that another alarm explained. When that other one
            ends first, it is no new trouble; the next failure is.
    """

    open: Mapping[Concern, Alarm] = field(default_factory=dict)
    excused: str = ""

    @property
    def told(self) -> tuple[Alarm, ...]:
        """The alarms that were told and have not ended, in the order of what they cost."""
        return tuple(self.open[c] for c in Concern if c in self.open and self.open[c].told_at)


def consider(
    alarms: Alarms, findings: Findings, *, now: datetime
) -> tuple[Alarms, tuple[Tiding, ...]]:
    """Return what is remembered from now on, and what there is to tell, the worst first.

    A trouble that this look could not see is neither new nor over.
    """
    alarms = _set_right(alarms, now)
    open_: dict[Concern, Alarm] = {}
    tidings: list[Tiding] = []
    excused = alarms.excused
    troubles = {trouble.concern: trouble for trouble in findings.troubles}
    lasting = [*findings.troubles, *_lasting(alarms, troubles)]
    for trouble in findings.troubles:
        concern = trouble.concern
        if concern in SHOWN_ONLY:
            continue
        known = alarms.open.get(concern)
        is_told = known is not None and known.told_at is not None
        if not is_told and _is_echo(trouble, lasting, excused):
            excused = _operation_of(trouble) or excused
            continue
        alarm, news = _go_on(known, trouble, now)
        open_[concern] = alarm
        if news is not None:
            tidings.append(Tiding(news, alarm, trouble))
    for concern, known in alarms.open.items():
        if concern in open_:
            continue
        left = _let_go(known, now, is_unknown=concern in findings.unknown)
        if left is not None:
            open_[concern] = left
        elif known.told_at is not None:
            tidings.append(Tiding(News.ENDED, known, None))
    return Alarms(open_, excused), tuple(tidings)


def _lasting(alarms: Alarms, troubles: Mapping[Concern, Trouble]) -> Iterator[Trouble]:
    """Yield what was told, is not seen at this moment, and may explain what is."""
    for alarm in alarms.told:
        if alarm.concern not in troubles:
            yield Trouble(alarm.concern, alarm.told_tone or Tone.BAD)


def _is_echo(trouble: Trouble, lasting: list[Trouble], excused: str) -> bool:
    if explains(lasting, trouble):
        return True
    operation = _operation_of(trouble)
    return trouble.concern is Concern.FAILED and bool(excused) and operation == excused


def _operation_of(trouble: Trouble) -> str:
    is_failure = trouble.concern is Concern.FAILED and trouble.entry is not None
    return trouble.entry.operation_id if is_failure and trouble.entry else ""


def _go_on(known: Alarm | None, trouble: Trouble, now: datetime) -> tuple[Alarm, News | None]:
    """Return the alarm of a trouble that is there, and whether that is news."""
    alarm = known or Alarm(trouble.concern, seen_at=now, since=trouble.since)
    alarm = replace(alarm, gone_at=None)
    if alarm.told_at is None:
        if now - alarm.seen_at < _PATIENCE.get(trouble.concern, timedelta()):
            return alarm, None
        return _told(alarm, trouble, now), News.OPENED
    is_graver = trouble.tone is Tone.BAD and alarm.told_tone is Tone.WARN
    if is_graver and trouble.concern is Concern.LOW_SPACE:
        return _told(alarm, trouble, now), News.WORSE
    grew = trouble.concern is Concern.DAMAGED and not _ids(trouble) <= set(alarm.told_of)
    if grew and now - alarm.told_at >= _WORSE_AFTER:
        return _told(alarm, trouble, now), News.WORSE
    if now - alarm.told_at >= AGAIN_AFTER:
        return _told(alarm, trouble, now), News.STILL
    return alarm, None


def _told(alarm: Alarm, trouble: Trouble, now: datetime) -> Alarm:
    tones = {alarm.told_tone, trouble.tone}
    return replace(
        alarm,
        told_at=now,
        told_tone=Tone.BAD if Tone.BAD in tones else Tone.WARN,
        told_of=tuple(sorted(_ids(trouble))),
    )


def _ids(trouble: Trouble) -> set[str]:
    return {str(backup.id) for backup in trouble.backups}


def _let_go(alarm: Alarm, now: datetime, *, is_unknown: bool) -> Alarm | None:
    """Return an alarm whose trouble was not found, None once that may be believed."""
    if is_unknown:
        return replace(alarm, gone_at=None) if alarm.told_at else None
    gone_at = alarm.gone_at or now
    if alarm.told_at is None or now - gone_at >= _CALM.get(alarm.concern, timedelta()):
        return None
    return replace(alarm, gone_at=gone_at)


def _set_right(alarms: Alarms, now: datetime) -> Alarms:
    """Return the alarms with no moment after `now`: a clock that ran ahead must not stall them."""

    def past(moment: datetime | None) -> datetime | None:
        return min(moment, now) if moment else None

    return replace(
        alarms,
        open={
            concern: replace(
                alarm,
                seen_at=min(alarm.seen_at, now),
                told_at=past(alarm.told_at),
                gone_at=past(alarm.gone_at),
            )
            for concern, alarm in alarms.open.items()
        },
    )


# --- as it is kept -----------------------------------------------------------------------


def write_facts(alarms: Alarms) -> Mapping[str, object]:
    """Return the alarms as JSON can hold them."""
    return {"open": encode(list(alarms.open.values())), "excused": alarms.excused}


def read_facts(facts: object) -> Alarms:
    """Return what `write_facts` made; what cannot be read is left out."""
    if not isinstance(facts, dict):
        return Alarms()
    return Alarms(
        {alarm.concern: alarm for alarm in decode_each(Alarm, facts.get("open"))},
        try_decode(str, facts.get("excused")) or "",
    )
