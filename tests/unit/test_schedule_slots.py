"""A slot is used once; failed work is tried once more; wrong clocks neither repeat nor stall."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from launcher.backup.codec import decode, encode, try_decode
from launcher.backup.slots import Claim, Slots, claim_of, is_open

SLOT = datetime(2026, 11, 22, 3, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FAILED = Claim(SLOT, SLOT)


def test_the_first_slot_of_all_is_open() -> None:
    assert is_open(None, SLOT, now=SLOT)
    assert claim_of(None, SLOT, now=SLOT) == Claim(SLOT, SLOT, 1, is_done=False)


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


def test_a_retry_is_counted_and_a_new_slot_counts_again() -> None:
    again = claim_of(FAILED, SLOT, now=SLOT + HOUR)
    assert (again.attempts, again.at) == (2, SLOT + HOUR)
    assert claim_of(again, SLOT + DAY, now=SLOT + DAY).attempts == 1


def test_a_clock_put_forward_and_back_repeats_no_slot() -> None:
    used = claim_of(None, SLOT, now=SLOT).done()
    ahead = claim_of(used, SLOT + 3 * DAY, now=SLOT + 3 * DAY).done()
    assert not is_open(ahead, SLOT, now=SLOT + HOUR)
    assert is_open(ahead, SLOT + DAY, now=SLOT + DAY)


def test_what_a_clock_used_that_was_days_ahead_is_used_again_when_its_time_has_come() -> None:
    claim = claim_of(None, SLOT + 3 * DAY, now=SLOT + 3 * DAY).done()
    for days in range(4):
        slot = SLOT + days * DAY
        assert is_open(claim, slot, now=slot)
        claim = claim_of(claim, slot, now=slot).done()


def test_a_clock_that_was_ahead_for_some_hours_stops_no_hourly_backup() -> None:
    claim = claim_of(None, SLOT, now=SLOT).done()
    for hours in (20, 21, 22):  # as the clock runs ahead
        ahead = SLOT + hours * HOUR
        assert is_open(claim, ahead, now=ahead)
        claim = claim_of(claim, ahead, now=ahead).done()
    now = SLOT + 30 * MINUTE  # it is put right
    assert not is_open(claim, SLOT, now=now)
    for hours in range(1, 25):
        slot = SLOT + hours * HOUR
        assert is_open(claim, slot, now=slot) is True
        claim = claim_of(claim, slot, now=slot).done()


def test_an_hourly_schedule_repeats_nothing_when_the_clock_is_set_back() -> None:
    claim = claim_of(None, SLOT, now=SLOT).done()
    for hours in (1, 2, 3):
        claim = claim_of(claim, SLOT + hours * HOUR, now=SLOT + hours * HOUR).done()
    for hours in (1, 2, 3):
        slot = SLOT + hours * HOUR
        assert not is_open(claim, slot, now=slot + MINUTE)
    assert is_open(claim, SLOT + 4 * HOUR, now=SLOT + 4 * HOUR)


def test_a_claim_is_read_as_it_was_written() -> None:
    claim = claim_of(FAILED.done(), SLOT + DAY, now=SLOT + DAY)
    assert decode(Claim, encode(claim)) == claim


def test_a_claim_of_the_version_before_is_read() -> None:
    facts = encode(FAILED) | {"used": [SLOT.isoformat()]}
    del facts["earlier"]
    assert decode(Claim, facts) == FAILED
    assert decode(Claim, facts | {"before": SLOT.isoformat()}) == FAILED


@pytest.mark.parametrize("facts", [None, [], {}, {"last_slot": "soon"}, {"last_slot": 7}, "x"])
def test_what_is_no_claim_is_none(facts: object) -> None:
    assert try_decode(Claim, facts) is None


def test_a_folder_in_place_of_the_file_stops_no_slot(tmp_path: Path) -> None:
    """Docker makes one where the file that is to be mounted does not exist."""
    path = tmp_path / "schedule.json"
    path.mkdir()
    slots = Slots(path)
    assert slots.last() is None
    slots.keep(FAILED)
    assert Slots(path).last() == FAILED
    path.rmdir()
    slots.keep(FAILED.done())
    assert Slots(path).last() == FAILED.done()
