"""How the command line shows what the backup service returns: text for people, JSON for programs.

Results go to stdout; talk and progress go to stderr, so that `ID=$(flask backup create)` works.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import click

from launcher.backup.codec import encode
from launcher.backup.records import (
    Backup,
    JournalEntry,
    KeepDecision,
    KeepReason,
    Progress,
    RestoreOutcome,
    RestorePlan,
    Schedule,
    Stage,
    State,
    clean_note,
)
from launcher.monitoring.problems import Findings, Headline, Problem, ProblemKind, Severity
from launcher.monitoring.snapshot import Snapshot
from launcher.settings.table import SiteSettings

_BAR_CELLS = 24
_CONTENTS = ("apps", "boards", "users")
_STAGES = {
    Stage.COPY: "Copy",
    Stage.CHECK: "Check",
    Stage.COMPRESS: "Compress",
    Stage.PUBLISH: "Publish",
    Stage.UNPACK: "Unpack and check",
    Stage.PREPARE: "Try on a copy",
    Stage.SAFETY: "Safety backup",
    Stage.REPLACE: "Replace",
    Stage.CONFIRM: "Count again",
    Stage.PRUNE: "Clean up",
}
_KEPT = {
    KeepReason.PROTECTED: "protected",
    KeepReason.NOT_SCHEDULED: "not made by the schedule",
    KeepReason.LAST_GOOD: "the last good backup",
    KeepReason.RECENT: "one of the newest",
    KeepReason.DAILY: "newest of its day",
    KeepReason.WEEKLY: "newest of its week",
    KeepReason.MONTHLY: "newest of its month",
    KeepReason.BEFORE: "for a while, to go back to",
    KeepReason.NOT_REPLACED: "not replaced by enough good ones yet",
}
_HEADLINES = {
    Headline.STORE_AWAY: "the backup folder cannot be read",
    Headline.NONE_YET: "no backup yet: `flask backup create` makes one",
    Headline.NONE_LEFT: "there is no backup any more",
    Headline.NO_GOOD: "there is no good backup",
    Headline.ONLY_BROUGHT: "none of the backups is from here",
    Headline.STALE: "no good backup for too long",
    Headline.NEWEST_UNVERIFIED: "the newest backup is not verified yet",
    Headline.SAFE: "safe",
}
_TONE_COLOURS = {Severity.OK: "green", Severity.WARN: "yellow", Severity.BAD: "red"}
_PROBLEMS = {
    ProblemKind.NOT_PUT_BACK: "the last restore stopped half way",
    ProblemKind.LIVE_DAMAGED: "the live database is damaged: `flask backup restore latest` helps",
    ProblemKind.STORE_UNAVAILABLE: "the backup folder cannot be used",
    ProblemKind.READ_ONLY: "the backup folder cannot be written",
    ProblemKind.LOW_SPACE: "little space: a backup needs {needed}, {free} are free",
    ProblemKind.FAILED: "the last {times} at a backup failed",
    ProblemKind.STALE: "no good backup for too long",
    ProblemKind.DAMAGED: "{backups} damaged",
    ProblemKind.SCHEDULER_STOPPED: "no server runs the schedule",
    ProblemKind.RESTORE_TEST_FAILED: "the last rehearsal failed",
    ProblemKind.UNCHECKED: "{backups} unverified for over a month",
    ProblemKind.PRUNE_FAILED: "old backups could not be removed",
    ProblemKind.NOTIFICATIONS_FAILING: "could not be told: {names}",
    ProblemKind.NO_RECIPIENTS: "nobody is told of this: `flask notifications add` changes that",
    ProblemKind.INTERRUPTED: "the last operation ({verb}) was interrupted",
    ProblemKind.SCHEDULE_OFF: "the schedule is switched off",
}
_COLOURS = {State.VERIFIED: "green", State.UNVERIFIED: "yellow", State.DAMAGED: "red"}


def print_json(value: object) -> None:
    """Print records as JSON: times in ISO 8601 and UTC, sizes in bytes."""
    click.echo(json.dumps(encode(value), indent=2, ensure_ascii=False))


def print_result(value: object, text: object, *, as_json: bool) -> None:
    """Print `value` for programs, or the `text` of it that a person and a script can use."""
    if as_json:
        print_json(value)
    else:
        click.echo(text)


def say(text: str = "") -> None:
    """Tell a person something that is not the result."""
    click.echo(text, err=True)


def size(size_bytes: int) -> str:
    """Return a size in the largest fitting decimal unit: `4.4 MB`."""
    amount = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def moment(value: datetime | None) -> str:
    """Return a moment in this machine's zone, to the second."""
    return f"{value.astimezone():%Y-%m-%d %H:%M:%S %Z}" if value else "never"


