"""The examination of a database: every check that a restore makes before it writes anything.

`create` examines its own copy; `verify`, a test restore, `import` and `restore` examine what they
unpacked. So what one of them calls good, the others accept.

The order is part of the safety: size before bytes, the schema before anything that evaluates an
expression of the file, SQLite's own checks last.
"""

from __future__ import annotations

import contextlib
import shlex
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher.backup.errors import (
    DatabaseCorruptError,
    IncompatibleBackupError,
    UploadRejectedError,
)
from launcher.backup.files import create_new, discard, disk_errors, require_space
from launcher.backup.ports import Content
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.schema import SchemaObject
from launcher.backup.records.survey import Migration
from launcher.backup.records.text import listed, readable
from launcher.backup.sqlite.copy import integrity_findings, leave_out, open_checked, rewrite
from launcher.backup.sqlite.header import HEADER_BYTES, Header, check_header, parse_header
from launcher.backup.sqlite.rows import dangling_rows, rows_by_table, table_of_broken_rule
from launcher.backup.sqlite.schema import (
    Differences,
    Schema,
    compare,
    drop_statements,
    first_code,
    read_schema,
    statistics,
)


@dataclass(frozen=True, slots=True)
class Checked:
    """A database in staging that passed every check.

    Attributes:
        path: the file, which the caller may change and removes.
        is_own: whether it is a backup of this site, and no file from outside.
        pending: the migrations that it still needs.
        contents: rows by table.
        warnings: what an admin should know, without stopping a restore.
    """

    path: Path
    is_own: bool
    page_size: int
    size_bytes: int
    revision: str
    pending: tuple[Migration, ...]
    contents: Mapping[str, int]
    warnings: tuple[Fault, ...] = ()


def examine(path: Path, *, content: Content, is_own: bool, app_version: str) -> Checked:
    """Check a database in staging that no other program has open, whole.

    A backup of this site is a true copy of its data. Refusing it for what the data was would
    leave an admin with nothing: objects that are not Launcher's are removed from the file, and
    rows that break a rule are let pass; both are warnings. A file from outside is refused for
    them.

    Args:
        path: the file; only what is not Launcher's is changed in it.
        content: the application's knowledge of it.
        is_own: whether it is a backup of this site.
        app_version: the version that made it, "" when that is not known.

    Raises:
        DatabaseCorruptError: it is damaged.
        UploadRejectedError: it is no database, or its schema is not ours.
        IncompatibleBackupError: newer, or another application's.
        InsufficientSpaceError, StoreUnavailableError: there is no room to remove something.
    """
    header = _read_header(path, content=content)
    left_out = remove_foreign(path, content=content) if is_own else ()
    if left_out:
        header = _read_header(path, content=content)
    with open_checked(path) as connection:
        with _other_application_errors(header):
            schema = read_schema(connection)
            if name := first_code(schema):
                _refuse_foreign(schema, content.expected_schema(content.head))
                raise UploadRejectedError(Reason.OBJECT_FOREIGN, name=readable(name))
            revision = revision_of(connection, content)
            pending = _pending(revision, content, app_version=app_version)
            differences = _refuse_foreign(schema, content.expected_schema(revision))
            if differences.foreign:
                name = differences.foreign[0][1].name
                raise UploadRejectedError(Reason.OBJECT_FOREIGN, name=readable(name))
            refuse_changed(differences)
        broken = check_structure(connection)
        if problem := content.problem(connection):
            raise DatabaseCorruptError(Reason.DATABASE_DAMAGED, detail=problem)
        dangling = dangling_rows(connection)
        contents = rows_by_table(connection)
        has_admin = content.has_admin(connection)
    if not is_own:
        _prove_copy(path, size_bytes=header.size_bytes)
    warnings = [
        *left_out,
        *_of_rows(Reason.ROWS_BREAK_RULES, broken, is_own=is_own),
        *_of_rows(Reason.DANGLING_ROWS, dangling, is_own=is_own),
    ]
    if not has_admin:
        warnings.append(Fault(Reason.WITHOUT_ADMIN))
    if header.is_wal and not is_own:
        warnings.append(Fault(Reason.LOG_APART))
    return Checked(
        path=path,
        is_own=is_own,
        page_size=header.page_size,
        size_bytes=header.size_bytes,
        revision=revision,
        pending=pending,
        contents=contents,
        warnings=tuple(warnings),
    )


def _read_header(path: Path, *, content: Content) -> Header:
    with path.open("rb") as file:
        header = parse_header(file.read(HEADER_BYTES))
    size_bytes = path.stat().st_size
    check_header(header, size_bytes=size_bytes, application_id=content.application_id)
    return header


