"""The JSON beside each copy at a destination, format 1. It is written last: without it, no copy.

In clear it says what is needed to list copies and to check bytes: id, time, size, checksum, and the
public keys. Everything else of the backup, its note and its counts, is encrypted where the copy is.
`proof` says that the site wrote all of this: see `origin`. The last key, `seal`, is the SHA-256 of
everything before it, as in the manifest of a backup.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from launcher.backup.codec import DecodeError, decode, encode, parse
from launcher.backup.errors import BackupError
from launcher.backup.manifest import backup_of, document_of, seal_of, write_manifest
from launcher.backup.records.backup import Backup, Encoding, Kind
from launcher.backup.records.ids import BackupId, parse_backup_id
from launcher.backup.store.names import id_of_file, id_of_manifest, stored_name
from launcher.offsite.age import SUFFIX, Identity, decrypt_text, encrypt_text
from launcher.offsite.errors import OffsiteError
from launcher.offsite.origin import proof_of, prover_of
from launcher.offsite.records import StoredCopy

FORMAT = 1
MAX_BYTES = 1 << 20
TEST_PREFIX = "test-"
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CopiedObject:
    """The object that holds the data: its name beside the manifest, and its bytes."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class CopyManifest:
    """What the manifest of a copy says.

    Attributes:
        id: of the backup.
        site: whose copy it is.
        created_at: when the backup was created.
        copied_at: when the copy was finished.
        stored: the object with the data.
        writer: the data directory that wrote it.
        is_confirmed: False where the service confirmed the size alone, or the file says nothing.
        recipients: public keys that open it; empty for one that is not encrypted.
        manifest: the manifest of the backup and the name of the site: a text of age where the
            copy is encrypted.
        proved_by: the public key of the given secret key that proves where it comes from, "" for
            none of them. It is found at reading, and is not in the file.
    """

    id: BackupId
    site: str
    created_at: datetime
    copied_at: datetime
    stored: CopiedObject = field(metadata={"key": "object"})
    manifest: object
    recipients: frozenset[str] = frozenset()
    writer: str = ""
    is_confirmed: bool = False
    proved_by: str = ""


def object_name(backup: Backup, *, is_encrypted: bool) -> str:
    """Return the name of the object that holds the data of a backup."""
    assert backup.file is not None  # noqa: S101 (only such backups are copied)
    name = stored_name(backup.id, backup.file.encoding)
    return f"{name}{SUFFIX}" if is_encrypted else name


def id_of_object(name: str) -> BackupId | None:
    """Return the id in the name that a copy's object has, None for any other name."""
    return id_of_file(name.removesuffix(SUFFIX))


def write_copy_manifest(
    copy: StoredCopy, *, site: str, site_name: str, writer: str, identity: Identity | None = None
) -> bytes:
    """Return the manifest of a copy, sealed, as the bytes to store.

    `identity` proves where it comes from; without one there is no proof.
    """
    backup = copy.backup
    inner = {"site_name": site_name, "manifest": parse(write_manifest(backup))}
    facts = {
        "format": FORMAT,
        **encode(
            CopyManifest(
                id=backup.id,
                site=site,
                created_at=backup.created_at,
                copied_at=copy.copied_at,
                stored=CopiedObject(copy.name, copy.size_bytes, copy.sha256),
                manifest=(
                    encrypt_text(json.dumps(inner), copy.recipients) if copy.recipients else inner
                ),
                recipients=copy.recipients,
                writer=writer,
                is_confirmed=copy.is_confirmed,
            )
        ),
    }
    del facts["proved_by"]
    if identity is not None:
        facts["proof"] = proof_of(facts, identity)
    return document_of({**facts, "seal": seal_of(facts)})


def read_copy_manifest(
    data: bytes, *, name: str, identities: Iterable[Identity] = ()
) -> CopyManifest:
    """Return what the manifest of a copy says.

    Args:
        data: all bytes of it.
        name: its name in the folder of its site, with the id that it has to have.
        identities: the secret keys that may prove where it comes from.

    Raises:
        OffsiteError: `copy_damaged`: it is no manifest of ours, was altered, or belongs elsewhere.
    """
    try:
        facts = decode(dict, parse(data))
        if facts.get("format") != FORMAT:
            raise DecodeError("another format")
        seal = facts.pop("seal", None)
        if seal != seal_of(facts):
            raise DecodeError("it was altered")
        proof = facts.pop("proof", None)
        proved_by = prover_of(facts, proof, identities)
        found = decode(CopyManifest, {**facts, "proved_by": proved_by})
        parse_backup_id(found.id)
        if found.id != id_of_manifest(name) or found.stored.name not in _names_of(found):
            raise DecodeError("it belongs to another backup")
        if found.stored.size_bytes < 0 or not _SHA256.fullmatch(found.stored.sha256):
            raise DecodeError("no checksum")
    except (DecodeError, BackupError, RecursionError) as error:
        raise OffsiteError("copy_damaged", name=name, detail=str(error)) from error
    return found


def open_copy_manifest(
    manifest: CopyManifest, identities: Iterable[Identity] = ()
) -> tuple[Backup, str]:
    """Return the backup that a copy is of, and the name of its site.

    Raises:
        OffsiteError: `not_opened`: none of the keys opens it. `copy_damaged`: what is inside is of
            another backup, or cannot be read.
    """
    inner = manifest.manifest
    if manifest.recipients:
        if not isinstance(inner, str):
            raise OffsiteError("copy_damaged", name=manifest.stored.name)
        inner = decrypt_text(inner, identities)
    try:
        facts = decode(dict, parse(inner) if isinstance(inner, str) else inner)
        backup = backup_of(decode(dict, facts.get("manifest")))
        site_name = decode(str, facts.get("site_name"))
    except (DecodeError, BackupError) as error:
        raise OffsiteError("copy_damaged", name=manifest.stored.name) from error
    if backup.id != manifest.id:
        raise OffsiteError("copy_damaged", name=manifest.stored.name)
    return backup, site_name


def copy_of(
    manifest: CopyManifest, backup: Backup | None = None, *, is_ours: bool = False
) -> StoredCopy:
    """Return a copy as its manifest describes it; without its backup, what is in clear."""
    return StoredCopy(
        backup=backup or Backup(manifest.id, Kind.EXTERNAL, manifest.created_at),
        name=manifest.stored.name,
        size_bytes=manifest.stored.size_bytes,
        sha256=manifest.stored.sha256,
        copied_at=manifest.copied_at,
        recipients=manifest.recipients,
        proved_by=manifest.proved_by,
        is_confirmed=manifest.is_confirmed,
        is_ours=is_ours,
    )


def describes(manifest: CopyManifest, copy: StoredCopy) -> bool:
    """Whether a manifest describes the bytes that the ledger has of a copy."""
    stored = manifest.stored
    return stored == CopiedObject(copy.name, copy.size_bytes, copy.sha256)


def is_test_object(name: str) -> bool:
    """Whether an object of this name is of a test of the destination."""
    return name.startswith(TEST_PREFIX) and name.endswith(".txt") and "/" not in name


def _names_of(manifest: CopyManifest) -> set[str]:
    suffix = SUFFIX if manifest.recipients else ""
    return {f"{stored_name(manifest.id, encoding)}{suffix}" for encoding in Encoding}
