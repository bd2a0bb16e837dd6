"""Copies by rclone, the real program, at servers that it serves as well."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.config import ROOT
from launcher.offsite import host_keys, rclone, rclone_options, rclone_program
from launcher.offsite.host_keys import fingerprint, host_key
from launcher.offsite.opening import open_remote
from launcher.offsite.rclone import Rclone
from launcher.offsite.rclone_program import environment_of
from launcher.offsite.records import Destination, Service
from launcher.offsite.troubles import RemoteError, Trouble
from tests.integration.offsite.conftest import BUCKET
from tests.integration.offsite.places import SITE, FarPlace, failing, file_of, names, no_one, read
from tests.support.cutting_proxy import cutting
from tests.support.odd_servers import Visit, serving
from tests.support.server import free_port
from tests.support.storage_servers import KEY_ID, PASSWORD, SECRET, StorageServer

OnSent = Callable[[int], None]


def changed(place: FarPlace, **options: str) -> Destination:
    return replace(place.destination, options={**place.destination.options, **options})


# --- the key of an SSH server ------------------------------------------------------------


def test_the_key_of_the_server_is_found_once_and_insisted_on(
    sftp: FarPlace, sftp_server: StorageServer
) -> None:
    remote = sftp.open()
    assert names(remote) == set()
    found = dict(remote.found_options())
    assert found["known_hosts"].startswith(f"[127.0.0.1]:{sftp_server.port} ")
    assert fingerprint(found["known_hosts"]).startswith("SHA256:")

    known = sftp.open(options={**sftp.destination.options, **found})
    assert (names(known), known.found_options()) == (set(), {})

    start, kind, key = found["known_hosts"].split()
    other = f"{start} {kind} {key[:-8]}{key[-8:].swapcase()}"
    with failing(Trouble.HOST_KEY) as errors:
        names(sftp.open(options={**sftp.destination.options, "known_hosts": other}))
    assert errors[0].facts == {"fingerprint": fingerprint(found["known_hosts"])}


def test_what_is_no_ssh_server_has_no_key(webdav_server: StorageServer) -> None:
    with failing(Trouble.WRONG_ADDRESS):
        host_key("127.0.0.1", webdav_server.port)
    port = free_port()
    with failing(Trouble.REFUSED) as errors:
        host_key("127.0.0.1", port)
    assert errors[0].facts == {"host": f"127.0.0.1:{port}"}
    with failing(Trouble.NAME_NOT_FOUND):
        host_key("no-such-host.invalid", 22)


@pytest.mark.parametrize(
    "key", [b"", b"\0\0\0\x09", b"\0\0\0\4\xff\xff\xff\xff", b"\0\0\0\x09ssh-x\n* y"]
)
def test_a_key_of_no_kind_that_was_asked_for_is_refused(
    monkeypatch: pytest.MonkeyPatch, key: bytes
) -> None:
    """Its kind becomes part of a line of `known_hosts`."""
    monkeypatch.setattr(host_keys, "_exchange", lambda *_: key)
    with socket.create_server(("127.0.0.1", 0)) as server, failing(Trouble.WRONG_ADDRESS):
        host_key("127.0.0.1", server.getsockname()[1])


# --- what can be wrong -------------------------------------------------------------------


def test_a_wrong_password_is_named_and_never_quoted(
    sftp: FarPlace, webdav: FarPlace, capfd: pytest.CaptureFixture[str]
) -> None:
    for place in (sftp, webdav):
        remote = place.open(secrets={"pass": "another-secret-7j3n"})
        for call in (
            lambda remote=remote: names(remote),
            lambda remote=remote: remote.put_bytes("copy.json", b"{}"),
        ):
            with failing(Trouble.WRONG_SECRET) as errors:
                call()
            assert "another-secret" not in f"{errors[0]!r} {vars(errors[0])}"
    assert "another-secret" not in "".join(capfd.readouterr())


def test_a_service_that_cannot_be_reached_is_named(webdav: FarPlace) -> None:
    port = free_port()
    for url, trouble, host in (
        (f"http://127.0.0.1:{port}", Trouble.REFUSED, f"127.0.0.1:{port}"),
        ("http://no-such-host.invalid", Trouble.NAME_NOT_FOUND, "no-such-host.invalid"),
    ):
        with failing(trouble) as errors:
            list(open_remote(changed(webdav, url=url), site=SITE).list())
        assert errors[0].facts == {"host": host}


def test_a_service_that_never_answers_is_given_up(webdav: FarPlace, tmp_path: Path) -> None:
    with serving(lambda visit: visit.over.wait()) as server:
        remote = Rclone(changed(webdav, url=server.url), site=SITE, silent_s=1.0)
        with failing(Trouble.TIMED_OUT):
            list(remote.list())
        with failing(Trouble.TIMED_OUT):
            read(remote, "copy.db", tmp_path)
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        ("503 Service Unavailable", Trouble.BUSY),
        ("429 Too Many Requests", Trouble.BUSY),
        ("403 Forbidden", Trouble.DENIED),
        ("507 Insufficient Storage", Trouble.FULL),
    ],
)
def test_what_a_service_answers_is_understood(
    webdav: FarPlace, *, status: str, trouble: Trouble
) -> None:
    with serving(lambda visit: visit.answer(b"no", status)) as server:
        with failing(trouble) as errors:
            list(open_remote(changed(webdav, url=server.url), site=SITE).list())
        if trouble is Trouble.DENIED:
            assert errors[0].facts == {"action": "list"}


@pytest.mark.parametrize(
    ("options", "secrets", "wrong"),
    [
        ({"type": "nosuch"}, {}, "type"),
        ({"type": "../x"}, {}, "type"),
        ({"type": "sftp", "ssh": "sh -c id"}, {}, "ssh"),
        ({"type": "sftp", "server_command": "id"}, {}, "server_command"),
        ({"type": "webdav"}, {"bearer_token_command": "id"}, "bearer_token_command"),
        ({"type": "webdav", "a b": "c"}, {}, "a b"),
        ({"type": "webdav", "url": ":alias,remote=x:"}, {}, "url"),
        ({"type": "webdav"}, {"type": "alias"}, "type"),
        ({"type": "webdav", "url": "http://ada:pw@host/"}, {}, "url"),
        ({"type": "sftp", "host": "ada:pw@host"}, {}, "host"),
        ({"type": "azureblob", "use_az": "true"}, {}, "use_az"),
        *(
            ({"type": each}, {}, "type")
            for each in (
                "alias",
                "archive",
                "cache",
                "chunker",
                "combine",
                "compress",
                "crypt",
                "hasher",
                "http",
                "local",
                "memory",
                "union",
            )
        ),
        ({"type": "webdav", "ca_file": "/no/such/file"}, {}, "ca_file"),
        ({"type": "sftp", "host": "127.0.0.1", "port": "x"}, {}, "port"),
        ({"type": "sftp", "host": "127.0.0.1", "port": "²"}, {}, "port"),
    ],
)
def test_options_that_are_wrong_are_named(
    options: dict[str, str], secrets: dict[str, str], wrong: str
) -> None:
    destination = Destination("x", "X", Service.RCLONE, options=options, secrets=secrets)
    with failing(Trouble.WRONG_OPTIONS) as errors:
        list(open_remote(destination, site=SITE).list())
    assert errors[0].facts == {"option": wrong}


def test_no_type_carries_a_program_to_start_in_a_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "started"
    inner = f':webdav,url="http://127.0.0.1:{free_port()}/",bearer_token_command="touch {marker}":'
    place = Destination("x", "X", Service.RCLONE, options={"type": "alias", "remote": inner})
    with failing(Trouble.WRONG_OPTIONS):
        list(open_remote(place, site=SITE).list())
    monkeypatch.setattr(rclone_options, "TYPES", {"alias"})
    with failing(Trouble.WRONG_OPTIONS):
        list(open_remote(place, site=SITE).list())
    assert not marker.exists()

    monkeypatch.setattr(rclone, "environment_of", unchecked)
    with pytest.raises(RemoteError):
        list(open_remote(place, site=SITE).list())
    assert marker.exists()  # that is why


def unchecked(options: dict[str, str], _secrets: object) -> dict[str, str]:
    """The environment of a child, whatever the options are."""
    return {**os.environ, **{f"RCLONE_CONFIG_FAR_{k}".upper(): v for k, v in options.items()}}


def test_a_server_without_the_program_says_so(
    webdav: FarPlace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with failing(Trouble.NO_PROGRAM) as errors:
        webdav.open()
    assert errors[0].facts == {"program": "rclone"}


# --- uploads that fail -------------------------------------------------------------------


@pytest.mark.parametrize("cut_after", [100_000, 1_500_000])
def test_an_upload_that_breaks_off_leaves_no_object(
    webdav: FarPlace, webdav_server: StorageServer, tmp_path: Path, *, cut_after: int
) -> None:
    remote = webdav.open()
    source = file_of(tmp_path, os.urandom(2_000_000))
    with cutting(webdav_server.port) as proxy:
        broken = open_remote(changed(webdav, url=proxy.url), site=SITE)
        assert names(broken) == set()
        proxy.sent_left = cut_after
        with pytest.raises(Exception, match=r"broken_off|timed_out|unreachable"):
            broken.put("copy.db", source, on_bytes=no_one)
    assert names(remote) == set()
    remote.put("copy.db", source, on_bytes=no_one)
    assert read(remote, "copy.db", tmp_path) == source.read_bytes()


def cut(path: Path) -> None:
    os.truncate(path, 10)


def alter(path: Path) -> None:
    path.write_bytes(bytes(1000))


@pytest.mark.parametrize("damage", [cut, alter])
@pytest.mark.parametrize("kind", ["sftp", "webdav"])
def test_what_a_server_keeps_otherwise_than_it_was_sent_is_no_object(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    *, damage: Callable[[Path], None], kind: str,
) -> None:  # fmt: skip
    place: FarPlace = request.getfixturevalue(kind)
    root: Path = request.getfixturevalue(f"{kind}_server").root
    upload = Rclone._upload

    def tamper(self: Rclone, source: Path, path: str, name: str, on_sent: OnSent) -> None:
        upload(self, source, path, name, on_sent)
        damage(root / path)

    remote = place.open()
    with monkeypatch.context() as patch:
        patch.setattr(Rclone, "_upload", tamper)
        with pytest.raises(RemoteError) as caught:
            remote.put("copy.db", file_of(tmp_path, os.urandom(1000)), on_bytes=no_one)
    # A server may know a size from before.
    assert caught.value.trouble in {Trouble.CUT_SHORT, Trouble.DIFFERENT, Trouble.BROKEN_OFF}
    assert names(remote) == set()


def test_what_is_read_back_is_no_more_than_was_sent(
    webdav: FarPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that says the right size may send bytes without end, and memory has one."""
    printed = Rclone._printed
    calls: list[tuple[str, ...]] = []

    def noted(self: Rclone, *words: str, action: str, name: str) -> Iterator[bytes]:
        calls.append(words)
        return printed(self, *words, action=action, name=name)

    monkeypatch.setattr(Rclone, "_printed", noted)
    webdav.open().put("copy.db", file_of(tmp_path, bytes(1000)), on_bytes=no_one)
    assert [words[:3] for words in calls if words[0] == "cat"] == [("cat", "--head", "1001")]


