"""The audit entries of recipients, heartbeat and public URL, for every door.

URLs hold secrets: an entry has what may be shown of one, and whether it changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from launcher import audit
from launcher.audit import Actor
from launcher.backup.records.operation import Outcome
from launcher.notifications.recipients import Event, Heartbeat, Recipient


def record_created(made: Recipient, *, actor: Actor) -> None:
    """Record that a recipient was added."""
    changes = _changes(None, made)
    audit.record("recipient.create", actor=actor, target=_subject(made), changes=changes)


def record_changed(before: Recipient, after: Recipient, *, actor: Actor) -> None:
    """Record what changed of a recipient."""
    changes = _changes(before, after)
    audit.record("recipient.update", actor=actor, target=_subject(after), changes=changes)


def record_removed(known: Recipient, *, actor: Actor) -> None:
    """Record that a recipient was removed."""
    audit.record("recipient.delete", actor=actor, target=_subject(known))


def record_test(known: Recipient, outcome: Outcome, *, actor: Actor) -> None:
    """Record that a test was sent, and its outcome."""
    changes = {"outcome": outcome}
    audit.record("recipient.test", actor=actor, target=_subject(known), changes=changes)


def record_ping(outcome: Outcome, *, actor: Actor) -> None:
    """Record that the heartbeat was pinged by a person, and the outcome."""
    audit.record("recipient.ping_heartbeat", actor=actor, changes={"outcome": outcome})


def record_heartbeat(before: Heartbeat | None, after: Heartbeat | None, *, actor: Actor) -> None:
    """Record the heartbeat before and after a change."""
    changes = {
        "shown_url": [before and before.shown_url, after and after.shown_url],
        "pings_start": [
            before is not None and before.pings_start,
            after is not None and after.pings_start,
        ],
    }
    audit.record("recipient.set_heartbeat", actor=actor, changes=changes)


def record_public_url(before: str, after: str, *, actor: Actor) -> None:
    """Record the public URL before and after a change."""
    audit.record("recipient.set_public_url", actor=actor, changes={"public_url": [before, after]})


def _subject(target: Recipient) -> audit.Target:
    return audit.Target("recipient", target.id, target.name)


def _changes(before: Recipient | None, after: Recipient) -> Mapping[str, Sequence[object]]:
    """Return what differs; of a URL only what may be shown of it."""
    changes: dict[str, Sequence[object]] = {}
    if before is not None and before.name != after.name:
        changes["name"] = [before.name, after.name]
    if before is None or before.events != after.events:
        changes["events"] = [_listed(before.events) if before else None, _listed(after.events)]
    if (before.language if before else "") != after.language:
        changes["language"] = [before.language if before else None, after.language]
    if before is None or before.url != after.url:
        changes["shown_url"] = [before.shown_url if before else None, after.shown_url]
    return changes


def _listed(events: frozenset[Event]) -> Sequence[str]:
    return [str(event) for event in Event if event in events]
