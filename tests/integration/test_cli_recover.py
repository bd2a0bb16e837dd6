"""A copy elsewhere comes back: with its destination, and on a bare machine without anything."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from launcher.accounts import users
from launcher.audit import COMMAND_LINE
from launcher.backup.records.backup import Backup
from launcher.backup.records.ids import parse_backup_id
from launcher.backup.records.operation import Verb
from launcher.backup.replacement import FileReplacement
from launcher.cli.backup import recover
from launcher.cli.exits import EXIT_CODES
from launcher.current import current_backups, current_offsite
from launcher.i18n.labels import failure_words
from launcher.models import Role
from launcher.offsite.age import make_identity
from launcher.offsite.folder import Folder
from launcher.offsite.troubles import RemoteError, Trouble
from tests.conftest import ADA, MakeApp
from tests.support.offsite import put_forged, put_of_intruder

Run = Callable[..., Result]


def runner_of(app: Flask) -> Run:
    def run(*words: str, said: str = "", expect: int = 0) -> Result:
        result = app.test_cli_runner().invoke(args=words, input=said)
        assert result.exit_code == expect, result.output
        return result

    return run


@pytest.fixture
def app(unled_app: Flask) -> Flask:
    return unled_app


@pytest.fixture
def flask(app: Flask, cast: object) -> Run:
    return runner_of(app)


@pytest.fixture
def disk(tmp_path: Path) -> str:
    """A folder that looks like a mounted disk: its parent is not empty."""
    (tmp_path / "disk" / "lost+found").mkdir(parents=True)
    return str(tmp_path / "disk" / "launcher")


@pytest.fixture
def copied(flask: Run, disk: str, tmp_path: Path) -> str:
    """The id of a backup with an encrypted copy on the disk, whose kit is in `kit.txt`."""
    flask("destination", "add", "Disk", disk, "--encrypt", "--place", "this-server")
    flask("recovery-kit", "save", str(tmp_path / "kit.txt"))
    id_ = flask("backup", "create", "--note", "before the move").stdout.strip()
    assert f"{id_} copied to Disk" in flask("destination", "copy", "disk", "--wait").stderr
    return id_


@pytest.fixture
def bare(make_app: MakeApp, tmp_path: Path) -> Run:
    """The commands of a machine with an empty data directory."""
    return runner_of(make_app(data_dir=str(tmp_path / "bare"), scheduler="off"))


def damage(disk: str, id_: str) -> None:
    (path,) = Path(disk).glob(f"launcher-*/launcher-{id_}.db.zst.age")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_backup_says_where_its_copies_are_and_comes_back_when_it_is_gone_here(
    flask: Run, copied: str
) -> None:
    newer = flask("backup", "create").stdout.strip()
    listed = {each["id"]: each for each in json.loads(flask("backup", "list", "--json").stdout)}
    assert [each["destination"] for each in listed[copied]["copies"]] == ["disk"]
    assert listed[newer]["copies"] == []
    there = flask("backup", "show", copied).stdout
    assert "Copies:    Disk: this server, good, copied " in there
    assert ", encrypted for the recovery kit\n" in there

    flask("backup", "delete", copied, "--yes")
    only = flask("backup", "show", copied)
    assert "Only at:   Disk: this server, good" in only.stdout
    assert f"`flask backup restore {copied}` downloads it first." in only.stderr
    facts = json.loads(flask("backup", "show", copied, "--json").stdout)
    assert facts["is_only_elsewhere"]
    assert facts["backup"]["copies"][0]["place"] == "this_server"
    gone = flask("backup", "list")
    assert f"{copied}  Disk" in gone.stderr
    restored = flask("backup", "restore", copied, "--yes")
    assert restored.stdout.strip() == copied
    assert f"Downloading {copied} from Disk" in restored.stderr
    assert flask("backup", "show", copied).exit_code == 0


def test_one_copy_is_downloaded_by_its_id(flask: Run, copied: str) -> None:
    flask("backup", "create")
    flask("backup", "delete", copied, "--yes")
    assert flask("backup", "fetch", copied, "--from", "disk").stdout.strip() == copied
    unknown = flask("backup", "fetch", "20200101T000000Z-aaaaaa", expect=13)
    assert "no good copy of 20200101T000000Z-aaaaaa is known" in unknown.stderr
    nowhere = flask("backup", "fetch", copied, "--from", "nas", expect=13)
    assert "there is no destination nas" in nowhere.stderr


def test_a_copy_that_its_download_proves_damaged_is_never_shown_as_good_again(
    flask: Run, app: Flask, copied: str, disk: str
) -> None:
    flask("backup", "create")
    flask("backup", "delete", copied, "--yes")
    damage(disk, copied)
    refused = flask("backup", "fetch", copied, expect=90).stderr
    assert "the copy is not what was written to that place" in refused
    assert "No other place has a good copy." in refused
    assert copied in flask("destination", "copies", "disk", "--damaged").stdout
    assert "damaged" in flask("backup", "status", expect=24).output
    assert "no good copy of" in flask("backup", "fetch", copied, expect=13).stderr
    with app.app_context():
        (failed, *_) = current_backups().journal(verbs={Verb.FETCH})
    words = failure_words(failed)
    assert words
    assert str(words.title) == "This copy is damaged"


def test_an_empty_machine_has_the_data_of_the_newest_copy_after_one_command(
    flask: Run, bare: Run, copied: str, disk: str, tmp_path: Path
) -> None:
    flask("app", "add", "Jellyfin", "https://jellyfin.home.arpa")
    newest = flask("backup", "create").stdout.strip()
    flask("destination", "copy", "disk", "--wait")
    kit = str(tmp_path / "kit.txt")

    listed = bare("backup", "recover", disk, "--list", "--json", "--key-file", kit)
    (site,) = json.loads(listed.stdout)["sites"]
    assert [each["id"] for each in site["copies"]] == [newest, copied]
    assert {each["opens"] for each in site["copies"]} == {True}
    assert not (tmp_path / "bare" / "launcher.db").exists()

    done = bare("backup", "recover", disk, "--key-file", kit)
    assert done.stdout.strip() == newest
    assert "Sign in with an account from the copy." in done.stderr
    assert "Type restore" not in done.stderr
    assert "Jellyfin" in bare("app", "list").stdout
    assert bare("user", "list").stdout == flask("user", "list").stdout
    assert json.loads(bare("backup", "list", "--json").stdout)[0]["kind"] == "manual"


def test_another_copy_can_be_chosen_and_a_folder_may_be_named_with_its_site(
    flask: Run, bare: Run, copied: str, disk: str, tmp_path: Path
) -> None:
    flask("backup", "create")
    flask("destination", "copy", "disk", "--wait")
    (folder,) = Path(disk).glob("launcher-*")
    done = bare("backup", "recover", str(folder), "--copy", copied,
                "--key-file", str(tmp_path / "kit.txt"))  # fmt: skip
    assert done.stdout.strip() == copied


def test_where_there_is_data_it_asks_and_can_be_undone(
    flask: Run, copied: str, disk: str, app: Flask
) -> None:
    flask("app", "add", "New", "https://new.home.arpa")
    asked = flask("backup", "recover", disk, "--copy", copied, expect=2)
    assert "Use --yes" in asked.stderr
    assert "New" in flask("app", "list").stdout

    flask("backup", "recover", disk, "--copy", copied, "--yes")
    assert "New" not in flask("app", "list").stdout
    flask("backup", "undo", "--yes")
    assert "New" in flask("app", "list").stdout


def test_a_damaged_copy_is_named_and_the_next_older_one_is_taken(
    flask: Run, make_app: MakeApp, copied: str, disk: str, tmp_path: Path
) -> None:
    bare = runner_of(make_app(data_dir=str(tmp_path / "bare"), scheduler="off"))
    newest = flask("backup", "create").stdout.strip()
    flask("destination", "copy", "disk", "--wait")
    damage(disk, newest)
    kit = str(tmp_path / "kit.txt")

    chosen = bare("backup", "recover", disk, "--copy", newest, "--key-file", kit, expect=90)
    assert "the copy is not what was written to that place" in chosen.stderr
    assert bare("backup", "recover", disk, "--key-file", kit).stdout.strip() == copied
    damage(disk, copied)
    other = runner_of(make_app(data_dir=str(tmp_path / "other"), scheduler="off"))
    other("backup", "recover", disk, "--key-file", kit, expect=90)
    assert not (tmp_path / "other" / "launcher.db").exists()


def test_a_newer_copy_that_is_not_encrypted_is_said_and_never_taken_unasked(
    bare: Run, copied: str, disk: str, tmp_path: Path
) -> None:
    kit = tmp_path / "kit.txt"
    (folder,) = Path(disk).glob("launcher-*")
    forged = put_forged(folder, kit.read_text())
    listed = bare("backup", "recover", disk, "--list").stdout
    assert "not encrypted, although the others are" in listed
    assert "They need the secret key" in bare("backup", "recover", disk, expect=23).stderr
    chosen = bare("backup", "recover", disk, "--copy", forged, expect=90).stderr
    assert f"The copy {forged} is not encrypted, although the others are." in chosen

    done = bare("backup", "recover", disk, "--key-file", str(kit))
    assert done.stdout.strip() == copied
    assert f"Passing over {forged}: not confirmed to come from the holder" in done.stderr
    assert f"--copy {forged} takes it" in done.stderr
    assert "Contents: " in done.stderr


@pytest.fixture
def forged(make_app: MakeApp, copied: str, disk: str, tmp_path: Path) -> str:
    """The id of a newer backup of someone else, encrypted for the public key and put there."""
    intruder = make_app(data_dir=str(tmp_path / "intruder"), scheduler="off")
    run = runner_of(intruder)
    run("database", "upgrade")
    with intruder.app_context():
        users.create_user("mallory", ADA.password, role=Role.ADMIN, actor=COMMAND_LINE)
    id_ = run("backup", "create").stdout.strip()
    with intruder.app_context():
        backup = current_backups().get(id_)
        stored = current_backups().file_path(backup).read_bytes()
    (folder,) = Path(disk).glob("launcher-*")
    later = backup.created_at + timedelta(minutes=1)
    newer = parse_backup_id(f"{later:%Y%m%dT%H%M%SZ}-f2f2f2")
    return put_of_intruder(folder, replace(backup, id=newer, created_at=later), stored)


def test_a_forged_copy_is_only_taken_when_it_is_chosen(
    bare: Run, copied: str, forged: str, disk: str, tmp_path: Path
) -> None:
    kit = ("--key-file", str(tmp_path / "kit.txt"))
    rows = bare("backup", "recover", disk, "--list", *kit).stdout.splitlines()[1:]
    said = {each.split()[2]: each for each in rows}
    assert "opens, origin not confirmed" in said[forged]
    assert said[copied].endswith("opens, origin confirmed, newest")

    done = bare("backup", "recover", disk, *kit)
    assert done.stdout.strip() == copied
    assert f"Passing over {forged}: not confirmed to come from the holder of this key" in (
        done.stderr
    )
    assert "mallory" not in bare("user", "list").stdout

    # The forged one is whole: nothing but its origin keeps it out.
    chosen = bare("backup", "recover", disk, *kit, "--copy", forged, "--yes")
    assert f"The copy {forged} is not confirmed to come from the holder" in chosen.stderr
    assert "mallory" in bare("user", "list").stdout


def test_the_key_of_another_recipient_restores_only_what_is_chosen(
    flask: Run, bare: Run, copied: str, disk: str, tmp_path: Path
) -> None:
    office = make_identity()
    flask("recovery-kit", "add-key", office.public_key, "Office")
    newer = flask("backup", "create").stdout.strip()
    flask("destination", "copy", "disk", "--wait")
    (tmp_path / "office.txt").write_text(office.secret_key)
    key = ("--key-file", str(tmp_path / "office.txt"))
    assert "cannot confirm them" in bare("backup", "recover", disk, "--list", *key).stderr
    refused = bare("backup", "recover", disk, *key, expect=2).stderr
    assert "no copy there is confirmed to come from the holder of this key" in refused
    assert "choose a copy that you trust with --copy ID" in refused
    assert not (tmp_path / "bare" / "launcher.db").exists()
    assert bare("backup", "recover", disk, *key, "--copy", newer).stdout.strip() == newer


def test_an_old_kit_takes_the_older_copy_only_when_it_is_chosen(
    flask: Run, bare: Run, copied: str, disk: str, tmp_path: Path
) -> None:
    kit = ("--key-file", str(tmp_path / "kit.txt"))
    flask("recovery-kit", "new-key", "--yes")
    newer = flask("backup", "create").stdout.strip()
    flask("destination", "copy", "disk", "--wait")
    listed = bare("backup", "recover", disk, "--list", *kit)
    said = {each.split()[2]: each for each in listed.stdout.splitlines()[1:]}
    assert said[newer].endswith("needs another key")
    assert said[copied].endswith("opens, origin confirmed, newest that opens")
    assert "1 newer copy needs the secret key of age1" in listed.stderr
    assert "encrypted" in bare("backup", "recover", disk, "--list").stdout.splitlines()[1]

    refused = bare("backup", "recover", disk, *kit, expect=23).stderr
    assert "Error: 1 newer copy needs the secret key of age1" in refused
    assert f"--copy {copied}" in refused
    assert not (tmp_path / "bare" / "launcher.db").exists()
    assert bare("backup", "recover", disk, *kit, "--copy", copied).stdout.strip() == copied


def test_a_copy_that_is_not_whole_is_named_when_it_is_passed_over(
    bare: Run, copied: str, disk: str, tmp_path: Path
) -> None:
    (folder,) = Path(disk).glob("launcher-*")
    (folder / "launcher-20990101T000000Z-f2f2f2.json").write_text("{}")
    done = bare("backup", "recover", disk, "--key-file", str(tmp_path / "kit.txt"))
    assert done.stdout.strip() == copied
    passed = "Passing over 20990101T000000Z-f2f2f2: incomplete or damaged."
    assert passed in done.stderr.splitlines()


def test_a_copy_from_the_future_is_only_taken_when_it_is_chosen(
    bare: Run, copied: str, disk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the clock here was a day behind.
    monkeypatch.setattr("launcher.offsite.found.CLOCK_TOLERANCE", timedelta(days=-1))
    kit = str(tmp_path / "kit.txt")
    refused = bare("backup", "recover", disk, "--key-file", kit, expect=2).stderr
    assert f"Passing over {copied}: dated in the future by the clock here." in refused
    assert not (tmp_path / "bare" / "launcher.db").exists()
    done = bare("backup", "recover", disk, "--key-file", kit, "--copy", copied)
    assert done.stdout.strip() == copied


def test_each_way_to_fail_has_its_code_and_says_what_to_do(
    bare: Run, copied: str, disk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*words: str, code: int) -> str:
        done = bare("backup", "recover", *words, expect=code)
        assert done.stdout == ""
        assert len(done.stderr.strip().splitlines()) >= 2
        return done.stderr

    kit = tmp_path / "kit.txt"
    assert "no copies were found there" in fails(str(tmp_path / "disk" / "lost+found"), code=13)
    assert f"{tmp_path}/nowhere is not there" in fails(str(tmp_path / "nowhere" / "x"), code=22)
    assert f"{tmp_path}/nowhere is not there" in fails(str(tmp_path / "nowhere"), code=22)
    without = fails(disk, code=23)
    assert "no key was given" in without
    assert "They need the secret key of age1" in without
    assert "--key-file kit.txt" in without
    assert "rclone:TYPE: cannot have this type" in fails("rclone:alias:x", code=22)
    other = tmp_path / "other.txt"
    other.write_text("AGE-SECRET-KEY-1" + "Q" * 58)
    mistyped = fails(disk, "--key-file", str(other), code=23)
    assert "a character of this key is wrong or missing" in mistyped
    missing = fails(disk, "--copy", "20200101T000000Z-aaaaaa", "--key-file", str(kit), code=13)
    assert "there is no copy of 20200101T000000Z-aaaaaa" in missing
    assert "no address of a place" in fails("disk", code=2)

    monkeypatch.setattr("launcher.offsite.recover.free_bytes", lambda _path: 9_000)
    said = fails(disk, "--key-file", str(kit), code=14)
    assert "this disk is too small:" in said
    assert "needed, 9 kB free" in said
    (manifest,) = Path(disk).glob("launcher-*/*.json")
    manifest.write_bytes(gzip.compress(manifest.read_bytes()))
    unreadable = fails(disk, "--key-file", str(kit), code=EXIT_CODES["verification_failed"])
    assert "the copies there are damaged or incomplete" in unreadable
    assert not list((tmp_path / "bare").glob("launcher.db*"))


def test_of_two_sites_in_one_folder_one_is_chosen(
    bare: Run, make_app: MakeApp, copied: str, disk: str, tmp_path: Path
) -> None:
    second = make_app(data_dir=str(tmp_path / "second"), scheduler="off")
    run = runner_of(second)
    run("destination", "add", "Disk", disk, "--no-encrypt", "--place", "this-server")
    id_ = run("backup", "create").stdout.strip()
    run("destination", "copy", "disk", "--wait")
    with second.app_context():
        site = current_offsite().settings().site

    refused = bare("backup", "recover", disk, expect=2).stderr
    assert "Error: several sites have copies there." in refused
    assert f"{site} (Launcher)" in refused
    assert "Usage:" not in refused
    listed = bare("backup", "recover", disk, "--site", site, "--list", "--json")
    (found,) = json.loads(listed.stdout)["sites"]
    assert [each["id"] for each in found["copies"]] == [id_]

    # A kit names its site, and one that does not confirms the copies of one site alone.
    kit = tmp_path / "kit.txt"
    assert "--site" in kit.read_text()
    done = bare("backup", "recover", disk, "--key-file", str(kit))
    assert done.stdout.strip() == copied
    assert f"(Launcher, origin confirmed), and not {site}." in done.stderr

    for number in range(10):
        shutil.copytree(Path(disk) / f"launcher-{site}", Path(disk) / f"launcher-other{number}")
    many = bare("backup", "recover", disk, expect=2).stderr
    assert many.count("(Launcher)") == 5
    assert " and 7 more." in many


def test_nothing_is_here_after_a_download_that_was_interrupted(
    copied: str, disk: str, make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = make_app(data_dir=str(tmp_path / "bare"), scheduler="off")
    kit = str(tmp_path / "kit.txt")

    def interrupt(*_args: object, **_more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("launcher.offsite.download.decrypt", interrupt)
    runner_of(machine)("backup", "recover", disk, "--key-file", kit, expect=130)
    with machine.app_context():
        assert current_backups().list() == []
    left = [each for each in (tmp_path / "bare").rglob("*") if each.suffix in {".age", ".part"}]
    assert left == []
    monkeypatch.undo()
    assert runner_of(machine)("backup", "recover", disk, "--key-file", kit).stdout.strip() == copied


def test_of_two_recoveries_at_once_the_later_one_replaces_nothing(
    *,
    flask: Run,
    bare: Run,
    copied: str,
    disk: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flask("app", "add", "Jellyfin", "https://jellyfin.home.arpa")
    flask("backup", "create")
    flask("destination", "copy", "disk", "--wait")
    words = ("backup", "recover", disk, "--key-file", str(tmp_path / "kit.txt"))
    bring = recover._bring

    def bring_while_another_recovers(*args: Any) -> Backup:
        brought = bring(*args)
        monkeypatch.undo()
        bare(*words, "--yes")  # the other one has ended when this one would replace the data
        bare("app", "add", "Immich", "https://immich.home.arpa")
        return brought

    monkeypatch.setattr(recover, "_bring", bring_while_another_recovers)
    refused = bare(*words, "--copy", copied, "--yes", expect=20)
    assert "the data changed" in refused.stderr
    assert "Run the command again" in refused.stderr
    assert "Immich" in bare("app", "list").stdout
    kinds = [each["kind"] for each in json.loads(bare("backup", "list", "--json").stdout)]
    assert "safety" not in kinds


def test_a_disk_too_small_for_the_copy_and_its_restore_is_said_before_the_download(
    *, bare: Run, copied: str, disk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("backup", "recover", disk, "--key-file", str(tmp_path / "kit.txt"))
    with monkeypatch.context() as patch:
        patch.setattr("launcher.offsite.recover.free_bytes", lambda _folder: 1000)
        refused = bare(*words, expect=14)
    assert "Downloading" in refused.stderr
    assert "needed, 1 kB free" in refused.stderr.replace("\N{NO-BREAK SPACE}", " ")
    assert not (tmp_path / "bare" / "launcher.db").exists()
    assert list((tmp_path / "bare" / "backups").glob("launcher-*")) == []
    assert bare(*words).stdout.strip() == copied


@pytest.fixture
def newer(flask: Run, copied: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A copy newer than `copied`, whose manifest the service does not hand out."""
    newer = flask("backup", "create").stdout.strip()
    flask("destination", "copy", "disk", "--wait")
    get_bytes = Folder.get_bytes

    def some(self: Folder, name: str, *, limit: int) -> bytes:
        if newer in name:
            raise RemoteError(Trouble.BUSY, answer="500 InternalError")
        return get_bytes(self, name, limit=limit)

    monkeypatch.setattr(Folder, "get_bytes", some)
    return newer


