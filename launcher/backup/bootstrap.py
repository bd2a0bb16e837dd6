"""The live database at every start: create it where there never was one, or migrate it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from launcher.backup.errors import BackupError, IncompatibleBackupError, SourceDatabaseError
from launcher.backup.files import create_new, move, sync_file
from launcher.backup.journal import Journal
from launcher.backup.operations import Operation
from launcher.backup.ports import Content, Gate, Store
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Backup
from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.backup.sqlite.connection import side_files
from launcher.backup.sqlite.copy import begin_wal, open_staged, set_application_id
from launcher.backup.sqlite.live import live_problem, open_live
from launcher.backup.sqlite.rows import rows_by_table

_BOOKKEEPING_TABLES = {"alembic_version", "system_settings"}


def has_history(live: Path, *, journal: Journal, store: Store) -> bool:
    """Whether there was data here before, so that a missing database is a loss."""
    if any(path.exists() for path in side_files(live)):
        return True
    entries = list(journal.entries())
    if not all(map(_says_nothing_of_data, entries)) or not (entries or journal.is_empty()):
        return True
    try:
        return bool(store.list())
    except BackupError:
        return False


_OF_FILES = {Verb.FETCH, Verb.INITIALISE, Verb.UPLOAD, Verb.VERIFY}


def _says_nothing_of_data(entry: JournalEntry) -> bool:
    """Whether this failed as it does where there never was any data."""
    if entry.verb is Verb.RESTORE:
        is_reverted = entry.error_code != "revert_failed" and not entry.facts.get("safety_id")
        return entry.outcome is Outcome.FAILED and is_reverted
    return entry.outcome is not Outcome.SUCCEEDED and (
        entry.verb in _OF_FILES or entry.reason == Reason.LIVE_MISSING
    )


def create_database(live: Path, *, content: Content, operation_id: str) -> None:
    """Create a new, empty database at `live`, whole or not at all.

    Raises:
        OSError: a disk error, for the caller to name.
    """
    incoming = live.with_name(f".incoming-{operation_id}.db")
    create_new(incoming).close()
    set_application_id(incoming, application_id=content.application_id)
    content.migrate(incoming)
    with open_staged(incoming) as connection:
        content.prepare(connection, epoch=secrets.token_hex(16), schedule=None, account=None)
    begin_wal(incoming)
    sync_file(incoming)
    move(incoming, live)


def migrate_database(
    operation: Operation,
    live: Path,
    *,
    content: Content,
    gate: Gate,
    make_backup: Callable[[str], Backup],
) -> Backup | None:
    """Migrate the live database to `head` behind the gate, after a backup of what it holds.

    Raises:
        IncompatibleBackupError: a newer Launcher was here; nothing was changed.
        SourceDatabaseError: the migrations failed, or requests did not end in time; nothing was
            changed.
        and what `make_backup` raises; nothing was changed.
    """
    revision = live_revision(live, content=content)
    pending = content.pending(revision)
    if pending is None:
        raise IncompatibleBackupError(
            Reason.LIVE_NEWER,
            theirs=revision,
            version=content.app_version,
            ours=content.head,
        )
    if not pending:
        operation.is_recorded = False
        return None
    operation.facts["from"], operation.facts["to"] = revision, content.head
    backup = make_backup(content.head) if _has_content(live) else None
    try:
        with gate.closed():
            content.migrate(live)
    except TimeoutError as error:
        raise SourceDatabaseError(Reason.NOT_MIGRATED, detail=error) from error
    except Exception as error:
        raise SourceDatabaseError(
            Reason.NOT_UPGRADED, theirs=revision, ours=content.head, detail=error
        ) from error
    return backup


def live_revision(live: Path, *, content: Content) -> str:
    """Return the schema revision of the live database.

    Raises:
        SourceDatabaseError: it is missing, damaged, or stays busy.
    """
    if problem := live_problem(live, content=content):
        raise SourceDatabaseError(problem.reason, **problem.facts)
    with open_live(live) as connection:
        return content.revision(connection)


def _has_content(live: Path) -> bool:
    """Whether the live database has rows beside those that every database has."""
    with open_live(live) as connection:
        rows = rows_by_table(connection)
    return any(count for table, count in rows.items() if table not in _BOOKKEEPING_TABLES)