def test_an_answer_without_an_end_takes_no_more_memory_than_the_limit(
    webdav: FarPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rclone_program, "_MOST_DATA_BYTES", 128 << 20)

    def endless(visit: Visit) -> None:
        visit.send(b"HTTP/1.1 207 Multi-Status\r\nContent-Type: text/xml\r\n\r\n")
        visit.send(b'<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">')
        while not visit.over.is_set():
            visit.send(b"<D:response><D:href>/" + b"x" * 100_000 + b"</D:href></D:response>")

    with serving(endless) as server, failing(Trouble.NO_ANSWER_KNOWN) as errors:
        list(open_remote(changed(webdav, url=server.url), site=SITE).list())
    assert "memory" in errors[0].answer


def test_a_service_without_checksums_confirms_the_size_alone(
    webdav: FarPlace, sftp: FarPlace, tmp_path: Path
) -> None:
    small, large = b"small", bytes(3 << 20)
    for place, confirms_large in ((webdav, False), (sftp, True)):
        remote = place.open()
        remote.put("copy.db", file_of(tmp_path, large), on_bytes=no_one)
        assert remote.has_confirmed() is confirms_large
        remote.put("copy.db", file_of(tmp_path, small), on_bytes=no_one)
        assert remote.has_confirmed()  # it was read back at once
        remote.close()