def remove_foreign(path: Path, *, content: Content) -> tuple[Fault, ...]:
    """Remove every object that is not Launcher's from a copy of our own data, for good.

    Only rows of the schema are deleted, so no code of theirs runs and no module of theirs is
    needed. Then the file is written again, without a byte of theirs.

    Returns:
        A warning that names them; none when there was nothing.

    Raises:
        DatabaseCorruptError: the schema cannot be read.
        InsufficientSpaceError, StoreUnavailableError
    """
    with open_checked(path, any_schema=True) as connection:
        differences = differences_from_ours(connection, content=content)
        rowids = statistics(read_schema(connection))  # they hold values of foreign tables, too
    if not differences.foreign:
        return ()
    leave_out(path, {*rowids, *(rowid for rowid, _ in differences.foreign)})
    names = differences.foreign_names
    return (Fault(Reason.LEFT_OUT, {"names": listed(names)}),) if names else ()


def differences_from_ours(connection: sqlite3.Connection, *, content: Content) -> Differences:
    """Compare the schema of a database with ours at the revision that it says it has.

    Where it says none that is known, nothing differs here: `examine` names that.
    """
    revision = revision_of(connection, content)
    if not revision or content.pending(revision) is None:
        return Differences()
    return compare(read_schema(connection), content.expected_schema(revision))


def revision_of(connection: sqlite3.Connection, content: Content) -> str:
    """Return the revision that a database says it has, "" where it says none."""
    try:
        return content.revision(connection)
    except sqlite3.OperationalError:
        return ""


@contextlib.contextmanager
def _other_application_errors(header: Header) -> Iterator[None]:
    """Report a file without our mark as another application's if its schema lacks ours."""
    try:
        yield
    except (IncompatibleBackupError, UploadRejectedError) as error:
        if header.is_unmarked and error.reason is not Reason.OTHERS_INSIDE:
            raise IncompatibleBackupError(Reason.OTHER_APPLICATION) from error
        raise


def _refuse_foreign(schema: Schema, expected: Sequence[SchemaObject]) -> Differences:
    """Refuse a schema that is ours but for what others added; return in what it differs.

    Raises:
        UploadRejectedError: with what was added, and SQL that removes it.
    """
    differences = compare(schema, expected)
    statements = drop_statements(differences.foreign, expected)
    if statements and not (differences.different or differences.missing):
        raise UploadRejectedError(
            Reason.OTHERS_INSIDE,
            names=listed(differences.foreign_names),
            command=f"sqlite3 copy.db {shlex.quote(statements)}",
        )
    return differences


def _pending(revision: str, content: Content, *, app_version: str) -> tuple[Migration, ...]:
    if not revision:
        raise IncompatibleBackupError(Reason.NO_REVISION)
    pending = content.pending(revision)
    if pending is None:
        raise IncompatibleBackupError(
            Reason.NEWER_SCHEMA,
            made_by=app_version,
            theirs=revision,
            version=content.app_version,
            ours=content.head,
        )
    return pending


def refuse_changed(differences: Differences) -> None:
    """Refuse a schema in which an object of ours is missing or altered.

    Raises:
        UploadRejectedError: naming the first one.
    """
    for reason, names in (
        (Reason.OBJECT_DIFFERENT, differences.different),
        (Reason.OBJECT_MISSING, differences.missing),
    ):
        if names:
            raise UploadRejectedError(reason, name=readable(names[0]))


def check_structure(connection: sqlite3.Connection) -> dict[str, int]:
    """Run SQLite's full check; return table → rows that break a rule of the schema.

    Raises:
        DatabaseCorruptError: with the first finding that is anything else.
    """
    broken: dict[str, int] = {}
    for finding in integrity_findings(connection):
        if not (table := table_of_broken_rule(finding)):
            raise DatabaseCorruptError(Reason.DATABASE_DAMAGED, detail=finding)
        broken[table] = broken.get(table, 0) + 1
    return broken


def _prove_copy(path: Path, *, size_bytes: int) -> None:
    """Copy the database as a backup would: what cannot be backed up must never go live."""
    require_space(path.parent, size_bytes, what="checking the copy")
    copy = path.with_name(f"copy-{path.name}")
    try:
        with disk_errors("write a copy"):
            create_new(copy).close()
            rewrite(path, copy)
    finally:
        discard(copy)


def _of_rows(reason: Reason, counts: Mapping[str, int], *, is_own: bool) -> tuple[Fault, ...]:
    if not counts:
        return ()
    tables = ", ".join(f"{table} ({rows})" for table, rows in sorted(counts.items()))
    if not is_own:
        raise DatabaseCorruptError(reason, tables=tables)
    return (Fault(reason, {"tables": tables}),)
