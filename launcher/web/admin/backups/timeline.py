"""The geometry of the timeline, which shows the backups of the last five weeks.

Positions are in per cent of the width, so it fits without script. Scheduled backups are in the
lower lane, all others in the upper one. Of backups of one kind in one place, the worst is drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from itertools import pairwise

from launcher.backup.records.backup import OWN_KINDS, Backup, Kind, State
from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.monitoring.snapshot import Snapshot, patience

WEEKS = 5
_CELL = 1.0
"""The width of a place for one mark: about the width of a mark on a large screen."""
_LATE_LABEL = 93.0
_ROOM_FOR_LABEL = 25.0
_WORST_FIRST = {State.DAMAGED: 0, State.UNVERIFIED: 1, State.VERIFIED: 2}


@dataclass(frozen=True, slots=True)
class Mark:
    """One backup in the timeline."""

    x: float
    backup: Backup

    @property
    def is_scheduled(self) -> bool:
        """Whether it is in the lower lane."""
        return self.backup.kind is Kind.SCHEDULED

    @property
    def shape(self) -> str:
        """The name of its shape: damage comes before type."""
        if self.backup.verification.state is State.DAMAGED:
            return "damaged"
        return "upload" if self.backup.kind is Kind.EXTERNAL else self.backup.kind.value


@dataclass(frozen=True, slots=True)
class Gap:
    """A period without a backup that is longer than it should be."""

    x: float
    width: float
    begin: datetime
    end: datetime
    is_open: bool

    @property
    def has_label(self) -> bool:
        """Whether its label has space: next to an open gap, inside another."""
        return self.is_open or self.width >= _ROOM_FOR_LABEL

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Week:
    """The line at the start of a week."""

    x: float
    begin: datetime
    has_label: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything in the timeline, with the counts for its text.

    Attributes:
        gone: the places of scheduled backups that were removed since.
        kinds, states: how many backups are shown, by type and status.
    """

    begin: datetime
    weeks: Sequence[Week]
    marks: Sequence[Mark]
    gone: Sequence[float]
    gaps: Sequence[Gap]
    now_x: float
    next_x: float | None
    kinds: Mapping[Kind, int]
    states: Mapping[State, int]

    @property
    def ticks(self) -> str:
        """The path of the removed backups: a stroke for each."""
        return _strokes(self.gone, height=8)

    @property
    def stems(self) -> str:
        """The path between the upper lane and the base: a stroke for each mark."""
        return _strokes([mark.x for mark in self.marks if not mark.is_scheduled], height=21)

    @property
    def room_for_now(self) -> float:
        """How much of the width the label of now has."""
        return min((gap.width for gap in self.gaps if gap.is_open), default=self.now_x)


