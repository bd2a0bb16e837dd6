"""A destination that is a folder of this machine: a second disk, a stick, a mounted NAS."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, TypeVar

from launcher.backup.files import create_new, discard, open_regular, sync_directory
from launcher.backup.records.text import readable
from launcher.offsite.folder_errors import translated
from launcher.offsite.limits import Limiter
from launcher.offsite.mounts import is_on_device_of, looks_not_mounted, overlapped
from launcher.offsite.object_names import (
    PART_SUFFIX,
    checked,
    folder_of,
    is_unfinished,
    site_of,
)
from launcher.offsite.patience import Beat, patiently
from launcher.offsite.records import Destination, Place
from launcher.offsite.remote import OnBytes, RemoteObject
from launcher.offsite.troubles import RemoteError, Trouble

T = TypeVar("T")

_PIECE_BYTES = 1 << 20
_FLUSH_BYTES = 16 << 20  # a flush of everything at the end would be silent for too long
_LEFT_S = 24 * 3600.0


class Folder:
    """Objects are files below the folder, written beside their name and then renamed.

    Only the folder itself may be a link: links inside are neither followed nor listed.
    """

    def __init__(
        self,
        destination: Destination,
        *,
        site: str,
        data_dir: Path | None = None,
        apart: Sequence[Path] = (),
        silent_s: float = 30.0,
    ) -> None:
        """
        Args:
            destination: with the option `path`.
            site: whose copies; "" for all that is in the folder.
            data_dir: where the data is, to refuse a folder that is no other place; None to read.
            apart: more folders that it must not be, contain or be inside of.
            silent_s: after so many seconds without a byte a call is given up.
        """
        self._path = Path(destination.options.get("path", ""))
        if not self._path.is_absolute() or "\0" in str(self._path):
            raise RemoteError(Trouble.WRONG_OPTIONS, option="path")
        self._root = self._path / folder_of(site) if site else self._path
        # A copy was there: a folder without this site's own is the place where it is mounted.
        self._was_seen = bool(site) and destination.tested_at is not None
        self._should_be_elsewhere = destination.place is not Place.THIS_SERVER
        self._data_dir = data_dir
        self._apart = apart
        self._limiter = Limiter(destination.limit_bytes_s)
        self._silent_s = silent_s
        self._is_swept = False

    def put(
        self,
        name: str,
        source: Path,
        *,
        on_bytes: OnBytes,
        resume: str = "",
        on_resume: Callable[[str], None] | None = None,
    ) -> None:
        """Copy the file; an interrupted call begins from the start the next time."""
        _ = resume, on_resume
        with open_regular(source) as file:
            self._write(name, file, os.fstat(file.fileno()).st_size, on_bytes)

    def has_confirmed(self) -> bool:
        """Return True: every byte was counted, and is on the disk."""
        return True

    def put_bytes(self, name: str, data: bytes) -> None:
        """Write a small object."""
        self._write(name, BytesIO(data), len(data), _no_one)

    def list(self, folder: str = "") -> Iterator[RemoteObject]:
        """Yield the regular files below `folder`, those of unfinished uploads left out."""
        start = self._root / checked(folder) if folder else self._root
        with self._troubles("list"):
            found = self._patiently(partial(self._found, start))
        yield from found

    def list_sites(self) -> Iterator[str]:
        """Yield the sites that have a folder here."""
        with self._troubles("list"):
            found = self._patiently(self._folders)
        yield from filter(None, map(site_of, found))

    def get(self, name: str, target: Path, *, on_bytes: OnBytes) -> None:
        """Copy an object into a new file."""
        with self._troubles("read", name):
            source = self._patiently(lambda _beat: self._opened(name))
        with source, create_new(target) as file:
            total = os.fstat(source.fileno()).st_size
            read = partial(self._read, source, name)
            try:
                self._patiently(partial(self._transfer, read, file, total, on_bytes, name=name))
            except BaseException:
                discard(target)
                raise

    def get_bytes(self, name: str, *, limit: int) -> bytes:
        """Read the start of an object."""
        with self._troubles("read", name):
            return self._patiently(lambda _beat: self._start(name, limit))

    def delete(self, name: str) -> None:
        """Remove the file."""
        path = self._root / checked(name)
        with self._troubles("delete", name):
            self._patiently(lambda _beat: self._unlink(path))

    def free_bytes(self) -> int | None:
        """Return what an unprivileged process can still write there."""
        with self._troubles("list"):
            facts = self._patiently(lambda _beat: os.statvfs(self._path))
        return facts.f_bavail * facts.f_frsize

    def clock_apart_s(self) -> float | None:
        """Return None: files there are dated by this machine, or by one whose clock is unknown."""
        return None

    def found_options(self) -> Mapping[str, str]:
        """Return nothing: all is entered."""
        return {}

    def close(self) -> None:
        """Leave nothing open: no call does."""

    # --- writing -------------------------------------------------------------------------

    def _write(self, name: str, source: BinaryIO, size_bytes: int, on_bytes: OnBytes) -> None:
        path = self._root / checked(name)
        part = path.with_name(path.name + PART_SUFFIX)
        with self._troubles("write", name, needed_bytes=size_bytes):
            self._patiently(lambda _beat: self._prepare(path.parent))
            try:
                self._patiently(
                    partial(self._write_part, part, source, size_bytes, on_bytes, name=name)
                )
                self._patiently(lambda _beat: _publish(part, path))
            except BaseException as error:
                if not _is_timeout(error):  # the folder would not answer to that either
                    discard(part)
                raise

    def _prepare(self, folder: Path) -> None:
        """Make the folders that are missing, and remove what a killed upload left long ago."""
        self._require_mounted()
        missing = [self._path] if not self._was_seen else []
        inside = folder.relative_to(self._path).parts
        missing += [self._path.joinpath(*inside[: depth + 1]) for depth in range(len(inside))]
        for each in missing:
            with contextlib.suppress(FileExistsError):
                each.mkdir(0o700)
                sync_directory(each.parent)
            if each != self._path and stat.S_ISLNK(each.lstat().st_mode):
                raise RemoteError(Trouble.WRONG_ADDRESS, detail=str(each))
        if not self._is_swept:
            self._is_swept = True
            _sweep(folder)

    def _require_mounted(self) -> None:
        self._require_seen()
        if self._data_dir is not None:
            self._require_another_place(self._data_dir)
        if not self._was_seen and looks_not_mounted(self._path):
            raise RemoteError(Trouble.NOT_MOUNTED, path=str(self._path))

    def _require_another_place(self, data_dir: Path) -> None:
        """Refuse a folder that would be lost with the data, or mixed with it."""
        if (other := overlapped(self._path, (data_dir, *self._apart))) is not None:
            raise RemoteError(Trouble.OVERLAPS, path=str(self._path), other=str(other))
        if self._should_be_elsewhere and is_on_device_of(self._path, data_dir):
            raise RemoteError(Trouble.SAME_DISK, path=str(self._path))

    def _write_part(
        self, part: Path, source: BinaryIO, size_bytes: int, on_bytes: OnBytes, beat: Beat, *,
        name: str,
    ) -> None:  # fmt: skip
        part.unlink(missing_ok=True)
        with create_new(part) as file:
            self._transfer(source.read, file, size_bytes, on_bytes, beat, name=name)

    def _transfer(
        self, read: Callable[[int], bytes], target: BinaryIO, total: int, on_bytes: OnBytes,
        beat: Beat, *, name: str,
    ) -> None:  # fmt: skip
        """Copy exactly `total` bytes, and make them durable."""
        done = flushed = 0
        while piece := read(self._limiter.piece_bytes(_PIECE_BYTES)):
            self._limiter.take(len(piece))
            target.write(piece)
            done += len(piece)
            if done - flushed >= _FLUSH_BYTES:
                target.flush()
                os.fdatasync(target.fileno())
                flushed = done
            beat()
            on_bytes(done, total)
        target.flush()
        os.fsync(target.fileno())
        if done != total:
            raise RemoteError(Trouble.CUT_SHORT, name=name)

    # --- reading -------------------------------------------------------------------------

    def _opened(self, name: str) -> BinaryIO:
        path = self._root / checked(name)
        self._require_seen()
        if _is_link_inside(path, self._path):
            raise RemoteError(Trouble.NOT_THERE, name=name)
        try:
            return open_regular(path)
        except OSError as error:
            if error.errno in {errno.EINVAL, errno.ENXIO}:  # a folder, a pipe
                raise RemoteError(Trouble.NOT_THERE, name=name) from error
            raise

    def _read(self, source: BinaryIO, name: str, count: int) -> bytes:
        with self._troubles("read", name):
            return source.read(count)

    def _start(self, name: str, limit: int) -> bytes:
        with self._opened(name) as source:
            return source.read(limit)

    def _unlink(self, path: Path) -> None:
        self._require_seen()
        if not _is_link_inside(path.parent, self._path):
            path.unlink(missing_ok=True)

    def _require_seen(self) -> None:
        if self._was_seen and not os.path.lexists(self._root):
            raise RemoteError(Trouble.NOT_MOUNTED, path=str(self._path))

    def _found(self, start: Path, beat: Beat) -> tuple[RemoteObject, ...]:
        self._require_mounted()
        if not os.path.lexists(start):
            if not self._path.is_dir() and not self._is_to_be_made():
                raise RemoteError(Trouble.NOT_THERE, name=str(self._path))
            return ()
        found = []
        folders = [] if _is_link_inside(start, self._path) else [start]
        while folders:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    beat()
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                    elif entry.is_file(follow_symlinks=False) and not is_unfinished(entry.name):
                        with contextlib.suppress(FileNotFoundError):  # removed at this moment
                            found.append(self._object(entry))
        return tuple(found)

    def _object(self, entry: os.DirEntry[str]) -> RemoteObject:
        facts = entry.stat(follow_symlinks=False)
        name = readable(str(Path(entry.path).relative_to(self._root)))
        modified_at = None
        with contextlib.suppress(ValueError, OverflowError):  # a year that no date has
            modified_at = datetime.fromtimestamp(facts.st_mtime, UTC)
        return RemoteObject(name, facts.st_size, modified_at)

    def _folders(self, _beat: Beat) -> tuple[str, ...]:
        self._require_mounted()
        if self._is_to_be_made():
            return ()
        with os.scandir(self._path) as entries:
            return tuple(each.name for each in entries if each.is_dir(follow_symlinks=False))

    def _is_to_be_made(self) -> bool:
        """Whether the first object makes the folder."""
        is_missing = not os.path.lexists(self._path)
        return is_missing and not self._was_seen and self._path.parent.is_dir()

    # --- troubles ------------------------------------------------------------------------

    def _patiently(self, work: Callable[[Beat], T]) -> T:
        return patiently(work, silent_s=self._silent_s)

    @contextlib.contextmanager
    def _troubles(self, action: str, name: str = "", *, needed_bytes: int = 0) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise translated(
                error,
                action=action,
                name=name,
                folder=self._path,
                needed_bytes=needed_bytes,
                free_bytes=self._free_bytes,
            ) from error

    def _free_bytes(self) -> int | None:
        with contextlib.suppress(RemoteError):
            return self.free_bytes()
        return None


def _sweep(folder: Path) -> None:
    for name in os.listdir(folder):
        left = folder / name
        with contextlib.suppress(OSError):
            if is_unfinished(name) and time.time() - left.lstat().st_mtime > _LEFT_S:
                left.unlink()


def _publish(part: Path, path: Path) -> None:
    part.replace(path)
    sync_directory(path.parent)


def _is_link_inside(path: Path, root: Path) -> bool:
    while path != root:
        if path.is_symlink():
            return True
        path = path.parent
    return False


def _is_timeout(error: BaseException) -> bool:
    return isinstance(error, RemoteError) and error.trouble is Trouble.TIMED_OUT


def _no_one(_done: int, _total: int) -> None:
    pass
