"""Where backups lie: a folder in which a backup exists exactly when its manifest does.

That one rule makes publishing and removing atomic. To publish, the manifest is written under
`staging/`, the data file is renamed into the folder, and then the manifest is. To remove, the
manifest goes back to `staging/` first. Whatever is killed in between leaves a manifest in
staging, whose data file is debris: it is not listed, and `sweep` removes both.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO, Protocol

from launcher.backup.compression import SUFFIXES
from launcher.backup.errors import (
    BackupError,
    BackupNotFoundError,
    ManifestError,
)
from launcher.backup.files import (
    disk_errors,
    empty_directory,
    move,
    open_regular,
    sync_directory,
    write_atomic,
)
from launcher.backup.fingerprints import Fingerprint, fingerprint_of, is_settled
from launcher.backup.manifest import MAX_BYTES, read_manifest, write_manifest
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import Backup, Encoding, Kind, Verification
from launcher.backup.records.ids import LATEST, BackupId, moment_of, parse_backup_id
from launcher.backup.records.text import clean_note

_PREFIX = "launcher-"
_EXTERNAL_SUFFIXES = (".db", ".sqlite", ".sqlite3", ".db.zst", ".sqlite.zst", ".sqlite3.zst")
_STORED_MODE = 0o400
_NO_FILE = Fault(Reason.NOT_REGULAR)
_BY_TIME = attrgetter("created_at", "id")


class Store(Protocol):
    """A place that keeps backups.

    Every method raises `StoreUnavailableError` when the place cannot be reached, and
    `InsufficientSpaceError` when it is full.
    """

    @property
    def path(self) -> Path:
        """The folder, for people and for questions of free space."""

    @property
    def staging(self) -> Path:
        """A private folder for work in progress, on the same file system."""

    def ensure(self) -> None:
        """Make the place usable; raises when it cannot be."""

    def list(self) -> Sequence[Backup]:
        """Return every backup, newest first; damaged and foreign ones hide nothing else.

        Every file is looked at, each time.
        """

    def get(self, reference: str) -> Backup:
        """Return one backup by id, or for `latest` the newest good one.

        A safety backup is `latest` only when there is nothing else: it holds what somebody
        wanted to get away from, and a restore of `latest` said twice must not bring that back.

        Raises:
            BackupNotFoundError: there is none.
        """

    def open(self, backup: Backup) -> BinaryIO:
        """Open the stored file of a backup for reading; links are never followed.

        Raises:
            ManifestError: the file is missing or is no regular file.
        """

    def file_name(self, backup: Backup) -> str:
        """Return the name of the stored file, which lies in `path`.

        Raises:
            ManifestError: there is none.
        """

    def publish(self, backup: Backup, staged: Path) -> None:
        """Make `backup`, whose finished file lies at `staged`, exist durably, or not at all."""

    def update(self, backup: Backup) -> None:
        """Replace the manifest of an existing backup, or give an external file its first."""

    def remove(self, backup: Backup) -> None:
        """Make a backup not exist, durably."""

    def sweep(self) -> None:
        """Remove what killed operations left. Only the holder of the operation lock may."""


class LocalStore:
    """A local directory, possibly a mounted disk.

    A manifest is parsed once for each state of its file that this process has seen. What is
    remembered is bounded by what lies in the folder: about 2 KB for each backup.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        """
        Args:
            path: the folder.
            create: whether a missing folder may be made. False for one that an admin chose
                elsewhere: a missing folder there is a disk that is not mounted.
        """
        self._path = path
        self._create = create
        self._folder = str(path)  # joined as text: a listing does it twenty thousand times
        self._read: dict[str, tuple[Fingerprint, Backup]] = {}

    @property
    def path(self) -> Path:
        return self._path

    @property
    def staging(self) -> Path:
        return self._path / "staging"

    def ensure(self) -> None:
        with disk_errors("use the backup folder"):
            if self._create:
                self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.staging.mkdir(mode=0o700, exist_ok=True)

    def list(self) -> Sequence[Backup]:
        names = self._names()
        # In the order of their names, which is nearly that of time.
        manifests = sorted(filter(self._is_manifest, names), reverse=True)
        self._forget_all_but(manifests)
        found = [backup for name in manifests if (backup := self._describe(name)) is not None]
        # A file that one of our manifests describes has no row of its own.
        names.difference_update(manifests)
        names.difference_update(backup.file.name for backup in found if backup.file)
        for backup in found:
            if not backup.file:
                names.difference_update(_file_names(backup.id))
        found += [
            backup
            for name in names
            if _is_external(name) and (backup := self._describe_bare(name)) is not None
        ]
        return sorted(found, key=_BY_TIME, reverse=True)

    def get(self, reference: str) -> Backup:
        if reference == LATEST:
            good = [backup for backup in self.list() if backup.is_good]
            for backup in good:
                if backup.kind is not Kind.SAFETY:
                    return backup
            if good:
                return good[0]
            raise BackupNotFoundError(Reason.NO_GOOD_BACKUP)
        backup_id = parse_backup_id(reference)
        described = self._describe(self._manifest_path(backup_id).name)
        if described is not None and (described.file or self._names()):
            return described  # what cannot be read may be the whole folder
        for backup in self.list():
            if backup.id == backup_id:
                return backup
        raise BackupNotFoundError(Reason.NO_SUCH_BACKUP, reference=backup_id)

    def open(self, backup: Backup) -> BinaryIO:
        try:
            return open_regular(self._path / self.file_name(backup))
        except OSError as error:
            raise ManifestError(
                Reason.FILE_UNREADABLE, backup_id=backup.id, detail=error.strerror
            ) from error

    def file_name(self, backup: Backup) -> str:
        names = self._data_names(backup)
        if not names:
            raise ManifestError(Reason.FILE_MISSING)
        return names[0]

    def publish(self, backup: Backup, staged: Path) -> None:
        assert backup.file is not None  # noqa: S101 (made by `pack` a moment ago)
        in_staging = self.staging / self._manifest_path(backup.id).name
        target = self._path / backup.file.name
        with disk_errors("write to the backup folder"):
            staged.chmod(_STORED_MODE)
            write_atomic(in_staging, write_manifest(backup), mode=_STORED_MODE)
            try:
                move(staged, target)
                move(in_staging, self._manifest_path(backup.id))
            except BaseException:
                # Even one that is in place already is not certain to survive a crash.
                with contextlib.suppress(BackupError):
                    self.remove(backup)
                raise

    def update(self, backup: Backup) -> None:
        with disk_errors("write to the backup folder"):
            write_atomic(self._manifest_path(backup.id), write_manifest(backup), mode=_STORED_MODE)

    def remove(self, backup: Backup) -> None:
        manifest_path = self._manifest_path(backup.id)
        in_staging = self.staging / manifest_path.name
        data_names = self._data_names(backup)
        self.ensure()
        with disk_errors("remove from the backup folder"):
            if manifest_path.is_symlink() or manifest_path.exists():
                move(manifest_path, in_staging)
            for name in data_names:
                (self._path / name).unlink(missing_ok=True)
            sync_directory(self._path)
            in_staging.unlink(missing_ok=True)

    def sweep(self) -> None:
        # A store that is away has nothing to sweep; the operation itself will say so.
        with contextlib.suppress(OSError):
            for manifest_path in self._staged_manifests():
                for name in self._debris(manifest_path):
                    (self._path / name).unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    sync_directory(self._path)
            empty_directory(self.staging)
            for left in self._path.glob(f".{_PREFIX}*.tmp"):
                left.unlink(missing_ok=True)

    def _staged_manifests(self) -> Iterator[Path]:
        for name in os.listdir(self.staging):
            if _manifest_id(name):
                yield self.staging / name

    def _debris(self, manifest_path: Path) -> Sequence[str]:
        """Return the names that a manifest in staging makes debris."""
        backup_id = _manifest_id(manifest_path.name)
        if self._manifest_path(backup_id).exists():
            return []
        names = list(_file_names(backup_id))
        with contextlib.suppress(OSError, ManifestError):
            backup = read_manifest(manifest_path.read_bytes())
            names += [backup.file.name] if backup.file else []
        return names

    def _names(self) -> set[str]:
        with disk_errors("read the backup folder"):
            if self._create and not self._path.exists():
                return set()  # nobody has made a backup yet
            return set(os.listdir(self._path))

    def _is_manifest(self, name: str) -> bool:
        return name.endswith(".json") and (name in self._read or bool(_manifest_id(name)))

    def _manifest_path(self, backup_id: BackupId) -> Path:
        return self._path / f"{_PREFIX}{backup_id}.json"

    def _data_names(self, backup: Backup) -> Sequence[str]:
        """Return the names of the files that belong to a backup and are there."""
        if backup.file is not None and os.path.lexists(self._path / backup.file.name):
            return [backup.file.name]
        names = self._names()
        if backup.file is not None:
            return []
        own = [name for name in _file_names(backup.id) if name in names]
        return own or [
            name
            for name in names
            if _is_external(name)
            and (found := self._describe_bare(name)) is not None
            and found.id == backup.id
        ]

    def _describe(self, name: str) -> Backup | None:
        """Return what a manifest says, or a damaged backup when it cannot be believed.

        None for a backup that another process is just removing.
        """
        try:
            backup = self._manifest(name)
        except FileNotFoundError:
            return None
        except OSError as error:
            detail = {"detail": str(error.strerror)}
            return _damaged(_manifest_id(name), Fault(Reason.MANIFEST_UNREADABLE, detail))
        except ManifestError as error:
            return _damaged(_manifest_id(name), error.fault)
        return self._with_file_checked(backup)

    def _manifest(self, name: str) -> Backup:
        """Return what the manifest `name` says, read again only if its file is another one now.

        Raises:
            OSError, ManifestError
        """
        path = f"{self._folder}/{name}"
        known = self._read.get(name)
        if known and known[0] == fingerprint_of(os.lstat(path)):
            return known[1]
        with open_regular(Path(path)) as file:
            fingerprint = fingerprint_of(os.fstat(file.fileno()))
            backup = read_manifest(file.read(MAX_BYTES))
        if backup.id != _manifest_id(name):
            raise ManifestError(Reason.MANIFEST_OF_ANOTHER)
        if is_settled(fingerprint):
            self._read[name] = (fingerprint, backup)
        return backup

    def _forget_all_but(self, manifests: Sequence[str]) -> None:
        if len(self._read) > len(manifests):
            there = set(manifests)
            for name in [*self._read]:
                if name not in there:
                    self._read.pop(name, None)

    def _with_file_checked(self, backup: Backup) -> Backup | None:
        assert backup.file is not None  # noqa: S101 (every manifest has one)
        try:
            facts = os.lstat(f"{self._folder}/{backup.file.name}")
        except OSError:
            # Removed in order: without its manifest it is not damaged, but gone.
            if not self._manifest_path(backup.id).exists():
                return None
            return _as_damaged(backup, Fault(Reason.FILE_MISSING))
        if not stat.S_ISREG(facts.st_mode):
            return _as_damaged(backup, _NO_FILE)
        if facts.st_size != backup.file.size_bytes:
            return _as_damaged(backup, Fault(Reason.FILE_SIZE))
        return backup

    def _describe_bare(self, name: str) -> Backup | None:
        """Return the row of a file without a manifest; None for one that is just coming or going.

        Asked of staging first: a manifest travels between there and here in one rename, so a
        file whose manifest is in neither place never had one.
        """
        path = self._path / name
        own_id = _own_id(name)
        if own_id is not None:
            manifest_name = self._manifest_path(own_id).name
            if (self.staging / manifest_name).exists():
                return None
            if self._manifest_path(own_id).exists():
                return self._describe(manifest_name)
        try:
            facts = path.lstat()
        except OSError:
            return None
        moment = _moment_of_file(facts.st_mtime)
        backup = Backup(
            id=own_id or _derived_id(name, moment),
            kind=Kind.EXTERNAL,
            created_at=_moment_of(own_id) if own_id else moment,
            note=clean_note(name.encode(errors="surrogateescape").decode(errors="replace")),
        )
        if path.is_symlink() or not path.is_file():
            return _as_damaged(backup, _NO_FILE)
        return backup


