"""Saying what a restore would do, before it does it."""

from __future__ import annotations

import pytest

from launcher.backup.errors import BackupError, RestoreError
from launcher.backup.records.operation import Verb
from launcher.backup.records.plan import NameChange, RowChange
from tests.support.notebook import make_notebook
from tests.support.service import House, run


def test_a_plan_changes_nothing_and_is_not_journaled(home: House) -> None:
    backup = home.create()
    home.run("DELETE FROM note")
    before = home.facts()
    home.service.plan(backup.id, by="ada")
    assert home.facts() == before
    assert home.staged() == []
    assert [entry.verb for entry in home.service.journal()] == [Verb.CREATE]


def test_it_compares_now_and_then(home: House) -> None:
    backup = home.create()
    home.run("DELETE FROM note WHERE id > 5")
    home.run("INSERT INTO person (name, password, is_admin) VALUES ('eve', 'x', 0)")
    home.run("UPDATE person SET name = 'bert' WHERE name = 'ben'")
    home.run("UPDATE person SET password = 'new' WHERE name = 'ada'")
    home.run("UPDATE setting SET site_name = 'Another'")
    plan = home.service.plan("latest", by="ada")
    assert plan.rows == (
        RowChange("note", 5, 20),
        RowChange("person", 3, 2),
        RowChange("revision", 1, 1),
        RowChange("setting", 1, 1),
    )
    assert plan.names == (NameChange("user", appear=("ben",), vanish=("bert", "eve")),)
    assert plan.password_changes == ("ada",)
    assert plan.signed_out == ("ada", "bert", "eve")
    assert plan.admins == ("ada",)
    assert (plan.site_name_now, plan.site_name_then) == ("Another", "Notebook")
    assert (plan.source, plan.backup_id) == (backup.id, backup.id)
    assert (plan.created_at, plan.app_version) == (backup.created_at, "1.4.0")
    assert plan.schema_revision == "0003"
    assert plan.migrations == ()
    assert (plan.live_readable, plan.live_problem, plan.warnings) == (True, None, ())
    assert plan.live_has_log
    assert backup.database is not None
    assert plan.database_size_bytes == backup.database.size_bytes


def test_it_is_what_the_restore_then_does(home: House) -> None:
    backup = home.create()
    home.run("DELETE FROM note WHERE id > 5")
    plan = home.service.plan(backup.id, by="ada")
    outcome = home.service.restore(backup.id, by="ada")
    assert outcome.plan == plan
    for change in plan.rows:
        assert home.run(f"SELECT count(*) FROM {change.table}") == [(change.then,)]


def test_of_a_file_it_names_the_file(home: House) -> None:
    other = make_notebook(home.root / "other.db", notes=3, revision="0001", wal=False)
    plan = home.service.plan(other, by="ada")
    assert plan.source == str(other)
    assert (plan.backup_id, plan.created_at, plan.app_version) == ("", None, "")
    assert [step.title for step in plan.migrations] == ["an index", "a colour"]
    assert plan.schema_revision == "0001"


def test_without_live_data_it_says_so(home: House) -> None:
    home.create()
    home.live.unlink()
    plan = home.service.plan("latest", by="ada")
    assert not plan.live_readable
    assert str(plan.live_problem) == "launcher.db is missing"
    assert all(change.now is None for change in plan.rows)
    assert plan.names == ()
    assert plan.signed_out == ()
    assert not plan.keep_schedule
    assert plan.schedule_then is not None
    assert not home.live.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM setting",
        "UPDATE person SET name = x'ff00' WHERE id = 1",
        "UPDATE person SET password = x'ff00'",
    ],
)
def test_rows_that_make_no_sense_are_refused_as_such(home: House, statement: str) -> None:
    other = make_notebook(home.root / "other.db", notes=3, wal=False)
    run(other, statement)
    home.create()
    before = home.facts()
    for offer in (home.service.plan, home.service.restore):
        with pytest.raises(BackupError) as refused:
            offer(other, by="ada")
        assert isinstance(refused.value, RestoreError) or "damaged" in str(refused.value)
    assert home.facts() == before
    assert home.staged() == []
