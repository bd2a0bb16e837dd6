"""The setup link of a new server restores a copy from another place."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from launcher.accounts import setup, users
from launcher.app import create_app
from launcher.audit import COMMAND_LINE
from launcher.backup import BackupService
from launcher.backup.manifest import seal_of
from launcher.backup.ports import utc_now
from launcher.backup.records.ids import new_backup_id
from launcher.backup.records.operation import Outcome
from launcher.current import current_backups, current_offsite
from launcher.models import Role
from launcher.offsite.age import make_identity
from launcher.offsite.copying import run_destination
from launcher.offsite.found import Doubt, FoundCopy, FoundPlace, FoundSite
from launcher.offsite.records import Destination, Place, Service
from launcher.offsite.troubles import Trouble
from launcher.settings.table import SiteSettings
from launcher.web import setup_elsewhere
from launcher.web.setup_elsewhere import SHOWN
from tests.conftest import ADA
from tests.support.offsite import put_forged
from tests.web.restoring import ended, operation_of, text_of
from tests.web.visitor import Visitor


@pytest.fixture
def token(app: Flask) -> str:
    with app.app_context():
        return setup.ensure_setup_token(app.extensions["launcher.config"].setup_token_path)


@pytest.fixture
def service(app: Flask) -> BackupService:
    found: BackupService = app.extensions["launcher.background.service"]
    return found


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, str]]:
    """A folder with an encrypted copy of a site that is gone, its key, and the id of the copy."""
    root = tmp_path_factory.mktemp("lost")
    (folder := root / "nas").mkdir()
    app = create_app({"LAUNCHER_DATA_DIR": str(root / "data")})
    with app.app_context():
        backups, offsite = current_backups(), current_offsite()
        backups.initialise(by="test")
        users.create_user("ada", ADA.password, role=Role.ADMIN, actor=COMMAND_LINE)
        made = offsite.add(
            Destination("", "NAS", Service.FOLDER, Place.THIS_SERVER, {"path": str(folder)}),
            by="ada",
        )
        id_ = backups.create(by="ada").id
        run_destination(backups, root / "data", made.id, site=SiteSettings)
        yield folder, offsite.keys.kit(site_name="Home").text, id_


def look(visitor: Visitor, token: str, **fields: object) -> TestResponse:
    """Fill in the form of a place and send it."""
    page = visitor.open(f"/setup/elsewhere?token={token}").text
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', page)
    sent: Mapping[str, object] = {"csrf_token": csrf[1] if csrf else "", **fields}
    address = f"/setup/elsewhere?token={token}"
    answer = visitor.client.post(address, data=sent, content_type="multipart/form-data")
    return visitor.open(answer.location) if answer.status_code == 303 else answer


def test_from_the_place_to_signing_in_with_an_account_of_the_copy(
    guest: Visitor, service: BackupService, token: str, lost: tuple[Path, str, str], data_dir: Path
) -> None:
    folder, key, id_ = lost
    assert "From another place" in guest.open(f"/setup?token={token}").text

    found = look(guest, token, service="folder", folder_path=str(folder), secret_kit=key)
    assert "1 copy of “Launcher” found" in text_of(found.text)
    assert re.search(rf'value="\w+/{id_}" checked', found.text)
    assert "AGE-SECRET-KEY" not in found.text

    action = re.search(r'action="([^"]+)"', found.text)[1].replace("&amp;", "&")
    choice = re.search(r'name="copy" value="([^"]+)" checked', found.text)[1]
    started = guest.send(action, copy=choice)
    assert ended(service, operation_of(started)).outcome is Outcome.SUCCEEDED
    assert service.get(id_).is_good
    outcome = guest.open(started.location).text
    plan = guest.open(re.search(r'href="(/setup/restore/[^"]+)"', outcome)[1].replace("&amp;", "&"))
    assert "Admins who can sign in ada" in text_of(plan.text)
    back_of_plan = re.search(r'href="([^"]+)">Back</a>', plan.text)[1].replace("&amp;", "&")
    assert f"/{id_}" in guest.open(back_of_plan).text

    # Back at the list, the search is still there with all that was typed.
    back = re.search(r'href="([^"]+)">\s*Back to the copies', outcome)[1].replace("&amp;", "&")
    assert back == back_of_plan
    assert f"/{id_}" in guest.open(back).text
    again = guest.send(action, copy=choice)
    assert f"/setup/restore/{id_}" in again.location
    plan = guest.open(again.location)

    restored = guest.send(re.search(r'action="([^"]+)"', plan.text)[1].replace("&amp;", "&"))
    assert ended(service, operation_of(restored)).outcome is Outcome.SUCCEEDED
    assert "Add the destination again" in text_of(guest.open(restored.location).text)
    assert not (data_dir / "recovering").exists()
    assert guest.open(f"/setup/elsewhere?token={token}").status_code == 403
    assert guest.sign_in(ADA).status_code == 303


def test_without_its_key_a_copy_is_listed_and_cannot_be_chosen(
    guest: Visitor, token: str, lost: tuple[Path, str, str]
) -> None:
    found = look(guest, token, service="folder", folder_path=str(lost[0]))
    assert "No copy there can be opened" in text_of(found.text)
    assert "The copies need the key age1" in text_of(found.text)
    assert "Needs another key" in found.text
    assert "Download copy" not in found.text


def test_where_newer_copies_need_another_key_none_is_selected(
    guest: Visitor, token: str, lost: tuple[Path, str, str], tmp_path: Path
) -> None:
    folder, key, id_ = lost
    shutil.copytree(folder, tmp_path / "nas")
    (of_site,) = (tmp_path / "nas").glob("launcher-*")
    put_forged(of_site, key, is_encrypted=True, recipients={make_identity().public_key})
    found = look(guest, token, service="folder", folder_path=str(tmp_path / "nas"), secret_kit=key)
    assert "checked" not in found.text
    assert re.search(rf'value="\w+/{id_}" required>', found.text)
    assert "“Needs another key”: no key that you entered opens such a copy." in found.text


def test_a_place_of_which_no_manifest_can_be_read_asks_for_no_other_key(
    guest: Visitor, token: str, lost: tuple[Path, str, str], tmp_path: Path
) -> None:
    folder, key = shutil.copytree(lost[0], tmp_path / "nas"), lost[1]
    for manifest in folder.glob("launcher-*/*.json"):
        manifest.write_bytes(b"\x1f\x8b")
    found = look(guest, token, service="folder", folder_path=str(folder), secret_kit=key)
    assert "No copy there can be opened They are damaged or incomplete." in text_of(found.text)
    assert "recovery kit" not in text_of(found.text)


@pytest.mark.parametrize("is_encrypted", [True, False])
def test_a_newer_copy_that_the_key_does_not_confirm_is_marked_and_not_selected(
    guest: Visitor, token: str, lost: tuple[Path, str, str], tmp_path: Path, is_encrypted: bool
) -> None:
    folder, key, id_ = lost
    shutil.copytree(folder, tmp_path / "nas")
    (of_site,) = (tmp_path / "nas").glob("launcher-*")
    forged = put_forged(of_site, key, is_encrypted=is_encrypted)
    found = look(guest, token, service="folder", folder_path=str(tmp_path / "nas"), secret_kit=key)
    assert re.findall(r'value="\w+/(\S+)" checked', found.text) == [id_]
    assert forged in found.text
    assert text_of(found.text).count(" Origin not confirmed") == 1
    assert text_of(found.text).count("Origin confirmed") == 1
    assert "nothing shows that such a copy comes from your site" in text_of(found.text)

    (of_site / f"launcher-{id_}.json").unlink()
    found = look(guest, token, service="folder", folder_path=str(tmp_path / "nas"), secret_kit=key)
    assert "checked" not in found.text
    assert "The origin of no copy there is confirmed" in text_of(found.text)
    assert "Download copy" in found.text


def test_a_site_with_confirmed_copies_is_listed_above_one_with_newer_copies(
    guest: Visitor, token: str, lost: tuple[Path, str, str], tmp_path: Path
) -> None:
    folder, key, id_ = lost
    shutil.copytree(folder, tmp_path / "nas")
    (of_site,) = (tmp_path / "nas").glob("launcher-*")
    other = shutil.copytree(of_site, of_site.with_name("launcher-aaaa2222"))
    forged = put_forged(other, key, is_encrypted=True)
    found = look(guest, token, service="folder", folder_path=str(tmp_path / "nas"), secret_kit=key)
    listed = re.findall(r'name="copy" value="\w+/([^"]+)', found.text)
    assert listed == [id_, forged, id_]


def test_a_copy_below_many_forged_ones_is_selected_and_in_sight(
    guest: Visitor, token: str, lost: tuple[Path, str, str], tmp_path: Path
) -> None:
    folder, key, id_ = lost
    shutil.copytree(folder, tmp_path / "nas")
    (of_site,) = (tmp_path / "nas").glob("launcher-*")
    (genuine,) = folder.glob("launcher-*")
    for count in range(SHOWN):
        aside = tmp_path / "aside" / str(count)
        shutil.copytree(genuine, aside)
        forged = put_forged(aside, key, later=timedelta(minutes=count + 1), is_encrypted=True)
        for path in aside.glob(f"*{forged}*"):
            shutil.copy(path, of_site)
    found = look(guest, token, service="folder", folder_path=str(tmp_path / "nas"), secret_kit=key)
    assert text_of(found.text).count(" Origin not confirmed") == SHOWN
    assert re.findall(r'value="\w+/(\S+)" checked', found.text) == [id_]
    assert "<details open>" in found.text


def test_what_the_page_showed_as_confirmed_is_downloaded_only_as_that(
    guest: Visitor, service: BackupService, token: str, lost: tuple[Path, str, str], tmp_path: Path
) -> None:
    folder, key, id_ = lost
    shutil.copytree(folder, tmp_path / "nas")
    found = look(guest, token, service="folder", folder_path=str(tmp_path / "nas"), secret_kit=key)
    action = re.search(r'action="([^"]+)"', found.text)[1].replace("&amp;", "&")
    choice = re.search(r'name="copy" value="([^"]+)" checked', found.text)[1]
    (path,) = (tmp_path / "nas").glob(f"launcher-*/launcher-{id_}.json")
    facts = json.loads(path.read_text())
    del facts["seal"], facts["proof"]
    path.write_text(json.dumps({**facts, "seal": seal_of(facts)}))
    ended_with = ended(service, operation_of(guest.send(action, copy=choice)))
    assert ended_with.outcome is Outcome.FAILED
    assert service.list() == []
    assert guest.open(action).status_code == 200  # another copy can be chosen


def test_a_copy_of_unknown_origin_keeps_its_warning_after_the_download(
    guest: Visitor, service: BackupService, token: str, lost: tuple[Path, str, str], tmp_path: Path
) -> None:
    folder, key, id_ = lost
    shutil.copytree(folder, tmp_path / "nas")
    (path,) = (tmp_path / "nas").glob(f"launcher-*/launcher-{id_}.json")
    facts = json.loads(path.read_text())
    del facts["seal"], facts["proof"]
    path.write_text(json.dumps({**facts, "seal": seal_of(facts)}))
    found = look(guest, token, service="folder", folder_path=str(tmp_path / "nas"), secret_kit=key)
    choice = re.search(r'name="copy" value="([^"]+)"', found.text)[1]
    action = re.search(r'action="([^"]+)"', found.text)[1].replace("&amp;", "&")
    assert ended(service, operation_of(guest.send(action, copy=choice))).backup_id == id_

    words = "Origin not confirmed: nothing shows that this copy of “Launcher” comes from its site."
    assert words in text_of(guest.open(f"/setup/restore/{id_}?token={token}").text)
    listed = text_of(guest.open(f"/setup?token={token}").text)
    assert "Origin not confirmed Copy from another place ·" in listed
    # The right copy of the same id is downloaded, and replaces it.
    found = look(guest, token, service="folder", folder_path=str(folder), secret_kit=key)
    choice = re.search(r'name="copy" value="([^"]+)" checked', found.text)[1]
    action = re.search(r'action="([^"]+)"', found.text)[1].replace("&amp;", "&")
    assert ended(service, operation_of(guest.send(action, copy=choice))).backup_id == id_
    assert words not in text_of(guest.open(f"/setup/restore/{id_}?token={token}").text)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"service": "folder", "folder_path": "here"}, "Enter the full path"),
        ({"service": "folder", "folder_path": "/nowhere/at/all"}, "does not exist there"),
        ({"service": "folder", "folder_path": "/usr/share"}, "No copies found in this folder"),
        ({"service": "folder", "folder_path": "LOST", "secret_kit": "AGE-1"}, "This is no key"),
        ({"service": "s3", "s3_bucket": "ada"}, "Fill in this field."),
    ],
)
def test_what_is_wrong_is_named_and_what_was_typed_stays_but_secrets(
    guest: Visitor, token: str, lost: tuple[Path, str, str], fields: dict[str, str], said: str
) -> None:
    sent = {name: text.replace("LOST", str(lost[0])) for name, text in fields.items()}
    answer = look(guest, token, **{"secret_s3_secret": "sesame", **sent})
    assert answer.status_code == 422
    assert said in text_of(answer.text)
    assert "sesame" not in answer.text
    assert "AGE-1" not in answer.text
    assert sent.get("folder_path", "ada") in answer.text


def test_secrets_and_key_are_typed_once_and_are_on_no_page(
    guest: Visitor, token: str, lost: tuple[Path, str, str]
) -> None:
    folder, kit, id_ = lost
    wrong = look(guest, token, service="folder", folder_path="/nowhere/at/all", secret_kit=kit)
    assert "Secrets and key are kept" in text_of(wrong.text)
    assert "AGE-SECRET-KEY" not in wrong.text
    typed = re.search(r'name="typed" value="([^"]+)"', wrong.text)[1]

    found = look(guest, token, service="folder", folder_path=str(folder), typed=typed)
    assert re.search(rf'value="\w+/{id_}" checked', found.text)

    back = re.search(r'href="(/setup/elsewhere\?[^"]+)"', found.text)[1].replace("&amp;", "&")
    form = guest.open(back).text
    assert f'value="{folder}"' in form
    assert 'name="typed"' in form
    assert "AGE-SECRET-KEY" not in form


def test_a_mistyped_key_is_shown_again_to_be_compared(
    guest: Visitor, token: str, lost: tuple[Path, str, str]
) -> None:
    secret = re.search(r"AGE-SECRET-KEY-1[\w\s]{58,}", lost[1])[0].split("\n")[0]
    wrong = secret[:-1] + ("Q" if secret[-1] != "Q" else "P")
    answer = look(guest, token, service="folder", folder_path=str(lost[0]), secret_kit=wrong)
    assert "A character of the key is wrong or missing" in text_of(answer.text)
    assert wrong in answer.text


def test_a_copy_that_cannot_be_read_is_named_and_nothing_selected(
    guest: Visitor, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = utc_now()
    good = FoundCopy(new_backup_id(at), at, opens=True, is_proved=True)
    other = FoundCopy(new_backup_id(at), at, trouble=Trouble.BUSY, doubt=Doubt.NOT_READ)
    found = FoundPlace((FoundSite("abcd2345", "Home", (other, good), 2),))
    monkeypatch.setattr(setup_elsewhere, "look_in_child", lambda *_, **__: found)
    page = look(guest, token, service="folder", folder_path="/mnt").text
    assert "A newer copy cannot be read now" in text_of(page)
    assert "Cannot be read now" in text_of(page)
    assert "checked" not in page
    assert re.search(rf'{other.id}" required disabled', page)
    assert f"<code>{good.id}</code>" in page  # both are of the same minute


def test_without_the_link_nothing_is_searched_or_downloaded(
    guest: Visitor, service: BackupService, token: str, lost: tuple[Path, str, str]
) -> None:
    found = look(guest, token, service="folder", folder_path=str(lost[0]), secret_kit=lost[1])
    address = re.search(r'action="(/setup/elsewhere/[^"?]+)', found.text)[1]
    choice = re.search(r'name="copy" value="([^"]+)"', found.text)[1]
    for wrong in ("", "x"):
        assert guest.open(f"/setup/elsewhere?token={wrong}").status_code == 403
        assert guest.open(f"{address}?token={wrong}").status_code == 403
        assert guest.send(f"{address}?token={wrong}", copy=choice).status_code == 403
    assert guest.send(f"{address}?token={token}", copy="x/y").status_code == 303
    assert service.list() == []
