"""The one page that is left when the database is gone."""

from __future__ import annotations

import re
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask

from launcher.backup import Gate
from launcher.config import ROOT
from launcher.current import current_backups
from launcher.web import health
from launcher.web.server_commands import public_command
from tests.support.service import run
from tests.web.visitor import Visitor

ADDRESSES = ("/", "/login", "/account", "/b/home", "/nope", "/admin/users", "/find?q=x")


def _lose(path: Path) -> None:
    for each in path.parent.glob("launcher.db*"):
        each.unlink()


def _empty(path: Path) -> None:
    _lose(path)
    path.touch()


def _fill_with_garbage(path: Path) -> None:
    _lose(path)
    path.write_bytes(b"this is no database at all. " * 1000)


def _truncate(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    whole = path.read_bytes()
    _lose(path)
    path.write_bytes(whole[: len(whole) // 3])


def _scribble(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    whole = bytearray(path.read_bytes())
    _lose(path)
    whole[4096:] = b"\xa5" * (len(whole) - 4096)
    path.write_bytes(whole)


def _replace(path: Path) -> None:
    _lose(path)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (id)")
    connection.close()


def _forget_settings(path: Path) -> None:
    run(path, "DELETE FROM system_settings")


DAMAGES = [
    _lose,
    _empty,
    _fill_with_garbage,
    _truncate,
    _scribble,
    _replace,
    _forget_settings,
]


@pytest.fixture
def database_path(app: Flask) -> Path:
    path: Path = app.extensions["launcher.config"].database_path
    return path


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_page_becomes_the_calm_one(
    ada: Visitor, boards: None, app: Flask, database_path: Path, damage: Callable[[Path], None]
) -> None:
    with app.app_context():
        current_backups().create(by="ada")
    damage(database_path)

    for address in ADDRESSES:
        answer = ada.open(address)
        assert answer.status_code == 503, address
        assert int(answer.headers["Retry-After"]) > 0
        what = "missing" if damage is _lose else "damaged"
        assert f"The database is {what}. Restore a backup" in ada.page
        assert ("The damaged file, unchanged" in ada.page) == (damage is not _lose)
        command = public_command("backup restore latest")
        assert f'<code class="command" tabindex="0">{command}</code>' in ada.page
        assert "-f deploy/compose.yaml exec launcher flask backup restore latest" in ada.page
        assert "Set <code>LAUNCHER_DATA_DIR</code> first" in ada.page
        assert "launcher.db" in ada.page
        assert "7 apps, 3 boards and 3 users" in ada.page
        assert str(database_path.parent) not in ada.page


def test_a_form_sent_meanwhile_gets_the_page_as_well(
    ada: Visitor, boards: None, database_path: Path
) -> None:
    ada.open("/account")
    _fill_with_garbage(database_path)

    answer = ada.send("/account/appearance", theme="dark")

    assert answer.status_code == 503
    assert "data-waits" not in ada.page


def test_it_speaks_the_language_of_the_browser(guest: Visitor, database_path: Path) -> None:
    _empty(database_path)
    guest.language = "de"

    guest.open("/")

    assert "Die Datenbank ist beschädigt" in guest.page
    assert '<html lang="de">' in guest.page


def test_the_command_runs_in_the_folder_of_launcher_as_it_was_copied(
    ada: Visitor, boards: None, app: Flask, database_path: Path
) -> None:
    with app.app_context():
        current_backups().create(by="ada")
    _lose(database_path)
    ada.open("/")
    found = re.search(r'<code class="command" tabindex="0">(.+?)</code>', ada.page)
    assert found

    # A shell of its own, without the environment active.
    done = subprocess.run(
        ["sh", "-c", f"{found[1]} --yes"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "LAUNCHER_DATA_DIR": str(database_path.parent)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert ada.open("/").status_code != 503


def test_that_a_safety_backup_is_newer_is_said(
    ada: Visitor, app: Flask, database_path: Path
) -> None:
    with app.app_context():
        current_backups().create(by="ada")
    _lose(database_path)
    assert "Newer safety backup" not in ada.open("/").text
    with app.app_context():
        current_backups().restore("latest", by="ada")
        safety = current_backups().restore("latest", by="ada").safety_id
    _lose(database_path)

    ada.open("/")

    assert "Newer safety backup" in ada.page
    assert safety
    assert str(safety) not in ada.page
    assert "restore latest" in ada.page


@pytest.mark.parametrize("language", ["de", "ru"])
@pytest.mark.parametrize("damage", [_fill_with_garbage, _scribble, _forget_settings])
def test_what_is_wrong_is_said_in_the_language_of_the_reader(
    guest: Visitor, database_path: Path, damage: Callable[[Path], None], language: str
) -> None:
    damage(database_path)
    guest.language = language

    guest.open("/")

    for english in ("file is not", "malformed", "it holds no"):
        assert english not in guest.page


def test_without_a_good_backup_it_does_not_promise_one(guest: Visitor, database_path: Path) -> None:
    _fill_with_garbage(database_path)

    guest.open("/")

    assert "the list has no good backup" in guest.page
    assert "restore latest" not in guest.page
    assert "flask backup restore FILE" in guest.page


def test_unverified_backups_are_to_be_verified_first(
    guest: Visitor, app: Flask, database_path: Path
) -> None:
    with app.app_context():
        current_backups().create(by="ada")
    for manifest in (database_path.parent / "backups").glob("*.json"):
        manifest.unlink()
    _lose(database_path)

    guest.open("/")

    assert "missing. Verify the backups" in guest.page
    assert guest.page.index("flask backup verify --all") < guest.page.index("restore latest")
    assert "restore FILE" not in guest.page


def test_styles_are_served_all_the_same(guest: Visitor, app: Flask, database_path: Path) -> None:
    _lose(database_path)

    for asset in app.extensions["launcher.assets"].by_name.values():
        assert guest.open(asset.url).status_code == 200


def test_the_watcher_hears_of_lost_settings(guest: Visitor, database_path: Path) -> None:
    _forget_settings(database_path)

    answer = guest.open("/healthz")

    assert (answer.status_code, answer.text) == (503, "damaged\n")


def test_the_watcher_hears_of_it_within_a_second(
    guest: Visitor, app: Flask, database_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(health.time, "monotonic", lambda: now)
    assert (guest.open("/healthz").status_code, guest.open("/healthz").data) == (200, b"ok\n")
    whole = database_path.read_bytes()
    _fill_with_garbage(database_path)
    assert guest.open("/healthz").status_code == 200
    now += health.CACHED_FOR_S
    assert guest.open("/healthz").status_code == 503
    _lose(database_path)
    database_path.write_bytes(whole)
    now += health.CACHED_FOR_S
    assert guest.open("/healthz").status_code == 200


def test_after_the_restore_the_page_is_gone(
    ada: Visitor, boards: None, app: Flask, database_path: Path
) -> None:
    with app.app_context():
        current_backups().create(by="ada")
    _fill_with_garbage(database_path)
    assert ada.open("/").status_code == 503

    with app.app_context():
        current_backups().restore("latest", by="command line")

    assert ada.open("/").status_code in {200, 302}


def test_while_the_data_is_replaced_one_is_asked_to_wait(
    ada: Visitor, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.db.session.GATE_TIMEOUT_S", 0.05)
    ada.open("/account")
    page = ada.page
    with Gate(app.extensions["launcher.config"].lock_dir).closed():
        answer = ada.open("/")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert "One moment: the data is being replaced" in ada.page
        assert 'data-waits="/healthz"' in ada.page
        ada.page = page
        answer = ada.send("/account/appearance", theme="dark")
        assert answer.status_code == 503
        assert "What you sent was not stored" in ada.page
        assert ada.open("/healthz").status_code == 200

    assert ada.open("/").status_code == 200


def test_a_form_that_cannot_be_written_is_no_error_of_ours(
    ada: Visitor, database_path: Path
) -> None:
    ada.open("/account")
    run(database_path, "PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(database_path.read_bytes())
    data[18] = 3  # the version of the format that a writer must know
    database_path.write_bytes(data)

    assert ada.send("/account/appearance", theme="dark").status_code == 503
    assert "The database cannot be written" in ada.page
    assert ada.open("/account").status_code == 200


def _zero_the_first_board(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'boards'"
        ).fetchone()[0]
    with path.open("r+b") as file:
        file.seek((root - 1) * 4096 + 2000)
        file.write(bytes(2000))


def test_a_page_that_meets_values_of_damage_becomes_the_calm_one(
    ada: Visitor, boards: None, database_path: Path
) -> None:
    _zero_the_first_board(database_path)
    answer = ada.client.get("/")
    assert answer.status_code == 503
    assert "flask backup restore" in answer.text


@pytest.mark.parametrize("damage", [_lose, _fill_with_garbage, _forget_settings])
def test_a_refused_form_on_a_damaged_database_is_no_error_of_ours(
    guest: Visitor,
    database_path: Path,
    damage: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    damage(database_path)
    assert guest.client.post("/login", data={"a": "1"}).status_code == 503
    assert not [record for record in caplog.records if record.exc_info]
