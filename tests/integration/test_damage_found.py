"""Whatever reads a damaged backup first, the next restore of `latest` takes the next good one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from launcher.backup import BackupService
from launcher.backup.errors import StoreUnavailableError, VerificationError
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Backup, State
from tests.support.service import House


def spoil(home: House, backup: Backup) -> None:
    path = home.stored(backup)
    path.chmod(0o600)
    path.write_bytes(bytes(path.stat().st_size))


def read(service: BackupService, target: Path) -> dict[str, Callable[[], object]]:
    return {
        "restore": lambda: service.restore("latest", by="ada"),
        "plan": lambda: service.plan("latest", by="ada"),
        "test_restore": lambda: service.test_restore("latest", by="ada"),
        "export": lambda: service.export("latest", target / "out.db", by="ada"),
        "verify": lambda: service.verify("latest", by="ada"),
    }


@pytest.mark.parametrize("how", ["restore", "plan", "test_restore", "export", "verify"])
@pytest.mark.parametrize("is_read_only", [False, True])
def test_damage_that_is_found_makes_room_for_the_next(
    home: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, is_read_only: bool
) -> None:
    older, newer = home.create(), home.create()
    spoil(home, newer)
    if is_read_only:  # root may write everywhere, so the refusal is made up

        def refuse(*_backup: object) -> None:
            raise StoreUnavailableError(Reason.DISK_REFUSED, doing="write", detail="read-only")

        monkeypatch.setattr(home.store, "update", refuse)
    home.live.write_bytes(b"")

    try:
        read(home.service, tmp_path)[how]()
    except VerificationError:
        pass
    else:
        assert how == "verify"

    for service in (home.service, home.open()):
        found = {backup.id: backup.verification for backup in service.list()}
        assert found[newer.id].state is State.DAMAGED
        assert found[newer.id].reason == service.get(newer.id).verification.reason
        assert service.get("latest").id == older.id
    line = home.service.journal(limit=1)[0]
    assert (line.backup_id, line.facts["state"]) == (newer.id, State.DAMAGED)
    in_manifest = how != "plan" and not is_read_only
    assert home.store.get(newer.id).is_good is not in_manifest

    outcome = home.service.restore("latest", by="ada")
    assert outcome.plan.backup_id == older.id


def test_a_damaged_backup_that_is_put_right_counts_again_when_it_is_verified(home: House) -> None:
    home.create()
    newer = home.create()
    whole = home.stored(newer).read_bytes()
    spoil(home, newer)
    with pytest.raises(VerificationError):
        home.service.plan("latest", by="ada")
    home.stored(newer).write_bytes(whole)

    assert home.service.verify(newer.id, by="ada").is_good
    assert home.service.get("latest").id == newer.id


def test_an_export_onto_a_file_that_is_there_says_nothing_of_the_backup(
    home: House, tmp_path: Path
) -> None:
    made = home.create()
    (tmp_path / "out.db").touch()
    with pytest.raises(Exception, match="exists already"):
        home.service.export("latest", tmp_path / "out.db", by="ada")
    assert home.service.get(made.id).is_good
