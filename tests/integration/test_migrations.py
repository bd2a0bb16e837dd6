"""The schema grows by revisions that are all or nothing, and says what the models say."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from launcher import migrations, models
from launcher.backup.records.schema import SchemaObject
from launcher.db import content as content_module
from launcher.db.content import APPLICATION_ID, ForeignKeyError, LauncherContent
from launcher.extensions import Base
from launcher.settings.table import SETTINGS

HEAD = migrations.head()
NEXT = f"{int(HEAD) + 1:04}"
STEP = '''"""A further step"""
from alembic import op
revision = "{revision}"
down_revision = "{down_revision}"
def upgrade():
    op.execute("CREATE TABLE extra (id INTEGER NOT NULL PRIMARY KEY)")
    {more}
'''


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database at our revision, with an app in it."""
    path = tmp_path / "launcher.db"
    path.touch()
    LauncherContent().migrate(path)
    run(path, INSERT_APP)
    return path


INSERT_APP = """
    INSERT INTO apps (name, description, url, url_local, icon, letters, keywords,
                      created_at, updated_at, revision)
    VALUES ('Jellyfin', '', 'https://jellyfin.home.arpa', '', '', '', '',
            '2026-11-22 12:00:00.000000', '2026-11-22 12:00:00.000000', 1)"""


