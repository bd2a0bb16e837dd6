"""The download of a copy from a place, without the site that wrote it.

Here, nothing is listed before the copy is downloaded, verified and published as the backup that it
was. Nothing is changed at the place.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from launcher.backup.errors import InsufficientSpaceError
from launcher.backup.files import disk_errors, free_bytes
from launcher.backup.ports import OnBytes, OnProgress
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Backup
from launcher.backup.records.ids import BackupId
from launcher.backup.service import BackupService
from launcher.offsite.addresses import address_of
from launcher.offsite.age import Identity
from launcher.offsite.copy_manifest import CopyManifest, copy_of, open_copy_manifest
from launcher.offsite.download import SPARE_BYTES, download_copy, needed_bytes
from launcher.offsite.errors import OffsiteError
from launcher.offsite.fetching import as_backup_errors, of_unknown_origin
from launcher.offsite.found import is_proved, load_manifest
from launcher.offsite.opening import open_remote
from launcher.offsite.records import Destination, StoredCopy
from launcher.offsite.remote import Remote
from launcher.offsite.troubles import RemoteError, Trouble


def bring(
    place: Destination,
    site_id: str,
    backup_id: BackupId,
    identities: Sequence[Identity],
    *,
    must_be_proved: bool,
    is_doubted: bool,
    backups: BackupService,
    data_dir: Path,
    by: str,
    on_progress: OnProgress | None = None,
    operation_id: str = "",
) -> Backup:
    """Download a copy, verify it, and list it here as the backup that it was.

    One that `is_doubted` or encrypted, and that none of the keys proves, is listed as a file from
    outside. With `must_be_proved`, it is damaged then: it was proved when it was found. On failure,
    and when the process is killed, the list and the data are as they were.

    Raises:
        PlaceUnusableError, NotOpenedError, VerificationError, BackupNotFoundError
        InsufficientSpaceError: also where the disk is too small for the restore that follows.
        and whatever else `BackupService.adopt` raises.
    """

    def download(target: Path, on_bytes: OnBytes) -> Backup:
        with (
            as_backup_errors(backup_id),
            contextlib.closing(open_remote(place, site=site_id)) as remote,
        ):
            manifest = _manifest(remote, backup_id, identities)
            if must_be_proved and not is_proved(manifest, site_id):
                raise OffsiteError("copy_damaged", backup_id=backup_id)
            copy, site_name = _opened(manifest, identities)
            _require_room(copy, data_dir)
            download_copy(remote, copy, target, identities=identities, on_bytes=on_bytes)
        if (is_doubted or manifest.recipients) and not is_proved(manifest, site_id):
            return of_unknown_origin(copy.backup, site_name or site_id, by=by)
        return copy.backup

    return backups.adopt(
        backup_id,
        download,
        by=by,
        source=f"{address_of(place)} ({site_id})",
        is_confirmed=must_be_proved,
        on_progress=on_progress,
        operation_id=operation_id,
    )


def _manifest(remote: Remote, backup_id: BackupId, identities: Sequence[Identity]) -> CopyManifest:
    try:
        return load_manifest(remote, backup_id, identities)
    except RemoteError as error:
        if error.trouble is Trouble.NOT_THERE:
            raise OffsiteError("copy_not_found", backup_id=backup_id) from error
        raise


def _opened(manifest: CopyManifest, identities: Sequence[Identity]) -> tuple[StoredCopy, str]:
    try:
        backup, site_name = open_copy_manifest(manifest, identities)
    except OffsiteError as error:
        keys = " or ".join(sorted(manifest.recipients))
        raise OffsiteError(error.code, backup_id=manifest.id, keys=keys) from error
    return copy_of(manifest, backup), site_name


def _require_room(copy: StoredCopy, data_dir: Path) -> None:
    """Refuse when the disk is too small for the copy, and for the restore that follows.

    A restore unpacks the backup once, and writes the result.
    """
    database_bytes = copy.backup.database.size_bytes if copy.backup.database else 0
    needed = needed_bytes(copy) + max(2 * database_bytes, SPARE_BYTES)
    with disk_errors("use the data directory"):
        free = free_bytes(data_dir)
    if free < needed:
        raise InsufficientSpaceError(
            Reason.DISK_TOO_SMALL,
            size_bytes=copy.size_bytes,
            required_bytes=needed,
            available_bytes=free,
        )
