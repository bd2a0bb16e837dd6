"""A Launcher of the first schema comes to ours with all it had, and so do its backups."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import Connection

from launcher import migrations
from launcher.audit import COMMAND_LINE
from launcher.backup.errors import BackupError
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Kind, State
from launcher.backup.records.schema import SchemaObject
from launcher.backup.records.survey import Migration
from launcher.backup.service import BackupService
from launcher.current import current_backups
from launcher.db.content import LauncherContent
from launcher.db.settings import change_settings, current_settings
from tests.conftest import MakeApp
from tests.support.schema import make_database, run

REHEARSAL = "SELECT backup_restore_test FROM system_settings"
SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema"
OURS = set(LauncherContent().expected_schema(migrations.head()))
STEPS = tuple(Migration(step.id, step.title) for step in migrations.revisions()[1:])


@pytest.fixture
def live(data_dir: Path) -> Path:
    """The data of a Launcher of the first schema."""
    return make_database(data_dir / "launcher.db", revision="0001")


@pytest.fixture
def old_app(live: Path, make_app: MakeApp) -> Flask:
    """Our application, started on it."""
    app = make_app(scheduler="off")
    done = app.test_cli_runner().invoke(args=["database", "upgrade"])
    assert done.exit_code == 0
    assert re.search(r"Backup created before: \S+", done.stderr)
    return app


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    """A database of the first schema from another host."""
    path = make_database(tmp_path / "elsewhere.db", revision="0001")
    run(path, "PRAGMA journal_mode=DELETE")
    return path


@pytest.fixture
def service(app: Flask, cast: object) -> BackupService:
    with app.app_context():
        return current_backups()


def test_the_first_start_of_ours_makes_a_backup_and_then_upgrades(
    old_app: Flask, live: Path
) -> None:
    with old_app.app_context():
        service = current_backups()
        (backup,) = service.list()
        assert (backup.kind, backup.schema_revision) == (Kind.UPGRADE, "0001")
        assert service.verify(backup.id, by="ada").verification.state is State.VERIFIED
        assert current_settings().backup_restore_test == "weekly"
        assert current_settings().site_name == "Of old"
    assert {SchemaObject(*row) for row in run(live, SCHEMA)} == OURS


def test_before_the_upgrade_a_command_says_what_to_do(live: Path, make_app: MakeApp) -> None:
    done = make_app().test_cli_runner().invoke(args=["jobs", "run", "scrub"])
    assert done.exit_code != 0
    assert "`flask database upgrade`" in done.stderr


def test_a_backup_of_an_upgraded_database_is_as_good_as_any(old_app: Flask, live: Path) -> None:
    with old_app.app_context():
        service = current_backups()
        made = service.create(by="ada")
        assert made.schema_revision == migrations.head()
        assert service.test_restore(made.id, by="ada").migrations == ()
        service.restore(made.id, by="ada")
        copy = service.export(made.id, live.parent / "copy.db", by="ada")
        assert service.import_(copy, by="ada").is_good


def test_the_backup_from_before_the_upgrade_can_be_restored(old_app: Flask, live: Path) -> None:
    with old_app.app_context():
        service = current_backups()
        (backup,) = service.list()
        plan = service.plan(backup.id, by="ada")
        assert (plan.schema_revision, plan.migrations) == ("0001", STEPS)
        service.restore(backup.id, by="ada", keep_schedule=False)
    assert run(live, REHEARSAL) == [("weekly",)]
    assert {SchemaObject(*row) for row in run(live, SCHEMA)} == OURS


@pytest.mark.parametrize(("keeps", "restore_test"), [(True, "monthly"), (False, "weekly")])
def test_a_file_of_the_first_schema_comes_in_and_the_restore_test_is_part_of_the_schedule(
    app: Flask,
    service: BackupService,
    data_dir: Path,
    old_file: Path,
    *,
    keeps: bool,
    restore_test: str,
) -> None:
    with app.app_context():
        change_settings({"backup_restore_test": "monthly"}, actor=COMMAND_LINE)
    backup = service.import_(old_file, by="ada")
    assert (backup.schema_revision, backup.is_good) == ("0001", True)

    plan = service.plan(backup.id, by="ada", keep_schedule=keeps)
    assert plan.schedule_now is not None
    assert plan.schedule_then is not None
    assert plan.schedule_now["backup_restore_test"] == "monthly"
    assert plan.schedule_then["backup_restore_test"] == restore_test
    service.restore(backup.id, by="ada", keep_schedule=keeps)
    assert run(data_dir / "launcher.db", REHEARSAL) == [(restore_test,)]
    assert run(data_dir / "launcher.db", "SELECT site_name FROM system_settings") == [("Of old",)]


@pytest.mark.parametrize("revision", [each.id for each in migrations.revisions()])
def test_a_file_of_each_schema_so_far_can_be_restored(
    service: BackupService, tmp_path: Path, data_dir: Path, revision: str
) -> None:
    path = make_database(tmp_path / "elsewhere.db", revision=revision)
    run(path, "PRAGMA journal_mode=DELETE")
    service.restore(service.import_(path, by="ada").id, by="ada")
    live = data_dir / "launcher.db"
    assert {SchemaObject(*row) for row in run(live, SCHEMA)} == OURS
    assert run(live, "SELECT site_name FROM system_settings") == [("Of old",)]


def test_a_file_of_a_schema_to_come_is_refused(
    service: BackupService, old_file: Path, data_dir: Path
) -> None:
    later = f"{int(migrations.head()) + 1:04}"
    run(old_file, f"UPDATE alembic_version SET version_num = '{later}'")
    with pytest.raises(BackupError, match=later):
        service.import_(old_file, by="ada")


def test_a_file_that_claims_ours_and_has_the_old_table_is_refused(
    service: BackupService, old_file: Path
) -> None:
    run(old_file, f"UPDATE alembic_version SET version_num = '{migrations.head()}'")
    with pytest.raises(BackupError, match="differs from ours"):
        service.import_(old_file, by="ada")


def test_the_command_sets_how_often_a_restore_is_tested(runner: FlaskCliRunner) -> None:
    done = runner.invoke(args=["settings", "set", "backup_restore_test", "daily"])
    assert (done.exit_code, done.stderr) == (0, "backup_restore_test is now daily (was weekly)\n")
    assert "0 4 * * * (UTC)" in runner.invoke(args=["jobs", "list"]).stdout
    runner.invoke(args=["settings", "set", "backup_restore_test", "off"])
    assert runner.invoke(args=["settings", "get", "backup_restore_test"]).stdout == "off\n"
    assert re.search(r"restore-test +off", runner.invoke(args=["jobs", "list"]).stdout)


DANGLING = """
    INSERT INTO api_tokens (user_id, name, prefix, token_sha256, scope, created_at)
    VALUES (99, 'of nobody', 'x', 'x', 'read', '2026-11-22 12:00:00.000000')"""
UPGRADE = ["database", "upgrade"]


def test_rows_that_pointed_nowhere_before_the_upgrade_are_a_warning(
    live: Path, make_app: MakeApp
) -> None:
    run(live, DANGLING)
    app = make_app(scheduler="off")
    done = app.test_cli_runner().invoke(args=UPGRADE)
    assert done.exit_code == 0
    assert "Warning: rows point to rows that do not exist: api_tokens (1)." in done.stderr
    assert run(live, "SELECT version_num FROM alembic_version") == [(migrations.head(),)]
    with app.app_context():
        service = current_backups()
        outcome = service.restore(service.list()[0].id, by="ada")
        assert [warning.reason for warning in outcome.warnings] == [Reason.DANGLING_ROWS]


def test_an_upgrade_that_fails_says_so_on_every_door_and_makes_one_backup(
    live: Path, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(scheduler="off")
    flask, browser = app.test_cli_runner(), app.test_client()
    before = run(live, "SELECT * FROM users")

    upgrade = migrations.upgrade

    def fail(connection: Connection, revision: str = "head") -> None:
        if revision == "head":
            raise RuntimeError("half way")
        upgrade(connection, revision)  # to learn what a schema of old looks like

    with monkeypatch.context() as broken:
        broken.setattr(migrations, "upgrade", fail)
        for more, code in ([], 18), ([], 18), (["--before-serving"], 0):
            done = flask.invoke(args=[*UPGRADE, *more])
            assert (done.exit_code, done.stdout) == (code, "")
            assert "could not be upgraded from schema 0001 to" in done.stderr
            assert "half way" in done.stderr
            assert "`flask database upgrade`" in done.stderr
    with app.app_context():
        assert [backup.kind for backup in current_backups().list()] == [Kind.UPGRADE]
    assert run(live, "SELECT * FROM users") == before

    for path in ("/", "/login", "/admin/backups"):
        answer = browser.get(path)
        assert answer.status_code == 503, path
        assert "The database could not be upgraded" in answer.text
        assert "half way" in answer.text
        assert "flask database upgrade" in answer.text
    assert browser.get("/healthz").status_code == 503
    status = flask.invoke(args=["backup", "status"])
    assert status.exit_code == 18
    assert "half way" in status.stdout

    assert flask.invoke(args=UPGRADE).exit_code == 0
    assert browser.get("/login").status_code == 200
    assert flask.invoke(args=["backup", "status"]).exit_code == 0


def test_the_pages_of_an_older_version_name_the_newer_one(app: Flask, data_dir: Path) -> None:
    run(data_dir / "launcher.db", "UPDATE alembic_version SET version_num = '9999'")
    answer = app.test_client().get("/login")
    assert answer.status_code == 503
    assert "The database is from a newer version of Launcher" in answer.text
