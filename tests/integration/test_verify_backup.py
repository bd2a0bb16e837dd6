"""Looking whether a backup is still what it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from launcher.backup.errors import BackupNotFoundError, IncompatibleBackupError, VerificationError
from launcher.backup.records.backup import Kind, State
from launcher.backup.records.operation import Outcome, Verb
from launcher.cli.hints import hint_for
from tests.support.notebook import digest, make_notebook
from tests.support.service import House, make_copy, run


def external(home: House, name: str = "old copy ü.db", **how: object) -> Path:
    other = make_notebook(home.root / "other.db", notes=44, wal=False, **how)  # type: ignore[arg-type]
    home.backups.mkdir(exist_ok=True)
    return make_copy(other, home.backups / name)


def test_a_good_backup_is_good_and_its_verdict_is_new(home: House) -> None:
    backup = home.create()
    verdict = home.service.verify(backup.id, by="ben")
    assert verdict.is_good
    assert verdict.verification.at is not None
    assert backup.verification.at is not None
    assert verdict.verification.at > backup.verification.at
    assert home.service.get(backup.id) == verdict
    entry = home.service.journal()[0]
    assert (entry.verb, entry.by, entry.backup_id) == (Verb.VERIFY, "ben", backup.id)
    assert entry.facts["state"] == "verified"
    assert entry.facts.keys() == {"state", "proven", "took_s"}
    assert home.staged() == []


def test_damage_is_a_verdict_and_no_failure(home: House) -> None:
    backup = home.create()
    home.stored(backup).unlink()
    verdict = home.service.verify(backup.id, by="ada")
    assert verdict.verification.state is State.DAMAGED
    entry = home.service.journal()[0]
    assert entry.outcome is Outcome.SUCCEEDED
    assert entry.facts["state"] == "damaged"
    assert "missing" in str(entry.facts["problem"])


def test_an_altered_manifest_is_never_written_again(home: House) -> None:
    backup = home.create(note="mine")
    path = home.manifest(backup)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"mine", b"ours"))
    altered = path.read_bytes()
    assert home.service.verify(backup.id, by="ada").verification.state is State.DAMAGED
    assert path.read_bytes() == altered


def test_a_file_someone_put_there_becomes_a_backup(home: House) -> None:
    path = external(home)
    [found] = home.service.list()
    assert (found.kind, found.verification.state) == (Kind.EXTERNAL, State.UNVERIFIED)
    verdict = home.service.verify(found.id, by="ada")
    assert verdict.is_good
    assert home.service.list() == [verdict]
    assert verdict.file is not None
    assert verdict.file.name == path.name
    assert verdict.contents["note"] == 44
    assert home.service.get("latest").id == found.id
    home.service.restore(found.id, by="ada", keep_schedule=False)
    assert digest(home.live) == digest(home.root / "other.db")
    home.service.protect(found.id, by="ada")
    home.service.unprotect(found.id, by="ada")
    home.service.delete([found.id], by="ada")
    assert not path.exists()


def test_a_bad_file_someone_put_there_is_said_and_kept(home: House) -> None:
    good = home.create()
    path = home.backups / "notes.db"
    path.write_text("Dear diary")
    [found] = [one for one in home.service.list() if one.kind is Kind.EXTERNAL]
    verdict = home.service.verify(found.id, by="ada")
    assert verdict.verification.state is State.DAMAGED
    assert "not a SQLite database" in verdict.verification.error
    assert path.read_text() == "Dear diary"
    assert home.service.get("latest") == good


def test_a_file_whose_name_is_no_text_is_restored_but_gets_no_manifest(home: House) -> None:
    path = external(home)
    odd = Path(os.fsdecode(os.fsencode(home.backups) + b"/caf\xe9.db"))
    path.rename(odd)
    [found] = home.service.list()
    with pytest.raises(VerificationError, match="name") as refused:
        home.service.verify(found.id, by="ada")
    assert "Rename" in hint_for(refused.value)
    assert home.service.list() == [found]
    home.service.restore(found.id, by="ada")
    assert home.run("SELECT count(*) FROM note") == [(44,)]


def test_another_applications_file_is_refused_and_not_damaged(home: House) -> None:
    path = external(home)
    run(path, "PRAGMA application_id=7")
    [found] = home.service.list()
    with pytest.raises(IncompatibleBackupError):
        home.service.verify(found.id, by="ada")
    assert home.service.get(found.id).verification.state is State.UNVERIFIED


def test_an_older_backup_is_good(home: House) -> None:
    path = external(home, revision="0001")
    assert path.exists()
    [found] = home.service.list()
    assert home.service.verify(found.id, by="ada").schema_revision == "0001"


def test_an_unknown_one_is_refused(home: House) -> None:
    with pytest.raises(BackupNotFoundError):
        home.service.verify("20261122T170000Z-zzzzzz", by="ada")


def test_a_restore_test_changes_nothing_and_is_journaled(home: House) -> None:
    backup = home.create()
    home.run("DELETE FROM note WHERE id > 3")
    before = home.facts()
    plan = home.service.test_restore(backup.id, by="ada")
    assert home.facts() == before
    assert {change.table: (change.now, change.then) for change in plan.rows}["note"] == (3, 20)
    entry = home.service.journal()[0]
    assert (entry.verb, entry.outcome) == (Verb.TEST_RESTORE, Outcome.SUCCEEDED)
    assert entry.facts["rows"] == {"note": 20, "person": 2, "revision": 1, "setting": 1}
    assert home.staged() == []


def test_a_file_in_wal_mode_from_the_folder_stays_what_it_was(home: House) -> None:
    home.store.ensure()
    copy = make_copy(home.live, home.backups / "found.db")
    run(copy, "PRAGMA journal_mode=WAL")
    (found,) = home.service.list()
    assert home.service.verify(found.id, by="ada").is_good
    assert home.service.verify(found.id, by="ada").is_good
    home.service.restore(found.id, by="ada")
