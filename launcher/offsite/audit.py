"""The audit entries of destinations, keys and rules, for every door; secrets are in none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from launcher import audit
from launcher.audit import Actor
from launcher.offsite.records import Destination, Destinations
from launcher.offsite.secret_options import shown_options

_RETENTION = ("keep_count", "keep_daily", "keep_weekly", "keep_monthly")


def record_added(made: Destination, *, actor: Actor, is_tested: bool = True) -> None:
    """Record that a destination was added, and whether a test had been passed."""
    changes: dict[str, object] = dict(_changes(None, made))
    if not is_tested:
        changes["tested"] = [None, False]
    audit.record("destination.create", actor=actor, target=_subject(made), changes=changes)


def record_changed(before: Destination, after: Destination, *, actor: Actor) -> None:
    """Record what changed of a destination."""
    changes = _changes(before, after)
    audit.record("destination.update", actor=actor, target=_subject(after), changes=changes)


def record_removed(known: Destination, *, actor: Actor) -> None:
    """Record that a destination was removed; its copies stay where they are."""
    audit.record("destination.delete", actor=actor, target=_subject(known))


def record_test(known: Destination, *, is_passed: bool, actor: Actor) -> None:
    """Record that a destination was tested, and whether it works."""
    changes = {"outcome": "succeeded" if is_passed else "failed"}
    audit.record("destination.test", actor=actor, target=_subject(known), changes=changes)


def record_copy_now(known: Destination, *, actor: Actor) -> None:
    """Record that a person had what is owed copied at once."""
    audit.record("destination.copy_now", actor=actor, target=_subject(known))


def record_paused(known: Destination, *, is_paused: bool, actor: Actor) -> None:
    """Record that copying was paused or resumed."""
    if is_paused:
        audit.record("destination.pause", actor=actor, target=_subject(known))
    else:
        audit.record("destination.resume", actor=actor, target=_subject(known))


def record_kit_shown(*, actor: Actor) -> None:
    """Record that someone opened or saved the recovery kit, which holds the secret key."""
    audit.record("destination.show_kit", actor=actor)


def record_kit_confirmed(public_key: str, *, actor: Actor) -> None:
    """Record that someone has the recovery kit of a key."""
    changes = {"public_key": [None, public_key]}
    audit.record("destination.confirm_kit", actor=actor, changes=changes)


def record_new_key(before: str, after: str, *, actor: Actor) -> None:
    """Record that copies from now on are for another key."""
    changes = {"public_key": [before or None, after]}
    audit.record("destination.create_key", actor=actor, changes=changes)


def record_first_key(before: Destinations, after: Destinations, *, actor: Actor) -> None:
    """Record that the first encrypted destination came with a key, if it did."""
    known = {each.public_key for each in before.recipients}
    for each in after.recipients:
        if each.is_own and each.public_key not in known:
            record_new_key("", each.public_key, actor=actor)


def record_recipient(public_key: str, label: str, *, is_added: bool, actor: Actor) -> None:
    """Record that another public key was added or removed."""
    names = {name: text for name, text in (("public_key", public_key), ("label", label)) if text}
    if is_added:
        changes = {name: [None, text] for name, text in names.items()}
        audit.record("destination.add_recipient", actor=actor, changes=changes)
    else:
        changes = {name: [text, None] for name, text in names.items()}
        audit.record("destination.remove_recipient", actor=actor, changes=changes)


def record_rules(changes: Mapping[str, Sequence[object]], *, actor: Actor) -> None:
    """Record what changed of the rules for all destinations."""
    audit.record("destination.set_rules", actor=actor, changes=changes)


def record_one_disk(reason: str, until: str, *, is_accepted: bool, actor: Actor) -> None:
    """Record that copies on one disk alone were accepted, and why, or no longer are."""
    if not is_accepted:
        audit.record("destination.withdraw_one_disk", actor=actor)
        return
    changes = {"reason": [None, reason], "until": [None, until or None]}
    audit.record("destination.accept_one_disk", actor=actor, changes=changes)


def _subject(target: Destination) -> audit.Target:
    return audit.Target("destination", target.id, target.name)


def _changes(before: Destination | None, after: Destination) -> Mapping[str, Sequence[object]]:
    """Return what differs; of secrets only that they do, and the names of theirs."""
    was, now = _facts(before) if before else {}, _facts(after)
    changes: dict[str, Sequence[object]] = {
        name: [was.get(name), now.get(name)]
        for name in sorted({*was, *now})
        if was.get(name) != now.get(name)
    }
    if before is not None and dict(before.secrets) != dict(after.secrets):
        changes["secrets"] = ["…", "…"]
    return changes


def _facts(destination: Destination) -> Mapping[str, object]:
    facts: dict[str, object] = {
        "name": destination.name,
        "service": destination.service.value,
        "place": destination.place.value,
        "encrypt": destination.encrypt,
        "kinds": sorted(destination.kinds),
        "keep": destination.keep.value,
        "limit_bytes_s": destination.limit_bytes_s,
        "stale_after_h": destination.stale_after_h,
        "paused": destination.paused,
    }
    facts |= {f"options.{name}": text for name, text in shown_options(destination.options).items()}
    policy = destination.policy
    if policy is not None:
        facts |= {f"policy.{name}": getattr(policy, name) for name in _RETENTION}
    return facts
