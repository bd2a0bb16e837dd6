"""Counting launches: what the script of the start page sends."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from launcher.db import connect
from tests.web.test_finding_apps import found
from tests.web.visitor import Visitor


def _rows(data_dir: Path) -> list[tuple[int, int]]:
    with closing(sqlite3.connect(data_dir / "launcher.db")) as database:
        return database.execute("SELECT app_id, count FROM launches").fetchall()


def _id(data_dir: Path, name: str) -> str:
    with closing(sqlite3.connect(data_dir / "launcher.db")) as database:
        return str(database.execute("SELECT id FROM apps WHERE name = ?", (name,)).fetchone()[0])


def test_what_one_opens_is_found_first(chloe: Visitor, boards: None, data_dir: Path) -> None:
    nextcloud = _id(data_dir, "Nextcloud")
    for _ in range(2):
        answer = chloe.send("/launches", app=nextcloud)
        assert (answer.status_code, answer.data) == (204, b"")

    assert _rows(data_dir) == [(int(nextcloud), 2)]
    chloe.open("/find")
    assert found(chloe.page)[0] == "Nextcloud"
    assert f'data-app="{nextcloud}"' in chloe.page


@pytest.mark.parametrize("app_id", ["", "4711", "-1", "x", "9" * 40])
def test_what_is_no_app_is_not_counted(
    chloe: Visitor, boards: None, data_dir: Path, app_id: str
) -> None:
    assert chloe.send("/launches", app=app_id).status_code == 204
    assert _rows(data_dir) == []


def test_neither_are_hidden_apps_nor_those_that_guests_open(
    chloe: Visitor, guest: Visitor, boards: None, data_dir: Path
) -> None:
    assert chloe.send("/launches", app=_id(data_dir, "Diary")).status_code == 204
    assert guest.send("/launches", app=_id(data_dir, "Sprinkler")).status_code == 204
    assert _rows(data_dir) == []


def test_a_count_needs_the_token_of_a_page(chloe: Visitor, boards: None, data_dir: Path) -> None:
    answer = chloe.client.post("/launches", data={"app": _id(data_dir, "Nextcloud")})

    assert answer.status_code == 400
    assert _rows(data_dir) == []


def test_a_count_that_cannot_be_written_is_dropped(
    chloe: Visitor, boards: None, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "BUSY_TIMEOUT_S", 0.05)
    chloe.open("/account")
    nextcloud = _id(data_dir, "Nextcloud")
    with closing(sqlite3.connect(data_dir / "launcher.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert chloe.send("/launches", app=nextcloud).status_code == 204
    assert _rows(data_dir) == []

    assert chloe.send("/launches", app=nextcloud).status_code == 204
    assert _rows(data_dir) == [(int(nextcloud), 1)]