def test_a_copy_that_cannot_be_read_hides_no_other_and_is_not_passed_over(
    *, bare: Run, copied: str, newer: str, disk: str, tmp_path: Path
) -> None:
    words = ("backup", "recover", disk, "--key-file", str(tmp_path / "kit.txt"))
    rows = bare(*words, "--list").stdout.splitlines()
    assert [("cannot be read" in row, newer in row) for row in rows[1:]] == [
        (True, True),
        (False, False),
    ]
    refused = bare(*words, expect=22)
    assert f"the copy {newer} cannot be read" in refused.stderr
    assert f"--copy {copied}" in refused.stderr
    bare(*words, "--copy", newer, expect=22)
    assert bare(*words, "--copy", copied).stdout.strip() == copied


def test_newest_copies_that_cannot_be_read_do_not_lock_out_an_older_one(
    *,
    flask: Run,
    bare: Run,
    copied: str,
    disk: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(4):
        flask("backup", "create")
    flask("destination", "copy", "disk", "--wait")
    get_bytes = Folder.get_bytes

    def some(self: Folder, name: str, *, limit: int) -> bytes:
        if copied not in name:
            raise RemoteError(Trouble.DENIED, action="read")
        return get_bytes(self, name, limit=limit)

    monkeypatch.setattr(Folder, "get_bytes", some)
    words = ("backup", "recover", disk, "--key-file", str(tmp_path / "kit.txt"))
    assert bare(*words, "--list").stdout.count("cannot be read") == 4
    assert bare(*words, "--copy", copied).stdout.strip() == copied


def test_the_room_that_a_recovery_asks_for_is_enough(
    *, bare: Run, copied: str, disk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("backup", "recover", disk, "--key-file", str(tmp_path / "kit.txt"))
    asked: list[int] = []

    def asked_for(path: Path, needed: int, **_: object) -> None:
        asked.append(needed)

    monkeypatch.setattr("launcher.offsite.download.require_space", asked_for)
    with monkeypatch.context() as patch:
        patch.setattr("launcher.offsite.recover.free_bytes", lambda _folder: 64 << 20)
        bare(*words, expect=14)
    assert asked == []  # no later check needs more
    assert bare(*words).stdout.strip() == copied
    assert max(asked) > 64 << 20


def kill_at(machine: Flask, words: tuple[str, ...], where: object, at: str) -> None:
    """Run a command in another process, which is killed when it comes to a function."""
    if (child := os.fork()) == 0:
        die = lambda *_args, **_more: os.kill(os.getpid(), signal.SIGKILL)  # noqa: E731
        setattr(where, at.rpartition(".")[2], die)
        machine.test_cli_runner().invoke(args=words)
        os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


@pytest.mark.parametrize("at", ["download.decrypt", "download._compare", "recover._require_room"])
def test_a_machine_that_is_killed_meanwhile_is_as_empty_as_before(
    copied: str, disk: str, make_app: MakeApp, tmp_path: Path, at: str
) -> None:
    machine = make_app(data_dir=str(tmp_path / "bare"), scheduler="off")
    words = ("backup", "recover", disk, "--key-file", str(tmp_path / "kit.txt"))
    kill_at(machine, words, import_module(f"launcher.offsite.{at.partition('.')[0]}"), at)

    with machine.app_context():
        assert current_backups().list() == []
    assert not (tmp_path / "bare" / "launcher.db").exists()
    assert runner_of(machine)(*words).stdout.strip() == copied
    left = list((tmp_path / "bare" / "backups" / "staging").rglob("*"))
    assert left == []


@pytest.mark.parametrize("at", ["_set_aside", "confirm", "settle"])
def test_the_next_recovery_works_after_one_that_was_killed_while_it_replaced_the_data(
    *, flask: Run, copied: str, disk: str, make_app: MakeApp, tmp_path: Path, at: str
) -> None:
    machine = make_app(data_dir=str(tmp_path / "bare"), scheduler="off")
    words = ("backup", "recover", disk, "--key-file", str(tmp_path / "kit.txt"))
    kill_at(machine, words, FileReplacement, at)

    run = runner_of(machine)
    assert run(*words, "--yes").stdout.strip() == copied
    assert run("user", "list").stdout == flask("user", "list").stdout
    assert list((tmp_path / "bare" / "backups" / "staging").rglob("*")) == []