def contents(backup: Backup) -> str:
    """Return what a backup holds, in a few words."""
    rows = backup.contents
    return ", ".join(
        f"{rows[kind]} {kind if rows[kind] != 1 else kind.removesuffix('s')}"
        for kind in _CONTENTS
        if kind in rows
    )


def progress_bars() -> Callable[[Progress], None] | None:
    """Return what draws one bar for each stage on a terminal; None where nobody watches."""
    return _Bars() if sys.stderr.isatty() else None


class _Bars:
    def __init__(self) -> None:
        self._stage: Stage | None = None

    def __call__(self, progress: Progress) -> None:
        if progress.stage is None:
            return
        if self._stage not in {None, progress.stage}:
            click.echo(err=True)
        self._stage = progress.stage
        self._draw(progress, progress.stage)

    def _draw(self, progress: Progress, stage: Stage) -> None:
        share = progress.done / progress.total if progress.total else 0.0
        filled = round(share * _BAR_CELLS)
        bar = f"[{'#' * filled}{'-' * (_BAR_CELLS - filled)}]" if progress.total else ""
        amount = f"{size(progress.done)} of {size(progress.total)}" if progress.total else "…"
        step = progress.stages.index(stage) + 1 if stage in progress.stages else 1
        click.echo(
            f"\r\033[K{step}/{len(progress.stages)}  {_STAGES[stage]:<18}{bar} {amount}",
            nl=False,
            err=True,
        )

    def done(self) -> None:
        """End the last line."""
        if self._stage is not None:
            click.echo(err=True)


def end_progress(bars: Callable[[Progress], None] | None) -> None:
    """Leave the terminal on a line of its own."""
    if isinstance(bars, _Bars):
        bars.done()


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows as columns; the first row is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def print_backups(backups: Iterable[Backup]) -> None:
    """Print a list of backups, a line each."""
    heading = ("ID", "TAKEN", "KIND", "SIZE", "STATE", "INSIDE", "NOTE")
    print_table([heading, *(_row(backup) for backup in backups)])


def _row(backup: Backup) -> tuple[str, ...]:
    state = str(backup.verification.state) + (" protected" if backup.protected else "")
    return (
        backup.id,
        moment(backup.created_at),
        backup.kind,
        size(backup.file.size_bytes) if backup.file else "?",
        state,
        contents(backup),
        " ".join(backup.note.split())[:60],
    )


