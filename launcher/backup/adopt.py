"""List a backup whose copy is in another place, under the id, type and times that it had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from launcher.backup.compression import unpack_to
from launcher.backup.errors import BackupNotFoundError, ManifestError, VerificationError
from launcher.backup.examine import Checked
from launcher.backup.files import disk_errors, open_regular, require_space, sync_file
from launcher.backup.fingerprints import fingerprint_at
from launcher.backup.operations import Operation
from launcher.backup.ports import Clock, OnBytes, Store
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import OWN_KINDS, Backup, Verification
from launcher.backup.records.ids import BackupId
from launcher.backup.records.operation import Stage
from launcher.backup.store.names import stored_name
from launcher.backup.verify import Examiner, remember_proven, work_folder

STAGES_ADOPT = (Stage.DOWNLOAD, Stage.UNPACK, Stage.PUBLISH)

Download = Callable[[Path, OnBytes], Backup]
"""Writes the stored file of a backup to a new path, and returns what its manifest says.

It raises errors of the core alone, and leaves no file then.
"""


def adopt_backup(
    operation: Operation,
    backup_id: BackupId,
    download: Download,
    *,
    size_bytes: int,
    is_confirmed: bool,
    store: Store,
    examiner: Examiner,
    clock: Clock,
    on_checked: Callable[[Backup, Checked], None],
) -> Backup:
    """Download a backup, verify it whole, and list it; a damaged one of its id is replaced.

    So is one of unknown origin where that of this copy `is_confirmed`.

    Holds on failure: the list is as it was. Nothing waits for the download.

    `on_checked` gets what was found in exactly the bytes of the backup, once it is listed.

    Raises:
        VerificationError: the copy is damaged, or is of another backup.
        IncompatibleBackupError: it is sound, and not for this Launcher.
        CheckStoppedError, InsufficientSpaceError, StoreUnavailableError
        and what `download` raises.
    """
    if here := _good_here(store, backup_id, is_confirmed=is_confirmed):
        operation.is_recorded = False
        return here
    folder = work_folder(operation, store)
    packed, scratch = folder / f"fetch-{operation.id}", folder / f"fetch-{operation.id}.db"
    operation.stage(Stage.DOWNLOAD, size_bytes)
    backup = download(packed, operation.advance)
    file, database = backup.file, backup.database
    if backup.id != backup_id or file is None or database is None:
        raise ManifestError(Reason.COPY_DIFFERENT)
    operation.stage(Stage.UNPACK, database.size_bytes)
    with examiner.started() as check, disk_errors("unpack the backup"):
        require_space(folder, database.size_bytes, what="unpacking the backup")
        with open_regular(packed) as source:
            unpack_to(scratch, source, file=file, database=database, on_bytes=operation.advance)
        is_own = backup.kind in OWN_KINDS
        before = fingerprint_at(scratch)
        checked = check(scratch, is_own=is_own, app_version=backup.app_version)
        is_as_stored = fingerprint_at(scratch) == before
        scratch.unlink(missing_ok=True)
        sync_file(packed)
    adopted = replace(
        backup,
        file=replace(file, name=stored_name(backup.id, file.encoding)),
        verification=Verification.good(
            (*backup.verification.lasting, *checked.warnings), at=clock()
        ),
    )
    operation.become_exclusive()
    if here := _good_here(store, backup_id, is_confirmed=is_confirmed):  # another process was first
        return here
    operation.stage(Stage.PUBLISH)
    _remove_replaced(store, backup_id)
    store.publish(adopted, packed)
    remember_proven(operation, adopted)
    if is_as_stored:
        on_checked(adopted, checked)
    return adopted


def _good_here(store: Store, backup_id: BackupId, *, is_confirmed: bool) -> Backup | None:
    try:
        found = store.get(backup_id)
    except (BackupNotFoundError, VerificationError):
        return None
    is_other = is_confirmed and found.is_of_unknown_origin
    return found if found.is_good and not is_other else None


def _remove_replaced(store: Store, backup_id: BackupId) -> None:
    try:
        store.remove(store.get(backup_id))
    except BackupNotFoundError:
        return
