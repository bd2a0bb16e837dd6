"""One alert for each problem: sent when it opens, when it ends, and once a week while it lasts.

`update_alerts` is a pure function of the alerts so far and of the findings. It reads no clock and
sends nothing: `dispatch` does both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from launcher.backup.codec import decode_each, encode, try_decode
from launcher.monitoring.problems import Findings, Problem, ProblemKind, Severity, explains

AGAIN_AFTER = timedelta(days=7)
_WORSE_AFTER = timedelta(days=1)

_PATIENCE: Mapping[ProblemKind, timedelta] = {
    ProblemKind.SCHEDULER_STOPPED: timedelta(minutes=5),  # a restart is no problem
    ProblemKind.FROM_FUTURE: timedelta(days=1),  # a clock that was hours ahead
    ProblemKind.UNCHECKED: timedelta(days=1),  # after a long stop the scrub catches up at once
    ProblemKind.NOTIFICATIONS_FAILING: timedelta(minutes=15),
    ProblemKind.KEY_MISSING: timedelta(minutes=5),  # a file that is being replaced
    ProblemKind.COPIES_FAILING: timedelta(minutes=15),
    ProblemKind.COPIES_UNREAD: timedelta(days=1),  # after a long stop they are read at once
}
"""How long a problem must last before it is sent."""

_CALM: Mapping[ProblemKind, timedelta] = {
    ProblemKind.DATA_DISK_FULL: timedelta(minutes=30),
    ProblemKind.LOW_SPACE: timedelta(minutes=30),
    ProblemKind.STORE_UNAVAILABLE: timedelta(minutes=5),
    ProblemKind.READ_ONLY: timedelta(minutes=5),
    ProblemKind.SCHEDULER_STOPPED: timedelta(minutes=5),
    ProblemKind.NOTIFICATIONS_FAILING: timedelta(minutes=15),
    ProblemKind.COPIES_FAILING: timedelta(minutes=15),
}
"""How long a problem must be gone before its alert ends: what flickers is one alert."""

SHOWN_ONLY = frozenset(
    {
        ProblemKind.INTERRUPTED,
        ProblemKind.SCHEDULE_OFF,
        ProblemKind.NO_RECIPIENTS,
        ProblemKind.RECIPIENT_TEST_FAILED,
        ProblemKind.KIT_UNCONFIRMED,
        ProblemKind.COPIES_PAUSED,
        ProblemKind.ONE_DISK,
    }
)
"""What a person did or left undone: shown on the pages, and never sent."""


_WORSENING = frozenset(
    {ProblemKind.LOW_SPACE, ProblemKind.COPIES_STALE, ProblemKind.COPIES_DAMAGED}
)
"""Of these it is sent at once that they became bad."""

_GROWING = frozenset(
    {
        ProblemKind.DAMAGED,
        ProblemKind.KEY_MISSING,
        ProblemKind.COPIES_STALE,
        ProblemKind.COPIES_DAMAGED,
        ProblemKind.COPIES_FAILING,
    }
)
"""Of these it is sent that they are about more, once a day."""


class AlertChange(StrEnum):
    """What happened to an alert."""

    OPENED = "opened"
    WORSE = "worse"
    STILL = "still"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Alert:
    """What is remembered of one problem.

    Attributes:
        seen_at: when it was first seen here; `since` is when it began, as far as that is known.
        notified_at: when it was last sent, None before.
        notified_severity, notified_of: how bad it was then, and the ids of its backups and the
            names of its destinations.
        gone_at: since when it is not seen any more, None while it is.
    """

    kind: ProblemKind
    seen_at: datetime
    since: datetime | None = None
    notified_at: datetime | None = None
    notified_severity: Severity | None = None
    notified_of: tuple[str, ...] = ()
    gone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One change to send. `problem` is None for an alert that ended."""

    change: AlertChange
    alert: Alert
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class Alerts:
    """Everything remembered, at most one alert of each kind.

    Attributes:
        acknowledged: the last failed operation that another alert explained. When that one ends
            first, the operation is no new problem; the next failure is.
    """

    open: Mapping[ProblemKind, Alert] = field(default_factory=dict)
    acknowledged: str = ""

    @property
    def notified(self) -> tuple[Alert, ...]:
        """The alerts that were sent and have not ended, in the order of what they cost."""
        return tuple(
            self.open[c] for c in ProblemKind if c in self.open and self.open[c].notified_at
        )


