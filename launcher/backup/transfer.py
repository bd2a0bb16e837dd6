"""Import a checked database as a backup, and export the database of a backup."""

from __future__ import annotations

from pathlib import Path

from launcher.backup.compression import pack, unpack_to
from launcher.backup.errors import UploadRejectedError
from launcher.backup.examine import Checked
from launcher.backup.files import discard, disk_errors, put_new, require_space, sync_file
from launcher.backup.operations import Operation
from launcher.backup.ports import Clock, Store
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Backup, Encoding, Kind, Verification
from launcher.backup.records.ids import new_backup_id
from launcher.backup.records.operation import Stage
from launcher.backup.sqlite.connection import SQLITE_VERSION
from launcher.backup.sqlite.header import mark_as_ours
from launcher.backup.store.names import stored_name
from launcher.backup.verify import (
    Examiner,
    recording_damage,
    remember_proven,
    stage_backup,
    work_folder,
)


def add_upload(
    operation: Operation,
    checked: Checked,
    *,
    store: Store,
    clock: Clock,
    by: str,
    note: str,
    encoding: Encoding,
    application_id: int,
) -> Backup:
    """Add a database that passed every check as a backup of kind `upload`.

    Holds on failure: nothing is listed.

    Raises:
        InsufficientSpaceError, StoreUnavailableError
    """
    created_at = clock()
    backup_id = new_backup_id(created_at)
    operation.about(backup_id)
    packed = checked.path.with_name(stored_name(backup_id, encoding))
    operation.stage(Stage.COMPRESS, checked.size_bytes)
    with disk_errors("write the backup"):
        mark_as_ours(checked.path, application_id=application_id)
        database, file = pack(checked.path, packed, encoding=encoding, on_bytes=operation.advance)
    backup = Backup(
        id=backup_id,
        kind=Kind.UPLOAD,
        created_at=created_at,
        created_by=by,
        note=note,
        schema_revision=checked.revision,
        sqlite_version=SQLITE_VERSION,
        database=database,
        file=file,
        contents=checked.contents,
        verification=Verification.good(checked.warnings, at=clock()),
    )
    operation.become_exclusive()
    operation.stage(Stage.PUBLISH)
    store.publish(backup, packed)
    remember_proven(operation, backup)
    return backup


def export_database(
    operation: Operation,
    backup: Backup,
    target: Path,
    *,
    store: Store,
    examiner: Examiner,
    clock: Clock,
) -> None:
    """Write the plain database of a backup to the new file `target`, durable and verified.

    A file without a manifest is checked as a foreign one, by way of staging.

    Holds on failure: `target` does not exist, or is what it was.

    Raises:
        VerificationError, UploadRejectedError: the backup is not good, or `target` exists.
        InsufficientSpaceError, StoreUnavailableError: `target` cannot be written.
    """
    partial = target.with_name(f".{target.name}.{operation.id}.part")
    try:
        with disk_errors("write the export"):
            if backup.file is None or backup.database is None:
                scratch = work_folder(operation, store) / f"export-{operation.id}.db"
                with examiner.started() as check:
                    stage_backup(backup, store, scratch, check=check, on_bytes=operation.advance)
                pack(scratch, partial, encoding=Encoding.IDENTITY, on_bytes=operation.advance)
            else:
                require_space(target.parent, backup.database.size_bytes, what="the export")
                with (
                    recording_damage(operation, backup, store, clock=clock),
                    store.open(backup) as source,
                ):
                    unpack_to(
                        partial,
                        source,
                        file=backup.file,
                        database=backup.database,
                        on_bytes=operation.advance,
                    )
            sync_file(partial)
            try:
                put_new(partial, target)
            except FileExistsError:
                raise UploadRejectedError(Reason.TARGET_EXISTS, path=target) from None
    finally:
        discard(partial)
