"""`flask jobs`: what runs on a schedule, how it went, and a run at once."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from launcher.backup.ports import utc_now
from launcher.backup.records.backup import State
from launcher.backup.records.text import clean_note
from launcher.cli import output
from launcher.cli.exits import EXIT_CODES, PARTLY_FAILED, exit_codes_help, handle_backup_errors
from launcher.cli.progress import bars
from launcher.cli.shell import json_option, read_current_settings, typist
from launcher.current import current_application, current_backups, current_config, current_offsite
from launcher.jobs.facts import JobFacts, facts_of
from launcher.jobs.history import Book, Run, RunOutcome, runs
from launcher.jobs.registry import JOBS
from launcher.jobs.work import perform
from launcher.notifications.assessment import known_settings
from launcher.schedule.leader import Leader, leader

_EXAMPLES = """
\b
Examples:
  flask jobs list
  flask jobs run restore-test
"""

_ENDED = {
    RunOutcome.SUCCEEDED: "found damage",
    RunOutcome.PARTLY: "was not done in all parts",
    RunOutcome.FAILED: "failed",
    RunOutcome.POSTPONED: "was postponed",
    RunOutcome.INTERRUPTED: "was interrupted",
}
"""How a run ended that is no plain success."""

jobs = AppGroup(
    "jobs",
    help=f"Show the jobs and when they are due, and run one now.\n{_EXAMPLES}",
    epilog=exit_codes_help(),
)


@jobs.command("list")
@json_option
@handle_backup_errors
def list_(as_json: bool) -> None:
    """List jobs with schedule, next run and last result.

    With --json `leader` is null while no server runs them. Each of `jobs` has its `runs`, newest
    first.
    """
    config = current_config()
    leading, settings = leader(config.lock_dir), known_settings(current_application())
    found = runs(config.data_dir)
    if as_json:
        listed = [facts_of(job_id, found[job_id], settings, now=utc_now()) for job_id in JOBS]
        output.print_json({"leader": leading, "is_led_here": config.scheduler, "jobs": listed})
        return
    rows: list[tuple[str, ...]] = [("JOB", "SCHEDULE", "NEXT", "LAST ATTEMPT", "LAST SUCCESS")]
    rows += [_row(facts_of(job_id, found[job_id], settings, now=utc_now())) for job_id in JOBS]
    output.print_table(rows)
    output.say(_who_runs_them(leading, is_led_here=config.scheduler))
    if settings is None:
        output.say("The settings cannot be read, so it is not known when they are due.")


@jobs.command()
@click.argument("job_id", metavar="JOB", type=click.Choice(list(JOBS)))
@json_option
@handle_backup_errors
def run(job_id: str, as_json: bool) -> None:
    """Run a job now.

    The next scheduled run is not affected.

    JOB is backup, scrub or restore-test. Prints the id of the backup that was created or tested,
    and of damaged backups. Exits with 90 if a backup is damaged.
    """
    config = current_config()
    settings = read_current_settings()
    with bars() as on_progress:
        done = perform(
            job_id,
            current_backups(),
            Book(config.data_dir),
            settings,
            clock=utc_now,
            by=typist(),
            is_by_hand=True,
            on_progress=on_progress,
            offsite=current_offsite(),
        )
    assert done is not None  # noqa: S101 (by hand there is always something to do)
    if as_json:
        output.print_json(done)
    else:
        _print_results(done)
    if code := _exit_code(done):
        why = f": {done.error}" if done.error else ""
        output.say(f"The {job_id} {_ENDED[done.outcome or RunOutcome.FAILED]}{why}.")
        raise click.exceptions.Exit(code)


def _print_results(done: Run) -> None:
    facts = done.facts
    if made := facts.get("backup_id"):
        output.put(made)
    if place := facts.get("destination"):
        output.say(f"Restored from {clean_note(str(place))} to a temporary copy.")
    if place := facts.get("not_reached"):
        output.say(f"No copy could be tested from {clean_note(str(place))}, so one here was.")
    if "verified" in facts:
        output.say(f"Verified {facts['verified']} of {facts['total']}.")
    if overdue := facts.get("overdue"):
        output.say(f"Not verified for four weeks and still waiting: {overdue}.")
    for backup_id in _listed(done, "damaged"):
        output.put(lead=f"{backup_id}  {output.coloured(State.DAMAGED)}")
    if removed := len(_listed(done, "removed")):
        output.say(f"Removed {removed} that retention no longer keeps.")


def _exit_code(done: Run) -> int:
    if _listed(done, "damaged"):
        return EXIT_CODES["verification_failed"]
    if done.outcome is RunOutcome.SUCCEEDED:
        return 0
    if done.outcome is RunOutcome.PARTLY:
        return PARTLY_FAILED
    return EXIT_CODES.get(done.error_code, EXIT_CODES["internal"])


def _row(facts: JobFacts) -> tuple[str, ...]:
    outcome = facts.last_outcome
    return (
        facts.id,
        _schedule(facts),
        output.moment(facts.next_run_at) if facts.time_zone else "unknown",
        output.moment(facts.last_attempt_at) + (f" ({outcome})" if outcome else ""),
        output.moment(facts.last_success_at),
    )


def _schedule(facts: JobFacts) -> str:
    if facts.schedule:
        return f"{facts.schedule} ({facts.time_zone})"
    return "off" if facts.time_zone else "unknown"


def _who_runs_them(leading: Leader | None, *, is_led_here: bool) -> str:
    if leading is not None:
        since = output.moment(leading.since)
        # On a full disk the leader could not write its name.
        who = f"Process {leading.pid} on {leading.host}" if leading.pid else "Some process"
        return f"{who} runs them since {since}."
    if is_led_here:
        return "No server runs them. `flask backup run-scheduled` does what is due."
    return "LAUNCHER_SCHEDULER is off: a timer has to call `flask backup run-scheduled`."


def _listed(done: Run, name: str) -> list[str]:
    found = done.facts.get(name)
    return [str(each) for each in found] if isinstance(found, list) else []
