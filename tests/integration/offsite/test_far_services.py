"""Backups of a house that go to real services: copied, listed again, fetched back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from launcher.backup.records.backup import Kind
from launcher.offsite.records import CopyState
from launcher.offsite.status import Standing
from launcher.offsite.trial import as_tested
from launcher.offsite.troubles import Trouble
from tests.integration.offsite.places import FarPlace, failing, names
from tests.support.offsite import Offsite


@pytest.mark.parametrize("kind", ["bucket", "sftp"])
def test_backups_are_copied_to_a_service_and_known_there_again(
    offsite: Offsite, request: pytest.FixtureRequest, kind: str
) -> None:
    place: FarPlace = request.getfixturevalue(kind)
    backup = offsite.house.create(kind=Kind.SCHEDULED)
    trial = offsite.service.try_out(place.destination)
    assert trial.is_passed, trial.failed
    tested = as_tested(place.destination, trial, at=offsite.house.clock())
    far = offsite.service.add(replace(tested, name="Far"), by="ada")

    ledger = offsite.run(far)
    assert [(each.id, each.state) for each in ledger.copies] == [(backup.id, CopyState.GOOD)]
    assert ledger.trouble is None
    assert offsite.of(far).standing is Standing.UP_TO_DATE
    site = offsite.service.settings().site
    assert names(place.open(site)) == {
        f"launcher-{backup.id}.db.zst.age", f"launcher-{backup.id}.json",
    }  # fmt: skip

    again = offsite.service.try_out(replace(far, secrets=dict.fromkeys(far.secrets, "")))
    assert (again.is_passed, again.own_copies, again.other_sites) == (True, 1, 0)


def test_an_ssh_server_is_known_after_the_first_run_at_the_latest(
    offsite: Offsite, sftp: FarPlace
) -> None:
    far = offsite.service.add(sftp.destination, by="ada")
    assert "known_hosts" not in far.options
    offsite.run(far)
    known = offsite.service.find(far.id).options["known_hosts"]
    assert " ssh-" in known or " ecdsa-" in known

    start, kind, key = known.split()
    other = f"{start} {kind} {key[:-8]}{key[-8:].swapcase()}"
    offsite.service.change(replace(far, options={**far.options, "known_hosts": other}), by="ada")
    trouble = offsite.run(far).trouble
    assert trouble is not None
    assert trouble.trouble is Trouble.HOST_KEY
    trial = offsite.service.try_out(offsite.service.find(far.id))
    assert trial.failed is not None
    assert trial.failed.trouble is Trouble.HOST_KEY
    with failing(Trouble.HOST_KEY):
        names(sftp.open(options=offsite.service.find(far.id).options))
