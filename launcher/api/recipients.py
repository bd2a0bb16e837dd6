"""Who is notified, and whether messages arrive. Never a URL: it holds secrets."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from launcher.api.door import Call, door
from launcher.api.moments import Moment, written_if
from launcher.api.problems import Problem
from launcher.current import current_config
from launcher.models import TokenScope
from launcher.notifications.memory import HEARTBEAT, DeliveryState, Memory, read_memory
from launcher.notifications.recipients import (
    Event,
    Heartbeat,
    Recipient,
    RecipientError,
    read_notification_settings,
)

_Service = Annotated[
    str, msgspec.Meta(description="The scheme of its URL, like `ntfys` or `mailto`.")
]
_DeliveryState = Annotated[
    Literal["up", "down", "unknown"],
    msgspec.Meta(description="The outcome of the last delivery. `unknown` before the first."),
]
_Reason = Annotated[str, msgspec.Meta(description="Why the last delivery failed, or empty.")]
_Waiting = Annotated[int, msgspec.Meta(description="How many messages wait to be sent.")]


class NotifiedRecipient(msgspec.Struct, kw_only=True):
    """A recipient without its URL."""

    id: str
    name: str
    service: _Service
    events: list[Event]
    language: Annotated[
        str, msgspec.Meta(description="The language of its messages, or empty for the site's.")
    ]
    state: _DeliveryState
    notified_at: Moment | None
    failed_since: Moment | None
    reason: _Reason
    waiting: _Waiting


class PingedHeartbeat(msgspec.Struct, kw_only=True):
    """The heartbeat without its URL."""

    pings_start: Annotated[
        bool,
        msgspec.Meta(description="Whether the heartbeat is also pinged at the start of a backup."),
    ]
    state: _DeliveryState
    notified_at: Moment | None
    failed_since: Moment | None
    reason: _Reason


class Recipients(msgspec.Struct, kw_only=True):
    """All recipients of messages."""

    recipients: list[NotifiedRecipient]
    heartbeat: PingedHeartbeat | None
    public_url: Annotated[
        str, msgspec.Meta(description="The start of links in messages, or empty.")
    ]


@door(
    "GET",
    "/recipients",
    scope=TokenScope.STATUS,
    summary="List recipients",
    about=(
        "Lists who is notified, of which events, and whether messages arrive. URLs of recipients "
        "hold secrets and are never returned."
    ),
    result=Recipients,
    problems=("recipients_unreadable",),
)
def list_recipients(_call: Call) -> Recipients:
    """Answer with the recipients and the heartbeat."""
    try:
        settings = read_notification_settings(current_config())
    except RecipientError:
        raise Problem("recipients_unreadable") from None
    memory = read_memory(current_config())
    heart = settings.heartbeat
    return Recipients(
        recipients=[_recipient(each, memory) for each in settings.recipients],
        heartbeat=_heartbeat(heart, memory) if heart else None,
        public_url=settings.public_url,
    )


def _recipient(recipient: Recipient, memory: Memory) -> NotifiedRecipient:
    last = memory.delivery_to(recipient.id, recipient.url)
    return NotifiedRecipient(
        id=recipient.id,
        name=recipient.name,
        service=recipient.shown_url.partition(":")[0],
        events=sorted(recipient.events),
        language=recipient.language,
        state=_state(last),
        notified_at=written_if(last.notified_at),
        failed_since=written_if(last.failed_since),
        reason=last.reason,
        waiting=len(last.waiting),
    )


def _heartbeat(heartbeat: Heartbeat, memory: Memory) -> PingedHeartbeat:
    last = memory.delivery_to(HEARTBEAT, heartbeat.url)
    return PingedHeartbeat(
        pings_start=heartbeat.pings_start,
        state=_state(last),
        notified_at=written_if(last.notified_at),
        failed_since=written_if(last.failed_since),
        reason=last.reason,
    )


def _state(last: DeliveryState) -> Literal["up", "down", "unknown"]:
    if last.failed_since:
        return "down"
    return "up" if last.notified_at else "unknown"
