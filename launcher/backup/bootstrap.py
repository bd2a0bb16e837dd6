"""The live database at every start: made where there never was one, and known before a change."""

from __future__ import annotations

import secrets
from pathlib import Path

from launcher.backup.errors import BackupError, SourceDatabaseError
from launcher.backup.files import create_new, move, sync_file
from launcher.backup.journal import Journal
from launcher.backup.ports import Content, Store
from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.backup.sqlite.connection import side_files
from launcher.backup.sqlite.copy import begin_wal, open_staged, set_application_id
from launcher.backup.sqlite.live import live_problem, open_live
from launcher.backup.verify import rows_by_table

_BOOKKEEPING_TABLES = {"alembic_version", "system_settings"}


def has_history(live: Path, *, journal: Journal, store: Store) -> bool:
    """Whether there was data here before, so that a missing database is a loss and no beginning."""
    if any(path.exists() for path in side_files(live)):
        return True
    entries = list(journal.entries())
    if not all(map(_is_failed_start, entries)) or not (entries or journal.is_empty()):
        return True
    try:
        return bool(store.list())
    except BackupError:
        return False


def _is_failed_start(entry: JournalEntry) -> bool:
    """Whether this is a first start that came to nothing, and so leaves no history."""
    return entry.verb is Verb.INITIALISE and entry.outcome is not Outcome.SUCCEEDED


def make_database(live: Path, *, content: Content, operation_id: str) -> None:
    """Make a new, empty database at `live`, whole or not at all.

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


def live_revision(live: Path, *, content: Content) -> str:
    """Return the schema revision of the live database.

    Raises:
        SourceDatabaseError: it is missing, damaged, or stays busy.
    """
    if problem := live_problem(live, content=content):
        raise SourceDatabaseError(problem.reason, **problem.facts)
    with open_live(live) as connection:
        return content.revision(connection)


def has_content(live: Path) -> bool:
    """Whether the live database holds anything that somebody would miss."""
    with open_live(live) as connection:
        rows = rows_by_table(connection)
    return any(count for table, count in rows.items() if table not in _BOOKKEEPING_TABLES)
