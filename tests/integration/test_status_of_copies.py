"""`flask backup status` sees how the copies in other places stand."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import Result
from flask import Flask

from launcher.cli.exits import COPIES
from launcher.current import current_backups, current_config, current_offsite
from launcher.models.types import utc_now
from launcher.offsite.records import Destination, Service


@pytest.fixture
def problems(app: Flask, flask: Callable[..., Result]) -> Callable[..., list[str]]:
    """Return what a site with a backup and an encrypted destination says is wrong."""
    with app.app_context():
        current_backups().create(by="ada")
    current_offsite(app).add(Destination("", "Attic", Service.S3), by="ada")

    def ask(*, expect: int = 0) -> list[str]:
        answer = json.loads(flask("status", "--json", expect=expect).stdout)
        found = [each["kind"] for each in answer["problems"]]
        return [each for each in found if each not in {"scheduler_stopped", "no_recipients"}]

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
