"""Create a backup, from the first step to the last."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from launcher.backup.compression import pack
from launcher.backup.errors import (
    DatabaseCorruptError,
    IncompatibleBackupError,
    SourceDatabaseError,
    UploadRejectedError,
    VerificationError,
)
from launcher.backup.examine import (
    Checked,
    differences_from_ours,
    examine,
    refuse_changed,
    remove_foreign,
)
from launcher.backup.files import create_new, discard, disk_errors, require_space
from launcher.backup.operations import ProgressReporter
from launcher.backup.ports import Clock, Content, Store
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import (
    Backup,
    DatabaseFacts,
    Encoding,
    Kind,
    StoredFile,
    Verification,
)
from launcher.backup.records.ids import new_backup_id
from launcher.backup.records.operation import Stage
from launcher.backup.sqlite.connection import SQLITE_VERSION, side_files
from launcher.backup.sqlite.copy import rebuild_indexes
from launcher.backup.sqlite.live import copy_live, copy_pages, live_problem, open_live, used_bytes
from launcher.backup.store.names import stored_name

STAGES = (Stage.COPY, Stage.COMPRESS, Stage.CHECK, Stage.PUBLISH)


def create_backup(
    report: ProgressReporter,
    *,
    live: Path,
    store: Store,
    content: Content,
    clock: Clock,
    kind: Kind,
    by: str,
    note: str = "",
    before: str = "",
    protected: bool = False,
    encoding: Encoding = Encoding.ZSTD,
) -> Backup:
    """Create a verified backup of one consistent moment of the live database.

    1. Check that there is a database to copy, and room for the copy.
    2. Copy one moment of it; writers continue.
    3. Compress and hash the copy, while SQLite checks its whole structure.
    4. Publish file and manifest, durably.

    Holds on failure: nothing is listed, nothing is left in staging, the live database was only
    read. Costs disk for the raw copy and the result; blocks no one. Not promised: that the rows of
    the live database are right. An index that disagrees with its table is rebuilt in
    the copy; rows that point nowhere are copied as they are.

    The caller holds the operation lock.

    Raises:
        SourceDatabaseError: the live database is missing, damaged, or stays busy.
        InsufficientSpaceError, StoreUnavailableError: the store cannot take it.
    """
    store.ensure()
    if problem := live_problem(live, content=content):
        raise SourceDatabaseError(problem.reason, **problem.facts)
    expected_bytes = used_bytes(live)
    require_space(store.staging, expected_bytes * 3 // 2, what="the backup")

    created_at = clock()
    backup_id = new_backup_id(created_at)
    report.about(backup_id)
    raw = store.staging / f"{backup_id}.db"
    packed = store.staging / stored_name(backup_id, encoding)
    try:
        with _no_backup_of_it(), disk_errors("write the backup"):
            create_new(raw).close()
            report.stage(Stage.COPY, expected_bytes)
            if _has_foreign(live, content):
                copy_pages(live, raw)
            else:
                copy_live(live, raw, on_bytes=report.advance)
            left_out = remove_foreign(raw, content=content)
            database, file, checked = _pack_and_check(report, raw, packed, encoding, content)
        backup = Backup(
            id=backup_id,
            kind=kind,
            created_at=created_at,
            created_by=by,
            note=note,
            before=before,
            protected=protected,
            app_version=content.app_version,
            schema_revision=checked.revision,
            sqlite_version=SQLITE_VERSION,
            database=database,
            file=file,
            contents=checked.contents,
            verification=Verification.good((*left_out, *checked.warnings), at=clock()),
        )
        report.stage(Stage.PUBLISH)
        store.publish(backup, packed)
    finally:
        discard(raw, packed, *side_files(raw))
    return backup


def _has_foreign(live: Path, content: Content) -> bool:
    """Whether the live database has objects that are not Launcher's.

    Raises:
        UploadRejectedError: an object of ours is missing or was altered.
    """
    with open_live(live) as connection:
        connection.execute("PRAGMA writable_schema=ON")  # reads what SQLite cannot parse, too
        differences = differences_from_ours(connection, content=content)
    refuse_changed(differences)
    return bool(differences.foreign)


def _pack_and_check(
    report: ProgressReporter, raw: Path, packed: Path, encoding: Encoding, content: Content
) -> tuple[DatabaseFacts, StoredFile, Checked]:
    """Compress and check at the same time: one waits for the compressor, the other for SQLite."""
    report.stage(Stage.COMPRESS, raw.stat().st_size)
    with ThreadPoolExecutor(1, thread_name_prefix="check") as beside:
        check = beside.submit(_examine, raw, content)
        facts = pack(raw, packed, encoding=encoding, on_bytes=report.advance)
        report.stage(Stage.CHECK)
        try:
            return *facts, check.result()
        except DatabaseCorruptError as error:
            if error.reason is not Reason.DATABASE_DAMAGED:
                raise
    # An index that disagrees with its table is repaired by rebuilding it from the rows.
    rebuild_indexes(raw)
    checked = _examine(raw, content)
    packed.unlink()
    return *pack(raw, packed, encoding=encoding, on_bytes=report.advance), checked


def _examine(raw: Path, content: Content) -> Checked:
    return examine(raw, content=content, is_own=True, app_version=content.app_version)


@contextlib.contextmanager
def _no_backup_of_it() -> Iterator[None]:
    """Translate what is wrong with a copy into what is wrong with the data that it was made of."""
    try:
        yield
    except (VerificationError, UploadRejectedError, IncompatibleBackupError) as error:
        match error.reason:
            case Reason.OBJECT_MISSING:
                reason = Reason.LIVE_OBJECT_MISSING
            case Reason.OBJECT_DIFFERENT:
                reason = Reason.LIVE_OBJECT_DIFFERENT
            case Reason.NEWER_SCHEMA:
                reason = Reason.LIVE_NEWER
            case _:
                raise SourceDatabaseError(Reason.LIVE_DAMAGED, detail=error) from error
        raise SourceDatabaseError(reason, **error.facts) from error
