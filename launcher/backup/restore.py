"""Restore a backup, from the first step to the last.

`unpack_restore` checks a copy, `prepare_restore` prepares it, `plan_restore` says what would
happen, and `restore_backup` does it. Everything is checked before anything is written.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path

from launcher.backup.errors import (
    BackupError,
    IncompatibleBackupError,
    NoAdminInsideError,
    NotTakenError,
    RestoreError,
    SourceDatabaseError,
)
from launcher.backup.examine import (
    Checked,
    check_structure,
    differences_from_ours,
)
from launcher.backup.files import create_new, disk_errors, require_space
from launcher.backup.operations import Operation, ProgressReporter
from launcher.backup.ports import Clock, Content, Gate, Store
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import Backup
from launcher.backup.records.operation import Stage, Verb
from launcher.backup.records.plan import (
    FieldChange,
    NameChange,
    RestoreOutcome,
    RestorePlan,
    RowChange,
    ThingChange,
)
from launcher.backup.records.survey import Survey
from launcher.backup.records.text import listed
from launcher.backup.replacement import FileReplacement, InPlace
from launcher.backup.safety import Safety
from launcher.backup.sqlite.copy import open_checked, open_staged, rewrite
from launcher.backup.sqlite.header import mark_as_ours
from launcher.backup.sqlite.live import (
    live_problem,
    open_live,
    page_size_of,
    used_bytes,
    watch_writes,
)
from launcher.backup.sqlite.schema import Differences
from launcher.backup.verify import (
    Examine,
    Examiner,
    recording_damage,
    stage_backup,
    stage_path,
    work_folder,
)

STAGES_PLAN = (Stage.UNPACK, Stage.PREPARE)
STAGES_RESTORE = (*STAGES_PLAN, Stage.SAFETY, Stage.REPLACE, Stage.CONFIRM)

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
    """

    path: Path
    problem: Fault | None
    is_broken: bool
    survey: Survey | None
    account: Mapping[str, object] | None
    foreign: tuple[str, ...] = ()


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
    return Live(path, None, False, survey, account, differences.foreign_names)


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


def plan_restore(
    source: Backup | Path,
    staged: Staged,
    *,
    live: Live,
    choices: Choices,
    doubts: tuple[Fault, ...] = (),
) -> RestorePlan:
    """Return what replacing `live` with `staged` would do; `doubts` are among its warnings."""
    then = staged.survey
    now = live.survey
    backup = source if isinstance(source, Backup) else None
    return RestorePlan(
        source=backup.id if backup else str(source),
        backup_id=backup.id if backup else "",
        created_at=backup.created_at if backup else None,
        schema_revision=staged.checked.revision,
        app_version=backup.app_version if backup else "",
        database_size_bytes=staged.checked.size_bytes,
        live_readable=now is not None,
        live_problem=live.problem,
        rows=tuple(
            RowChange(table, now.rows.get(table, 0) if now else None, rows)
            for table, rows in sorted(then.rows.items())
        ),
        names=tuple(_name_changes(now, then)) if now else (),
        migrations=staged.checked.pending,
        schedule_now=now.schedule if now else None,
        schedule_then=then.schedule,
        keep_schedule=bool(now and now.schedule and choices.keep_schedule),
        signed_out=now.names.get("user", ()) if now else (),
        password_changes=_password_changes(now, then) if now else (),
        tokens_lost=_tokens_only_in(now, then) if now else (),
        tokens_restored=_tokens_only_in(then, now) if now else (),
        admins=then.admins,
        admins_restored=tuple(sorted({*then.admins} - {*now.admins})) if now else (),
        site_name_now=now.site_name if now else "",
        site_name_then=then.site_name,
        carried_account=choices.carry_account,
        # An admin is inside by now, be it one that was carried over.
        warnings=(
            *doubts,
            *([Fault(Reason.WILL_GO, {"names": listed(live.foreign)})] if live.foreign else []),
            *(each for each in staged.checked.warnings if each.reason is not Reason.WITHOUT_ADMIN),
        ),
        live_version=version_of(now),
        newest_at=then.newest_at,
    )


def version_of(now: Survey | None) -> str:
    """Return a short text that differs when the survey does, "" for data that cannot be read.

    The number of rows and the newest entry are left out: they change with every sign-in.
    """
    if now is None:
        return ""
    compared = {
        field.name: getattr(now, field.name)
        for field in fields(now)
        if field.name not in {"rows", "newest_at"}
    }
    # `repr`, not JSON: a damaged row may hold bytes.
    canonical = {
        name: sorted(map(repr, value.items())) if isinstance(value, Mapping) else value
        for name, value in compared.items()
    }
    return hashlib.sha256(repr(canonical).encode()).hexdigest()[:16]


_SecretsOfThings = Mapping[str, Mapping[str, Mapping[str, str]]]


