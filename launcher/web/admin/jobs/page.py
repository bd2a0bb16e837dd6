"""The page of the jobs: who runs them, their runs, the next ones, and the progress of one.

Everything but the schedule is outside the database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for

from launcher.backup.errors import BackupError, OperationInProgressError
from launcher.backup.records.operation import Outcome, Verb
from launcher.current import current_backups, current_config, current_offsite
from launcher.db.session import release, resume
from launcher.db.settings import site_settings
from launcher.i18n.labels import ERROR_WORDS, JOB_WORDS, STAGE_WORDS
from launcher.i18n.locale import gettext
from launcher.i18n.zones import zone_words
from launcher.jobs import process
from launcher.jobs.history import Book, Run, runs
from launcher.jobs.registry import JOBS
from launcher.jobs.work import SCHEDULE, owed
from launcher.models.types import utc_now
from launcher.schedule.leader import Leader, leader
from launcher.settings.table import SiteSettings
from launcher.web import toasts
from launcher.web.admin.jobs.words import LATE_AFTER, describe_end, describe_jobs
from launcher.web.admin.offsite.shown import ShownDestination, shown_destination
from launcher.web.errors import NextStep, busy_words, show_backup_error
from launcher.web.htmx import is_htmx
from launcher.web.roles import admin_required, signed_in_user

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


blueprint = Blueprint("jobs", __name__, url_prefix="/admin/jobs")

_TOASTS_AT_ONCE = 3
_MAX_SEEN = 200
_CHANGED = {"HX-Trigger": "jobs-changed"}

Runs = Mapping[str, Sequence[Run]]


class Runner(StrEnum):
    """Who runs the jobs."""

    LEADER = "leader"
    NONE = "none"
    EXTERNAL = "external"  # `LAUNCHER_SCHEDULER` is off


@dataclass(frozen=True, slots=True)
class SchedulerStatus:
    """Who runs the jobs, and whether that works.

    Attributes:
        leader: the process, if it is one of this site.
        last_run_at: when a scheduled run last started, None when unknown.
        late: with an external runner, a job that is overdue, else "".
        late_since: when it was due.
    """

    runner: Runner
    leader: Leader | None = None
    last_run_at: datetime | None = None
    late: str = ""
    late_since: datetime | None = None

    @property
    def severity(self) -> str:
        """ "ok" or "warn"."""
        if self.runner is Runner.EXTERNAL:
            return "warn" if self.late or self.last_run_at is None else "ok"
        return "ok" if self.runner is Runner.LEADER else "warn"


@blueprint.errorhandler(BackupError)
def _refuse(error: BackupError) -> Response:
    """Answer why a job was not started, and let the page reload the jobs."""
    next_step = None if is_htmx() else NextStep(url_for("jobs.show"), gettext("To the jobs"))
    response = show_backup_error(error, next_step=next_step)
    if is_htmx():
        response.headers.extend(_CHANGED)
    return response


@blueprint.errorhandler(OperationInProgressError)
def _refuse_as_busy(error: OperationInProgressError) -> ResponseReturnValue:
    """Answer who does what since when, above the jobs."""
    if is_htmx():
        return _refuse(error)
    resume(writes=False)
    return _page(_runs(), busy=error), 409


@blueprint.get("")
@admin_required
def show() -> ResponseReturnValue:
    """Show the jobs, with toasts for the runs that ended since the page with `?seen=`."""
    found = _runs()
    has_ended = _report(found, seen=request.args.get("seen", "")[:_MAX_SEEN])
    if has_ended and not is_htmx():
        return redirect(url_for("jobs.show"), 303)  # so that a reload shows no toast again
    return _page(found)


@blueprint.get("/progress")
@admin_required
def progress() -> ResponseReturnValue:
    """Return the progress of the running job; a change lets the page reload the jobs."""
    found = _runs()
    version = _version_of(found)
    is_current = version == request.args.get("seen", "")
    page = render_template("admin/_job_progress.html", seen=version, **_running_context(found))
    return page, 200, {} if is_current else _CHANGED


@blueprint.post("/<job_id>/run")
@admin_required
def run(job_id: str) -> ResponseReturnValue:
    """Start a job now, apart from its schedule."""
    if job_id not in JOBS:
        abort(404)
    by, seen = signed_in_user().username, request.form.get("seen", "")[:_MAX_SEEN]
    release()
    process.run_now(current_config(), job_id, by=by)
    return redirect(url_for("jobs.show", seen=seen or None), 303)


# --- what is shown -----------------------------------------------------------------------


def _page(found: Runs, *, busy: OperationInProgressError | None = None) -> str:
    now, settings = utc_now(), site_settings()
    return render_template(
        "admin/_jobs.html" if is_htmx() else "admin/jobs.html",
        is_part=is_htmx(),
        busy=busy_words(busy) if busy else "",
        busy_error=ERROR_WORDS[busy.code] if busy else None,
        jobs=describe_jobs(list(JOBS.values()), found, settings, now=now),
        now=now,
        seen=_version_of(found),
        status=_status(found, settings, now=now),
        zone=zone_words(settings.zone, now),
        tested_elsewhere=_tested_elsewhere(),
        copying=_copying(settings, now=now),
        **_running_context(found),
    )


def _tested_elsewhere() -> datetime | None:
    """Return when a restore test last succeeded, started as a job or on another page."""
    entries = current_backups().journal(verbs={Verb.TEST_RESTORE})
    return next((each.started_at for each in entries if each.outcome is Outcome.SUCCEEDED), None)


def _copying(settings: SiteSettings, *, now: datetime) -> Sequence[ShownDestination]:
    """Return how copying to each destination goes, none while that cannot be known."""
    with suppress(BackupError):
        status = current_offsite().status(settings)
        return [shown_destination(each, now=now) for each in status.destinations]
    return ()


def _status(found: Runs, settings: SiteSettings, *, now: datetime) -> SchedulerStatus:
    config = current_config()
    if leading := leader(config.lock_dir):
        return SchedulerStatus(Runner.LEADER, leader=leading)
    if config.scheduler:
        return SchedulerStatus(Runner.NONE)
    calls = [each.started_at for job_runs in found.values() for each in job_runs
             if each.by == SCHEDULE]  # fmt: skip
    late, late_since = _late(settings, now=now)
    return SchedulerStatus(
        Runner.EXTERNAL, last_run_at=max(calls, default=None), late=late, late_since=late_since
    )


def _late(settings: SiteSettings, *, now: datetime) -> tuple[str, datetime | None]:
    """Return a job that is overdue, and since when."""
    book = Book(current_config().data_dir)
    for job in JOBS.values():
        slot = owed(current_backups(), book.record(job.id), job, settings, now=now)
        if slot is not None and now - slot > LATE_AFTER:
            return str(JOB_WORDS[job.id]), slot
    return "", None


def _running_context(found: Runs) -> Mapping[str, object]:
    return {"running": _running(found), "stage_words": STAGE_WORDS}


def _running(found: Runs) -> dict[str, object] | None:
    """Return the running job; of several the one whose operation runs."""
    running = {
        job_id: each for job_id, job_runs in found.items() for each in job_runs if each.is_running
    }
    if not running:
        return None
    operation = current_backups().progress()
    for job_id, each in running.items():
        if operation and operation.by == each.by and operation.verb in _verbs(job_id):
            return {"job_id": job_id, "name": str(JOB_WORDS[job_id]), "progress": operation}
    job_id = next(iter(running))
    return {"job_id": job_id, "name": str(JOB_WORDS[job_id]), "progress": None}


def _verbs(job_id: str) -> set[Verb]:
    """Return the verbs of the operations in a job."""
    more = {"backup": Verb.PRUNE, "restore-test": Verb.VERIFY}
    return {JOBS[job_id].verb, more.get(job_id, JOBS[job_id].verb)}


def _runs() -> Runs:
    return runs(current_config().data_dir)


# --- what a page has seen ----------------------------------------------------------------


def _version_of(found: Runs) -> str:
    """Return the version of the runs: the ended and the running one of each job."""
    return ",".join(
        f"{_id_of(job_runs, is_running=False)}.{_id_of(job_runs, is_running=True)}"
        for job_runs in found.values()
    )


def _id_of(job_runs: Sequence[Run], *, is_running: bool) -> str:
    return next((run.id for run in job_runs if run.is_running is is_running), "")


def _report(found: Runs, *, seen: str) -> bool:
    """Show a toast for each run that ended since a page had `seen`; return whether any did."""
    versions = seen.split(",")
    if len(versions) != len(found):
        return False
    ended = [
        (run.started_at, job_id, run)
        for version, (job_id, job_runs) in zip(versions, found.items(), strict=True)
        for run in _ended_since(job_runs, version.partition(".")[0])
    ]
    newest = sorted(ended, key=lambda each: each[0])[-_TOASTS_AT_ONCE:]
    for _at, job_id, run in newest:
        toasts.show(describe_end(JOBS[job_id], run))
    return bool(newest)


def _ended_since(job_runs: Sequence[Run], run_id: str) -> list[Run]:
    """Return the runs that ended after `run_id`; none when that is not remembered."""
    ids = [run.id for run in job_runs]
    if run_id and run_id not in ids:
        return []
    newer = job_runs[: ids.index(run_id)] if run_id else job_runs
    return [run for run in newer if not run.is_running]
