"""What the result of a check changes: up, slow and down, outages and their ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from launcher.checks.outcome import Certificate, Outcome, Reason
from launcher.checks.spec import CheckSpec
from launcher.checks.states import Change, Result, Standing, after, moved, probed_of, released
from launcher.models.health import CheckKind, Health

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SPEC = CheckSpec(1, CheckKind.HTTP, "http://jellyfin.home.arpa", slow_ms=1000)
UP = Outcome(Health.UP, ms=40, code=200)
SLOW = Outcome(Health.SLOW, ms=2400, code=200)
DOWN = Outcome(Health.DOWN, Reason.REFUSED, {"port": 8096})


def result(outcome: Outcome, at: datetime = NOON, *, took_s: float = 2) -> Result:
    return Result(SPEC, outcome, at, at + timedelta(seconds=took_s))


@dataclass
class Story:
    """An app that is checked once a minute."""

    now: datetime = NOON
    standing: Standing | None = None
    outages: list[list[datetime | None]] = field(default_factory=list)

    def see(self, outcomes: Iterable[Outcome]) -> list[Health]:
        states = []
        for outcome in outcomes:
            change = after(self.standing, result(outcome, self.now))
            self.note(change)
            states.append(change.standing.state)
            self.now += MINUTE
        return states

    def note(self, change: Change) -> None:
        if change.ended_at is not None:
            assert self.outages[-1][1] is None
            self.outages[-1][1] = change.ended_at
        if change.is_outage:
            self.outages.append([change.standing.since, None])
        self.standing = change.standing


WORDS = {"u": UP, "s": SLOW, "d": DOWN}
LETTERS = {Health.UP: "u", Health.SLOW: "s", Health.DOWN: "d"}


@pytest.mark.parametrize(
    ("seen", "known"),
    [
        ("uuu", "uuu"),
        ("s", "u"),  # one slow answer is no news
        ("ss", "us"),
        ("usu", "uuu"),
        ("ussss", "uusss"),
        ("ssu", "uss"),  # nor is one fast answer
        ("ssuu", "ussu"),
        ("ssusu", "ussss"),
        ("d", "d"),
        ("udu", "udu"),
        ("ssds", "usdu"),
        ("dss", "dus"),
    ],
)
def test_slow_takes_two_checks_in_a_row_and_down_one(seen: str, known: str) -> None:
    assert "".join(LETTERS[each] for each in Story().see(WORDS[each] for each in seen)) == known


def test_a_state_has_its_beginning_and_its_streak() -> None:
    story = Story()
    story.see([UP, UP, UP])
    assert story.standing is not None
    assert (story.standing.streak, story.standing.since) == (3, NOON + timedelta(seconds=2))
    story.see([DOWN])
    assert story.standing.streak == 1
    assert story.standing.since == NOON + 3 * MINUTE, "when the check began that failed"
    assert (story.standing.error, story.standing.facts) == ("refused", {"port": 8096})
    story.see([UP])
    assert (story.standing.error, story.standing.facts) == ("", {})


def test_an_outage_lasts_from_the_first_failure_to_the_check_that_found_the_app_up() -> None:
    story = Story()
    story.see([UP, DOWN, DOWN, UP, DOWN])
    end = NOON + 3 * MINUTE + timedelta(seconds=2)
    assert story.outages == [[NOON + MINUTE, end], [NOON + 4 * MINUTE, None]]


def test_flapping_makes_an_outage_each_time() -> None:
    story = Story()
    story.see([DOWN, UP] * 4)
    assert len(story.outages) == 4
    assert all(end for _, end in story.outages)


def test_an_outage_whose_end_was_not_measured_ends_with_the_last_failure() -> None:
    story = Story()
    story.see([DOWN, DOWN])
    story.now += timedelta(days=1)
    story.see([UP])
    assert story.outages == [[NOON, NOON + MINUTE + timedelta(seconds=2)]]


def test_one_that_is_still_down_after_a_gap_is_the_same_outage() -> None:
    story = Story()
    story.see([DOWN])
    story.now += timedelta(days=1)
    story.see([DOWN])
    assert story.outages == [[NOON, None]]
    assert story.standing is not None
    assert story.standing.since == NOON


def test_an_outage_never_ends_before_it_began() -> None:
    story = Story()
    story.see([DOWN])
    story.now -= timedelta(hours=1)  # the clock was set back
    story.see([UP])
    assert story.outages == [[NOON, NOON]]


def test_an_app_that_is_paused_while_down_begins_an_outage_of_its_own_afterwards() -> None:
    story = Story()
    story.see([DOWN, DOWN])
    assert story.standing is not None
    story.note(released(story.standing, at=story.now))
    assert story.standing.state is Health.UNKNOWN
    assert story.outages == [[NOON, NOON + MINUTE + timedelta(seconds=2)]]
    story.see([DOWN])
    assert story.outages[1:] == [[NOON + 2 * MINUTE, None]]


@pytest.mark.parametrize("outcome", [UP, SLOW])
def test_a_pause_changes_nothing_of_an_app_that_is_up(outcome: Outcome) -> None:
    standing = after(None, result(outcome)).standing
    assert released(standing, at=NOON + MINUTE).standing is standing


def test_nothing_is_known_of_another_address() -> None:
    standing = after(None, result(DOWN)).standing
    change = moved(standing, at=NOON + MINUTE, probed="another")
    assert (change.standing.state, change.standing.last_at) == (Health.UNKNOWN, None)
    assert change.ended_at == standing.last_at


def test_the_digest_names_the_address_and_shows_nothing_of_it() -> None:
    other = CheckSpec(1, CheckKind.TCP, SPEC.address)
    slower = CheckSpec(1, CheckKind.HTTP, SPEC.address, slow_ms=5)
    assert probed_of(SPEC) == probed_of(slower) != probed_of(other)
    assert "jellyfin" not in probed_of(SPEC)


def test_the_certificate_that_was_seen_last_is_kept_while_the_app_is_down() -> None:
    certificate = Certificate(NOON + 90 * 1440 * MINUTE, NOON, "Home CA", ("nas.home.arpa",))
    story = Story()
    story.see([Outcome(Health.UP, ms=9, code=200, certificate=certificate), DOWN])
    assert story.standing is not None
    assert story.standing.certificate == {
        "issuer": "Home CA",
        "names": ["nas.home.arpa"],
        "is_verified": False,
        "is_self_signed": False,
    }
    assert story.standing.certificate_until == certificate.until
    story.see([UP])  # now it answers without TLS
    assert story.standing.certificate == {}
    assert story.standing.certificate_until is None
