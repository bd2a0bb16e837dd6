"""The first page of administration."""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from launcher.audit import COMMAND_LINE
from launcher.backup.sqlite.connection import has_wal_reset_fix
from launcher.config import ROOT
from launcher.current import current_backups, current_offsite
from launcher.db.settings import change_settings
from launcher.monitoring.problems import Findings, Headline, Problem, ProblemKind, Severity
from launcher.offsite.service import OffsiteService
from launcher.offsite.status import Places, Standing
from launcher.web.admin.overview.copies import first_step
from tests.support.copies import copy_of, destination, offsite
from tests.web.restoring import text_of
from tests.web.visitor import Visitor


def test_it_says_how_backups_jobs_disks_and_sqlite_are(ada: Visitor) -> None:
    page = text_of(ada.open("/admin").text)

    assert "Backups No backup yet" in page
    assert f"SQLite {sqlite3.sqlite_version}" in page
    assert ("WAL-reset fix included" in page) == has_wal_reset_fix(sqlite3.sqlite_version)
    assert 'href="/admin/backups"' in ada.page


def test_one_disk_is_amber_where_backups_are_until_it_is_accepted(app: Flask, ada: Visitor) -> None:
    with app.app_context():
        current_backups().create(by="ada")

    page = text_of(ada.open("/admin").text)
    assert "Backups are working" not in page
    assert "Disk of the" not in page
    assert "All copies are on one disk." in page
    assert ada.open("/admin/backups").text.count("All copies are on one disk") == 1
    assert 'id="the-answer" data-state="warn"' in ada.page
    assert 'id="banner"' not in ada.open("/").text

    ada.send("/admin/backups/off-site/one-disk", reason="Tape every night", until="year")
    assert "Backups are working" in text_of(ada.open("/admin").text)
    assert "All copies are on one disk" not in ada.open("/admin/backups").text
    assert 'id="the-answer" data-state="ok"' in ada.page


def test_copies_in_other_places_are_counted_in_one_row(
    app: Flask, ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 'id="copies"' not in ada.open("/admin").text
    with app.app_context():
        backup = current_backups().create(by="ada")
    cloud = destination("Cloud", copy_of(backup))
    counted = replace(offsite(cloud), places=Places(2, 2, off_site=1, on_one_disk=False))
    monkeypatch.setattr(OffsiteService, "status", lambda *_, **__: counted)

    page = text_of(ada.open("/admin").text)
    assert "Off-site 2 copies of a recent good backup in 2 places, 1 off-site" in page
    assert 'href="/admin/backups/off-site"' in ada.page
    assert "on the same disk as your data" not in page
    assert re.search(r'id="copies">.*?data-state="up"', ada.page)

    stale = replace(counted, destinations=[replace(cloud, standing=Standing.STALE)])
    monkeypatch.setattr(OffsiteService, "status", lambda *_, **__: stale)
    ada.open("/admin")
    assert re.search(r'id="copies">.*?data-state="(slow|down)"', ada.page)
    assert '<a href="/admin/backups/off-site">Go to off-site copies</a>' in ada.page


@pytest.mark.parametrize(
    ("kinds", "headline", "path"),
    [
        ([ProblemKind.KIT_UNCONFIRMED], Headline.RECENT_GOOD, "/admin/backups/off-site/kit"),
        ([ProblemKind.COPIES_STALE], Headline.RECENT_GOOD, "/admin/backups/off-site"),
        ([ProblemKind.LOW_SPACE], Headline.RECENT_GOOD, "/admin/backups"),
        ([ProblemKind.KIT_UNCONFIRMED], Headline.STALE, "/admin/backups"),
        ([], Headline.NONE_YET, "/admin/backups"),
    ],
)
def test_the_overview_leads_to_where_the_worst_is_mended(
    app: Flask, kinds: Sequence[ProblemKind], headline: Headline, path: str
) -> None:
    problems = tuple(Problem(each, Severity.WARN) for each in kinds)
    with app.test_request_context():
        assert first_step(Findings(problems, headline=headline)).path == path


@pytest.fixture
def other_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A backup folder on another disk than the data."""
    own = tmp_path.stat().st_dev
    disks = [each for each in (Path("/dev/shm"), ROOT) if each.stat().st_dev != own]
    if not disks:
        pytest.skip("there is one disk")
    with tempfile.TemporaryDirectory(dir=disks[0], prefix=".backups-") as folder:
        monkeypatch.setenv("LAUNCHER_BACKUP_DIR", folder)
        yield Path(folder)


def test_two_disks_are_two_rows_without_advice(other_disk: Path, app: Flask, ada: Visitor) -> None:
    with app.app_context():
        current_backups().create(by="ada")
    assert list(other_disk.glob("launcher-*"))

    page = text_of(ada.open("/admin").text)
    assert "Disk of the backups" in page
    assert "Disk of the database" in page
    assert "same disk" not in page
    assert "on one disk" not in ada.open("/admin/backups").text


def test_a_restore_test_that_never_ran_says_when_it_will(app: Flask, ada: Visitor) -> None:
    with app.app_context():
        current_backups().create(by="ada")

    assert "Restore test Not run yet First test:" in text_of(ada.open("/admin/backups").text)

    with app.app_context():
        change_settings({"backup_restore_test": "off"}, actor=COMMAND_LINE)
    assert "Restore test Off Change" in text_of(ada.open("/admin/backups").text)


def test_its_first_sentence_is_the_worst_of_all(app: Flask, ada: Visitor, data_dir: Path) -> None:
    with app.app_context():
        current_backups().create(by="ada")
        current_offsite().accept_one_disk("The server goes to tape", until=None, by="ada")
    assert "Backups are working Last good backup:" in text_of(ada.open("/admin").text)

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