def print_backup(backup: Backup, journal: Sequence[JournalEntry]) -> None:
    """Print everything that is known of one backup."""
    verification = backup.verification
    pairs = [
        ("Backup", backup.id),
        ("Taken", f"{moment(backup.created_at)} by {backup.created_by or 'unknown'}"),
        ("Kind", backup.kind + (", protected" if backup.protected else "")),
        ("Note", backup.note),
        ("State", f"{verification.state}, looked at {moment(verification.at)}"),
        ("Problem", verification.error),
        ("Made by", f"Launcher {backup.app_version}, schema {backup.schema_revision}"),
    ]
    if backup.file and backup.database:
        pairs += [
            ("File", f"{backup.file.name} ({size(backup.file.size_bytes)})"),
            ("SHA-256", backup.file.sha256),
            ("Database", f"{size(backup.database.size_bytes)}, SQLite {backup.sqlite_version}"),
        ]
    for name, text in pairs:
        if text:
            click.echo(f"{name + ':':<10} {text}")
    if backup.contents:
        click.echo("\nInside:")
        for table, rows in backup.contents.items():
            click.echo(f"  {table:<20}{rows:>12,}")
    if journal:
        click.echo("\nWhat happened to it:")
        for entry in journal:
            problem = f": {entry.error}" if entry.error else ""
            click.echo(f"  {moment(entry.ended_at)}  {entry.verb} {entry.outcome}{problem}")


def say_plan(plan: RestorePlan) -> None:
    """Show a restore's plan on stderr: then and now, names, schedule, accounts."""
    taken = f" of {moment(plan.created_at)}" if plan.created_at else ""
    say(f"Restore {plan.source}{taken} ({size(plan.database_size_bytes)})\n")
    if not plan.live_readable or plan.live_problem:
        say(f"The live database is damaged ({plan.live_problem}).")
        say("Its files are kept as they are, beside the new one.\n")
    say(f"  {'':<22}{'now':>12}{'then':>12}{'change':>10}")
    for change in plan.rows:
        difference = change.then - change.now if change.now is not None else 0
        if change.now is None or change.now or change.then:
            now = "?" if change.now is None else f"{change.now:,}"
            mark = f"{difference:+,}" if difference else ""
            say(f"  {change.table:<22}{now:>12}{change.then:>12,}{mark:>10}")
    for names in plan.names:
        if names.vanish:
            say(f"\nVanishes ({names.kind}): {_enumerate(names.vanish)}")
        if names.appear:
            say(f"\nComes back ({names.kind}): {_enumerate(names.appear)}")
    say()
    for migration in plan.migrations:
        say(f"Migration: {migration.revision} {migration.title}")
    if plan.site_name_now and plan.site_name_now != plan.site_name_then:
        say(f"Site name: {plan.site_name_now!r} becomes {plan.site_name_then!r}")
    say(f"Schedule: {_schedule_fate(plan)}")
    say(f"Admins afterwards: {_enumerate(plan.admins)}")
    if plan.carried_account:
        say(f"Carried over from today: {plan.carried_account}")
    if plan.password_changes:
        say(f"Sign in with the password from then: {_enumerate(plan.password_changes)}")
    if plan.tokens_lost:
        say(f"API tokens that stop working: {_enumerate(plan.tokens_lost)}")
    for warning in plan.warnings:
        say(f"Note: {warning}.")
    say("Everyone is signed out. A safety backup of today's data is made first; ")
    say("`flask backup undo` brings it back.\n")


