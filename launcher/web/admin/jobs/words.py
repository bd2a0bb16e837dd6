"""The words for a job, its schedule and its runs.

Runs come from a file that may have been cut or edited: every value has words, and only a backup
that exists is linked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flask import url_for
from markupsafe import Markup, escape

from launcher.backup.errors import BackupError
from launcher.backup.records.backup import Backup
from launcher.current import current_backups
from launcher.i18n.actors import actor_words
from launcher.i18n.formats import (
    clock_time,
    day_and_time,
    duration,
    isolated,
    listing,
    number,
)
from launcher.i18n.labels import ERROR_WORDS, JOB_PURPOSES, JOB_WORDS, RUN_WORDS
from launcher.i18n.locale import gettext, ngettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.i18n.offsite import trouble_words
from launcher.jobs.history import Run, RunOutcome
from launcher.jobs.registry import Job
from launcher.offsite.troubles import Trouble
from launcher.settings.table import SiteSettings
from launcher.web.admin.backups.table import names_of
from launcher.web.admin.backups.words import when
from launcher.web.admin.schedule.cron_words import cron_words
from launcher.web.contents import contents_in_brief
from launcher.web.toasts import Toast, make_toast

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

# A timer of a few minutes is not late, and neither is a server under load.
LATE_AFTER = timedelta(minutes=15)
_MOST_LINKS = 10

_STATES: Mapping[RunOutcome, str] = {
    RunOutcome.SUCCEEDED: "verified",
    RunOutcome.PARTLY: "slow",
    RunOutcome.FAILED: "down",
    RunOutcome.POSTPONED: "paused",
    RunOutcome.INTERRUPTED: "slow",
}
_SEVERITIES: Mapping[RunOutcome, str] = {RunOutcome.SUCCEEDED: "ok", RunOutcome.FAILED: "bad"}


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run in words.

    Attributes:
        state: selects shape and colour, "" while it runs.
        catch_up_of: for a catch-up, the time it was due, else "".
        results: a phrase each.
        damaged: the damaged backups that it found, in one phrase, else "".
        problem, hint: what went wrong and what to do, in the reader's language.
        detail: the core's own sentence, in English.
    """

    id: str
    started_at: datetime
    who: str
    is_running: bool
    is_success: bool
    state: str
    words: str
    took: str = ""
    catch_up_of: str = ""
    results: Sequence[str] = ()
    damaged: str = ""
    problem: str = ""
    hint: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job in words; `schedule` is "" while it is off."""

    id: str
    name: str
    purpose: str
    is_setting: bool
    schedule: str
    next_at: datetime | None
    runs: Sequence[RunRow]

    @property
    def last(self) -> RunRow | None:
        """The last run, which may still be running."""
        return self.runs[0] if self.runs else None

    @property
    def last_success(self) -> RunRow | None:
        """The last successful run."""
        return next((run for run in self.runs if run.is_success), None)

    @property
    def running(self) -> RunRow | None:
        """The current run."""
        return next((run for run in self.runs if run.is_running), None)


def describe_jobs(
    jobs: Sequence[Job], runs: Mapping[str, Sequence[Run]], settings: SiteSettings, *, now: datetime
) -> list[JobRow]:
    """Return the jobs in words, each with its runs, newest first."""
    describe = _describer([run for job in jobs for run in runs[job.id]])
    return [
        JobRow(
            id=job.id,
            name=str(JOB_WORDS[job.id]),
            purpose=str(JOB_PURPOSES[job.id]),
            is_setting=job.id != "scrub",
            schedule=cron_words(job.cron(settings) or ""),
            next_at=next(iter(job.next_runs(settings, after=now)), None),
            runs=[describe(job, run) for run in runs[job.id]],
        )
        for job in jobs
    ]


def describe_end(job: Job, run: Run) -> Toast:
    """Return the toast of a run that has ended."""
    row = _describer([run])(job, run)
    lines = [*row.results, row.damaged, row.problem, row.hint, row.detail]
    outcome = run.outcome or RunOutcome.INTERRUPTED
    return make_toast(
        gettext("%(job)s: %(outcome)s", job=JOB_WORDS[job.id], outcome=row.words),
        severity="bad" if row.damaged else _SEVERITIES.get(outcome, "warn"),
        details=[Markup(line).striptags() for line in lines if line],  # noqa: S704 (to strip them)
    )


def _describer(runs: Sequence[Run]) -> Callable[[Job, Run], RunRow]:
    """Return a function that describes these runs; users and backups are read once for all."""
    names, present = names_of({run.by for run in runs}), _backups()

    def describe(job: Job, run: Run) -> RunRow:
        problem, hint, detail = _problem(run)
        return RunRow(
            id=run.id,
            started_at=run.started_at,
            who=names.get(run.by) or actor_words(run.by),
            is_running=run.is_running,
            is_success=run.is_success,
            state=_STATES[run.outcome] if run.outcome else "",
            words=str(RUN_WORDS[run.outcome or "running"]),
            took=_took(run),
            catch_up_of=_catch_up_of(run),
            results=tuple(_RESULTS[job.id](run, present)),
            damaged=_damaged(run, present),
            problem=problem,
            hint=hint,
            detail=detail,
        )

    return describe


def _backups() -> Mapping[str, Backup]:
    """Return the backups to link to, none while their folder cannot be read."""
    try:
        return current_backups().listing().by_id
    except BackupError:
        return {}


def _took(run: Run) -> str:
    if run.ended_at is None:
        return ""
    return duration(max(0.0, (run.ended_at - run.started_at).total_seconds()))


def _catch_up_of(run: Run) -> str:
    slot = run.slot
    if slot is None or run.started_at - slot < LATE_AFTER:
        return ""
    is_clear = run.started_at - slot < timedelta(hours=20)
    return clock_time(slot) if is_clear else day_and_time(slot)


# --- what came of it ---------------------------------------------------------------------


def _backed_up(run: Run, present: Mapping[str, Backup]) -> Iterator[str]:
    if made := run.facts.get("backup_id"):
        yield _with_link(gettext("Backup of %(when)s"), _link(str(made), present))
    if removed := len(_ids(run, "removed")):
        yield ngettext("%(num)s old backup removed", "%(num)s old backups removed", removed)
    if left := len(_ids(run, "not_removed")):
        yield ngettext(
            "%(num)s old backup could not be removed",
            "%(num)s old backups could not be removed",
            left,
        )


def _scrubbed(run: Run, _present: Mapping[str, Backup]) -> Iterator[str]:
    verified, total = run.facts.get("verified"), run.facts.get("total")
    if isinstance(verified, int) and isinstance(total, int):
        yield (
            gettext("Verified %(count)s of %(total)s", count=number(verified), total=number(total))
            if total
            else gettext("There was no backup to verify")
        )
    overdue = run.facts.get("overdue")
    if isinstance(overdue, int) and overdue > 0:
        yield ngettext(
            "%(num)s not verified for four weeks",
            "%(num)s not verified for four weeks",
            overdue,
        )
    if failed := len(_ids(run, "failed")):
        yield ngettext("%(num)s could not be verified", "%(num)s could not be verified", failed)


def _restore_tested(run: Run, present: Mapping[str, Backup]) -> Iterator[str]:
    if contents := contents_in_brief(run.facts.get("rows")):
        yield contents
    if backup_id := run.facts.get("backup_id"):
        link = _link(str(backup_id), present)
        if name := run.facts.get("destination"):
            words = gettext("From the copy at %(name)s of the backup of %(when)s")
            yield _with_link(words, link, name=isolated(str(name)))
        else:
            yield _with_link(gettext("From the backup of %(when)s"), link)
    if name := run.facts.get("not_reached"):
        yield escape(
            gettext(
                "The copy at %(name)s could not be tested: %(reason)s. A backup here was tested.",
                name=isolated(str(name)),
                reason=_reason(run.facts.get("trouble")),
            )
        )


def _reason(code: object) -> str:
    """Return why a copy could not be tested, by the value of a `Trouble`."""
    known = Trouble(str(code)) if code in set(Trouble) else Trouble.NO_ANSWER_KNOWN
    return trouble_words(known, {})[0]


_RESULTS: Mapping[str, Callable[[Run, Mapping[str, Backup]], Iterator[str]]] = {
    "backup": _backed_up,
    "scrub": _scrubbed,
    "restore-test": _restore_tested,
}


def _damaged(run: Run, present: Mapping[str, Backup]) -> str:
    found = _ids(run, "damaged")
    if not found:
        return ""
    words = ngettext("%(num)s damaged", "%(num)s damaged", len(found))
    # The links are escaped, and so are the words between them.
    links = Markup(listing([_link(each, present) for each in found], most=_MOST_LINKS))  # noqa: S704
    return Markup("{}: {}").format(words, links)


def _link(backup_id: str, present: Mapping[str, Backup]) -> Markup:
    """Return the moment of a backup, linked if the backup exists."""
    words = escape(when(backup_id))
    if backup_id not in present:
        return words
    address = url_for("backup.show", backup_id=backup_id)
    return Markup('<a href="{}">{}</a>').format(address, words)


def _with_link(text: str, link: Markup, **facts: str) -> Markup:
    return Markup(text) % {"when": link, **facts}  # noqa: S704 (from a catalogue)


def _ids(run: Run, name: str) -> Sequence[str]:
    found = run.facts.get(name)
    return [str(each) for each in found] if isinstance(found, list) else []


# --- what went wrong ---------------------------------------------------------------------

_POSTPONED: Mapping[str, tuple[LazyString, LazyString]] = {
    "backup_not_found": (
        _("There was no good backup to test."),
        _("The next restore test runs on schedule when there is a good backup."),
    ),
    "operation_in_progress": (
        _("Another operation was running."),
        _("The job will run again on schedule. You can also run it now."),
    ),
}


def _problem(run: Run) -> tuple[str, str, str]:
    """Return what went wrong, what to do, and the core's sentence; "" for nothing."""
    if run.outcome is RunOutcome.INTERRUPTED:
        return (
            gettext("The process ended before the job did. No partial files remain."),
            gettext("The job will run again on schedule. You can also run it now."),
            "",
        )
    if run.outcome is RunOutcome.POSTPONED and run.error_code in _POSTPONED:
        title, hint = _POSTPONED[run.error_code]
        return str(title), str(hint), ""
    if run.outcome is RunOutcome.FAILED and run.error_code == "internal":
        # The sentence of a bug is for the server log.
        title = ERROR_WORDS["internal"].title
        return str(title), gettext("The server log has details."), ""
    words = ERROR_WORDS.get(run.error_code) if run.error_code != "internal" else None
    return (str(words.title), str(words.hint), run.error) if words else ("", "", run.error)
