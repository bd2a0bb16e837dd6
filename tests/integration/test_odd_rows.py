"""Whatever a restored database holds, its rows can be read, and what was replaced is named."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskCliRunner

from launcher.backup.reasons import Reason
from launcher.db.content import LauncherContent
from launcher.db.rows import NAME_LENGTH
from launcher.db.token_rows import read_tokens
from launcher.extensions import db
from launcher.models.types import Model, utc_now
from launcher.settings.table import SETTINGS
from tests.support.odd_rows import ODD_VALUES, OddCell, fill_empty_tables, odd_cells, write_odd


@pytest.fixture
def filled(app: Flask, cast: object, data_dir: Path) -> Path:
    path = data_dir / "launcher.db"
    fill_empty_tables(path)
    return path


def digest(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as database:
        return {
            table.name: database.execute(f"SELECT * FROM {table.name}").fetchall()
            for table in Model.metadata.sorted_tables
            if table.name != "sign_in_failures"
        }


def mend(path: Path) -> dict[str, str]:
    """Mend the rows; return reason → what it names."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        known = {each.version for each in read_tokens(database, at=utc_now())}
        faults = LauncherContent().prepare(
            database, epoch="new", schedule=None, account=None, is_own=False, known_tokens=known
        )
    return {fault.reason: " ".join(map(str, fault.facts.values())) for fault in faults}


def test_rows_of_launcher_itself_are_left_alone(filled: Path) -> None:
    assert mend(filled) == {}
    before = digest(filled)
    assert mend(filled) == {}
    assert digest(filled) == before


def test_odd_values_of_our_own_backup_come_back_as_they_were(
    filled: Path, runner: FlaskCliRunner
) -> None:
    write_odd(filled, [OddCell("apps", "description", "a BLOB", is_key=False)])
    before = digest(filled)["apps"]
    assert runner.invoke(args=["backup", "create"]).exit_code == 0
    with closing(sqlite3.connect(filled)) as database, database:
        database.execute("UPDATE apps SET description = 'changed'")
    result = runner.invoke(args=["backup", "restore", "latest", "--yes"])
    assert result.exit_code == 0, result.output
    assert digest(filled)["apps"] == before