def _name_changes(now: Survey, then: Survey) -> list[NameChange]:
    changes = []
    kinds = now.names.keys() | then.names.keys() | now.values.keys() | then.values.keys()
    for kind in sorted(kinds):
        changed = _thing_changes(
            now.values.get(kind, {}),
            then.values.get(kind, {}),
            (now.secrets.get(kind, {}), then.secrets.get(kind, {})),
        )
        renamed = [each for thing in changed for each in thing.fields if each.field == "name"]
        names_now, names_then = set(now.names.get(kind, ())), set(then.names.get(kind, ()))
        vanish = names_now - names_then - {each.now for each in renamed}
        appear = names_then - names_now - {each.then for each in renamed}
        changes.append(NameChange(kind, tuple(sorted(appear)), tuple(sorted(vanish)), changed))
    return changes


def _thing_changes(
    now: Mapping[str, Mapping[str, str]],
    then: Mapping[str, Mapping[str, str]],
    secrets: tuple[_SecretsOfThings, _SecretsOfThings],
) -> tuple[ThingChange, ...]:
    changed = []
    for key in now.keys() & then.keys():
        fields_ = [
            FieldChange(name, now[key].get(name, ""), then[key].get(name, ""))
            for name in {**now[key], **then[key]}
            if now[key].get(name, "") != then[key].get(name, "")
        ]
        fields_ += _replaced(*(side.get(key, {}) for side in secrets))
        if fields_:
            changed.append(ThingChange(now[key].get("name", key), tuple(fields_)))
    return tuple(sorted(changed, key=lambda thing: thing.name))


def _replaced(
    now: Mapping[str, Mapping[str, str]], then: Mapping[str, Mapping[str, str]]
) -> Iterator[FieldChange]:
    """Yield the fields with secrets that are on both sides and differ: their names, no value."""
    for name in now.keys() & then.keys():
        both = now[name].keys() & then[name].keys()
        if replaced := sorted(each for each in both if now[name][each] != then[name][each]):
            yield FieldChange(name, "\n".join(replaced), "\n".join(replaced))


def _password_changes(now: Survey, then: Survey) -> tuple[str, ...]:
    return tuple(
        sorted(
            name
            for name, version in then.password_versions.items()
            if now.password_versions.get(name, version) != version
        )
    )


def _tokens_only_in(one: Survey, other: Survey) -> tuple[str, ...]:
    return tuple(
        sorted(name for key, name in one.api_tokens.items() if key not in other.api_tokens)
    )


def restore_backup(
    operation: Operation,
    source: Backup | Path,
    *,
    live_path: Path,
    store: Store,
    content: Content,
    gate: Gate,
    clock: Clock,
    choices: Choices,
    epoch: str,
    doubts: tuple[Fault, ...],
    examiner: Examiner,
    make_safety: Callable[[ProgressReporter], Backup],
    expected_live: str | None = None,
) -> RestoreOutcome:
    """Make the live database hold what a backup holds, all of it or nothing.

    1. Check the backup and prepare a copy of it; refuse before anything is touched.
    2. Plan: compare with the live data.
    3. Create a safety backup of the live data, beside the first two; when it cannot be read, its
       files are kept.
    4. Hold those who write. Take the write lock of the live database. If anything was written since
       the safety backup, it is created again, so that an undo loses nothing.
    5. Replace: one transaction in the live database, which a killed process cannot tear. Requests
       that read continue with the old data; the gate is closed for the commit alone.
    6. Confirm on a snapshot of that commit: structure, and no fewer rows in any table than planned.
       If not, the old data is put back in the same way.
    7. Fold the log into the database file, and let those who write continue. The new epoch ends all
       earlier sessions.

    A database that cannot take a transaction is replaced as a file, behind the closed gate.

    Holds on failure: the live database holds exactly what it held. Costs free disk of about
    three times the raw size. Not promised: programs that open the database without the gate may
    see their transactions refused, and must be closed when the live file is damaged.

    The caller holds the operation lock, or this takes it after the first half of step 1.

    Raises:
        SourceDatabaseError: the live database stays busy.
        RestoreError: the live data has another version than `expected_live`, or a later step
            failed; the live data is unchanged, or was put back.
        RevertFailedError: it could not be put back; the facts say where it is.
        and whatever `unpack_restore` and `prepare_restore` raise.
    """
    started = time.monotonic()
    read = partial(read_live, live_path, content=content, carry_account=choices.carry_account)
    require_unchanged = partial(_require_version, live_path, expected_live, content=content)
    changes_held_s = 0.0
    replacement: InPlace | FileReplacement | None = None
    try:
        with contextlib.ExitStack() as watch:
            safety = watch.enter_context(Safety(operation, make_safety, store=store))
            has_new_writes = _no_writes

            def begin_safety() -> None:
                nonlocal has_new_writes
                if not live.is_broken:
                    has_new_writes = watch.enter_context(watch_writes(live_path))
                    require_unchanged()
                    safety.begin()

            with examiner.started() as check:
                live = read()
                _require_room(source, live=live, store=store)
                if not operation.folder:
                    begin_safety()
                checked = unpack_restore(operation, source, store=store, check=check, clock=clock)
            if operation.become_exclusive():  # before, the live data may have changed
                live = read()
                begin_safety()
            staged = prepare_restore(
                operation, checked, live=live, content=content, choices=choices, epoch=epoch
            )
            plan = plan_restore(source, staged, live=live, choices=choices, doubts=doubts)
            operation.facts["epoch"] = epoch
            if has_new_writes():
                require_unchanged()
            if damage := _damage_found(safety):
                plan = replace(plan, live_problem=damage)
            operation.facts["safety_id"] = safety.backup.id if safety.backup else ""
            if safety.backup:
                replacement = InPlace(
                    operation,
                    live_path,
                    store=store,
                    gate=gate,
                    safety=safety,
                    has_new_writes=has_new_writes,
                    require_unchanged=require_unchanged,
                )
                with gate.writers_held() as hold:
                    if not _replace_in_place(operation, replacement, staged):
                        replacement = None
                changes_held_s = hold.longest_s
        if replacement is None:  # no connection is open to the file
            replacement = FileReplacement(operation, live_path)
            with gate.closed() as hold:
                _replace_and_confirm(operation, replacement, staged)
            replacement.held_s = changes_held_s = hold.longest_s
    except TimeoutError as error:
        raise RestoreError(Reason.HELD_UP, detail=error) from error
    except OSError as error:
        raise RestoreError(Reason.STOPPED, detail=error) from error
    return RestoreOutcome(
        operation_id=operation.id,
        plan=plan,
        safety_id=safety.backup.id if safety.backup else "",
        raw_copy_path=replacement.raw_copy_path,
        replaced_file=isinstance(replacement, FileReplacement),
        held_s=replacement.held_s,
        changes_held_s=changes_held_s,
        duration_s=time.monotonic() - started,
        warnings=(*plan.warnings, *replacement.warnings),
    )