def _enumerate(names: Sequence[str], most: int = 12) -> str:
    # Names come out of a database that may be a stranger's; they must not speak to the terminal.
    shown = ", ".join(clean_note(name) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _schedule_fate(plan: RestorePlan) -> str:
    if plan.schedule_then is None:
        return "none"
    origin = "the one set here is kept" if plan.keep_schedule else "the one from the backup"
    return f"{origin}: {schedule(plan.schedule_then)}"


def schedule(values: Schedule) -> str:
    """Return a schedule in words."""
    site = SiteSettings.of(values)
    restore_test = site.backup_rehearsal
    restore_tested = "no rehearsals" if restore_test == "off" else f"rehearsed {restore_test}"
    if not site.backup_enabled:
        return f"off, {restore_tested}"
    return f"{site.backup_cron_expression}, keep the last {site.backup_max_count}, {restore_tested}"


def say_outcome(outcome: RestoreOutcome) -> None:
    """Say what a restore came to, what still holds, and what to do."""
    source = outcome.plan.source
    click.secho(f"Restored {source} in {outcome.duration_s:.1f} s.", fg="green", err=True)
    say(f"Requests were held for {outcome.held_s:.2f} s; everyone has to sign in again.")
    if outcome.safety_id:
        say(f"The data from before is safety backup {outcome.safety_id};")
        say("`flask backup undo` brings it back.")
    elif outcome.raw_copy_path:
        say(f"The damaged files from before lie in {outcome.raw_copy_path}.")
    for warning in outcome.warnings:
        say(f"Note: {warning}.")


def print_decisions(decisions: Iterable[KeepDecision]) -> None:
    """Print what retention decides about each backup, and why."""
    rows = [("", "ID", "TAKEN", "KIND", "WHY")]
    for decision in decisions:
        backup = decision.backup
        why = "; ".join(_KEPT[reason] for reason in decision.reasons) or "no rule keeps it"
        retention_label = "keep" if decision.keep else "remove"
        rows.append((retention_label, backup.id, moment(backup.created_at), backup.kind, why))
    print_table(rows)


def print_status(snapshot: Snapshot, findings: Findings) -> None:
    """Print the answer to "am I safe?", the answer first and what is wrong at the end."""
    click.secho(_answer(findings), fg=_TONE_COLOURS[findings.severity])
    good, attempt, listing = snapshot.last_good, snapshot.last_attempt, snapshot.listing
    if good:
        click.echo(f"Last good backup: {moment(good.created_at)} {good.id}")
    if attempt:
        why = f" ({attempt.error})" if attempt.error else ""
        click.echo(f"Last attempt:     {moment(attempt.started_at)}{why}")
    next_run = moment(snapshot.next_run_at) if snapshot.next_run_at else "schedule off"
    click.echo(f"Next run:         {next_run if snapshot.knows_settings else 'not known'}")
    if listing:
        counts = ", ".join(f"{count} {state}" for state, count in listing.counts_by_state.items())
        click.echo(f"Backups:          {counts}; {size(listing.stored_bytes)} used")
    if snapshot.space:
        click.echo(f"Free space:       {size(snapshot.space.free_bytes)}")
    if snapshot.running:
        running = snapshot.running
        share = f", {running.done * 100 // running.total} %" if running.total else ""
        stage = f", {_STAGES[running.stage].lower()}{share}" if running.stage else ""
        click.echo(
            f"Running:          {running.verb} by {running.by}"
            f" since {moment(running.started_at)}{stage}"
        )
    _print_problems(findings)


def _answer(findings: Findings) -> str:
    """Return the first line: the headline and the worst trouble that it does not say."""
    said = [_problem(problem) for problem in findings.besides[:1]]
    if findings.headline is not Headline.SAFE or not said:
        said.insert(0, _HEADLINES[findings.headline])
    return " ".join(f"{words[:1].upper()}{words[1:]}." for words in said)


def _print_problems(findings: Findings) -> None:
    for problem in findings.problems:
        severity = click.style(f"{problem.severity}:", fg=_TONE_COLOURS[problem.severity])
        click.echo(f"{severity:<18}{_problem(problem)}")


def _problem(problem: Problem) -> str:
    """Return a trouble in one line."""
    words = _PROBLEMS[problem.kind].format(
        count=problem.count,
        times="attempt" if problem.count == 1 else f"{problem.count} attempts",
        backups="1 backup is" if problem.count == 1 else f"{problem.count} backups are",
        free=size(problem.free_bytes),
        needed=size(problem.needed_bytes),
        names=clean_note(", ".join(problem.names)),
        verb=problem.entry.verb if problem.entry else "",
    )
    since = f", since {moment(problem.since)}" if problem.since else ""
    full = f", full by {moment(problem.full_at)}" if problem.full_at else ""
    detail = f" ({clean_note(problem.detail)})" if problem.detail else ""
    return f"{words}{since}{full}{detail}"


def coloured(state: State) -> str:
    """Return a state as a word in its colour."""
    return click.style(state.value, fg=_COLOURS[state])