def update_alerts(
    alerts: Alerts, findings: Findings, *, now: datetime
) -> tuple[Alerts, tuple[AlertEvent, ...]]:
    """Return the alerts from now on, and the changes to send, the worst first.

    A problem that could not be seen this time is neither new nor over.
    """
    alerts = _without_future(alerts, now)
    open_: dict[ProblemKind, Alert] = {}
    events: list[AlertEvent] = []
    acknowledged = alerts.acknowledged
    problems = {problem.kind: problem for problem in findings.problems}
    lasting = [*findings.problems, *_lasting(alerts, problems)]
    for problem in findings.problems:
        kind = problem.kind
        if kind in SHOWN_ONLY:
            continue
        known = alerts.open.get(kind)
        if known is None or known.notified_at is None:
            failed = _failed_operation(problem)
            if explains(lasting, problem) or (failed and failed == acknowledged):
                acknowledged = failed or acknowledged
                continue
        alert, change = _continue(known, problem, now)
        open_[kind] = alert
        if change is not None:
            events.append(AlertEvent(change, alert, problem))
    for kind, known in alerts.open.items():
        if kind in open_:
            continue
        left = _end(known, now, is_unknown=kind in findings.unknown)
        if left is not None:
            open_[kind] = left
        elif known.notified_at is not None:
            events.append(AlertEvent(AlertChange.ENDED, known, None))
    return Alerts(open_, acknowledged), tuple(events)


def _lasting(alerts: Alerts, problems: Mapping[ProblemKind, Problem]) -> Iterator[Problem]:
    """Yield what was sent, is not seen at this moment, and may explain what is."""
    for alert in alerts.notified:
        if alert.kind not in problems:
            yield Problem(alert.kind, alert.notified_severity or Severity.BAD)


def _failed_operation(problem: Problem) -> str:
    is_failure = problem.kind is ProblemKind.FAILED
    return problem.entry.operation_id if is_failure and problem.entry else ""


def _continue(
    known: Alert | None, problem: Problem, now: datetime
) -> tuple[Alert, AlertChange | None]:
    """Return the alert of a problem that is there, and its change, if that is to be sent."""
    alert = known or Alert(problem.kind, seen_at=now, since=problem.since)
    alert = replace(alert, gone_at=None)
    if alert.notified_at is None:
        if now - alert.seen_at < _PATIENCE.get(problem.kind, timedelta()):
            return alert, None
        return _notified(alert, problem, now), AlertChange.OPENED
    is_graver = problem.severity is Severity.BAD and alert.notified_severity is Severity.WARN
    if is_graver and problem.kind in _WORSENING:
        return _notified(alert, problem, now), AlertChange.WORSE
    grew = problem.kind in _GROWING and not _ids(problem) <= set(alert.notified_of)
    if grew and now - alert.notified_at >= _WORSE_AFTER:
        return _notified(alert, problem, now), AlertChange.WORSE
    if now - alert.notified_at >= AGAIN_AFTER:
        return _notified(alert, problem, now), AlertChange.STILL
    return alert, None


def _notified(alert: Alert, problem: Problem, now: datetime) -> Alert:
    severities = {alert.notified_severity, problem.severity}
    return replace(
        alert,
        notified_at=now,
        notified_severity=Severity.BAD if Severity.BAD in severities else Severity.WARN,
        notified_of=tuple(sorted(_ids(problem))),
    )


def _ids(problem: Problem) -> set[str]:
    return {*(str(backup.id) for backup in problem.backups), *problem.destinations}


def _end(alert: Alert, now: datetime, *, is_unknown: bool) -> Alert | None:
    """Return the alert of a problem that was not found, None once the problem counts as over."""
    if is_unknown:
        return replace(alert, gone_at=None) if alert.notified_at else None
    gone_at = alert.gone_at or now
    if alert.notified_at is None or now - gone_at >= _CALM.get(alert.kind, timedelta()):
        return None
    return replace(alert, gone_at=gone_at)


def _without_future(alerts: Alerts, now: datetime) -> Alerts:
    """Return the alerts with no moment after `now`: a clock that ran ahead must not stall them."""

    def past(moment: datetime | None) -> datetime | None:
        return min(moment, now) if moment else None

    return replace(
        alerts,
        open={
            kind: replace(
                alert,
                seen_at=min(alert.seen_at, now),
                notified_at=past(alert.notified_at),
                gone_at=past(alert.gone_at),
            )
            for kind, alert in alerts.open.items()
        },
    )


# --- in the file -------------------------------------------------------------------------


def write_facts(alerts: Alerts) -> Mapping[str, object]:
    """Return the alerts as JSON can hold them."""
    return {"open": encode(list(alerts.open.values())), "acknowledged": alerts.acknowledged}


def read_facts(facts: object) -> Alerts:
    """Return what `write_facts` made; what cannot be read is left out."""
    if not isinstance(facts, dict):
        return Alerts()
    return Alerts(
        {alert.kind: alert for alert in decode_each(Alert, facts.get("open"))},
        try_decode(str, facts.get("acknowledged")) or "",
    )
