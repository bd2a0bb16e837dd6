"""A backup as the API shows it. Names are those of `flask backup list --json`.

Sizes are bytes.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from launcher.api.destination_shapes import BackupCopy
from launcher.api.moments import Moment, written, written_if
from launcher.api.shapes import Details, Reason, details_of
from launcher.backup.records import backup as records
from launcher.backup.records.backup import Encoding, Kind, State


class Caution(msgspec.Struct, kw_only=True):
    """What an admin should know of a good backup."""

    sentence: str
    reason: Reason
    details: Details


class Verification(msgspec.Struct, kw_only=True):
    """What is known of a backup; `error`, `reason` and `details` say what is damaged."""

    state: State
    at: Moment | None
    error: str
    reason: Reason
    details: Details
    cautions: list[Caution]


class DatabaseFacts(msgspec.Struct, kw_only=True):
    """The database inside of a backup, unpacked: what `encoding=plain` downloads."""

    size_bytes: int
    sha256: str
    page_size: int


class StoredFile(msgspec.Struct, kw_only=True):
    """The file as it is kept: what `encoding=stored` downloads."""

    name: str
    size_bytes: int
    sha256: str
    encoding: Encoding


class Backup(msgspec.Struct, kw_only=True):
    """One backup. `database` and `file` are null for a file that was never verified."""

    id: str
    kind: Kind
    created_at: Moment
    created_by: str
    note: str
    before: Annotated[
        str,
        Meta(
            description="The reason for a safety or upgrade backup: the source of the restore, or "
            "the new schema."
        ),
    ]
    protected: Annotated[bool, Meta(description="Whether retention never removes it.")]
    app_version: str
    schema_revision: str
    sqlite_version: str
    database: DatabaseFacts | None
    file: StoredFile | None
    contents: Annotated[dict[str, int], Meta(description="Rows by table.")]
    verification: Verification
    copies: Annotated[
        list[BackupCopy] | None,
        Meta(
            description="The copies in other places, as far as is known here. null if that cannot "
            "be read. The ETag does not depend on them."
        ),
    ]

    @classmethod
    def of(cls, backup: records.Backup, copies: list[BackupCopy] | None = None) -> Backup:
        """Return what is said of `backup` and its `copies`."""
        return cls(
            id=backup.id,
            kind=backup.kind,
            created_at=written(backup.created_at),
            created_by=backup.created_by,
            note=backup.note,
            before=backup.before,
            protected=backup.protected,
            app_version=backup.app_version,
            schema_revision=backup.schema_revision,
            sqlite_version=backup.sqlite_version,
            database=_database(backup.database),
            file=_file(backup.file),
            contents=dict(backup.contents),
            verification=_verification(backup.verification),
            copies=copies,
        )


def _database(facts: records.DatabaseFacts | None) -> DatabaseFacts | None:
    if facts is None:
        return None
    return DatabaseFacts(
        size_bytes=facts.size_bytes, sha256=facts.sha256, page_size=facts.page_size
    )


def _file(file: records.StoredFile | None) -> StoredFile | None:
    if file is None:
        return None
    return StoredFile(
        name=file.name, size_bytes=file.size_bytes, sha256=file.sha256, encoding=file.encoding
    )


def _verification(found: records.Verification) -> Verification:
    return Verification(
        state=found.state,
        at=written_if(found.at),
        error=found.error,
        reason=found.reason,
        details=details_of(found.details),
        cautions=[
            Caution(sentence=each.sentence, reason=each.reason, details=details_of(each.details))
            for each in found.cautions
        ],
    )
