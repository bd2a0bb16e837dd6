"""Unpack a backup into staging and check it, before any use of it.

The order is part of the safety: size before bytes, bytes before structure, the schema before
anything that evaluates an expression of the file, and SQLite's checks last.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from launcher.backup.compression import encoding_of, unpack_to, unpack_unknown
from launcher.backup.errors import (
    DatabaseCorruptError,
    IncompatibleBackupError,
    ManifestError,
    UploadRejectedError,
    VerificationError,
)
from launcher.backup.files import CHUNK_BYTES, disk_errors, open_regular, require_space
from launcher.backup.manifest import bare_name
from launcher.backup.operations import Operation
from launcher.backup.ports import Clock, Content, OnBytes, Store
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import Backup, DatabaseFacts, State, StoredFile, Verification
from launcher.backup.records.operation import Stage
from launcher.backup.records.survey import Migration
from launcher.backup.sqlite.copy import check_structure, open_copy
from launcher.backup.sqlite.header import HEADER_BYTES, Header, check_header, parse_header
from launcher.backup.sqlite.rows import dangling_rows, rows_by_table
from launcher.backup.sqlite.schema import check_no_code, check_schema

CHECK_DEADLINE_S = 1800.0


@dataclass(frozen=True, slots=True)
class Checked:
    """A database in staging that passed every check.

    Attributes:
        path: the file, which the caller may change and removes.
        is_own: whether it was verified against a manifest.
        pending: the migrations that it still needs.
        warnings: what an admin should know, without stopping a restore.
    """

    path: Path
    is_own: bool
    page_size: int
    size_bytes: int
    revision: str
    pending: tuple[Migration, ...]
    contents: dict[str, int]
    warnings: tuple[Fault, ...] = ()


def verify_backup(
    operation: Operation,
    backup: Backup,
    *,
    store: Store,
    content: Content,
    clock: Clock,
    scratch: Path,
) -> Backup:
    """Check a backup whole and record its new status in its manifest.

    A file without a manifest gets one when it is good. Damage is a status, not an error.

    Raises:
        IncompatibleBackupError: it is sound, and not for this Launcher.
        InsufficientSpaceError, StoreUnavailableError
    """
    operation.stage(Stage.UNPACK, backup.database.size_bytes if backup.database else 0)
    try:
        checked = stage_backup(backup, store, scratch, content=content, on_bytes=operation.advance)
    except (VerificationError, UploadRejectedError) as error:
        fault = error.fault
        operation.facts |= {
            "state": State.DAMAGED,
            "problem": str(fault),
            "reason": fault.reason,
            "details": dict(fault.facts),
        }
        damaged = replace(backup, verification=Verification.damage(fault, at=clock()))
        # A manifest that was altered is kept as it is.
        if backup.database is not None and backup.file is not None:
            store.update(damaged)
        return damaged
    operation.facts["state"] = State.VERIFIED
    if backup.file is None:
        backup = describe_file(backup, store, checked)
    good = replace(backup, verification=Verification(State.VERIFIED, clock()))
    store.update(good)
    return good


def stage_backup(
    backup: Backup, store: Store, target: Path, *, content: Content, on_bytes: OnBytes
) -> Checked:
    """Unpack a listed backup to `target` and check it whole.

    A backup with a manifest is verified against it, byte for byte; one without is treated as a
    foreign file.

    Raises:
        VerificationError: it is damaged.
        IncompatibleBackupError: it is sound, and not for this Launcher.
        UploadRejectedError: a file without a manifest is not acceptable.
        InsufficientSpaceError, StoreUnavailableError
    """
    if backup.file is None or backup.database is None:
        if fault := backup.verification.fault:
            raise ManifestError(fault.reason, **fault.facts)
        with store.open(backup) as source:
            return _stage_unknown(source, target, content=content, on_bytes=on_bytes)
    with store.open(backup) as source, disk_errors("unpack the backup"):
        require_space(target.parent, backup.database.size_bytes, what="unpacking the backup")
        unpack_to(target, source, file=backup.file, database=backup.database, on_bytes=on_bytes)
    return _check(target, content=content, is_own=True, app_version=backup.app_version)


def stage_path(path: Path, target: Path, *, content: Content, on_bytes: OnBytes) -> Checked:
    """Unpack a foreign file, `.db` or `.db.zst` whatever its name, and check it whole.

    Raises:
        UploadRejectedError, IncompatibleBackupError, DatabaseCorruptError
        InsufficientSpaceError, StoreUnavailableError
    """
    try:
        source = open_regular(path)
    except OSError as error:
        if path.is_dir():
            raise UploadRejectedError(Reason.IS_FOLDER, name=path.name) from error
        raise UploadRejectedError(
            Reason.PATH_UNREADABLE, name=path.name, detail=error.strerror
        ) from error
    with source:
        return _stage_unknown(source, target, content=content, on_bytes=on_bytes)


def _stage_unknown(
    source: BinaryIO, target: Path, *, content: Content, on_bytes: OnBytes
) -> Checked:
    with disk_errors("unpack the file"):
        unpack_unknown(source, target, on_bytes=on_bytes)
    return _check(target, content=content, is_own=False, app_version="")


def _check(path: Path, *, content: Content, is_own: bool, app_version: str) -> Checked:
    with path.open("rb") as file:
        header = parse_header(file.read(HEADER_BYTES))
    size_bytes = path.stat().st_size
    check_header(header, size_bytes=size_bytes, application_id=content.application_id)
    with open_copy(path, deadline_s=CHECK_DEADLINE_S) as connection:
        with _other_application_errors(header):
            check_no_code(connection)
            revision, pending = _schema_distance(connection, content, app_version=app_version)
            check_schema(connection, expected=content.expected_schema(revision))
        check_structure(connection)
        if problem := content.problem(connection):
            raise DatabaseCorruptError(Reason.DATABASE_DAMAGED, detail=problem)
        warnings = _check_links(connection, is_own=is_own)
        contents = rows_by_table(connection)
    return Checked(
        path=path,
        is_own=is_own,
        page_size=header.page_size,
        size_bytes=size_bytes,
        revision=revision,
        pending=pending,
        contents=contents,
        warnings=warnings,
    )


@contextlib.contextmanager
def _other_application_errors(header: Header) -> Iterator[None]:
    """Call a file without our mark another application's, unless its schema is exactly ours."""
    try:
        yield
    except (IncompatibleBackupError, UploadRejectedError) as error:
        if header.is_unmarked:
            raise IncompatibleBackupError(Reason.OTHER_APPLICATION) from error
        raise


def _schema_distance(
    connection: sqlite3.Connection, content: Content, *, app_version: str
) -> tuple[str, tuple[Migration, ...]]:
    try:
        revision = content.revision(connection)
    except sqlite3.OperationalError:
        revision = ""
    if not revision:
        raise IncompatibleBackupError(Reason.NO_REVISION)
    pending = content.pending(revision)
    if pending is None:
        raise IncompatibleBackupError(
            Reason.NEWER_SCHEMA,
            made_by=app_version,
            theirs=revision,
            version=content.app_version,
            ours=content.head,
        )
    return revision, pending


def _check_links(connection: sqlite3.Connection, *, is_own: bool) -> tuple[Fault, ...]:
    """Refuse dangling rows in a foreign file; warn of them in a backup with a manifest.

    Such a backup is a true copy: refusing it for a fault of the live data that it was created
    from would leave an admin with nothing.
    """
    dangling = dangling_rows(connection)
    if not dangling:
        return ()
    tables = ", ".join(f"{table} ({rows})" for table, rows in sorted(dangling.items()))
    if not is_own:
        raise DatabaseCorruptError(Reason.DANGLING_ROWS, tables=tables)
    return (Fault(Reason.DANGLING_ROWS, {"tables": tables}),)


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
