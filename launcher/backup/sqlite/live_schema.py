"""Whether the live database has the schema that this code needs."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from launcher.backup.fingerprints import Fingerprint, fingerprint_at, is_settled
from launcher.backup.ports import Content
from launcher.backup.reasons import Fact, Fault, Reason
from launcher.backup.sqlite.connection import connect_to_look, side_files
from launcher.backup.sqlite.failures import primary_code
from launcher.backup.sqlite.schema import compare, read_schema


class LiveSchema:
    """The schema of the live database, read again only when a file of the database has changed."""

    def __init__(self, path: Path, *, content: Content) -> None:
        log, _, journal = side_files(path)
        self._path = path
        self._files = (path, log, journal)
        self._content = content
        self._known: tuple[tuple[Fingerprint, ...], Fault | None] = ((), None)

    def problem(self) -> Fault | None:
        """Return why the schema is not ours, None when it is.

        What is not Launcher's is no problem. None, too, while the database cannot be read:
        `live_problem` says what is wrong then.
        """
        seen = self._fingerprints()
        known, problem = self._known
        if seen and seen == known:
            return problem
        try:
            problem = self._find_problem()
        except (OSError, sqlite3.Error):
            return None
        self._known = (seen, problem) if all(map(is_settled, seen)) else ((), None)
        return problem

    def _fingerprints(self) -> tuple[Fingerprint, ...]:
        """Return those of all files that hold something: each connection makes an empty log."""
        found = map(fingerprint_at, self._files)
        return tuple(each for each in found if each and each[1])

    def _find_problem(self) -> Fault | None:
        content = self._content
        with contextlib.closing(connect_to_look(self._path)) as connection:
            revision = content.revision(connection)
            if revision == content.head:
                return self._difference(connection) or self._unreadable(connection)
        if not revision:
            detail = "it does not say which schema it has"
            return Fault(Reason.LIVE_UNUSABLE, {"name": self._path.name, "detail": detail})
        facts = {"theirs": revision, "version": content.app_version, "ours": content.head}
        is_newer = content.pending(revision) is None
        return Fault(Reason.LIVE_NEWER if is_newer else Reason.LIVE_OLDER, facts)

    def _unreadable(self, connection: sqlite3.Connection) -> Fault | None:
        """Return the first table that SQLite cannot read, by its first page."""
        for each in self._content.expected_schema(self._content.head):
            try:
                if each.type == "table":
                    query = f'SELECT 1 FROM "{each.name}" LIMIT 1'  # noqa: S608 (a name of ours)
                    connection.execute(query).fetchone()
            except sqlite3.DatabaseError as error:
                if primary_code(error) == sqlite3.SQLITE_CORRUPT:
                    detail = f"{each.name}: {error}"
                    facts: dict[str, Fact] = {"name": self._path.name, "detail": detail}
                    return Fault(Reason.LIVE_UNUSABLE, facts)
        return None

    def _difference(self, connection: sqlite3.Connection) -> Fault | None:
        found = read_schema(connection)
        expected = self._content.expected_schema(self._content.head)
        if {each for _, each in found}.issuperset(expected):
            return None
        differences = compare(found, expected)
        if differences.missing:
            return Fault(Reason.LIVE_OBJECT_MISSING, {"name": differences.missing[0]})
        if differences.different:
            return Fault(Reason.LIVE_OBJECT_DIFFERENT, {"name": differences.different[0]})
        return None
