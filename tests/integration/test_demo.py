"""The sample content: believable, the same each time, and never on top of somebody's own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from launcher import demo
from launcher.accounts import sign_in, users
from launcher.app import create_app
from launcher.audit import COMMAND_LINE
from launcher.current import current_backups, current_config
from launcher.extensions import db
from launcher.icons.drawn import Kind, find
from launcher.models import App, AuditEvent, Board, Health, Role, hue_of, letters_of
from launcher.models.types import utc_now

NOW = datetime(2026, 11, 22, 13, 7, 30, tzinfo=UTC)
AGREE = """
    SELECT count(*), coalesce(sum(finer.probes = coarser.probes AND finer.up = coarser.up
                                  AND finer.ms_sum = coarser.ms_sum), 0)
    FROM ({finer}) AS finer JOIN {coarser} AS coarser USING (app_id, at)"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A site with the sample content, made once for the tests that only look at it."""

    app: Flask
    filled: demo.Filled
    path: Path


def show(data_dir: Path) -> Shown:
    app = create_app({"LAUNCHER_DATA_DIR": str(data_dir)})
    with app.app_context():
        current_backups().initialise(by="test")
        return Shown(app, demo.fill(now=NOW, seed=1), data_dir / "launcher.db")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return show(tmp_path_factory.mktemp("shown"))


@pytest.fixture
def database(shown: Shown) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(shown.path)) as connection:
        yield connection


def test_it_has_three_boards_of_twenty_seven_apps_and_a_history(shown: Shown) -> None:
    assert (shown.filled.boards, shown.filled.apps) == (3, 27)
    assert shown.filled.probes == 25 * 1440  # one app was never asked, another paused all day


def test_its_users_sign_in_with_the_passwords_it_prints(shown: Shown) -> None:
    assert [(a.username, a.role) for a in shown.filled.accounts] == [
        ("ada", Role.ADMIN),
        ("ben", Role.EDITOR),
        ("chloe", Role.VIEWER),
    ]
    with shown.app.app_context():
        for account in shown.filled.accounts:
            sign_in.authenticate(account.username, account.password, address="10.0.0.1")


def test_the_home_board_looks_as_it_was_drawn(shown: Shown) -> None:
    with shown.app.app_context():
        home = db.session.query(Board).filter_by(slug="home").one()
        shown = {
            section.name: [placement.app.glyph_letters for placement in section.placements]
            for section in home.sections
        }
    assert shown == {
        "Media": ["Je", "Im", "Na", "Au", "Ka", "Js", "Ta", "Cw"],
        "House": ["Ha", "Pn", "Me", "Vi", "Ab", "Gr", "Fr"],
        "Work": ["Fo", "Nc", "Vw", "Mi", "Sp", "Ex"],
        "Network": ["Ph", "Px", "Gf", "Sy", "Ro", "Pr"],
    }


def test_its_apps_show_brands_symbols_images_and_letters_that_are_there(shown: Shown) -> None:
    with shown.app.app_context():
        apps = db.session.query(App).all()
        chosen = [app.icon for app in apps if app.icon]
        assert [icon for icon in chosen if find(icon) is None] == []
        assert {icon.partition(":")[0] for icon in chosen} == set(Kind)
        assert sum(app.icon_media is not None for app in apps) == 4
        assert any(not app.icon and app.icon_media is None for app in apps)


def test_one_is_down_one_slow_one_paused_and_one_unknown(shown: Shown) -> None:
    with shown.app.app_context():
        states = {one.name: one.check_state.state for one in db.session.query(App)}
    assert {name: state for name, state in states.items() if state is not Health.UP} == {
        "Frigate": Health.DOWN,
        "Kavita": Health.SLOW,
        "TubeArchivist": Health.PAUSED,
        "Excalidraw": Health.UNKNOWN,
    }


def test_each_state_is_what_the_last_probe_said(database: sqlite3.Connection) -> None:
    rows = database.execute(
        """
        SELECT state, is_up, last_ms IS ms, last_code IS code, error_said
        FROM (SELECT *, check_states.error = coalesce(probes.error, '') AS error_said
              FROM check_states JOIN probes USING (app_id)
              WHERE at = (SELECT max(at) FROM probes AS p WHERE p.app_id = probes.app_id))"""
    ).fetchall()
    assert len(rows) == 25
    for state, is_up, *agreeing in rows:
        assert is_up == (state != "down")
        assert agreeing == [1, 1, 1]


