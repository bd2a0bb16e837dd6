"""The names of files in the backup folder, and the ids in them."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from datetime import datetime

from launcher.backup.errors import BackupNotFoundError
from launcher.backup.records.backup import Encoding
from launcher.backup.records.ids import BackupId, parse_backup_id

PREFIX = "launcher-"

_SUFFIXES = {Encoding.ZSTD: ".db.zst", Encoding.IDENTITY: ".db"}
# What other programs leave in a folder, beside names that begin with a full stop: Windows its
# thumbnails, sync programs (Nextcloud, Dropbox, Syncthing) a second version of a file.
_THUMBNAILS = frozenset({"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db"})
_CONFLICTED = ("conflicted copy", "sync-conflict")
_EXTERNAL_SUFFIXES = (".db", ".sqlite", ".sqlite3", ".db.zst", ".sqlite.zst", ".sqlite3.zst")


def manifest_name(backup_id: BackupId) -> str:
    """Return the name of the manifest of a backup."""
    return f"{PREFIX}{backup_id}.json"


def stored_name(backup_id: BackupId, encoding: Encoding) -> str:
    """Return the name of the file of a backup."""
    return f"{PREFIX}{backup_id}{_SUFFIXES[encoding]}"


def stored_names(backup_id: BackupId) -> Sequence[str]:
    """Return every name that the file of a backup can have."""
    return [stored_name(backup_id, encoding) for encoding in Encoding]


def id_of_manifest(name: str) -> BackupId:
    """Return the id in the name of a manifest, "" for any other name."""
    return _id_before(".json", name) or BackupId("")


def id_of_file(name: str) -> BackupId | None:
    """Return the id in the name that Launcher gives to the file of a backup, None for any other."""
    return next(filter(None, (_id_before(suffix, name) for suffix in _SUFFIXES.values())), None)


def _id_before(suffix: str, name: str) -> BackupId | None:
    if name.startswith(PREFIX) and name.endswith(suffix):
        with contextlib.suppress(BackupNotFoundError):
            return parse_backup_id(name.removeprefix(PREFIX).removesuffix(suffix))
    return None


def is_external(name: str) -> bool:
    """Whether a file of this name is listed as a backup without a manifest."""
    if not name.endswith(_EXTERNAL_SUFFIXES) or name.startswith("."):
        return False
    plain = name.lower()
    return plain not in _THUMBNAILS and not any(words in plain for words in _CONFLICTED)


def derived_id(name: str, moment: datetime) -> BackupId:
    """Return an id for a file of another name, the same as long as its name and time are."""
    return BackupId(f"{moment:%Y%m%dT%H%M%SZ}-{_tail(name)}")


def _tail(name: str) -> str:
    return hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:6]


def is_file_of(backup_id: BackupId, name: str) -> bool:
    """Whether a file of this name can be that of the backup.

    A manifest that was forged may name the file of another backup, which would be deleted with it.
    """
    return name in stored_names(backup_id) or (
        id_of_file(name) is None and backup_id.endswith(f"-{_tail(name)}")
    )