def draw(snapshot: Snapshot) -> Timeline:
    """Return the timeline of a snapshot that has a listing."""
    listing, now = snapshot.listing, snapshot.now
    assert listing is not None  # noqa: S101 (the caller asked)
    zone = snapshot.settings.zone
    next_run_at = snapshot.next_run_at
    first = min(
        now,
        *(each.created_at for each in listing.backups),
        *(each.started_at for each in snapshot.entries if each.verb is Verb.CREATE),
    )
    begin, end = _span(now, first, next_run_at, zone)
    scale = _Scale(begin, end)
    shown = [backup for backup in listing.backups if begin <= backup.created_at <= end]
    gone = _gone(snapshot.entries, begin, {backup.id for backup in shown})
    made = sorted([*(backup.created_at for backup in shown if backup.kind in OWN_KINDS), *gone])
    return Timeline(
        begin=begin,
        weeks=list(_weeks(scale, zone)),
        marks=_marks(shown, scale),
        gone=[scale.x(at) for at in gone],
        gaps=list(_gaps(snapshot, made, scale)),
        now_x=scale.x(now),
        next_x=scale.x(next_run_at) if next_run_at and next_run_at <= end else None,
        kinds=Counter(backup.kind for backup in shown),
        states=Counter(backup.verification.state for backup in shown),
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    begin: datetime
    end: datetime

    def x(self, at: datetime) -> float:
        """Return the place of a moment, in per cent, with two decimals."""
        share = (at - self.begin) / (self.end - self.begin)
        return round(min(1.0, max(0.0, share)) * 100, 2)


def _span(
    now: datetime, first: datetime, next_run_at: datetime | None, zone: tzinfo
) -> tuple[datetime, datetime]:
    """Return the midnight five weeks ago, and the one after the next run, if that is soon.

    The weeks before that of the `first` backup are left out: they would be empty.
    """
    today = _midnight(now, zone)
    age = (today - _midnight(first, zone)).days
    weeks = min(WEEKS, max(1, age // 7 + 1))
    end = today + timedelta(days=2)
    if next_run_at and end < next_run_at < now + timedelta(days=8):
        end = _midnight(next_run_at, zone) + timedelta(days=1)
    return today - timedelta(weeks=weeks) + timedelta(days=1), end


def _midnight(at: datetime, zone: tzinfo) -> datetime:
    return datetime.combine(at.astimezone(zone).date(), time(), zone).astimezone(UTC)


def _weeks(scale: _Scale, zone: tzinfo) -> Iterator[Week]:
    day = scale.begin.astimezone(zone).date()
    day += timedelta(days=-day.weekday() % 7)
    while (begin := datetime.combine(day, time(), zone).astimezone(UTC)) < scale.end:
        x = scale.x(begin)
        yield Week(x, begin, has_label=x < _LATE_LABEL)
        day += timedelta(weeks=1)


def _gone(
    entries: Sequence[JournalEntry], begin: datetime, present: Collection[str]
) -> Sequence[datetime]:
    """Return when the scheduled backups were made that are gone."""
    return [
        entry.started_at
        for entry in entries
        if entry.verb is Verb.CREATE
        and entry.outcome is Outcome.SUCCEEDED
        and entry.facts.get("kind") == Kind.SCHEDULED
        and entry.started_at >= begin
        and entry.backup_id not in present
    ]


def _marks(backups: Sequence[Backup], scale: _Scale) -> Sequence[Mark]:
    """Return the marks from left to right, of one type and place only the worst."""
    seen: dict[tuple[Kind, int], Mark] = {}
    for mark in (Mark(scale.x(backup.created_at), backup) for backup in backups):
        place = (mark.backup.kind, int(mark.x / _CELL))
        other = seen.setdefault(place, mark)
        if _rank(mark) < _rank(other):
            seen[place] = mark
    return sorted(seen.values(), key=lambda mark: (not mark.is_scheduled, mark.x))


def _rank(mark: Mark) -> int:
    return _WORST_FIRST[mark.backup.verification.state]


def _strokes(xs: Sequence[float], *, height: int) -> str:
    """Return vertical strokes as one path, in hundredths of a per cent; one for each place."""
    places = {int(x / _CELL): round(x * 100) for x in xs}
    return "".join(f"M{place} 0v{height}" for place in places.values())


def _gaps(snapshot: Snapshot, made: Sequence[datetime], scale: _Scale) -> Iterator[Gap]:
    """Yield each gap that is longer than allowed, as far back as the journal goes.

    Before that, retention may have removed backups.
    """
    if not snapshot.settings.backup_enabled:
        return
    now, entries = snapshot.now, snapshot.entries
    known_since = entries[-1].started_at if entries else now
    gaps = [(begin, end) for begin, end in pairwise(made) if known_since <= begin and end <= now]
    # Up to now only a good backup counts.
    if snapshot.last_good:
        gaps.append((min(snapshot.last_good.created_at, now), now))
    for begin, end in gaps:
        # The cheap test first: `patience` evaluates the cron expression for each gap.
        is_long = end - begin > snapshot.settings.stale_after
        if is_long and end - begin > patience(snapshot.settings, begin):
            x = scale.x(begin)
            yield Gap(x, round(scale.x(end) - x, 2), begin, end, is_open=end == now)
