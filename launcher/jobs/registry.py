"""The jobs, as data: what there is, when it is due. What each does is in `work.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from launcher.backup.records.operation import Verb
from launcher.schedule.cron import RESTORE_TEST_CRONS, last_due, next_runs
from launcher.settings.table import SiteSettings


@dataclass(frozen=True, slots=True)
class Job:
    """One scheduled job.

    Attributes:
        id: its name in files and addresses, and the key of its words (`i18n.labels.JOB_WORDS`).
        verb: the operation that it mainly is.
        cron: its cron expression under given rules, None while it is switched off.
    """

    id: str
    verb: Verb
    cron: Callable[[SiteSettings], str | None]

    def next_runs(
        self, settings: SiteSettings, *, after: datetime, count: int = 1
    ) -> Sequence[datetime]:
        """Return when it is due next, in UTC; nothing while it is off or its cron is invalid."""
        expression = self.cron(settings)
        if expression is None:
            return ()
        return next_runs(expression, after=after, zone=settings.zone, count=count)

    def last_due(self, settings: SiteSettings, *, now: datetime) -> datetime | None:
        """Return when it was due last, None if it never was."""
        expression = self.cron(settings)
        return last_due(expression, now=now, zone=settings.zone) if expression is not None else None


JOBS: Mapping[str, Job] = {
    job.id: job
    for job in (
        Job(
            "backup",
            Verb.CREATE,
            lambda settings: settings.backup_cron_expression if settings.backup_enabled else None,
        ),
        Job("scrub", Verb.VERIFY, lambda _settings: "30 4 * * *"),
        Job(
            "restore-test",
            Verb.TEST_RESTORE,
            lambda settings: RESTORE_TEST_CRONS.get(settings.backup_restore_test),
        ),
    )
}
"""In the order in which they are shown, and done when several are due."""
