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
    Undelivered.UNKNOWN_SERVICE: _("This URL is not supported."),
    Undelivered.LOCAL_SERVICE: _("This only reaches the server itself."),
    Undelivered.LOCAL_FILE: _("This would send a file of the server."),
    Undelivered.AMBIGUOUS: _("The first # or semicolon ends this URL. The rest is ignored."),
    Undelivered.UNREACHABLE: _("The service cannot be reached."),
    Undelivered.TIMED_OUT: _("The service did not answer in time."),
    Undelivered.ANSWERED: _("The service rejected the message with status %(status)s."),
    Undelivered.REFUSED: _("The service rejected the message."),
    Undelivered.BROKEN: _("The message could not be sent."),
}

REASON_ADVICE: Mapping[Undelivered, LazyString] = {
    Undelivered.UNKNOWN_SERVICE: _(
        "Use one of the formats below or from the Apprise documentation."
    ),
    Undelivered.LOCAL_SERVICE: _("Choose a service outside this server."),
    Undelivered.LOCAL_FILE: _("Remove the part that names a file."),
    Undelivered.AMBIGUOUS: _(
        "Write %23 for # and %3B for a semicolon. Separate parameters with &."
    ),
    Undelivered.UNREACHABLE: _(
        "Check the host and port, and that this server can connect to them."
    ),
    Undelivered.TIMED_OUT: _(
        "Try again in a few minutes. If there is still no answer, check the host and port."
    ),
    Undelivered.ANSWERED: _("The token, password or topic may be wrong. Replace the URL."),
    Undelivered.REFUSED: _("The token or the recipient in the URL may be wrong. Replace the URL."),
    Undelivered.BROKEN: _("Replace the URL, then send a test message."),
}
"""What to do after a delivery failed."""

EVENT_WORDS: Mapping[Event, LazyString] = {
    Event.FAILURE: _("Failure"),
    Event.RECOVERY: _("Recovery"),
    Event.SUCCESS: _("Success"),
    Event.APPS: _("Apps"),
}

EVENT_MEANINGS: Mapping[Event, LazyString] = {
    Event.FAILURE: _("Problems, once and again after a week if they continue."),
    Event.RECOVERY: _("Problems that are resolved."),
    Event.SUCCESS: _("Each scheduled backup that was created."),
    Event.APPS: _("Apps that are down and up again, and certificates that expire."),
}

RECIPIENT_ERROR_WORDS: Mapping[str, LazyString] = {
    "name_empty": _("Enter a name."),
    "name_too_long": _("Use at most %(maximum)s characters."),
    "name_unprintable": _("Use one line without control characters."),
    "name_taken": _("Another recipient has this name."),
    "name_reserved": _("This name is reserved. Choose another one."),
    "events": _("Choose at least one event."),
    "language": _("Choose a language from the list."),
    "too_many": _("There are %(maximum)s recipients already. Remove one first."),
    "url_too_long": _("This URL is too long."),
    "url_unprintable": _("Use one line without control characters."),
    "web_address": _("Enter a URL that starts with http:// or https://."),
    "site_address": _(
        "Enter only the URL of this site, without a password, ? or #. Example: https://home.example"
    ),
    "outdated": _("Someone else changed this in the meantime"),
    "not_found": _("Someone removed this recipient or heartbeat"),
    "unreadable": _(
        "The file %(path)s cannot be read. Repair it, or remove it to start with an empty list."
    ),
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
        is_loss = problem.kind is ProblemKind.DAMAGED and problem.severity is Severity.BAD
        if problem.kind is ProblemKind.STALE or is_loss:
            lines.append(str(problems.ACTION_WORDS[PrimaryAction.BACK_UP]))
        elif problem.kind is ProblemKind.DATA_DISK_FULL:
            pass  # its text says what to do
        elif problem.kind is ProblemKind.LOW_SPACE or problem.code == SPACE:
            lines.append(str(ERROR_WORDS[SPACE].hint))
        mood = "failure" if problem.severity is Severity.BAD else "warning"
    return Message(heading, "\n".join(filter(None, lines)), mood)


def compose_success(entry: JournalEntry, snapshot: Snapshot) -> Message:
    """Return the message that a scheduled backup was created."""
    heading = gettext("Scheduled backup created")
    lines = [gettext("Backup ID: %(id)s", id=entry.backup_id)]
    if snapshot.next_run_at:
        lines.append(gettext("Next run: %(moment)s", moment=exact(snapshot.next_run_at)))
    return Message(heading, "\n".join(lines), "success")


def compose_test() -> Message:
    """Return a test message."""
    text = gettext("Notifications work. You will get a message like this if backups fail.")
    return Message(gettext("Test message"), text)


def signed(message: Message, *, site_name: str, panel_url: str) -> Message:
    """Return a message with the name of the site in front and the URL of the panel at its end."""
    body = "\n".join(filter(None, (message.body, panel_url)))
    return replace(message, title=f"{site_name}: {message.title}", body=body)


def _still_holds(snapshot: Snapshot) -> str:
    if snapshot.listing is None:
        return ""
    last = snapshot.last_good
    if last is None:
        return gettext("There is no good backup.")
    return gettext(
        "Last good backup: %(moment)s (%(id)s)",
        moment=exact(last.created_at),
        id=last.id,
    )


def _lasted(alert: Alert, now: datetime) -> str:
    hours = (now - (alert.since or alert.seen_at)).total_seconds() / 3600
    if hours < 1:
        return ""
    return gettext("Duration: %(hours)s h", hours=number(hours))