def _is_external(name: str) -> bool:
    return name.endswith(_EXTERNAL_SUFFIXES) and not name.startswith(".")


def _manifest_id(name: str) -> BackupId:
    """Return the id in a manifest's name, "" when it is not one."""
    if name.startswith(_PREFIX) and name.endswith(".json"):
        with contextlib.suppress(BackupNotFoundError):
            return parse_backup_id(name.removeprefix(_PREFIX).removesuffix(".json"))
    return BackupId("")


def _own_id(name: str) -> BackupId | None:
    for suffix in SUFFIXES.values():
        if name.startswith(_PREFIX) and name.endswith(suffix):
            with contextlib.suppress(BackupNotFoundError):
                return parse_backup_id(name.removeprefix(_PREFIX).removesuffix(suffix))
    return None


def stored_name(backup_id: BackupId, encoding: Encoding) -> str:
    """Return the name under which the file of a backup is kept."""
    return f"{_PREFIX}{backup_id}{SUFFIXES[encoding]}"


def _file_names(backup_id: BackupId) -> Sequence[str]:
    return [stored_name(backup_id, encoding) for encoding in Encoding]


def _derived_id(name: str, moment: datetime) -> BackupId:
    """Return an id for somebody else's file: the same as long as its name and time are."""
    tail = hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:6]
    return BackupId(f"{moment:%Y%m%dT%H%M%SZ}-{tail}")


def _moment_of(backup_id: BackupId) -> datetime:
    return moment_of(backup_id) or datetime.fromtimestamp(0, UTC)


def _moment_of_file(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):  # a file system may hold times beyond ours
        return datetime.fromtimestamp(0, UTC)


def _damaged(backup_id: BackupId, fault: Fault) -> Backup:
    return _as_damaged(
        Backup(id=backup_id, kind=Kind.EXTERNAL, created_at=_moment_of(backup_id)), fault
    )


def _as_damaged(backup: Backup, fault: Fault) -> Backup:
    return replace(backup, verification=Verification.damage(fault, at=backup.verification.at))
