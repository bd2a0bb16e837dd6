"""The verbs of the feature. Every door calls these methods, and nothing else of the core.

Each method that changes something is one operation: it holds the lock that all processes share,
tells of its progress, and ends in one journal line. Any of them may raise
`OperationInProgressError` and `StoreUnavailableError`; the others are named where they occur.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from launcher.backup.bootstrap import create_database, has_history, live_revision, migrate_database
from launcher.backup.catalogue import Catalogue
from launcher.backup.create import STAGES as STAGES_CREATE
from launcher.backup.create import create_backup
from launcher.backup.errors import (
    BackupError,
    BackupNotFoundError,
    BackupProtectedError,
    LastGoodBackupError,
    SourceDatabaseError,
    UploadRejectedError,
    VerificationError,
)
from launcher.backup.files import disk_errors
from launcher.backup.journal import Journal
from launcher.backup.operations import NestedProgress, Operation, Operations
from launcher.backup.ports import Clock, Content, Gate, OnFinished, OnProgress, Store, utc_now
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import Backup, Encoding, Kind
from launcher.backup.records.operation import (
    BulkResult,
    JournalEntry,
    PartFailure,
    Progress,
    Stage,
    Verb,
)
from launcher.backup.records.plan import RestoreOutcome, RestorePlan
from launcher.backup.records.text import clean_note, readable
from launcher.backup.restore import (
    STAGES_PLAN,
    STAGES_RESTORE,
    Choices,
    plan_restore,
    read_live,
    restore_backup,
    stage_restore,
    version_of,
)
from launcher.backup.retention import RetentionPolicy
from launcher.backup.slots import Claim, Slots, claim_of, is_open
from launcher.backup.sqlite.live import live_problem, open_live
from launcher.backup.transfer import take_in, write_plain
from launcher.backup.verify import stage_path, verify_backup


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
        clock: Clock = utc_now,
        on_finished: OnFinished | None = None,
        compress: bool = True,
    ) -> None:
        super().__init__(store, clock=clock)
        self._live = database_path
        self._data_dir = data_dir
        self._content = content
        self._gate = gate
        self._encoding = Encoding.ZSTD if compress else Encoding.IDENTITY
        self._journal = Journal(data_dir / "journal.jsonl")
        self._slots = Slots(data_dir / "schedule.json")
        with contextlib.suppress(OSError):
            (data_dir / "locks").mkdir(mode=0o700, parents=True, exist_ok=True)
        self._operations = Operations(
            data_dir,
            journal=self._journal,
            clock=clock,
            clear=self._clear_debris,
            on_interrupted=self._after_interruption,
            on_finished=on_finished,
        )

    # --- make and look -------------------------------------------------------------------

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
        """Make a verified backup of the live database. See `create.create_backup`.

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
        """Make the backup of one scheduled slot, at most once whoever asks how often.

        The claim is remembered outside the database, so a restore neither repeats nor skips it.
        A slot whose backup failed is tried once more, ten minutes later at the earliest.

        Returns:
            The backup, or None when this slot, or a later one, was used before.

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
            if not is_open(last, slot, now=now) or self._was_made(last, slot):
                operation.is_recorded = False
                return None
            claim = claim_of(last, slot, now=now)
            self._slots.keep(claim)
            operation.facts["kind"] = Kind.SCHEDULED
            operation.facts["slot"] = slot.isoformat()
            backup = self._create(operation, operation, by=by, kind=Kind.SCHEDULED)
            # A disk that is full by now loses this word, and `_was_made` finds it out.
            with contextlib.suppress(BackupError):
                self._slots.keep(claim.done())
            return backup

    def _was_made(self, last: Claim | None, slot: datetime) -> bool:
        """Whether an attempt at `slot` came to a backup, and was killed before it said so."""
        if last is None or last.slot != slot:
            return False
        try:
            backups = self._store.list()
        except BackupError:  # the new attempt meets the same trouble, and is counted
            return False
        return any(
            backup.kind is Kind.SCHEDULED and backup.is_good and backup.created_at >= last.at
            for backup in backups
        )

    def is_slot_open(self, slot: datetime) -> bool:
        """Whether `create_scheduled` would begin with `slot` now. Cheap, and takes no lock."""
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
        """Read a backup through, check it whole, and record the verdict in its manifest.

        An external file that passes gets a manifest, and so becomes a backup like any other.

        Returns:
            The backup with its new verdict; `is_good` tells it. A damaged backup is a verdict,
            not an error.

        Raises:
            BackupNotFoundError, InsufficientSpaceError
            IncompatibleBackupError: sound, and made for another Launcher: that is no damage.
        """
        with self._operations.run(
            Verb.VERIFY,
            by=by,
            stages=(Stage.UNPACK,),
            on_progress=on_progress,
            operation_id=operation_id,
        ) as operation:
            backup = self._store.get(reference)
            operation.about(backup.id)
            return verify_backup(
                operation,
                backup,
                store=self._store,
                content=self._content,
                clock=self._clock,
                scratch=self._scratch(operation),
            )

    def test_restore(
        self,
        reference: str,
        *,
        by: str,
        on_progress: OnProgress | None = None,
        operation_id: str = "",
    ) -> RestorePlan:
        """Run a whole restore up to, not including, the replacement, on a scratch copy.

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
            plan = self._plan(operation, self._store.get(reference), Choices())
            operation.facts["rows"] = {change.table: change.then for change in plan.rows}
            return plan

    # --- put back ------------------------------------------------------------------------

    def plan(
        self,
        source: str | Path,
        *,
        by: str,
        keep_schedule: bool = True,
        carry_account: str = "",
        on_progress: OnProgress | None = None,
    ) -> RestorePlan:
        """Say what a restore of `source` (an id, `latest`, or a file) would do; changes nothing.

        Raises:
            as `restore`, up to the point where something would change.
        """
        with self._operations.run(
            Verb.PLAN, by=by, stages=STAGES_PLAN, on_progress=on_progress
        ) as operation:
            operation.is_recorded = False
            return self._plan(
                operation, self._source(source), Choices(keep_schedule, carry_account)
            )

    def restore(
        self,
        source: str | Path,
        *,
        by: str,
        keep_schedule: bool = True,
        carry_account: str = "",
        on_progress: OnProgress | None = None,
        operation_id: str = "",
    ) -> RestoreOutcome:
        """Make the live database hold what `source` holds. See `restore.restore_backup`.

        Args:
            source: an id, `latest`, or the path of a `.db` or `.db.zst` file.
            by: who asked.
            keep_schedule: keep the backup schedule that is set here.
            carry_account: an active admin of today's data to carry over, "" for none.
            on_progress: told of every stage.

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
        ) as operation:
            found = self._source(source)
            name = found.id if isinstance(found, Backup) else found.name
            operation.about(found.id if isinstance(found, Backup) else "")
            operation.facts["source"] = name
            outcome = restore_backup(
                operation,
                found,
                live_path=self._live,
                store=self._store,
                content=self._content,
                gate=self._gate,
                choices=choices,
                epoch=secrets.token_hex(16),
                make_safety=lambda within: self._create(
                    operation,
                    within,
                    by=by,
                    kind=Kind.SAFETY,
                    note=f"Before restoring {name}",
                    before=name,
                ),
            )
            operation.facts["held_s"] = round(outcome.held_s, 3)
            operation.facts["rows"] = {change.table: change.then for change in outcome.plan.rows}
            return outcome

    def undo(self, *, by: str, on_progress: OnProgress | None = None) -> RestoreOutcome:
        """Restore the safety backup of the last restore, schedule included.

        An undo can itself be undone.

        Raises:
            BackupNotFoundError: nothing was restored yet, or its safety backup is gone.
            and whatever `restore` raises.
        """
        return self.restore(self.undo_id(), by=by, keep_schedule=False, on_progress=on_progress)

    def undo_id(self) -> str:
        """Return the id of the backup that `undo` would restore.

        Raises:
            BackupNotFoundError: there is nothing to undo.
        """
        for entry in self._journal.entries():
            if entry.has_replaced_data:
                safety_id = str(entry.facts.get("safety_id", ""))
                if safety_id:
                    return self._store.get(safety_id).id
                if raw_copy := entry.facts.get("raw_copy"):
                    raise BackupNotFoundError(Reason.DAMAGED_FILES_KEPT, folder=raw_copy)
                raise BackupNotFoundError(Reason.NOTHING_TO_RETURN_TO)
        raise BackupNotFoundError(Reason.NOTHING_RESTORED)

    # --- bring in, hand out --------------------------------------------------------------

    def export(
        self, reference: str, target: Path, *, by: str, on_progress: OnProgress | None = None
    ) -> Path:
        """Write the plain database of a backup to a new file, proved byte for byte.

        Args:
            reference: an id, or `latest`.
            target: the new file, or a folder in which it gets its own name.
            by: who asked.
            on_progress: told of every stage.

        Returns:
            The path of the new file.

        Raises:
            BackupNotFoundError, VerificationError
            StoreUnavailableError: the target exists or cannot be written.
        """
        with self._operations.run(
            Verb.EXPORT, by=by, stages=(Stage.UNPACK,), on_progress=on_progress
        ) as operation:
            backup = self._store.get(reference)
            operation.about(backup.id)
            if target.is_dir():
                target = target / f"launcher-{backup.id}.db"
            operation.facts["target"] = str(target)
            operation.stage(Stage.UNPACK)
            write_plain(
                operation,
                backup,
                target,
                store=self._store,
                content=self._content,
                scratch=self._scratch(operation),
            )
            return target

    def import_(
        self,
        path: Path,
        *,
        by: str,
        note: str = "",
        on_progress: OnProgress | None = None,
        operation_id: str = "",
    ) -> Backup:
        """Check a file from outside and take it into the store as a backup of kind `upload`.

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
        ) as operation:
            operation.facts["source"] = path.name
            if note:
                operation.facts["note"] = clean_note(note)
            operation.stage(Stage.UNPACK)
            checked = stage_path(
                self._stranger(path),
                self._scratch(operation),
                content=self._content,
                on_bytes=operation.advance,
            )
            return take_in(
                operation,
                checked,
                store=self._store,
                clock=self._clock,
                by=readable(by),
                note=clean_note(note or path.name),
                encoding=self._encoding,
            )

    # --- keep and let go -----------------------------------------------------------------

    def protect(self, reference: str, *, by: str) -> Backup:
        """Exempt a backup from retention and from `delete`.

        Raises:
            BackupNotFoundError
            VerificationError: an external file has to be verified first.
        """
        return self._set_protected(reference, by=by, verb=Verb.PROTECT, protected=True)

    def unprotect(self, reference: str, *, by: str) -> Backup:
        """Give a backup back to retention.

        Raises:
            BackupNotFoundError
        """
        return self._set_protected(reference, by=by, verb=Verb.UNPROTECT, protected=False)

    def delete(
        self, references: Sequence[str], *, by: str, may_take_last_good: bool = True
    ) -> BulkResult:
        """Delete backups; what fails is told and does not stop the rest.

        Args:
            may_take_last_good: False for who was told that a good one remains. Two people can
                each be told so of the other's.

        Raises:
            BackupNotFoundError, BackupProtectedError, LastGoodBackupError: before anything is
                deleted.
        """
        with self._operations.run(Verb.DELETE, by=by) as operation:
            found = map(self._store.get, references)
            backups = list({backup.id: backup for backup in found}.values())
            for backup in backups:
                if backup.protected:
                    raise BackupProtectedError(Reason.PROTECTED, backup_id=backup.id)
            if not may_take_last_good:
                self._require_good_beside(backups)
            if len(backups) == 1:
                operation.about(backups[0].id)
            return self._remove(operation, backups)

    def prune(self, policy: RetentionPolicy, *, by: str, zone: tzinfo = UTC) -> BulkResult:
        """Apply retention. What fails to be deleted is told and does not stop the rest."""
        with self._operations.run(Verb.PRUNE, by=by, stages=(Stage.PRUNE,)) as operation:
            operation.stage(Stage.PRUNE)
            going = [each.backup for each in self.plan_prune(policy, zone=zone) if not each.keep]
            operation.facts["policy"] = asdict(policy)
            operation.is_recorded = bool(going)
            return self._remove(operation, going)

    # --- what happened -------------------------------------------------------------------

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
        """Return what is being done at this moment, by whichever process; None when idle."""
        return self._operations.running()

    def operation(self, operation_id: str) -> Progress | JournalEntry | None:
        """Return how far an operation is, or how it ended; None when it never began."""
        return self._operations.find(operation_id)

    def ended_since(self, operation_id: str, *, limit: int = 20) -> Sequence[JournalEntry]:
        """Return at most `limit` operations that ended after this one, newest first."""
        return self._operations.ended_since(operation_id, limit=limit)

    def live_problem(self) -> Fault | None:
        """Return what is wrong with the live database, None when it opens and is ours."""
        return live_problem(self._live, content=self._content)

    def live_version(self) -> str:
        """Return a short text that differs when the names, admins, passwords, tokens, schedule,
        site name or session epoch of the live data do; "" when it cannot be read.

        Cheap, so that a page can notice that the plan it shows is out of date.

        Raises:
            SourceDatabaseError: it is sound but stays busy, so nothing can be said of it.
        """
        return version_of(read_live(self._live, content=self._content, count_rows=False).survey)

    # --- at every start ------------------------------------------------------------------

    def recover(self) -> bool:
        """Clear what a killed operation left; return False when one is running instead."""
        return self._operations.recover()

    def initialise(self, *, by: str) -> bool:
        """Make a new, empty database where there is none and never was one.

        Returns:
            Whether one was made; False when there is one already.

        Raises:
            SourceDatabaseError: the database is missing and should not be: there is a history
                or a backup. Making an empty one would hide the loss.
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
            with disk_errors("make the database"):
                create_database(self._live, content=self._content, operation_id=operation.id)
            # Pages name the folder to whoever has a backup to put there. One that is away is told
            # of by the panel, and is no reason not to start.
            with contextlib.suppress(BackupError):
                self._store.ensure()
            return True

    def migrate(self, *, by: str, on_progress: OnProgress | None = None) -> Backup | None:
        """Bring the live database to the schema of this code, behind the gate.

        A backup of kind `upgrade` is made first when there is anything to lose.

        Returns:
            That backup, None when none was needed.

        Raises:
            IncompatibleBackupError: a newer Launcher was here; nothing was changed.
            SourceDatabaseError, InsufficientSpaceError
        """
        if live_revision(self._live, content=self._content) == self._content.head:
            return None
        with self._operations.run(
            Verb.MIGRATE, by=by, stages=STAGES_CREATE, on_progress=on_progress
        ) as operation:
            return migrate_database(
                operation,
                self._live,
                content=self._content,
                gate=self._gate,
                make_backup=lambda head: self._create(
                    operation,
                    operation,
                    by=by,
                    kind=Kind.UPGRADE,
                    note=f"Before the upgrade to schema {head}",
                    before=head,
                ),
            )

    # --- pieces --------------------------------------------------------------------------

    def _create(
        self,
        operation: Operation,
        report: Operation | NestedProgress,
        *,
        by: str,
        kind: Kind,
        note: str = "",
        before: str = "",
        protected: bool = False,
    ) -> Backup:
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
        return backup

    def _source(self, source: str | Path) -> Backup | Path:
        return self._stranger(source) if isinstance(source, Path) else self._store.get(source)

    def _stranger(self, path: Path) -> Path:
        """Refuse the live database itself, which nothing but SQLite may open."""
        with contextlib.suppress(OSError):
            if path.samefile(self._live):
                raise UploadRejectedError(Reason.IS_LIVE)
        return path

    def _plan(self, operation: Operation, source: Backup | Path, choices: Choices) -> RestorePlan:
        operation.about(source.id if isinstance(source, Backup) else "")
        live = read_live(self._live, content=self._content, carry_account=choices.carry_account)
        staged = stage_restore(
            operation,
            source,
            live=live,
            store=self._store,
            content=self._content,
            choices=choices,
            epoch=secrets.token_hex(16),
        )
        return plan_restore(source, staged, live=live, choices=choices)

    def _set_protected(self, reference: str, *, by: str, verb: Verb, protected: bool) -> Backup:
        with self._operations.run(verb, by=by) as operation:
            backup = self._store.get(reference)
            operation.about(backup.id)
            if backup.file is None:
                raise VerificationError(Reason.NO_MANIFEST, backup_id=backup.id)
            changed = replace(backup, protected=protected)
            self._store.update(changed)
            return changed

    def _require_good_beside(self, backups: Sequence[Backup]) -> None:
        going = {backup.id for backup in backups}
        good = [backup for backup in self._store.list() if backup.is_good]
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

    def _scratch(self, operation: Operation) -> Path:
        """Return a name in staging; what is put there is gone when the operation has ended."""
        self._store.ensure()
        return self._store.staging / f"scratch-{operation.id}.db"

    def _clear_debris(self) -> None:
        """Remove unfinished work; only while the operation lock is held."""
        self._store.sweep()
        with contextlib.suppress(OSError):
            for left in self._data_dir.glob(".incoming-*.db*"):
                left.unlink(missing_ok=True)
            for left in self._data_dir.glob(".*.tmp"):
                left.unlink(missing_ok=True)

    def _after_interruption(
        self, progress: Progress, facts: dict[str, object]
    ) -> dict[str, object]:
        """Find out on which side of the replacement a killed restore stopped."""
        if progress.verb is not Verb.RESTORE:
            return {}
        try:
            with open_live(self._live) as connection:
                epoch = self._content.survey(connection).epoch
        except Exception:  # noqa: BLE001  (this is told of the data, whatever is wrong with it)
            return {"data": "unreadable"}
        return {"data": "restored" if epoch == facts.get("epoch") else "unchanged"}
