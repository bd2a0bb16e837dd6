"""Every recipient and the heartbeat, and whether messages arrive: data for the pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from launcher.notifications import messages
from launcher.notifications.memory import HEARTBEAT, DeliveryState, read_memory
from launcher.notifications.recipients import (
    Event,
    Heartbeat,
    Recipient,
    RecipientError,
    read_notification_settings,
)
from launcher.notifications.sender import Delivery, Undelivered

if TYPE_CHECKING:
    from launcher.config import Config

_SOON = timedelta(minutes=1)


class DeliverySummary(StrEnum):
    """The one sentence that stands first."""

    UNREADABLE = "unreadable"
    NO_RECIPIENTS = "no_recipients"
    ONLY_HEARTBEAT = "only_heartbeat"
    NOT_OF_FAILURES = "not_of_failures"
    ALL_FAILING = "all_failing"
    SOME_FAILING = "some_failing"
    TEST_FAILED = "test_failed"
    UNTRIED = "untried"
    WORKING = "working"


_SEVERITIES = {
    DeliverySummary.UNREADABLE: "bad",
    DeliverySummary.ALL_FAILING: "bad",
    DeliverySummary.WORKING: "ok",
}


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """A recipient, and how the last delivery went. `name` is "" for the heartbeat.

    Attributes:
        state: `up`, `down`, `test_failed`, or `unknown` where nothing was sent yet.
        why, advice: why the last delivery failed, and what to do; "" if it did not.
        next_try_at: when it is tried again, None for within a minute.
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

    @property
    def shown_name(self) -> str:
        """The name; for the heartbeat, where it is."""
        return self.name or self.shown_url


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that the page shows. `path` is the file, where it cannot be read."""

    verdict: DeliverySummary
    recipients: tuple[DeliveryStatus, ...] = ()
    heartbeat: DeliveryStatus | None = None
    pings_start: bool = False
    public_url: str = ""
    path: str = ""

    @property
    def severity(self) -> str:
        """How bad it is: `ok`, `warn` or `bad`."""
        return _SEVERITIES.get(self.verdict, "warn")

    @property
    def failure_recipients(self) -> Sequence[str]:
        """The names of the recipients of failures."""
        return [each.name for each in self.recipients if Event.FAILURE in each.events]

    @property
    def untried(self) -> Sequence[str]:
        """The names of the recipients to which nothing was sent yet."""
        return [each.name for each in self.recipients if each.state == "unknown"]

    @property
    def failed_tests(self) -> Sequence[DeliveryStatus]:
        """The recipients whose last test failed, the heartbeat last."""
        return [each for each in self._everything if each.state == "test_failed"]

    @property
    def failing_recipients(self) -> Sequence[DeliveryStatus]:
        """The recipients whose last delivery failed, the heartbeat last."""
        return [each for each in self._everything if each.state == "down"]

    @property
    def _everything(self) -> Sequence[DeliveryStatus]:
        return [*self.recipients, self.heartbeat] if self.heartbeat else self.recipients


def overview(config: Config, *, now: datetime) -> Overview:
    """Return what the page shows; a file that cannot be read is no error."""
    try:
        settings = read_notification_settings(config)
    except RecipientError as error:
        return Overview(DeliverySummary.UNREADABLE, path=str(error.data["path"]))
    memory = read_memory(config)

    def status(
        id_: str, name: str, to: Recipient | Heartbeat, events: frozenset[Event]
    ) -> DeliveryStatus:
        last = _last_delivery(memory.delivery_to(id_, to.url), now)
        return DeliveryStatus(id=id_, name=name, shown_url=to.shown_url, events=events, **last)

    recipients = tuple(
        status(each.id, each.name, each, each.events) for each in settings.recipients
    )
    heart = settings.heartbeat
    heartbeat = status(HEARTBEAT, "", heart, frozenset()) if heart else None
    return Overview(
        verdict=_verdict(recipients, heartbeat),
        recipients=recipients,
        heartbeat=heartbeat,
        pings_start=bool(heart and heart.pings_start),
        public_url=settings.public_url,
    )


def _verdict(
    recipients: Sequence[DeliveryStatus], heartbeat: DeliveryStatus | None
) -> DeliverySummary:
    everything = [*recipients, heartbeat] if heartbeat else [*recipients]
    receivers = [each for each in recipients if Event.FAILURE in each.events]
    is_one_down = any(each.state == "down" for each in everything)
    if not everything:
        return DeliverySummary.NO_RECIPIENTS
    if not recipients and not is_one_down:
        return DeliverySummary.ONLY_HEARTBEAT
    if recipients and not receivers:
        return DeliverySummary.NOT_OF_FAILURES
    if recipients and all(each.state == "down" for each in receivers):
        return DeliverySummary.ALL_FAILING
    return DeliverySummary.SOME_FAILING if is_one_down else _verdict_of_tests(everything)


def _verdict_of_tests(everything: Sequence[DeliveryStatus]) -> DeliverySummary:
    """Return whether messages will arrive: only a delivery shows that an address is right."""
    if any(each.state == "test_failed" for each in everything):
        return DeliverySummary.TEST_FAILED
    is_untried = any(each.name and each.state == "unknown" for each in everything)
    return DeliverySummary.UNTRIED if is_untried else DeliverySummary.WORKING


def _last_delivery(state: DeliveryState, now: datetime) -> dict[str, Any]:
    is_down = state.failed_since is not None
    if not is_down and state.test_failed_at is None:
        return {"state": "up" if state.notified_at else "unknown", "notified_at": state.notified_at}
    reason = Undelivered(state.reason) if state.reason in set(Undelivered) else Undelivered.BROKEN
    is_ahead = state.next_try_at is not None and state.next_try_at - now > _SOON
    return {
        "state": "down" if is_down else "test_failed",
        "notified_at": state.notified_at,
        "failed_since": state.failed_since or state.test_failed_at,
        "why": messages.delivery_words(Delivery(reason=reason, status=state.status)),
        "advice": str(messages.REASON_ADVICE[reason]),
        "waiting": len(state.waiting),
        "next_try_at": state.next_try_at if is_ahead else None,
    }
