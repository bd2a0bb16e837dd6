"""Unpack a backup into staging and check it, before any use of it."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

from launcher.backup.compression import encoding_of, unpack_to, unpack_unknown
from launcher.backup.errors import (
    IncompatibleBackupError,
    ManifestError,
    StoreUnavailableError,
    UploadRejectedError,
    VerificationError,
)
from launcher.backup.examine import Checked, examine
from launcher.backup.files import (
    CHUNK_BYTES,
    disk_errors,
    is_folder,
    open_regular,
    require_space,
)
from launcher.backup.manifest import bare_name
from launcher.backup.operations import Operation
from launcher.backup.ports import Clock, Content, OnBytes, Store
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import (
    OWN_KINDS,
    Backup,
    DatabaseFacts,
    State,
    StoredFile,
    Verification,
)
from launcher.backup.records.operation import Stage
from launcher.backup.side_files import copy_whole, side_file_in_use
from launcher.backup.sqlite.header import HEADER_BYTES, is_database
from launcher.backup.verdicts import NOT_RECORDED

PROVEN = "proven"
"""The fact of a journal line that holds id → checksum of the raw database."""


class Examine(Protocol):
    """Checks a database in staging whole: `examine.examine` with the content known."""

    def __call__(self, path: Path, *, is_own: bool, app_version: str) -> Checked:
        """Return what was found; raises what `examine` does, and `CheckStoppedError`."""


class Examiner(Protocol):
    """Checks database files of any origin.

    The application hands in one that does so in a process of its own, with limits.
    """

    def started(self) -> AbstractContextManager[Examine]:
        """Prepare the check of one file within the block; preparing early saves time later.

        Raises:
            CheckStoppedError: that is not possible.
        """


class ExaminerHere:
    """Checks in this process, without limits."""

    def __init__(self, content: Content) -> None:
        self._check = partial(examine, content=content)

    @contextlib.contextmanager
    def started(self) -> Iterator[Examine]:
        """Yield the check."""
        yield self._check


class ExaminedBefore:
    """Says of a database what a check of the same bytes found; the caller compares the bytes."""

    def __init__(self, checked: Checked) -> None:
        self._checked = checked

    @contextlib.contextmanager
    def started(self) -> Iterator[Examine]:
        """Yield what says it."""
        yield self._say

    def _say(self, path: Path, *, is_own: bool, app_version: str) -> Checked:
        _ = app_version
        return replace(self._checked, path=path, is_own=is_own)


def verify_backup(
    operation: Operation,
    backup: Backup,
    *,
    store: Store,
    examiner: Examiner,
    clock: Clock,
) -> Backup:
    """Check a backup whole and record its new status in its manifest.

    A file without a manifest gets one when it is good. Damage is a status, not an error. Where the
    store cannot be written, the fact `not_recorded` of the operation says so.

    Raises:
        BackupNotFoundError: it was removed meanwhile.
        IncompatibleBackupError: it is sound, and not for this Launcher.
        CheckStoppedError: nothing new is known of it.
        InsufficientSpaceError, StoreUnavailableError
    """
    operation.stage(Stage.UNPACK, backup.database.size_bytes if backup.database else 0)
    try:
        with examiner.started() as check, recording_damage(operation, backup, store, clock=clock):
            scratch = work_folder(operation, store) / f"verify-{operation.id}.db"
            checked = stage_backup(backup, store, scratch, check=check, on_bytes=operation.advance)
    except (VerificationError, UploadRejectedError) as error:
        return replace(backup, verification=Verification.damage(error.fault, at=clock()))
    operation.facts["state"] = State.VERIFIED
    if backup.file is None:
        backup = describe_file(backup, store, checked)
    good = replace(backup, verification=Verification.good(checked.warnings, at=clock()))
    if operation.become_exclusive():
        store.get(backup.id)
    _record(operation, good, store)
    remember_proven(operation, good)
    return good


@contextlib.contextmanager
def recording_damage(
    operation: Operation,
    source: Backup | Path,
    store: Store,
    *,
    clock: Clock,
    is_exclusive: bool = True,
) -> Iterator[None]:
    """Record the damage of a backup that the block finds, so that it no longer counts as good.

    The block raises what it raised. The journal line holds the damage; the manifest too, unless it
    cannot be written or was itself altered.

    Args:
        is_exclusive: whether the operation may write manifests: it holds the lock of all.

    Raises:
        BackupNotFoundError: it was removed meanwhile.
    """
    try:
        yield
    except (VerificationError, UploadRejectedError) as error:
        if isinstance(source, Backup):
            store.get(source.id)  # it may have been removed meanwhile
            fault = error.fault
            operation.facts |= {
                "state": State.DAMAGED,
                "problem": str(fault),
                "reason": fault.reason,
                "details": dict(fault.facts),
            }
            operation.is_recorded = True
            if source.database is None or source.file is None:
                pass  # a manifest that was altered is kept as it is
            elif is_exclusive:
                damaged = replace(source, verification=Verification.damage(fault, at=clock()))
                _record(operation, damaged, store)
            else:
                operation.facts[NOT_RECORDED] = "another operation may have been running"
        raise


def remember_proven(operation: Operation, backup: Backup) -> None:
    """Record in the journal line that this installation has found this database good."""
    assert backup.database is not None  # noqa: S101 (a good one has a manifest)
    proven = operation.facts.get(PROVEN)
    known = proven if isinstance(proven, dict) else {}
    operation.facts[PROVEN] = known | {backup.id: backup.database.sha256}


def _record(operation: Operation, backup: Backup, store: Store) -> None:
    """Write the status into the manifest; in a read-only store, the journal alone has it."""
    try:
        store.update(backup)
    except StoreUnavailableError as error:
        operation.facts[NOT_RECORDED] = str(error)


def work_folder(operation: Operation, store: Store) -> Path:
    """Return the folder in staging for what this operation unpacks, which ends with it.

    Raises:
        StoreUnavailableError
    """
    store.ensure()
    folder = store.staging / operation.folder
    with disk_errors("use the backup folder"):
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def stage_backup(
    backup: Backup, store: Store, target: Path, *, check: Examine, on_bytes: OnBytes
) -> Checked:
    """Unpack a listed backup to `target` and check it whole.

    A backup with a manifest is verified against it, byte for byte. A file from outside is checked
    as such, with a manifest or without.

    Raises:
        VerificationError: it is damaged.
        IncompatibleBackupError: it is sound, and not for this Launcher.
        UploadRejectedError: a file without a manifest is not acceptable.
        InsufficientSpaceError, StoreUnavailableError
    """
    if backup.file is None or backup.database is None:
        if fault := backup.verification.fault:
            raise ManifestError(fault.reason, **fault.facts)
        path = store.path / store.file_name(backup)
        if beside := side_file_in_use(path):
            raise IncompatibleBackupError(Reason.NOT_ALONE, beside=beside.name, path=path)
        with store.open(backup) as source, disk_errors("unpack the file"):
            unpack_unknown(source, target, on_bytes=on_bytes)
        return check(target, is_own=False, app_version="")
    with store.open(backup) as source:
        return _stage_known(backup, source, target, check=check, on_bytes=on_bytes)


def stage_copy(
    backup: Backup, path: Path, target: Path, *, check: Examine, on_bytes: OnBytes
) -> Checked:
    """Unpack the file of a backup that lies at `path` to `target` and check it whole.

    Raises:
        VerificationError: it is not the file that was stored, or is damaged.
        IncompatibleBackupError: it is sound, and not for this Launcher.
        InsufficientSpaceError, StoreUnavailableError
    """
    with disk_errors("read the copy"):
        source = path.open("rb")
    with source:
        return _stage_known(backup, source, target, check=check, on_bytes=on_bytes)


def _stage_known(
    backup: Backup, source: BinaryIO, target: Path, *, check: Examine, on_bytes: OnBytes
) -> Checked:
    """Unpack the file of a backup with a manifest, verified against it, and check it whole."""
    assert backup.file is not None  # noqa: S101 (the caller has looked)
    assert backup.database is not None  # noqa: S101
    with disk_errors("unpack the backup"):
        require_space(target.parent, backup.database.size_bytes, what="unpacking the backup")
        unpack_to(target, source, file=backup.file, database=backup.database, on_bytes=on_bytes)
    checked = check(target, is_own=backup.kind in OWN_KINDS, app_version=backup.app_version)
    return replace(checked, warnings=(*backup.verification.lasting, *checked.warnings))


def stage_path(path: Path, target: Path, *, check: Examine, on_bytes: OnBytes) -> Checked:
    """Unpack a foreign file, `.db` or `.db.zst` whatever its name, and check it whole.

    Raises:
        UploadRejectedError, IncompatibleBackupError, DatabaseCorruptError
        InsufficientSpaceError, StoreUnavailableError
    """
    try:
        source = open_regular(path)
    except OSError as error:
        name = path.name or str(path.absolute())  # "." has no name
        if is_folder(path):
            raise UploadRejectedError(Reason.IS_FOLDER, name=name) from error
        raise UploadRejectedError(
            Reason.PATH_UNREADABLE, name=name, detail=error.strerror
        ) from error
    with source, disk_errors("unpack the file"):
        if is_database(source.read(HEADER_BYTES)):
            copy_whole(path, source, target, on_bytes=on_bytes)
        else:
            source.seek(0)
            unpack_unknown(source, target, on_bytes=on_bytes)
    return check(target, is_own=False, app_version="")


def describe_file(backup: Backup, store: Store, checked: Checked) -> Backup:
    """Return `backup` with the facts that a manifest needs, read from the file itself.

    Raises:
        ManifestError: the file has a name that no manifest can hold.
    """
    name = bare_name(store.file_name(backup))
    with store.open(backup) as source, disk_errors("read the backup"):
        encoding = encoding_of(source)
        stored_sha256, stored_size = _hash(source)
    with checked.path.open("rb") as raw:
        raw_sha256, raw_size = _hash(raw)
    return replace(
        backup,
        schema_revision=checked.revision,
        database=DatabaseFacts(raw_size, raw_sha256, checked.page_size),
        file=StoredFile(name, stored_size, stored_sha256, encoding),
        contents=checked.contents,
    )


def _hash(file: BinaryIO) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size
