"""Send one backup to a destination: encrypted, then its data, then its manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from launcher.backup.errors import (
    BackupNotFoundError,
    ChecksumMismatchError,
    VerificationError,
)
from launcher.backup.files import CHUNK_BYTES, discard
from launcher.backup.ports import Clock
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Backup
from launcher.backup.service import BackupService
from launcher.backup.store.names import manifest_name
from launcher.offsite.age import Identity
from launcher.offsite.copy_manifest import object_name, write_copy_manifest
from launcher.offsite.encrypting import encrypt_file
from launcher.offsite.records import StoredCopy, Unfinished
from launcher.offsite.remote import Remote
from launcher.offsite.status import Work
from launcher.offsite.troubles import RemoteError, Trouble
from launcher.offsite.watch import Watch

BY = "off-site copies"
"""Who finds damage of a backup here while copying it."""


class GoneError(Exception):
    """The backup was deleted meanwhile, or is damaged: there is nothing to copy."""


@dataclass(frozen=True, slots=True)
class Sender:
    """What it takes to send backups to one destination.

    Attributes:
        remote: opened for this site.
        backups: the backups here.
        watch: shows the progress, and ends the work.
        clock: gives the moment.
        staged: returns where the encrypted file of an object is, by its name.
        remember: keeps an upload that has begun, so that the next process goes on with it.
    """

    remote: Remote
    backups: BackupService
    watch: Watch
    clock: Clock
    staged: Callable[[str], Path]
    remember: Callable[[Unfinished], None]

    def send(
        self,
        backup: Backup,
        recipients: frozenset[str],
        *,
        before: Unfinished | None,
        manifest_of: Callable[[StoredCopy], bytes],
    ) -> StoredCopy:
        """Return the copy, once its data and its manifest are there and confirmed.

        On failure there is no manifest, and so no copy. What was encrypted is kept.

        Args:
            backup: a good one here.
            recipients: public keys; none for a copy that is not encrypted.
            before: an upload that was interrupted.
            manifest_of: makes the manifest.

        Raises:
            GoneError: the backup was deleted meanwhile, or is damaged, which is recorded.
            RemoteError, StoppedError, InsufficientSpaceError, StoreUnavailableError
        """
        source, unfinished = self._prepared(backup, recipients, before)
        self.remember(unfinished)
        self.watch.begin(Work.UPLOAD, backup_id=backup.id, total=unfinished.size_bytes)
        try:
            self.remote.put(
                unfinished.name,
                source,
                on_bytes=self.watch.on_bytes,
                resume=unfinished.token,
                on_resume=lambda token: self.remember(replace(unfinished, token=token)),
            )
        except (RemoteError, OSError) as error:
            # A file that is sent as it is here may be deleted at any moment.
            if not recipients and not source.exists():
                raise GoneError from error
            raise
        copy = replace(
            _copy_of(backup, unfinished, at=self.clock()),
            is_confirmed=self.remote.has_confirmed(),
        )
        self.remote.put_bytes(manifest_name(backup.id), manifest_of(copy))
        return copy

    def _prepared(
        self, backup: Backup, recipients: frozenset[str], before: Unfinished | None
    ) -> tuple[Path, Unfinished]:
        """Return the file to send, and what it is; one that was encrypted before serves again."""
        name = object_name(backup, is_encrypted=bool(recipients))
        staged = self.staged(name)
        is_begun = before is not None and (
            (before.backup_id, before.name, before.recipients) == (backup.id, name, recipients)
        )
        if not recipients:
            plain = self._plain(backup, name)
            is_same = is_begun and before is not None and before.sha256 == plain.sha256
            return self._source(backup), (before if before and is_same else plain)
        if before is not None and is_begun and _holds(staged, before):
            return staged, before
        discard(staged)
        size_bytes, sha256 = self._encrypt(backup, staged, recipients)
        return staged, Unfinished(backup.id, name, size_bytes, sha256, recipients)

    def _encrypt(self, backup: Backup, staged: Path, recipients: frozenset[str]) -> tuple[int, str]:
        assert backup.file is not None  # noqa: S101 (only such backups are owed)
        self.watch.begin(Work.ENCRYPT, backup_id=backup.id, total=backup.file.size_bytes)
        with self._opened(backup) as source:
            encrypted = encrypt_file(
                source, staged, recipients, backup.file, on_bytes=self.watch.on_bytes
            )
        if encrypted is None:
            discard(staged)
            raise self._damaged(backup)
        return encrypted

    def _plain(self, backup: Backup, name: str) -> Unfinished:
        """Return what a file is that is sent as it is, once it was read and found whole."""
        assert backup.file is not None  # noqa: S101 (only such backups are owed)
        with self._opened(backup) as source:
            if _sha256(source, self.watch.may_go_on) != backup.file.sha256:
                raise self._damaged(backup)
        return Unfinished(backup.id, name, backup.file.size_bytes, backup.file.sha256)

    def _opened(self, backup: Backup) -> BinaryIO:
        try:
            return self.backups.open_file(backup)[1]
        except (BackupNotFoundError, VerificationError) as error:
            raise GoneError from error

    def _source(self, backup: Backup) -> Path:
        try:
            return self.backups.file_path(backup)
        except (BackupNotFoundError, VerificationError) as error:
            raise GoneError from error

    def _damaged(self, backup: Backup) -> GoneError:
        """Record that a backup here is damaged, so that it is not copied."""
        assert backup.file is not None  # noqa: S101 (only such backups are owed)
        damage = ChecksumMismatchError(Reason.CHECKSUM, name=backup.file.name)
        with suppress(VerificationError):
            self.backups.report_damage(backup, damage, by=BY)
        return GoneError()


def recipients_of(public_keys: frozenset[str], *, encrypt: bool) -> frozenset[str]:
    """Return the keys that a copy is encrypted for, none where it is not encrypted.

    Raises:
        RemoteError: `WRONG_OPTIONS`: it is to be encrypted, and there is no key. It never leaves
            in clear.
    """
    if encrypt and not public_keys:
        raise RemoteError(Trouble.WRONG_OPTIONS, option="recipients")
    return public_keys if encrypt else frozenset()


def manifest_maker(
    *, site: str, site_name: str, writer: str, identity: Identity | None
) -> Callable[[StoredCopy], bytes]:
    """Return what makes the manifest of a copy of this site, which `identity` proves."""
    return lambda copy: write_copy_manifest(
        copy, site=site, site_name=site_name, writer=writer, identity=identity
    )


def _copy_of(backup: Backup, sent: Unfinished, *, at: datetime) -> StoredCopy:
    return StoredCopy(
        backup=backup,
        name=sent.name,
        size_bytes=sent.size_bytes,
        sha256=sent.sha256,
        copied_at=at,
        recipients=sent.recipients,
    )


def _holds(path: Path, unfinished: Unfinished) -> bool:
    """Whether a file is the one that was encrypted before the process ended."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return (file.tell(), digest) == (unfinished.size_bytes, unfinished.sha256)
    except OSError:
        return False


def _sha256(source: BinaryIO, may_go_on: Callable[[], None]) -> str:
    digest = hashlib.sha256()
    while chunk := source.read(CHUNK_BYTES):
        digest.update(chunk)
        may_go_on()
    return digest.hexdigest()
