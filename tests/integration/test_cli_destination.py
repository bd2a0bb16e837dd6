"""`flask destination` and `flask recovery-kit`: places that get copies, and the key of copies."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from launcher.backup.ports import utc_now
from launcher.current import current_offsite
from launcher.extensions import db
from launcher.models import AuditEvent
from launcher.offsite.files import OffsiteFiles
from launcher.offsite.ledger import LedgerFile
from launcher.offsite.records import CopyState, LastTrouble
from launcher.offsite.service import OffsiteService
from launcher.offsite.troubles import Trouble

Run = Callable[..., Result]
SECRET = "sesame-open-wide"


@pytest.fixture
def app(unled_app: Flask) -> Flask:
    return unled_app


@pytest.fixture
def flask(app: Flask) -> Run:
    def run(*words: str, said: str = "", expect: int = 0) -> Result:
        result = app.test_cli_runner().invoke(args=words, input=said)
        assert result.exit_code == expect, result.output
        return result

    return run


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A folder that looks like a mounted disk: it is not empty."""
    folder = tmp_path / "disk"
    (folder / "lost+found").mkdir(parents=True)
    return folder / "launcher"


@pytest.fixture
def s3(tmp_path: Path) -> tuple[str, ...]:
    """The options of a place in S3 that no test asks for anything."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    return ("s3://ada-launcher/home", "--endpoint", "http://127.0.0.1:9", "--key-id", "AKIA",
        "--secret-file", str(tmp_path / "secret"), "--no-test")  # fmt: skip


def audited(app: Flask) -> list[str]:
    with app.app_context():
        return [each.action for each in db.session.query(AuditEvent).order_by(AuditEvent.id)]


def test_a_destination_is_added_changed_paused_and_removed(
    flask: Run, app: Flask, s3: tuple[str, ...]
) -> None:
    added = flask("destination", "add", "Back Blaze", *s3, "--type", "scheduled")
    assert "Place: this server." in added.stderr
    assert added.stdout == "back-blaze\n"
    assert "`flask recovery-kit save kit.txt` saves it." in added.stderr

    shown = json.loads(flask("destination", "show", "back-blaze", "--json").stdout)
    assert shown["address"] == "s3://ada-launcher/home"
    assert (shown["encrypt"], shown["kinds"], shown["place"]) == (
        True,
        ["scheduled"],
        "this_server",
    )
    assert shown["secrets"] == ["key_id", "secret"]

    flask("destination", "set", "back-blaze", "--keep", "own", "--keep-last", "30",
          "--limit", "4", "--name", "Vault")  # fmt: skip
    flask("destination", "pause", "back-blaze")
    shown = json.loads(flask("destination", "show", "back-blaze", "--json").stdout)
    assert (shown["name"], shown["keep"], shown["policy"]["keep_count"]) == ("Vault", "own", 30)
    assert (shown["limit_bytes_s"], shown["paused"]) == (500_000, True)
    pairs = flask("destination", "show", "back-blaze").stdout
    assert "own: 30 last" in pairs
    assert "4 Mbit/s (500.0 kB per second)" in pairs
    with app.app_context():
        assert current_offsite().find("back-blaze").secrets["secret"] == SECRET
    assert "Vault resumed" in flask("destination", "resume", "back-blaze").stderr

    listed = flask("destination", "list").stdout
    assert "s3://ada-launcher/home" in listed
    gone = flask("destination", "remove", "back-blaze", "--yes").stderr
    assert "copies remain at s3://ada-launcher/home" in gone
    assert "No destinations." in flask("destination", "list").stderr
    assert audited(app)[-6:] == [
        "destination.create", "destination.create_key", "destination.update", "destination.pause",
        "destination.resume", "destination.delete",
    ]  # fmt: skip


def test_no_secret_is_ever_printed(flask: Run, app: Flask, s3: tuple[str, ...]) -> None:
    seen = [
        flask("destination", "add", "Vault", *s3, "--json"),
        flask("destination", "list", "--json"),
        flask("destination", "show", "vault"),
        flask("destination", "set", "vault", "--stale-after", "48", "--json"),
        flask("destination", "set", "vault", "--region", "x", "--no-test"),
    ]
    assert not any(SECRET in each.output for each in seen)
    with app.app_context():
        events = [str(each.changes) for each in db.session.query(AuditEvent)]
    assert not any(SECRET in each for each in events)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("show", "nowhere"), 13, "there is no destination nowhere"),
        (("copies", "nowhere"), 13, "there is no destination nowhere"),
        (("add", "VAULT", "S3", "--no-test"), 1, "a destination has this name"),
        (("set", "vault", "--keep-last", "3"), 2, "Numbers of copies need --keep own"),
        (("set", "vault", "--address", "/mnt"), 2, "A destination remains of its kind"),
    ],
)
def test_what_is_refused_says_why_and_what_to_type(
    flask: Run, s3: tuple[str, ...], words: tuple[str, ...], code: int, said: str
) -> None:
    flask("destination", "add", "Vault", *s3)
    place = [each for word in words for each in (s3 if word == "S3" else (word,))]
    done = flask("destination", *dict.fromkeys(place), expect=code)
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) >= 2


def test_no_stored_secret_goes_to_another_server(
    flask: Run, app: Flask, s3: tuple[str, ...], tmp_path: Path
) -> None:
    flask("destination", "add", "Vault", *s3)
    moved = ("destination", "set", "vault", "--endpoint", "http://127.0.0.1:10", "--no-test")
    refused = flask(*moved, expect=1).stderr
    assert "the stored secrets are for another server" in refused
    assert "--new-secret" in refused
    given = ("--key-id", "AKIB", "--secret-file", str(tmp_path / "secret"))
    flask(*moved, *given)
    flask("destination", "set", "vault", "--address", "s3://ben-launcher/", "--no-test")
    with app.app_context():
        found = current_offsite().find("vault")
    assert found.options["endpoint"] == "http://127.0.0.1:10"
    assert (found.options["bucket"], found.secrets["key_id"]) == ("ben-launcher", "AKIB")


def test_the_kit_is_saved_for_its_owner_alone_and_confirmed_by_its_end(
    flask: Run, app: Flask, s3: tuple[str, ...], tmp_path: Path
) -> None:
    none = flask("recovery-kit", "save", str(tmp_path / "kit.txt"), expect=1)
    assert "there is no key yet" in none.stderr
    flask("destination", "add", "Vault", *s3)

    kit = Path(flask("recovery-kit", "save", str(tmp_path)).stdout.strip())
    assert kit == tmp_path / "kit.txt"
    assert stat.S_IMODE(kit.stat().st_mode) == 0o600
    text = kit.read_text()
    assert "flask backup recover s3://ada-launcher/home --endpoint http://127.0.0.1:9" in text
    assert SECRET not in text
    assert "AKIA" not in text
    assert text == flask("recovery-kit", "show").stdout
    second = kit.with_stem(f"{kit.stem}-2")
    refused = flask("recovery-kit", "save", str(kit), expect=1).stderr
    assert f"exists.\nChoose another name: `flask recovery-kit save {second}`" in refused
    flask("recovery-kit", "save", str(second))

    wrong = flask("recovery-kit", "confirm", said="ABCD\n", expect=1)
    assert "these are not the last 4 characters" in wrong.stderr
    assert json.loads(flask("recovery-kit", "show", "--json").stdout)["state"] == "unconfirmed"
    end = json.loads(flask("recovery-kit", "show", "--json").stdout)["secret_key"][-4:]
    flask("recovery-kit", "confirm", said=f"{end.lower()}\n")
    assert json.loads(flask("recovery-kit", "show", "--json").stdout)["state"] == "confirmed"
    assert audited(app)[-2:] == ["destination.confirm_kit", "destination.show_kit"]

    added = flask("destination", "add", "Attic", "s3://attic", *s3[1:]).stderr
    assert "The kit you saved does not have the current address of Attic." in added
    assert "current address of Attic" in flask("recovery-kit", "show").stderr
    kit = json.loads(flask("recovery-kit", "keys", "--json").stdout)
    assert (kit["kit"], kit["not_in_saved_kit"]) == ("confirmed", ["attic"])
    flask("recovery-kit", "confirm", said=f"{end}\n")
    assert "current address" not in flask("recovery-kit", "show").stderr


def test_what_needs_no_test_is_refused_before_one(
    flask: Run, s3: tuple[str, ...], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flask("destination", "add", "Vault", *s3)
    monkeypatch.setattr(OffsiteService, "try_out", lambda *_, **__: pytest.fail("was tested"))
    taken = flask("destination", "add", "vault", "s3://other", expect=1)
    assert "a destination has this name" in taken.stderr
    inside = flask("destination", "add", "In", f"{data_dir}/./backups/copies", expect=22)
    assert f"{data_dir}/backups/copies overlaps with {data_dir}" in inside.stderr


def test_one_stored_secret_can_be_forgotten(flask: Run, app: Flask, tmp_path: Path) -> None:
    (tmp_path / "both").write_text(f"pass={SECRET}\nkey_pem=a key\n")
    flask("destination", "add", "Box", "rclone:sftp:launcher", "--option", "host=box.example",
          "--option", "user=ada", "--secret-file", str(tmp_path / "both"), "--no-test")  # fmt: skip
    wrong = flask("destination", "set", "box", "--clear-secret", "password", expect=2)
    assert "There is no stored secret 'password'. Stored: key_pem, pass." in wrong.stderr
    flask("destination", "set", "box", "--clear-secret", "pass", "--no-test")
    with app.app_context():
        assert current_offsite().find("box").secrets == {"key_pem": "a key"}


def test_the_kit_is_never_saved_as_a_dash(flask: Run) -> None:
    assert "recovery-kit show" in flask("recovery-kit", "save", "-", expect=2).stderr
    assert not Path("-").exists()


def test_others_can_open_new_copies_and_a_new_key_needs_a_new_kit(
    flask: Run, s3: tuple[str, ...]
) -> None:
    ben = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
    flask("destination", "add", "Vault", *s3)
    flask("recovery-kit", "add-key", ben, "Ben")
    assert "this is no key of age" in flask("recovery-kit", "add-key", "x", "X", expect=23).stderr

    new = flask("recovery-kit", "new-key", "--yes").stdout.strip()
    keys = json.loads(flask("recovery-kit", "keys", "--json").stdout)
    assert [each["public_key"] for each in keys["keys"]] == [new, ben]
    assert keys["kit"] == "unconfirmed"

    flask("recovery-kit", "remove-key", ben)
    assert ben not in flask("recovery-kit", "keys").stdout
    assert "last key" in flask("recovery-kit", "remove-key", new, expect=1).stderr


def test_destinations_that_cannot_be_read_are_named_with_the_file(
    flask: Run, data_dir: Path
) -> None:
    (data_dir / "destinations.json").write_text("{")
    done = flask("destination", "list", expect=22)
    assert "the destinations cannot be read" in done.stderr
    assert str(data_dir / "destinations.json") in done.stderr


def test_a_copy_at_once_waits_for_the_process_that_works_there(
    flask: Run, disk: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flask("destination", "add", "Disk", str(disk), "--no-test", "--place", "this-server")
    id_ = flask("backup", "create").stdout.strip()
    said: list[str] = []
    with ExitStack() as other:

        def hear(words: str) -> None:
            said.append(words)
            other.close()

        assert other.enter_context(OffsiteFiles(data_dir).held("disk"))
        monkeypatch.setattr("launcher.cli.destination.work.say", hear)
        flask("destination", "copy", "disk", "--wait")
    assert said[0] == "Another process copies to Disk. This command waits for it."
    assert said[1].startswith(f"{id_} copied to Disk")
    counted = flask("destination", "list").stderr
    assert "2 copies of a recent good backup in 1 place, 0 off-site" in counted


def test_a_copy_that_cannot_be_read_or_is_damaged_is_named(
    flask: Run, disk: Path, data_dir: Path
) -> None:
    flask("destination", "add", "Disk", str(disk), "--no-encrypt", "--place", "this-server")
    flask("backup", "create")
    flask("destination", "copy", "disk", "--wait")
    file = LedgerFile(OffsiteFiles(data_dir), "disk")
    (copy,) = file.read().copies
    now = utc_now()
    later = now + timedelta(hours=6)
    full = LastTrouble(Trouble.NO_ROOM, now, now, next_try_at=later)
    unread = replace(file.read(), copies=(replace(copy, read_at=None),))
    file.write(replace(unread, read_trouble=full))
    said = flask("destination", "copy", "disk", "--wait").stderr
    assert "Copies at Disk could not be read in full: the disk of the data" in said
    assert re.search(
        "Not read: .*the disk of the data", flask("destination", "show", "disk").stdout
    )

    file.write(unread)
    (data,) = disk.rglob(copy.name)
    data.write_bytes(bytes(copy.size_bytes))
    done = flask("destination", "copy", "disk", "--wait", expect=22)
    assert f"{copy.name} is not what was written there" in done.stderr
    flask("destination", "copy", "disk", "--wait")
    assert data.read_bytes() != bytes(copy.size_bytes)  # it was copied again
    shown = flask("destination", "show", "disk").stdout
    assert re.search(rf"Copied again: +{copy.id} \(damaged since ", shown)


def test_a_copy_that_is_gone_is_named_where_it_is_copied_again(flask: Run, disk: Path) -> None:
    flask("destination", "add", "Disk", str(disk), "--no-encrypt", "--place", "this-server")
    id_ = flask("backup", "create").stdout.strip()
    flask("destination", "copy", "disk", "--wait")
    for each in disk.rglob(f"launcher-{id_}*"):
        each.unlink()
    said = flask("destination", "copy", "disk", "--wait").stderr
    assert re.search(rf"{id_} copied to Disk .*The copy from before was missing\.", said)


def test_what_was_there_already_is_not_reported_as_copied(
    flask: Run, disk: Path, data_dir: Path
) -> None:
    flask("destination", "add", "Disk", str(disk), "--no-encrypt", "--place", "this-server")
    flask("backup", "create")
    flask("destination", "copy", "disk", "--wait")
    OffsiteFiles(data_dir).ledger("disk").unlink()
    said = flask("destination", "copy", "disk", "--wait").stderr
    assert said == "Disk has a copy of each backup that it should have.\n"


def test_a_failed_copy_is_one_sentence_without_lines_of_the_log(
    flask: Run, disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flask("destination", "add", "Disk", str(disk), "--no-encrypt", "--place", "this-server")
    flask("backup", "create")
    flask("destination", "copy", "disk", "--wait")
    disk.rename(disk.with_name("elsewhere"))
    flask("destination", "copy", "disk", "--wait", expect=22)
    assert [each for each in caplog.messages if each.startswith("copying to")] == []


def test_a_service_that_is_away_is_named_before_it_is_a_problem(
    flask: Run, disk: Path, data_dir: Path
) -> None:
    flask("destination", "add", "Disk", str(disk), "--no-test", "--place", "this-server")
    flask("backup", "create")
    flask("destination", "copy", "disk", "--wait")
    assert "Copying:" not in flask("backup", "status").stdout
    file, now = LedgerFile(OffsiteFiles(data_dir), "disk"), utc_now()
    away = LastTrouble(Trouble.REFUSED, now, now, facts={"host": "nas"}, next_try_at=now)
    file.write(replace(file.read(), trouble=away))
    status = flask("backup", "status").stdout
    assert re.search(r"Copying: +Disk fails since .*: .*nas.*; next try ", status)
    assert "copying failed" not in status


def test_the_list_says_that_copies_are_damaged(flask: Run, disk: Path, data_dir: Path) -> None:
    flask("destination", "add", "Disk", str(disk), "--no-test", "--place", "this-server")
    flask("backup", "create")
    flask("destination", "copy", "disk", "--wait")
    file = LedgerFile(OffsiteFiles(data_dir), "disk")
    (copy,) = file.read().copies
    file.write(replace(file.read(), copies=(replace(copy, state=CopyState.DAMAGED),)))
    assert "1 damaged or missing" in flask("destination", "list").stdout


def test_a_clock_that_went_back_reports_no_copy_twice(
    flask: Run, disk: Path, data_dir: Path
) -> None:
    flask("destination", "add", "Disk", str(disk), "--no-test", "--place", "this-server")
    flask("backup", "create")
    flask("destination", "copy", "disk", "--wait")
    file = LedgerFile(OffsiteFiles(data_dir), "disk")
    (copy,) = file.read().copies
    ahead = replace(copy, copied_at=copy.copied_at + timedelta(hours=2))
    file.write(replace(file.read(), copies=(ahead,)))
    said = flask("destination", "copy", "disk", "--wait").stderr
    assert said == "Disk has a copy of each backup that it should have.\n"


def test_a_null_character_in_the_file_of_the_destinations_is_named(
    flask: Run, disk: Path, data_dir: Path
) -> None:
    flask("destination", "add", "Disk", str(disk), "--no-test", "--place", "this-server")
    path = data_dir / "destinations.json"
    path.write_text(path.read_text().replace("/launcher", "/launch\\u0000er"))
    assert "null character" in flask("destination", "list", expect=22).stderr
    flask("backup", "status", expect=24)


def test_it_is_said_of_which_copies_the_origin_is_confirmed(flask: Run, disk: Path) -> None:
    flask("destination", "add", "Disk", str(disk), "--no-encrypt", "--place", "this-server")
    flask("backup", "create")
    flask("destination", "copy", "disk", "--wait")
    shown = flask("destination", "show", "disk").stdout
    assert re.search(r"Origin confirmed: +none\n", shown)
    flask("destination", "set", "disk", "--encrypt")
    flask("backup", "create")
    flask("destination", "copy", "disk", "--wait")
    shown = flask("destination", "show", "disk").stdout
    assert re.search(r"Origin confirmed: +1 of 2\n", shown)
    newer, older = flask("destination", "copies", "disk").stdout.splitlines()[1:]
    assert ("not confirmed" in newer, "not confirmed" in older) == (False, True)
    assert "confirmed" in newer


def test_a_backup_that_is_here_is_not_downloaded(flask: Run) -> None:
    made = flask("backup", "create").stdout.strip()
    done = flask("backup", "fetch", made)
    assert done.stdout.strip() == made
    assert "already here" in done.stderr
    assert "Downloading" not in done.stderr


def test_one_place_is_one_destination(flask: Run, s3: tuple[str, ...]) -> None:
    flask("destination", "add", "Backblaze", *s3)
    refused = flask("destination", "add", "Second", *s3, "--region", "eu-1", expect=1)
    assert "Backblaze is the same place" in refused.stderr
    other_words = tuple(each.replace("http://127.0.0.1:9", "HTTP://127.0.0.1:9/") for each in s3)
    refused = flask("destination", "add", "Second", *other_words, expect=1)
    assert "Backblaze is the same place" in refused.stderr
    elsewhere = ("s3://ada-launcher/office", *s3[1:])
    flask("destination", "add", "Office", *elsewhere)


def test_two_destinations_at_one_place_from_before_can_be_changed(
    flask: Run, s3: tuple[str, ...], data_dir: Path
) -> None:
    flask("destination", "add", "Backblaze", *s3)
    path = data_dir / "destinations.json"
    entered = json.loads(path.read_text())
    (first,) = entered["destinations"]
    entered["destinations"].append(first | {"id": "twin", "name": "Twin"})
    path.write_text(json.dumps(entered))
    flask("destination", "set", "twin", "--limit", "8")
    flask("destination", "set", "backblaze", "--name", "B2")


def test_two_servers_of_one_kind_are_told_apart(flask: Run, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("pass=four words for it\n")
    for host in ("attic.lan", "cellar.lan"):
        flask("destination", "add", host, "rclone:sftp:copies", "--option", f"host={host}",
              "--option", "user=ada", "--secret-file", str(secret), "--no-test")  # fmt: skip
    listed = flask("destination", "list").stdout
    assert "rclone:sftp:copies (attic.lan)" in listed
    assert "rclone:sftp:copies (cellar.lan)" in listed
    assert "(attic.lan)" in flask("destination", "remove", "attic-lan", "--yes").stderr
