"""`flask notifications`: recipients, heartbeat and public URL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
import sqlalchemy as sa
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError

from launcher.audit import Actor
from launcher.backup.records.operation import Outcome
from launcher.cli.exits import handle_backup_errors
from launcher.cli.failures import Failure, using_database
from launcher.cli.output import moment, one_line, print_json, print_table, put, say
from launcher.cli.problem_words import BRIEFLY
from launcher.cli.shell import stdin_line, typist
from launcher.current import current_application, current_config
from launcher.extensions import db
from launcher.models import App
from launcher.notifications import audit, recipients
from launcher.notifications.app_records import AppAlerts
from launcher.notifications.dispatch import send_notifications, send_test
from launcher.notifications.memory import HEARTBEAT, DeliveryState, Memory, read_memory
from launcher.notifications.recipients import (
    Event,
    Recipient,
    RecipientError,
    find_recipient,
    read_notification_settings,
)
from launcher.notifications.sender import Delivery, Undelivered
from launcher.settings.table import LOCALES

notifications = AppGroup("notifications", help="Manage recipients and the heartbeat.")

_WHY_NOT = {
    Undelivered.UNREACHABLE: "the service cannot be reached",
    Undelivered.TIMED_OUT: "the service did not answer in time",
    Undelivered.ANSWERED: "the service rejected the message with status {status}",
    Undelivered.REFUSED: "the service rejected the message",
}

_url_stdin = click.option(
    "--url-stdin", is_flag=True, help="Read the URL from the first line of stdin."
)


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except RecipientError as error:
        hint = (
            "`flask notifications list` lists all recipients." if error.code == "not_found" else ""
        )
        raise Failure(str(error), hint=hint) from error
    except (OSError, TimeoutError) as error:
        raise Failure(f"nothing was changed: {error}") from error


@notifications.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@_reported()
def list_(*, as_json: bool) -> None:
    """List recipients with their events and delivery status."""
    found = read_notification_settings(current_config())
    memory = read_memory(current_config())
    if as_json:
        print_json(
            {
                "recipients": [_facts(each, memory) for each in found.recipients],
                "heartbeat": found.heartbeat
                and {
                    "shown_url": found.heartbeat.shown_url,
                    "pings_start": found.heartbeat.pings_start,
                    **_delivery_facts(memory, HEARTBEAT),
                },
                "public_url": found.public_url,
            }
        )
        return
    rows = [("ID", "NAME", "EVENTS", "LANGUAGE", "URL", "LAST NOTIFIED")]
    for each in found.recipients:
        events = ", ".join(sorted(each.events))
        language = each.language or "site"
        last = _last_delivery(memory, each.id)
        rows.append((each.id, each.name, events, language, each.shown_url, last))
    if found.heartbeat:
        what = "start, end" if found.heartbeat.pings_start else "end"
        where = found.heartbeat.shown_url
        rows.append(("-", "heartbeat", what, "-", where, _last_delivery(memory, HEARTBEAT)))
    if len(rows) == 1:
        say("No recipients. `flask notifications add NAME` adds one.")
        return
    print_table(rows)


@notifications.command("add")
@click.argument("name")
@click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice([event.value for event in Event]),
    help="Event to send (repeatable). Default: failure, recovery and apps.",
)
@click.option(
    "--language",
    type=click.Choice(LOCALES),
    help="Language of its messages. Default: that of the site.",
)
@_url_stdin
@_reported()
def add(name: str, events: tuple[str, ...], language: str | None, *, url_stdin: bool) -> None:
    """Add a recipient with a URL of Apprise, which is asked for.

    \b
    Examples:
      flask notifications add phone
      echo "ntfy://ntfy.example/backups" | flask notifications add phone --url-stdin
      echo "mailto://user:password@mail.example?to=ada@example.org" \\
        | flask notifications add ada --event failure --event recovery --event success --url-stdin
    """
    made = recipients.add_recipient(
        current_config(),
        name=name,
        url=_url(url_stdin=url_stdin),
        events=events or recipients.USUAL_EVENTS,
        language=language or "",
    )
    _keep(audit.record_created, made)
    say(f"Recipient {made.name} added. Test it with `flask notifications test {made.id}`.")
    put(made.id)


@notifications.command("change")
@click.argument("reference", metavar="ID|NAME")
@click.option("--name", help="New name.")
@click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice([event.value for event in Event]),
    help="Event to send in place of all others (repeatable).",
)
@click.option(
    "--language",
    type=click.Choice(["site", *LOCALES]),
    help="Language of its messages. `site` for that of the site.",
)
@_reported()
def change(reference: str, name: str | None, events: tuple[str, ...], language: str | None) -> None:
    """Change name, events or language of a recipient.

    \b
    Examples:
      flask notifications change phone --language de
      flask notifications change phone --event failure --event recovery --event apps
    """
    found = find_recipient(read_notification_settings(current_config()), reference)
    changed = recipients.change_recipient(
        current_config(),
        found.id,
        name=found.name if name is None else name,
        events=events or found.events,
        language=None if language is None else language.removeprefix("site"),
        seen=found,
    )
    if changed == found:
        say("No changes to save.")
        return
    _keep(audit.record_changed, found, changed)
    say(f"Recipient {changed.name} saved.")


@notifications.command("remove")
@click.argument("reference", metavar="ID|NAME")
@_reported()
def remove(reference: str) -> None:
    """Remove a recipient."""
    found = find_recipient(read_notification_settings(current_config()), reference)
    _keep(audit.record_removed, recipients.remove_recipient(current_config(), found.id))
    say(f"Recipient {found.name} removed.")


@notifications.command("send")
@handle_backup_errors
def send() -> None:
    """Send the notifications that are due.

    The server does so each minute, and so does `flask backup run-scheduled`. Prints the problems
    that people were notified of and that have not ended, apps among them.
    """
    found = send_notifications(current_application())
    if found is None:
        say("Another process is sending notifications now.")
        return
    for alert in found.alerts.notified:
        put(f"{BRIEFLY[alert.kind]}, notified {moment(alert.notified_at)}")
    _put_apps(read_memory(current_config()).apps)


def _put_apps(alerts: AppAlerts) -> None:
    if alerts.offline_notified_at:
        put(f"this server is offline, notified {moment(alerts.offline_notified_at)}")
    open_ = [each for each in alerts.apps.values() if each.over_at is None]
    if not open_:
        return
    with using_database(writes=False):
        query = sa.select(App.id, App.name).where(App.id.in_([each.app_id for each in open_]))
        names = {row.id: row.name for row in db.session.execute(query)}
    for each in open_:
        name = one_line(names.get(each.app_id, f"app {each.app_id}"))
        what = "is flapping" if each.is_flapping else "is down"
        put(f"{name} {what}, notified {moment(each.notified_at)}")


@notifications.command("test")
@click.argument("reference", metavar="ID|NAME")
@_reported()
def test(reference: str) -> None:
    """Send a test message and print whether it arrived."""
    found = find_recipient(read_notification_settings(current_config()), reference)
    delivery = send_test(current_application(), found.id)
    outcome = Outcome.SUCCEEDED if delivery.is_done else Outcome.FAILED
    _keep(audit.record_test, found, outcome)
    if not delivery.is_done:
        raise Failure(f"the test message to {found.name} failed: {_why_not(delivery)}")
    say(f"Test message sent to {found.name}.")


@notifications.command("heartbeat")
@_url_stdin
@click.option("--start", "pings_start", is_flag=True, help="Also ping /start when a backup starts.")
@click.option("--off", is_flag=True, help="Remove the heartbeat.")
@_reported()
def heartbeat(*, url_stdin: bool, pings_start: bool, off: bool) -> None:
    """Set the URL to ping after each scheduled backup."""
    url = "" if off else _url(url_stdin=url_stdin)
    if not (off or url):
        raise click.UsageError("there is no URL")
    before = read_notification_settings(current_config()).heartbeat
    recipients.set_heartbeat(current_config(), url, pings_start=pings_start)
    after = read_notification_settings(current_config()).heartbeat
    if after != before:
        _keep(audit.record_heartbeat, before, after)
    say("Heartbeat removed." if off else "Heartbeat saved.")


@notifications.command("public-url")
@click.argument("url", default="")
@_reported()
def public_url(url: str) -> None:
    """Set the public URL of this site, or remove it without URL."""
    before = read_notification_settings(current_config()).public_url
    recipients.set_public_url(current_config(), url)
    after = read_notification_settings(current_config()).public_url
    if after != before:
        _keep(audit.record_public_url, before, after)
    say(f"Messages link to {url}." if url else "Messages have no link.")


def _keep(record: Callable[..., None], *facts: object) -> None:
    """Keep an audit entry of a change; the change stands, even where the database takes none."""
    try:
        with using_database():
            record(*facts, actor=Actor(typist()))
            db.session.commit()
    except Failure as failure:
        say(f"No entry was added to the audit log: {failure.message}.")
    except SQLAlchemyError as error:
        first_line = str(error).partition("\n")[0]
        say(f"No entry was added to the audit log: {first_line}.")


def _url(*, url_stdin: bool) -> str:
    if url_stdin:
        return stdin_line("address").strip()
    return str(click.prompt("URL", hide_input=True, err=True))


def _why_not(delivery: Delivery) -> str:
    words = _WHY_NOT.get(delivery.reason or Undelivered.BROKEN, "it could not be sent")
    return words.format(status=delivery.status)


def _facts(recipient: Recipient, memory: Memory) -> dict[str, object]:
    return {
        "id": recipient.id,
        "name": recipient.name,
        "events": sorted(recipient.events),
        "language": recipient.language,
        "shown_url": recipient.shown_url,
        **_delivery_facts(memory, recipient.id),
    }


def _delivery_facts(memory: Memory, key: str) -> dict[str, object]:
    state = memory.deliveries.get(key, DeliveryState())
    return {
        "notified_at": state.notified_at,
        "failed_since": state.failed_since,
        "reason": state.reason,
        "status": state.status,
        "waiting": len(state.waiting),
    }


def _last_delivery(memory: Memory, key: str) -> str:
    state = memory.deliveries.get(key, DeliveryState())
    if state.failed_since:
        why = _why_not(Delivery(reason=Undelivered(state.reason), status=state.status))
        return f"not reached since {moment(state.failed_since)}: {why}"
    return moment(state.notified_at)
