"""What is wrong in a person's words: for messages, and for the pages that show the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from launcher.alarms import Alarm, News, Tiding
from launcher.i18n.formats import exact, number, size
from launcher.i18n.labels import ERROR_WORDS
from launcher.i18n.locale import gettext, ngettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.messenger import Delivery, Message, Reason
from launcher.targets import Event, NoticeError
from launcher.watch import Concern, Tone, Trouble

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

    from launcher.backup.records import JournalEntry
    from launcher.setting_table import SiteSettings
    from launcher.situation import Situation


@dataclass(frozen=True, slots=True)
class ConcernWords:
    """A trouble by name, what to do about it, and what is true once it is over."""

    title: LazyString
    advice: LazyString
    over: LazyString


CONCERN_WORDS: Mapping[Concern, ConcernWords] = {
    Concern.NOT_PUT_BACK: ConcernWords(
        _("A restore stopped half way"),
        _("Restore the safety backup that was made before it."),
        _("The data is whole again"),
    ),
    Concern.LIVE_DAMAGED: ConcernWords(
        _("The database is damaged"),
        _("Run `flask backup restore latest` on the server: it brings the last good backup back."),
        _("The database opens again"),
    ),
    Concern.STORE_UNAVAILABLE: ConcernWords(
        _("The folder of backups cannot be used"),
        _("See that its disk is mounted and that Launcher may write there."),
        _("The folder of backups can be used again"),
    ),
    Concern.READ_ONLY: ConcernWords(
        _("Nothing can be written to the folder of backups"),
        _("See that its disk is not mounted read-only and that Launcher may write there."),
        _("The folder of backups can be written again"),
    ),
    Concern.LOW_SPACE: ConcernWords(
        _("The disk of the backups fills up"),
        _("Make room: delete backups you do not need, or move the folder to a larger disk."),
        _("There is room for backups again"),
    ),
    Concern.FAILED: ConcernWords(
        _("Backups fail"),
        _("Make a backup by hand and read what stands in its way."),
        _("Backups succeed again"),
    ),
    Concern.STALE: ConcernWords(
        _("There was no good backup for too long"),
        _("Make a backup by hand, and see why the schedule makes none."),
        _("There is a recent backup again"),
    ),
    Concern.DAMAGED: ConcernWords(
        _("A backup is damaged"),
        _("Do not count on it. Check the disk, and delete it once you have a newer one."),
        _("No backup is damaged any more"),
    ),
    Concern.SCHEDULER_STOPPED: ConcernWords(
        _("The scheduled work is not running"),
        _("See that the server runs, or have `flask backup run-scheduled` run by a timer."),
        _("The scheduled work is running again"),
    ),
    Concern.REHEARSAL_FAILED: ConcernWords(
        _("A rehearsed restore failed"),
        _("Rehearse another backup, so that you know which one can be restored."),
        _("A rehearsed restore succeeded again"),
    ),
    Concern.UNCHECKED: ConcernWords(
        _("Backups were not verified for over a month"),
        _(
            "See on the page of the jobs how far the verifying comes. If it has too little time,"
            " keep fewer backups."
        ),
        _("Every backup was verified within the last month again"),
    ),
    Concern.PRUNE_FAILED: ConcernWords(
        _("Old backups could not be cleared out"),
        _("See that Launcher may delete files in the folder of backups."),
        _("Old backups are cleared out again"),
    ),
    Concern.NOTICES_FAILING: ConcernWords(
        _("Notifications do not arrive"),
        _("Send a test, and correct the address if it fails again."),
        _("Notifications arrive again"),
    ),
    Concern.NOBODY_TOLD: ConcernWords(
        _("Nobody is told of this"),
        _("Say who is to be told, so that somebody hears of it without looking."),
        _("Somebody is told again"),
    ),
    Concern.INTERRUPTED: ConcernWords(
        _("The last operation was interrupted"),
        _("Start it again; nothing half-done was left."),
        _("An operation was finished since"),
    ),
    Concern.SCHEDULE_OFF: ConcernWords(
        _("The schedule is switched off"),
        _("Switch it on, or remember to make backups by hand."),
        _("The schedule is switched on again"),
    ),
}

REASON_WORDS: Mapping[Reason, LazyString] = {
    Reason.UNKNOWN_SERVICE: _("This is no address of a service that can be told."),
    Reason.LOCAL_SERVICE: _("This would reach nobody but the server itself."),
    Reason.LOCAL_FILE: _("This would read a file of the server and send it."),
    Reason.UNREACHABLE: _("Nobody answers there."),
    Reason.TIMED_OUT: _("There was no answer in time."),
    Reason.ANSWERED: _("The service refused it with status %(status)s."),
    Reason.REFUSED: _("The service did not take it."),
    Reason.BROKEN: _("It could not be sent."),
}

REASON_ADVICE: Mapping[Reason, LazyString] = {
    Reason.UNKNOWN_SERVICE: _("Write it as one of the examples, or as Apprise has it."),
    Reason.LOCAL_SERVICE: _("Choose a service that reaches a person somewhere else."),
    Reason.LOCAL_FILE: _("Leave out the part that names a file."),
    Reason.UNREACHABLE: _("Check host and port, and that this server may go there."),
    Reason.TIMED_OUT: _("Try again in a while. If it stays silent, check host and port."),
    Reason.ANSWERED: _("Often a token, a password or a topic is wrong: set the address anew."),
    Reason.REFUSED: _("Check the token and who is to receive it: set the address anew."),
    Reason.BROKEN: _("Set the address anew, and send a test."),
}
"""What to do when somebody was not told."""

EVENT_WORDS: Mapping[Event, LazyString] = {
    Event.FAILURE: _("Failure"),
    Event.RECOVERY: _("Recovery"),
    Event.SUCCESS: _("Success"),
}

EVENT_MEANINGS: Mapping[Event, LazyString] = {
    Event.FAILURE: _("Something is wrong: once, and again after a week if it still is."),
    Event.RECOVERY: _("It is well again."),
    Event.SUCCESS: _("Each scheduled backup that was made."),
}

NOTICE_WORDS: Mapping[str, LazyString] = {
    "name_empty": _("Give it a name."),
    "name_too_long": _("Use at most %(maximum)s characters."),
    "name_unprintable": _("This must be one line without control characters."),
    "name_taken": _("Another one has this name already."),
    "events": _("Choose at least one of those offered."),
    "too_many": _("There are %(maximum)s already. Remove one first."),
    "url_too_long": _("This address is too long."),
    "url_unprintable": _("This must be one line without control characters."),
    "web_address": _("This must be a web address that begins with http:// or https://."),
    "site_address": _(
        "This must be the address of the site alone, without a password, ? or #:"
        " https://home.example"
    ),
    "outdated": _("Somebody else changed it meanwhile"),
    "not_found": _("It is gone: somebody removed it."),
    "unreadable": _("The file %(path)s cannot be read. Repair it, or remove it to begin anew."),
    **{reason.value: words for reason, words in REASON_WORDS.items()},
}
"""Why a target or an address will not do, by the code of `targets.NoticeError`."""


def refusal_words(error: NoticeError) -> str:
    """Return why a target or an address will not do."""
    return str(NOTICE_WORDS[error.code]) % error.data


def delivery_words(delivery: Delivery) -> str:
    """Return why something did not arrive, "" when it did."""
    if delivery.reason is None:
        return ""
    return str(REASON_WORDS[delivery.reason]) % {"status": delivery.status}


def title(trouble: Trouble) -> str:
    """Return the trouble by name."""
    if trouble.concern is Concern.DAMAGED:
        return ngettext("%(num)s backup is damaged", "%(num)s backups are damaged", trouble.count)
    if trouble.concern is Concern.UNCHECKED:
        return ngettext(
            "%(num)s backup was not verified for over a month",
            "%(num)s backups were not verified for over a month",
            trouble.count,
        )
    if trouble.concern is Concern.LOW_SPACE and trouble.tone is Tone.BAD:
        return gettext("The next backup will not fit on the disk")
    return str(CONCERN_WORDS[trouble.concern].title)


def advice(trouble: Trouble) -> str:
    """Return what to do next."""
    if trouble.concern in {Concern.FAILED, Concern.REHEARSAL_FAILED} and (
        words := ERROR_WORDS.get(trouble.code)
    ):
        return str(words.hint)
    return str(CONCERN_WORDS[trouble.concern].advice)


def details(trouble: Trouble) -> Sequence[str]:
    """Return the facts of a trouble, a sentence each."""
    return list(_details(trouble))


def _details(trouble: Trouble) -> Iterator[str]:
    since = exact(trouble.since) if trouble.since else ""
    if trouble.concern is Concern.FAILED:
        if trouble.count == 1:
            yield gettext("The last attempt failed: %(since)s.", since=since)
        else:
            yield ngettext(
                "The last %(num)s attempt failed, the first of them: %(since)s.",
                "The last %(num)s attempts failed, the first of them: %(since)s.",
                trouble.count,
                since=since,
            )
    if trouble.code in ERROR_WORDS and trouble.concern in {
        Concern.FAILED, Concern.REHEARSAL_FAILED, Concern.PRUNE_FAILED, Concern.NOT_PUT_BACK,
    }:  # fmt: skip
        yield f"{ERROR_WORDS[trouble.code].title}."
    if trouble.concern is Concern.LOW_SPACE:
        yield gettext(
            "%(free)s are free, and a backup needs %(needed)s.",
            free=size(trouble.free_bytes),
            needed=size(trouble.needed_bytes),
        )
    if trouble.full_at and trouble.tone is Tone.WARN:
        yield gettext(
            "At this rate the disk is full by: %(moment)s.", moment=exact(trouble.full_at)
        )
    if trouble.concern is Concern.DAMAGED:
        yield gettext("Damaged: %(names)s.", names=_names([b.id for b in trouble.backups]))
    if trouble.concern is Concern.NOTICES_FAILING:
        yield gettext("Not reached: %(names)s.", names=_names(trouble.names))


def _names(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(names[:most])
    left = len(names) - most
    if left <= 0:
        return shown
    return ngettext("%(names)s and %(num)s more", "%(names)s and %(num)s more", left, names=shown)


def compose(
    tiding: Tiding, *, situation: Situation, rules: SiteSettings, panel_url: str
) -> Message:
    """Return the message of one tiding: what happened, what still holds, what to do."""
    trouble = tiding.trouble
    if trouble is None:
        heading = str(CONCERN_WORDS[tiding.alarm.concern].over)
        lines = [_lasted(tiding.alarm, situation.now), _still_holds(situation)]
        mood = "success"
    else:
        heading = title(trouble)
        if tiding.news is News.STILL:
            heading = gettext("Still: %(what)s", what=heading)
        lines = [*_details(trouble), _still_holds(situation), advice(trouble)]
        mood = "failure" if trouble.tone is Tone.BAD else "warning"
    return _message(heading, lines, rules=rules, panel_url=panel_url, mood=mood)


def compose_success(
    entry: JournalEntry, *, situation: Situation, rules: SiteSettings, panel_url: str
) -> Message:
    """Return the message that the schedule made a backup."""
    heading = gettext("The scheduled backup was made")
    lines = [gettext("It is %(id)s.", id=entry.backup_id)]
    if situation.next_run_at:
        lines.append(gettext("The next run: %(moment)s.", moment=exact(situation.next_run_at)))
    return _message(heading, lines, rules=rules, panel_url=panel_url, mood="success")


def compose_test(*, rules: SiteSettings, panel_url: str) -> Message:
    """Return the message of a test."""
    heading = gettext("This is a test")
    lines = [gettext("It arrived. When backups fail, you will be told like this.")]
    return _message(heading, lines, rules=rules, panel_url=panel_url, mood="info")


def _message(
    heading: str, lines: Sequence[str], *, rules: SiteSettings, panel_url: str, mood: str
) -> Message:
    body = [line for line in lines if line]
    if panel_url:
        body.append(panel_url)
    return Message(title=f"{rules.site_name}: {heading}", body="\n".join(body), mood=mood)


def _still_holds(situation: Situation) -> str:
    if situation.listing is None:
        return gettext("Nothing was changed, and the site goes on.")
    last = situation.last_good
    if last is None:
        return gettext("There is no good backup at this moment.")
    return gettext(
        "The last good backup is there: %(moment)s (%(id)s).",
        moment=exact(last.created_at),
        id=last.id,
    )


def _lasted(alarm: Alarm, now: datetime) -> str:
    hours = (now - (alarm.since or alarm.seen_at)).total_seconds() / 3600
    if hours < 1:
        return ""
    return gettext("It lasted %(hours)s h.", hours=number(hours))
