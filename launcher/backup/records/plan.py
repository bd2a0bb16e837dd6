"""What a restore would do, and what it did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from launcher.backup.reasons import Fault
from launcher.backup.records.survey import Migration, Schedule


@dataclass(frozen=True, slots=True)
class RowChange:
    """How many rows a table has now and would have afterwards; `now` is None if unreadable."""

    table: str
    now: int | None
    then: int


@dataclass(frozen=True, slots=True)
class FieldChange:
    """What is set of one thing now and what would be afterwards.

    Of secrets both are the names of those that differ: no value of them is in a plan.
    """

    field: str
    now: str
    then: str


@dataclass(frozen=True, slots=True)
class ThingChange:
    """A thing that is there now and afterwards, with other values. `name` is that of now."""

    name: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class NameChange:
    """The things of one kind that a restore adds, removes and changes; a new name is a change.

    A kind that has no names, like the settings of a site, is only changed.
    """

    kind: str
    appear: tuple[str, ...]
    vanish: tuple[str, ...]
    changed: tuple[ThingChange, ...] = ()


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """What a restore would do, as data: the page and the command show the same one.

    Attributes:
        source: the id, or the file name, of what would be restored.
        created_at: when that backup was made, None for a bare file.
        live_readable: False when the live database is damaged or missing; then its files are kept
            in place of a safety backup.
        live_problem: what is wrong with it, None when nothing is.
        live_has_log: whether it is in WAL mode, so that requests which read go on meanwhile.
        migrations: steps that were run on the staged copy; empty when the schema is ours.
        schedule_now, schedule_then: the backup schedule before and after; `schedule_then`
            already respects `keep_schedule`.
        signed_out: names of the users whose sessions end (every one).
        password_changes: users who exist on both sides with different passwords.
        tokens_lost: API tokens that stop working.
        tokens_restored: API tokens that work afterwards and do not now. A risk.
        admins: active admins afterwards; never empty.
        admins_restored: those among them who are no active admins now. A risk.
        carried_account: the account carried over from the live data, or "".
        warnings: what an admin should know before confirming.
        live_version: `BackupService.live_version` when this was made; once that differs, the plan
            is out of date.
        newest_at: the time of the newest entry in the backup, as it is written there; "" for none.
    """

    source: str
    backup_id: str
    created_at: datetime | None
    schema_revision: str
    app_version: str
    database_size_bytes: int
    live_readable: bool
    live_problem: Fault | None
    live_has_log: bool
    rows: tuple[RowChange, ...]
    names: tuple[NameChange, ...]
    migrations: tuple[Migration, ...]
    schedule_now: Schedule | None
    schedule_then: Schedule | None
    keep_schedule: bool
    signed_out: tuple[str, ...]
    password_changes: tuple[str, ...]
    tokens_lost: tuple[str, ...]
    admins: tuple[str, ...]
    site_name_now: str
    site_name_then: str
    carried_account: str = ""
    warnings: tuple[Fault, ...] = ()
    live_version: str = ""
    newest_at: str = ""
    tokens_restored: tuple[str, ...] = ()
    admins_restored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RestoreOutcome:
    """A finished restore.

    Attributes:
        safety_id: the safety backup, "" when the live data could not be read.
        raw_copy_path: the folder with the damaged files as they were, when there was one.
        replaced_file: True when the file itself had to be replaced (damaged or missing).
        held_s: the longest that a request which reads can have waited, in seconds.
        changes_held_s: the same of a request that writes.
        duration_s: the whole operation, in seconds.
    """

    operation_id: str
    plan: RestorePlan
    safety_id: str
    raw_copy_path: Path | None
    replaced_file: bool
    held_s: float
    changes_held_s: float
    duration_s: float
    warnings: tuple[Fault, ...] = ()
