"""The promise of a store, and the local folder held to it."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from launcher.backup.catalogue import Catalogue
from launcher.backup.errors import (
    BackupNotFoundError,
    ManifestError,
    StoreUnavailableError,
)
from launcher.backup.journal import Journal
from launcher.backup.manifest import read_manifest, write_manifest
from launcher.backup.ports import Store
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import (
    Backup,
    DatabaseFacts,
    Encoding,
    Kind,
    State,
    StoredFile,
    Verification,
)
from launcher.backup.records.ids import BackupId
from launcher.backup.store.local import LocalStore
from launcher.backup.store.names import stored_name
from tests.support.folders import refuse_modes_and_links

NOON = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
GOOD = Verification(State.VERIFIED, NOON)
DAMAGED = Verification(State.DAMAGED, NOON, "cut off")


@pytest.fixture(params=["made by us", "chosen by an admin"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Every implementation there is: each test below holds it to the promise."""
    path = tmp_path / "backups"
    if request.param == "chosen by an admin":
        path.mkdir()
        made = LocalStore(path, create=False)
    else:
        made = LocalStore(path)
    made.ensure()
    return made


def describe(
    name: str, *, at: datetime = NOON, data: bytes = b"data", verdict: Verification = GOOD
) -> Backup:
    backup_id = BackupId(f"20261122T170000Z-{name:a>6}")
    return Backup(
        id=backup_id,
        kind=Kind.MANUAL,
        created_at=at,
        database=DatabaseFacts(4096, "0" * 64, 4096),
        file=StoredFile(stored_name(backup_id, Encoding.ZSTD), len(data), "0" * 64, Encoding.ZSTD),
        verification=verdict,
    )


def publish(store: Store, backup: Backup, data: bytes = b"data") -> Backup:
    staged = store.staging / stored_name(backup.id, Encoding.ZSTD)
    staged.write_bytes(data)
    store.publish(backup, staged)
    return backup


def latest(store: Store, *, now: datetime = NOON + timedelta(days=3650)) -> Backup:
    return Catalogue(store, journal=Journal(store.path / "none"), clock=lambda: now).get("latest")


def files(store: Store) -> set[str]:
    """Return every name in the store, but for staging itself."""
    return {
        str(path.relative_to(store.path)) for path in store.path.rglob("*") if path != store.staging
    }


def data_path(store: Store, backup: Backup) -> Path:
    assert backup.file is not None
    return store.path / backup.file.name


def manifest_path(store: Store, backup: Backup) -> Path:
    return store.path / f"launcher-{backup.id}.json"


# --- the promise ---------------------------------------------------------------------------


def test_a_new_store_is_empty(store: Store) -> None:
    assert list(store.list()) == []
    with pytest.raises(BackupNotFoundError, match="no good backup"):
        latest(store)


def test_what_is_published_is_listed_and_opens(store: Store) -> None:
    backup = publish(store, describe("b"))
    assert list(store.list()) == [backup]
    assert store.get(backup.id) == backup
    assert latest(store) == backup
    with store.open(backup) as file:
        assert file.read() == b"data"
    assert list(store.staging.iterdir()) == []


def test_the_newest_comes_first_by_time_and_not_by_name(store: Store) -> None:
    old = publish(store, describe("z", at=NOON - timedelta(days=1)))
    new = publish(store, describe("b", at=NOON + timedelta(days=1)))
    middle = publish(store, describe("m"))
    os.utime(data_path(store, old), (4e9, 4e9))
    assert list(store.list()) == [new, middle, old]


def test_latest_is_the_newest_good_one(store: Store) -> None:
    good = publish(store, describe("b"))
    publish(store, describe("c", at=NOON - timedelta(days=1)))
    publish(store, describe("d", at=NOON + timedelta(days=1), verdict=DAMAGED))
    publish(
        store,
        describe("e", at=NOON + timedelta(days=2), verdict=Verification(State.UNVERIFIED)),
    )
    assert latest(store) == good


def test_latest_has_an_admin_where_any_has_one(store: Store) -> None:
    without = Verification.good([Fault(Reason.WITHOUT_ADMIN)], at=NOON)
    only = publish(store, describe("b", at=NOON + timedelta(days=1), verdict=without))
    assert latest(store) == only
    older = publish(store, describe("c"))
    assert latest(store) == older


