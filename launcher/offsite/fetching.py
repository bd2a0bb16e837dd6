"""The download of a copy into the list of backups, from a destination or from any place."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from launcher.backup.errors import (
    BackupNotFoundError,
    ManifestError,
    NotOpenedError,
    PlaceUnusableError,
)
from launcher.backup.ports import OnBytes, OnProgress
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import Backup, Kind, Verification
from launcher.backup.records.text import clean_note, readable
from launcher.backup.service import BackupService
from launcher.offsite.age import Identity
from launcher.offsite.download import download_copy
from launcher.offsite.errors import OffsiteError
from launcher.offsite.opening import open_remote
from launcher.offsite.records import Destination, StoredCopy
from launcher.offsite.troubles import RemoteError, Trouble

_NAME_SHOWN = 100
_OF_DAMAGE = {Trouble.DIFFERENT, Trouble.CUT_SHORT}


def fetch_copy(
    backups: BackupService,
    place: Destination,
    site: str,
    copy: StoredCopy,
    identities: Sequence[Identity],
    *,
    by: str,
    on_progress: OnProgress | None = None,
    operation_id: str = "",
) -> Backup:
    """Download a copy, verify it, and list it here as the backup that it was.

    Nothing is changed at the place. On failure nothing is changed here.

    Raises:
        PlaceUnusableError: the fact `cause` has the value of a `Trouble`, `answer` what the
            service answered.
        NotOpenedError: the fact `needed` has the public keys.
        VerificationError: the copy is damaged.
        and whatever else `BackupService.adopt` raises.
    """

    def download(target: Path, on_bytes: OnBytes) -> Backup:
        with (
            as_backup_errors(copy.id, copy.recipients),
            contextlib.closing(open_remote(place, site=site)) as remote,
        ):
            download_copy(remote, copy, target, identities=identities, on_bytes=on_bytes)
        if identities and not copy.proved_by and not copy.is_ours:
            return of_unknown_origin(copy.backup, site, by=by)
        return copy.backup

    return backups.adopt(
        copy.id,
        download,
        by=by,
        source=place.name,
        size_bytes=copy.size_bytes,
        is_confirmed=bool(copy.proved_by),
        on_progress=on_progress,
        operation_id=operation_id,
    )


def of_unknown_origin(backup: Backup, site_name: str, *, by: str) -> Backup:
    """Return a backup as a file from outside, which counts as none that this site made.

    Args:
        backup: as the manifest of a copy says, which no key confirms.
        site_name: the name in that manifest.
        by: who downloads it.
    """
    name = clean_note(site_name)[:_NAME_SHOWN]
    doubt = Fault(Reason.ORIGIN_NOT_CONFIRMED, {"name": name})
    return replace(
        backup,
        kind=Kind.UPLOAD,
        created_by=readable(by),
        note=name,
        before="",
        protected=False,
        verification=Verification.good(
            [*backup.verification.warnings, doubt], at=backup.created_at
        ),
    )


@contextlib.contextmanager
def as_backup_errors(backup_id: str, recipients: Iterable[str] = ()) -> Iterator[None]:
    """Raise what places and keys raise as errors of the core, which history and pages know."""
    try:
        yield
    except RemoteError as error:
        if error.trouble in _OF_DAMAGE:
            raise ManifestError(Reason.COPY_DIFFERENT, backup_id=backup_id) from error
        raise PlaceUnusableError(
            Reason.NOT_FETCHED, cause=error.trouble, answer=error.answer, **error.facts
        ) from error
    except OffsiteError as error:
        if error.code == "not_opened":
            needed = str(error.facts.get("keys") or " or ".join(sorted(recipients)))
            raise NotOpenedError(Reason.COPY_CLOSED, needed=needed) from error
        if error.code == "copy_not_found":
            raise BackupNotFoundError(Reason.NO_SUCH_BACKUP, reference=backup_id) from error
        raise ManifestError(Reason.COPY_DIFFERENT, backup_id=backup_id) from error
