"""Which keys open a copy, as people know them."""

from __future__ import annotations

from dataclasses import replace

from launcher.offsite.openers import Openers, openers
from launcher.offsite.records import Recipient
from tests.unit.test_offsite_owed import COPIES


def test_the_kit_others_and_keys_from_before_are_told_apart() -> None:
    known = (Recipient("age1ours", is_own=True), Recipient("age1ben", "Ben"))
    copy = replace(COPIES[0], recipients=frozenset({"age1ours", "age1ben", "age1old"}))
    assert openers(copy, known) == Openers(has_kit=True, names=["Ben"], old_keys=["age1old"])
    found = openers(replace(copy, recipients=frozenset()), known)
    assert (found.has_kit, *found.names, *found.old_keys) == (False,)
