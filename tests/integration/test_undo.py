"""A restore can be undone, and so can an undo."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import launcher.backup.sqlite.replace
from launcher.backup.errors import BackupNotFoundError
from launcher.backup.ports import Hold
from launcher.backup.records.operation import Outcome, Progress, Stage, Verb
from tests.support.notebook import add_notes, digest
from tests.support.service import House


def test_an_undo_brings_back_what_was_there(home: House) -> None:
    backup = home.create()
    first = digest(home.live)
    add_notes(home.live, 7)
    home.run("UPDATE setting SET cron = '5 5 * * *'")
    second = digest(home.live)
    home.service.restore(backup.id, by="ada", keep_schedule=False)
    assert digest(home.live) == first
    undone = home.service.undo(by="ada")
    assert home.run("SELECT count(*) FROM note") == [(27,)]
    assert undone.safety_id
    assert digest(home.live) == second


def test_what_is_written_while_the_safety_backup_is_made_is_not_lost(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = home.create()
    hold = home.gate.writers_held

    @contextmanager
    def write_before_they_are_held() -> Iterator[Hold]:
        add_notes(home.live, 3)
        with hold() as held:
            yield held

    monkeypatch.setattr(home.gate, "writers_held", write_before_they_are_held)
    outcome = home.service.restore(backup.id, by="ada")
    assert [each.id for each in home.service.list()] == [outcome.safety_id, backup.id]
    monkeypatch.undo()
    home.service.undo(by="ada")
    assert home.run("SELECT count(*) FROM note") == [(23,)]


def test_what_a_program_without_the_gate_writes_last_is_not_lost(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = home.create()
    connect = launcher.backup.sqlite.replace.connect

    def write_before_the_lock(path: Path, query: str) -> sqlite3.Connection:
        if query == "mode=rw" and not home.run("SELECT count(*) FROM note WHERE id > 20")[0][0]:
            add_notes(home.live, 3)  # when those who know the gate are held
        return connect(path, query)

    monkeypatch.setattr(launcher.backup.sqlite.replace, "connect", write_before_the_lock)
    outcome = home.service.restore(backup.id, by="ada")
    monkeypatch.undo()
    assert [each.id for each in home.service.list()] == [outcome.safety_id, backup.id]
    home.service.undo(by="ada")
    assert home.run("SELECT count(*) FROM note") == [(23,)]


def test_an_undo_can_be_undone(home: House) -> None:
    backup = home.create()
    add_notes(home.live, 7)
    home.service.restore(backup.id, by="ada")
    counts = []
    for _ in range(4):
        home.service.undo(by="ada")
        counts.append(home.run("SELECT count(*) FROM note")[0][0])
    assert counts == [27, 20, 27, 20]


def test_without_a_restore_there_is_nothing_to_undo(home: House) -> None:
    home.create()
    before = home.facts()
    with pytest.raises(BackupNotFoundError, match="nothing was restored yet"):
        home.service.undo(by="ada")
    assert home.facts() == before


def test_a_restore_that_failed_is_not_what_is_undone(home: House) -> None:
    backup = home.create()
    add_notes(home.live, 1)
    done = home.service.restore(backup.id, by="ada")
    add_notes(home.live, 2)

    def fail(progress: Progress) -> None:
        if progress.stage is Stage.REPLACE:
            raise LookupError

    with pytest.raises(LookupError):
        home.service.restore(backup.id, by="ada", on_progress=fail)
    assert home.service.undo_id() == done.safety_id


def test_without_its_safety_backup_nothing_can_be_undone(home: House) -> None:
    backup = home.create()
    done = home.service.restore(backup.id, by="ada")
    home.service.delete([done.safety_id], by="ada")
    before = digest(home.live)
    with pytest.raises(BackupNotFoundError):
        home.service.undo(by="ada")
    assert digest(home.live) == before


def test_a_restore_killed_right_after_the_replacement_can_be_undone(home: House) -> None:
    """The process dies once the new data is in place: the state file is all that is left of it."""
    backup = home.create()
    add_notes(home.live, 7)
    states: list[bytes] = []

    def keep(_progress: Progress) -> None:
        states.append((home.data / "operation.json").read_bytes())

    home.service.restore(backup.id, by="ada", on_progress=keep)
    journal = home.data / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]))
    (home.data / "operation.json").write_bytes(states[-1])

    service = home.open()
    assert service.recover()
    buried = service.journal()[0]
    assert (buried.verb, buried.outcome) == (Verb.RESTORE, Outcome.INTERRUPTED)
    assert buried.facts["data"] == "restored"
    service.undo(by="ada")
    assert home.run("SELECT count(*) FROM note") == [(27,)]


@pytest.mark.parametrize(
    ("spoil", "data"),
    [
        pytest.param("UPDATE note SET body = 'x'", "unchanged", id="before the commit"),
        pytest.param("DELETE FROM setting", "unreadable", id="with rows that make no sense"),
        pytest.param("DROP TABLE setting", "unreadable", id="with a table missing"),
    ],
)
def test_a_killed_restore_is_said_whatever_the_live_data_is(
    home: House, spoil: str, data: str
) -> None:
    backup = home.create()
    state = {
        "operation_id": "ab" * 8, "verb": "restore", "by": "ada",
        "started_at": "2026-11-22T17:00:00+00:00", "stages": ["replace"], "stage": "replace",
        "done": 0, "total": 0, "backup_id": "", "pid": 1, "facts": {"epoch": "another"},
    }  # fmt: skip
    (home.data / "operation.json").write_text(json.dumps(state))
    home.run(spoil)
    assert home.open().recover()
    assert home.service.journal()[0].facts["data"] == data
    assert not (home.data / "operation.json").exists()
    assert home.service.verify(backup.id, by="ada").is_good