def run(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


@pytest.fixture
def add_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Give the schema one more revision, for this test."""

    def add(more: str = "") -> None:
        folder = tmp_path / "migrations"
        shutil.copytree(Path(migrations.__file__).parent, folder)
        step = STEP.format(revision=NEXT, down_revision=HEAD, more=more)
        (folder / "versions" / f"{NEXT}_a_further_step.py").write_text(step)
        monkeypatch.setattr(migrations, "_FOLDER", folder)
        forget()

    def forget() -> None:
        migrations.revisions.cache_clear()
        content_module._expected_schema.cache_clear()

    yield add
    monkeypatch.undo()
    forget()


def sql_of(revision: str, table: str) -> str:
    schema = LauncherContent().expected_schema(revision)
    return next((each.sql or "" for each in schema if each.name == table), "")


def test_the_models_and_the_migrations_agree() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        migrations.upgrade(connection)
        options = {"compare_type": True, "compare_server_default": has_default}
        context = MigrationContext.configure(connection, opts=options)
        found = compare_metadata(context, Base.metadata)
        # SQLAlchemy does not read the options of a key that was added with its column.
        assert [each for each in found if not each[0].endswith("_fk")] == []
        for table in Base.metadata.sorted_tables:
            keys = connection.exec_driver_sql(f"PRAGMA foreign_key_list({table.name})")
            assert {(key[3], key[2], key[4], key[6]) for key in keys} == foreign_keys(table), table


def foreign_keys(table: sa.Table) -> set[tuple[str, str, str, str]]:
    return {
        (key.parent.name, key.column.table.name, key.column.name, key.ondelete or "NO ACTION")
        for key in table.foreign_keys
    }


def has_default(context: object, inspected: object, column: sa.Column, *_: object) -> bool | None:
    """Compare all but the settings: a new one is what its migration says, and see below."""
    return False if column.table.name == "system_settings" else None


def test_every_model_can_be_distinguished_from_the_next() -> None:
    tables = {getattr(models, name).__tablename__ for name in models.__all__ if is_row(name)}
    assert tables == set(Base.metadata.tables)


def is_row(name: str) -> bool:
    return hasattr(getattr(models, name), "__tablename__")


@pytest.mark.parametrize(
    ("table", "column", "members"),
    [
        ("users", "role", models.Role),
        ("users", "theme", models.Theme),
        ("boards", "visibility", models.Visibility),
        ("health_checks", "kind", models.CheckKind),
        ("health_checks", "method", models.CheckMethod),
        ("check_states", "state", models.Health),
    ],
)
def test_the_database_allows_the_members_that_the_model_knows(
    table: str, column: str, members: type
) -> None:
    sql = sql_of(HEAD, table)
    allowed = ", ".join(f"'{member.value}'" for member in members)
    assert f"CHECK ({column} IN ({allowed}))" in sql


def test_the_database_allows_the_choices_that_the_settings_know() -> None:
    sql = sql_of(HEAD, "system_settings")
    allowed = ", ".join(f"'{value}'" for value in SETTINGS["backup_restore_test"].kind.values)
    assert f"CHECK (backup_restore_test IN ({allowed}))" in sql


def test_the_first_settings_are_the_defaults(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        row = connection.execute("SELECT * FROM system_settings").fetchone()
    assert {name: row[name] for name in SETTINGS} == {
        name: setting.default for name, setting in SETTINGS.items()
    }
    assert len(row["session_epoch"]) == 32


def test_there_is_one_row_of_settings_for_ever(path: Path) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="CHECK constraint failed: id = 1"):
        run(path, "UPDATE system_settings SET id = 2")


def test_a_new_database_is_marked_as_ours(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_database_at_head_is_left_alone(path: Path) -> None:
    before = path.read_bytes()
    LauncherContent().migrate(path)
    assert path.read_bytes() == before


def test_the_revisions_are_those_that_alembic_would_run() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())
    assert [step.id for step in migrations.revisions()] == [s.revision for s in reversed(scripts)]
    assert all(step.title for step in migrations.revisions())


def test_there_is_no_trigger_view_or_virtual_table() -> None:
    schema = LauncherContent().expected_schema(migrations.head())
    for sql in filter(None, (each.sql for each in schema)):
        assert sql.startswith(("CREATE TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX "))
        assert "AUTOINCREMENT" not in sql


def test_the_expected_schema_is_what_a_real_file_has(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall()
    assert {SchemaObject(*row) for row in rows} == set(LauncherContent().expected_schema(HEAD))


def test_the_written_schema_is_what_the_migrations_make() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        migrations.upgrade(connection)
        rows = connection.exec_driver_sql(
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"
        ).fetchall()
    text = ";\n\n".join(sql for (sql,) in rows)
    # To write it again: replace all below its first line by what the assertion shows.
    assert migrations.written_schema(HEAD) == (
        f"-- Revision {HEAD}. Written by the migrations; never edited by hand.\n\n{text};\n"
    )


def test_an_older_database_is_brought_up(path: Path, add_step) -> None:
    add_step()
    content = LauncherContent()
    assert [(step.revision, step.title) for step in content.pending(HEAD)] == [
        (NEXT, "A further step")
    ]
    content.migrate(path)
    with closing(sqlite3.connect(path)) as connection:
        assert content.revision(connection) == content.head == NEXT
        assert connection.execute("SELECT name FROM apps").fetchall() == [("Jellyfin",)]
    assert sql_of(NEXT, "extra")
    assert not sql_of(HEAD, "extra")


def test_a_step_that_fails_leaves_the_database_as_it_was(path: Path, add_step) -> None:
    before = dump(path)
    add_step('raise RuntimeError("half way")')
    with pytest.raises(RuntimeError, match="half way"):
        LauncherContent().migrate(path)
    assert dump(path) == before


def test_a_first_migration_that_fails_leaves_an_empty_file(tmp_path: Path, add_step) -> None:
    path = tmp_path / "new.db"
    path.touch()
    add_step('raise RuntimeError("half way")')
    with pytest.raises(RuntimeError, match="half way"):
        LauncherContent().migrate(path)
    assert [line for line in dump(path) if line.startswith("CREATE")] == []


def test_a_step_that_leaves_rows_pointing_nowhere_is_undone(path: Path, add_step) -> None:
    before = dump(path)
    add_step('op.execute("UPDATE apps SET icon_media_id = 99")')
    with pytest.raises(ForeignKeyError, match="apps points to a row of media"):
        LauncherContent().migrate(path)
    assert dump(path) == before


def test_it_never_makes_a_database_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(sa.exc.OperationalError, match="unable to open database file"):
        LauncherContent().migrate(tmp_path / "lost.db")
    assert not (tmp_path / "lost.db").exists()


def test_the_first_board_of_older_data_stays_the_home_board(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'old.db'}", poolclass=sa.NullPool)
    with engine.begin() as connection:
        migrations.upgrade(connection, "0004")
        for id_, slug, position in ((1, "work", 1), (2, "home", 0)):
            connection.exec_driver_sql(
                "INSERT INTO boards (id, slug, name, visibility, position, created_at, updated_at,"
                " revision) VALUES (?, ?, ?, 'members', ?, '2026-11-22 12:00:00.000000',"
                " '2026-11-22 12:00:00.000000', 1)",
                (id_, slug, slug, position),
            )
        migrations.upgrade(connection)
        homes = connection.exec_driver_sql("SELECT slug FROM boards WHERE is_home").all()
    assert [slug for (slug,) in homes] == ["home"]
