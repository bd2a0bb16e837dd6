"""Read the live data, and prepare a backup to replace it.

Everything is checked before anything is written; the live data is only read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from launcher.backup.errors import (
    BackupError,
    IncompatibleBackupError,
    NoAdminInsideError,
    RestoreError,
    SourceDatabaseError,
)
from launcher.backup.examine import (
    Checked,
    check_structure,
    differences_from_ours,
)
from launcher.backup.files import create_new, disk_errors, require_space
from launcher.backup.operations import Operation
from launcher.backup.ports import Clock, Content, Store
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import Backup
from launcher.backup.records.operation import Stage, Verb
from launcher.backup.records.survey import Survey
from launcher.backup.sqlite.copy import open_checked, open_staged, rewrite
from launcher.backup.sqlite.header import mark_as_ours
from launcher.backup.sqlite.live import (
    live_problem,
    open_live,
    page_size_of,
    used_bytes,
)
from launcher.backup.sqlite.replace import has_log
from launcher.backup.sqlite.schema import Differences
from launcher.backup.verify import (
    Examine,
    recording_damage,
    stage_backup,
    stage_path,
    work_folder,
)

_SPARE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Choices:
    """What the admin may choose about a restore.

    Attributes:
        keep_schedule: keep the backup schedule set here instead of the backup's.
        carry_account: name of an active admin of the live data to carry into the restored data,
            for a backup that has no admin of its own; "" for none.
    """

    keep_schedule: bool = True
    carry_account: str = ""


@dataclass(frozen=True, slots=True)
class Live:
    """The live data as it is now.

    Attributes:
        problem: what is wrong with it, None when nothing is.
        is_broken: whether the file is missing or no database of ours, so that it cannot be read
            or take a transaction.
        survey: what it holds, None when that cannot be read.
        account: the account to carry over, None when there is none.
        foreign: names of objects that Launcher did not create; no backup holds them.
        has_log: whether it can be read, and is in WAL mode.
    """

    path: Path
    problem: Fault | None
    is_broken: bool
    survey: Survey | None
    account: Mapping[str, object] | None
    foreign: tuple[str, ...] = ()
    has_log: bool = False


@dataclass(frozen=True, slots=True)
class Staged:
    """A database in staging that is ready to go live.

    Attributes:
        path: the file; checked, at our schema, with our page size.
        survey: what it holds, and so what the live database must hold afterwards.
        epoch: the session epoch written into it.
    """

    path: Path
    checked: Checked
    survey: Survey
    epoch: str


def read_live(
    path: Path, *, content: Content, carry_account: str = "", count_rows: bool = True
) -> Live:
    """Read the live data; damage is part of the answer, not an error.

    Args:
        path: the live database.
        content: the application's knowledge of it.
        carry_account: an active admin whose account to read as well, "" for none.
        count_rows: False where neither the rows of the survey nor `foreign` are needed.

    Raises:
        SourceDatabaseError: it is not damaged, but stays busy.
    """
    problem = live_problem(path, content=content)
    if problem:
        return Live(path, problem, True, None, None)
    try:
        with open_live(path) as connection:
            survey = content.survey(connection, count_rows=count_rows)
            account = content.account(connection, carry_account) if carry_account else None
            differences = (
                differences_from_ours(connection, content=content) if count_rows else Differences()
            )
    except SourceDatabaseError as error:
        if not error.is_damaged:
            raise
        return Live(path, error.fault, False, None, None)
    except Exception as error:  # noqa: BLE001  (rows that no code of ours would have left)
        problem = Fault(Reason.LIVE_CONTENT, {"name": path.name, "detail": str(error)})
        return Live(path, problem, False, None, None)
    return Live(path, None, False, survey, account, differences.foreign_names, has_log(path))


def unpack_restore(
    operation: Operation, source: Backup | Path, *, store: Store, check: Examine, clock: Clock
) -> Checked:
    """Unpack a backup into staging; verify its bytes, its schema and its structure.

    Holds on failure: only staging was touched, and damage is recorded.

    Raises:
        VerificationError, UploadRejectedError: it is damaged or not acceptable.
        IncompatibleBackupError: newer, or another application's.
        CheckStoppedError, InsufficientSpaceError, StoreUnavailableError
    """
    path = work_folder(operation, store) / f"restore-{operation.id}.db"
    operation.stage(Stage.UNPACK, _raw_bytes(source))
    if isinstance(source, Path):
        return stage_path(source, path, check=check, on_bytes=operation.advance)
    is_exclusive = operation.progress.verb is not Verb.PLAN
    with recording_damage(operation, source, store, clock=clock, is_exclusive=is_exclusive):
        return stage_backup(source, store, path, check=check, on_bytes=operation.advance)


def prepare_restore(
    operation: Operation,
    checked: Checked,
    *,
    live: Live,
    content: Content,
    choices: Choices,
    epoch: str,
) -> Staged:
    """Prepare a checked copy of a backup to go live.

    1. Migrate an older schema to ours.
    2. Give it the page size of the live database.
    3. Write the session epoch, the schedule that is kept, the account that is carried; in a file
       from outside, replace values that the application never writes, and remove API tokens that
       are not valid here.
    4. Check that an active admin can sign in afterwards.

    Holds on failure: only staging was touched.

    Raises:
        NoAdminInsideError: it has no active admin.
        RestoreError: a migration failed, or the application cannot read the rows.
        InsufficientSpaceError, StoreUnavailableError
    """
    operation.stage(Stage.PREPARE)
    with disk_errors("write the copy"):
        mark_as_ours(checked.path, application_id=content.application_id)
    path = checked.path
    if checked.pending:
        require_space(path.parent, checked.size_bytes, what="migrating the copy")
        with _unfit_errors("migrated"):
            content.migrate(path)
    path = _rewritten(checked, live=live)
    with _unfit_errors("prepared"), open_staged(path) as connection:
        replaced = content.prepare(
            connection,
            epoch=epoch,
            schedule=live.survey.schedule if live.survey and choices.keep_schedule else None,
            account=_carried(live, choices),
            is_own=checked.is_own,
            known_tokens=live.survey.api_tokens.keys() if live.survey else (),
        )
    with _unfit_errors("read"), open_checked(path) as connection:
        if checked.pending:
            check_structure(connection)
        survey = content.survey(connection)
    if not survey.admins:
        raise NoAdminInsideError(Reason.NO_ADMIN)
    checked = replace(checked, warnings=(*checked.warnings, *replaced))
    return Staged(path=path, checked=checked, survey=survey, epoch=epoch)


def _raw_bytes(source: Backup | Path) -> int:
    return source.database.size_bytes if isinstance(source, Backup) and source.database else 0


@contextlib.contextmanager
def _unfit_errors(deed: str) -> Iterator[None]:
    """Translate what the application raises about rows that passed every check.

    Raises:
        RestoreError: for anything but a `BackupError`.
    """
    try:
        yield
    except BackupError:
        raise
    except Exception as error:
        raise RestoreError(Reason.UNFIT, deed=deed, detail=error) from error


def _file_bytes(source: Backup | Path) -> int:
    try:
        return source.lstat().st_size if isinstance(source, Path) else 0
    except OSError:
        return 0  # opening the file reports what is wrong


def _carried(live: Live, choices: Choices) -> Mapping[str, object] | None:
    if not choices.carry_account:
        return None
    if live.account is None:
        raise IncompatibleBackupError(Reason.NOT_CARRIED, name=choices.carry_account)
    return live.account


def _rewritten(checked: Checked, *, live: Live) -> Path:
    """Return the path, or that of a copy with the page size of a live database: it takes no other.

    What a migration left is copied in any case: what cannot be backed up must never go live.
    """
    page_size = _page_size(live)
    path = checked.path
    if not checked.pending and page_size in {None, checked.page_size}:
        return path
    require_space(path.parent, path.stat().st_size, what="writing the copy")
    rewritten = path.with_name(f"rewritten-{path.name}")
    with disk_errors("rewrite the copy"):
        create_new(rewritten).close()
    rewrite(path, rewritten, page_size=page_size)
    path.unlink()
    return rewritten


def _page_size(live: Live) -> int | None:
    """Return the page size of the live database, None when it is to be replaced as a file."""
    if live.is_broken:
        return None
    try:
        return page_size_of(live.path)
    except SourceDatabaseError as error:
        if not error.is_damaged:
            raise
        return None


def require_room(source: Backup | Path, *, live: Live, store: Store) -> None:
    """Refuse when the disks cannot hold the staged copy, the safety backup and the log."""
    staged_bytes = _raw_bytes(source) or _file_bytes(source)
    live_bytes = 0 if live.problem else used_bytes(live.path)
    in_store = staged_bytes + live_bytes * 3 // 2 + _SPARE_BYTES
    # The new data passes through the log, and the file grows to hold it.
    beside_live = staged_bytes + max(0, staged_bytes - live_bytes) + _SPARE_BYTES
    with disk_errors("check the space on the disk"):
        store.ensure()
        if store.staging.stat().st_dev == live.path.parent.stat().st_dev:
            require_space(store.staging, in_store + beside_live, what="the restore")
        else:
            require_space(store.staging, in_store, what="the restore")
            require_space(live.path.parent, beside_live, what="the restore")
