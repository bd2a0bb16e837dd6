"""The JSON beside each backup, format 1.

The last key, `seal`, is the SHA-256 of everything before it, so a flipped bit in the manifest
itself is noticed as surely as one in the file it describes.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .errors import BackupNotFoundError, ManifestError
from .records import (
    Backup,
    DatabaseFacts,
    Encoding,
    Kind,
    State,
    StoredFile,
    Verification,
    parse_backup_id,
)

FORMAT = 1
MAX_BYTES = 256 << 10


def write_manifest(backup: Backup) -> bytes:
    """Return the manifest of `backup`, sealed, as the bytes to store."""
    if backup.database is None or backup.file is None:
        raise ManifestError(f"backup {backup.id} has nothing to describe")
    facts: dict[str, object] = {
        "format": FORMAT,
        "id": backup.id,
        "kind": backup.kind,
        "created_at": _write_moment(backup.created_at),
        "created_by": backup.created_by,
        "note": backup.note,
        "protected": backup.protected,
        "app_version": backup.app_version,
        "schema_revision": backup.schema_revision,
        "sqlite_version": backup.sqlite_version,
        "database": {
            "size_bytes": backup.database.size_bytes,
            "sha256": backup.database.sha256,
            "page_size": backup.database.page_size,
        },
        "file": {
            "name": backup.file.name,
            "size_bytes": backup.file.size_bytes,
            "sha256": backup.file.sha256,
            "encoding": backup.file.encoding,
        },
        "contents": dict(sorted(backup.contents.items())),
        "verification": {
            "state": backup.verification.state,
            "at": backup.verification.at and _write_moment(backup.verification.at),
            "error": backup.verification.error,
        },
    }
    facts["seal"] = _seal(facts)
    return (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode()


def read_manifest(data: bytes) -> Backup:
    """Return the backup that a manifest describes.

    Raises:
        ManifestError: unreadable, altered, of another format, or naming a file outside the store.
    """
    try:
        facts = json.loads(data)
        found_format = facts["format"]
        if found_format != FORMAT:
            raise ManifestError(
                f"the manifest has format {found_format!r}, and this Launcher reads {FORMAT}",
                hint="Update Launcher to the version that made this backup.",
            )
        seal = facts.pop("seal")
        if seal != _seal(facts):
            raise ManifestError("the manifest was altered after it was written")
        # Re-writing must give the same bytes, or a flipped bit could hide in the spelling.
        if (json.dumps({**facts, "seal": seal}, indent=2, ensure_ascii=False) + "\n").encode() != (
            data
        ):
            raise ManifestError("the manifest was altered after it was written")
        return _backup(facts)
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
        BackupNotFoundError,
    ) as error:
        raise ManifestError(f"the manifest cannot be read: {error!r}") from error


def _backup(facts: Mapping[str, Any]) -> Backup:
    database, file, verification = facts["database"], facts["file"], facts["verification"]
    return Backup(
        id=parse_backup_id(facts["id"]),
        kind=Kind(facts["kind"]),
        created_at=_read_moment(facts["created_at"]),
        created_by=_shared(facts["created_by"]),
        note=str(facts["note"]),
        protected=facts["protected"] is True,
        app_version=_shared(facts["app_version"]),
        schema_revision=_shared(facts["schema_revision"]),
        sqlite_version=_shared(facts["sqlite_version"]),
        database=DatabaseFacts(
            size_bytes=_read_size(database["size_bytes"]),
            sha256=str(database["sha256"]),
            page_size=int(database["page_size"]),
        ),
        file=StoredFile(
            name=bare_name(file["name"]),
            size_bytes=_read_size(file["size_bytes"]),
            sha256=str(file["sha256"]),
            encoding=Encoding(file["encoding"]),
        ),
        contents={_shared(table): int(rows) for table, rows in facts["contents"].items()},
        verification=Verification(
            state=State(verification["state"]),
            at=_read_moment(verification["at"]) if verification["at"] else None,
            error=str(verification["error"]),
        ),
    )


def bare_name(name: str) -> str:
    """Return `name` if it can only mean a visible file of the store itself.

    Raises:
        ManifestError: it has a path in it, or could never be a file's name.
    """
    if not name or name.startswith(".") or "/" in name or "\0" in name or len(name) > 255:
        raise ManifestError(f"the manifest names {name!r}, which is no file of the store")
    if not name.isprintable():  # which the remains of a name that is not UTF-8 are not either
        raise ManifestError(f"{name!r} is no readable file name", hint="Rename the file.")
    return name


def _seal(facts: Mapping[str, object]) -> str:
    canonical = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _shared(text: object) -> str:
    """Return a text that many manifests have in common, kept in memory once for them all."""
    return sys.intern(str(text))


def _read_size(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ManifestError(f"the manifest has a size of {value!r} bytes")
    return value


def _write_moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read_moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ManifestError(f"the manifest has a time without a zone: {text}")
    return moment.astimezone(UTC)
