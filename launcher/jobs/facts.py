"""What is known of a job, as data for commands and programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from launcher.jobs.history import Run
from launcher.jobs.registry import JOBS
from launcher.settings.table import SiteSettings


@dataclass(frozen=True, slots=True)
class JobFacts:
    """A job, when it is due, and how it went.

    Attributes:
        schedule: its cron expression; None while it is off, or the settings cannot be read.
        time_zone: None while the settings cannot be read.
        last_outcome: of the last attempt: an outcome, "running", or None before the first.
        runs: newest first.
    """

    id: str
    schedule: str | None
    time_zone: str | None
    next_run_at: datetime | None
    last_attempt_at: datetime | None
    last_outcome: str | None
    last_success_at: datetime | None
    runs: Sequence[Run]


def facts_of(
    job_id: str, runs: Sequence[Run], settings: SiteSettings | None, *, now: datetime
) -> JobFacts:
    """Return the facts of a job with these runs, newest first."""
    job = JOBS[job_id]
    coming = job.next_runs(settings, after=now) if settings else ()
    return JobFacts(
        id=job_id,
        schedule=job.cron(settings) if settings else None,
        time_zone=settings.zone.key if settings else None,
        next_run_at=coming[0] if coming else None,
        last_attempt_at=runs[0].started_at if runs else None,
        last_outcome=(runs[0].outcome or "running") if runs else None,
        last_success_at=next((each.started_at for each in runs if each.is_success), None),
        runs=tuple(runs),
    )
