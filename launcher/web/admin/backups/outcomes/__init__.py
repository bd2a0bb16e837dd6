"""The sentences about an operation that has ended: its page, its toast, its line in the history.

Read `ended` first: it has them for each verb, `restore` for the restore, `fetch` for a download;
`page` is what such a page is made of.
"""

from __future__ import annotations

from collections.abc import Mapping

from launcher.backup.records.operation import JournalEntry, Verb
from launcher.web.admin.backups.outcomes.ended import (
    CreateEnded,
    DeleteEnded,
    Ended,
    ExportEnded,
    MigrateEnded,
    NoteEnded,
    ProtectEnded,
    PruneEnded,
    RestoreTestEnded,
    UnprotectEnded,
    UploadEnded,
    VerifyEnded,
)
from launcher.web.admin.backups.outcomes.fetch import FetchEnded
from launcher.web.admin.backups.outcomes.restore import RestoreEnded

_BY_VERB: Mapping[Verb, type[Ended]] = {
    Verb.CREATE: CreateEnded,
    Verb.VERIFY: VerifyEnded,
    Verb.TEST_RESTORE: RestoreTestEnded,
    Verb.RESTORE: RestoreEnded,
    Verb.MIGRATE: MigrateEnded,
    Verb.EXPORT: ExportEnded,
    Verb.UPLOAD: UploadEnded,
    Verb.FETCH: FetchEnded,
    Verb.PROTECT: ProtectEnded,
    Verb.UNPROTECT: UnprotectEnded,
    Verb.NOTE: NoteEnded,
    Verb.DELETE: DeleteEnded,
    Verb.PRUNE: PruneEnded,
}


def ended(entry: JournalEntry) -> Ended:
    """Return the words about an operation that has ended."""
    return _BY_VERB.get(entry.verb, Ended)(entry)
