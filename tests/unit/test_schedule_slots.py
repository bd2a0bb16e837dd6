"""A slot is used once; failed work is tried once more; wrong clocks neither repeat nor stall."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from launcher.backup.slots import Claim, claim_facts, claim_of, is_open, read_claim

SLOT = datetime(2026, 11, 22, 3, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FAILED = Claim(SLOT, SLOT)


def test_the_first_slot_of_all_is_open() -> None:
    assert is_open(None, SLOT, now=SLOT)
    assert claim_of(None, SLOT, now=SLOT) == Claim(SLOT, SLOT, attempts=1, is_done=False)


@pytest.mark.parametrize(
    ("claim", "slot", "now", "expected"),
    [
        (FAILED.done(), SLOT, SLOT + MINUTE, False),
        (FAILED.done(), SLOT, SLOT + DAY, False),
        (FAILED.done(), SLOT + DAY, SLOT + DAY, True),
        (FAILED.done(), SLOT - DAY, SLOT + MINUTE, False),
        # What failed, or was killed, waits ten minutes, and is tried once more.
        (FAILED, SLOT, SLOT + 9 * MINUTE, False),
        (FAILED, SLOT, SLOT + 10 * MINUTE, True),
        (Claim(SLOT, SLOT, attempts=2), SLOT, SLOT + DAY, False),
        (Claim(SLOT, SLOT, attempts=2), SLOT + DAY, SLOT + DAY, True),
        # A clock set back a little: what was used is used, and the next comes.
        (FAILED.done(), SLOT, SLOT - HOUR, False),
        (FAILED.done(), SLOT - 2 * HOUR, SLOT - HOUR, False),
        (FAILED.done(), SLOT + HOUR, SLOT + HOUR, True),
        # A claim from a far future was made by a wrong clock, and stalls nothing.
        (Claim(SLOT + 900 * DAY, SLOT + 900 * DAY, is_done=True), SLOT, SLOT, True),
    ],
)
def test_whether_a_slot_may_be_used(
    claim: Claim, slot: datetime, now: datetime, expected: bool
) -> None:
    assert is_open(claim, slot, now=now) is expected


def test_a_retry_is_counted_and_a_new_slot_counts_anew() -> None:
    again = claim_of(FAILED, SLOT, now=SLOT + HOUR)
    assert (again.attempts, again.at) == (2, SLOT + HOUR)
    assert claim_of(again, SLOT + DAY, now=SLOT + DAY).attempts == 1


def test_a_claim_is_read_as_it_was_written() -> None:
    assert read_claim(claim_facts(FAILED.done())) == FAILED.done()


@pytest.mark.parametrize("facts", [None, [], {}, {"last_slot": "soon"}, {"last_slot": 7}, "x"])
def test_what_is_no_claim_is_none(facts: object) -> None:
    assert read_claim(facts) is None