def test_a_file_that_may_not_be_opened_is_not_called_damaged(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = publish(store, describe("b"))

    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("launcher.backup.store.local.open_regular", refuse)
    with pytest.raises(StoreUnavailableError, match="Permission denied"):
        store.open(backup)


def test_a_verdict_can_be_written_again(store: Store) -> None:
    backup = publish(store, describe("b"))
    publish(store, describe("c"))
    changed = replace(backup, verification=DAMAGED, protected=True, note="ü\n")
    store.update(changed)
    assert store.get(backup.id) == changed
    assert len(store.list()) == 2


def test_what_is_removed_is_gone(store: Store) -> None:
    backup = publish(store, describe("b"))
    other = publish(store, describe("c"))
    store.remove(backup)
    assert list(store.list()) == [other]
    with pytest.raises(BackupNotFoundError):
        store.get(backup.id)
    assert len(files(store)) == 2
    store.remove(backup)
    assert list(store.list()) == [other]


def test_a_sweep_takes_unfinished_work_and_nothing_else(store: Store) -> None:
    backup = publish(store, describe("b"))
    (store.staging / "raw.db").write_bytes(b"half")
    (store.staging / "folder").mkdir()
    (store.staging / "folder" / "deep").touch()
    store.sweep()
    store.sweep()
    assert list(store.staging.iterdir()) == []
    assert list(store.list()) == [backup]
    with store.open(backup) as file:
        assert file.read() == b"data"


@pytest.mark.parametrize(
    "reference",
    [
        "", " ", ".", "..", "../..", "/", "/etc/passwd", "staging", "latest ", "LATEST",
        "20261122T170000Z-aaaaab/", "../20261122T170000Z-aaaaab", "20261122T170000Z-aaaaab\n",
        "20261122T170000Z-aaaaab\0", "\0", "20261122T170000Z-aaaaab.json",
        "launcher-20261122T170000Z-aaaaab", "20261122t170000z-aaaaab", "20261122T170000Z-AAAAAB",
        "20261122T170000Z-aaaaaab", "20261122T170000Z-aaaaa", "20261122T170000Z-aaaaa*",
        "\u0662\u0660\u0662\u0666\u0661\u0661\u0662\u0662T\u0661\u0667\u0660\u0660\u0660\u0660Z-aaaaab",
        "20261122T170000Z-\u0430\u0430\u0430\u0430ab", "夜", "\ud800", "x" * 100_000,
        "20261122T170000Z-aaaaac", "%2e%2e", "20261122T170000Z-aaaaab;rm -rf", "~", "-",
    ],
)  # fmt: skip
def test_what_is_no_id_names_no_backup(store: Store, reference: str) -> None:
    publish(store, describe("b"))
    before = files(store)
    with pytest.raises(BackupNotFoundError) as refused:
        store.get(reference)
    assert len(str(refused.value)) < 600
    assert files(store) == before


def test_a_manifest_without_its_file_is_listed_as_damaged(store: Store) -> None:
    backup = publish(store, describe("b"))
    other = publish(store, describe("c"))
    data_path(store, backup).unlink()
    found = store.get(backup.id)
    assert found.verification == Verification.damage(Fault(Reason.FILE_MISSING), at=NOON)
    assert latest(store) == other
    with pytest.raises(ManifestError, match="is missing"):
        store.open(found)
    store.remove(found)
    assert list(store.list()) == [other]


def test_a_file_of_another_size_is_listed_as_damaged(store: Store) -> None:
    backup = publish(store, describe("b"))
    data_path(store, backup).chmod(0o600)
    data_path(store, backup).write_bytes(b"dat")
    assert "does not have the size" in store.get(backup.id).verification.error
    with pytest.raises(BackupNotFoundError):
        latest(store)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda _: b"\xff" * 100, id="garbage"),
        pytest.param(lambda data: data[:-20], id="cut off"),
        pytest.param(lambda _: b"[" * 200_000, id="nested without end"),
        pytest.param(lambda data: b" " * 400_000 + data, id="too large"),
        pytest.param(lambda data: data.replace(b"manual", b"safety"), id="altered"),
        pytest.param(lambda _: write_manifest(describe("z")), id="of another backup"),
    ],
)
def test_an_unreadable_manifest_is_damaged_and_hides_nothing(
    store: Store, spoil: Callable[[bytes], bytes]
) -> None:
    backup = publish(store, describe("b"))
    other = publish(store, describe("c"))
    path = manifest_path(store, backup)
    whole = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(spoil(whole))
    found = {one.id: one for one in store.list()}
    assert found[other.id] == other
    assert found[backup.id].verification.state is State.DAMAGED
    assert found[backup.id] == store.get(backup.id)
    assert set(found) == {backup.id, other.id}
    store.remove(found[backup.id])
    assert list(store.list()) == [other]
    assert len(files(store)) == 2