@pytest.mark.parametrize("value", ODD_VALUES)
def test_every_row_is_read_after_an_odd_value_in_any_column(
    app: Flask, filled: Path, value: str
) -> None:
    cells = [cell for cell in odd_cells([value]) if not cell.is_key]
    write_odd(filled, cells)
    mend(filled)
    assert mend(filled) == {}, "once is enough"
    with closing(sqlite3.connect(filled)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        database.execute("VACUUM")
    with app.app_context():
        for mapper in Model.registry.mappers:
            assert db.session.scalars(sa.select(mapper)).all() or "failures" in str(mapper)


@pytest.mark.parametrize(
    ("table", "column", "value", "named"),
    [
        ("users", "theme", "garbage", "users.theme"),
        ("users", "display_name", "a BLOB", "users.display_name"),
        ("apps", "name", "invalid UTF-8", "apps.name"),
        ("apps", "created_at", "garbage", "apps.created_at"),
        ("apps", "revision", "the largest number", "apps.revision"),
        ("audit_events", "changes", "broken JSON", "audit_events.changes"),
        ("media", "content", "garbage", "media.content"),
        ("probes", "at", "garbage", "probes.at"),
    ],
)
def test_what_was_replaced_is_named(
    filled: Path, table: str, column: str, value: str, named: str
) -> None:
    write_odd(filled, [OddCell(table, column, value, is_key=column == "at")])
    assert re.fullmatch(rf"{named} \(\d+\)", mend(filled)[Reason.ODD_VALUES])


def test_a_text_keeps_what_can_be_read_of_it(filled: Path) -> None:
    with closing(sqlite3.connect(filled)) as database, database:
        database.execute("UPDATE apps SET name = CAST(x'4772c3bcc39fff65' AS TEXT)")
    mend(filled)
    with closing(sqlite3.connect(filled)) as database:
        assert database.execute("SELECT DISTINCT name FROM apps").fetchall() == [("Grüß�e",)]


def test_a_name_without_end_is_cut(filled: Path) -> None:
    with closing(sqlite3.connect(filled)) as database, database:
        database.execute("UPDATE apps SET name = replace(hex(zeroblob(5000000)), '0', 'x')")
    assert "apps.name" in mend(filled)[Reason.ODD_VALUES]
    with closing(sqlite3.connect(filled)) as database:
        assert database.execute("SELECT max(length(name)) FROM apps").fetchone()[0] <= NAME_LENGTH


def test_names_that_become_alike_stay_apart(filled: Path) -> None:
    with closing(sqlite3.connect(filled)) as database, database:
        for number in range(2):
            database.execute(
                "UPDATE users SET username = CAST(x'61' || ? AS TEXT) WHERE id ="
                " (SELECT id FROM users ORDER BY id LIMIT 1 OFFSET ?)",
                (bytes([0xFE + number]), number),
            )
    mend(filled)
    with closing(sqlite3.connect(filled)) as database:
        names = [row[0] for row in database.execute("SELECT username FROM users ORDER BY id")]
    assert names[0] == "a�"
    assert names[1].startswith("a�-")


def test_a_name_that_becomes_like_two_others_stays_apart(filled: Path) -> None:
    with closing(sqlite3.connect(filled)) as database, database:
        database.execute(
            "INSERT INTO tags (id, name) VALUES (50, 't' || char(0)), (51, 't'), (52, 't-50')"
        )
    assert mend(filled) == {Reason.ODD_VALUES: "tags.name (1)"}
    with closing(sqlite3.connect(filled)) as database:
        names = {row[0] for row in database.execute("SELECT name FROM tags WHERE id >= 50")}
    assert len(names) == 3
    assert {"t", "t-50"} < names


def test_who_has_an_odd_role_may_do_least(filled: Path) -> None:
    write_odd(filled, [OddCell("users", "role", "garbage", is_key=False)])
    mend(filled)
    with closing(sqlite3.connect(filled)) as database:
        assert database.execute("SELECT DISTINCT role FROM users").fetchall() == [("viewer",)]


def test_a_hash_that_costs_more_than_ours_is_removed_and_its_owner_is_no_admin(
    filled: Path,
) -> None:
    costly = PasswordHasher(memory_cost=65_537).hash("a long password")
    with closing(sqlite3.connect(filled)) as database, database:
        database.execute("UPDATE users SET password_hash = ? WHERE username = 'ada'", (costly,))
        database.execute("UPDATE users SET password_hash = 'md5' WHERE username = 'ben'")
    assert mend(filled) == {Reason.PASSWORDS_REMOVED: "2"}
    with closing(sqlite3.connect(filled)) as database:
        assert "ada" not in LauncherContent().survey(database).admins


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_that_may_not_have_its_value_gets_its_default(filled: Path, name: str) -> None:
    write_odd(filled, [OddCell("system_settings", name, "a BLOB", is_key=False)])
    assert mend(filled) == {Reason.ODD_SETTINGS: name}
    with closing(sqlite3.connect(filled)) as database:
        value = database.execute(f"SELECT {name} FROM system_settings").fetchone()[0]
    assert value == SETTINGS[name].default


def test_failures_of_sign_in_are_not_restored(filled: Path) -> None:
    with closing(sqlite3.connect(filled)) as database, database:
        database.execute(
            "INSERT OR REPLACE INTO sign_in_failures VALUES ('user:ada', 9, 99999999999)"
        )
    assert mend(filled) == {}
    with closing(sqlite3.connect(filled)) as database:
        assert database.execute("SELECT count(*) FROM sign_in_failures").fetchone() == (0,)


def test_the_plan_and_the_command_name_what_a_restore_replaces(
    filled: Path, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.db"
    with closing(sqlite3.connect(filled)) as database:
        database.execute("VACUUM INTO ?", (str(outside),))
    write_odd(outside, [OddCell("apps", "description", "a BLOB", is_key=False)])
    result = runner.invoke(args=["backup", "restore", str(outside), "--yes"])
    assert result.exit_code == 0, result.output
    assert "apps.description" in result.output
