"""What other programs leave in the live database neither spoils a backup nor travels with it."""

from __future__ import annotations

import shlex
import sqlite3
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from launcher.backup.errors import (
    DatabaseCorruptError,
    IncompatibleBackupError,
    SourceDatabaseError,
    UploadRejectedError,
)
from launcher.backup.examine import Checked
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import Backup, State
from launcher.backup.sqlite import copy as sqlite_copy
from launcher.cli.hints import hint_for
from tests.support.notebook import digest
from tests.support.service import House, make_copy, run

LITESTREAM = (
    "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER);"
    "INSERT INTO _litestream_seq VALUES (1, 4711);"
    "CREATE TABLE _litestream_lock (id INTEGER);"
)
FOREIGN = {
    "Litestream's tables": (LITESTREAM, "_litestream_seq, _litestream_lock"),
    "an index of one's own": ("CREATE INDEX mine ON note (twin)", "mine"),
    "an index over an expression": ("CREATE INDEX mine ON note (length(body))", "mine"),
    "a partial index": ("CREATE UNIQUE INDEX mine ON note (body) WHERE id > 3", "mine"),
    "a view": ("CREATE VIEW mine AS SELECT * FROM note", "mine"),
    "a trigger": ("CREATE TRIGGER mine AFTER INSERT ON note BEGIN SELECT 1; END", "mine"),
    "a view with a trigger": (
        "CREATE VIEW mine AS SELECT * FROM note; CREATE TRIGGER instead INSTEAD OF INSERT ON mine"
        " BEGIN SELECT 1; END",
        "mine, instead",
    ),
    "a search index": (
        "CREATE VIRTUAL TABLE mine USING fts5(body); INSERT INTO mine SELECT body FROM note",
        "mine, mine_data, mine_idx, mine_content, mine_docsize, mine_config",
    ),
    "a counted table": (
        "CREATE TABLE mine (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO mine VALUES (7)",
        "mine",
    ),
    "statistics of a foreign table": (
        "CREATE TABLE mine (secret, more); CREATE INDEX mine_i ON mine (secret);"
        "INSERT INTO mine VALUES ('hush', 1); ANALYZE",
        "mine, mine_i",
    ),
    "an odd name": ('CREATE TABLE "a\n\'""b" (x)', "a?'\"b"),
}


@pytest.mark.parametrize(("script", "names"), FOREIGN.values(), ids=FOREIGN.keys())
def test_foreign_objects_are_left_out_of_a_backup_by_name(
    home: House, script: str, names: str
) -> None:
    before = digest(home.live)
    execute(home, script)
    backup = home.create()
    assert said(backup.verification.warnings) == [
        f"not included, because Launcher did not create it: {names}"
    ]
    assert digest(home.live).keys() >= before.keys()  # they stay where they are

    verified = home.service.verify(backup.id, by="ada")
    assert verified.verification.state is State.VERIFIED
    assert verified.verification.warnings == backup.verification.warnings
    assert said(home.service.plan(backup.id, by="ada").warnings) == [
        f"removed by the restore, because Launcher did not create it: {names}",
        *said(backup.verification.warnings),
    ]
    exported = home.service.export(backup.id, home.root / "copy.db", by="ada")
    assert home.service.import_(exported, by="ada").is_good
    home.service.restore(backup.id, by="ada", keep_schedule=False)
    assert digest(home.live) == before
    assert b"hush" not in exported.read_bytes()


def test_what_is_left_out_is_in_the_manifest(home: House) -> None:
    execute(home, LITESTREAM)
    backup = home.create()
    (again,) = home.service.list()
    assert again == backup
    assert again.verification.warnings[0].reason is Reason.LEFT_OUT


def test_a_module_that_is_not_here_does_not_matter(home: House) -> None:
    before = digest(home.live)
    with_schema(
        home,
        "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('table', 'geo',"
        " 'geo', 0, 'CREATE VIRTUAL TABLE geo USING unheard_of(x)')",
    )
    backup = home.create()
    assert "geo" in said(backup.verification.warnings)[0]
    home.service.restore(backup.id, by="ada", keep_schedule=False)
    assert digest(home.live) == before


def test_a_function_that_is_not_here_does_not_matter(home: House) -> None:
    connection = sqlite3.connect(home.live, isolation_level=None)
    connection.create_function("unheard_of", 1, lambda x: x, deterministic=True)
    connection.execute("CREATE INDEX mine ON note (unheard_of(body))")
    connection.close()
    backup = home.create()
    assert said(backup.verification.warnings) == [
        "not included, because Launcher did not create it: mine"
    ]


