"""The whole way of a copy at each service: there, removed, lost and found again.

A real server each: what a service lists, and when it changed, is what the ledger is compared with.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from launcher.backup.records.backup import Kind
from launcher.offsite.opening import open_remote
from launcher.offsite.records import CopyState
from tests.integration.offsite.places import FarPlace
from tests.support.offsite import Offsite


# One service of each adapter: a program of rclone starts for each call, which takes its time.
@pytest.mark.parametrize(
    "far", ["folder", "seaweed", pytest.param("webdav", marks=pytest.mark.slow)], indirect=True
)
def test_copies_are_made_removed_and_found_again(far: FarPlace, offsite: Offsite) -> None:
    backups = [offsite.house.create(kind=Kind.SCHEDULED) for _ in range(2)]
    added = offsite.service.add(replace(far.destination, encrypt=True), by="ada")

    ledger = offsite.run(added)

    assert ledger.trouble is None
    assert [each.id for each in ledger.copies] == [each.id for each in backups[::-1]]
    names = {name for each in ledger.copies for name in (each.name, f"launcher-{each.id}.json")}
    remote = open_remote(added, site=offsite.service.settings().site)
    assert {each.name for each in remote.list()} == names

    offsite.site = replace(offsite.site, backup_max_count=1)
    kept = [each.id for each in offsite.run(added).copies]
    assert kept == [each.id for each in backups[:0:-1]]

    remote.put_bytes(f"launcher-{kept[0]}.json", b"{}")
    after = offsite.run(added)
    assert [(each.id, each.state) for each in after.copies] == [(kept[0], CopyState.GOOD)]
    assert after.copies[0].copied_at > ledger.copies[0].copied_at

    offsite.files.ledger(added.id).unlink()
    again = offsite.run(added)
    assert [each.backup for each in again.copies] == [each.backup for each in after.copies]
    assert all(each.is_ours for each in again.copies)
    assert (again.strange_count, again.trouble) == (0, None)
    remote.close()
