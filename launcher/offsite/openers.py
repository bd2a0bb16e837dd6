"""Which keys open a copy, as people know them: the kit, someone by name, or a key from before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from launcher.offsite.records import CopyState, Recipient, StoredCopy


@dataclass(frozen=True, slots=True)
class Openers:
    """The keys that open a copy; there are none where it is not encrypted.

    Attributes:
        has_kit: whether the recovery kit of today opens it.
        names: whose keys open it besides, by the name that an admin gave them.
        old_keys: public keys that new copies are no longer encrypted for.
    """

    has_kit: bool = False
    names: Sequence[str] = ()
    old_keys: Sequence[str] = ()


def openers(copy: StoredCopy, recipients: Iterable[Recipient]) -> Openers:
    """Return which keys open a copy; `recipients` are the keys of today, the newest own first."""
    known = [each for each in recipients if each.public_key in copy.recipients]
    return Openers(
        has_kit=any(each.is_own for each in known),
        names=[each.label or each.public_key for each in known if not each.is_own],
        old_keys=sorted(copy.recipients - {each.public_key for each in known}),
    )


def opened_by(copies: Iterable[StoredCopy], keys: Set[str]) -> int:
    """Return how many encrypted copies one of these public keys opens."""
    return sum(not each.recipients.isdisjoint(keys) for each in copies)


def closed_to(copies: Iterable[StoredCopy], keys: Set[str]) -> int:
    """Return how many good encrypted copies none of these public keys opens."""
    good = (each.recipients for each in copies if each.state is CopyState.GOOD)
    return sum(bool(each) and each.isdisjoint(keys) for each in good)
