"""The jobs: what runs on a schedule, how it went, and a run at once. As `flask jobs` does it."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

import msgspec
from flask import url_for
from msgspec import UNSET, Meta, UnsetType

from launcher.api.authentication import actor_of
from launcher.api.door import Answer, Call, door
from launcher.api.following import require_record
from launcher.api.moments import Moment, written, written_if
from launcher.api.problems import Problem
from launcher.current import current_config
from launcher.db.session import release
from launcher.db.settings import current_settings
from launcher.jobs import process
from launcher.jobs.facts import facts_of
from launcher.jobs.history import Run, RunOutcome, runs
from launcher.jobs.registry import JOBS
from launcher.models import TokenScope
from launcher.models.types import utc_now
from launcher.offsite.troubles import Trouble
from launcher.schedule.leader import leader


class RunFacts(msgspec.Struct, kw_only=True):
    """What a run reports. Which fields there are depends on the job, and on how far it came."""

    slot: Annotated[
        Moment | UnsetType,
        Meta(description="The scheduled run. Missing if someone started the job."),
    ] = UNSET
    backup_id: Annotated[
        str | UnsetType, Meta(description="The backup that was created, or that was tested.")
    ] = UNSET
    removed: Annotated[
        list[str] | UnsetType, Meta(description="The backups that retention removed.")
    ] = UNSET
    not_removed: Annotated[
        list[str] | UnsetType, Meta(description="The backups that retention could not remove.")
    ] = UNSET
    rows: Annotated[
        dict[str, int] | UnsetType, Meta(description="Rows by table in the tested backup.")
    ] = UNSET
    destination: Annotated[
        str | UnsetType, Meta(description="The name of the place whose copy was tested.")
    ] = UNSET
    not_reached: Annotated[
        str | UnsetType,
        Meta(description="The name of the place whose copy could not be tested."),
    ] = UNSET
    trouble: Annotated[
        Trouble | UnsetType, Meta(description="Why the copy there could not be tested.")
    ] = UNSET
    verified: Annotated[int | UnsetType, Meta(description="How many backups were verified.")] = (
        UNSET
    )
    total: Annotated[int | UnsetType, Meta(description="How many backups there were.")] = UNSET
    damaged: Annotated[
        list[str] | UnsetType, Meta(description="The backups that were found damaged.")
    ] = UNSET
    failed: Annotated[
        list[str] | UnsetType, Meta(description="The backups that could not be verified.")
    ] = UNSET
    overdue: Annotated[
        int | UnsetType,
        Meta(description="How many backups were not verified for more than a month."),
    ] = UNSET


class JobRun(msgspec.Struct, kw_only=True):
    """One time that a job ran."""

    id: Annotated[str, Meta(examples=["5f1c2a90d3b47e86"])]
    by: Annotated[str, Meta(description="`schedule`, or who started the run.")]
    started_at: Moment
    ended_at: Moment | None
    outcome: Annotated[RunOutcome | None, Meta(description="null while it runs.")]
    error: Annotated[str, Meta(description="What went wrong, an English sentence.")]
    error_code: str
    facts: RunFacts


class Job(msgspec.Struct, kw_only=True):
    """A job, with its schedule and its runs."""

    id: Annotated[str, Meta(examples=["backup"])]
    schedule: Annotated[str | None, Meta(description="Its cron expression, null while it is off.")]
    time_zone: Annotated[str, Meta(description="The zone of the expression.")]
    next_run_at: Annotated[Moment | None, Meta(description="null while it is off.")]
    last_success_at: Moment | None
    runs: Annotated[list[JobRun], Meta(description="The newest 20, newest first.")]


class Jobs(msgspec.Struct, kw_only=True):
    """Every job, and whether a process runs them."""

    is_led: Annotated[
        bool, Meta(description="Whether some process of this site runs the schedule.")
    ]
    jobs: list[Job]


class StartedRun(msgspec.Struct, kw_only=True):
    """A job that has started."""

    job: str
    run: Annotated[JobRun | None, Meta(description="null where it was not recorded.")]


_PROBLEMS = (
    "operation_in_progress",
    "store_unavailable",
    "source_database",
    "not_started",
    "insufficient_space",
)


@door(
    "GET",
    "/jobs",
    scope=TokenScope.STATUS,
    summary="List jobs",
    about=(
        "Lists what runs on a schedule: the backup, the verification of older backups (`scrub`) "
        "and the restore test, each with its next run and its newest runs."
    ),
    result=Jobs,
)
def list_jobs(_call: Call) -> Jobs:
    """Answer with what `flask jobs list --json` prints."""
    found = runs(current_config().data_dir)
    return Jobs(
        is_led=leader(current_config().lock_dir) is not None,
        jobs=[_described(job_id, found[job_id]) for job_id in JOBS],
    )


@door(
    "GET",
    "/jobs/{job}",
    scope=TokenScope.STATUS,
    summary="Get a job",
    about="Returns one job. Its first run has no `outcome` while the job runs.",
    result=Job,
)
def get_job(call: Call) -> Job:
    """Answer with one job."""
    job_id = _job_id(call)
    return _described(job_id, runs(current_config().data_dir)[job_id])


@door(
    "POST",
    "/jobs/{job}/run",
    scope=TokenScope.SCHEDULE,
    summary="Run a job",
    about=(
        "Starts a job and answers at once. The next scheduled run is not affected. "
        "Follow the job at `Location` until its first run has an `outcome`."
    ),
    result=StartedRun,
    status=202,
    begins_work=True,
    problems=_PROBLEMS,
    response_headers={"Location": "The job, with its runs."},
)
def run_job(call: Call) -> Answer:
    """Start a job in a process of its own."""
    assert call.token is not None  # noqa: S101 (the call has a scope)
    job_id, by = _job_id(call), actor_of(call.token).name
    release()
    require_record()
    data_dir = current_config().data_dir
    before = {each.id for each in runs(data_dir)[job_id]}
    process.run_now(current_config(), job_id, by=by)
    # One of before is another run: where the disk filled up since, this one is not recorded.
    now = (each for each in runs(data_dir)[job_id] if each.id not in before and each.by == by)
    started = next(now, None)
    location = url_for("api.dispatch", rest=f"jobs/{job_id}")
    result = StartedRun(job=job_id, run=_run(started) if started else None)
    return Answer(result, headers={"Location": location})


def _job_id(call: Call) -> str:
    if call.path["job"] not in JOBS:
        raise Problem("not_found", "There is no such job.")
    return call.path["job"]


def _described(job_id: str, found: tuple[Run, ...]) -> Job:
    facts = facts_of(job_id, found, current_settings(), now=utc_now())
    return Job(
        id=facts.id,
        schedule=facts.schedule,
        time_zone=facts.time_zone or "UTC",
        next_run_at=written_if(facts.next_run_at),
        last_success_at=written_if(facts.last_success_at),
        runs=[_run(each) for each in facts.runs],
    )


def _run(run: Run) -> JobRun:
    return JobRun(
        id=run.id,
        by=run.by,
        started_at=written(run.started_at),
        ended_at=written_if(run.ended_at),
        outcome=run.outcome,
        error=run.error,
        error_code=run.error_code,
        facts=_facts(run),
    )


def _facts(run: Run) -> RunFacts:
    """Return what a run reports, without what a file has that this version never writes."""
    found = {}
    for each in msgspec.structs.fields(RunFacts):
        if each.name in run.facts and each.name != "slot":
            with suppress(msgspec.ValidationError):
                found[each.name] = msgspec.convert(run.facts[each.name], each.type)
    return RunFacts(**found, slot=written(run.slot) if run.slot else UNSET)
