"""What the core needs from outside, declared where it is used.

The application hands these in when it builds the service; tests hand in small real ones.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from launcher.backup.reasons import Fault
from launcher.backup.records.backup import Backup
from launcher.backup.records.operation import JournalEntry, Progress
from launcher.backup.records.schema import SchemaObject
from launcher.backup.records.survey import Migration, Schedule, Survey

Clock = Callable[[], datetime]
"""Returns the current time, aware and in UTC."""


def utc_now() -> datetime:
    """Return the current time in UTC, to the millisecond, as a manifest stores it."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


OnProgress = Callable[[Progress], None]
"""Called with the progress; what it raises ends the operation."""

OnBytes = Callable[[int, int], None]
"""Called with (done, total) in bytes; what it raises ends the work."""

OnFinished = Callable[[JournalEntry], None]
"""Called with every finished operation once it is in the journal, to write an audit row."""


class Content(Protocol):
    """What the application knows of the database that the core copies.

    It gets plain `sqlite3` connections to a file that no one else uses, or read-only ones to the
    live database, and never closes them.
    """

    @property
    def application_id(self) -> int:
        """The `PRAGMA application_id` of our databases."""

    @property
    def app_version(self) -> str:
        """The version of the running application."""

    @property
    def head(self) -> str:
        """The schema revision that this code needs."""

    def revision(self, connection: sqlite3.Connection) -> str:
        """Return the schema revision of a database, "" when it has none."""

    def pending(self, revision: str) -> tuple[Migration, ...] | None:
        """Return the steps from `revision` to `head`, or None when `revision` is unknown."""

    def expected_schema(self, revision: str) -> Sequence[SchemaObject]:
        """Return every row of the `sqlite_schema` of a database at `revision`."""

    def problem(self, connection: sqlite3.Connection) -> str:
        """Return what a database of any known revision lacks to be usable, "" when nothing.

        Called often, so it is cheap.
        """

    def has_admin(self, connection: sqlite3.Connection) -> bool:
        """Whether an active admin is in a database of any known revision."""

    def migrate(self, path: Path) -> None:
        """Migrate the database file at `path`, which no other program has open, to `head`."""

    def survey(self, connection: sqlite3.Connection, *, count_rows: bool = True) -> Survey:
        """Return what a database at `head` holds; without `rows` unless `count_rows`."""

    def prepare(
        self,
        connection: sqlite3.Connection,
        *,
        epoch: str,
        schedule: Schedule | None,
        account: Mapping[str, object] | None,
        is_own: bool = True,
        known_tokens: Collection[str] = (),
    ) -> tuple[Fault, ...]:
        """Prepare a staged database at `head` to go live, in one transaction.

        In a file from outside it replaces values that the application never writes, and removes
        API tokens but `known_tokens`, by the keys of a survey. Tokens that were revoked stay so.
        Returns what it replaced or removed.
        Writes the session epoch; the schedule, if given; the account, if given, as an active
        admin (an account of the same name is replaced).
        """

    def account(self, connection: sqlite3.Connection, username: str) -> Mapping[str, object] | None:
        """Return one account as `prepare` takes it, or None when there is no such active admin."""


class Hold(Protocol):
    """How long requests were kept waiting."""

    longest_s: float
    """The longest that one of them can have waited, in seconds, once that is over."""


class Gate(Protocol):
    """Keeps requests waiting while the data is replaced."""

    def writers_held(self) -> AbstractContextManager[Hold]:
        """Keep those who write waiting for the length of the `with` block; readers pass.

        On entry no one who writes is running. Raises `TimeoutError`, with all let in again, when
        those that are running do not finish in time.
        """

    def closed(self) -> AbstractContextManager[Hold]:
        """Keep every request waiting for the length of the `with` block.

        On entry no request is running and none has a connection open. Raises `TimeoutError`, with
        the gate open again, when those that are running do not finish in time.
        """


class Store(Protocol):
    """A place that keeps backups.

    Every method raises `StoreUnavailableError` when the place cannot be reached, and
    `InsufficientSpaceError` when it is full.
    """

    @property
    def path(self) -> Path:
        """The folder, to show it and to ask for free space."""

    @property
    def staging(self) -> Path:
        """A private folder for work in progress, on the same file system."""

    def ensure(self) -> None:
        """Make the place usable: afterwards `staging` can be written."""

    def list(self) -> Sequence[Backup]:
        """Return every backup, newest first; damaged and foreign ones hide nothing else.

        Examines every file, each time.
        """

    def examine(self, backup: Backup) -> Backup | None:
        """Return a backup with a manifest as its files are now; None when it is gone."""

    def version(self) -> Hashable | None:
        """Return what differs once a backup has come, gone, or got another manifest.

        None where that cannot be known. Says nothing of the files of backups.
        """

    def get(self, reference: str) -> Backup:
        """Return one backup by id.

        Raises:
            BackupNotFoundError: there is none.
        """

    def open(self, backup: Backup) -> BinaryIO:
        """Open the stored file of a backup for reading; links are never followed.

        Raises:
            ManifestError: the file is missing or is no regular file.
        """

    def file_name(self, backup: Backup) -> str:
        """Return the name of the stored file in its folder.

        Raises:
            ManifestError: there is none.
        """

    def file_path(self, backup: Backup) -> Path:
        """Return where the stored file is, for a program that reads it.

        Raises:
            ManifestError: there is none.
        """

    def publish(self, backup: Backup, staged: Path) -> None:
        """Make `backup`, whose finished file is at `staged`, exist durably, or not at all."""

    def update(self, backup: Backup) -> None:
        """Replace the manifest of an existing backup, or give an external file its first."""

    def remove(self, backup: Backup) -> None:
        """Make a backup not exist, durably."""

    def sweep(self) -> None:
        """Remove what killed operations left. Only the holder of the operation lock calls this."""
