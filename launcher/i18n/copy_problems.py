"""What is wrong with copies in other places, in a reader's words; `problems` has the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from flask_babel.speaklater import LazyString

from launcher.i18n.formats import isolated, listing, long
from launcher.i18n.locale import gettext, ngettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.i18n.offsite import trouble_words
from launcher.monitoring import copies
from launcher.monitoring.problems import Problem, ProblemKind, Severity
from launcher.offsite.records import CopyState

if TYPE_CHECKING:
    from datetime import datetime

    from launcher.monitoring.snapshot import Snapshot
    from launcher.offsite.status import OffsiteStatus

At = Callable[["datetime"], str]
"""How a moment is written in the middle of a sentence."""

OVER_WORDS: Mapping[ProblemKind, LazyString] = {
    ProblemKind.DESTINATIONS_UNREADABLE: _("The list of destinations can be read again"),
    ProblemKind.KEY_MISSING: _("All copies can be opened again"),
    ProblemKind.COPIES_STALE: _("Every destination has a recent good copy again"),
    ProblemKind.COPIES_DAMAGED: _("All copies in other places are complete again"),
    ProblemKind.COPIES_FAILING: _("Copying succeeds again"),
    ProblemKind.COPIES_UNREAD: _("All copies are read in time again"),
    ProblemKind.KIT_UNCONFIRMED: _("The recovery kit is confirmed"),
    ProblemKind.COPIES_STRANGE: _("Only copies of this site are at the destinations again"),
    ProblemKind.COPIES_PAUSED: _("Copying is resumed at every destination"),
    ProblemKind.ONE_DISK: _("Copies are on more than one disk, or one disk was accepted"),
}
"""What is true once a problem is over."""

_MOST_NAMES = 3


_COUNTED: Mapping[ProblemKind, Callable[[int], str]] = {
    ProblemKind.KEY_MISSING: lambda count: ngettext(
        "%(num)s copy cannot be opened", "%(num)s copies cannot be opened", count
    ),
    ProblemKind.COPIES_UNREAD: lambda count: ngettext(
        "%(num)s copy was not read in time", "%(num)s copies were not read in time", count
    ),
    ProblemKind.COPIES_STRANGE: lambda count: ngettext(
        "%(num)s file among the copies is not from this site",
        "%(num)s files among the copies are not from this site",
        count,
    ),
}


def title(problem: Problem, snapshot: Snapshot) -> str:
    """Return what is wrong in a few words."""
    match problem.kind:
        case ProblemKind.DESTINATIONS_UNREADABLE:
            words = gettext("The list of destinations cannot be read")
        case ProblemKind.KEY_MISSING if problem.severity is Severity.BAD:
            words = gettext("The key of the copies is missing")
        case ProblemKind.COPIES_STALE:
            words = _behind(problem, snapshot)
        case ProblemKind.COPIES_DAMAGED:
            words = _spoiled(problem)
        case ProblemKind.COPIES_FAILING:
            words = gettext("Copying to %(names)s fails", names=_names(problem))
        case ProblemKind.KIT_UNCONFIRMED:
            words = gettext("Confirm the recovery kit")
        case ProblemKind.COPIES_PAUSED:
            words = gettext("Copying to %(names)s is paused", names=_names(problem))
        case ProblemKind.ONE_DISK:
            words = gettext("All copies are on one disk")
        case kind:
            words = _COUNTED[kind](problem.count)
    return words


def _behind(problem: Problem, snapshot: Snapshot) -> str:
    if len(problem.destinations) == 1:
        if problem.since is None:
            return gettext("%(name)s has no good copy", name=_names(problem))
        length = long(snapshot.now - problem.since)
        return gettext("%(name)s is %(length)s behind", name=_names(problem), length=length)
    if problem.severity is Severity.BAD:
        return gettext("No destination has a recent good copy")
    return ngettext(
        "%(num)s destination is behind", "%(num)s destinations are behind", problem.count
    )


def _spoiled(problem: Problem) -> str:
    count = problem.count
    name = _names(problem) if len(problem.destinations) == 1 else ""
    if problem.state == CopyState.MISSING:
        if name:
            return ngettext(
                "%(num)s copy at %(name)s is missing",
                "%(num)s copies at %(name)s are missing",
                count,
                name=name,
            )
        return ngettext(
            "%(num)s copy in another place is missing",
            "%(num)s copies in other places are missing",
            count,
        )
    if name:
        return ngettext(
            "%(num)s copy at %(name)s is damaged",
            "%(num)s copies at %(name)s are damaged",
            count,
            name=name,
        )
    return ngettext(
        "%(num)s copy in another place is damaged",
        "%(num)s copies in other places are damaged",
        count,
    )


def text(problem: Problem, snapshot: Snapshot, within: At) -> Iterator[str]:
    """Yield sentences that say what that means and what to do; plain text."""
    offsite = snapshot.offsite
    match problem.kind:
        case ProblemKind.DESTINATIONS_UNREADABLE:
            yield gettext(
                "Nothing is copied to other places until this is fixed. Repair the file %(file)s"
                " in the data directory, or remove it and add the destinations again.",
                file="destinations.json",
            )
        case ProblemKind.KEY_MISSING:
            yield from _of_the_key(problem)
        case ProblemKind.COPIES_STALE:
            yield from _of_age(problem, snapshot, within)
        case ProblemKind.COPIES_DAMAGED if offsite:
            yield from _of_damage(problem, offsite, within)
        case ProblemKind.COPIES_FAILING:
            yield from _of_tries(problem, within)
        case ProblemKind.COPIES_UNREAD if offsite:
            yield from _of_reading(problem, offsite)
        case ProblemKind.KIT_UNCONFIRMED:
            yield gettext("Without its key no one can open the off-site copies, not even you.")
        case ProblemKind.COPIES_STRANGE:
            yield gettext(
                "Found at %(name)s: %(files)s. Launcher does not touch what it did not write."
                " Check who else uses this place.",
                name=isolated(next(iter(problem.destinations), "")),
                files=listing([isolated(each) for each in problem.files]),
            )
        case ProblemKind.COPIES_PAUSED:
            if problem.since:
                moment = within(problem.since)
                yield gettext("The newest good copy there is from %(moment)s.", moment=moment)
            yield gettext("Resume copying, so that newer backups are copied as well.")
        case ProblemKind.ONE_DISK:
            yield gettext(
                "If this disk fails, your data and all backups are lost together. Add a place for"
                " copies, or put backups on another disk with %(variable)s.",
                variable="LAUNCHER_BACKUP_DIR",
            )


def _names(problem: Problem) -> str:
    return listing([isolated(each) for each in problem.destinations], most=_MOST_NAMES)


def _of_the_key(problem: Problem) -> Iterator[str]:
    if problem.severity is Severity.BAD:
        yield gettext(
            "Launcher cannot open or read the copies in other places. Save the recovery kit as"
            " %(file)s in the data directory, or create a new key.",
            file="recovery_key",
        )
        return
    yield gettext(
        "At %(names)s. No key on this server opens them. Add their key to the file %(file)s in the"
        " data directory.",
        names=_names(problem),
        file="recovery_key",
    )


def _of_age(problem: Problem, snapshot: Snapshot, within: At) -> Iterator[str]:
    if len(problem.destinations) > 1:
        yield gettext("Without a recent good copy: %(names)s.", names=_names(problem))
    elif problem.since:
        moment = within(problem.since)
        yield gettext("The newest good copy there is from %(moment)s.", moment=moment)
    yield from _of_tries(problem, within)
    other = copies.covered(snapshot.offsite, now=snapshot.now) if snapshot.offsite else None
    if problem.severity is Severity.WARN and other and other.newest_good:
        yield gettext(
            "Your data is safe: %(name)s has a good copy from %(moment)s.",
            name=isolated(other.destination.name),
            moment=within(other.newest_good.backup.created_at),
        )
    elif problem.severity is Severity.BAD:
        yield gettext("If this server fails now, newer data is lost.")


def _of_tries(problem: Problem, within: At) -> Iterator[str]:
    trouble = problem.trouble
    if trouble is None:
        return
    reason, advice = trouble_words(trouble.trouble, trouble.facts)
    yield ngettext(
        "%(num)s attempt failed: %(reason)s.",
        "%(num)s attempts in a row failed: %(reason)s.",
        trouble.count,
        reason=reason,
    )
    yield advice
    if trouble.next_try_at:
        yield gettext("The next attempt: %(moment)s.", moment=within(trouble.next_try_at))


def _of_damage(problem: Problem, offsite: OffsiteStatus, within: At) -> Iterator[str]:
    again = {each.id for status in offsite.destinations for each in status.owed}
    if problem.backups and all(each.id in again for each in problem.backups):
        yield _complete_here(problem, within)
    else:
        yield _not_from_there(problem, within)
    if problem.severity is Severity.BAD:
        yield gettext(
            "No other good copy is at %(name)s.",
            name=isolated(next(iter(problem.destinations), "")),
        )
    yield gettext("Check the disk or ask the service.")


def _of_reading(problem: Problem, offsite: OffsiteStatus) -> Iterator[str]:
    days = offsite.settings.read_within_days
    yield ngettext(
        "Each copy is read in full once in %(num)s day, so that damage is found in time.",
        "Each copy is read in full once in %(num)s days, so that damage is found in time.",
        days,
    )
    if problem.trouble:
        reason, advice = trouble_words(problem.trouble.trouble, problem.trouble.facts)
        yield f"{reason}. {advice}"
    elif offsite.settings.read_bytes_a_day:
        yield gettext("Allow more bytes a day, or more days.")
    yield gettext("Not read: %(names)s.", names=_names(problem))


def _complete_here(problem: Problem, within: At) -> str:
    if len(problem.backups) == 1:
        return gettext(
            "The backup from %(day)s is complete here. Launcher copies it again.",
            day=within(problem.backups[0].created_at),
        )
    return ngettext(
        "%(num)s backup is complete here. Launcher copies it again.",
        "%(num)s backups are complete here. Launcher copies them again.",
        problem.count,
    )


def _not_from_there(problem: Problem, within: At) -> str:
    if len(problem.backups) == 1:
        return gettext(
            "The backup from %(day)s cannot be restored from there.",
            day=within(problem.backups[0].created_at),
        )
    return ngettext(
        "%(num)s backup cannot be restored from there.",
        "%(num)s backups cannot be restored from there.",
        problem.count,
    )