def test_latest_is_not_one_from_the_future(store: Store) -> None:
    today = publish(store, describe("b"))
    publish(store, describe("c", at=NOON + timedelta(minutes=11)))
    assert latest(store, now=NOON) == today


def test_clocks_that_differ_by_minutes_are_no_future(store: Store) -> None:
    publish(store, describe("b"))
    newer = publish(store, describe("c", at=NOON + timedelta(minutes=9)))
    assert latest(store, now=NOON) == newer


def test_latest_is_the_newest_of_all_when_all_are_from_the_future(store: Store) -> None:
    publish(store, replace(describe("a", at=NOON), kind=Kind.SAFETY))
    publish(store, describe("b", at=NOON + timedelta(days=365)))
    newest = publish(store, describe("c", at=NOON + timedelta(days=366)))
    assert latest(store, now=NOON) == newest


# --- what others put there -----------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "old.db", "a b  c.sqlite", "Ночь 夜 🗄️.sqlite3", "x.db.zst", "x.sqlite.zst", "-rf.db",
        "new\nline.db", "q'u\"o`te.db", "launcher-x.db", "launcher-20261122T170000Z-aaaaab.db",
        "n" * 250 + ".db",
    ],
)  # fmt: skip
def test_a_file_someone_put_there_is_listed_as_external(store: Store, name: str) -> None:
    own = publish(store, describe("c"))
    (store.path / name).write_bytes(b"theirs")
    os.utime(store.path / name, (1_700_000_000, 1_700_000_000))
    [found] = [one for one in store.list() if one.kind is Kind.EXTERNAL]
    assert found.verification.state is State.UNVERIFIED
    assert found.note == name
    assert store.get(found.id) == found
    assert latest(store) == own
    with store.open(found) as file:
        assert file.read() == b"theirs"
    store.remove(found)
    assert list(store.list()) == [own]
    assert not (store.path / name).exists()


def test_a_name_that_is_no_text_can_be_listed_opened_and_removed(store: Store) -> None:
    path = Path(os.fsdecode(os.fsencode(store.path) + b"/caf\xe9 \xff.db"))
    path.write_bytes(b"theirs")
    [found] = store.list()
    assert found.note == "caf\ufffd \ufffd.db"
    assert found.note.encode()
    with store.open(found) as file:
        assert file.read() == b"theirs"
    store.remove(found)
    assert not path.exists()


@pytest.mark.parametrize(
    "name",
    [
        ".hidden.db", "notes.txt", "db", "x.db.gz", "x.json", "x.db-wal",
        "Thumbs.db", "thumbs.db", "ehthumbs.db", "desktop.ini", ".DS_Store",
        "._launcher-20261122T170000Z-aaaaab.db.zst", "._launcher-20261122T170000Z-aaaaab.json",
        "launcher-20261122T170000Z-aaaaab.db.zst.part", "launcher-20261122T170000Z-aaaaab.db.zst~",
        "launcher-20261122T170000Z-aaaaab (Ada's conflicted copy 2026-11-23).db.zst",
        "launcher-20261122T170000Z-aaaaab (conflicted copy).json",
        "launcher-20261122T170000Z-aaaaab.sync-conflict-20261123-101112-ABCDEFG.db.zst",
        "launcher-20261122T170000Z-aaaaab.json (conflicted copy)",
    ],
)  # fmt: skip
def test_other_files_are_no_backups(store: Store, name: str) -> None:
    (store.path / name).touch()
    assert list(store.list()) == []
    store.sweep()
    assert (store.path / name).exists()


@pytest.mark.parametrize("name", ["@eaDir", "lost+found", ".stfolder", "#recycle", "folder.db"])
def test_folders_of_others_are_no_backups(store: Store, name: str) -> None:
    backup = publish(store, describe("c"))
    (store.path / name / "inside").mkdir(parents=True)
    (store.staging / name).mkdir()
    assert list(store.list()) == [backup]
    store.sweep()
    assert (store.path / name / "inside").exists()
    assert list(store.staging.iterdir()) == []


