"""What can be done with backups. Doors call these methods and nothing else of the core.

Each method that changes something is one operation: it holds the lock that all processes share,
reports its progress, and ends in one journal line. One that checks a file from outside takes the
lock afterwards, for what it changes. Any of them may raise
`OperationInProgressError` and `StoreUnavailableError`; each names the others.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from launcher.backup.adopt import STAGES_ADOPT, Download, adopt_backup
from launcher.backup.bootstrap import (
    create_database,
    has_history,
    live_revision,
    migrate_database,
)
from launcher.backup.catalogue import Catalogue, doubt_of_latest
from launcher.backup.comparison import plan_restore, version_of
from launcher.backup.create import STAGES as STAGES_CREATE
from launcher.backup.create import create_backup
from launcher.backup.errors import (
    FOUND_BY_A_BACKUP,
    BackupError,
    BackupNotFoundError,
    BackupProtectedError,
    LastGoodBackupError,
    SourceDatabaseError,
    UploadRejectedError,
    VerificationError,
)
from launcher.backup.examine import Checked
from launcher.backup.files import disk_errors, free_bytes, is_folder, remove_left_temporaries
from launcher.backup.journal import Journal
from launcher.backup.operations import Aside, Operation, Operations, ProgressReporter
from launcher.backup.ports import Clock, Content, Gate, OnFinished, OnProgress, Store, utc_now
from launcher.backup.preparing import Choices, Live, prepare_restore, read_live, unpack_restore
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import BEFORE_KINDS, Backup, Encoding, Kind, good_ones
from launcher.backup.records.ids import LATEST, parse_backup_id
from launcher.backup.records.operation import (
    BulkResult,
    JournalEntry,
    Outcome,
    PartFailure,
    Progress,
    Stage,
    Verb,
)
from launcher.backup.records.plan import RestoreOutcome, RestorePlan
from launcher.backup.records.text import clean_note, readable
from launcher.backup.restore import STAGES_PLAN, STAGES_RESTORE, restore_backup
from launcher.backup.retention import RetentionPolicy
from launcher.backup.slots import Claim, Slots, claim_of, is_open
from launcher.backup.sqlite.live import damage_of, live_problem, open_live
from launcher.backup.sqlite.live_schema import LiveSchema
from launcher.backup.sqlite.replace import begin_log, fold_log
from launcher.backup.store.fallback import StoreWithFallback
from launcher.backup.store.local import LocalStore
from launcher.backup.transfer import add_upload, export_database
from launcher.backup.verify import (
    PROVEN,
    ExaminedBefore,
    Examiner,
    ExaminerHere,
    recording_damage,
    remember_proven,
    stage_copy,
    stage_path,
    verify_backup,
    work_folder,
)


class BackupService(Catalogue):
    """Backups of one live database, for any number of processes at once.

    Building it touches nothing on disk but the lock directory, and succeeds whatever state the
    database and the store are in.
    """

    def __init__(
        self,
        *,
        database_path: Path,
        data_dir: Path,
        store: Store,
        content: Content,
        gate: Gate,
        examiner: Examiner | None = None,
        clock: Clock = utc_now,
        on_finished: OnFinished | None = None,
        compress: bool = True,
    ) -> None:
        self._stores = StoreWithFallback(store, LocalStore(data_dir / "fallback"))
        super().__init__(self._stores, journal=Journal(data_dir / "journal.jsonl"), clock=clock)
        self._live = database_path
        self._data_dir = data_dir
        self._content = content
        self._live_schema = LiveSchema(database_path, content=content)
        self._examiner = examiner or ExaminerHere(content)
        self._adopted: tuple[Backup, Checked] | None = None
        self._gate = gate
        self._encoding = Encoding.ZSTD if compress else Encoding.IDENTITY
        self._slots = Slots(data_dir / "schedule.json")
        with contextlib.suppress(OSError):
            (data_dir / "locks").mkdir(mode=0o700, parents=True, exist_ok=True)
        self._operations = Operations(
            data_dir,
            journal=self._journal,
            clock=clock,
            clear=self._clear_debris,
            clear_folder=self._clear_folder,
            on_interrupted=self._after_interruption,
            on_finished=on_finished,
        )

    # --- create and verify ---------------------------------------------------------------

    def create(
        self,
        *,
        by: str,
        kind: Kind = Kind.MANUAL,
        note: str = "",
        protected: bool = False,
        on_progress: OnProgress | None = None,
        operation_id: str = "",
    ) -> Backup:
        """Create a verified backup of the live database. See `create.create_backup`.

        Raises:
            SourceDatabaseError, InsufficientSpaceError
        """
        with self._operations.run(
            Verb.CREATE,
            by=by,
            stages=STAGES_CREATE,
            on_progress=on_progress,
            operation_id=operation_id,
        ) as operation:
            operation.facts["kind"] = kind
            return self._create(
                operation, operation, by=by, kind=kind, note=note, protected=protected
            )

    def create_scheduled(
        self,
        slot: datetime,
        *,
        by: str,
        on_progress: OnProgress | None = None,
        operation_id: str = "",
    ) -> Backup | None:
        """Create the backup of one scheduled slot, at most once.

        The claim is stored outside the database, so a restore neither repeats nor skips it.
        A slot whose backup failed is tried once more, ten minutes later at the earliest.

        Returns:
            The backup, or None when this slot, or a later one, was used.

        Raises:
            SourceDatabaseError, InsufficientSpaceError
        """
        with self._operations.run(
            Verb.CREATE,
            by=by,
            stages=STAGES_CREATE,
            on_progress=on_progress,
            operation_id=operation_id,
        ) as operation:
            last, now = self._slots.last(), self._clock()
            if not is_open(last, slot, now=now) or self._was_created(last, slot):
                operation.is_recorded = False
                return None
            claim = claim_of(last, slot, now=now)
            self._slots.keep(claim)
            operation.facts["kind"] = Kind.SCHEDULED
            operation.facts["slot"] = slot.isoformat()
            backup = self._create(operation, operation, by=by, kind=Kind.SCHEDULED)
            # When the disk is full by now, `_was_created` finds the backup.
            with contextlib.suppress(BackupError):
                self._slots.keep(claim.done())
            return backup

    def _was_created(self, last: Claim | None, slot: datetime) -> bool:
        """Whether an attempt at `slot` created a backup, and was killed before it stored that."""
        if last is None or last.slot != slot:
            return False
        try:
            backups = self.list()
        except BackupError:  # the new attempt fails in the same way, and is counted
            return False
        now = self._clock()
        return any(
            backup.kind is Kind.SCHEDULED and backup.is_good and backup.created_at >= last.at
            for backup in backups
            if not backup.is_from_future(now)
        )

    def is_slot_open(self, slot: datetime) -> bool:
        """Whether `create_scheduled` would use `slot` now. Cheap, and takes no lock."""
        return is_open(self._slots.last(), slot, now=self._clock())

    def last_slot(self) -> datetime | None:
        """Return the newest scheduled slot that was claimed, None when none ever was."""
        claim = self._slots.last()
        return claim.slot if claim else None

    def verify(
        self,
        reference: str,
        *,
        by: str,
        on_progress: OnProgress | None = None,
        operation_id: str = "",
    ) -> Backup:
        """Read a backup again, check it whole, and record its status in its manifest.

        An external file that passes gets a manifest, and becomes a backup like any other.

        Returns:
            The backup with its new status. Damage is a status, not an error.

        Raises:
            BackupNotFoundError, InsufficientSpaceError
            IncompatibleBackupError: not damaged, but created by another version.
        """
        with self._operations.run(
            Verb.VERIFY,
            by=by,
            stages=(Stage.UNPACK,),
            on_progress=on_progress,
            operation_id=operation_id,
            aside=self._aside_for(reference),
        ) as operation:
            backup = self.get(reference)
            operation.about(backup.id)
            return verify_backup(
                operation,
                backup,
                store=self._store,
                examiner=self._examiner,
                clock=self._clock,
            )

    def test_restore(
        self,
        reference: str,
        *,
        by: str,
        on_progress: OnProgress | None = None,
        operation_id: str = "",
    ) -> RestorePlan:
        """Run the whole restore on a temporary copy; the live data is not changed.

        Raises:
            BackupNotFoundError, VerificationError, IncompatibleBackupError,
            InsufficientSpaceError, SourceDatabaseError
        """
        with self._operations.run(
            Verb.TEST_RESTORE,
            by=by,
            stages=STAGES_PLAN,
            on_progress=on_progress,
            operation_id=operation_id,
        ) as operation:
            plan = self._plan(operation, reference, Choices())
            operation.facts["rows"] = {change.table: change.then for change in plan.rows}
            return plan

    def test_restore_of_copy(
        self,
        backup: Backup,
        path: Path,
        *,
        by: str,
        destination: str,
        on_progress: OnProgress | None = None,
    ) -> RestorePlan:
        """Run the whole restore of a copy of a backup on a temporary copy, as `test_restore` does.

        What is found says nothing of the backup here, and changes nothing of it.

        Args:
            backup: what is known of it.
            path: the file as it was stored here, which is only read.
            by: who started it.
            destination: the name of the place that the copy was in, for the history.
            on_progress: called at every stage.

        Raises:
            VerificationError, IncompatibleBackupError, InsufficientSpaceError,
            SourceDatabaseError
        """
        with self._operations.run(
            Verb.TEST_RESTORE, by=by, stages=STAGES_PLAN, on_progress=on_progress
        ) as operation:
            operation.about(backup.id)
            operation.facts["destination"] = destination
            operation.stage(Stage.UNPACK, backup.database.size_bytes if backup.database else 0)
            target = work_folder(operation, self._store) / f"restore-{operation.id}.db"
            with self._examiner.started() as check:
                live = read_live(self._live, content=self._content)
                checked = stage_copy(backup, path, target, check=check, on_bytes=operation.advance)
            plan = self._plan_of(operation, backup, checked, live, Choices(), doubts=())
            operation.facts["rows"] = {change.table: change.then for change in plan.rows}
            return plan

    # --- restore -------------------------------------------------------------------------

    def plan(
        self,
        source: str | Path,
        *,
        by: str,
        keep_schedule: bool = True,
        carry_account: str = "",
        on_progress: OnProgress | None = None,
    ) -> RestorePlan:
        """Return what a restore of `source` (an id, `latest`, or a file) would do.

        Changes nothing, so it runs beside any other operation.

        Raises:
            as `restore`, up to the point where something would change.
        """
        with self._operations.run(
            Verb.PLAN,
            by=by,
            stages=STAGES_PLAN,
            on_progress=on_progress,
            aside=self._aside_for(source) or Aside.OURS,
        ) as operation:
            operation.is_recorded = False
            return self._plan(operation, source, Choices(keep_schedule, carry_account))

    def restore(
        self,
        source: str | Path,
        *,
        by: str,
        keep_schedule: bool = True,
        carry_account: str = "",
        expected_live: str | None = None,
        on_progress: OnProgress | None = None,
        operation_id: str = "",
    ) -> RestoreOutcome:
        """Make the live database hold what `source` holds. See `restore.restore_backup`.

        Args:
            source: an id, `latest`, or the path of a `.db` or `.db.zst` file.
            by: who started it.
            keep_schedule: keep the backup schedule that is set here.
            carry_account: an active admin of the live data to carry over, "" for none.
            expected_live: the `live_version` that the restore was decided on, None for any. It is
                compared before the safety backup, and again at the end where something was written
                meanwhile, when nobody can write.
            on_progress: called at every stage.

        Raises:
            BackupNotFoundError, VerificationError, IncompatibleBackupError,
            UploadRejectedError, InsufficientSpaceError, SourceDatabaseError,
            RestoreError, RevertFailedError
        """
        choices = Choices(keep_schedule, carry_account)
        with self._operations.run(
            Verb.RESTORE,
            by=by,
            stages=STAGES_RESTORE,
            on_progress=on_progress,
            operation_id=operation_id,
            aside=self._aside_for(source),
        ) as operation:
            found = self._source(source)
            name = found.id if isinstance(found, Backup) else found.name
            operation.about(found.id if isinstance(found, Backup) else "")
            operation.facts["source"] = name
            last = self._last_replacement()
            if last and name == last.facts.get("safety_id"):
                operation.facts["undoes"] = last.operation_id
            outcome = restore_backup(
                operation,
                found,
                live_path=self._live,
                store=self._store,
                content=self._content,
                gate=self._gate,
                clock=self._clock,
                choices=choices,
                epoch=secrets.token_hex(16),
                doubts=self._doubts_of(source, found),
                examiner=self._examiner_of(found),
                expected_live=expected_live,
                make_safety=lambda within: self._create(
                    operation,
                    within,
                    by=by,
                    kind=Kind.SAFETY,
                    note=f"Before restoring {name}",
                    before=name,
                ),
            )
            if folder := operation.facts.get("kept_beside"):
                beside = Fault(Reason.SAFETY_BESIDE, {"folder": str(folder)})
                outcome = replace(outcome, warnings=(*outcome.warnings, beside))
            operation.facts["held_s"] = round(outcome.held_s, 3)
            operation.facts["changes_held_s"] = round(outcome.changes_held_s, 3)
            operation.facts["rows"] = {change.table: change.then for change in outcome.plan.rows}
            return outcome

    def undo(self, *, by: str, on_progress: OnProgress | None = None) -> RestoreOutcome:
        """Restore the safety backup of the last restore, schedule included.

        An undo can itself be undone.

        Raises:
            BackupNotFoundError: nothing was restored yet, or its safety backup does not exist.
            and whatever `restore` raises.
        """
        return self.restore(self.undo_id(), by=by, keep_schedule=False, on_progress=on_progress)

    def undo_id(self) -> str:
        """Return the id of the backup that `undo` would restore.

        Raises:
            BackupNotFoundError: there is nothing to undo.
        """
        entry = self._last_replacement()
        if entry is None:
            raise BackupNotFoundError(Reason.NOTHING_RESTORED)
        if safety_id := str(entry.facts.get("safety_id", "")):
            return self.get(safety_id).id
        if raw_copy := entry.facts.get("raw_copy"):
            raise BackupNotFoundError(Reason.DAMAGED_FILES_KEPT, folder=raw_copy)
        raise BackupNotFoundError(Reason.NOTHING_TO_RETURN_TO)

    def _last_replacement(self) -> JournalEntry | None:
        return next((each for each in self._journal.entries() if each.has_replaced_data), None)

    # --- export and import ---------------------------------------------------------------

    def export(
        self, reference: str, target: Path, *, by: str, on_progress: OnProgress | None = None
    ) -> Path:
        """Write the plain database of a backup to a new file, verified byte for byte.

        Args:
            reference: an id, or `latest`.
            target: the new file, or a folder in which it gets its own name.
            by: who started it.
            on_progress: called at every stage.

        Returns:
            The path of the new file.

        Raises:
            BackupNotFoundError, VerificationError
            UploadRejectedError: the target exists.
            StoreUnavailableError: the target cannot be written.
        """
        with self._operations.run(
            Verb.EXPORT,
            by=by,
            stages=(Stage.UNPACK,),
            on_progress=on_progress,
            aside=self._aside_for(reference),
        ) as operation:
            backup = self.get(reference)
            operation.about(backup.id)
            if is_folder(target):
                target = target / f"launcher-{backup.id}.db"
            operation.facts["target"] = str(target)
            operation.stage(Stage.UNPACK)
            export_database(
                operation,
                backup,
                target,
                store=self._store,
                examiner=self._examiner,
                clock=self._clock,
            )
            return target

    def report_damage(self, backup: Backup, damage: VerificationError, *, by: str) -> None:
        """Record that a caller who read the file of a backup found it damaged.

        Waits for no other operation. Where it cannot be recorded, nothing happens.
        """
        with (
            contextlib.suppress(BackupError),
            self._operations.run(Verb.EXPORT, by=by, aside=Aside.OURS) as operation,
            recording_damage(operation, backup, self._store, clock=self._clock, is_exclusive=False),
        ):
            operation.about(backup.id)
            raise damage

    def import_(
        self,
        path: Path,
        *,
        by: str,
        note: str = "",
        on_progress: OnProgress | None = None,
        operation_id: str = "",
    ) -> Backup:
        """Check a foreign file and add it as a backup of kind `upload`.

        Raises:
            UploadRejectedError, IncompatibleBackupError, VerificationError,
            InsufficientSpaceError
        """
        with self._operations.run(
            Verb.UPLOAD,
            by=by,
            stages=(Stage.UNPACK, Stage.COMPRESS, Stage.PUBLISH),
            on_progress=on_progress,
            operation_id=operation_id,
            aside=Aside.OUTSIDE,
        ) as operation:
            operation.facts["source"] = path.name
            if note:
                operation.facts["note"] = clean_note(note)
            self._stores.require_writable()
            operation.stage(Stage.UNPACK)
            with self._examiner.started() as check:
                checked = stage_path(
                    self._not_live(path),
                    work_folder(operation, self._store) / f"upload-{operation.id}.db",
                    check=check,
                    on_bytes=operation.advance,
                )
            return add_upload(
                operation,
                checked,
                store=self._store,
                clock=self._clock,
                by=readable(by),
                note=clean_note(note or path.name),
                encoding=self._encoding,
                application_id=self._content.application_id,
            )

    def adopt(
        self,
        backup_id: str,
        download: Download,
        *,
        by: str,
        source: str = "",
        size_bytes: int = 0,
        is_confirmed: bool = False,
        on_progress: OnProgress | None = None,
        operation_id: str = "",
    ) -> Backup:
        """List a backup whose copy is in another place as the one that it was. See `adopt`.

        One that is here and good already is returned as it is, and nothing is downloaded.

        Args:
            backup_id: its id.
            download: writes the copy. See `adopt.Download`.
            by: who asked.
            source: the name of the place, for the history.
            size_bytes: what is downloaded, 0 when unknown.
            is_confirmed: a key confirms its origin, so one here of unknown origin is not it.
            on_progress: called at every stage.
            operation_id: the id of the operation, a new one by default.

        Raises:
            PlaceUnusableError, NotOpenedError, VerificationError, IncompatibleBackupError,
            CheckStoppedError, InsufficientSpaceError
        """
        with self._operations.run(
            Verb.FETCH,
            by=by,
            stages=STAGES_ADOPT,
            on_progress=on_progress,
            operation_id=operation_id,
            aside=Aside.OUTSIDE,
        ) as operation:
            operation.about(backup_id)
            operation.facts["source"] = source
            self._stores.require_writable()
            return adopt_backup(
                operation,
                parse_backup_id(backup_id),
                download,
                size_bytes=size_bytes,
                is_confirmed=is_confirmed,
                store=self._store,
                examiner=self._examiner,
                clock=self._clock,
                on_checked=self._remember_adopted,
            )

    def _remember_adopted(self, backup: Backup, checked: Checked) -> None:
        self._adopted = (backup, checked)

    # --- protect, delete, prune ----------------------------------------------------------

    def protect(self, reference: str, *, by: str) -> Backup:
        """Exempt a backup from retention and from `delete`.

        Raises:
            BackupNotFoundError
            VerificationError: an external file that was not verified yet.
        """
        return self._change(reference, by=by, verb=Verb.PROTECT, protected=True)

    def unprotect(self, reference: str, *, by: str) -> Backup:
        """Let retention remove a backup again.

        Raises:
            BackupNotFoundError
        """
        return self._change(reference, by=by, verb=Verb.UNPROTECT, protected=False)

    def set_note(self, reference: str, note: str, *, by: str) -> Backup:
        """Change the note of a backup; the history has the one before.

        Raises:
            BackupNotFoundError
            VerificationError: an external file that was not verified yet.
        """
        return self._change(reference, by=by, verb=Verb.NOTE, note=clean_note(note))

    def delete(
        self, references: Sequence[str], *, by: str, may_take_last_good: bool = True
    ) -> BulkResult:
        """Delete backups; a failure is returned and does not stop the rest.

        Args:
            may_take_last_good: False when the caller has said that a good one remains: another
                person may have deleted it since.

        Raises:
            BackupNotFoundError, BackupProtectedError, LastGoodBackupError: before anything is
                deleted.
        """
        with self._operations.run(Verb.DELETE, by=by) as operation:
            found = map(self.get, references)
            backups = list({backup.id: backup for backup in found}.values())
            for backup in backups:
                if backup.protected:
                    raise BackupProtectedError(Reason.PROTECTED, backup_id=backup.id)
            if not may_take_last_good:
                self._require_another_good(backups)
            if len(backups) == 1:
                operation.about(backups[0].id)
            return self._remove(operation, backups)

    def prune(self, policy: RetentionPolicy, *, by: str, zone: tzinfo = UTC) -> BulkResult:
        """Apply retention. A failure is returned and does not stop the rest."""
        with self._operations.run(Verb.PRUNE, by=by, stages=(Stage.PRUNE,)) as operation:
            operation.stage(Stage.PRUNE)
            going = [each.backup for each in self.plan_prune(policy, zone=zone) if not each.keep]
            operation.facts["policy"] = asdict(policy)
            operation.is_recorded = bool(going)
            return self._remove(operation, going)

    # --- progress and history ------------------------------------------------------------

    def journal(
        self,
        *,
        limit: int | None = 100,
        backup_id: str = "",
        verbs: Collection[Verb] = (),
        since: datetime | None = None,
    ) -> Sequence[JournalEntry]:
        """Return the newest journal entries. See `Journal.select`."""
        return self._journal.select(limit=limit, backup_id=backup_id, verbs=verbs, since=since)

    def progress(self) -> Progress | None:
        """Return the progress of the operation that holds the lock, None when none does."""
        return self._operations.running()

    def checks(self) -> Sequence[Progress]:
        """Return the progress of the checks that run beside the lock, plans left out."""
        return [each for each in self._operations.aside() if each.verb is not Verb.PLAN]

    def operation(self, operation_id: str) -> Progress | JournalEntry | None:
        """Return how far an operation is, or how it ended; None when it never began."""
        return self._operations.find(operation_id)

    def ended_since(self, operation_id: str, *, limit: int = 20) -> Sequence[JournalEntry]:
        """Return at most `limit` operations that ended after this one, newest first."""
        return self._operations.ended_since(operation_id, limit=limit)

    def live_problem(self) -> Fault | None:
        """Return what is wrong with the live database, None when nothing is known.

        That is what a few pages show, or what the last attempt to copy all of it found.
        """
        problem = live_problem(self._live, content=self._content)
        is_missing = problem is not None and problem.reason is Reason.LIVE_MISSING
        if is_missing and not has_history(self._live, journal=self._journal, store=self._store):
            return Fault(Reason.LIVE_NOT_MADE)
        return problem or self.schema_problem() or self._found_by_a_backup()

    def live_damage(self, *, deadline_s: float) -> Fault | None:
        """Return what a quick check of all of the live database finds, None for nothing.

        None, too, when that takes longer than `deadline_s`.
        """
        return damage_of(self._live, deadline_s=deadline_s)

    def schema_problem(self) -> Fault | None:
        """Return why the schema of the live database is not ours, and why no upgrade made it so.

        None when it is ours, or cannot be read. Cheap.
        """
        problem = self._live_schema.problem()
        if problem is None or problem.reason is not Reason.LIVE_OLDER:
            return problem
        last = next(iter(self._journal.select(limit=1, verbs={Verb.MIGRATE})), None)
        is_of_now = last is not None and last.facts.get("to") == problem.facts["ours"]
        if last is None or not is_of_now or not (fault := last.fault):
            return problem
        if fault.reason is Reason.NOT_MIGRATED:
            return problem
        if fault.reason is Reason.NOT_UPGRADED:
            return fault
        return Fault(Reason.NOT_UPGRADED, {**problem.facts, "detail": str(fault)})

    def _found_by_a_backup(self) -> Fault | None:
        for entry in self._journal.entries():
            is_backup = entry.verb is Verb.CREATE
            if entry.has_replaced_data or (is_backup and entry.outcome is Outcome.SUCCEEDED):
                return None
            if is_backup and entry.fault and entry.fault.reason in FOUND_BY_A_BACKUP:
                return entry.fault
        return None

    def data_free_bytes(self) -> int | None:
        """Return what is free on the disk of the live data, None where that cannot be known."""
        try:
            return free_bytes(self._data_dir)
        except OSError:
            return None

    def is_on_data_disk(self) -> bool:
        """Whether the backup folder, or where it would be, is on the disk of the live data.

        False where that cannot be known.
        """
        folder = self.store_path
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        try:
            return folder.stat().st_dev == self._data_dir.stat().st_dev
        except OSError:
            return False

    def live_version(self) -> str:
        """Return a short text that differs when the names, admins, passwords, tokens, schedule,
        site name or session epoch of the live data do; "" when it cannot be read.

        Cheap, so that a page can find its plan out of date.

        Raises:
            SourceDatabaseError: it is not damaged, but stays busy.
        """
        return version_of(read_live(self._live, content=self._content, count_rows=False).survey)

    # --- at every start ------------------------------------------------------------------

    def record_interrupted(self) -> None:
        """Record every operation that was killed, at the lock and beside it; those that run go on.

        Cheap when there is none. Where the data directory cannot be written, nothing is recorded.
        """
        self._operations.record_interrupted()

    def recover(self) -> bool:
        """Clear what a killed operation left; return False when one is running instead."""
        return self._operations.recover()

    def initialise(self, *, by: str) -> bool:
        """Create a new, empty database where there is none and never was one.

        Returns:
            Whether one was created; False when there is one already.

        Raises:
            SourceDatabaseError: the database is missing, but there is a history or a backup. An
                empty one would hide the loss.
        """
        if self._live.exists():
            return False
        with self._operations.run(Verb.INITIALISE, by=by) as operation:
            if self._live.exists():  # another process was first
                operation.is_recorded = False
                return False
            if has_history(self._live, journal=self._journal, store=self._store):
                operation.is_recorded = False
                raise SourceDatabaseError(Reason.LIVE_LOST, name=self._live.name)
            with disk_errors("create the database"):
                create_database(self._live, content=self._content, operation_id=operation.id)
            # Pages name the folder, so that a backup can be copied there. A missing one is a
            # problem on the panel, and does not stop the start.
            with contextlib.suppress(BackupError):
                self._store.ensure()
            return True

    def migrate(self, *, by: str, on_progress: OnProgress | None = None) -> Backup | None:
        """Migrate the live database to the schema of this code, behind the gate.

        Afterwards it is in WAL mode, unless that is not possible within a second: a file that was
        put in its place may have another, in which readers wait for a restore.

        A backup of kind `upgrade` is created first, unless the database is empty. When an upgrade
        that failed has left a backup of the very same data, that one serves again.

        Returns:
            That backup, None when none was needed.

        Raises:
            IncompatibleBackupError: a newer Launcher was here; nothing was changed.
            SourceDatabaseError, InsufficientSpaceError
        """
        backup = None
        if live_revision(self._live, content=self._content) != self._content.head:
            with self._operations.run(
                Verb.MIGRATE, by=by, stages=STAGES_CREATE, on_progress=on_progress
            ) as operation:
                backup = migrate_database(
                    operation,
                    self._live,
                    content=self._content,
                    gate=self._gate,
                    make_backup=lambda head: self._create_before_upgrade(operation, head, by=by),
                )
        begin_log(self._live)
        return backup

    # --- parts that several share --------------------------------------------------------

    def _create(
        self,
        operation: Operation,
        report: ProgressReporter,
        *,
        by: str,
        kind: Kind,
        note: str = "",
        before: str = "",
        protected: bool = False,
    ) -> Backup:
        if kind not in BEFORE_KINDS:
            self._stores.require_writable()
        backup = create_backup(
            report,
            live=self._live,
            store=self._store,
            content=self._content,
            clock=self._clock,
            kind=kind,
            by=readable(by),
            note=clean_note(note),
            before=clean_note(before),
            protected=protected,
            encoding=self._encoding,
        )
        assert backup.file is not None  # noqa: S101 (just written)
        operation.facts.setdefault("size_bytes", backup.file.size_bytes)
        remember_proven(operation, backup)
        if self._stores.is_in_fallback(backup):
            operation.facts["kept_beside"] = str(self._data_dir / "fallback")
        return backup

    def _aside_for(self, source: str | Path) -> Aside | None:
        """Return where to check a source: one from outside is checked beside the lock."""
        if isinstance(source, Path):
            return Aside.OUTSIDE
        with contextlib.suppress(BackupError):  # reported when the operation has begun
            if self._store.get(source).file is None:
                return Aside.OUTSIDE
        return None

    def _examiner_of(self, source: Backup | Path) -> Examiner:
        """Return what checks a source before a restore.

        A backup that this process has just adopted was checked then. Its bytes are compared with
        its checksum again while they are unpacked.

        A backup that this installation has created or verified is checked in this process, since
        another one takes as long to start as half a small restore. The checksum in the journal
        proves that it is the same; a manifest can be forged.
        """
        if isinstance(source, Backup) and (database := source.database):
            adopted, checked = self._adopted or (None, None)
            if checked and adopted and (adopted.id, adopted.database) == (source.id, database):
                return ExaminedBefore(checked)
            for entry in self._journal.entries():
                proven = entry.facts.get(PROVEN)
                if isinstance(proven, dict) and proven.get(source.id) == database.sha256:
                    return ExaminerHere(self._content)
        return self._examiner

    def _create_before_upgrade(self, operation: Operation, head: str, *, by: str) -> Backup:
        """Return a backup of the live data; there is only one, however often an upgrade fails."""
        made = self._create(
            operation,
            operation,
            by=by,
            kind=Kind.UPGRADE,
            note=f"Before the upgrade to schema {head}",
            before=head,
        )
        for other in self.list():
            is_same = other.kind is Kind.UPGRADE and other.before == made.before and other.is_good
            if is_same and other.id != made.id and _holds_the_same(other, made):
                self._store.remove(made)
                operation.about(other.id)
                return other
        return made

    def _source(self, source: str | Path) -> Backup | Path:
        return self._not_live(source) if isinstance(source, Path) else self.get(source)

    def _not_live(self, path: Path) -> Path:
        """Return `path`; refuse the live database itself, which only SQLite may open."""
        with contextlib.suppress(OSError):
            if path.samefile(self._live):
                raise UploadRejectedError(Reason.IS_LIVE)
        return path

    def _plan(self, operation: Operation, asked: str | Path, choices: Choices) -> RestorePlan:
        source = self._source(asked)
        operation.about(source.id if isinstance(source, Backup) else "")
        with self._examiner.started() as check:
            live = read_live(self._live, content=self._content, carry_account=choices.carry_account)
            checked = unpack_restore(
                operation, source, store=self._store, check=check, clock=self._clock
            )
        doubts = self._doubts_of(asked, source)
        return self._plan_of(operation, source, checked, live, choices, doubts=doubts)

    def _plan_of(
        self,
        operation: Operation,
        source: Backup | Path,
        checked: Checked,
        live: Live,
        choices: Choices,
        *,
        doubts: tuple[Fault, ...],
    ) -> RestorePlan:
        """Prepare what was unpacked and checked, and compare it with the live data."""
        staged = prepare_restore(
            operation,
            checked,
            live=live,
            content=self._content,
            choices=choices,
            epoch=secrets.token_hex(16),
        )
        return plan_restore(source, staged, live=live, choices=choices, doubts=doubts)

    def _doubts_of(self, asked: str | Path, found: Backup | Path) -> tuple[Fault, ...]:
        """Return what to know of a backup before it is unpacked."""
        doubts: list[Fault] = []
        if isinstance(found, Backup) and asked == LATEST and (doubt := doubt_of_latest(found)):
            doubts.append(doubt)
        if isinstance(found, Backup) and found.is_from_future(self._clock()):
            moment = f"{found.created_at:%Y-%m-%d %H:%M} UTC"
            doubts.append(Fault(Reason.FROM_FUTURE, {"moment": moment}))
        return tuple(doubts)

    def _change(self, reference: str, *, by: str, verb: Verb, **changes: Any) -> Backup:
        with self._operations.run(verb, by=by) as operation:
            backup = self.get(reference)
            operation.about(backup.id)
            if backup.file is None:
                raise VerificationError(Reason.NO_MANIFEST, backup_id=backup.id)
            if verb is Verb.NOTE:
                operation.facts["note_before"] = backup.note
            changed = replace(backup, **changes)
            self._store.update(changed)
            return changed

    def _require_another_good(self, backups: Sequence[Backup]) -> None:
        going = {backup.id for backup in backups}
        good = good_ones(self.list(), now=self._clock())
        if good and all(backup.id in going for backup in good):
            raise LastGoodBackupError(Reason.LAST_GOOD, backup_id=good[0].id)

    def _remove(self, operation: Operation, backups: Sequence[Backup]) -> BulkResult:
        done: list[str] = []
        failed: list[PartFailure] = []
        for backup in backups:
            try:
                self._store.remove(backup)
            except BackupError as error:
                failed.append(PartFailure(backup.id, error.code, error.fault))
            else:
                done.append(backup.id)
        operation.facts["removed"] = done
        operation.facts["failed"] = [failure.backup_id for failure in failed]
        return BulkResult(tuple(done), tuple(failed))

    def _clear_folder(self, name: str) -> None:
        """Remove the folder of an operation beside the lock; only for the holder of its place."""
        for staging in self._stores.stagings:
            shutil.rmtree(staging / name, ignore_errors=True)

    def _clear_debris(self) -> None:
        """Remove unfinished work; only while the operation lock is held."""
        self._store.sweep()
        with contextlib.suppress(OSError):
            for left in self._data_dir.glob(".incoming-*.db*"):
                left.unlink(missing_ok=True)
            remove_left_temporaries(self._data_dir)

    def _after_interruption(
        self, progress: Progress, facts: dict[str, object]
    ) -> dict[str, object]:
        """Return whether a killed restore had replaced the data.

        Its log, which may be as large as the database, is given back to the disk.
        """
        if progress.verb is not Verb.RESTORE:
            return {}
        try:
            with open_live(self._live) as connection:
                epoch = self._content.survey(connection).epoch
        except Exception:  # noqa: BLE001  (anything that is wrong with the data)
            return {"data": "unreadable"}
        fold_log(self._live)
        return {"data": "restored" if epoch == facts.get("epoch") else "unchanged"}


def _holds_the_same(one: Backup, other: Backup) -> bool:
    return bool(one.database and other.database and one.database.sha256 == other.database.sha256)
