"""Copies in other places: their page, the form of a destination, the kit, and the small forms."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from launcher.background.process import BEGUN
from launcher.backup.records.backup import Kind
from launcher.current import current_backups, current_config, current_offsite
from launcher.extensions import db
from launcher.models import AuditEvent, User
from launcher.models.types import utc_now
from launcher.offsite import fetch_process
from launcher.offsite.age import make_identity
from launcher.offsite.files import OffsiteFiles
from launcher.offsite.ledger import LedgerFile, ProgressFile
from launcher.offsite.records import (
    CopyState,
    Destination,
    KeepRule,
    LastTrouble,
    Ledger,
    Place,
    Replaced,
    Service,
    StoredCopy,
)
from launcher.offsite.service import OffsiteService
from launcher.offsite.status import CopyProgress, KitState, Work
from launcher.offsite.trial import Step, Trial, TrialStep
from launcher.offsite.troubles import Trouble
from tests.conftest import ADA
from tests.web.visitor import Visitor

OFF_SITE = "/admin/backups/off-site"
KEY_ID, SECRET = "003a1b2c3d4e5f", "no page shows this secret"
NAS: dict[str, str | list[str]] = {
    "service": "folder", "name": "NAS", "place_folder": "other_device", "kind": "scheduled",
    "keep": "same_rules",
}  # fmt: skip
BUCKET: dict[str, str | list[str]] = {
    "service": "s3", "name": "Backblaze", "place": "off_site", "kind": ["scheduled", "manual"],
    "keep": "same_rules", "encrypt": "on", "s3_endpoint": "https://s3.example",
    "s3_bucket": "ada-launcher", "secret_s3_key_id": KEY_ID, "secret_s3_secret": SECRET,
}  # fmt: skip
SECRETS = ("secret_s3_key_id", "secret_s3_secret")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that can be a destination."""
    path = tmp_path / "nas"
    path.mkdir()
    return path


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> list[Destination]:
    """Every test is passed, without a connection; what was tested is in the list."""
    tested: list[Destination] = []

    def try_out(_service: OffsiteService, destination: Destination, **_how: object) -> Trial:
        tested.append(destination)
        return Trial(tuple(TrialStep(step, 0.2) for step in Step), may_delete=True)

    monkeypatch.setattr(OffsiteService, "try_out", try_out)
    return tested


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test fails at its first step: the secret is wrong."""
    steps = [TrialStep(Step.CONNECT, 0.2, Trouble.WRONG_SECRET, answer="403 SignatureDoesNotMatch")]
    steps += [TrialStep(step) for step in Step if step is not Step.CONNECT]
    monkeypatch.setattr(OffsiteService, "try_out", lambda *_, **__: Trial(tuple(steps)))


@pytest.fixture
def backblaze(app: Flask) -> Destination:
    """A bucket that is entered."""
    with app.app_context():
        return current_offsite().add(
            Destination(
                "",
                "Backblaze",
                Service.S3,
                options={"bucket": "ada-launcher", "endpoint": "https://s3.example"},
                secrets={"key_id": KEY_ID, "secret": SECRET},
                tested_at=utc_now(),
            ),
            by="ada",
        )


def keep_copies(app: Flask, destination: Destination, **facts: object) -> None:
    """Write down what is known of the copies at a destination, as its process does."""
    with app.app_context():
        files = OffsiteFiles(current_config().data_dir)
        ledger = LedgerFile(files, destination.id)
        ledger.write(replace(Ledger(listed_at=utc_now()), **facts))  # type: ignore[arg-type]


def copy_of(app: Flask, **facts: object) -> StoredCopy:
    """Return a copy of a new backup."""
    with app.app_context():
        backup = current_backups().create(by="ada")
        backup = next(each for each in current_backups().list() if each.id == backup.id)
    assert backup.file
    copy = StoredCopy(
        backup, f"launcher-{backup.id}.db.zst.age", backup.file.size_bytes, "0" * 64, utc_now()
    )
    return replace(copy, **facts)  # type: ignore[arg-type]


def shown(visitor: Visitor) -> str:
    """Return the words of the page that is open."""
    text = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", visitor.page, flags=re.DOTALL)
    return " ".join(html.unescape(text).split())


def entered(app: Flask) -> tuple[Destination, ...]:
    with app.app_context():
        return current_offsite().settings().destinations


def logged(app: Flask) -> list[str]:
    """Return what the audit log says of destinations, and check that it has no secret."""
    with app.app_context():
        rows = db.session.scalars(
            db.select(AuditEvent).where(AuditEvent.action.startswith("destination."))
        ).all()
        text = repr([(each.changes, each.target_name) for each in rows])
        assert SECRET not in text
        assert KEY_ID not in text
        return [each.action.removeprefix("destination.") for each in rows]


# Adding


def test_without_destinations_the_page_says_what_one_is_for(ada: Visitor) -> None:
    ada.open(OFF_SITE)

    assert "No destinations yet" in shown(ada)
    assert "A copy in another place survives fire, theft and a broken disk." in shown(ada)


def test_a_destination_is_tested_then_added(
    ada: Visitor, app: Flask, folder: Path, works: list[Destination]
) -> None:
    ada.open(f"{OFF_SITE}/new")
    answer = ada.send(f"{OFF_SITE}/new", **NAS, folder_path=str(folder))

    assert answer.status_code == 303
    (added,) = entered(app)
    assert (added.name, added.service, added.place) == ("NAS", Service.FOLDER, Place.OTHER_DEVICE)
    assert added.options == {"path": str(folder)}
    assert not added.encrypt
    assert added.tested_at is not None
    assert added.may_delete is True
    assert len(works) == 1
    assert logged(app) == ["test", "create"]


def test_an_encrypted_one_leads_to_the_recovery_kit(
    ada: Visitor, app: Flask, works: list[Destination]
) -> None:
    ada.open(f"{OFF_SITE}/new")
    answer = ada.send(f"{OFF_SITE}/new", **BUCKET)

    assert answer.headers["Location"].endswith("/off-site/kit")
    assert works[0].secrets == {"key_id": KEY_ID, "secret": SECRET}
    assert entered(app)[0].encrypt


@pytest.mark.usefixtures("works")
def test_the_place_of_a_service_is_what_its_address_says(ada: Visitor, app: Flask) -> None:
    ada.open(f"{OFF_SITE}/new")
    near = BUCKET | {"s3_endpoint": "http://127.0.0.1:8333", "place": ""}
    ada.send(f"{OFF_SITE}/new/test", **near)
    assert "Place On this server" in shown(ada)

    ada.send(f"{OFF_SITE}/new", **near)
    assert entered(app)[0].place is Place.THIS_SERVER


@pytest.mark.usefixtures("fails")
def test_one_that_fails_its_test_is_not_added_unless_someone_says_so(
    ada: Visitor, app: Flask
) -> None:
    ada.open(f"{OFF_SITE}/new")
    answer = ada.send(f"{OFF_SITE}/new", **BUCKET)

    assert answer.status_code == 422
    assert entered(app) == ()
    assert "The secret is wrong" in shown(ada)
    assert "403 SignatureDoesNotMatch" in shown(ada)
    assert "Add without a test" in shown(ada)
    assert 'value="ada-launcher"' in ada.page

    ada.send(f"{OFF_SITE}/new", **BUCKET, untested="1")

    (added,) = entered(app)
    assert added.tested_at is None
    assert logged(app) == ["test", "create", "create_key"]


def test_a_test_that_was_passed_beside_the_form_is_not_repeated(
    ada: Visitor, app: Flask, works: list[Destination]
) -> None:
    ada.open(f"{OFF_SITE}/new")
    ada.send(f"{OFF_SITE}/new/test", **BUCKET)
    assert "This destination works" in shown(ada)
    assert "First copy Nothing to copy yet" in shown(ada)
    proof = re.search(r'name="proof" value="([^"]+)"', ada.page)
    assert proof

    ada.send(f"{OFF_SITE}/new", **BUCKET, proof=proof[1])
    assert len(works) == 1
    assert len(entered(app)) == 1


def test_one_admin_runs_one_test_at_a_time(
    ada: Visitor, app: Flask, backblaze: Destination
) -> None:
    """Each holds a thread of the server for a minute where the service is silent."""
    with app.app_context():
        files = OffsiteFiles(current_config().data_dir)
        user_id = db.session.scalars(db.select(User.id).filter_by(username="ada")).one()
    ada.open(f"{OFF_SITE}/new")
    with files.test_turn(user_id) as is_free, files.test_turn(user_id + 1) as has_other_turn:
        assert is_free
        assert has_other_turn  # another admin waits for nobody
        for address in (f"{OFF_SITE}/new/test", f"{OFF_SITE}/new"):
            attic = BUCKET | {"name": "Attic", "s3_bucket": "attic"}
            assert ada.send(address, **attic).status_code == 429
            assert "Another test of a destination is running." in shown(ada)
            assert 'value="attic"' in ada.page
        ada.open(OFF_SITE)
        assert ada.send(f"{OFF_SITE}/{backblaze.id}/test").status_code == 429
        assert "Another test of a destination is running." in shown(ada)
    assert entered(app) == (backblaze,)
    assert logged(app) == []


def test_a_proof_counts_for_the_access_that_was_tested_alone(
    ada: Visitor, works: list[Destination]
) -> None:
    ada.open(f"{OFF_SITE}/new")
    ada.send(f"{OFF_SITE}/new/test", **BUCKET)
    proof = re.search(r'name="proof" value="([^"]+)"', ada.page)
    assert proof

    ada.send(f"{OFF_SITE}/new", **BUCKET | {"s3_bucket": "another"}, proof=proof[1])

    assert [each.options["bucket"] for each in works] == ["ada-launcher", "another"]


def test_what_the_first_copy_and_a_month_cost_is_said(
    ada: Visitor, app: Flask, works: list[Destination]
) -> None:
    with app.app_context():
        current_backups().create(by="ada")
    ada.open(f"{OFF_SITE}/new")
    ada.send(f"{OFF_SITE}/new/test", **BUCKET)

    assert "First copy 1 backup," in shown(ada)
    assert "a month" in shown(ada)


@pytest.mark.usefixtures("fails")
def test_the_failed_test_before_stays_beside_the_form(
    ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.open(f"{OFF_SITE}/new")
    ada.send(f"{OFF_SITE}/new/test", **BUCKET)
    before = re.search(r'name="test_before" value="([^"]+)"', ada.page)
    assert before
    passed = Trial(tuple(TrialStep(step, 0.1) for step in Step), may_delete=False)
    monkeypatch.setattr(OffsiteService, "try_out", lambda *_, **__: passed)

    ada.send(f"{OFF_SITE}/new/test", **BUCKET, test_before=before[1])
    sealed = {**BUCKET, "test_before": before[1]}
    ada.send_with({"HX-Request": "true"}, f"{OFF_SITE}/new/test", **sealed)
    assert '<div id="not-saved" hx-swap-oob="innerHTML"></div>' in ada.page

    assert "This destination works" in shown(ada)
    assert "an intruder on this server cannot delete your copies" in shown(ada)
    assert "<details><summary>Test before" in ada.page
    assert "The secret is wrong" in shown(ada)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "Enter a name of at most 60 characters."),
        ({"s3_bucket": ""}, "Fill in this field."),
        ({"secret_s3_secret": ""}, "Fill in this field."),
        ({"kind": []}, "Choose at least one type of backup."),
        ({"limit": "fast"}, "Enter a number from 0 to 100000, or nothing."),
        ({"keep": "own", "keep_count": "0"}, "Enter a number from 1 to 500."),
        ({"service": "folder", "folder_path": "nas"}, "Enter the full path, from the first “/”."),
        (
            {"s3_endpoint": f"https://ada:{SECRET}@s3.example"},
            "A URL, a host and a bucket cannot contain a user or a password.",
        ),
        ({"s3_endpoint": "ftp://s3.example"}, "An entry cannot be used"),
        (
            {"service": "rclone", "type": "other", "other_type": "ftp", "other_lines": "host"},
            "Enter one option a line, as name=value.",
        ),
        (
            {"service": "rclone", "type": "other", "other_type": "alias",
             "other_lines": 'remote=:webdav,bearer_token_command="id":'},
            "An entry cannot be used (type)",
        ),
        (
            {"service": "rclone", "type": "other", "other_type": "sftp", "other_lines": "ssh=id"},
            "An entry cannot be used (ssh)",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named_and_nothing_is_lost(
    ada: Visitor, app: Flask, fields: dict[str, str], said: str
) -> None:
    ada.open(f"{OFF_SITE}/new")
    answer = ada.send(f"{OFF_SITE}/new", **{**BUCKET, **fields})

    assert answer.status_code == 422
    assert said in shown(ada)
    assert "Enter the secrets again. Your other entries are still here." in shown(ada)
    assert entered(app) == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"s3_endpoint": f"https://ada:{SECRET}@s3.example"},
        {"service": "rclone", "type": "webdav", "webdav_url": f"https://ada:{SECRET}@s3.example"},
        {"service": "rclone", "type": "other", "other_type": "webdav",
         "other_lines": f"vendor=other\nurl = https://ada:{SECRET}@s3.example"},
    ],
)  # fmt: skip
def test_an_address_is_shown_again_without_the_password_in_it(
    ada: Visitor, fields: dict[str, str]
) -> None:
    ada.open(f"{OFF_SITE}/new")
    answer = ada.send(f"{OFF_SITE}/new", **{**BUCKET, "secret_s3_secret": "", **fields})
    assert answer.status_code == 422
    assert SECRET not in ada.page
    assert "https://s3.example" in ada.page


def test_the_password_is_asked_for_before_backups_are_sent_elsewhere(
    tired: Visitor, app: Flask, folder: Path, works: list[Destination]
) -> None:
    tired.open(f"{OFF_SITE}/new")
    answer = tired.send(f"{OFF_SITE}/new", **NAS, folder_path=str(folder))
    assert answer.status_code == 422
    assert "Enter your password for this action." in shown(tired)
    assert entered(app) == ()
    assert works == []

    tired.send(f"{OFF_SITE}/new", **NAS, folder_path=str(folder), password=ADA.password)
    assert len(entered(app)) == 1


def test_every_kind_of_rclone_becomes_its_options_and_secrets(
    ada: Visitor, app: Flask, works: list[Destination]
) -> None:
    box = BUCKET | {
        "service": "rclone", "type": "sftp", "name": "Box", "sftp_host": "box.example",
        "sftp_user": "u31337", "secret_sftp_pass": SECRET, "rclone_folder": "launcher",
        "keep": "own", "keep_count": "3", "keep_daily": "7", "keep_weekly": "0",
        "keep_monthly": "0", "limit": "10", "stale": "30",
    }  # fmt: skip
    ftp = BUCKET | {
        "service": "rclone", "type": "other", "name": "FTP", "other_type": "ftp",
        "other_lines": "host=ftp.example\ntls = true", "secret_other_lines": f"pass={SECRET}",
    }  # fmt: skip
    azure = BUCKET | {
        "service": "rclone", "type": "other", "name": "Azure", "other_type": "azureblob",
        "other_lines": f"sas_url = https://ada.blob.example/?sig={SECRET}\nuse_emulator=true",
    }  # fmt: skip
    ada.open(f"{OFF_SITE}/new")
    ada.send(f"{OFF_SITE}/new", **box)
    ada.open(f"{OFF_SITE}/new")
    ada.send(f"{OFF_SITE}/new", **ftp)
    ada.open(f"{OFF_SITE}/new")
    ada.send(f"{OFF_SITE}/new", **azure)

    first, second, third = entered(app)
    assert first.options == {
        "type": "sftp", "host": "box.example", "user": "u31337", "folder": "launcher",
    }  # fmt: skip
    assert first.secrets == {"pass": SECRET}
    assert first.keep is KeepRule.OWN
    assert first.policy
    assert (first.policy.keep_count, first.policy.keep_daily) == (3, 7)
    assert (first.limit_bytes_s, first.stale_after_h) == (1_250_000, 30)
    assert second.options == {"type": "ftp", "host": "ftp.example", "tls": "true"}
    assert second.secrets == {"pass": SECRET}
    assert third.options == {"type": "azureblob", "use_emulator": "true"}
    assert third.secrets == {"sas_url": f"https://ada.blob.example/?sig={SECRET}"}


# Changing


def test_an_empty_secret_keeps_the_one_that_is_stored(
    ada: Visitor, app: Flask, backblaze: Destination, works: list[Destination]
) -> None:
    ada.open(f"{OFF_SITE}/backblaze/edit")
    seen = re.search(r'name="seen" value="([^"]+)"', ada.page)
    assert seen
    fields = BUCKET | {
        "name": "B2",
        "seen": seen[1],
        "secret_s3_secret": "",
        "secret_s3_key_id": "",
    }
    answer = ada.send(f"{OFF_SITE}/backblaze/edit", **fields)

    assert answer.status_code == 303
    (changed,) = entered(app)
    assert changed.id == backblaze.id
    assert changed.name == "B2"
    assert changed.secrets == {"key_id": KEY_ID, "secret": SECRET}
    assert works == []  # the access is the same
    assert logged(app) == ["update"]


def test_a_name_or_a_folder_that_is_taken_is_said_before_any_test(
    ada: Visitor, app: Flask, backblaze: Destination, works: list[Destination], folder: Path
) -> None:
    with app.app_context():
        data_dir = current_config().data_dir
    for path in (f"{OFF_SITE}/new", f"{OFF_SITE}/new/test"):
        ada.open(f"{OFF_SITE}/new")
        ada.send(path, **BUCKET | {"name": "backblaze"})
        assert "There is already a destination with this name." in shown(ada)
        ada.send(path, **NAS | {"folder_path": f"{data_dir}/copies"})
        assert f"The folder overlaps with {data_dir}" in shown(ada)
    assert works == []


def test_one_stored_secret_can_be_forgotten_alone(
    ada: Visitor, app: Flask, works: list[Destination]
) -> None:
    options = {"type": "sftp", "host": "box.example", "user": "u1"}
    with app.app_context():
        box = current_offsite().add(
            Destination(
                "", "Box", Service.RCLONE, options=options,
                secrets={"pass": SECRET, "key_pem": "a key"},
            ),
            by="ada",
        )  # fmt: skip
    sent: dict[str, str | list[str]] = {
        "name": "Box", "place": "off_site", "kind": "manual", "keep": "all", "encrypt": "on",
        "sftp_host": "box.example", "sftp_user": "u1", "clear": "secret_sftp_pass",
    }  # fmt: skip
    page = ada.open(f"{OFF_SITE}/{box.id}/edit").text
    assert 'name="clear" value="secret_sftp_pass"' in page
    seen = re.search(r'name="seen" value="(\w+)"', page)
    assert seen
    ada.send(f"{OFF_SITE}/{box.id}/edit", seen=seen[1], **sent)
    assert works[0].secrets == {"key_pem": "a key"}
    assert entered(app)[0].secrets == {"key_pem": "a key"}
    # An access key of S3 has two halves, and none is of use alone.
    ada.open(f"{OFF_SITE}/new")
    assert 'name="clear"' not in ada.page


def test_another_access_is_tested_with_the_stored_secrets(
    ada: Visitor, backblaze: Destination, works: list[Destination]
) -> None:
    ada.open(f"{OFF_SITE}/{backblaze.id}/edit")
    seen = re.search(r'name="seen" value="([^"]+)"', ada.page)
    assert seen
    fields = BUCKET | {"s3_bucket": "new", "seen": seen[1], "secret_s3_secret": "typed anew"}
    ada.send(f"{OFF_SITE}/{backblaze.id}/edit", **fields | {"secret_s3_key_id": ""})

    assert works[0].secrets == {"key_id": KEY_ID, "secret": "typed anew"}


@pytest.mark.parametrize("typed", [{}, {"secret_s3_key_id": "other"}])
def test_no_stored_secret_is_sent_to_another_server(
    ada: Visitor,
    app: Flask,
    backblaze: Destination,
    works: list[Destination],
    typed: dict[str, str],
) -> None:
    ada.open(f"{OFF_SITE}/backblaze/edit")
    seen = re.search(r'name="seen" value="([^"]+)"', ada.page)
    assert seen
    fields = BUCKET | dict.fromkeys(SECRETS, "") | {"seen": seen[1], "untested": "on"} | typed
    fields["s3_endpoint"] = "https://s3.other.example"
    for path in ("edit", "edit/test"):
        answer = ada.send(f"{OFF_SITE}/backblaze/{path}", **fields)
        assert answer.status_code == 422
        assert "Enter the secrets again: the stored ones are for another server." in shown(ada)
    assert works == []
    assert entered(app) == (backblaze,)


def test_two_admins_do_not_overwrite_each_other(
    ada: Visitor, app: Flask, backblaze: Destination
) -> None:
    ada.open(f"{OFF_SITE}/backblaze/edit")
    answer = ada.send(f"{OFF_SITE}/backblaze/edit", **BUCKET, seen="of yesterday")

    assert answer.status_code == 409
    assert "This destination was changed while you were editing" in shown(ada)
    assert entered(app) == (backblaze,)


def test_a_test_undoes_nothing_that_another_admin_changed_meanwhile(
    ada: Visitor, app: Flask, backblaze: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: dict[str, object] = {"paused": True, "limit_bytes_s": 5}

    def try_out(service: OffsiteService, tested: Destination, **_how: object) -> Trial:
        service.change(replace(service.find(tested.id), **others), by="ben")  # type: ignore[arg-type]
        return Trial(tuple(TrialStep(step, 0.2) for step in Step), may_delete=False)

    monkeypatch.setattr(OffsiteService, "try_out", try_out)
    ada.open(OFF_SITE)
    ada.send(f"{OFF_SITE}/backblaze/test")
    (known,) = entered(app)
    assert (known.paused, known.limit_bytes_s, known.may_delete) == (True, 5, False)

    others["secrets"] = {"key_id": "new", "secret": "new"}
    others["may_delete"] = None
    ada.send(f"{OFF_SITE}/backblaze/test")
    (known,) = entered(app)
    assert (known.secrets["secret"], known.may_delete) == ("new", None)

    ada.open(f"{OFF_SITE}/backblaze/edit")
    seen = re.search(r'name="seen" value="([^"]+)"', ada.page)
    assert seen
    others["limit_bytes_s"] = 6
    fields = BUCKET | {"seen": seen[1], "s3_bucket": "other"}
    assert ada.send(f"{OFF_SITE}/backblaze/edit", **fields).status_code == 409
    assert "This destination was changed while you were editing" in shown(ada)
    (known,) = entered(app)
    assert (known.limit_bytes_s, known.options["bucket"]) == (6, "ada-launcher")


def test_no_page_ever_shows_a_secret(ada: Visitor, app: Flask, backblaze: Destination) -> None:
    keep_copies(app, backblaze, copies=(copy_of(app),))
    for path in ("", "/backblaze/edit", "/backblaze/remove", "/kit", "/kit.txt", "/keys", "/rules"):
        answer = ada.open(f"{OFF_SITE}{path}")
        assert answer.status_code == 200, path
        assert SECRET not in answer.text
        assert KEY_ID not in answer.text
    assert SECRET not in ada.open("/admin/backups").text
    assert SECRET not in ada.open("/admin/audit").text


def test_pausing_resuming_copying_and_testing(
    ada: Visitor, app: Flask, backblaze: Destination, works: list[Destination]
) -> None:
    ada.open(OFF_SITE)
    ada.send(f"{OFF_SITE}/backblaze/pause")
    assert entered(app)[0].paused
    ada.open(OFF_SITE)
    assert "Paused" in shown(ada)
    ada.send(f"{OFF_SITE}/backblaze/resume")
    assert not entered(app)[0].paused
    assert entered(app)[0].secrets == backblaze.secrets
    ada.send(f"{OFF_SITE}/backblaze/copy-now")
    ada.send(f"{OFF_SITE}/backblaze/test")
    assert entered(app)[0].may_delete is True
    assert logged(app) == ["pause", "resume", "copy_now", "test"]


def test_a_removed_destination_keeps_its_copies(
    ada: Visitor, app: Flask, backblaze: Destination
) -> None:
    keep_copies(app, backblaze, copies=(copy_of(app),))
    ada.open(f"{OFF_SITE}/backblaze/remove")
    assert "1 copy remains there." in shown(ada)
    assert "This is the last other place with a good copy." in shown(ada)
    seen = re.search(r'name="seen" value="([^"]+)"', ada.page)
    assert seen

    ada.send(f"{OFF_SITE}/backblaze/remove", seen=seen[1])

    assert entered(app) == ()
    assert logged(app) == ["delete"]


# How they stand


def test_a_row_says_what_is_there_and_what_is_wrong(
    ada: Visitor, app: Flask, backblaze: Destination
) -> None:
    now = utc_now()
    trouble = LastTrouble(
        Trouble.NO_BUCKET,
        at=now,
        since=now - timedelta(hours=2),
        count=4,
        facts={"bucket": "ada-launcher"},
        answer="404 NoSuchBucket",
        next_try_at=now + timedelta(minutes=9),
    )
    good, bad = copy_of(app, read_at=now), copy_of(app, state=CopyState.DAMAGED)
    keep_copies(
        app, backblaze, copies=(bad, good), trouble=trouble, strange=("readme.txt",),
        strange_count=1, free_bytes=2_000_000_000,
        replaced=(Replaced(good.id, CopyState.MISSING, now, now),),
    )  # fmt: skip

    ada.open(OFF_SITE)

    words = shown(ada)
    assert "S3 ada-launcher https://s3.example" in words
    assert "There is no bucket “ada-launcher” at this endpoint" in html.unescape(words)
    assert "4 failed tries since" in words
    assert "404 NoSuchBucket" in words
    assert "1 copy is damaged or missing" in words
    assert f"{good.id} : missing, copied again" in words
    assert "1 file there was not written by this site" in words
    assert "readme.txt" in words
    assert "1 of 1" in words  # read in full


# The recovery kit


def test_the_kit_has_the_key_and_is_amber_until_it_is_confirmed(
    ada: Visitor, app: Flask, backblaze: Destination
) -> None:
    ada.open(OFF_SITE)
    assert "Confirm the recovery kit" in shown(ada)
    ada.open("/admin/backups")
    assert "Confirm the recovery kit" in shown(ada)

    answer = ada.open(f"{OFF_SITE}/kit")
    with app.app_context():
        kit = current_offsite().keys.kit(site_name="Launcher")
    assert kit.secret_key in re.sub(r"\s", "", shown(ada))
    assert "s3://ada-launcher" in shown(ada)
    assert 'class="qr"' in answer.text
    assert "style=" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store, no-transform"

    text = ada.open(f"{OFF_SITE}/kit.txt")
    assert text.mimetype == "text/plain"
    assert "kit.txt" in text.headers["Content-Disposition"]
    assert text.text == kit.text

    ada.open(f"{OFF_SITE}/kit")
    wrong = ada.send(f"{OFF_SITE}/kit", last="0000")
    assert wrong.status_code == 422
    assert "These are not the last 4 characters." in shown(ada)
    assert 'maxlength="4"' not in answer.text  # a space that is pasted too takes no character
    ada.send(f"{OFF_SITE}/kit", last=f" {kit.secret_key[-4:].lower()}")

    with app.app_context():
        assert current_offsite().keys.kit_state() is KitState.CONFIRMED
    ada.open(OFF_SITE)
    assert "Confirm the recovery kit" not in shown(ada)
    assert "confirm_kit" in logged(app)


def test_the_last_group_of_the_key_is_what_the_confirmation_asks_for(
    ada: Visitor, app: Flask, backblaze: Destination
) -> None:
    page = ada.open(f"{OFF_SITE}/kit").text
    groups = re.search(r"AGE-SECRET-KEY-1 ([A-Z0-9 ]+)</code>", page)
    assert groups
    ada.send(f"{OFF_SITE}/kit", last=groups[1].split()[-1])
    with app.app_context():
        assert current_offsite().keys.kit_state() is KitState.CONFIRMED


def test_the_page_of_the_kit_has_the_older_keys_and_says_how_many_copies_need_each(
    ada: Visitor, app: Flask, backblaze: Destination
) -> None:
    with app.app_context():
        keys = current_offsite().keys
        old = keys.kit(site_name="Launcher")
        new = keys.new_key(by="ada")
    before = copy_of(app, recipients=frozenset({old.public_key}))
    since = copy_of(app, recipients=frozenset({new}))
    foreign = copy_of(app, recipients=frozenset({make_identity().public_key}))
    keep_copies(app, backblaze, copies=(before, since))

    ada.open(f"{OFF_SITE}/kit")
    assert old.secret_key in re.sub(r"\s", "", shown(ada))
    assert "1 copy needs it." in shown(ada)
    ada.open(OFF_SITE)
    assert "The kit opens 2 encrypted copies." in shown(ada)
    assert "needs an older key" not in shown(ada)

    keep_copies(app, backblaze, copies=(before, since, foreign))
    for page in (OFF_SITE, f"{OFF_SITE}/keys"):
        ada.open(page)
        assert "1 copy needs an older key. Keep its recovery kit too." in shown(ada)
    ada.open(OFF_SITE)
    assert "The kit opens 2 encrypted copies." in shown(ada)


def test_a_saved_kit_that_lacks_an_address_is_a_calm_remark_until_it_is_confirmed_again(
    ada: Visitor, app: Flask, backblaze: Destination, folder: Path, works: list[Destination]
) -> None:
    with app.app_context():
        last = current_offsite().keys.kit(site_name="Launcher").secret_key[-4:]
    ada.open(f"{OFF_SITE}/kit")
    ada.send(f"{OFF_SITE}/kit", last=last)
    remark = "The kit you saved does not have the current address of"
    ada.open(OFF_SITE)
    assert remark not in shown(ada)

    ada.open(f"{OFF_SITE}/new")
    ada.send(f"{OFF_SITE}/new", **NAS | {"folder_path": str(folder)})
    with app.app_context():
        # A limit is no address; another endpoint is.
        current_offsite().change(replace(backblaze, limit_bytes_s=1000), by="ada")
        assert [each.name for each in current_offsite().keys.not_in_kit()] == ["NAS"]
    page = ada.open(OFF_SITE).text
    assert f"{remark} NAS. Its key is still the right one. Print or save it again" in shown(ada)
    assert "Not confirmed yet" not in page

    ada.open(f"{OFF_SITE}/kit")
    assert f"{remark} NAS." in shown(ada)
    ada.send(f"{OFF_SITE}/kit", last=last)
    ada.open(OFF_SITE)
    assert remark not in shown(ada)
    with app.app_context():
        current_offsite().remove("nas", by="ada")  # its copies are where the kit says
        assert not current_offsite().keys.not_in_kit()


def test_the_kit_needs_a_recent_password(tired: Visitor, backblaze: Destination) -> None:
    for path in ("kit", "kit.txt"):
        answer = tired.open(f"{OFF_SITE}/{path}")
        assert answer.status_code == 303
        assert "/account/confirm" in answer.headers["Location"]


def test_without_encryption_there_is_no_kit(ada: Visitor) -> None:
    assert ada.open(f"{OFF_SITE}/kit").status_code == 404


def test_a_new_key_and_keys_of_others(ada: Visitor, app: Flask, backblaze: Destination) -> None:
    with app.app_context():
        before = current_offsite().settings().recipients[0].public_key
    ada.open(f"{OFF_SITE}/keys")
    ada.send(f"{OFF_SITE}/keys/new")
    with app.app_context():
        after = current_offsite().settings().recipients[0].public_key
    assert before != after

    ada.open(f"{OFF_SITE}/keys")
    refused = ada.send(f"{OFF_SITE}/keys", public_key="age1nothing", label="Ben")
    assert refused.status_code == 422
    assert "This is not a public key of age." in shown(ada)
    ada.send(f"{OFF_SITE}/keys", public_key=before, label="The old one")
    ada.open(f"{OFF_SITE}/keys")
    assert "The old one" in shown(ada)
    ada.send(f"{OFF_SITE}/keys/remove", key=before)
    with app.app_context():
        assert [each.is_own for each in current_offsite().settings().recipients] == [True]
    assert logged(app) == ["create_key", "add_recipient", "remove_recipient"]


def test_the_rules_for_all(ada: Visitor, app: Flask, backblaze: Destination) -> None:
    ada.open(f"{OFF_SITE}/rules")
    assert ada.send(f"{OFF_SITE}/rules", days="0", budget="").status_code == 422
    ada.send(f"{OFF_SITE}/rules", days="30", budget="500")
    with app.app_context():
        settings = current_offsite().settings()
    assert (settings.read_within_days, settings.read_bytes_a_day) == (30, 500_000_000)
    ada.open(OFF_SITE)
    assert "Each copy is read in full once in 30 days." in shown(ada)


# The list of backups


def test_one_disk_is_said_once_there_is_a_good_backup_and_can_be_accepted(
    ada: Visitor, app: Flask
) -> None:
    ada.open("/admin/backups")
    assert "All copies are on one disk" not in shown(ada)
    copy_of(app)
    ada.open("/admin/backups")
    assert "All copies are on one disk" in shown(ada)

    ada.open(f"{OFF_SITE}/one-disk")
    assert ada.send(f"{OFF_SITE}/one-disk", reason=" ", until="half").status_code == 422
    ada.send(f"{OFF_SITE}/one-disk", reason="Tape every night", until="year")
    ada.open("/admin/backups")
    assert "All copies are on one disk" not in shown(ada)
    assert "1 copy of a recent good backup in 1 place, none off-site." in shown(ada)
    assert "Tape every night" in shown(ada)

    ada.send(f"{OFF_SITE}/one-disk/withdraw")
    ada.open("/admin/backups")
    assert "All copies are on one disk" in shown(ada)
    assert logged(app) == ["accept_one_disk", "withdraw_one_disk"]


def test_the_list_says_where_each_backup_is(
    ada: Visitor, app: Flask, backblaze: Destination
) -> None:
    copy = copy_of(app)
    keep_copies(app, backblaze, copies=(copy,))
    waiting = copy_of(app)

    ada.open("/admin/backups")

    rows = {
        backup_id: " ".join(re.sub(r"<[^>]+>", " ", row).split())
        for backup_id, row in re.findall(r'<tr id="row-([^"]+)".*?>(.*?)</tr>', ada.page, re.DOTALL)
    }
    assert "Here verified Backblaze copied" in rows[copy.id]
    assert "Here verified Backblaze waiting" in rows[waiting.id]
    assert "2 copies of a recent good backup in 2 places, 1 off-site." in shown(ada)


def test_a_paused_destination_is_named_first_and_amber_while_it_is_behind(
    ada: Visitor, app: Flask, folder: Path
) -> None:
    copy = copy_of(app)
    with app.app_context():
        for name in ("Disk", "Stick"):
            added = current_offsite().add(
                Destination(
                    "", name, Service.FOLDER, Place.THIS_SERVER, {"path": str(folder / name)},
                    encrypt=False, paused=name == "Stick",
                ),
                by="ada",
            )  # fmt: skip
            keep_copies(app, added, copies=(copy,))
    ada.open(OFF_SITE)
    assert "1 destination is paused" in shown(ada)
    assert "All destinations are up to date" not in shown(ada)
    assert '<section class="answer" data-state="ok"' in ada.page

    keep_copies(app, added)
    ada.open(OFF_SITE)
    assert "1 destination is paused" in shown(ada)
    assert '<section class="answer" data-state="warn"' in ada.page

    ada.open(f"/admin/backups/{copy.id}")
    assert "The size on the disk was confirmed. Not read in full yet." in shown(ada)
    with app.app_context():
        disk = current_offsite().find("disk")
    trouble = LastTrouble(Trouble.UNREACHABLE, utc_now(), utc_now())
    keep_copies(app, disk, copies=(copy,), read_trouble=replace(trouble, trouble=Trouble.NO_ROOM))
    ada.open(OFF_SITE)
    figures = re.search(r"Read in full</dt>.*?</dl>", ada.page, re.DOTALL)
    assert figures
    assert "The disk of this server is too full to read a copy." in figures[0]
    keep_copies(app, disk, copies=(copy,), trouble=trouble)
    copy_of(app)
    ada.open(OFF_SITE)
    answer = re.search(r'<section class="answer".*?</section>', ada.page, re.DOTALL)
    assert answer
    assert "fails</" in answer[0]
    ada.open("/admin/backups")
    assert "The last try failed. 1 backup to copy" in shown(ada)


def test_a_copy_that_is_only_elsewhere_can_be_downloaded(
    ada: Visitor, app: Flask, backblaze: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def launch(_module: str, order: object) -> str:
        asked.append(order)
        return BEGUN

    monkeypatch.setattr(fetch_process, "launch", launch)
    copy_of(app)
    gone = copy_of(app)
    keep_copies(app, backblaze, copies=(gone,))
    with app.app_context():
        current_backups().delete([gone.id], by="ada", may_take_last_good=True)
    ada.open("/admin/backups")
    assert "1 backup only at Backblaze" in shown(ada)

    path = f"{OFF_SITE}/backblaze/copies/{gone.id}/restore"
    ada.open(path)
    assert "Nothing is restored yet. The plan of the restore follows." in shown(ada)
    answer = ada.send(path)

    assert "/admin/backups/operations/" in answer.headers["Location"]
    assert len(asked) == 1


def test_a_backup_that_is_here_leads_to_its_plan(
    ada: Visitor, app: Flask, backblaze: Destination
) -> None:
    copy = copy_of(app)
    keep_copies(app, backblaze, copies=(copy,))
    answer = ada.open(f"{OFF_SITE}/backblaze/copies/{copy.id}/restore")
    assert answer.headers["Location"].endswith(f"/admin/backups/{copy.id}/restore")


def test_deleting_here_says_where_copies_remain(
    ada: Visitor, app: Flask, backblaze: Destination
) -> None:
    copy = copy_of(app)
    address = f"/admin/backups/{copy.id}/delete"
    keep_copies(app, backblaze, copies=(replace(copy, state=CopyState.DAMAGED),))
    ada.open(address)
    assert "Copies remain" not in shown(ada)
    assert "You cannot undo this." in shown(ada)

    keep_copies(app, backblaze, copies=(copy,))
    ada.open(address)
    assert "Copies remain at Backblaze. You can restore from there." in shown(ada)
    assert "You cannot undo this." not in shown(ada)

    with app.app_context():
        current_offsite().change(replace(backblaze, keep=KeepRule.MIRROR), by="ada")
    ada.open(address)
    assert "Copies remain" not in shown(ada)


def test_a_folder_is_preferred_for_a_download(
    ada: Visitor, app: Flask, backblaze: Destination, folder: Path
) -> None:
    copy = copy_of(app)
    with app.app_context():
        disk = current_offsite().add(
            Destination("", "Disk", Service.FOLDER, options={"path": str(folder)}), by="ada"
        )
        current_backups().create(by="ada")
        current_backups().delete([copy.id], by="ada", may_take_last_good=False)
    for each in (backblaze, disk):
        keep_copies(app, each, copies=(copy,))
    assert f"/{disk.id}/copies/{copy.id}/restore" in ada.open("/admin/backups").text


def test_what_is_not_there_is_not_found(ada: Visitor, backblaze: Destination) -> None:
    unknown = "20261122T170000Z-k3f9q2"
    for path in ("nowhere/edit", "nowhere/remove", f"backblaze/copies/{unknown}/restore"):
        assert ada.open(f"{OFF_SITE}/{path}").status_code == 404


def test_a_page_that_showed_a_copy_draws_its_list_again_once_it_has_ended(
    ada: Visitor, app: Flask, backblaze: Destination
) -> None:
    copy = copy_of(app)
    with app.app_context():
        files = OffsiteFiles(current_config().data_dir)
    files.ensure_folder()
    with files.held(backblaze.id):
        progress = CopyProgress(Work.UPLOAD, utc_now(), copy.id, done=610, total=1000)
        ProgressFile(files, backblaze.id).write(progress)
        ada.open("/admin/backups")
        assert "copying, 61" in shown(ada)
        assert 'hx-get="/admin/backups?copying=1"' in ada.page
        answer = ada.open("/admin/backups?copying=1", HX_Request="true")
        assert "HX-Trigger" not in answer.headers

    answer = ada.open("/admin/backups?copying=1", HX_Request="true")
    assert answer.headers["HX-Trigger"] == "backups-changed"
    assert "copying, 61" not in shown(ada)


def own_key(app: Flask) -> str:
    with app.app_context():
        return next(each.public_key for each in current_offsite().settings().recipients)


def page_of(visitor: Visitor, copy: StoredCopy) -> str:
    visitor.open(f"/admin/backups/{copy.id}")
    return shown(visitor)


def test_each_copy_says_when_it_was_read_and_which_key_opens_it(
    ada: Visitor, app: Flask, backblaze: Destination
) -> None:
    copy = copy_of(app, recipients=frozenset({own_key(app)}))
    keep_copies(app, backblaze, copies=(copy,))
    text = page_of(ada, copy)
    assert "Copies in other places" in text
    assert "Backblaze Off-site Good copy" in text
    assert "Not read in full yet. Encrypted for the recovery kit." in text

    office = make_identity().public_key
    with app.app_context():
        current_offsite().keys.add_recipient(office, "", by="ada")
    keep_copies(app, backblaze, copies=(replace(copy, recipients=frozenset({office})),))
    assert f"Encrypted for {office[:6]}…{office[-4:]}." in page_of(ada, copy)

    old = make_identity().public_key
    read = replace(copy, read_at=utc_now(), tested_at=utc_now(), recipients=frozenset({old}))
    keep_copies(app, backblaze, copies=(read,))
    text = page_of(ada, copy)
    assert "Read in full and verified: today at" in text
    assert "Restore tested: today at" in text
    assert f"Encrypted for the older key {old[:6]}…{old[-4:]}." in text

    keep_copies(app, backblaze, copies=(replace(copy, state=CopyState.DAMAGED),))
    text = page_of(ada, copy)
    assert "Backblaze Off-site waiting" in text
    assert "Good copy" not in text


def test_a_backup_that_no_other_place_gets_says_so(
    ada: Visitor, app: Flask, backblaze: Destination
) -> None:
    with app.app_context():
        current_offsite().change(replace(backblaze, kinds=frozenset({Kind.SCHEDULED})), by="ada")
    copy = copy_of(app)
    text = page_of(ada, copy)
    assert "This backup is only here. Backups of this type are not copied" in text


def test_a_site_without_destinations_has_no_such_section(ada: Visitor, app: Flask) -> None:
    assert "Copies in other places" not in page_of(ada, copy_of(app))


def test_the_address_of_a_backup_that_is_only_elsewhere_leads_to_its_download(
    ada: Visitor, app: Flask, backblaze: Destination
) -> None:
    copy = copy_of(app)
    keep_copies(app, backblaze, copies=(copy,))
    with app.app_context():
        current_offsite().add(
            Destination("", "NAS", Service.FOLDER, encrypt=False, options={"path": "/mnt/nas"}),
            by="ada",
        )
        (nas,) = [each for each in current_offsite().settings().destinations if each.name == "NAS"]
        current_backups().create(by="ada")
        current_backups().delete([copy.id], by="ada")
    keep_copies(app, nas, copies=(copy,))
    answer = ada.open(f"/admin/backups/{copy.id}")
    assert answer.status_code == 303
    assert answer.location.endswith(f"/off-site/nas/copies/{copy.id}/restore")