def test_what_a_killed_upload_left_goes_after_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder of this machine: a server may not see at once what is put there beside it."""
    monkeypatch.setattr(rclone_options, "TYPES", {"local"})
    options = {"type": "local", "folder": str(tmp_path / "far")}
    remote = open_remote(Destination("x", "X", Service.RCLONE, options=options), site=SITE)
    remote.put_bytes("copy.json", b"{}")
    folder = tmp_path / "far" / f"launcher-{SITE}"
    old, new = folder / "old.db.part", folder / "new.db.part"
    for each in (old, new):
        each.write_bytes(b"x")
    os.utime(old, (0, 0))
    assert names(remote) == {"copy.json"}
    remote.put("copy.db", file_of(tmp_path, bytes(2 << 20)), on_bytes=no_one)
    assert (old.exists(), new.exists()) == (False, True)
    assert names(remote) == {"copy.json", "copy.db"}


def test_the_limit_of_the_speed_is_kept(webdav: FarPlace, tmp_path: Path) -> None:
    remote = webdav.open(limit_bytes_s=1 << 20)
    started_at = time.monotonic()
    remote.put("copy.db", file_of(tmp_path, bytes(3 << 20)), on_bytes=no_one)
    assert time.monotonic() - started_at > 1.5


# --- a service on which rclone ends well with nothing ------------------------------------


def test_at_s3_what_is_missing_is_missing_and_no_bucket_is_made(
    rclone_s3_server: StorageServer, tmp_path: Path
) -> None:
    options = {"type": "s3", "provider": "Other", "endpoint": rclone_s3_server.url}
    keys = {"access_key_id": KEY_ID, "secret_access_key": SECRET}
    there = Destination("x", "X", Service.RCLONE, options=options, secrets=keys)
    remote = open_remote(replace(there, options=options | {"folder": f"{BUCKET}/x"}), site=SITE)
    with failing(Trouble.NOT_THERE):
        read(remote, "copy.db", tmp_path)
    with failing(Trouble.NOT_THERE):
        remote.get_bytes("copy.db", limit=10)
    remote.put_bytes("copy.json", b"{}")
    assert read(remote, "copy.json", tmp_path) == b"{}"
    other = open_remote(replace(there, options=options | {"folder": "no-bucket"}), site=SITE)
    with pytest.raises(Exception, match=r"no_bucket|not_there"):
        other.put_bytes("copy.json", b"{}")
    assert not (rclone_s3_server.root / "no-bucket").exists()


# --- secrets and children ----------------------------------------------------------------


def children(words: str) -> list[tuple[int, str, str]]:
    """Return process id, command and environment of every process whose command has the words."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        folder = Path("/proc") / pid
        try:
            command = (folder / "cmdline").read_text(errors="replace").replace("\0", " ")
            if words in command:
                found.append((int(pid), command, (folder / "environ").read_text(errors="replace")))
        except OSError:
            continue
    return found


