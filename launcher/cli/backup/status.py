"""The answer of the panel on a terminal: whether the data is safe, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import click

from launcher.backup.errors import OF_THE_SCHEMA, OF_THE_VERSION
from launcher.backup.records.backup import MADE_HERE
from launcher.backup.records.text import clean_note
from launcher.cli.backup.group import backup
from launcher.cli.exits import handle_backup_errors, status_code
from launcher.cli.hints import Situation
from launcher.cli.offsite_words import places_words, trouble_words
from launcher.cli.output import long, moment, print_json, put, size
from launcher.cli.problem_words import BRIEFLY, OPERATIONS, UNDELIVERED
from launcher.cli.progress import STAGES
from launcher.cli.shell import json_option
from launcher.current import current_application
from launcher.monitoring.problems import (
    Findings,
    Headline,
    Problem,
    ProblemKind,
    Severity,
    explains,
    status_facts,
)
from launcher.monitoring.snapshot import Snapshot
from launcher.notifications.assessment import assess
from launcher.offsite.status import OffsiteStatus

_HEADLINES = {
    Headline.STORE_AWAY: "the backup folder cannot be read",
    Headline.NONE_YET: "no backup yet",
    Headline.NONE_LEFT: "no backup is left",
    Headline.NO_GOOD: "there is no good backup",
    Headline.ONLY_BROUGHT: "the current data is not backed up yet",
    Headline.STALE: "no good backup for too long",
    Headline.NEWEST_UNVERIFIED: "the newest backup is not verified yet",
    Headline.RECENT_GOOD: "safe",
}
_COLOURS = {Severity.OK: "green", Severity.WARN: "yellow", Severity.BAD: "red"}
_PROBLEMS = {
    ProblemKind.NOT_PUT_BACK: "the last restore stopped half way",
    ProblemKind.LIVE_DAMAGED: "the current data is damaged: {restore} helps",
    ProblemKind.STORE_UNAVAILABLE: "the backup folder cannot be used",
    ProblemKind.READ_ONLY: "the backup folder cannot be written",
    ProblemKind.DATA_DISK_FULL: "the disk of the database is full: {free} are free",
    ProblemKind.LOW_SPACE: "little space: a backup needs {needed}, {free} are free",
    ProblemKind.FAILED: "the last {times} at a backup failed",
    ProblemKind.STALE: "no good backup for too long",
    ProblemKind.DAMAGED: "{backups} damaged",
    ProblemKind.DESTINATIONS_UNREADABLE: "the list of destinations cannot be read",
    ProblemKind.KEY_MISSING: "the key of the copies is missing",
    ProblemKind.COPIES_STALE: "no recent good copy: {destinations}",
    ProblemKind.COPIES_DAMAGED: "{copies} {state}: {destinations}",
    ProblemKind.COPIES_FAILING: "the last {times} at copying failed: {destinations}",
    ProblemKind.RESTORE_FAILED: "the last restore failed, and the data is as it was",
    ProblemKind.SCHEDULER_STOPPED: "the scheduler is not running",
    ProblemKind.RESTORE_TEST_FAILED: "the last restore test failed",
    ProblemKind.FROM_FUTURE: "{backups} dated in the future: check the clock of this server",
    ProblemKind.UNCHECKED: "{backups} unverified for over a month",
    ProblemKind.COPIES_UNREAD: "{copies} not read in time: {destinations}",
    ProblemKind.KIT_UNCONFIRMED: "the recovery kit is not confirmed",
    ProblemKind.PRUNE_FAILED: "old backups could not be removed",
    ProblemKind.COPIES_STRANGE: "files that are not of this site: {destinations} ({files})",
    ProblemKind.NOTIFICATIONS_FAILING: "could not be notified: {names}",
    ProblemKind.RECIPIENT_TEST_FAILED: "the last test message failed: {names}",
    ProblemKind.NO_RECIPIENTS: "no recipients: `flask notifications add NAME` adds one",
    ProblemKind.INTERRUPTED: "the last operation ({verb}, started {started}) was interrupted",
    ProblemKind.SCHEDULE_OFF: "the schedule is switched off",
    ProblemKind.COPIES_PAUSED: "copying is paused: {destinations}",
    ProblemKind.ONE_DISK: "all copies are on one disk: `flask destination add` adds another place",
}

_OF_THE_VERSION = (
    "this version cannot use the database: `flask database upgrade` reports the next step"
)
_OF_THE_SCHEMA = "the database was altered: undo that, or run {restore}"


@backup.command()
@json_option
@handle_backup_errors
def status(as_json: bool) -> None:
    """Show the status: last backup, next run, space, problems.

    The first line is the answer of the panel. Exits with 0 unless something is bad, then by the
    worst of it: 21 when the last restore failed and could not be reversed, 18 when the current
    data is damaged, 14 when the disk of the database is full or the next backup will not
    fit, 10 when the backup folder cannot be used or written, 12 without a good backup that is
    recent enough, 24 when no destination has one, or its copies cannot be opened, and 90 when none
    but damaged ones are there. A
    new site without any backup exits with 0.

    With --json the answer is in `severity` (`ok`, `warn` or `bad`), `headline` says which backups
    there are, and each problem is in `problems`, the worst first: `kind`, `severity`, and what
    applies of `caused_by` (other kinds, which explain it), `since`, `count`, `code`, `reason` with
    its `details`, `detail` (a sentence), `operation_id`, `backup_ids`, `recipients`, `free_bytes`,
    `needed_bytes`, `full_at`, `destinations` (names), `trouble` (why the last attempts at copying
    or reading failed), `state` (of the copies) and `files`.
    """
    seen = assess(current_application())
    snapshot, findings = seen.snapshot, seen.findings
    if as_json:
        facts = status_facts(snapshot, findings)
        print_json(facts | {"running": snapshot.running})
    else:
        _print_status(snapshot, findings)
    raise click.exceptions.Exit(status_code(findings))


def _failures(findings: Findings, offsite: OffsiteStatus | None) -> Iterator[str]:
    """Yield the failures at destinations that are no problem yet: a service may be away a while."""
    known = {name for each in findings.problems for name in each.destinations}
    for status in offsite.destinations if offsite else ():
        last = status.trouble
        if last and not status.destination.paused and status.destination.name not in known:
            sentence, _ = trouble_words(last.trouble, last.facts)
            next_try = f"; next try {moment(last.next_try_at)}" if last.next_try_at else ""
            yield (
                f"{status.destination.name} fails since {moment(last.since)}: {sentence}{next_try}"
            )


def _print_status(snapshot: Snapshot, findings: Findings) -> None:
    """Print the answer first, and every problem at the end."""
    is_full = findings.find(ProblemKind.DATA_DISK_FULL) is not None
    now = Situation(snapshot.latest, snapshot.live_problem, is_full, bool(snapshot.unjudged))
    put(_answer(findings, now), fg=_COLOURS[findings.severity])
    attempt, listing = snapshot.last_attempt, snapshot.listing
    if latest := snapshot.latest:
        kind = "" if latest.kind in MADE_HERE else f", {latest.kind}: {clean_note(latest.note)}"
        put(f"Last good backup: {moment(latest.created_at)} {latest.id}{kind}")
    if attempt:
        why = f" ({attempt.error})" if attempt.error else ""
        put(f"Last attempt:     {moment(attempt.started_at)}{why}")
    next_run = moment(snapshot.next_run_at) if snapshot.next_run_at else "schedule off"
    put(f"Next run:         {next_run if snapshot.knows_settings else 'not known'}")
    if listing:
        counts = ", ".join(f"{count} {state}" for state, count in listing.counts_by_state.items())
        put(f"Backups:          {counts}; {size(listing.stored_bytes)} used")
    if listing and snapshot.offsite and snapshot.offsite.places.copies:
        put(f"Copies:           {_copies(snapshot.offsite, snapshot.now)}")
    for line in _failures(findings, snapshot.offsite):
        put(line, lead="Copying:          ")
    if snapshot.space:
        put(f"Free space:       {size(snapshot.space.free_bytes)}")
    if snapshot.is_open_to_others:
        put("Readable by:      every user of this machine; the disk keeps no file modes")
    if snapshot.running:
        running = snapshot.running
        share = f", {running.done * 100 // running.total} %" if running.total else ""
        stage = f", {STAGES[running.stage].lower()}{share}" if running.stage else ""
        put(
            f"Running:          {OPERATIONS[running.verb]} by {running.by}"
            f" since {moment(running.started_at)}{stage}"
        )
    for problem in findings.problems:
        severity = click.style(f"{problem.severity}:", fg=_COLOURS[problem.severity])
        causes = explains(findings.problems, problem)
        because = f" [cause: {', '.join(BRIEFLY[c] for c in causes)}]" if causes else ""
        put(f"{_problem(problem, now)}{because}", lead=f"{severity:<18}")


def _copies(offsite: OffsiteStatus, now: datetime) -> str:
    """Return in how many places a recent good backup is, and how old the newest elsewhere is."""
    newest_at = offsite.places.newest_at
    newest = f"; newest copy elsewhere: {long(now - newest_at)} old" if newest_at else ""
    return f"{places_words(offsite.places)}{newest}"


def _answer(findings: Findings, now: Situation) -> str:
    """Return the first line: the headline and the worst problem that it does not name."""
    said = [_problem(problem, now) for problem in findings.besides[:1]]
    if findings.headline is not Headline.RECENT_GOOD or not said:
        makes_one = findings.headline is Headline.NONE_YET and now.can_back_up
        hint = ": `flask backup create` creates one" if makes_one else ""
        said.insert(0, f"{_HEADLINES[findings.headline]}{hint}")
    return " ".join(f"{words[:1].upper()}{words[1:]}." for words in said)


def _problem(problem: Problem, now: Situation) -> str:
    """Return a problem in one line."""
    reason = problem.fault.reason if problem.fault else None
    sentence = _PROBLEMS[problem.kind]
    if reason in OF_THE_VERSION:
        sentence = _OF_THE_VERSION
    elif problem.kind is ProblemKind.STALE and problem.since is None:
        sentence = _HEADLINES[Headline.NO_GOOD]
    elif problem.kind is ProblemKind.KEY_MISSING and problem.severity is Severity.WARN:
        sentence = "{copies} for a key that is not here: {destinations}"
    elif problem.only_cause:
        sentence = "the last good backup is too old"
    elif reason in OF_THE_SCHEMA and problem.kind is ProblemKind.LIVE_DAMAGED:
        sentence = _OF_THE_SCHEMA
    words = sentence.format(
        count=problem.count,
        times="attempt" if problem.count == 1 else f"{problem.count} attempts",
        backups="1 backup is" if problem.count == 1 else f"{problem.count} backups are",
        free=size(problem.free_bytes),
        needed=size(problem.needed_bytes),
        names=clean_note(", ".join(problem.names)),
        copies="1 copy is" if problem.count == 1 else f"{problem.count} copies are",
        destinations=clean_note(", ".join(problem.destinations)),
        files=clean_note(", ".join(problem.files)),
        state=problem.state or "damaged",
        verb=OPERATIONS[problem.entry.verb] if problem.entry else "",
        started=moment(problem.entry.started_at) if problem.entry else "",
        restore=f"{'space, then ' if now.is_full else ''}{now.restore}",
    )
    dated = None if problem.kind is ProblemKind.INTERRUPTED else problem.since
    since = f", since {moment(dated)}" if dated else ""
    full = f", full by {moment(problem.full_at)}" if problem.full_at else ""
    why = UNDELIVERED.get(problem.undelivered, "") or problem.detail
    detail = f" ({clean_note(why)})" if why else ""
    return f"{words}{since}{full}{detail}"
