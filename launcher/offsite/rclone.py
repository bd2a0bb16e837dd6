"""A destination that rclone reaches: SFTP, WebDAV, SMB, Backblaze, Drive and many more.

Exit codes are not trusted: on some services rclone ends well where there was nothing to read. What
was written is looked up afterwards, by size and by checksum where the service has one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from launcher.backup.files import open_regular
from launcher.backup.records.text import readable
from launcher.offsite.object_names import (
    PART_SUFFIX,
    checked,
    folder_of,
    is_unfinished,
    site_of,
)
from launcher.offsite.rclone_errors import translated
from launcher.offsite.rclone_program import REMOTE, Ended, Program, environment_of
from launcher.offsite.receiving import receive
from launcher.offsite.records import Destination
from launcher.offsite.remote import OnBytes, RemoteObject
from launcher.offsite.ssh_server import SshServer, insisting_on
from launcher.offsite.troubles import RemoteError, Trouble

_RENAMING = {"ftp", "sftp", "smb", "webdav"}
_HASHES = ("sha256", "sha1", "md5")
_READ_BACK_BYTES = 1 << 20
_HASH_BYTES_S = 5 << 20  # how fast a small computer hashes what it stores
_DIR_NOT_FOUND, _FILE_NOT_FOUND = 3, 4


class Rclone:
    """Each call is a child of its own, which needs about 80 MB while it runs."""

    def __init__(self, destination: Destination, *, site: str, silent_s: float = 30.0) -> None:
        """
        Args:
            destination: with the options `type`, `folder`, `ca_file`, for SFTP `known_hosts`
                (lines; found where it is empty), and those of rclone for the type.
            site: whose copies; "" for the folder itself.
            silent_s: after so many seconds without a byte a call is given up.

        Raises:
            RemoteError: `WRONG_OPTIONS`, `NO_PROGRAM`.
        """
        self._destination = destination
        self._kind = destination.options.get("type", "")
        self._folder = _joined(destination.options.get("folder", ""))
        self._root = _joined(self._folder, folder_of(site)) if site else self._folder
        self._silent_s = silent_s
        self._ssh = SshServer(destination.options)
        self._is_swept = False
        self._has_confirmed = True
        self._temporary = contextlib.ExitStack()
        self._environment = environment_of(destination.options, destination.secrets)
        if self._kind == "s3":  # rclone would create a bucket that is not there
            self._environment.setdefault(f"RCLONE_CONFIG_{REMOTE}_NO_CHECK_BUCKET".upper(), "true")

    def put(
        self,
        name: str,
        source: Path,
        *,
        on_bytes: OnBytes,
        resume: str = "",
        on_resume: Callable[[str], None] | None = None,
    ) -> None:
        """Upload the file; an interrupted call begins from the start the next time."""
        _ = resume, on_resume
        path = _joined(self._root, checked(name))
        with open_regular(source) as file:  # refuse what is no file, before rclone reads it
            size_bytes = os.fstat(file.fileno()).st_size
        written = path + PART_SUFFIX if self._can_move else path
        if size_bytes > _READ_BACK_BYTES:
            self._sweep()
        try:
            self._upload(source, written, name, lambda sent: on_bytes(sent, size_bytes))
            self._require_same(written, name, source, size_bytes)
            if written != path:
                self._run("moveto", "--ignore-times", _at(written), _at(path), name=name)
        except RemoteError as error:
            if error.trouble in {Trouble.DIFFERENT, Trouble.CUT_SHORT}:
                with contextlib.suppress(RemoteError):
                    self._run("deletefile", _at(written), action="delete", name=name)
            raise
        on_bytes(size_bytes, size_bytes)

    def has_confirmed(self) -> bool:
        """Return False for a large object at a service without checksums, as plain WebDAV."""
        return self._has_confirmed

    def put_bytes(self, name: str, data: bytes) -> None:
        """Upload a small object."""
        with tempfile.TemporaryDirectory(prefix="launcher-") as folder:
            source = Path(folder) / "object"
            source.write_bytes(data)
            self.put(name, source, on_bytes=_no_one)

    def list(self, folder: str = "") -> Iterator[RemoteObject]:
        """Yield the objects as rclone prints them, those of unfinished uploads left out."""
        start = _joined(self._root, checked(folder)) if folder else self._root
        for each in self._entries(start, "--recursive", "--files-only"):
            name = _joined(folder, readable(str(each["Path"])))
            if not is_unfinished(name):
                yield RemoteObject(name, int(each["Size"]), _moment(each.get("ModTime")))

    def list_sites(self) -> Iterator[str]:
        """Yield the sites that have a folder here."""
        for each in self._entries(self._folder, "--dirs-only"):
            if site := site_of(str(each["Name"])):
                yield site

    def get(self, name: str, target: Path, *, on_bytes: OnBytes) -> None:
        """Download an object into a new file."""
        path = _joined(self._root, checked(name))

        def begin() -> tuple[int, Iterator[bytes]]:
            size_bytes = self._size(path, name)
            return size_bytes, self._printed("cat", _at(path), action="read", name=name)

        receive(name, target, begin, on_bytes=on_bytes)

    def get_bytes(self, name: str, *, limit: int) -> bytes:
        """Download the start of an object."""
        path = _joined(self._root, checked(name))
        data = self._start(path, name, limit)
        if not data:  # nothing was there, or an object that is empty
            self._size(path, name)
        return data

    def delete(self, name: str) -> None:
        """Delete the object."""
        path = _joined(self._root, checked(name))
        try:
            self._run("deletefile", _at(path), action="delete", name=name)
        except RemoteError as error:
            if error.trouble is not Trouble.NOT_THERE:
                raise

    def free_bytes(self) -> int | None:
        """Return what the service says, None where rclone cannot ask it."""
        with contextlib.suppress(ValueError, RemoteError):
            said = json.loads(self._run("about", "--json", _at(""), action="list"))
            free = said.get("free")
            return free if isinstance(free, int) and free >= 0 else None
        return None

    def clock_apart_s(self) -> float | None:
        """Return None: rclone does not say it."""
        return None

    def found_options(self) -> Mapping[str, str]:
        """Return the key of the SSH server, where none was given."""
        return {"known_hosts": self._ssh.found} if self._ssh.found else {}

    def close(self) -> None:
        """Remove the file of known hosts."""
        self._temporary.close()

    # --- calls ---------------------------------------------------------------------------

    @cached_property
    def _program(self) -> Program:
        if self._kind == "sftp" and not self._destination.options.get("known_hosts_file"):
            lines = self._ssh.known_hosts()
            folder = Path(self._temporary.enter_context(tempfile.TemporaryDirectory()))
            options = insisting_on(lines, folder / "known_hosts")
            start = f"RCLONE_CONFIG_{REMOTE}_"
            self._environment |= {f"{start}{name}".upper(): options[name] for name in options}
        flags = []
        if ca_file := self._destination.options.get("ca_file", ""):
            if not Path(ca_file).is_file():
                raise RemoteError(Trouble.WRONG_OPTIONS, option="ca_file")
            flags += ["--ca-cert", ca_file]
        if limit := self._destination.limit_bytes_s:
            flags += ["--bwlimit", f"{limit}B"]
        return Program(self._environment, flags, silent_s=self._silent_s)

    @cached_property
    def _can_move(self) -> bool:
        """Whether an object can be renamed there, so that a part never has its name."""
        if self._kind in _RENAMING:
            return True
        said = json.loads(self._run("backend", "features", _at(self._folder), action="list"))
        features = said.get("Features", {})
        return bool(features.get("Move")) and not features.get("BucketBased")

    def _sweep(self) -> None:
        """Remove once what killed uploads left a day ago or before; it may not be allowed."""
        if self._is_swept or not self._can_move:
            return
        self._is_swept = True
        words = ("delete", "--include", f"*{PART_SUFFIX}", "--min-age", "1d", "--max-depth", "1")
        with contextlib.suppress(RemoteError):
            self._run(*words, _at(self._root), action="delete")

    def _upload(self, source: Path, path: str, name: str, on_sent: Callable[[int], None]) -> None:
        words = ("copyto", "--inplace", "--ignore-times", "--ignore-checksum", "--no-traverse")
        ended = Ended()
        for _ in self._program.pieces(*words, str(source), _at(path), ended=ended, on_sent=on_sent):
            pass
        self._require_well(ended, "write", name)

    def _run(
        self, *words: str, action: str = "write", name: str = "", work_s: float = 0.0
    ) -> bytes:
        output, ended = self._program.output(*words, work_s=work_s)
        self._require_well(ended, action, name)
        return output

    def _printed(self, *words: str, action: str, name: str) -> Iterator[bytes]:
        ended = Ended()
        yield from self._program.pieces(*words, ended=ended)
        self._require_well(ended, action, name)

    def _require_well(self, ended: Ended, action: str, name: str) -> None:
        if ended.code == 0:
            return
        if ended.code in {_DIR_NOT_FOUND, _FILE_NOT_FOUND}:
            raise RemoteError(Trouble.NOT_THERE, name=name or self._folder)
        error = translated(
            ended.messages,
            action=action,
            name=name,
            host=self._host or self._kind,
            place=self._folder,
            secrets=[*self._destination.secrets.values(), *self._obscured],
        )
        if error.trouble is Trouble.HOST_KEY:
            raise RemoteError(Trouble.HOST_KEY, answer=error.answer, **self._ssh.other_key())
        raise error

    @property
    def _host(self) -> str:
        options = self._destination.options
        with contextlib.suppress(ValueError):
            return options.get("host", "") or urlsplit(options.get("url", "")).hostname or ""
        return ""

    @property
    def _obscured(self) -> Sequence[str]:
        start = f"RCLONE_CONFIG_{REMOTE}_".upper()
        names = {f"{start}{name}".upper() for name in self._destination.secrets}
        return [self._environment[name] for name in names if name in self._environment]

    # --- what is there -------------------------------------------------------------------

    def _entries(self, path: str, *flags: str) -> Iterator[Any]:
        """Yield what rclone lists, a line an object; nothing where there is no such folder."""
        words = ("lsjson", "--no-mimetype", *flags, _at(path))
        kept = b""
        try:
            for piece in self._printed(*words, action="list", name=""):
                *lines, kept = (kept + piece).split(b"\n")
                for line in lines:
                    if line.startswith(b"{"):
                        yield json.loads(line.rstrip(b","))
        except RemoteError as error:
            if error.trouble is not Trouble.NOT_THERE:
                raise

    def _found(self, path: str, name: str, *flags: str, work_s: float = 0.0) -> Any:
        words = ("lsjson", "--stat", *flags, _at(path))
        said = json.loads(self._run(*words, action="read", name=name, work_s=work_s))
        if not said or said.get("IsDir"):
            raise RemoteError(Trouble.NOT_THERE, name=name)
        return said

    def _start(self, path: str, name: str, limit: int) -> bytes:
        """Return the first bytes of an object, however many the service sends."""
        words = ("cat", "--head", str(limit), _at(path))
        return b"".join(self._printed(*words, action="read", name=name))[:limit]

    def _size(self, path: str, name: str) -> int:
        return int(self._found(path, name)["Size"])

    def _require_same(self, path: str, name: str, source: Path, size_bytes: int) -> None:
        """Raise unless what is there is the source, as far as the service says."""
        work_s = size_bytes / _HASH_BYTES_S
        found = self._found(path, name, "--hash", work_s=work_s)
        if found["Size"] != size_bytes:
            raise RemoteError(Trouble.CUT_SHORT, name=name)
        hashes = found.get("Hashes") or {}
        kind = next((each for each in _HASHES if hashes.get(each)), None)
        if kind is not None:
            is_same = _digest(source, kind) == hashes[kind]
        elif size_bytes <= _READ_BACK_BYTES:
            is_same = self._start(path, name, size_bytes + 1) == source.read_bytes()
        else:
            is_same = True  # the size alone: who asks `has_confirmed` reads it back
        self._has_confirmed = kind is not None or size_bytes <= _READ_BACK_BYTES
        if not is_same:
            raise RemoteError(Trouble.DIFFERENT, name=name)


def _digest(source: Path, kind: str) -> str:
    digest = hashlib.new(kind, usedforsecurity=False)
    with open_regular(source) as file:
        while piece := file.read(_READ_BACK_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _joined(*parts: str) -> str:
    """Return a path of a service; only the first part may begin at its root."""
    return "/".join(part.rstrip("/") for part in parts if part.rstrip("/"))


def _at(path: str) -> str:
    return f"{REMOTE}:{path}"


def _moment(value: object) -> datetime | None:
    with contextlib.suppress(ValueError):
        moment = datetime.fromisoformat(str(value))
        return moment.astimezone(UTC) if moment.tzinfo and moment.year > 1980 else None
    return None


def _no_one(_done: int, _total: int) -> None:
    pass