def _require_version(live_path: Path, expected: str | None, *, content: Content) -> None:
    if expected is None:
        return
    if version_of(read_live(live_path, content=content, count_rows=False).survey) != expected:
        raise RestoreError(Reason.LIVE_CHANGED)


def _no_writes() -> bool:
    return False


def _damage_found(safety: Safety) -> Fault | None:
    """Wait for the safety backup; return what is wrong with live data that cannot be backed up.

    Raises:
        SourceDatabaseError: the live database stays busy.
        InsufficientSpaceError, StoreUnavailableError
    """
    try:
        safety.finish()
    except SourceDatabaseError as error:
        if not error.is_damaged:
            raise
        return error.fault
    return None


def _replace_in_place(operation: Operation, replacement: InPlace, staged: Staged) -> bool:
    """Replace the live data and confirm it; return False when only a new file will do.

    A damaged header can let a database be read and not be written.

    Raises:
        TimeoutError, BackupError: the live database holds what it held.
    """
    try:
        _replace_and_confirm(operation, replacement, staged)
    except NotTakenError:
        return False
    return True


def _replace_and_confirm(
    operation: Operation, replacement: InPlace | FileReplacement, staged: Staged
) -> None:
    """Replace the live data and confirm it, or revert.

    Raises:
        TimeoutError, BackupError: the live database holds what it held.
    """
    operation.stage(Stage.REPLACE, staged.path.stat().st_size)
    try:
        replacement.replace(staged.path)
    except (BackupError, TimeoutError):
        raise  # nothing was changed
    except BaseException as error:
        # Ctrl-C, or a failure of `on_progress`: possibly just after the commit.
        _revert(operation, replacement, f"the restore was stopped ({error!r})")
        raise
    try:
        operation.stage(Stage.CONFIRM)
        problem = replacement.confirm(rows=staged.survey.rows)
    except BaseException as error:
        _revert(operation, replacement, f"the restore was stopped ({error!r})")
        raise
    if problem:
        _revert(operation, replacement, f"the restored data did not pass its check ({problem})")
        if seen_s := replacement.visible_s:
            seen_ms = math.ceil(seen_s * 1000)
            raise RestoreError(Reason.NOT_CONFIRMED_SEEN, detail=problem, visible_ms=seen_ms)
        raise RestoreError(Reason.NOT_CONFIRMED, detail=problem)
    replacement.settle()


def _revert(operation: Operation, replacement: InPlace | FileReplacement, problem: str) -> None:
    replacement.revert(problem)
    if replacement.visible_s:
        operation.facts["visible_s"] = round(replacement.visible_s, 3)


def _require_room(source: Backup | Path, *, live: Live, store: Store) -> None:
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