def test_what_cannot_be_removed_from_staging_does_not_keep_the_rest(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("aa", ".nfs0001", "zz"):
        (store.staging / name).touch()
    unlink = Path.unlink

    def refuse(self: Path, missing_ok: bool = False) -> None:
        if self.name == ".nfs0001":
            raise PermissionError(errno.EBUSY, "Device or resource busy", str(self))
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    store.sweep()
    assert [path.name for path in store.staging.iterdir()] == [".nfs0001"]


def test_an_external_file_keeps_its_id_until_it_changes(store: Store) -> None:
    path = store.path / "old.db"
    path.write_bytes(b"theirs")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    [first] = store.list()
    assert first.created_at == datetime.fromtimestamp(1_700_000_000, UTC)
    assert [one.id for one in store.list()] == [first.id]
    os.utime(path, (1_700_000_001, 1_700_000_001))
    assert [one.id for one in store.list()] != [first.id]
    with pytest.raises(BackupNotFoundError):
        store.get(first.id)


@pytest.mark.parametrize("moment_s", [-2_000_000_000, 0, 2**31, 10**10, 10**12])
def test_an_absurd_time_of_a_file_hides_nothing(store: Store, moment_s: int) -> None:
    own = publish(store, describe("c"))
    path = store.path / "old.db"
    path.write_bytes(b"theirs")
    os.utime(path, (moment_s, moment_s))
    found = store.list()
    assert len(found) == 2
    assert own in found
    for one in found:
        assert store.get(one.id) == one


def test_a_time_beyond_our_calendar_hides_nothing() -> None:
    # A memory disk keeps times that ext4 would clamp.
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        store = LocalStore(Path(folder))
        path = store.path / "old.db"
        path.write_bytes(b"theirs")
        os.utime(path, (10**12, 10**12))
        assert path.stat().st_mtime == 10**12
        [found] = store.list()
        assert found.created_at == datetime.fromtimestamp(0, UTC)


def test_an_external_file_given_a_manifest_has_one_row(store: Store) -> None:
    (store.path / "old.db").write_bytes(b"theirs")
    [found] = store.list()
    known = replace(
        found,
        database=DatabaseFacts(6, "0" * 64, 4096),
        file=StoredFile("old.db", 6, "0" * 64, Encoding.IDENTITY),
        verification=GOOD,
        created_at=NOON,
    )
    store.update(known)
    assert list(store.list()) == [known]
    store.remove(known)
    assert files(store) == set()


def outside(tmp_path: Path) -> Path:
    path = tmp_path / "outside.db"
    path.write_bytes(b"secret")
    return path


def test_a_link_is_never_followed_and_never_good(store: Store, tmp_path: Path) -> None:
    target = outside(tmp_path)
    (store.path / "link.db").symlink_to(target)
    (store.path / "dangling.db").symlink_to(tmp_path / "nowhere")
    found = store.list()
    assert len(found) == 2
    for one in found:
        assert one.verification.state is State.DAMAGED
        with pytest.raises(ManifestError):
            store.open(one)
        store.remove(one)
    assert list(store.list()) == []
    assert files(store) == set()
    assert target.read_bytes() == b"secret"


def test_a_link_in_place_of_a_file_is_never_followed(store: Store, tmp_path: Path) -> None:
    target = outside(tmp_path)
    backup = publish(store, describe("b", data=b"secret"), b"secret")
    data_path(store, backup).unlink()
    data_path(store, backup).symlink_to(target)
    found = store.get(backup.id)
    assert found.verification.state is State.DAMAGED
    with pytest.raises(ManifestError):
        store.open(backup)
    store.remove(found)
    assert files(store) == set()
    assert target.read_bytes() == b"secret"


def test_a_link_as_long_as_the_file_is_not_taken_for_it(store: Store) -> None:
    backup = publish(store, describe("b"), b"data")
    data_path(store, backup).unlink()
    data_path(store, backup).symlink_to("four")
    assert store.get(backup.id).verification.state is State.DAMAGED


def test_a_link_in_place_of_a_manifest_is_never_followed(store: Store, tmp_path: Path) -> None:
    backup = publish(store, describe("b"))
    target = tmp_path / "outside.json"
    manifest_path(store, backup).rename(target)
    manifest_path(store, backup).symlink_to(target)
    [found] = store.list()
    assert found.verification.state is State.DAMAGED
    store.remove(found)
    assert files(store) == set()
    assert target.exists()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_damaged_and_blocks_nothing(
    store: Store, make: Callable[[Path], None]
) -> None:
    own = publish(store, describe("c"))
    if make is os.mkfifo:  # a folder of such a name is somebody's
        make(store.path / "odd.db")
    make(store.path / "launcher-20261122T170000Z-aaaaad.db.zst")
    make(store.path / "launcher-20261122T170000Z-aaaaae.json")
    found = [one for one in store.list() if one != own]
    assert {one.verification.state for one in found} == {State.DAMAGED}
    assert len(found) == (3 if make is os.mkfifo else 2)
    assert latest(store) == own
    for one in found:
        with pytest.raises(ManifestError):
            store.open(one)
    store.sweep()
    assert own in store.list()


def test_a_pipe_in_place_of_a_file_blocks_nothing(store: Store) -> None:
    backup = publish(store, describe("b", data=b""), b"")
    data_path(store, backup).unlink()
    os.mkfifo(data_path(store, backup))
    assert store.get(backup.id).verification.state is State.DAMAGED
    with pytest.raises(ManifestError):
        store.open(backup)


# --- killed half way -----------------------------------------------------------------------


def halt(monkeypatch: pytest.MonkeyPatch, name: str, *, at: int) -> None:
    """Kill whoever calls a function of the store's for the `at`-th time."""
    import launcher.backup.store.local as module  # noqa: PLC0415

    calls = [0]
    original = getattr(module, name)

    def killed(*arguments: object, **how: object) -> object:
        calls[0] += 1
        if calls[0] == at:
            raise SystemExit
        return original(*arguments, **how)

    monkeypatch.setattr(module, name, killed)


@pytest.mark.parametrize(("step", "at"), [("write_atomic", 1), ("move", 1), ("move", 2)])
def test_a_half_published_backup_is_not_listed_and_is_swept(
    store: Store, monkeypatch: pytest.MonkeyPatch, step: str, at: int
) -> None:
    other = publish(store, describe("c"))
    with monkeypatch.context() as patch:
        halt(patch, step, at=at)
        with pytest.raises(SystemExit):
            publish(store, describe("b"))
    assert list(store.list()) == [other]
    with pytest.raises(BackupNotFoundError):
        store.get(describe("b").id)
    store.sweep()
    assert list(store.list()) == [other]
    assert len(files(store)) == 2
    assert publish(store, describe("b")) in store.list()


@pytest.mark.parametrize(("step", "at"), [("move", 1), ("sync_directory", 1)])
def test_a_half_removed_backup_is_whole_or_gone(
    store: Store, monkeypatch: pytest.MonkeyPatch, step: str, at: int
) -> None:
    other = publish(store, describe("c"))
    backup = publish(store, describe("b"))
    with monkeypatch.context() as patch:
        halt(patch, step, at=at)
        with pytest.raises(SystemExit):
            store.remove(backup)
    is_whole = backup in store.list()
    assert is_whole == (step == "move")
    store.sweep()
    assert list(store.list()) == ([other, backup] if is_whole else [other])
    assert len(files(store)) == (4 if is_whole else 2)


def test_a_half_removed_external_backup_is_gone_with_its_file(
    store: Store,
) -> None:
    (store.path / "theirs.db").write_bytes(b"data")
    (external,) = store.list()
    file = StoredFile("theirs.db", 4, "0" * 64, Encoding.IDENTITY)
    backup = replace(external, file=file, database=describe("b").database)
    store.update(backup)
    manifest_path(store, backup).rename(store.staging / manifest_path(store, backup).name)
    store.sweep()
    assert list(store.list()) == []
    assert files(store) == set()


def test_an_update_killed_half_way_changes_nothing_and_is_swept(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = publish(store, describe("b"))
    (store.path / f".launcher-{backup.id}.json.0a1b2c3d.tmp").write_bytes(b"half")
    assert list(store.list()) == [backup]
    store.sweep()
    assert len(files(store)) == 2


def test_a_manifest_left_in_staging_never_costs_a_published_backup(store: Store) -> None:
    backup = publish(store, describe("b"))
    left = store.staging / manifest_path(store, backup).name
    left.write_bytes(manifest_path(store, backup).read_bytes())
    store.sweep()
    assert list(store.list()) == [backup]
    assert len(files(store)) == 2


# --- the local folder ----------------------------------------------------------------------


def test_a_folder_of_our_own_is_made_when_it_is_needed(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "a" / "b")
    assert list(store.list()) == []
    with pytest.raises(BackupNotFoundError):
        latest(store)
    store.ensure()
    assert store.path.stat().st_mode & 0o777 == 0o700
    assert store.staging.stat().st_mode & 0o777 == 0o700


def test_a_chosen_folder_that_is_away_is_never_made(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "mount", create=False)
    for ask in (store.ensure, store.list, lambda: latest(store)):
        with pytest.raises(StoreUnavailableError) as refused:
            ask()
        assert refused.value.reason is Reason.DISK_REFUSED
    store.sweep()
    assert not (tmp_path / "mount").exists()


def test_a_backup_can_be_removed_without_a_staging_folder(store: Store) -> None:
    backup = publish(store, describe("b"))
    store.staging.rmdir()
    store.sweep()
    store.remove(backup)
    assert list(store.list()) == []


def test_files_are_read_only_and_private_once_written(store: Store) -> None:
    backup = publish(store, describe("b"))
    assert data_path(store, backup).stat().st_mode & 0o777 == 0o400
    assert manifest_path(store, backup).stat().st_mode & 0o777 == 0o400


def test_a_folder_that_takes_no_modes_keeps_backups(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refuse_modes_and_links(monkeypatch)
    first, second = publish(store, describe("b")), publish(store, describe("c"))
    store.update(first)
    assert {backup.id for backup in store.list()} == {first.id, second.id}
    store.remove(first)
    assert list(store.list()) == [second]
    [warning] = caplog.messages
    assert str(store.path) in warning
    assert "other users may be able to read" in warning


def test_a_file_in_place_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "backups").touch()
    store = LocalStore(tmp_path / "backups")
    with pytest.raises(StoreUnavailableError):
        store.ensure()
    with pytest.raises(StoreUnavailableError):
        store.list()


# --- what is remembered of manifests -------------------------------------------------------


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a manifest be remembered at once, and not only when its time is a while ago."""
    monkeypatch.setattr("launcher.backup.store.local.is_settled", lambda _fingerprint: True)


def test_what_another_process_does_is_seen_at_once(store: Store, settled: None) -> None:
    other = LocalStore(store.path)
    one = publish(other, describe("b"))
    assert list(store.list()) == [one]
    two = publish(other, describe("c", at=NOON - timedelta(days=1)))
    assert list(store.list()) == [one, two]
    changed = replace(one, protected=True)
    other.update(changed)
    assert list(store.list()) == [changed, two]
    other.remove(two)
    assert list(store.list()) == [changed]


def test_a_manifest_altered_in_place_is_noticed_by_the_list(store: Store, settled: None) -> None:
    backup = publish(store, describe("b"))
    assert store.list()[0].is_good
    path = manifest_path(store, backup)
    facts = path.stat()
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"manual", b"safety"))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert path.stat().st_size == facts.st_size
    assert not store.list()[0].is_good
    assert not store.get(backup.id).is_good


def test_a_manifest_is_read_once_and_forgotten_when_it_is_gone(
    store: Store, settled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import launcher.backup.store.local as module  # noqa: PLC0415

    read: list[bytes] = []

    def counted(data: bytes) -> Backup:
        read.append(data)
        return read_manifest(data)

    monkeypatch.setattr(module, "read_manifest", counted)
    backups = [publish(store, describe(name)) for name in "bcd"]
    for _ in range(3):
        assert len(store.list()) == 3
    assert len(read) == 3
    for backup in backups:
        store.remove(backup)
    assert list(store.list()) == []
    assert isinstance(store, LocalStore)
    assert not store._read


def test_a_folder_that_goes_away_is_said_at_once(
    store: Store, settled: None, tmp_path: Path
) -> None:
    publish(store, describe("b"))
    assert len(store.list()) == 1
    store.path.rename(tmp_path / "elsewhere")
    (tmp_path / "backups").touch()
    with pytest.raises(StoreUnavailableError):
        store.list()
    with pytest.raises(StoreUnavailableError):
        store.get(describe("b").id)
    (tmp_path / "backups").unlink()
    (tmp_path / "elsewhere").rename(store.path)
    assert len(store.list()) == 1


@pytest.mark.parametrize("in_staging", [False, True])
def test_a_manifest_that_names_the_file_of_another_backup_cannot_take_it_along(
    store: Store, in_staging: bool
) -> None:
    victim = publish(store, describe("victim"))
    thief = replace(describe("thief"), file=victim.file, database=victim.database)
    manifest = manifest_path(store, thief)
    (store.staging / manifest.name if in_staging else manifest).write_bytes(write_manifest(thief))
    if in_staging:
        store.sweep()
    else:
        listed = store.get(thief.id)
        assert listed.verification.state is State.DAMAGED
        store.remove(listed)
    assert data_path(store, victim).exists()
    assert [backup.id for backup in store.list()] == [victim.id]
