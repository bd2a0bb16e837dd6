"""A folder of backups, in which a backup exists exactly when its manifest does.

That one rule makes publishing and removing atomic. To publish, the manifest is written under
`staging/`, the data file is renamed into the folder, and then the manifest is. To remove, the
manifest goes back to `staging/` first. A process that is killed in between leaves a manifest in
staging, whose data file is not listed; `sweep` removes both.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO

from launcher.backup.errors import (
    BackupError,
    BackupNotFoundError,
    ManifestError,
    StoreUnavailableError,
)
from launcher.backup.files import (
    ASIDE,
    disk_errors,
    empty_directory,
    move,
    open_regular,
    set_mode,
    sync_directory,
    write_atomic,
)
from launcher.backup.fingerprints import Fingerprint, fingerprint_of, is_settled
from launcher.backup.manifest import MAX_BYTES, read_manifest, write_manifest
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import Backup, Kind, Verification
from launcher.backup.records.ids import BackupId, moment_of, parse_backup_id
from launcher.backup.records.text import clean_note
from launcher.backup.store.names import (
    PREFIX,
    derived_id,
    id_of_file,
    id_of_manifest,
    is_external,
    is_file_of,
    manifest_name,
    stored_names,
)

_STORED_MODE = 0o400
_log = logging.getLogger(__name__)
_NO_FILE = Fault(Reason.NOT_REGULAR)
_NO_FOLDER: Fingerprint = (0, 0, 0, 0)
_BY_TIME = attrgetter("created_at", "id")


class LocalStore:
    """A local directory, possibly a mounted disk.

    A manifest is parsed again only when its file has changed. That takes about 2 KB of memory for
    each backup in the folder.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        """
        Args:
            path: the folder.
            create: whether a missing folder may be created. False for one that an admin chose
                elsewhere: a missing folder there is a disk that is not mounted.
        """
        self._path = path
        self._create = create
        self._folder = str(path)  # joined as text: faster than a `Path` for each file
        self._read: dict[str, tuple[Fingerprint, Backup]] = {}
        self._has_warned = False

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
        # Nearly in the order of time, so that sorting is fast.
        manifests = sorted(filter(self._is_manifest, names), reverse=True)
        self._forget_all_but(manifests)
        found = [backup for name in manifests if (backup := self._describe(name)) is not None]
        # A file that a manifest describes has no row of its own.
        names.difference_update(manifests)
        names.difference_update(backup.file.name for backup in found if backup.file)
        for backup in found:
            if not backup.file:
                names.difference_update(stored_names(backup.id))
        found += [
            backup
            for name in names
            if is_external(name) and (backup := self._describe_bare(name)) is not None
        ]
        return sorted(found, key=_BY_TIME, reverse=True)

    def examine(self, backup: Backup) -> Backup | None:
        return self._describe(manifest_name(backup.id))

    def version(self) -> Fingerprint | None:
        # Each of these changes renames something into the folder, or out of it.
        try:
            found = fingerprint_of(self._path.stat())
        except FileNotFoundError:
            return _NO_FOLDER if self._create else None
        except OSError:
            return None
        return found if is_settled(found) else None

    def get(self, reference: str) -> Backup:
        backup_id = parse_backup_id(reference)
        described = self._describe(manifest_name(backup_id))
        if described is not None and (described.file or self._names()):
            return described  # else `_names` says that the folder cannot be read
        for backup in self.list():
            if backup.id == backup_id:
                return backup
        raise BackupNotFoundError(Reason.NO_SUCH_BACKUP, reference=backup_id)

    def open(self, backup: Backup) -> BinaryIO:
        try:
            return open_regular(self._path / self.file_name(backup))
        except PermissionError as error:
            # This says nothing of what is in the file.
            doing = f"read {self.file_name(backup)}"
            raise StoreUnavailableError(
                Reason.DISK_REFUSED, doing=doing, detail=error.strerror
            ) from error
        except OSError as error:
            raise ManifestError(
                Reason.FILE_UNREADABLE, backup_id=backup.id, detail=error.strerror
            ) from error

    def file_name(self, backup: Backup) -> str:
        names = self._data_names(backup)
        if not names:
            raise ManifestError(Reason.FILE_MISSING)
        return names[0]

    def file_path(self, backup: Backup) -> Path:
        return self._path / self.file_name(backup)

    def publish(self, backup: Backup, staged: Path) -> None:
        assert backup.file is not None  # noqa: S101 (made by `pack` a moment ago)
        in_staging = self.staging / manifest_name(backup.id)
        target = self._path / backup.file.name
        with disk_errors("write to the backup folder"):
            if not set_mode(staged, _STORED_MODE):
                self._warn_of_modes()
            write_atomic(in_staging, write_manifest(backup), mode=_STORED_MODE)
            try:
                move(staged, target, is_swept=True)
                move(in_staging, self._manifest_path(backup.id), is_swept=True)
            except BaseException:
                # Even what is in place already may not survive a crash.
                with contextlib.suppress(BackupError):
                    self.remove(backup)
                raise

    def _warn_of_modes(self) -> None:
        if not self._has_warned:
            self._has_warned = True
            _log.warning(
                "the modes of files in %s cannot be set: other users may be able to read backups",
                self._path,
            )

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
        # When the folder is missing, the operation itself reports that.
        with contextlib.suppress(OSError):
            for manifest_path in self._staged_manifests():
                for name in self._debris(manifest_path):
                    (self._path / name).unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    sync_directory(self._path)
            empty_directory(self.staging, but=ASIDE)
            for left in self._path.glob(f".{PREFIX}*.tmp"):
                left.unlink(missing_ok=True)

    def _staged_manifests(self) -> Iterator[Path]:
        for name in os.listdir(self.staging):
            if id_of_manifest(name):
                yield self.staging / name

    def _debris(self, manifest_path: Path) -> Sequence[str]:
        """Return the files to remove because their manifest is in staging."""
        backup_id = id_of_manifest(manifest_path.name)
        if self._manifest_path(backup_id).exists():
            return []
        names = list(stored_names(backup_id))
        with contextlib.suppress(OSError, ManifestError):
            backup = read_manifest(manifest_path.read_bytes())
            if backup.file and is_file_of(backup_id, backup.file.name):
                names.append(backup.file.name)
        return names

    def _names(self) -> set[str]:
        with disk_errors("read the backup folder"):
            if self._create and not self._path.exists():
                return set()  # no backup was created yet
            return set(os.listdir(self._path))

    def _is_manifest(self, name: str) -> bool:
        return name.endswith(".json") and (name in self._read or bool(id_of_manifest(name)))

    def _manifest_path(self, backup_id: BackupId) -> Path:
        return self._path / manifest_name(backup_id)

    def _data_names(self, backup: Backup) -> Sequence[str]:
        """Return the names of the files that belong to a backup and are there."""
        if backup.file is not None and os.path.lexists(self._path / backup.file.name):
            return [backup.file.name]
        names = self._names()
        if backup.file is not None:
            return []
        own = [name for name in stored_names(backup.id) if name in names]
        return own or [
            name
            for name in names
            if is_external(name)
            and (found := self._describe_bare(name)) is not None
            and found.id == backup.id
        ]

    def _describe(self, name: str) -> Backup | None:
        """Return what a manifest says, or a damaged backup when it cannot be read.

        None for a backup that another process is removing.
        """
        try:
            backup = self._manifest(name)
        except FileNotFoundError:
            return None
        except OSError as error:
            detail = {"detail": str(error.strerror)}
            return _damaged(id_of_manifest(name), Fault(Reason.MANIFEST_UNREADABLE, detail))
        except ManifestError as error:
            return _damaged(id_of_manifest(name), error.fault)
        return self._with_file_checked(backup)

    def _manifest(self, name: str) -> Backup:
        """Return what the manifest `name` says; read again only if its file has changed.

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
        assert backup.file is not None  # noqa: S101 (every manifest has one)
        if backup.id != id_of_manifest(name) or not is_file_of(backup.id, backup.file.name):
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
            # The manifest is removed first: without one the backup is not damaged, but removed.
            if not self._manifest_path(backup.id).exists():
                return None
            return _as_damaged(backup, Fault(Reason.FILE_MISSING))
        if not stat.S_ISREG(facts.st_mode):
            return _as_damaged(backup, _NO_FILE)
        if facts.st_size != backup.file.size_bytes:
            return _as_damaged(backup, Fault(Reason.FILE_SIZE))
        return backup

    def _describe_bare(self, name: str) -> Backup | None:
        """Return a file without a manifest as a backup; None while it is published or removed.

        Staging is read first: a manifest moves between there and here in one rename, so a file
        whose manifest is in neither place never had one.
        """
        path = self._path / name
        own_id = id_of_file(name)
        if own_id is not None:
            manifest = manifest_name(own_id)
            if (self.staging / manifest).exists():
                return None
            if (self._path / manifest).exists():
                return self._describe(manifest)
        try:
            facts = path.lstat()
        except OSError:
            return None
        moment = _moment_of_file(facts.st_mtime)
        backup = Backup(
            id=own_id or derived_id(name, moment),
            kind=Kind.EXTERNAL,
            created_at=_moment_of(own_id) if own_id else moment,
            note=clean_note(name.encode(errors="surrogateescape").decode(errors="replace")),
        )
        if stat.S_ISDIR(facts.st_mode) and not own_id:
            return None  # a folder was never a backup
        return backup if stat.S_ISREG(facts.st_mode) else _as_damaged(backup, _NO_FILE)


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