@pytest.mark.parametrize(
    ("finer", "coarser", "least"),
    [
        (
            "SELECT app_id, at - at % 3600 AS at, count(*) AS probes, sum(is_up) AS up, "
            "coalesce(sum(ms), 0) AS ms_sum FROM probes "
            "GROUP BY 1, 2 HAVING count(*) = 60",
            "probe_hours",
            500,
        ),
        (
            "SELECT app_id, at - at % 86400 AS at, sum(probes) AS probes, sum(up) AS up, "
            "sum(ms_sum) AS ms_sum FROM probe_hours GROUP BY 1, 2",
            "probe_days",
            700,
        ),
    ],
    ids=["hours", "days"],
)
def test_the_tiers_of_history_agree(
    database: sqlite3.Connection, finer: str, coarser: str, least: int
) -> None:
    rows, agreeing = database.execute(AGREE.format(finer=finer, coarser=coarser)).fetchone()
    assert rows > least
    assert agreeing == rows


def test_each_failed_check_of_its_history_is_within_an_outage(
    database: sqlite3.Connection,
) -> None:
    for table, step_s in (("probe_hours", 3600), ("probe_days", 86400)):
        rows = database.execute(
            f"""
            SELECT probes - up, (SELECT coalesce(sum(ended_at - started_at), 0) / 60 FROM outages
                WHERE outages.app_id = {table}.app_id AND ended_at IS NOT NULL
                AND started_at >= at AND ended_at <= at + {step_s})
            FROM {table} WHERE up < probes AND at < (SELECT min(at) FROM probes) - {step_s}"""
        ).fetchall()
        assert rows
        assert [down for down, _ in rows] == [minutes for _, minutes in rows]
    open_ones = "SELECT count(*) FROM outages WHERE ended_at IS NULL"
    assert database.execute(open_ones).fetchone() == (1,)


def test_its_figures_are_believable(database: sqlite3.Connection) -> None:
    for table in ("probe_hours", "probe_days"):
        wrong = database.execute(
            f"SELECT count(*) FROM {table} WHERE up > probes OR ms_min > ms_max "
            "OR (up > 0 AND ms_sum NOT BETWEEN ms_min * up AND ms_max * up)"
        ).fetchone()
        assert wrong == (0,)
    future = "SELECT count(*) FROM probes WHERE at > ?"
    assert database.execute(future, (NOW.timestamp(),)).fetchone() == (0,)
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def test_its_pictures_are_pictures(database: sqlite3.Connection) -> None:
    rows = database.execute("SELECT mime, content, size_bytes FROM media").fetchall()
    assert sorted(mime for mime, *_ in rows) == ["image/png"] * 2 + ["image/svg+xml"] * 2
    for mime, content, size_bytes in rows:
        start = b"\x89PNG\r\n" if mime == "image/png" else b"<svg "
        assert content.startswith(start)
        assert len(content) == size_bytes


def test_the_same_seed_and_clock_give_the_same_content(
    database: sqlite3.Connection, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(show(tmp_path).path)) as other:
        for table in ("apps", "placements", "probes", "probe_hours", "probe_days", "media"):
            query = f"SELECT * FROM {table}"
            assert database.execute(query).fetchall() == other.execute(query).fetchall()


