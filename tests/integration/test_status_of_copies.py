"""`flask backup status` sees how the copies in other places stand."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from launcher.background.service import installation_of
from launcher.cli.exits import COPIES
from launcher.current import current_backups, current_config, current_offsite
from launcher.models.types import utc_now
from launcher.offsite.process import copy_here
from launcher.offsite.records import Destination, Place, Service


@pytest.fixture
def problems(app: Flask, flask: Callable[..., Result]) -> Callable[..., list[str]]:
    """Return what a site with a backup and an encrypted destination says is wrong."""
    with app.app_context():
        current_backups().create(by="ada")
    current_offsite(app).add(Destination("", "Attic", Service.S3), by="ada")

    besides = {"scheduler_stopped", "no_recipients", "one_disk"}

    def ask(*, expect: int = 0) -> list[str]:
        answer = json.loads(flask("status", "--json", expect=expect).stdout)
        found = [each["kind"] for each in answer["problems"]]
        return [each for each in found if each not in besides]

    return ask


def test_a_kit_that_no_one_confirmed_is_named(problems: Callable[..., list[str]]) -> None:
    assert problems() == ["kit_unconfirmed"]


def test_a_lost_key_and_a_broken_list_are_bad(
    app: Flask, problems: Callable[..., list[str]]
) -> None:
    data = current_config(app).data_dir
    (data / "recovery_key").unlink()
    assert problems(expect=COPIES) == ["key_missing"]
    (data / "destinations.json").write_text("{")
    assert problems(expect=COPIES) == ["destinations_unreadable"]


def test_a_destination_without_a_copy_for_two_days_is_bad_also_without_a_backup_folder(
    app: Flask, problems: Callable[..., list[str]]
) -> None:
    path = current_config(app).data_dir / "destinations.json"
    facts = json.loads(path.read_text())
    added_at = utc_now() - timedelta(days=4)
    facts["destinations"][0]["added_at"] = added_at.isoformat().replace("+00:00", "Z")
    path.write_text(json.dumps(facts))
    assert problems(expect=COPIES) == ["copies_stale", "kit_unconfirmed"]

    with app.app_context():
        store = current_backups().store_path
    store.rename(store.with_name("away"))
    store.write_text("no folder")
    assert "copies_stale" in problems(expect=10)


def test_the_status_says_in_how_many_places_a_recent_good_backup_is(
    app: Flask, flask: Callable[..., Result], tmp_path: Path
) -> None:
    with app.app_context():
        current_backups().create(by="ada")
    assert "1 copy of a recent good backup in 1 place, 0 off-site\n" in flask("status").stdout

    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "lost+found").mkdir()
    options = {"path": str(tmp_path / "disk")}
    current_offsite(app).add(
        Destination(
            "", "Disk", Service.FOLDER, place=Place.THIS_SERVER, encrypt=False, options=options
        ),
        by="ada",
    )
    assert copy_here(installation_of(current_config(app)), "disk")
    said = flask("status").stdout
    assert "2 copies of a recent good backup in 1 place, 0 off-site" in said
    assert "newest copy elsewhere" not in said
    facts = json.loads(flask("status", "--json").stdout)["copies"]
    assert (facts["copies"], facts["places"], facts["off_site"]) == (2, 1, 0)
    assert facts["newest_elsewhere_at"] is None
