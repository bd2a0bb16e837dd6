"""A panel that is made up, in which each component has something to show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from launcher.backup.records.backup import (
    Backup,
    DatabaseFacts,
    Encoding,
    Kind,
    Listing,
    State,
    StoredFile,
    Verification,
)
from launcher.backup.records.ids import new_backup_id
from launcher.backup.records.operation import JournalEntry, Outcome, Progress, Stage, Verb
from launcher.monitoring.problems import Findings, Problem, ProblemKind, Severity
from launcher.monitoring.snapshot import Snapshot, Space
from launcher.settings.table import SiteSettings
from launcher.web.admin.backups.operation_row import ProgressRow
from launcher.web.admin.backups.table import PAGE_SIZE, ListQuery, Sheet
from launcher.web.admin.backups.timeline import draw

_ID = "0" * 16


class StillRow(ProgressRow):
    """The row of an operation that stays as it is."""

    @property
    def poll_s(self) -> int:
        """Never, in practice."""
        return 10**6


def sample_panel(site: SiteSettings, *, now: datetime) -> Mapping[str, object]:
    """Return the context of the panel's templates, none of it real."""
    snapshot = _snapshot(site, now)
    backups = snapshot.listing.backups if snapshot.listing else ()
    return {
        "is_sample": True,
        "asked": ListQuery(page=2),
        "findings": Findings(_problems(now)),
        "now": now,
        "operation_row": StillRow(_running(now), seen=""),
        "restore_test": _entry(Verb.TEST_RESTORE, now - timedelta(hours=10)),
        "sheet": Sheet(backups, number=2, first=PAGE_SIZE + 1, total=60, pages=3),
        "snapshot": snapshot,
        "timeline": draw(snapshot),
    }


def _snapshot(site: SiteSettings, now: datetime) -> Snapshot:
    days = (0.1, 1, 2, 3, 4, 5, 8, 9, 10, 17, 24, 31)
    backups = [_backup(now - timedelta(days=day), Kind.SCHEDULED) for day in days]
    backups.append(_backup(now - timedelta(days=2.5), Kind.MANUAL))
    backups.append(_backup(now - timedelta(days=9.5), Kind.SAFETY))
    backups.append(_backup(now - timedelta(days=12.5), Kind.UPGRADE))
    backups.append(_backup(now - timedelta(days=20.5), Kind.UPLOAD, State.UNVERIFIED))
    backups.append(_backup(now - timedelta(days=6), Kind.SCHEDULED, State.DAMAGED))
    backups.sort(key=lambda backup: backup.created_at, reverse=True)
    gone = [_entry(Verb.CREATE, now - timedelta(days=day)) for day in range(9, 33)]
    return Snapshot(
        now=now,
        settings=site,
        folder=Path("/srv/launcher/backups"),
        listing=Listing.of(backups),
        problem=None,
        is_writable=True,
        space=Space(64 * 10**9, 30 * 10**6, 92 * 10**6, 17 * 10**6),
        entries=gone,
        has_history=True,
        running=None,
        next_run_at=now + timedelta(hours=13),
    )


def _problems(now: datetime) -> tuple[Problem, ...]:
    return (
        Problem(ProblemKind.DAMAGED, Severity.WARN, count=3),
        Problem(ProblemKind.LOW_SPACE, Severity.WARN),
        Problem(ProblemKind.SCHEDULER_STOPPED, Severity.WARN),
        Problem(
            ProblemKind.NOTIFICATIONS_FAILING,
            Severity.WARN,
            since=now,
            count=2,
            names=("phone", "ada"),
        ),
        Problem(ProblemKind.SCHEDULE_OFF, Severity.WARN),
    )


def _running(now: datetime) -> Progress:
    stages = (Stage.COPY, Stage.COMPRESS, Stage.CHECK, Stage.PUBLISH)
    began = now - timedelta(seconds=3)
    return Progress(
        _ID, Verb.CREATE, "ada", began, stages, Stage.COMPRESS, done=7_200_000, total=11_800_000
    )


def _entry(verb: Verb, at: datetime) -> JournalEntry:
    facts = {"kind": Kind.SCHEDULED}
    return JournalEntry(_ID, verb, "schedule", at, at, Outcome.SUCCEEDED, facts=facts)


def _backup(at: datetime, kind: Kind, state: State = State.VERIFIED) -> Backup:
    return Backup(
        id=new_backup_id(at),
        kind=kind,
        created_at=at,
        created_by="ada",
        database=DatabaseFacts(11_800_000, "", 4096),
        file=StoredFile("", 4_400_000, "", Encoding.ZSTD),
        verification=Verification(state, at),
    )
