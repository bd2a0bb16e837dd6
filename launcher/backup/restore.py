"""Restore a backup, from the first step to the last.

`preparing` checks and prepares a copy of it, `comparison` says what would change, `replacement` and
`safety` do it and can undo it.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from launcher.backup.comparison import plan_restore, version_of
from launcher.backup.errors import (
    BackupError,
    NotTakenError,
    RestoreError,
    SourceDatabaseError,
)
from launcher.backup.operations import Operation, ProgressReporter
from launcher.backup.ports import Clock, Content, Gate, Store
from launcher.backup.preparing import (
    Choices,
    Staged,
    prepare_restore,
    read_live,
    require_room,
    unpack_restore,
)
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import Backup
from launcher.backup.records.operation import Stage
from launcher.backup.records.plan import (
    RestoreOutcome,
)
from launcher.backup.replacement import FileReplacement, InPlace
from launcher.backup.safety import Safety
from launcher.backup.sqlite.live import (
    watch_writes,
)
from launcher.backup.verify import (
    Examiner,
)

STAGES_PLAN = (Stage.UNPACK, Stage.PREPARE)
STAGES_RESTORE = (*STAGES_PLAN, Stage.SAFETY, Stage.REPLACE, Stage.CONFIRM)


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

    A database without a log is replaced in one transaction too, behind the closed gate.

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
                require_room(source, live=live, store=store)
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
            operation.hold_readers()
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
    if replacement.holds_readers():
        operation.hold_readers()
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
