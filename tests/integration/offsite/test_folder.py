"""Copies in a folder: never through a link, never to the disk below a NAS that is not mounted."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from launcher.offsite.folder import Folder
from launcher.offsite.mounts import is_in_memory, looks_not_mounted
from launcher.offsite.opening import open_remote
from launcher.offsite.records import Destination, Place, Service
from launcher.offsite.remote import Remote
from launcher.offsite.troubles import RemoteError, Trouble
from tests.integration.offsite.places import SITE, failing, file_of, names, no_one
from tests.support.folders import memory_folder


def nas(path: Path, **changes: object) -> Destination:
    made = Destination("nas", "NAS", Service.FOLDER, options={"path": str(path)})
    return replace(made, place=Place.THIS_SERVER, **changes)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "far"
    folder.mkdir()
    return folder


@pytest.fixture
def remote(path: Path) -> Remote:
    return open_remote(nas(path), site=SITE)


def test_only_the_owner_may_read_what_is_there(remote: Remote, path: Path) -> None:
    remote.put_bytes("copy.json", b"{}")
    folder = path / "launcher-site0001"
    assert (folder.stat().st_mode & 0o777, (folder / "copy.json").stat().st_mode & 0o777) == (
        0o700, 0o600,
    )  # fmt: skip
    assert [each.name for each in folder.iterdir()] == ["copy.json"]


def test_ten_thousand_copies_are_listed(remote: Remote, path: Path) -> None:
    remote.put_bytes("first", b"{}")
    for number in range(10_000):
        (path / "launcher-site0001" / f"{number}.json").touch()
    assert len(names(remote)) == 10_001


def test_no_link_is_followed(remote: Remote, path: Path, tmp_path: Path) -> None:
    remote.put_bytes("copy.json", b"{}")
    folder = path / "launcher-site0001"
    precious = file_of(tmp_path, b"precious", "precious")
    (folder / "link").symlink_to(precious)
    (folder / "deep").symlink_to(tmp_path)
    (folder / "launcher-x.part").symlink_to(precious)
    assert names(remote) == {"copy.json"}
    for name in ("link", "deep/precious"):
        with failing(Trouble.NOT_THERE):
            remote.get_bytes(name, limit=10)
    with failing(Trouble.WRONG_ADDRESS):
        remote.put_bytes("deep/new", b"x")
    remote.put_bytes("launcher-x", b"whole")
    remote.put_bytes("link", b"an object now")
    assert precious.read_bytes() == b"precious"
    assert not (folder / "link").is_symlink()


def test_nothing_is_deleted_through_a_folder_that_became_a_link(
    remote: Remote, path: Path, tmp_path: Path
) -> None:
    remote.put_bytes("copy.json", b"{}")
    (path / "launcher-site0001").rename(tmp_path / "moved")
    (path / "launcher-site0001").symlink_to(tmp_path / "moved")
    remote.delete("copy.json")
    assert (tmp_path / "moved" / "copy.json").exists()


def test_a_file_of_an_impossible_year_is_listed_without_its_time(
    remote: Remote, path: Path
) -> None:
    remote.put_bytes("copy.json", b"{}")
    strange = path / "launcher-site0001" / "copy.json"
    os.utime(strange, (10**12, 10**12))
    if strange.stat().st_mtime != 10**12:
        pytest.skip("this file system has no such times")
    (found,) = remote.list()
    assert (found.name, found.modified_at) == ("copy.json", None)


def test_a_pipe_and_a_folder_are_no_objects(remote: Remote, path: Path) -> None:
    remote.put_bytes("copy.json", b"{}")
    os.mkfifo(path / "launcher-site0001" / "pipe")
    (path / "launcher-site0001" / "folder").mkdir()
    assert names(remote) == {"copy.json"}
    for name in ("pipe", "folder"):
        with failing(Trouble.NOT_THERE):
            remote.get_bytes(name, limit=10)


def test_a_folder_of_the_destination_is_made_once_but_not_its_parents(tmp_path: Path) -> None:
    open_remote(nas(tmp_path / "new"), site=SITE).put_bytes("copy.json", b"{}")
    assert (tmp_path / "new" / "launcher-site0001" / "copy.json").exists()
    missing = open_remote(nas(tmp_path / "no" / "new"), site=SITE)
    with failing(Trouble.NOT_THERE) as errors:
        missing.put_bytes("copy.json", b"{}")
    assert errors[0].facts == {"name": str(tmp_path / "no")}
    with failing(Trouble.NOT_THERE):
        names(missing)
    assert not (tmp_path / "no").exists()


def test_a_place_that_had_copies_and_is_empty_is_not_mounted(path: Path) -> None:
    seen = open_remote(nas(path, tested_at=datetime(2026, 11, 29, tzinfo=UTC)), site=SITE)
    for call in (
        lambda: seen.put_bytes("copy.json", b"{}"),
        lambda: names(seen),
        lambda: seen.get_bytes("copy.json", limit=1),
        lambda: seen.delete("copy.json"),
    ):
        with failing(Trouble.NOT_MOUNTED) as errors:
            call()
        assert errors[0].facts == {"path": str(path)}
    assert list(path.iterdir()) == []
    (path / "launcher-site0001").mkdir()
    seen.put_bytes("copy.json", b"{}")
    assert names(seen) == {"copy.json"}


def test_a_folder_on_the_disk_of_the_data_is_no_other_device(path: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    elsewhere = replace(nas(path), place=Place.OTHER_DEVICE)
    remote = open_remote(elsewhere, site=SITE, data_dir=data_dir)
    for _try in ("empty", "with something in it"):
        for call in (
            lambda: remote.put_bytes("copy.json", b"{}"),
            lambda: list(remote.list_sites()),
            lambda: names(remote),
        ):
            with failing(Trouble.SAME_DISK):
                call()
        (path / "precious").touch()
    inside = replace(elsewhere, options={"path": str(path / "launcher")})
    with failing(Trouble.SAME_DISK):
        open_remote(inside, site=SITE, data_dir=data_dir).put_bytes("copy.json", b"{}")
    here = open_remote(nas(path), site=SITE, data_dir=data_dir)
    here.put_bytes("copy.json", b"{}")
    assert names(here) == {"copy.json"}
    had_copies = replace(elsewhere, tested_at=datetime.now(UTC))  # before the disk was away
    with failing(Trouble.SAME_DISK):
        open_remote(had_copies, site=SITE, data_dir=data_dir).put_bytes("new.json", b"{}")


@pytest.mark.skipif(memory_folder() is None, reason="there is no second device")
def test_a_folder_on_another_device_is_one(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=memory_folder()) as other:
        elsewhere = replace(nas(Path(other)), place=Place.OTHER_DEVICE)
        data_dir = (
            Path("/proc") if Path(other).stat().st_dev == tmp_path.stat().st_dev else tmp_path
        )
        remote = open_remote(elsewhere, site=SITE, data_dir=data_dir)
        remote.put_bytes("copy.json", b"{}")
        assert names(remote) == {"copy.json"}


def test_a_folder_that_overlaps_with_the_data_is_refused_by_name(tmp_path: Path) -> None:
    data, store, other = (tmp_path / name for name in ("data", "store", "other"))
    (data / "backups").mkdir(parents=True)
    (tmp_path / "link").symlink_to(data)
    for path, with_what in {
        data: data,
        data / "backups": data,
        data / "new": data,
        tmp_path / "link" / "backups": data,
        tmp_path: data,
        store / "deep": store,
        other: other,
    }.items():
        remote = open_remote(nas(path), site=SITE, data_dir=data, apart=(store, other))
        with failing(Trouble.OVERLAPS) as errors:
            remote.put_bytes("copy.json", b"{}")
        assert errors[0].facts == {"path": str(path), "other": str(with_what)}
    free = nas(tmp_path / "data2")  # its name alone begins like that of the data
    open_remote(free, site=SITE, data_dir=data, apart=(store, other)).put_bytes("c", b"{}")


def test_a_mount_point_of_the_table_that_is_not_mounted_is_known(tmp_path: Path) -> None:
    table = file_of(
        tmp_path,
        b"# what is mounted\nnas:/x /mnt/no\\040such/nas nfs defaults 0 0\n\nproc /proc proc\n",
    )
    for path, expected in {
        "/mnt/no such/nas/launcher": True,
        "/mnt/no such/nas": True,
        "/mnt/no such": False,
        "/proc/self": False,
    }.items():
        assert looks_not_mounted(Path(path), table=table) is expected, path
    assert not looks_not_mounted(tmp_path, table=tmp_path / "none")


def test_a_folder_in_memory_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path.stat().st_dev
    table = tmp_path / "mountinfo"
    monkeypatch.setattr("launcher.offsite.mounts._MOUNTS", table)
    for kind, expected in (("tmpfs", True), ("ext4", False)):
        at = f"{os.major(device)}:{os.minor(device)}"
        table.write_text(f"36 35 {at} / /x rw shared:1 - {kind} {kind} rw\n")
        assert is_in_memory(tmp_path / "new") is expected
    table.unlink()
    assert not is_in_memory(tmp_path)


@pytest.mark.parametrize("path", ["", "relative/path", "~/copies", "/nul\0"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with failing(Trouble.WRONG_OPTIONS) as errors:
        open_remote(nas(Path(path)), site=SITE)
    assert errors[0].facts == {"option": "path"}


@pytest.mark.parametrize(
    ("code", "trouble"),
    [
        (errno.ENOSPC, Trouble.FULL),
        (errno.EDQUOT, Trouble.FULL),
        (errno.EROFS, Trouble.READ_ONLY),
        (errno.EACCES, Trouble.NOT_WRITABLE),
        (errno.EPERM, Trouble.NOT_WRITABLE),
        (errno.ESTALE, Trouble.UNREACHABLE),
        (errno.ENOTCONN, Trouble.UNREACHABLE),
        (errno.EIO, Trouble.UNREACHABLE),
        (errno.ETIMEDOUT, Trouble.TIMED_OUT),
        (errno.ENOLCK, Trouble.NO_ANSWER_KNOWN),
    ],
)
def test_a_disk_that_fails_in_mid_upload_leaves_nothing(
    remote: Remote, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    *, code: int, trouble: Trouble,
) -> None:  # fmt: skip
    def fail(_descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    remote.put_bytes("copy.json", b"{}")
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fail)
        with failing(trouble) as errors:
            remote.put("new.db", file_of(tmp_path, b"x" * 1000), on_bytes=no_one)
    assert errors[0].answer == os.strerror(code)
    if trouble is Trouble.FULL:
        assert errors[0].facts["needed_bytes"] == 1000
        assert int(errors[0].facts["free_bytes"]) > 0
    assert [each.name for each in (path / "launcher-site0001").iterdir()] == ["copy.json"]


@pytest.mark.skipif(memory_folder() is None, reason="there is no disk that is full at once")
def test_a_disk_that_is_really_full_says_how_much_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`/dev/full` in place of the file: a disk of its own would need root."""
    full = os.open("/dev/full", os.O_WRONLY)
    monkeypatch.setattr("launcher.offsite.folder.create_new", lambda _path: os.fdopen(full, "wb"))
    far = tmp_path / "far"
    far.mkdir()
    with failing(Trouble.FULL) as errors:
        open_remote(nas(far), site=SITE).put_bytes("copy.json", b"x" * 100_000)
    assert errors[0].facts["needed_bytes"] == 100_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte, where root may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "launcher-test", folder],
        capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("only root may mount a disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], capture_output=True, check=False)


def test_a_small_disk_is_full_then_read_only_then_not_mounted(
    small_disk: Path, tmp_path: Path
) -> None:
    remote = open_remote(nas(small_disk, tested_at=None), site=SITE)
    remote.put_bytes("copy.json", b"{}")
    with failing(Trouble.FULL) as errors:
        remote.put("copy.db", file_of(tmp_path, bytes(3_000_000)), on_bytes=no_one)
    assert errors[0].facts["needed_bytes"] == 3_000_000
    assert 0 <= int(errors[0].facts["free_bytes"]) < 1_100_000
    there = small_disk / "launcher-site0001"
    assert [each.name for each in there.iterdir()] == ["copy.json"]

    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with failing(Trouble.READ_ONLY) as errors:
        remote.put_bytes("copy.json", b"{}")
    assert errors[0].facts == {"path": str(small_disk)}
    with failing(Trouble.READ_ONLY):
        remote.delete("copy.json")

    subprocess.run(["umount", small_disk], check=True)
    away = open_remote(nas(small_disk, tested_at=datetime.now(UTC)), site=SITE)
    with failing(Trouble.NOT_MOUNTED):
        away.put_bytes("copy.json", b"{}")
    assert list(small_disk.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_rights_is_not_writable(path: Path) -> None:
    path.chmod(0o500)
    with failing(Trouble.NOT_WRITABLE) as errors:
        open_remote(nas(path), site=SITE).put_bytes("copy.json", b"{}")
    assert errors[0].facts == {"path": str(path)}


def test_a_delete_that_is_refused_is_denied(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.put_bytes("copy.json", b"{}")

    def refuse(*_path: object, **_more: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "unlink", refuse)
    with failing(Trouble.DENIED) as errors:
        remote.delete("copy.json")
    assert errors[0].facts == {"action": "delete"}


def test_a_file_that_shrinks_while_it_is_copied_is_cut_short(
    remote: Remote, tmp_path: Path
) -> None:
    source = file_of(tmp_path, b"x" * 3_000_000)
    with failing(Trouble.CUT_SHORT):
        remote.put("copy.db", source, on_bytes=lambda *_: os.truncate(source, 0))
    assert names(remote) == set()


def test_what_a_killed_upload_left_is_not_listed_and_goes_after_a_day(
    remote: Remote, path: Path
) -> None:
    remote.put_bytes("copy.json", b"{}")
    old, new = (path / "launcher-site0001" / name for name in ("old.db.part", "new.db.part"))
    for each in (old, new):
        each.write_bytes(b"x")
    os.utime(old, (0, 0))
    assert names(remote) == {"copy.json"}
    open_remote(nas(path), site=SITE).put_bytes("other.json", b"{}")
    assert (old.exists(), new.exists()) == (False, True)


def test_a_folder_that_never_answers_is_given_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel of a test has no network folder that hangs: a call that waits is in its place."""
    patient = open_remote(nas(path), site=SITE)
    patient.put_bytes("copy.json", b"{}")
    remote = Folder(nas(path), site=SITE, silent_s=0.05)
    answered = threading.Event()
    with monkeypatch.context() as patch:
        patch.setattr("os.scandir", lambda _path: answered.wait())
        with failing(Trouble.TIMED_OUT):
            names(remote)
    answered.set()
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda _file: answered.wait())
        answered.clear()
        with failing(Trouble.TIMED_OUT):
            remote.put_bytes("copy.json", b"replaced")
        answered.set()
    assert patient.get_bytes("copy.json", limit=100) == b"{}"


def test_free_space_is_that_of_the_disk(remote: Remote, path: Path) -> None:
    facts = os.statvfs(path)
    free = remote.free_bytes()
    assert free is not None
    assert 0 < free <= facts.f_blocks * facts.f_frsize
    assert remote.clock_apart_s() is None


def test_an_error_names_no_more_than_its_facts() -> None:
    error = RemoteError(Trouble.FULL, answer="x" * 1000, free_bytes=5)
    assert (str(error), len(error.answer)) == ("full, free_bytes=5", 200)
