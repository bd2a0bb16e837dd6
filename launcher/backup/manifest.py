"""The JSON beside each backup, format 1.

The last key, `seal`, is the SHA-256 of everything before it, so a flipped bit in the manifest
is detected, as one in the file that it describes is.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import fields

from launcher.backup.codec import DecodeError, decode, encode, parse
from launcher.backup.errors import BackupNotFoundError, ManifestError
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Backup
from launcher.backup.records.ids import parse_backup_id

FORMAT = 1
MAX_BYTES = 256 << 10
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_KEYS = {each.name for each in fields(Backup)} - {"before"}  # which older manifests lack


def write_manifest(backup: Backup) -> bytes:
    """Return the manifest of `backup`, sealed, as the bytes to store."""
    if backup.database is None or backup.file is None:
        raise ManifestError(Reason.MANIFEST_INCOMPLETE, backup_id=backup.id)
    facts = {"format": FORMAT, **encode(backup)}
    facts["contents"] = dict(sorted(backup.contents.items()))
    return document_of({**facts, "seal": seal_of(facts)})


def read_manifest(data: bytes) -> Backup:
    """Return the backup that a manifest describes.

    Raises:
        ManifestError: unreadable, altered, of another format, or naming a file outside the store.
    """
    try:
        facts = decode(dict, parse(data))
        backup = backup_of(facts)
        # Writing it again gives the same bytes, or a flipped bit could hide in the spelling.
        if document_of(facts) != data:
            raise ManifestError(Reason.MANIFEST_ALTERED)
    except (ValueError, RecursionError) as error:
        raise ManifestError(Reason.MANIFEST_UNREADABLE, detail=repr(error)) from error
    return backup


def backup_of(manifest: Mapping[str, object]) -> Backup:
    """Return the backup that the facts of a manifest describe, however their text was laid out.

    Raises:
        ManifestError: as `read_manifest`.
    """
    facts = {**manifest}
    try:
        found_format = facts["format"]
        if found_format != FORMAT:
            raise ManifestError(Reason.MANIFEST_FORMAT, format=repr(found_format), known=FORMAT)
        seal = facts.pop("seal")
        if seal != seal_of(facts):
            raise ManifestError(Reason.MANIFEST_ALTERED)
        if missing := _KEYS - facts.keys():
            raise DecodeError("missing", field=min(missing))
        backup = decode(Backup, facts)
        parse_backup_id(backup.id)
        if backup.database is None or backup.file is None:
            raise ValueError("it describes no file")
        if min(backup.database.size_bytes, backup.file.size_bytes, *backup.contents.values()) < 0:
            raise ValueError("a negative size or count")
        if not all(map(_SHA256.fullmatch, (backup.database.sha256, backup.file.sha256))):
            raise ValueError("a checksum that is no SHA-256")
    except (ValueError, KeyError, RecursionError, BackupNotFoundError) as error:
        raise ManifestError(Reason.MANIFEST_UNREADABLE, detail=repr(error)) from error
    bare_name(backup.file.name)
    return backup


def bare_name(name: str) -> str:
    """Return `name` if it is the name of a visible file of the store itself.

    Raises:
        ManifestError: it has a path in it, or could never be a file's name.
    """
    if not name or name.startswith(".") or "/" in name or "\0" in name or len(name) > 255:
        raise ManifestError(Reason.NOT_IN_STORE, name=name)
    if not name.isprintable():  # nor is a name that is not UTF-8
        raise ManifestError(Reason.NAME_UNREADABLE, name=name)
    return name


def seal_of(facts: Mapping[str, object]) -> str:
    """Return the SHA-256 of facts, however their text is laid out."""
    return hashlib.sha256(canonical(facts)).hexdigest()


def canonical(facts: Mapping[str, object]) -> bytes:
    """Return facts as the one text that all layouts of them have in common."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def document_of(facts: Mapping[str, object]) -> bytes:
    """Return facts as the text of a manifest."""
    return (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode()