def test_a_password_is_in_no_command_and_not_as_it_is_typed_in_the_environment(
    webdav: FarPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAUNCHER_OTHER_SECRET", "of-something-else")
    seen: list[tuple[int, str, str]] = []

    def search(_done: int, _total: int) -> None:
        seen.extend(children(str(tmp_path / "source")))
        assert not any(PASSWORD in command for _, command, _ in children(""))

    source = file_of(tmp_path, os.urandom(500_000))
    webdav.open(limit_bytes_s=500_000).put("copy.db", source, on_bytes=search)
    assert any("RCLONE_CONFIG_FAR_PASS" in environ for _, _, environ in seen)
    assert not any(PASSWORD in environ for _, _, environ in seen)
    assert not any("of-something-else" in environ for _, _, environ in seen)


def test_a_key_is_handed_over_on_one_line_and_passwords_obscured() -> None:
    pem = "-----BEGIN KEY-----\nabc\n-----END KEY-----\n"
    given = environment_of(
        {"type": "sftp", "user": "ada"}, {"key_pem": pem, "pass": PASSWORD, "x": ""}
    )
    assert given["RCLONE_CONFIG_FAR_KEY_PEM"] == "-----BEGIN KEY-----\\nabc\\n-----END KEY-----"
    assert given["RCLONE_CONFIG_FAR_USER"] == "ada"
    assert PASSWORD not in "".join(given.values())
    assert "RCLONE_CONFIG_FAR_X" not in given


def test_the_program_ends_with_the_process_that_started_it() -> None:
    """An upload that no one waits for would go on for hours, and the next one would meet it."""
    connected: list[Visit] = []

    def hang(visit: Visit) -> None:
        connected.append(visit)
        visit.over.wait()

    with serving(hang) as server:
        program = (
            "from launcher.offsite.rclone import Rclone\n"
            "from launcher.offsite.records import Destination, Service\n"
            f"options = {{'type': 'webdav', 'url': {server.url!r}, 'folder': '{server.port}'}}\n"
            "there = Destination('x', 'X', Service.RCLONE, options=options)\n"
            "list(Rclone(there, site='site0001').list())\n"
        )
        parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
        words = f"far:{server.port}"
        deadline = time.monotonic() + 60
        while not connected:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert children(words)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        while children(words):
            assert time.monotonic() < deadline
            time.sleep(0.02)
