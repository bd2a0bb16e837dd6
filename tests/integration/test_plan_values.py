"""What a plan compares: everything that a person sets, each in a field of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from launcher.accounts import users
from launcher.db.plan_values import SECTION, SITE, read_secrets, read_values
from launcher.extensions import db
from launcher.models import (
    Access,
    App,
    Board,
    BoardGroup,
    Group,
    HealthCheck,
    MaintenanceWindow,
    Media,
    Placement,
    Section,
    Tag,
)
from launcher.models.types import Model
from launcher.settings.table import SCHEDULE, SETTINGS

SET = [
    ("apps", "name", "'Films'", "app", "name"),
    ("apps", "url", "'https://films.home.arpa'", "app", "url"),
    ("apps", "url_local", "'http://10.0.0.2'", "app", "url_local"),
    ("apps", "description", "'Films'", "app", "description"),
    ("apps", "keywords", "'cinema'", "app", "keywords"),
    ("apps", "opens", "'new'", "app", "opens"),
    ("apps", "archived_at", "'2026-11-20 12:00:00.000000'", "app", "archived"),
    ("apps", "icon", "'symbol:tv'", "app", "icon"),
    ("apps", "icon_media_id", "(SELECT id FROM media)", "app", "icon"),
    ("apps", "letters", "'Js'", "app", "icon"),
    ("apps", "hue", "3", "app", "icon"),
    ("app_tags", "tag_id", "2", "app", "tags"),
    ("tags", "name", "'films'", "app", "tags"),
    ("health_checks", "kind", "'tcp'", "app", "kind"),
    ("health_checks", "target", "'other'", "app", "target"),
    ("health_checks", "url", "'https://b.home.arpa/api'", "app", "check_url"),
    ("health_checks", "method", "'GET'", "app", "method"),
    ("health_checks", "headers", "'{\"X-Key\": \"secret\"}'", "app", "headers"),
    ("health_checks", "interval_s", "90", "app", "interval_s"),
    ("health_checks", "timeout_ms", "5000", "app", "timeout_ms"),
    ("health_checks", "accept", "'200'", "app", "accept"),
    ("health_checks", "keyword", "'Films'", "app", "keyword"),
    ("health_checks", "is_keyword_absent", "1", "app", "is_keyword_absent"),
    ("health_checks", "verify", "'never'", "app", "verify"),
    ("health_checks", "ca_pem", "'-----BEGIN CERTIFICATE-----'", "app", "ca_pem"),
    ("health_checks", "follow_redirects", "0", "app", "follow_redirects"),
    ("health_checks", "retries", "5", "app", "retries"),
    ("health_checks", "slow_ms", "500", "app", "slow_ms"),
    ("health_checks", "is_enabled", "0", "app", "is_enabled"),
    ("health_checks", "is_notifying", "0", "app", "is_notifying"),
    ("health_checks", "notify_after_min", "9", "app", "notify_after_min"),
    ("health_checks", "paused_until", "'2999-01-01 08:00:00.000000'", "app", "paused_until"),
    ("maintenance_windows", "days", "'5'", "app", "maintenance"),
    ("maintenance_windows", "starts_at_min", "61", SITE, "maintenance_for_all"),
    ("maintenance_windows", "minutes", "90", SITE, "maintenance_for_all"),
    ("checks_run", "paused_until", "'2999-01-01 08:00:00.000000'", SITE, "checks_paused_until"),
    ("boards", "name", "'Our home'", "board", "name"),
    ("boards", "slug", "'ours'", "board", "slug"),
    ("boards", "visibility", "'public'", "board", "visibility"),
    ("boards", "owner_id", "(SELECT max(id) FROM users)", "board", "owner"),
    ("boards", "density", "'compact'", "board", "density"),
    ("boards", "columns", "4", "board", "columns"),
    ("board_groups", "access", "'view'", "board", "shared_with"),
    ("sections", "name", "'Films'", "board", "sections"),
    ("sections", "position", "1 - position", "board", "sections"),
    ("sections", "is_collapsed", "1", "board", "collapsed"),
    ("placements", "position", "1 - position", "board", SECTION + "Media"),
    ("placements", "section_id", "(SELECT max(id) FROM sections)", "board", SECTION + "Media"),
    ("user_groups", "name", "'Kin'", "group", "name"),
    ("group_members", "user_id", "(SELECT max(id) FROM users)", "group", "members"),
    ("users", "display_name", "'B'", "user", "display_name"),
    ("users", "email", "'b@home.arpa'", "user", "email"),
    ("users", "role", "'admin'", "user", "role"),
    ("users", "is_active", "0", "user", "is_active"),
    ("users", "locale", "'de'", "user", "locale"),
    ("users", "theme", "'dark'", "user", "theme"),
    ("users", "home_board_id", "(SELECT max(id) FROM boards)", "user", "own_home"),
    ("users", "open_new_tab", "1", "user", "open_new_tab"),
    ("users", "has_shortcuts", "0", "user", "has_shortcuts"),
    ("users", "counts_launches", "0", "user", "counts_launches"),
    ("boards", "position", "1 - position", SITE, "boards"),
    ("boards", "is_home", "slug = 'attic'", SITE, "home_board"),
]  # fmt: skip
"""Table, column and new value; the kind and the field that say so."""

LEFT_OUT = {
    "id", "created_at", "updated_at", "revision", "last_seen_at",  # no one sets them
    "is_sample", "apps.owner_id",  # follow from other changes
    "password_hash", "users.username",  # a plan has them elsewhere
    "app_tags.app_id", "board_groups.board_id", "board_groups.group_id", "group_members.group_id",
    "health_checks.app_id", "headers_for", "paused_by",
    "maintenance_windows.app_id", "offline_since", "written_at", "cost",
    "placements.app_id", "sections.board_id",  # what the row is about
}  # fmt: skip


@pytest.fixture
def database(app: Flask, cast: object, data_dir: Path) -> Iterator[sqlite3.Connection]:
    with app.app_context():
        ada, ben = users.find_user("ada"), users.find_user("ben")
        family = Group(name="Family", members=[ben])
        home = Board(slug="home", name="Home", owner=ada, position=0)
        home.groups = [BoardGroup(group=family, access=Access.EDIT)]
        home.sections = [Section(name="Media", position=0), Section(name="Work", position=1)]
        jellyfin = App(name="Jellyfin", url="https://a.home.arpa", tags=[Tag(name="media")])
        jellyfin.check = HealthCheck()
        kavita = App(name="Kavita", url="https://b.home.arpa")
        db.session.add_all(
            [
                home,
                Board(slug="attic", name="Attic", position=1),
                Placement(section=home.sections[0], app=jellyfin, position=0),
                Placement(section=home.sections[0], app=kavita, position=1),
                Tag(name="work"),
                MaintenanceWindow(starts_at_min=180, minutes=60),
                Media(sha256="a" * 64, name="j.png", mime="image/png", size_bytes=1, content=b"x"),
            ]
        )
        db.session.flush()
        db.session.add(MaintenanceWindow(app_id=jellyfin.id, starts_at_min=180, minutes=60))
        db.session.commit()
    with closing(sqlite3.connect(data_dir / "launcher.db", isolation_level=None)) as connection:
        yield connection


def changed_fields(
    before: dict[str, dict[str, dict[str, str]]], after: dict[str, dict[str, dict[str, str]]]
) -> set[tuple[str, str]]:
    return {
        (kind, field)
        for kind in before
        for key in before[kind].keys() & after[kind].keys()
        for field in before[kind][key].keys() | after[kind][key].keys()
        if before[kind][key].get(field) != after[kind][key].get(field)
    }


@pytest.mark.parametrize("change", SET)
def test_what_a_person_sets_is_a_field(
    database: sqlite3.Connection, change: tuple[str, str, str, str, str]
) -> None:
    table, column, value, kind, field = change
    before = read_values(database)
    is_unique = table == "tags" or column == "slug"
    where = "WHERE id = 1" if is_unique else ""
    database.execute("PRAGMA foreign_keys = OFF")
    database.execute(f"UPDATE {table} SET {column} = {value} {where}")
    changed = changed_fields(before, read_values(database))  # type: ignore[arg-type]
    assert (kind, field) in changed


@pytest.mark.parametrize("name", sorted({*SETTINGS} - {*SCHEDULE}))
def test_every_setting_but_those_of_the_schedule_is_a_field(
    database: sqlite3.Connection, name: str
) -> None:
    before = read_values(database)
    default = SETTINGS[name].default
    switched = f"1 - {name}" if isinstance(default, bool) else f"{name} + 1"
    value = "'x'" if isinstance(default, str) else switched
    database.execute(f"UPDATE system_settings SET {name} = {value}")
    assert changed_fields(before, read_values(database)) == {(SITE, name)}  # type: ignore[arg-type]


NOT_SET = {
    "audit_events", "check_states", "last_ids", "launches", "outages", "probe_days", "probe_hours",
    "probes", "section_folds", "sign_in_failures", "undo_steps", "user_sessions",
    # above, what no one sets; here, what a plan has elsewhere
    "api_tokens", "set_icons",
    "board_users", "media", "system_settings",  # in a test of their own
}  # fmt: skip


def test_no_column_is_forgotten() -> None:
    tables = {table.name for table in Model.metadata.sorted_tables} - NOT_SET
    columns = {
        (table.name, column.name)
        for table in Model.metadata.sorted_tables
        if table.name in tables
        for column in table.columns
    }
    left = {
        (table, column)
        for table, column in columns - {(table, column) for table, column, *_ in SET}
        if column not in LEFT_OUT and f"{table}.{column}" not in LEFT_OUT
    }
    assert left == set()


def test_text_that_cannot_be_read_stops_no_plan(database: sqlite3.Connection) -> None:
    database.execute("UPDATE apps SET keywords = CAST(x'66ff' AS TEXT)")
    assert {each["keywords"] for each in read_values(database)["app"].values()} == {"f\ufffd"}


def test_no_value_of_a_header_is_in_a_plan(database: sqlite3.Connection) -> None:
    database.execute("""UPDATE health_checks SET headers = '{"X-Key": "a secret"}'""")
    values = str(read_values(database))
    assert "X-Key" in values
    assert "a secret" not in values + str(read_secrets(database))
    database.execute("UPDATE health_checks SET headers = '[1'")
    assert read_values(database)
    assert read_secrets(database) == {"app": {}}


def test_another_certificate_is_a_change_although_their_number_is_the_same(
    database: sqlite3.Connection,
) -> None:
    pem = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"
    database.execute("UPDATE health_checks SET ca_pem = ?", (pem.format("AAAA"),))
    before = read_values(database)
    database.execute("UPDATE health_checks SET ca_pem = ?", (pem.format("AAAB"),))
    assert changed_fields(before, read_values(database)) == {("app", "ca_pem")}  # type: ignore[arg-type]


def test_a_pause_that_is_over_is_none(database: sqlite3.Connection) -> None:
    database.execute("UPDATE health_checks SET paused_until = '2026-11-20 08:00:00.000000'")
    at_seven = datetime(2026, 11, 20, 7, tzinfo=UTC)
    over, running = (
        {each["paused_until"] for each in read_values(database, at=at)["app"].values()}
        for at in (at_seven + timedelta(hours=1), at_seven)
    )
    assert (over, running) == ({""}, {"", "2026-11-20T08:00:00+00:00"})
