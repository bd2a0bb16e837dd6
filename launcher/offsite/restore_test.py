"""A restore test with a copy from another place: which one, the download, what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from launcher.backup.errors import VerificationError
from launcher.backup.files import discard
from launcher.backup.ports import Clock, OnProgress
from launcher.backup.records.plan import RestorePlan
from launcher.backup.service import BackupService
from launcher.offsite.age import Identity
from launcher.offsite.download import download_copy
from launcher.offsite.files import OffsiteFiles
from launcher.offsite.findings import keep_damage, keep_finding, proves_damage
from launcher.offsite.opening import open_remote
from launcher.offsite.records import Destination, Place, StoredCopy
from launcher.offsite.remote import Remote
from launcher.offsite.status import DestinationStatus, OffsiteStatus
from launcher.offsite.troubles import RemoteError, Trouble

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FarCopy:
    """A copy in another place."""

    destination: Destination
    copy: StoredCopy


def next_tested(status: OffsiteStatus) -> FarCopy | None:
    """Return the copy that the next restore test takes, None where there is none to take.

    The newest good one of an off-site destination, or of any where none is off-site: of the one
    that was tested longest ago. Destinations that are paused, and copies that no key here opens,
    are left out.
    """
    found = [
        (each, each.newest_good)
        for each in status.destinations
        if not each.destination.paused
        and each.newest_good
        and each.newest_good.backup.file
        and each.newest_good.trouble is not Trouble.NO_KEY
    ]
    off_site = [each for each in found if each[0].destination.place is Place.OFF_SITE]
    if not (found := off_site or found):
        return None
    newest = max(copy.backup.created_at for _, copy in found)
    # Of those that were tested equally long ago, the one with the newest copy.
    chosen, copy = min(
        found, key=lambda each: (_tested_at(each[0]), newest - each[1].backup.created_at)
    )
    return FarCopy(chosen.destination, copy)


def _tested_at(status: DestinationStatus) -> datetime:
    return max((each.tested_at for each in status.ledger.copies if each.tested_at), default=_NEVER)


def restore_test(
    far: FarCopy,
    *,
    files: OffsiteFiles,
    backups: BackupService,
    identities: tuple[Identity, ...],
    site: str,
    by: str,
    clock: Clock,
    on_progress: OnProgress | None = None,
    open_: Callable[..., Remote] = open_remote,
) -> RestorePlan:
    """Download a copy and run the whole restore of it on a temporary copy.

    The ledger then has when it was tested, or that it is damaged; where another process works at
    the destination at that moment, only the history does.

    Raises:
        RemoteError: of the service; `DIFFERENT` where the copy is damaged.
        OffsiteError: `not_opened`: none of the keys opens it.
        InsufficientSpaceError: there is no room for the download.
        and whatever `BackupService.test_restore_of_copy` raises.
    """
    files.ensure_folder()
    path = files.folder / "restore-test.part"
    try:
        remote = open_(far.destination, site=site, data_dir=files.data_dir)
        try:
            download_copy(
                remote, far.copy, path, identities=identities, on_bytes=lambda _done, _total: None
            )
        finally:
            remote.close()
        plan = backups.test_restore_of_copy(
            far.copy.backup,
            path,
            by=by,
            destination=far.destination.name,
            on_progress=on_progress,
        )
    except (RemoteError, VerificationError) as error:
        if proves_damage(error):
            keep_damage(files, far.destination.id, far.copy, clock())
        raise
    finally:
        discard(path)
    keep_finding(files, far.destination.id, far.copy, tested_at=clock(), read_at=clock())
    return plan