def test_it_never_goes_on_top_of_other_content(app: Flask, runner: FlaskCliRunner) -> None:
    with app.app_context():
        db.session.add(App(name="Mine", url="https://mine.home.arpa"))
        db.session.commit()
    done = runner.invoke(args=["demo"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "there are apps or boards already in this data directory" in done.stderr
    assert str(current_config(app).data_dir) in done.stderr
    assert "flask demo --force" in done.stderr
    with app.app_context():
        assert db.session.query(App).count() == 1
        assert list(users.all_users()) == []


def test_by_force_it_is_added_beside_what_is_there(
    app: Flask, runner: FlaskCliRunner, data_dir: Path
) -> None:
    assert runner.invoke(args=["demo"]).exit_code == 0
    tables = (
        "apps", "boards", "sections", "placements", "users", "tags", "media", "health_checks",
        "check_states", "probes", "probe_hours", "probe_days", "audit_events",
    )  # fmt: skip

    def rows() -> dict[str, set[tuple[object, ...]]]:
        with closing(sqlite3.connect(data_dir / "launcher.db")) as connection:
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            return {
                table: set(connection.execute(f"SELECT * FROM {table}").fetchall())
                for table in tables
            }

    before = rows()
    done = runner.invoke(args=["demo", "--force"])
    assert done.exit_code == 0
    assert done.stdout == ""  # nobody is new, so there is no password to print
    assert "Created 3 boards, 27 apps and" in done.stderr
    assert "Added board /b/home-2\n" in done.stderr

    after = rows()
    for table in tables:
        assert before[table] <= after[table], table
    for table in ("users", "tags", "media"):
        assert before[table] == after[table], table
    for table in ("apps", "boards", "placements", "check_states"):
        assert len(after[table]) == 2 * len(before[table]), table
    with app.app_context():
        boards = db.session.query(Board).order_by(Board.position).all()
        assert [each.slug for each in boards] == [
            "home", "children", "workshop", "home-2", "children-2", "workshop-2",
        ]  # fmt: skip


def test_what_was_added_by_force_is_in_the_audit_log_as_of_now(
    app: Flask, runner: FlaskCliRunner
) -> None:
    with app.app_context():
        users.create_user("ada", "my own password", role=Role.VIEWER, actor=COMMAND_LINE)
        db.session.add(App(name="Mine", url="https://mine.home.arpa"))
        db.session.commit()
    done = runner.invoke(args=["demo", "--force"])
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["ben", "chloe"]
    with app.app_context():
        events = db.session.query(AuditEvent).filter(AuditEvent.actor_name == COMMAND_LINE.name)
        added = [(each.action, each.target_name) for each in events]
        assert ("user.create", "ben") in added
        assert ("board.create", "Workshop") in added
        assert sum(action == "app.create" for action, _ in added) == 27
        assert db.session.query(AuditEvent).filter_by(action="session.create").count() == 0
        ada = users.find_user("ada")
        assert (ada.role, ada.last_seen_at, ada.home_board_id) == (Role.VIEWER, None, None)
        sign_in.authenticate("ada", "my own password", address="10.0.0.1")


def test_it_is_removed_and_what_is_not_its_own_stays(app: Flask, runner: FlaskCliRunner) -> None:
    with app.app_context():
        users.create_user("root", "my own password", role=Role.ADMIN, actor=COMMAND_LINE)
        users.create_user("ben", "my own password", role=Role.VIEWER, actor=COMMAND_LINE)
        db.session.add(App(name="Jellyfin", url="https://jellyfin.home.arpa"))
        db.session.commit()
    assert runner.invoke(args=["demo", "--force"]).exit_code == 0
    with app.app_context():
        edited = db.session.query(App).filter_by(name="Immich").one()
        edited.description, edited.updated_at = "Mine now", utc_now()
        db.session.commit()

    done = runner.invoke(args=["demo", "--remove"])

    assert done.exit_code == 0, done.output
    assert "Removed 26 apps, 2 boards and 2 users." in done.stderr
    assert "Kept because someone edited them: Immich." in done.stderr
    assert "Kept because of the apps on them: Home." in done.stderr
    with app.app_context():
        assert sorted(each.name for each in db.session.query(App)) == ["Immich", "Jellyfin"]
        assert [each.name for each in db.session.query(Board)] == ["Home"]
        assert sorted(each.username for each in users.all_users()) == ["ben", "root"]
    assert (
        "Removed 0 apps, 0 boards and 0 users." in runner.invoke(args=["demo", "--remove"]).stderr
    )


def test_it_keeps_the_users_that_are_there(app: Flask, runner: FlaskCliRunner) -> None:
    with app.app_context():
        users.create_user("ada", "my own password", role=Role.ADMIN, actor=COMMAND_LINE)
    done = runner.invoke(args=["demo"])
    assert done.exit_code == 0
    assert [line.split("\t")[:2] for line in done.stdout.splitlines()] == [
        ["ben", "editor"],
        ["chloe", "viewer"],
    ]
    with app.app_context():
        sign_in.authenticate("ada", "my own password", address="10.0.0.1")


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Jellyfin", "Je"),
        ("Home Assistant", "Ha"),
        ("TubeArchivist", "Ta"),
        ("Calibre-Web", "Cw"),
        ("qBittorrent", "Qb"),
        ("Домашняя страница", "Дс"),
        ("X", "X"),
        ("2FAuth", "2f"),
        ("!!!", ""),
        ("", ""),
    ],
)
def test_two_letters_stand_for_a_name(name: str, letters: str) -> None:
    assert letters_of(name) == letters


def test_the_tint_of_a_name_never_changes() -> None:
    assert [hue_of(name) for name in ("Jellyfin", "Immich", "Navidrome")] == [2, 0, 7]


def test_the_last_admin_is_kept_and_the_reason_is_said(runner: FlaskCliRunner) -> None:
    assert runner.invoke(args=["demo"]).exit_code == 0

    done = runner.invoke(args=["demo", "--remove"])

    assert "Kept because a site needs an admin: ada." in done.stderr
