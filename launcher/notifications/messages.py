"""The texts of messages, of delivery failures and of refused recipients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from flask_babel.speaklater import LazyString

from launcher.backup.records.operation import JournalEntry
from launcher.i18n import problems
from launcher.i18n.formats import exact, number
from launcher.i18n.labels import ERROR_WORDS
from launcher.i18n.locale import gettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.monitoring.problems import SPACE, PrimaryAction, ProblemKind, Severity
from launcher.monitoring.snapshot import Snapshot
from launcher.notifications.alerts import Alert, AlertChange, AlertEvent
from launcher.notifications.recipients import Event, RecipientError
from launcher.notifications.sender import Delivery, Message, Undelivered

REASON_WORDS: Mapping[Undelivered, LazyString] = {
    Undelivered.UNKNOWN_SERVICE: _("This is no address of a service that can be told."),
    Undelivered.LOCAL_SERVICE: _("This would reach nobody but the server itself."),
    Undelivered.LOCAL_FILE: _("This would read a file of the server and send it."),
    Undelivered.AMBIGUOUS: _("A # or ; ends this address early, and the rest would be ignored."),
    Undelivered.UNREACHABLE: _("Nobody answers there."),
    Undelivered.TIMED_OUT: _("There was no answer in time."),
    Undelivered.ANSWERED: _("The service refused it with status %(status)s."),
    Undelivered.REFUSED: _("The service did not take it."),
    Undelivered.BROKEN: _("It could not be sent."),
}

REASON_ADVICE: Mapping[Undelivered, LazyString] = {
    Undelivered.UNKNOWN_SERVICE: _("Write it as one of the examples, or as Apprise has it."),
    Undelivered.LOCAL_SERVICE: _("Choose a service that reaches a person somewhere else."),
    Undelivered.LOCAL_FILE: _("Leave out the part that names a file."),
    Undelivered.AMBIGUOUS: _("Write # as %23 and ; as %3B, and separate parameters with &."),
    Undelivered.UNREACHABLE: _("Check host and port, and that this server may go there."),
    Undelivered.TIMED_OUT: _("Try again in a while. If it stays silent, check host and port."),
    Undelivered.ANSWERED: _("Often a token, a password or a topic is wrong: set the address anew."),
    Undelivered.REFUSED: _("Check the token and who is to receive it: set the address anew."),
    Undelivered.BROKEN: _("Set the address anew, and send a test."),
}
"""What to do after a delivery failed."""

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

RECIPIENT_ERROR_WORDS: Mapping[str, LazyString] = {
    "name_empty": _("Give it a name."),
    "name_too_long": _("Use at most %(maximum)s characters."),
    "name_unprintable": _("This must be one line without control characters."),
    "name_taken": _("Another one has this name already."),
    "name_reserved": _("This name is reserved. Choose another one."),
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
"""Why a recipient or a URL was refused, by the code of `recipients.RecipientError`."""


def refusal_words(error: RecipientError) -> str:
    """Return why a recipient or a URL was refused."""
    return str(RECIPIENT_ERROR_WORDS[error.code]) % error.data


def delivery_words(delivery: Delivery) -> str:
    """Return why a message did not arrive, "" if it did."""
    if delivery.reason is None:
        return ""
    return str(REASON_WORDS[delivery.reason]) % {"status": delivery.status}


def compose(event: AlertEvent, snapshot: Snapshot) -> Message:
    """Return the message of a changed alert: what happened, what still holds, what to do."""
    problem = event.problem
    if problem is None:
        heading = str(problems.OVER_WORDS[event.alert.kind])
        lines = [_lasted(event.alert, snapshot.now), _still_holds(snapshot)]
        mood = "success"
    else:
        heading = problems.title(problem, snapshot)
        if event.change is AlertChange.STILL:
            heading = gettext("Still: %(what)s", what=heading)
        lines = [problems.text(problem, snapshot).unescape(), _still_holds(snapshot)]
        # What a button says on the page.
        if problem.kind is ProblemKind.STALE:
            lines.append(str(problems.ACTION_WORDS[PrimaryAction.BACK_UP]))
        elif problem.kind is ProblemKind.DATA_DISK_FULL:
            pass  # its text says what to do
        elif problem.kind is ProblemKind.LOW_SPACE or problem.code == SPACE:
            lines.append(str(ERROR_WORDS[SPACE].hint))
        mood = "failure" if problem.severity is Severity.BAD else "warning"
    return Message(heading, "\n".join(filter(None, lines)), mood)


def compose_success(entry: JournalEntry, snapshot: Snapshot) -> Message:
    """Return the message that a scheduled backup was created."""
    heading = gettext("The scheduled backup was made")
    lines = [gettext("It is %(id)s.", id=entry.backup_id)]
    if snapshot.next_run_at:
        lines.append(gettext("The next run: %(moment)s.", moment=exact(snapshot.next_run_at)))
    return Message(heading, "\n".join(lines), "success")


def compose_test() -> Message:
    """Return a test message."""
    text = gettext("It arrived. When backups fail, you will be told like this.")
    return Message(gettext("This is a test"), text)


def signed(message: Message, *, site_name: str, panel_url: str) -> Message:
    """Return a message with the name of the site in front and the URL of the panel at its end."""
    body = "\n".join(filter(None, (message.body, panel_url)))
    return replace(message, title=f"{site_name}: {message.title}", body=body)


def _still_holds(snapshot: Snapshot) -> str:
    if snapshot.listing is None:
        return ""
    last = snapshot.last_good
    if last is None:
        return gettext("There is no good backup at this moment.")
    return gettext(
        "The last good backup is there: %(moment)s (%(id)s).",
        moment=exact(last.created_at),
        id=last.id,
    )


def _lasted(alert: Alert, now: datetime) -> str:
    hours = (now - (alert.since or alert.seen_at)).total_seconds() / 3600
    if hours < 1:
        return ""
    return gettext("It lasted %(hours)s h.", hours=number(hours))
