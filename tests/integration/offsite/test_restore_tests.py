"""The scheduled restore test takes a copy from another place every other time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from launcher.backup.errors import OperationInProgressError
from launcher.backup.records.operation import Outcome, Verb
from launcher.jobs.history import Book, Run, RunOutcome
from launcher.jobs.work import perform
from launcher.offsite.records import CopyState, Destination, Place
from launcher.offsite.restore_test import next_tested
from launcher.offsite.troubles import Trouble
from tests.support.copies import copy_of, destination
from tests.support.copies import offsite as standing
from tests.support.offsite import Offsite
from tests.unit.test_problems import DAY, FRESH, NOW, backup


@pytest.fixture
def nas(offsite: Offsite) -> Destination:
    """A destination with an encrypted copy of the newest backup."""
    offsite.house.create()
    nas = offsite.add(encrypt=True)
    offsite.run(nas)
    return nas


def test_restore(offsite: Offsite) -> Run:
    """Run the restore test as a person does."""
    run = perform(
        "restore-test",
        offsite.house.service,
        Book(offsite.house.data),
        offsite.site,
        clock=offsite.house.clock,
        by="ada",
        is_by_hand=True,
        offsite=offsite.service,
    )
    assert run is not None
    assert [*offsite.files.folder.glob("restore-test*")] == []
    return run


test_restore.__test__ = False  # type: ignore[attr-defined]


def data_of(offsite: Offsite, nas: Destination) -> Path:
    [data] = offsite.there(nas).glob("*.age")
    return data


def test_a_copy_is_restored_every_other_time_and_the_record_names_its_place(
    offsite: Offsite, nas: Destination
) -> None:
    runs = [test_restore(offsite) for _ in range(4)]

    assert [run.outcome for run in runs] == [RunOutcome.SUCCEEDED] * 4
    assert [run.facts.get("destination") for run in runs] == ["NAS", None, "NAS", None]
    assert {run.facts["backup_id"] for run in runs} == {offsite.house.service.get("latest").id}
    assert all(run.facts["rows"] for run in runs)
    tests = offsite.house.service.journal(verbs={Verb.TEST_RESTORE})
    assert [each.facts.get("destination") for each in tests] == [None, "NAS", None, "NAS"]
    [copy] = offsite.ledger(nas).copies
    assert copy.tested_at is not None
    assert copy.read_at is not None


def test_a_place_that_cannot_be_reached_is_named_and_the_backup_here_is_tested(
    offsite: Offsite, nas: Destination
) -> None:
    folder = Path(nas.options["path"])
    folder.rename(folder.with_name("away"))
    run = test_restore(offsite)

    assert run.outcome is RunOutcome.PARTLY
    assert run.facts["not_reached"] == "NAS"
    assert run.facts["trouble"] in set(Trouble)
    assert run.facts["rows"]
    assert "destination" not in run.facts

    folder.with_name("away").rename(folder)
    assert test_restore(offsite).facts["destination"] == "NAS", "it is still its turn"


def test_a_damaged_copy_fails_the_test_and_says_nothing_of_the_backup_here(
    offsite: Offsite, nas: Destination
) -> None:
    data = data_of(offsite, nas)
    stored = bytearray(data.read_bytes())
    stored[len(stored) // 2] ^= 1
    data.chmod(0o600)
    data.write_bytes(stored)
    run = test_restore(offsite)

    assert (run.outcome, run.error_code) == (RunOutcome.FAILED, "verification_failed")
    assert run.facts["destination"] == "NAS"
    [copy] = offsite.ledger(nas).copies
    assert (copy.state, copy.trouble) == (CopyState.DAMAGED, Trouble.DIFFERENT)
    assert offsite.house.service.get("latest").is_good
    assert test_restore(offsite).outcome is RunOutcome.SUCCEEDED, "the backup here is tested next"


def test_a_lost_key_is_no_failure_of_the_backup(offsite: Offsite, nas: Destination) -> None:
    offsite.files.recovery_key.unlink()
    run = test_restore(offsite)

    assert run.outcome is RunOutcome.PARTLY
    assert (run.facts["not_reached"], run.facts["trouble"]) == ("NAS", Trouble.NO_KEY)


def test_without_room_for_the_download_the_backup_here_is_tested(
    offsite: Offsite, nas: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.offsite.download.SPARE_BYTES", 1 << 60)
    run = test_restore(offsite)

    assert run.outcome is RunOutcome.PARTLY
    assert run.facts["trouble"] == Trouble.NO_ROOM


def test_nothing_is_downloaded_while_another_operation_runs(
    offsite: Offsite, nas: Destination
) -> None:
    data_of(offsite, nas).unlink()  # so that a download would fail
    with (
        offsite.house.service._operations.run(Verb.CREATE, by="ben"),
        pytest.raises(OperationInProgressError),
    ):
        test_restore(offsite)
    assert Book(offsite.house.data).record("restore-test").runs == ()


def test_a_failed_test_is_in_the_history_with_its_place(
    offsite: Offsite, nas: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("launcher.backup.verify.unpack_to", refuse)
    run = test_restore(offsite)

    assert run.outcome is RunOutcome.FAILED
    [entry] = offsite.house.service.journal(verbs={Verb.TEST_RESTORE})
    assert (entry.outcome, entry.facts["destination"]) == (Outcome.FAILED, "NAS")


def test_places_take_turns_and_those_that_are_off_site_come_first() -> None:
    old, older = backup(2 * DAY), backup(3 * DAY)

    def at(name: str, copy: object, place: Place = Place.OFF_SITE, **changes: object) -> object:
        status = destination(name, copy)  # type: ignore[arg-type]
        changed = replace(status.destination, place=place, **changes)  # type: ignore[arg-type]
        return replace(status, destination=changed)

    def chosen(*found: object) -> str:
        far = next_tested(standing(*found))  # type: ignore[arg-type]
        return far.destination.name if far else ""

    attic = at("Attic", copy_of(FRESH), Place.OTHER_DEVICE)
    assert chosen(at("Cloud", copy_of(older)), attic) == "Cloud"
    assert chosen(at("Cloud", copy_of(older)), at("Second", copy_of(old))) == "Second"
    tested = copy_of(old, tested_at=NOW - timedelta(days=7))
    assert chosen(at("Cloud", copy_of(older)), at("Second", tested)) == "Cloud"
    just_now = copy_of(older, tested_at=NOW)
    assert chosen(at("Cloud", just_now), at("Second", tested)) == "Second"
    assert chosen(at("Cloud", copy_of(older), paused=True), attic) == "Attic"
    assert chosen(at("Cloud", copy_of(older, trouble=Trouble.NO_KEY))) == ""
    assert chosen(at("Cloud", copy_of(older, state=CopyState.DAMAGED))) == ""
    assert chosen() == ""
