"""The destinations of copies in the API: how they stand, without addresses and secrets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from launcher.current import current_backups, current_config, current_offsite
from launcher.extensions import db
from launcher.models import AuditEvent
from launcher.models.types import utc_now
from launcher.offsite.files import OffsiteFiles
from launcher.offsite.ledger import LedgerFile
from launcher.offsite.records import Destination, LastTrouble, Ledger, Service, StoredCopy
from launcher.offsite.troubles import Trouble
from tests.support.api import Program

SECRET = "no answer has this secret"


@pytest.fixture
def backblaze(app: Flask) -> Destination:
    """A bucket that is entered, with an address and secrets."""
    with app.app_context():
        return current_offsite().add(
            Destination(
                "",
                "Backblaze",
                Service.S3,
                options={"bucket": "ada-launcher", "endpoint": f"https://{SECRET[:2]}.example"},
                secrets={"key_id": "003a", "secret": SECRET},
            ),
            by="ada",
        )


@pytest.fixture
def keep(app: Flask, backblaze: Destination) -> Callable[..., None]:
    """Write down what is known of the copies there."""

    def write(**facts: object) -> None:
        with app.app_context():
            files = OffsiteFiles(current_config().data_dir)
            LedgerFile(files, backblaze.id).write(replace(Ledger(), **facts))  # type: ignore[arg-type]

    return write


def copy_of_new_backup(app: Flask) -> StoredCopy:
    with app.app_context():
        backup = current_backups().create(by="ada")
        backup = current_backups().get(backup.id)
    return StoredCopy(backup, "x.age", 1000, "0" * 64, utc_now(), frozenset({"age1x"}))


def test_it_lists_how_each_destination_stands_and_nothing_that_opens_one(
    program: Program, app: Flask, keep: Callable[..., None]
) -> None:
    copy = copy_of_new_backup(app)
    now = utc_now()
    keep(copies=(copy,), trouble=LastTrouble(Trouble.TIMED_OUT, now, now, 2, answer=SECRET))
    with app.app_context():
        current_backups().create(by="ada")
    answer = program("GET", "/destinations")
    (found,) = answer.json["destinations"]
    assert (found["id"], found["service"], found["place"]) == ("backblaze", "s3", "off_site")
    assert (found["state"], found["waiting"], found["copies"]) == ("behind", 1, 1)
    assert (found["newest_good_id"], found["trouble"]["code"]) == (copy.id, "timed_out")
    assert answer.json["kit"] == "unconfirmed"
    for word in (SECRET, "ada-launcher", "003a", "example"):
        assert word not in answer.text


def test_a_backup_has_its_copies_and_its_tag_does_not_depend_on_them(
    program: Program, app: Flask, keep: Callable[..., None]
) -> None:
    copy = copy_of_new_backup(app)
    before = program("GET", f"/backups/{copy.id}")
    assert before.json["copies"] == []
    keep(copies=(copy,))
    after = program("GET", f"/backups/{copy.id}")
    (found,) = after.json["copies"]
    assert (found["destination"], found["state"], found["is_encrypted"]) == (
        "backblaze", "good", True,
    )  # fmt: skip
    assert found["is_origin_confirmed"] is False
    assert after.headers["ETag"] == before.headers["ETag"]
    listed = program("GET", "/backups").json["backups"]
    assert listed[0]["copies"] == after.json["copies"]
    keep(copies=(replace(copy, proved_by="age1"),))
    (found,) = program("GET", f"/backups/{copy.id}").json["copies"]
    assert found["is_origin_confirmed"] is True


def test_a_copy_at_once_is_asked_for_and_recorded(
    program: Program, app: Flask, backblaze: Destination
) -> None:
    answer = program("POST", f"/destinations/{backblaze.id}/copy")
    assert (answer.status_code, answer.json["id"]) == (202, "backblaze")
    with app.app_context():
        assert current_offsite().is_wanted(backblaze.id)
        last = db.session.scalars(db.select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert last is not None
        assert (last.action, last.target_name) == ("destination.copy_now", "Backblaze")
        current_offsite().set_paused(backblaze.id, is_paused=True)
    paused = program("POST", f"/destinations/{backblaze.id}/copy")
    assert (paused.status_code, paused.json["code"]) == (409, "destination_paused")
    gone = program("POST", "/destinations/nowhere/copy")
    assert (gone.status_code, gone.json["code"]) == (404, "destination_not_found")


def test_destinations_that_cannot_be_read_are_a_problem_of_them_alone(
    program: Program, app: Flask, backblaze: Destination
) -> None:
    copy = copy_of_new_backup(app)
    with app.app_context():
        OffsiteFiles(current_config().data_dir).destinations.write_text("{")
    for method, path in (("GET", "/destinations"), ("POST", "/destinations/backblaze/copy")):
        answer = program(method, path)
        assert (answer.status_code, answer.json["code"]) == (503, "destinations_unreadable")
    assert program("GET", f"/backups/{copy.id}").json["copies"] is None
