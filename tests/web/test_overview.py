"""The first page of administration."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from flask import Flask

from launcher.backup.sqlite.connection import has_wal_reset_fix
from launcher.current import current_backups
from tests.web.restoring import text_of
from tests.web.visitor import Visitor


def test_it_says_how_backups_jobs_disks_and_sqlite_are(ada: Visitor) -> None:
    page = text_of(ada.open("/admin").text)

    assert "Backups No backup yet" in page
    assert "Disk of the backups" in page
    assert f"SQLite {sqlite3.sqlite_version}" in page
    assert ("WAL-reset fix included" in page) == has_wal_reset_fix(sqlite3.sqlite_version)
    assert 'href="/admin/backups"' in ada.page


def test_its_first_sentence_is_the_worst_of_all(app: Flask, ada: Visitor, data_dir: Path) -> None:
    with app.app_context():
        current_backups().create(by="ada")
    assert "Backups and jobs are working Last good backup:" in text_of(ada.open("/admin").text)

    for stored in (data_dir / "backups").glob("launcher-*.db*"):
        stored.unlink()
    page = text_of(ada.open("/admin").text)
    assert "are working" not in page


@pytest.mark.parametrize(
    ("version", "is_fixed"),
    [("3.40.1", False), ("3.51.2", False), ("3.51.3", True), ("3.53.0", True), ("4.0", True)],
)
def test_which_releases_of_sqlite_are_sure_to_have_the_fix(version: str, is_fixed: bool) -> None:
    assert has_wal_reset_fix(version) == is_fixed
