"""Create a backup, from the first step to the last."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from launcher.backup.compression import pack
from launcher.backup.errors import DatabaseCorruptError, SourceDatabaseError
from launcher.backup.files import create_new, discard, disk_errors, require_space
from launcher.backup.operations import ProgressReporter
from launcher.backup.ports import Clock, Content, Store
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import (
    Backup,
    DatabaseFacts,
    Encoding,
    Kind,
    State,
    StoredFile,
    Verification,
)
from launcher.backup.records.ids import new_backup_id
from launcher.backup.records.operation import Stage
from launcher.backup.sqlite.connection import SQLITE_VERSION
from launcher.backup.sqlite.copy import integrity_problems, open_copy, rebuild_indexes
from launcher.backup.sqlite.live import copy_live, live_problem, used_bytes
from launcher.backup.sqlite.rows import rows_by_table
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
        with disk_errors("write the backup"):
            create_new(raw).close()
            report.stage(Stage.COPY, expected_bytes)
            copy_live(live, raw, on_bytes=report.advance)
            database, file = _pack_and_check(report, raw, packed, encoding)
        with open_copy(raw) as connection:
            revision = content.revision(connection)
            contents = rows_by_table(connection)
        backup = Backup(
            id=backup_id,
            kind=kind,
            created_at=created_at,
            created_by=by,
            note=note,
            before=before,
            protected=protected,
            app_version=content.app_version,
            schema_revision=revision,
            sqlite_version=SQLITE_VERSION,
            database=database,
            file=file,
            contents=contents,
            verification=Verification(State.VERIFIED, clock()),
        )
        report.stage(Stage.PUBLISH)
        store.publish(backup, packed)
    finally:
        discard(raw, packed, raw.with_name(raw.name + "-journal"))
    return backup


def _pack_and_check(
    report: ProgressReporter, raw: Path, packed: Path, encoding: Encoding
) -> tuple[DatabaseFacts, StoredFile]:
    """Compress and check at the same time: one waits for the compressor, the other for SQLite."""
    report.stage(Stage.COMPRESS, raw.stat().st_size)
    with ThreadPoolExecutor(1, thread_name_prefix="check") as beside:
        check = beside.submit(integrity_problems, raw)
        facts = pack(raw, packed, encoding=encoding, on_bytes=report.advance)
        report.stage(Stage.CHECK)
        problems = check.result()
    if not problems:
        return facts
    _repair(raw)
    packed.unlink()
    return pack(raw, packed, encoding=encoding, on_bytes=report.advance)


def _repair(raw: Path) -> None:
    """Rebuild the copy's indexes, which repairs an index that disagrees with its table."""
    try:
        rebuild_indexes(raw)
        problems = integrity_problems(raw)
    except DatabaseCorruptError as error:
        problems = [str(error)]
    if problems:
        raise SourceDatabaseError(Reason.LIVE_DAMAGED, detail=problems[0])
