"""The sentences about an operation that has ended: its page, its toast, its line in a history.

`ended` has those of each verb, but for the restore's, which are in `restore`; `page` has what
every page of an outcome is made of. In the audit log an operation is named by `VERB_WORDS` alone.
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
    ProtectEnded,
    PruneEnded,
    RehearseEnded,
    UnprotectEnded,
    UploadEnded,
    VerifyEnded,
)
from launcher.web.admin.backups.outcomes.restore import RestoreEnded

_BY_VERB: Mapping[Verb, type[Ended]] = {
    Verb.CREATE: CreateEnded,
    Verb.VERIFY: VerifyEnded,
    Verb.TEST_RESTORE: RehearseEnded,
    Verb.RESTORE: RestoreEnded,
    Verb.MIGRATE: MigrateEnded,
    Verb.EXPORT: ExportEnded,
    Verb.UPLOAD: UploadEnded,
    Verb.PROTECT: ProtectEnded,
    Verb.UNPROTECT: UnprotectEnded,
    Verb.DELETE: DeleteEnded,
    Verb.PRUNE: PruneEnded,
}


def ended(entry: JournalEntry) -> Ended:
    """Return what there is to say of an operation that has ended."""
    return _BY_VERB.get(entry.verb, Ended)(entry)
