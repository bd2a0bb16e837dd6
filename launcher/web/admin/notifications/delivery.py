"""Who is told when backups stop, and whether they can be reached: data for the pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from launcher.notifications import messages
from launcher.notifications.memory import HEARTBEAT, DeliveryState, read_memory
from launcher.notifications.recipients import Event, RecipientError, read_notification_settings
from launcher.notifications.sender import Delivery, Undelivered

if TYPE_CHECKING:
    from launcher.config import Config

_SOON = timedelta(minutes=1)


class DeliverySummary(StrEnum):
    """The one sentence that stands first."""

    UNREADABLE = "unreadable"
    NOBODY = "nobody"
    ONLY_HEARTBEAT = "only_heartbeat"
    NOT_OF_FAILURES = "not_of_failures"
    NONE_REACHED = "none_reached"
    SOME_UNREACHED = "some_unreached"
    TOLD = "told"


_TONES = {
    DeliverySummary.UNREADABLE: "bad",
    DeliverySummary.NONE_REACHED: "bad",
    DeliverySummary.TOLD: "ok",
}


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """One who is told, and how that went last. `name` is "" for the heartbeat.

    Attributes:
        state: `up`, `down`, or `unknown` where nothing was sent yet.
        why, advice: why it cannot be told, and what to do, "" otherwise.
        next_try_at: when it is tried again, None for with the next look.
    """

    id: str
    name: str
    shown_url: str
    events: frozenset[Event]
    state: str
    notified_at: datetime | None = None
    failed_since: datetime | None = None
    why: str = ""
    advice: str = ""
    waiting: int = 0
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that the page shows. `path` is that of a file that cannot be read."""

    verdict: DeliverySummary
    recipients: tuple[DeliveryStatus, ...] = ()
    heartbeat: DeliveryStatus | None = None
    pings_start: bool = False
    public_url: str = ""
    path: str = ""

    @property
    def severity(self) -> str:
        """How bad it is: `ok`, `warn` or `bad`."""
        return _TONES.get(self.verdict, "warn")

    @property
    def failure_recipients(self) -> Sequence[str]:
        """The names of those who hear of failures."""
        return [each.name for each in self.recipients if Event.FAILURE in each.events]

    @property
    def untried(self) -> Sequence[str]:
        """The names of those to whom nothing was ever sent."""
        return [each.name for each in self.recipients if each.state == "unknown"]

    @property
    def failing_recipients(self) -> Sequence[DeliveryStatus]:
        """Who could not be told, the heartbeat last."""
        everybody = [*self.recipients, self.heartbeat] if self.heartbeat else self.recipients
        return [each for each in everybody if each.state == "down"]


def overview(config: Config, *, now: datetime) -> Overview:
    """Return who is told, and whether they can be; a file that cannot be read is no error."""
    try:
        saved = read_notification_settings(config)
    except RecipientError as error:
        return Overview(DeliverySummary.UNREADABLE, path=str(error.data["path"]))
    memory = read_memory(config)
    recipients = tuple(
        DeliveryStatus(
            id=each.id,
            name=each.name,
            shown_url=each.shown_url,
            events=each.events,
            **_how_it_went(memory.delivery_to(each.id, each.url), now),
        )
        for each in saved.recipients
    )
    heart = saved.heartbeat
    heartbeat = None
    if heart is not None:
        heartbeat = DeliveryStatus(
            id=HEARTBEAT,
            name="",
            shown_url=heart.shown_url,
            events=frozenset(),
            **_how_it_went(memory.delivery_to(HEARTBEAT, heart.url), now),
        )
    return Overview(
        verdict=_verdict(recipients, heartbeat),
        recipients=recipients,
        heartbeat=heartbeat,
        pings_start=bool(heart and heart.pings_start),
        public_url=saved.public_url,
    )


def _verdict(
    recipients: Sequence[DeliveryStatus], heartbeat: DeliveryStatus | None
) -> DeliverySummary:
    told = [each for each in recipients if Event.FAILURE in each.events]
    if not recipients:
        if heartbeat is None:
            return DeliverySummary.NOBODY
        return (
            DeliverySummary.SOME_UNREACHED
            if heartbeat.state == "down"
            else DeliverySummary.ONLY_HEARTBEAT
        )
    if not told:
        return DeliverySummary.NOT_OF_FAILURES
    if all(each.state == "down" for each in told):
        return DeliverySummary.NONE_REACHED
    everybody = [*recipients, heartbeat] if heartbeat else recipients
    is_one_down = any(each.state == "down" for each in everybody)
    return DeliverySummary.SOME_UNREACHED if is_one_down else DeliverySummary.TOLD


def _how_it_went(line: DeliveryState, now: datetime) -> dict[str, Any]:
    if line.failed_since is None:
        return {"state": "up" if line.notified_at else "unknown", "notified_at": line.notified_at}
    reason = Undelivered(line.reason) if line.reason in set(Undelivered) else Undelivered.BROKEN
    is_ahead = line.next_try_at is not None and line.next_try_at - now > _SOON
    return {
        "state": "down",
        "notified_at": line.notified_at,
        "failed_since": line.failed_since,
        "why": messages.delivery_words(Delivery(reason=reason, status=line.status)),
        "advice": str(messages.REASON_ADVICE[reason]),
        "waiting": len(line.waiting),
        "next_try_at": line.next_try_at if is_ahead else None,
    }
