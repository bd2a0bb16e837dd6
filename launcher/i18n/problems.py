"""What is wrong in a reader's words: the same sentences on pages and in messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flask_babel.speaklater import LazyString
from markupsafe import Markup

from launcher.backup.errors import OF_THE_VERSION
from launcher.backup.reasons import Reason
from launcher.backup.records.operation import Outcome
from launcher.i18n import copy_problems
from launcher.i18n.formats import ago, duration, exact, listing, long, size
from launcher.i18n.labels import ERROR_WORDS, damage, operation_words
from launcher.i18n.locale import gettext, ngettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.monitoring.problems import (
    OF_COPIES,
    SPACE,
    Findings,
    Headline,
    PrimaryAction,
    Problem,
    ProblemKind,
    Severity,
)
from launcher.monitoring.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Style:
    """How a text writes what is put into it; what is no `Markup` is escaped.

    Attributes:
        at: a moment at the beginning of a sentence, or alone.
        within: a moment in the middle of a sentence.
        path: a folder.
        strong: what the eye should find first.
    """

    at: Callable[[datetime], str] = exact
    within: Callable[[datetime], str] = exact
    path: Callable[[Path], str] = str
    strong: Callable[[str], str] = str


PLAIN = Style()
_MOST_NAMES = 3

_HEADLINES: Mapping[Headline, LazyString] = {
    Headline.STORE_AWAY: _("The backup folder cannot be read"),
    Headline.NONE_YET: _("No backup yet"),
    Headline.NONE_LEFT: _("No backups left"),
    Headline.NO_GOOD: _("There is no good backup"),
    Headline.ONLY_BROUGHT: _("Your current data is not backed up yet"),
    Headline.STALE: _("There is no good backup"),
    Headline.NEWEST_UNVERIFIED: _("The newest backup is not verified yet"),
    Headline.RECENT_GOOD: _("Last good backup: %(ago)s"),
}

ACTION_WORDS: Mapping[PrimaryAction, LazyString] = {
    PrimaryAction.BACK_UP: _("Back up now."),
    PrimaryAction.MAKE_ROOM: _("Free some space, then back up now."),
    PrimaryAction.LOOK_AGAIN: _("Fix the backup folder, then back up now."),
}

_TITLES: Mapping[ProblemKind, LazyString] = {
    ProblemKind.NOT_PUT_BACK: _(
        "The last restore stopped, and the previous data could not be returned"
    ),
    ProblemKind.LIVE_DAMAGED: _("The database is damaged"),
    ProblemKind.STORE_UNAVAILABLE: _HEADLINES[Headline.STORE_AWAY],
    ProblemKind.READ_ONLY: _("The backup folder cannot be written"),
    ProblemKind.DATA_DISK_FULL: _("The disk of the database is full"),
    ProblemKind.LOW_SPACE: _("Disk space is running low"),
    ProblemKind.RESTORE_FAILED: _("The last restore failed"),
    ProblemKind.SCHEDULER_STOPPED: _("The scheduler is not running"),
    ProblemKind.RESTORE_TEST_FAILED: _("The last restore test failed"),
    ProblemKind.NO_RECIPIENTS: _("No one is notified about problems"),
    ProblemKind.INTERRUPTED: _("The last operation was interrupted"),
    ProblemKind.SCHEDULE_OFF: _("Automatic backups are off"),
}

_COUNTED: Mapping[ProblemKind, Callable[[int], str]] = {
    ProblemKind.FAILED: lambda count: ngettext(
        "The last backup failed", "The last %(num)s backups failed", count
    ),
    ProblemKind.DAMAGED: lambda count: ngettext(
        "%(num)s backup is damaged", "%(num)s backups are damaged", count
    ),
    ProblemKind.FROM_FUTURE: lambda count: ngettext(
        "%(num)s backup is dated in the future", "%(num)s backups are dated in the future", count
    ),
    ProblemKind.UNCHECKED: lambda count: ngettext(
        "%(num)s backup not verified for over a month",
        "%(num)s backups not verified for over a month",
        count,
    ),
    ProblemKind.PRUNE_FAILED: lambda count: ngettext(
        "An old backup could not be removed",
        "%(num)s old backups could not be removed",
        count,
    ),
    ProblemKind.NOTIFICATIONS_FAILING: lambda count: ngettext(
        "%(num)s recipient cannot be reached",
        "%(num)s recipients cannot be reached",
        count,
    ),
    ProblemKind.RECIPIENT_TEST_FAILED: lambda count: ngettext(
        "The test of %(num)s recipient failed", "The tests of %(num)s recipients failed", count
    ),
}

_TEXTS: Mapping[ProblemKind, LazyString] = {
    ProblemKind.NOT_PUT_BACK: _(
        "Nothing is lost. The page of the restore lists where the files are."
        " Restore the safety backup."
    ),
    ProblemKind.LIVE_DAMAGED: _(
        "Run `flask backup restore latest` on the server. This restores the last good backup."
    ),
    ProblemKind.STORE_UNAVAILABLE: _(
        "Your data is not affected, but you cannot back up or restore until"
        " %(folder)s is available. Check that its disk is mounted and that"
        " Launcher can read it."
    ),
    ProblemKind.READ_ONLY: _(
        "You can still restore backups, but not create, delete or protect them."
        " Check the permissions of %(folder)s and that its disk is not mounted"
        " read-only."
    ),
    ProblemKind.DATA_DISK_FULL: _(
        "Changes may not be saved, and you cannot restore a backup. Only %(left)s"
        " are free. Free some space on this disk."
    ),
    ProblemKind.LOW_SPACE: _(
        "A backup temporarily needs %(needed)s. The disk of %(folder)s has %(free)s free."
    ),
    ProblemKind.STALE: _("Your current data is not backed up."),
    ProblemKind.SCHEDULER_STOPPED: _(
        "Automatic backups are not running. This usually recovers within seconds."
        " If it does not, check the server log and restart Launcher."
    ),
    ProblemKind.FROM_FUTURE: _(
        "By the clock of this server, that time is in the future. Such a backup"
        " is not used as the newest. Check the clock. If it is right now, it was"
        " wrong when the backup was created, and you can delete the backup."
    ),
    ProblemKind.UNCHECKED: _(
        "Damage could go unnoticed until you need these backups. Run “Verify"
        " older backups” on the Jobs page, or keep fewer backups."
    ),
    ProblemKind.PRUNE_FAILED: _(
        "Launcher will try again after the next scheduled backup. Check that"
        " Launcher can delete files in %(folder)s."
    ),
    ProblemKind.RECIPIENT_TEST_FAILED: _(
        "Notifications may not arrive. Check the recipient, then send another test."
    ),
    ProblemKind.NO_RECIPIENTS: _(
        "You only see problems here and on the start page. Add a recipient to be"
        " notified by phone or e-mail."
    ),
    ProblemKind.SCHEDULE_OFF: _(
        "Nothing is backed up automatically, and no one is notified when the last backup is old."
    ),
}

_ALTERED: Mapping[Reason, LazyString] = {
    Reason.LIVE_OBJECT_DIFFERENT: _(
        "“%(object)s” in the database was altered, so it cannot be backed up."
    ),
    Reason.LIVE_OBJECT_MISSING: _(
        "“%(object)s” is missing from the database, so it cannot be backed up."
    ),
}


OVER_WORDS: Mapping[ProblemKind, LazyString] = {
    ProblemKind.NOT_PUT_BACK: _("The data is complete again"),
    ProblemKind.LIVE_DAMAGED: _("The database opens again"),
    ProblemKind.STORE_UNAVAILABLE: _("The backup folder is available again"),
    ProblemKind.READ_ONLY: _("The backup folder can be written again"),
    ProblemKind.DATA_DISK_FULL: _("The disk of the database has enough space again"),
    ProblemKind.LOW_SPACE: _("There is enough space for backups again"),
    ProblemKind.FAILED: _("Backups succeed again"),
    ProblemKind.STALE: _("There is a recent backup again"),
    ProblemKind.DAMAGED: _("All backups are undamaged again"),
    ProblemKind.RESTORE_FAILED: _("A restore or a backup succeeded since"),
    ProblemKind.SCHEDULER_STOPPED: _("The scheduler is running again"),
    ProblemKind.RESTORE_TEST_FAILED: _("A restore test succeeded again"),
    ProblemKind.FROM_FUTURE: _("All backups have correct dates again"),
    ProblemKind.UNCHECKED: _("Every backup was verified within the last month again"),
    ProblemKind.PRUNE_FAILED: _("Old backups are removed again"),
    ProblemKind.NOTIFICATIONS_FAILING: _("Notifications arrive again"),
    ProblemKind.RECIPIENT_TEST_FAILED: _("Test messages arrive again"),
    ProblemKind.NO_RECIPIENTS: _("Someone is notified about problems again"),
    ProblemKind.INTERRUPTED: _("An operation was completed since"),
    ProblemKind.SCHEDULE_OFF: _("Automatic backups are on again"),
    **copy_problems.OVER_WORDS,
}
"""What is true once a problem is over."""

_AFTER_INTERRUPTION = {
    "restored": _("The backup was restored. Your data is complete."),
    "unchanged": _("Your data is unchanged. No partial files remain."),
    "unreadable": _("The database could not be read afterwards."),
}


def headline(findings: Findings, snapshot: Snapshot) -> str:
    """Return the sentence that stands first."""
    last = snapshot.last_good
    if findings.headline is Headline.STALE and last and last.is_from_future(snapshot.now):
        return gettext("Every good backup is dated in the future")
    if findings.headline is Headline.STALE and last:
        length = long(snapshot.now - last.created_at)
        return gettext("No good backup for %(length)s", length=length)
    since = ago(last.created_at, now=snapshot.now) if last else ""
    return _filled(_HEADLINES[findings.headline], {"ago": since})


def answer(findings: Findings, snapshot: Snapshot, style: Style = PLAIN) -> str:
    """Return in a few words whether the data is safe: the headline, or the worst besides it."""
    if findings.headline is Headline.RECENT_GOOD and findings.besides:
        return title(findings.besides[0], snapshot, style)
    return headline(findings, snapshot)


def title(problem: Problem, snapshot: Snapshot, style: Style = PLAIN) -> str:
    """Return what is wrong in a few words."""
    match problem.kind:
        case ProblemKind.LIVE_DAMAGED if _is_of_version(problem):
            words = gettext("This version cannot use the database")
        case ProblemKind.LIVE_DAMAGED if _altered(problem):
            words = gettext("The database was altered")
        case ProblemKind.STALE:
            words = headline(Findings((), headline=Headline.STALE), snapshot)
        case ProblemKind.LOW_SPACE if problem.severity is Severity.BAD:
            words = gettext("The next backup will not fit on the disk")
        case ProblemKind.DAMAGED if len(problem.backups) == 1:
            day = style.within(problem.backups[0].created_at)
            words = gettext("The backup from %(day)s is damaged", day=day)
        case ProblemKind.NOTIFICATIONS_FAILING if problem.undelivered == "unreadable":
            words = gettext("The list of recipients cannot be read")
        case ProblemKind.NOTIFICATIONS_FAILING if len(problem.names) == 1:
            words = gettext("%(name)s cannot be reached", name=problem.names[0])
        case ProblemKind.RECIPIENT_TEST_FAILED if len(problem.names) <= _MOST_NAMES:
            words = ngettext(
                "The last test message failed: %(names)s",
                "The last test messages failed: %(names)s",
                len(problem.names),
                names=listing(problem.names),
            )
        case kind if kind in OF_COPIES:
            words = copy_problems.title(problem, snapshot)
        case kind if kind in _COUNTED:
            words = _COUNTED[kind](problem.count)
        case kind:
            words = str(_TITLES[kind])
    return words


def text(problem: Problem, snapshot: Snapshot, style: Style = PLAIN) -> Markup:
    """Return what that means and what to do, as markup: `unescape` it where none is wanted."""
    if problem.kind in OF_COPIES:
        return Markup(" ").join(copy_problems.text(problem, snapshot, style.within))
    when, entry, space = problem.since, problem.entry, snapshot.space
    at = style.at
    if problem.kind is ProblemKind.FAILED and entry:
        when = entry.started_at
    elif problem.kind is ProblemKind.INTERRUPTED and entry:
        when, at = entry.started_at, style.within
    elif problem.kind is ProblemKind.LOW_SPACE:
        when, at = problem.full_at, style.within
    elif problem.kind is ProblemKind.STALE and snapshot.last_good:
        when, at = snapshot.last_good.created_at, lambda moment: style.strong(style.within(moment))
    values = {
        "when": at(when) if when else "",
        "folder": style.path(snapshot.folder),
        "needed": size(problem.needed_bytes),
        "left": size(problem.free_bytes),
        "free": size(space.free_bytes if space else problem.free_bytes),
        "reason": ERROR_WORDS.get(problem.code, ERROR_WORDS["internal"]).title,
        "visible": duration(entry.visible_s) if entry and entry.visible_s is not None else "",
        "damage": damage(problem.backups[0].verification.fault if problem.backups else None),
        "names": ", ".join(problem.names),
        "object": problem.fault.facts.get("name", "") if problem.fault else "",
        "what": operation_words(entry) if entry else "",
        "who": entry.by if entry else "",
        "destination": str(entry.facts.get("destination", "")) if entry else "",
    }
    return Markup(" ").join(_filled(words, values) for words in _sentences(problem, snapshot))


def _is_of_version(problem: Problem) -> bool:
    return problem.fault is not None and problem.fault.reason in OF_THE_VERSION


def _filled(words: LazyString, values: Mapping[str, object]) -> Markup:
    return Markup(str(words)) % values  # noqa: S704  (the words are ours, the values are escaped)


def _sentences(problem: Problem, snapshot: Snapshot) -> Iterator[LazyString]:
    match problem.kind:
        case ProblemKind.LIVE_DAMAGED:
            yield from _of_the_database(problem, snapshot)
        case ProblemKind.FAILED:
            yield from _of_failure(problem, snapshot)
            yield _("No partial files remain.")
        case ProblemKind.STALE if snapshot.last_good:
            yield _(
                "The last good backup, from %(when)s, can be restored. Changes since then"
                " are not backed up yet."
            )
        case ProblemKind.LOW_SPACE if problem.full_at and problem.severity is Severity.WARN:
            yield _TEXTS[ProblemKind.LOW_SPACE]
            yield _("At this rate the disk will be too full for backups from %(when)s.")
        case ProblemKind.DAMAGED:
            yield from _of_damage(problem, snapshot)
        case ProblemKind.INTERRUPTED:
            yield _(
                "%(what)s, started %(when)s by %(who)s. The process was stopped before it finished."
            )
            data = str(problem.entry.facts.get("data")) if problem.entry else ""
            untouched = _("No partial files remain, and your data is unchanged.")
            yield _AFTER_INTERRUPTION.get(data, untouched)
        case ProblemKind.RESTORE_FAILED:
            yield from _of_failed_restore(problem)
        case ProblemKind.RESTORE_TEST_FAILED:
            yield from _of_restore_test(problem, snapshot)
        case ProblemKind.NOTIFICATIONS_FAILING if problem.undelivered == "unreadable":
            yield _("Until this is fixed, no one is notified when backups fail.")
        case ProblemKind.NOTIFICATIONS_FAILING:
            if len(problem.names) > 1:
                yield _("Since %(when)s: %(names)s.")
            yield _(
                "If backups fail now, they may not be notified. Launcher will try again"
                " automatically. Send a test message to see the reason."
            )
        case kind:
            yield _TEXTS[kind]


def _of_damage(problem: Problem, snapshot: Snapshot) -> Iterator[LazyString]:
    """Say what can still be restored: the next step differs where nothing can."""
    is_one = len(problem.backups) == 1
    if is_one:
        yield _("Problem found: %(damage)s.")
    if snapshot.latest is None and not snapshot.unjudged:
        yield _("No backup can be restored now. Check the disk. It may be failing.")
        yield _("If you have an undamaged copy of a backup, upload it.")
    elif is_one:
        yield _(
            "This backup cannot be restored. If more backups are damaged, the disk may be failing."
        )
    else:
        yield _(
            "These backups cannot be restored. Verify the others and check the disk. It may be"
            " failing."
        )


def _altered(problem: Problem) -> LazyString | None:
    """Return how the schema was altered, None when it was not."""
    return _ALTERED.get(problem.fault.reason) if problem.fault else None


def _of_the_database(problem: Problem, snapshot: Snapshot) -> Iterator[LazyString]:
    if _is_of_version(problem):
        yield _(
            "Run `flask database upgrade` on the server. It reports the reason and the next step."
        )
    elif altered := _altered(problem):
        yield altered
        yield _("Undo that change, or restore a backup. The current files are kept.")
    elif snapshot.latest is None and snapshot.unjudged:
        yield _(
            "The list has no good backup, but some are not verified yet. Run `flask"
            " backup verify --all` on the server, then `flask backup restore latest`."
        )
    elif snapshot.latest is None:
        yield _(
            "The list has no good backup. Run `flask backup restore FILE` on the"
            " server, with a backup file from elsewhere."
        )
    else:
        yield _TEXTS[ProblemKind.LIVE_DAMAGED]


def _of_failed_restore(problem: Problem) -> Iterator[LazyString]:
    if problem.entry and problem.entry.visible_s is not None:
        yield _("%(when)s: your data is back. The restored data was visible for %(visible)s.")
    else:
        yield _("%(when)s: %(reason)s.")
    if problem.code != SPACE:  # of space, messages say what helps
        yield ERROR_WORDS.get(problem.code, ERROR_WORDS["internal"]).hint


def _of_restore_test(problem: Problem, snapshot: Snapshot) -> Iterator[LazyString]:
    yield _("%(when)s: %(reason)s.")
    if problem.entry and problem.entry.facts.get("destination"):
        yield _("The copy was from %(destination)s.")
    yield (
        _("Your data is unchanged. Test another backup, so that you know one that can be restored.")
        if snapshot.listing and len(snapshot.listing.backups) > 1
        else _("Your data is unchanged. Create another backup and test that one.")
    )


def _of_failure(problem: Problem, snapshot: Snapshot) -> Iterator[LazyString]:
    if problem.entry and problem.entry.outcome is Outcome.INTERRUPTED:
        yield _("%(when)s: the process was stopped before it finished.")
    elif problem.code == "insufficient_space":
        is_over = snapshot.space and not snapshot.space.is_full
        yield (
            _("%(when)s: not enough space. Now %(free)s are free.")
            if is_over
            else _("%(when)s: not enough space.")
        )
    else:
        yield _("%(when)s: %(reason)s.")
        yield ERROR_WORDS.get(problem.code, ERROR_WORDS["internal"]).hint
