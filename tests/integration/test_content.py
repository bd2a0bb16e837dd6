"""What the core is told of our tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from launcher.accounts import users
from launcher.audit import COMMAND_LINE
from launcher.config import ROOT
from launcher.db.content import APP_VERSION, LauncherContent
from launcher.extensions import db
from launcher.models import ApiToken, App, Board, TokenScope, User
from launcher.settings.table import SETTINGS

NOW = datetime(2026, 11, 22, 13, 7, tzinfo=UTC)
SCHEDULE = {
    "backup_enabled": False,
    "backup_cron_expression": "@weekly",
    "backup_max_count": 3,
    "backup_keep_daily": 4,
    "backup_keep_weekly": 5,
    "backup_keep_monthly": 6,
    "backup_restore_test": "off",
}


@pytest.fixture
def content() -> LauncherContent:
    return LauncherContent(clock=lambda: NOW)


@pytest.fixture
def database(app: Flask, cast: object, data_dir: Path) -> Iterator[sqlite3.Connection]:
    with app.app_context():
        ada = users.find_user("ada")
        db.session.add(App(name="Jellyfin", url="https://jellyfin.home.arpa"))
        db.session.add(Board(slug="home", name="Home", owner=ada))
        for name, expires_at in (("phone", None), ("old", NOW)):
            token = ApiToken(user=ada, name=name, prefix="lnch_ab", token_sha256=name)
            token.scopes, token.expires_at = frozenset({TokenScope.STATUS}), expires_at
            db.session.add(token)
        db.session.commit()
    with closing(sqlite3.connect(data_dir / "launcher.db", isolation_level=None)) as connection:
        yield connection


def test_a_survey_counts_and_names_what_is_there(
    content: LauncherContent, database: sqlite3.Connection
) -> None:
    survey = content.survey(database)
    assert survey.rows["users"] == 3
    assert survey.rows["apps"] == survey.rows["boards"] == survey.rows["system_settings"] == 1
    assert survey.rows["probes"] == 0
    assert "alembic_version" not in survey.rows
    assert survey.names == {
        "app": ("Jellyfin",),
        "board": ("Home",),
        "group": (),
        "user": ("ada", "ben", "chloe"),
    }
    assert survey.admins == ("ada",)
    assert list(survey.api_tokens.values()) == ["phone (lnch_ab…)"]
    assert survey.site_name == "Launcher"
    assert survey.schedule == {name: SETTINGS[name].default for name in SCHEDULE}


def test_a_survey_can_leave_the_counting_out(
    content: LauncherContent, database: sqlite3.Connection
) -> None:
    quick = content.survey(database, count_rows=False)
    assert not quick.rows
    assert replace(content.survey(database), rows={}) == quick


def test_a_mark_changes_with_the_password_and_gives_no_hash_away(
    app: Flask, content: LauncherContent, database: sqlite3.Connection
) -> None:
    before = content.survey(database).password_versions
    with app.app_context():
        ben = users.find_user("ben")
        assert before["ben"] not in ben.password_hash
        users.set_password(ben, "another long one", actor=COMMAND_LINE)
    after = content.survey(database).password_versions
    assert {name for name in before if before[name] != after[name]} == {"ben"}


def test_preparing_writes_the_epoch_and_the_schedule(
    content: LauncherContent, database: sqlite3.Connection
) -> None:
    content.prepare(database, epoch="new", schedule=SCHEDULE, account=None)
    survey = content.survey(database)
    assert (survey.epoch, survey.schedule) == ("new", SCHEDULE)
    assert not database.in_transaction


def test_preparing_keeps_the_schedule_unless_asked(
    content: LauncherContent, database: sqlite3.Connection
) -> None:
    before = content.survey(database).schedule
    content.prepare(database, epoch="new", schedule=None, account=None)
    assert content.survey(database).schedule == before


def test_an_account_is_carried_in_where_no_one_has_the_name(
    content: LauncherContent, database: sqlite3.Connection
) -> None:
    account = content.account(database, "ADA")
    assert account is not None
    database.execute("DELETE FROM users")
    content.prepare(database, epoch="new", schedule=None, account=account)
    assert content.survey(database).admins == ("ada",)
    assert content.account(database, "ada") == account


def test_a_carried_account_takes_another_id_when_its_own_is_taken(
    content: LauncherContent, database: sqlite3.Connection
) -> None:
    account = content.account(database, "ada")
    database.execute("UPDATE users SET username = 'eve', role = 'viewer' WHERE username = 'ada'")
    content.prepare(database, epoch="new", schedule=None, account=account)
    assert content.survey(database).names["user"] == ("ada", "ben", "chloe", "eve")


def test_a_carried_account_replaces_its_namesake_and_keeps_what_that_one_owns(
    app: Flask, content: LauncherContent, database: sqlite3.Connection
) -> None:
    account = content.account(database, "ada")
    database.execute(
        "UPDATE users SET role = 'viewer', is_active = 0, password_hash = 'x' "
        "WHERE username = 'ada'"
    )
    content.prepare(database, epoch="new", schedule=None, account=account)
    assert content.account(database, "ada") == account
    with app.app_context():
        assert db.session.query(Board).one().owner.username == "ada"


@pytest.mark.parametrize("username", ["ben", "nobody"])
def test_only_an_active_admin_can_be_carried(
    content: LauncherContent, database: sqlite3.Connection, username: str
) -> None:
    assert content.account(database, username) is None


def test_a_failed_preparation_changes_nothing(
    content: LauncherContent, database: sqlite3.Connection
) -> None:
    before = content.survey(database)
    account = dict(content.account(database, "ada") or {}) | {"theme": "pink"}
    with pytest.raises(sqlite3.IntegrityError):
        content.prepare(database, epoch="new", schedule=SCHEDULE, account=account)
    assert content.survey(database) == before
    assert not database.in_transaction


def test_a_revision_that_we_do_not_know_has_no_steps(content: LauncherContent) -> None:
    assert content.pending(content.head) == ()
    assert content.pending("9999") is None
    assert content.pending("") is None


def test_a_database_without_revision_says_so(content: LauncherContent) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        assert content.revision(connection) == ""


def test_the_version_is_that_of_the_project() -> None:
    assert f'version = "{APP_VERSION}"' in (ROOT / "pyproject.toml").read_text()


def test_an_admin_is_a_user_of_the_role(app: Flask, cast: object) -> None:
    with app.app_context():
        assert [user.is_admin for user in users.all_users()] == [True, False, False]
        assert [user.may_edit for user in users.all_users()] == [True, True, False]
        assert db.session.query(User).count() == 3


def test_a_database_without_its_settings_is_not_prepared(
    content: LauncherContent, database: sqlite3.Connection
) -> None:
    before = database.execute("SELECT * FROM users").fetchall()
    database.execute("DELETE FROM system_settings")
    with pytest.raises(LookupError, match="it holds no settings"):
        content.prepare(database, epoch="new", schedule=None, account=None)
    assert database.execute("SELECT * FROM users").fetchall() == before
    assert not database.in_transaction


def test_a_second_row_of_settings_is_not_taken_for_the_first(
    content: LauncherContent, database: sqlite3.Connection
) -> None:
    columns = [row[1] for row in database.execute("PRAGMA table_info(system_settings)")]
    others = ", ".join(name for name in columns if name not in {"id", "site_name"})
    database.execute("PRAGMA ignore_check_constraints=ON")
    database.execute(
        f"INSERT INTO system_settings (id, site_name, {others})"
        f" SELECT 0, 'Another', {others} FROM system_settings"
    )
    content.prepare(database, epoch="new", schedule=SCHEDULE, account=None)
    survey = content.survey(database)
    assert (survey.epoch, survey.schedule) == ("new", SCHEDULE)
    assert survey.site_name != "Another"


def test_a_database_with_two_revisions_has_none(
    content: LauncherContent, database: sqlite3.Connection
) -> None:
    database.execute("INSERT INTO alembic_version VALUES ('zzzz')")
    assert content.revision(database) == ""


def test_an_account_that_is_neither_active_nor_not_is_no_admin(
    content: LauncherContent, database: sqlite3.Connection
) -> None:
    database.execute("PRAGMA ignore_check_constraints = ON")
    database.execute("UPDATE users SET is_active = 7 WHERE username = 'ada'")
    assert not content.has_admin(database)
    assert content.survey(database).admins == ()
