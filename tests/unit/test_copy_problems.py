"""Problems of copies in other places, found in a situation that is handed in whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from launcher.monitoring.problems import OF_COPIES, Problem, ProblemKind, Severity, detect_problems
from launcher.offsite.records import CopyState, OneDisk, StoredCopy
from launcher.offsite.status import DestinationStatus, KitState, OffsiteStatus, Places, Standing
from launcher.offsite.troubles import Trouble
from tests.support.copies import copy_of, destination, offsite, trouble
from tests.unit.test_problems import DAY, FRESH, HOUR, NOW, backup, kinds, snapshot

OLD = backup(9 * DAY)
CLOUD = destination("Cloud", copy_of(FRESH))
STALE = destination("Attic", copy_of(OLD), standing=Standing.STALE)


def only(found: OffsiteStatus) -> Problem:
    """Return the one problem of a site that is well but for its copies."""
    [problem] = detect_problems(snapshot(FRESH, offsite=found)).problems
    return problem


def of(found: OffsiteStatus) -> list[str]:
    """Return the kinds of what is wrong."""
    return kinds(snapshot(FRESH, offsite=found))


def test_copies_that_are_recent_and_confirmed_are_no_problem() -> None:
    assert of(OffsiteStatus()) == []
    assert of(offsite(CLOUD)) == []


def test_a_destination_that_is_behind_warns_while_another_has_the_data() -> None:
    found = only(offsite(CLOUD, STALE))
    assert (found.kind, found.severity) == (ProblemKind.COPIES_STALE, Severity.WARN)
    assert (found.destinations, found.since) == (("Attic",), OLD.created_at)


def test_it_is_bad_when_no_destination_has_a_recent_copy() -> None:
    never = destination("Cellar", standing=Standing.STALE)
    found = only(offsite(STALE, never))
    assert (found.severity, found.count) == (Severity.BAD, 2)
    assert (found.destinations, found.since) == (("Cellar", "Attic"), None)


def failing(kind: Trouble, age: timedelta, **changes: object) -> DestinationStatus:
    ledger = {"trouble": trouble(NOW - age, kind)}
    standing = changes.pop("standing", Standing.BEHIND)
    return destination("Attic", copy_of(FRESH), standing=standing, ledger=ledger)  # type: ignore[arg-type]


def test_what_someone_has_to_mend_is_a_problem_at_once() -> None:
    found = only(offsite(failing(Trouble.WRONG_SECRET, HOUR)))
    assert (found.kind, found.severity) == (ProblemKind.COPIES_FAILING, Severity.WARN)
    assert (found.count, found.destinations) == (3, ("Attic",))
    assert found.trouble is not None
    assert found.trouble.next_try_at == NOW


def test_a_service_may_be_away_for_half_a_day() -> None:
    assert of(offsite(failing(Trouble.UNREACHABLE, 11 * HOUR))) == []
    assert of(offsite(failing(Trouble.UNREACHABLE, 12 * HOUR))) == ["copies_failing"]


@pytest.mark.parametrize("standing", [Standing.STALE, Standing.PAUSED])
def test_a_destination_is_named_once(standing: Standing) -> None:
    assert "copies_failing" not in of(offsite(failing(Trouble.DENIED, DAY, standing=standing)))


def spoiled(state: CopyState) -> StoredCopy:
    return replace(copy_of(OLD), state=state)


@pytest.mark.parametrize("state", [CopyState.DAMAGED, CopyState.MISSING])
def test_a_spoiled_copy_warns_and_the_last_good_one_there_is_bad(state: CopyState) -> None:
    warned = only(offsite(destination("Cloud", copy_of(FRESH), spoiled(state))))
    assert (warned.kind, warned.severity) == (ProblemKind.COPIES_DAMAGED, Severity.WARN)
    assert (warned.state, warned.backups) == (state, (OLD,))

    bad = only(offsite(CLOUD, destination("Attic", spoiled(state))))
    assert (bad.severity, bad.destinations) == (Severity.BAD, ("Attic",))


def test_damage_is_named_before_what_is_gone() -> None:
    gone = destination("Attic", copy_of(FRESH), spoiled(CopyState.MISSING))
    damaged = destination("Cloud", copy_of(FRESH), spoiled(CopyState.DAMAGED))
    assert only(offsite(gone, damaged)).destinations == ("Cloud",)


def test_a_copy_that_nobody_read_in_time_is_a_problem_three_days_later() -> None:
    def read(ago: timedelta, **changes: object) -> OffsiteStatus:
        facts = {"copied_at": NOW - ago, "read_at": None} | changes
        copy = copy_of(FRESH, **facts)
        return offsite(destination("Cloud", copy, stale_at=None), read_within_days=30)

    assert of(read(32 * DAY)) == []
    assert of(read(34 * DAY, read_at=NOW - DAY)) == []
    found = only(read(34 * DAY))
    assert (found.kind, found.count) == (ProblemKind.COPIES_UNREAD, 1)
    assert found.since == NOW - 4 * DAY


def test_a_missing_key_is_bad_and_copies_for_another_key_warn() -> None:
    lost = only(offsite(CLOUD, kit=KitState.KEY_MISSING))
    assert (lost.kind, lost.severity) == (ProblemKind.KEY_MISSING, Severity.BAD)
    foreign = destination("Attic", copy_of(FRESH, trouble=Trouble.NO_KEY))
    named = only(offsite(foreign))
    assert (named.severity, named.count) == (Severity.WARN, 1)
    assert named.destinations == ("Attic",)


def test_a_kit_that_nobody_confirmed_and_strange_files_warn() -> None:
    assert only(offsite(CLOUD, kit=KitState.UNCONFIRMED)).severity is Severity.WARN
    ledger = {"strange": tuple("abcde"), "strange_count": 23}
    found = only(offsite(destination("Cloud", copy_of(FRESH), ledger=ledger)))
    assert (found.kind, found.count) == (ProblemKind.COPIES_STRANGE, 23)
    assert found.files == ("a", "b", "c")


def test_a_pause_is_a_problem_once_its_copies_are_too_old() -> None:
    paused = destination("Cloud", copy_of(FRESH), standing=Standing.PAUSED)
    assert of(offsite(paused)) == []
    assert of(offsite(replace(paused, stale_at=NOW))) == ["copies_paused"]


def test_what_cannot_be_read_is_neither_well_nor_over() -> None:
    findings = detect_problems(snapshot(FRESH, offsite=OffsiteStatus(is_unreadable=True)))
    [problem] = findings.problems
    assert (problem.kind, problem.severity) == (
        ProblemKind.DESTINATIONS_UNREADABLE,
        Severity.BAD,
    )
    assert findings.unknown == OF_COPIES - {ProblemKind.DESTINATIONS_UNREADABLE}
    assert detect_problems(snapshot(FRESH, offsite=None)).unknown == OF_COPIES


def test_one_disk_is_a_warning_until_an_admin_accepts_it() -> None:
    here = replace(offsite(), places=Places(1, 1, on_one_disk=True))
    findings = detect_problems(snapshot(FRESH, offsite=here))
    assert (findings.severity, findings.is_only_one_disk) == (Severity.WARN, True)
    assert of(here) == ["one_disk"]

    accepted = replace(here.settings, one_disk=OneDisk(NOW - DAY, "ada", "Tape", until=NOW + DAY))
    assert of(replace(here, settings=accepted)) == []
    over = replace(accepted, one_disk=replace(accepted.one_disk, until=NOW))
    assert of(replace(here, settings=over)) == ["one_disk"]
    assert detect_problems(snapshot(offsite=here)).find(ProblemKind.ONE_DISK) is None