def test_an_older_backup_with_foreign_objects_is_good_and_restored_without_them(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest(home.live)
    execute(home, LITESTREAM)
    backup = older_backup(home, monkeypatch)
    verified = home.service.verify(backup.id, by="ada")
    assert verified.verification.state is State.VERIFIED
    assert "_litestream_seq" in said(verified.verification.warnings)[0]
    assert home.service.list()[0].verification.warnings == verified.verification.warnings
    assert "_litestream_lock" in said(home.service.plan(backup.id, by="ada").warnings)[0]
    outcome = home.service.restore(backup.id, by="ada", keep_schedule=False)
    assert "_litestream_lock" in said(outcome.warnings)[0]
    assert digest(home.live) == before


@pytest.mark.parametrize("is_marked", [True, False])
@pytest.mark.parametrize(("objects", "names"), FOREIGN.values(), ids=FOREIGN.keys())
def test_foreign_objects_in_a_file_from_outside_are_refused_with_the_way_on(
    home: House, objects: str, names: str, *, is_marked: bool
) -> None:
    """A copy of our own database; `.dump` makes one without the mark of the application."""
    execute(home, objects)
    copy = make_copy(home.live, home.root / "copy.db")
    if not is_marked:
        run(copy, "PRAGMA application_id=0")
    with pytest.raises((UploadRejectedError, IncompatibleBackupError)) as refused:
        home.service.import_(copy, by="ada")
    if "\n" in objects:  # no terminal shows that name
        assert refused.value.reason in {Reason.OBJECT_FOREIGN, Reason.OTHER_APPLICATION}
        return
    assert refused.value.reason is Reason.OTHERS_INSIDE
    assert {*str(refused.value.facts["names"]).split(", ")} == {*names.split(", ")}
    command = str(refused.value.facts["command"])
    assert f"remove that in a copy: `{command}`" in hint_for(refused.value)
    program, name, statements = shlex.split(command)
    assert (program, name) == ("sqlite3", "copy.db")
    subprocess.run(["sqlite3", copy, statements], check=True)
    assert home.service.import_(copy, by="ada").is_good


ALTERED: dict[str, tuple[str, Reason]] = {
    "a column more": ("ALTER TABLE person ADD COLUMN more TEXT", Reason.LIVE_OBJECT_DIFFERENT),
    "a column less": ("ALTER TABLE note DROP COLUMN colour", Reason.LIVE_OBJECT_DIFFERENT),
    "an index less": ("DROP INDEX note_body", Reason.LIVE_OBJECT_MISSING),
    "another index of its name": (
        "DROP INDEX note_body; CREATE INDEX note_body ON note (twin)",
        Reason.LIVE_OBJECT_DIFFERENT,
    ),
    "a table less": ("DROP TABLE note", Reason.LIVE_OBJECT_MISSING),
}


@pytest.mark.parametrize(("script", "reason"), ALTERED.values(), ids=ALTERED.keys())
def test_an_altered_object_of_ours_is_named_and_a_restore_brings_it_back(
    home: House, script: str, reason: Reason
) -> None:
    before = digest(home.live)
    good = home.create()
    execute(home, script)
    with pytest.raises(SourceDatabaseError) as refused:
        home.create()
    assert refused.value.reason is reason
    assert home.staged() == []
    outcome = home.service.restore(good.id, by="ada", keep_schedule=False)
    assert digest(home.live) == before
    assert outcome.raw_copy_path
    assert outcome.plan.live_problem
    assert outcome.plan.live_problem.reason is reason
    assert home.create().is_good


def test_a_schema_from_a_newer_launcher_is_named_and_a_restore_goes_on(home: House) -> None:
    good = home.create()
    home.run("UPDATE revision SET revision = '0009'")
    with pytest.raises(SourceDatabaseError) as refused:
        home.create()
    assert refused.value.reason is Reason.LIVE_NEWER
    home.service.restore(good.id, by="ada")
    assert home.create().is_good


# --- the schema as what it is --------------------------------------------------------------


SAME: dict[str, str] = {
    "other blanks": "CREATE TABLE revision\n(revision\tTEXT NOT NULL )",
    "other case": "CREATE TABLE revision (REVISION text not null)",
    "quotes around its name": 'CREATE TABLE "revision" (revision TEXT NOT NULL)',
}
NOT_THE_SAME: dict[str, str] = {
    "a rule that is a type": 'CREATE TABLE revision (revision TEXT "NOT" "NULL")',
    "words grown together": 'CREATE TABLE revision (revision TEXT "NOTNULL")',
    "a rule less": "CREATE TABLE revision (revision TEXT)",
    "a comment": "CREATE TABLE revision (revision TEXT NOT NULL) -- mine",
    "something after a zero byte": "CREATE TABLE revision (revision TEXT NOT NULL)\0mine",
}


@pytest.mark.parametrize("sql", SAME.values(), ids=SAME.keys())
def test_a_schema_that_is_written_differently_is_ours(home: House, sql: str) -> None:
    with_schema(home, "UPDATE sqlite_schema SET sql = ? WHERE name = 'revision'", sql)
    copy = make_copy(home.live, home.root / "copy.db")
    assert home.service.import_(copy, by="ada").is_good
    assert home.create().verification.warnings == ()


@pytest.mark.parametrize("sql", NOT_THE_SAME.values(), ids=NOT_THE_SAME.keys())
def test_a_schema_that_means_something_else_is_not_ours(home: House, sql: str) -> None:
    with_schema(home, "UPDATE sqlite_schema SET sql = ? WHERE name = 'revision'", sql)
    copy = home.root / "copy.db"
    run(home.live, "PRAGMA wal_checkpoint(TRUNCATE)")
    copy.write_bytes(home.live.read_bytes())
    with pytest.raises(UploadRejectedError, match="'revision' differs from ours"):
        home.service.import_(copy, by="ada")
    with pytest.raises(SourceDatabaseError) as refused:
        home.create()
    assert refused.value.reason is Reason.LIVE_OBJECT_DIFFERENT


HIDDEN = (
    "CREATE TABLE note_body (id INTEGER PRIMARY KEY, x AS (abs(id)) CHECK (x > 0))",
    "CREATE TABLE other (id INTEGER PRIMARY KEY)",
)


def test_a_table_behind_the_name_of_an_index_is_seen(home: House) -> None:
    before = digest(home.live)
    hide_a_table(home)
    copy = home.root / "copy.db"
    run(home.live, "PRAGMA wal_checkpoint(TRUNCATE)")
    copy.write_bytes(home.live.read_bytes())
    with pytest.raises(UploadRejectedError, match="'note_body' is not one of ours"):
        home.service.import_(copy, by="ada")
    # Where an older Launcher let it in, a backup is made without it.
    backup = home.create()
    assert said(backup.verification.warnings) == [
        "not included, because Launcher did not create it: note_body"
    ]
    home.service.restore(backup.id, by="ada", keep_schedule=False)
    assert digest(home.live) == before


@pytest.mark.parametrize("table", ["sqlite_stat1", "sqlite_stat4"])
def test_a_statistics_table_that_sqlite_did_not_write_is_refused(home: House, table: str) -> None:
    run(home.live, "ANALYZE")
    if not run(home.live, f"SELECT 1 FROM sqlite_schema WHERE name = '{table}'"):
        pytest.skip("SQLite was built without it")
    copy = make_copy(home.live, home.root / "copy.db")
    assert home.service.import_(copy, by="ada").is_good
    odd = make_copy(home.live, home.root / "odd.db")
    with_schema(
        odd,
        "UPDATE sqlite_schema SET sql = replace(sql, ')', ', CHECK (tbl > ''''))') WHERE name = ?",
        table,
    )
    with pytest.raises(UploadRejectedError, match=f"'{table}' is not one of ours"):
        home.service.import_(odd, by="ada")
    home.live.write_bytes(odd.read_bytes())
    assert said(home.create().verification.warnings) == [
        f"not included, because Launcher did not create it: {table}"
    ]


@pytest.mark.parametrize("column", ["type", "name", "tbl_name", "sql"])
@pytest.mark.parametrize("value", ["x'ff00fe'", "7", "NULL", "x''"])
def test_a_schema_that_is_no_text_is_refused_in_words(home: House, column: str, value: str) -> None:
    copy = make_copy(home.live, home.root / "copy.db")
    with_schema(copy, f"UPDATE sqlite_schema SET {column} = {value} WHERE name = 'note_body'")
    with pytest.raises((UploadRejectedError, DatabaseCorruptError)):
        home.service.import_(copy, by="ada")


# --- rows ----------------------------------------------------------------------------------


def test_rows_that_break_a_rule_are_kept_and_named(home: House) -> None:
    with_schema(
        home,
        "UPDATE sqlite_schema SET sql = replace(sql, 'twin TEXT NOT NULL', 'twin TEXT')"
        " WHERE name = 'note'",
    )
    home.run("UPDATE note SET twin = NULL WHERE id = 7")
    with_schema(
        home,
        "UPDATE sqlite_schema SET sql = replace(sql, 'twin TEXT', 'twin TEXT NOT NULL')"
        " WHERE name = 'note'",
    )
    connection = sqlite3.connect(home.live, isolation_level=None)
    connection.execute("PRAGMA ignore_check_constraints=ON")
    connection.execute("INSERT INTO setting SELECT 2, epoch, site_name, cron FROM setting")
    connection.close()
    before = digest(home.live)
    expected = "rows break a rule of their table: note (1), setting (1)"

    backup = home.create()
    assert said(backup.verification.warnings) == [expected]
    verified = home.service.verify(backup.id, by="ada").verification
    assert (verified.state, said(verified.warnings)) == (State.VERIFIED, [expected])
    copy = make_copy(home.live, home.root / "copy.db")
    with pytest.raises(DatabaseCorruptError, match="break a rule of their table"):
        home.service.import_(copy, by="ada")
    run(home.live, "DELETE FROM note")
    home.service.restore(backup.id, by="ada", keep_schedule=False)
    assert digest(home.live) == before


def test_a_backup_in_which_no_one_is_admin_says_so(home: House) -> None:
    home.run("UPDATE person SET is_admin = 0")
    backup = home.create()
    expected = ["no one in this backup can sign in as admin"]
    assert said(backup.verification.warnings) == expected
    assert said(home.service.verify(backup.id, by="ada").verification.warnings) == expected
    home.run("UPDATE person SET is_admin = 1 WHERE name = 'ada'")
    plan = home.service.plan(backup.id, by="ada", carry_account="ada")
    assert plan.warnings == ()


# --- live data that cannot be copied -------------------------------------------------------


def test_live_data_that_cannot_be_backed_up_is_kept_as_files_and_replaced(home: House) -> None:
    before = digest(home.live)
    good = home.create()
    lose_an_index_entry(home)
    with pytest.raises(SourceDatabaseError) as refused:
        home.create()
    assert refused.value.is_damaged
    outcome = home.service.restore(good.id, by="ada", keep_schedule=False)
    assert digest(home.live) == before
    assert outcome.raw_copy_path
    assert (outcome.raw_copy_path / home.live.name).exists()
    assert home.create().is_good


def test_what_cannot_be_backed_up_never_goes_live(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = make_copy(home.live, home.root / "copy.db")

    def refuse(*_: object, **_how: object) -> None:
        raise sqlite3.OperationalError("there is already another table or index with this name")

    monkeypatch.setattr("launcher.backup.examine.rewrite", sqlite_copy.copy_errors(copy)(refuse))
    before = home.facts()
    for offer in (home.service.import_, home.service.restore, home.service.plan):
        with pytest.raises(DatabaseCorruptError, match="another table or index"):
            offer(copy, by="ada")
    assert home.facts() == before


# --- tools ---------------------------------------------------------------------------------


def said(warnings: Iterable[Fault]) -> list[str]:
    return list(map(str, warnings))


def execute(home: House, script: str) -> None:
    connection = sqlite3.connect(home.live, isolation_level=None)
    connection.executescript(script)
    connection.close()


def with_schema(where: House | Path, statement: str, *values: str) -> None:
    path = where.live if isinstance(where, House) else where
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute(statement, values)
    connection.close()


def hide_a_table(home: House) -> None:
    """Give a table the name of an index; SQLite allows that where the index comes later."""
    execute(home, HIDDEN[1])
    with_schema(home, "UPDATE sqlite_schema SET rowid = 1000 WHERE name = 'note_body'")
    with_schema(
        home,
        "UPDATE sqlite_schema SET name = 'note_body', tbl_name = 'note_body', sql = ?"
        " WHERE name = 'other'",
        HIDDEN[0],
    )


def lose_an_index_entry(home: House) -> None:
    """Insert a second "ada" while the unique index of the names is out of sight."""
    connection = sqlite3.connect(home.live, isolation_level=None)
    connection.execute("PRAGMA writable_schema=ON")
    row = connection.execute(
        "SELECT rowid, type, name, tbl_name, rootpage, sql FROM sqlite_schema"
        " WHERE name = 'sqlite_autoindex_person_1'"
    ).fetchone()
    table = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'person'").fetchone()[0]
    connection.execute("DELETE FROM sqlite_schema WHERE rowid = ?", (row[0],))
    connection.execute(
        "UPDATE sqlite_schema SET sql = replace(sql, ' UNIQUE', '') WHERE name = 'person'"
    )
    connection.close()
    home.run("INSERT INTO person (name, password, is_admin) VALUES ('ada', 'x', 0)")
    connection = sqlite3.connect(home.live, isolation_level=None)
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute(
        "INSERT INTO sqlite_schema (rowid, type, name, tbl_name, rootpage, sql)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        row,
    )
    connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'person'", (table,))
    connection.close()


def older_backup(home: House, monkeypatch: pytest.MonkeyPatch) -> Backup:
    """Make a backup of all that is there, as it was made before."""

    def unexamined(path: Path, **_: object) -> Checked:
        return Checked(path, True, 4096, path.stat().st_size, "0003", (), {})

    with monkeypatch.context() as before:
        before.setattr("launcher.backup.create._has_foreign", lambda *_: False)
        before.setattr("launcher.backup.create.remove_foreign", lambda *_, **_how: ())
        before.setattr("launcher.backup.create.examine", unexamined)
        return home.create()
