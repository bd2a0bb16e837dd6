"""The words for actions, fields and actors of the audit log.

A test finds every name that the code writes, so that each has words. Unknown names, written by
another version, are shown as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from markupsafe import Markup

from launcher.accounts import refusals
from launcher.backup.records.operation import Outcome
from launcher.catalogue.check_edits import REPLACED
from launcher.i18n.check_labels import OPTIONS
from launcher.i18n.formats import day_and_time, listing, number
from launcher.i18n.labels import HEALTH_WORDS, RESTORE_TEST_WORDS, ROLE_WORDS, VERB_WORDS
from launcher.i18n.labels import KIND_WORDS as BACKUP_KINDS
from launcher.i18n.locale import LOCALES, gettext, ngettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.i18n.offsite import KEEP_RULE_WORDS, PLACE_WORDS, SERVICE_WORDS
from launcher.i18n.windows import logged_window_words
from launcher.models import AuditEvent, Health, Role
from launcher.notifications.messages import EVENT_WORDS
from launcher.offsite.records import BYTES_S_OF_MBIT, KeepRule, Place, Service
from launcher.web.boards.form import entry_words
from launcher.web.boards.sharing import ACCESSES

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

M = TypeVar("M", bound=StrEnum)

KIND_WORDS: Mapping[str, LazyString] = {
    "session": _("Sign-ins"),
    "user": _("Accounts"),
    "group": _("Groups"),
    "token": _("API tokens"),
    "settings": _("Settings"),
    "recipient": _("Notifications"),
    "board": _("Boards"),
    "app": _("Apps"),
    "tag": _("Tags"),
    "check": _("Health checks"),
    "icon": _("Icons"),
    "backup": _("Backups"),
    "destination": _("Copies in other places"),
}
"""The first half of an action."""

ACTION_WORDS: Mapping[str, LazyString] = {
    "session.create": _("Signed in"),
    "session.delete_all": _("Signed out everywhere"),
    refusals.SIGN_IN: _("Sign-in failed"),
    refusals.CONFIRMATION: _("Password confirmation failed"),
    "user.create": _("Added account %(name)s"),
    "user.set_display_name": _("Changed the display name of %(name)s"),
    "user.set_role": _("Changed the role of %(name)s"),
    "user.set_active": _("Deactivated or reactivated account %(name)s"),
    "user.set_password": _("Set a new password for %(name)s"),
    "user.set_start_page": _("Changed the start page of %(name)s"),
    "user.set_shortcuts": _("Changed the keyboard shortcuts of %(name)s"),
    "user.set_launches": _("Changed the counting of launches of %(name)s"),
    "user.delete": _("Deleted account %(name)s"),
    "group.create": _("Added group %(name)s"),
    "group.update": _("Changed group %(name)s"),
    "group.delete": _("Deleted group %(name)s"),
    "token.create": _("Created API token %(name)s"),
    "token.revoke": _("Revoked API token %(name)s"),
    "settings.update": _("Changed the settings"),
    "recipient.create": _("Added recipient %(name)s"),
    "recipient.update": _("Changed recipient %(name)s"),
    "recipient.delete": _("Removed recipient %(name)s"),
    "recipient.test": _("Sent a test message to %(name)s"),
    "recipient.set_heartbeat": _("Changed the heartbeat"),
    "recipient.ping_heartbeat": _("Pinged the heartbeat"),
    "recipient.set_public_url": _("Changed the public URL"),
    "board.create": _("Added board %(name)s"),
    "board.update": _("Changed board %(name)s"),
    "board.move": _("Moved board %(name)s"),
    "board.set_home": _("Changed the home board of the site: %(name)s"),
    "board.delete": _("Deleted board %(name)s"),
    "board.set_owner": _("Changed the owner of board %(name)s"),
    "board.add_section": _("Added a section to board %(name)s"),
    "board.rename_section": _("Renamed a section of board %(name)s"),
    "board.move_section": _("Moved a section of board %(name)s"),
    "board.delete_section": _("Deleted a section of board %(name)s"),
    "board.add_app": _("Added an app to board %(name)s"),
    "board.move_app": _("Moved an app on board %(name)s"),
    "board.remove_app": _("Removed an app from board %(name)s"),
    "board.import": _("Imported apps to board %(name)s"),
    "board.undo": _("Undid a change of board %(name)s"),
    "board.redo": _("Redid a change of board %(name)s"),
    "app.create": _("Added app %(name)s"),
    "app.update": _("Changed app %(name)s"),
    "app.archive": _("Archived app %(name)s"),
    "app.unarchive": _("Unarchived app %(name)s"),
    "app.delete": _("Deleted app %(name)s"),
    "app.undo": _("Undid a change of app %(name)s"),
    "app.redo": _("Redid a change of app %(name)s"),
    "check.update": _("Changed the check of %(name)s"),
    "check.test": _("Tested a check of %(name)s"),
    "check.pause": _("Paused checks of %(name)s"),
    "check.resume": _("Resumed checks of %(name)s"),
    "check.pause_all": _("Paused checks of all apps"),
    "check.resume_all": _("Resumed checks of all apps"),
    "check.add_window": _("Added maintenance for %(name)s"),
    "check.delete_window": _("Deleted maintenance for %(name)s"),
    "check.add_window_for_all": _("Added maintenance for all apps"),
    "check.delete_window_for_all": _("Deleted maintenance for all apps"),
    "tag.update": _("Renamed tag %(name)s"),
    "tag.delete": _("Deleted tag %(name)s"),
    "tag.undo": _("Undid a change of tag %(name)s"),
    "tag.redo": _("Redid a change of tag %(name)s"),
    "icon.replace_set": _("Uploaded a colour set"),
    "icon.remove_set": _("Removed the colour set"),
    "icon.upload": _("Uploaded icon %(name)s"),
    "icon.fetch": _("Fetched icon %(name)s"),
    "icon.delete": _("Removed icon %(name)s"),
    "backup.download": _("Downloaded a backup"),
    "destination.create": _("Added destination %(name)s"),
    "destination.update": _("Changed destination %(name)s"),
    "destination.delete": _("Removed destination %(name)s"),
    "destination.test": _("Tested destination %(name)s"),
    "destination.copy_now": _("Requested copying to %(name)s"),
    "destination.pause": _("Paused copying to %(name)s"),
    "destination.resume": _("Resumed copying to %(name)s"),
    "destination.show_kit": _("Opened the recovery kit"),
    "destination.confirm_kit": _("Confirmed the recovery kit"),
    "destination.create_key": _("Created a new key for copies"),
    "destination.add_recipient": _("Added a public key for copies"),
    "destination.remove_recipient": _("Removed a public key for copies"),
    "destination.set_rules": _("Changed the rules for all destinations"),
    "destination.accept_one_disk": _("Accepted copies on one disk"),
    "destination.withdraw_one_disk": _("No longer accepted copies on one disk"),
} | {f"backup.{verb}": words for verb, words in VERB_WORDS.items()}

FIELD_WORDS: Mapping[str, LazyString] = {
    "role": _("Role"),
    "is_active": _("May sign in"),
    "scopes": _("Scopes"),
    "expires_at": _("Expiry"),
    "display_name": _("Display name"),
    "description": _("Description"),
    "own_home": _("Own home board"),
    "open_new_tab": _("Open apps in a new tab"),
    "has_shortcuts": _("Single-key shortcuts"),
    "counts_launches": _("Count launches"),
    "site_name": _("Site name"),
    "default_locale": _("Language"),
    "language": _("Language"),
    "time_zone": _("Time zone"),
    "accent_hue": _("Accent colour"),
    "guest_access": _("Guest access"),
    "fetch_enabled": _("Fetch names and icons"),
    "fetch_private": _("Allow private networks"),
    "home_networks": _("Home networks"),
    "home_hosts": _("Home host names"),
    "checks_enabled": _("Check apps"),
    "check_interval_s": _("Seconds between checks"),
    "is_enabled": _("Checked"),
    "tested": _("Tested address"),
    "reached": _("Reached address"),
    "result": _("Result"),
    "kind": _("Kind of check"),
    "target": _("Address to check"),
    "method": _("Method"),
    "follow_redirects": _("Follow redirects"),
    "accept": _("Accepted codes"),
    "keyword": _("Text on the page"),
    "is_keyword_absent": _("Down if the page contains this text"),
    "verify": _("Verify the certificate"),
    "ca_pem": _("Certificate authority"),
    "interval_s": _("Seconds between checks"),
    "timeout_s": _("Time limit in seconds"),
    "tries": _("Tries"),
    "slow_ms": _("Slow from milliseconds"),
    "headers": _("Headers"),
    "is_notifying": _("Notify when it is down"),
    "notify_after_min": _("Minutes down before a notification"),
    "paused_until": _("Paused until"),
    "maintenance": _("Maintenance"),
    "name": _("Name"),
    "slug": _("Address of the board"),
    "density": _("Density"),
    "columns": _("Columns"),
    "visibility": _("Who can view"),
    "shared_with": _("Shared with"),
    "owner": _("Owner"),
    "members": _("Members"),
    "position": _("Position"),
    "is_home": _("Home board"),
    "board": _("Board"),
    "section": _("Section"),
    "app": _("App"),
    "apps": _("Apps"),
    "places": _("On boards"),
    "archived": _("Archived"),
    "undone": _("Undone"),
    "url": _("URL"),
    "url_local": _("Home network URL"),
    "tags": _("Tags"),
    "keywords": _("Search words"),
    "opens": _("Opens in"),
    "icon": _("Icon"),
    "letters": _("Letters"),
    "mime": _("Type"),
    "icons": _("Icons"),
    "size_bytes": _("Size in bytes"),
    "events": _("Events"),
    "shown_url": _("URL"),
    "pings_start": _("Pings the start"),
    "public_url": _("Public URL"),
    "backup_enabled": _("Scheduled backups"),
    "backup_cron_expression": _("Backup schedule"),
    "backup_max_count": _("Keep last"),
    "backup_keep_daily": _("Keep daily"),
    "backup_keep_weekly": _("Keep weekly"),
    "backup_keep_monthly": _("Keep monthly"),
    "backup_stale_after_h": _("Hours without a good backup"),
    "backup_restore_test": _("Restore test"),
    "service": _("Kind of destination"),
    "place": _("Place"),
    "encrypt": _("Encryption"),
    "kinds": _("Copied backups"),
    "keep": _("Retention there"),
    "limit_bytes_s": _("Upload limit in Mbit/s"),
    "stale_after_h": _("Alert after hours"),
    "paused": _("Paused"),
    "secrets": _("Secrets"),
    "public_key": _("Public key"),
    "label": _("Name"),
    "reason": _("Reason"),
    "until": _("Until"),
    "read_within_days": _("Days within which each copy is read"),
    "read_bytes_a_day": _("Bytes read a day at most"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One field, before and after."""

    name: str
    before: str
    after: str


def action_words(event: AuditEvent) -> Markup:
    """Return what was done to what."""
    words = ACTION_WORDS.get(event.action)
    if words is None:
        return Markup("<code>{}</code> <b>{}</b>").format(event.action, event.target_name)
    return Markup(str(words)) % {"name": Markup("<b>{}</b>").format(event.target_name)}  # noqa: S704


def changes_of(event: AuditEvent) -> Iterator[Change]:
    """Yield what changed, field by field."""
    for name, pair in _facts(event).items():
        if isinstance(pair, list) and len(pair) == 2:
            label = str(FIELD_WORDS.get(name, name))
            yield Change(label, value_words(name, pair[0]), value_words(name, pair[1]))


def attempts_words(event: AuditEvent) -> str:
    """Return how often a sign-in failed, and since when; "" for anything else."""
    attempts = _facts(event).get("attempts")
    if not isinstance(attempts, int):
        return ""
    words = ngettext("%(num)s attempt", "%(num)s attempts", attempts)
    try:
        since = datetime.fromisoformat(str(_facts(event).get("since", "")))
        return gettext("%(attempts)s since %(moment)s", attempts=words, moment=day_and_time(since))
    except (ValueError, OverflowError):
        return words


def outcome_of(event: AuditEvent) -> Outcome | None:
    """Return how an operation on backups ended; None for anything else."""
    outcome = str(_facts(event).get("outcome", ""))
    return Outcome(outcome) if outcome in set(Outcome) else None


def error_of(event: AuditEvent) -> str:
    """Return why an operation failed, in the core's sentence, or ""."""
    return str(_facts(event).get("error", ""))


def _facts(event: AuditEvent) -> Mapping[str, Any]:
    # Restored data may hold any JSON.
    return event.changes if isinstance(event.changes, dict) else {}


def value_words(field: str, value: object) -> str:
    """Return one value of a field."""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if field in _LISTED and isinstance(value, list):
        words = _LISTED[field]
        return listing([str(words[each]) for each in words if each in value])
    text = "" if value is None else str(value)
    if field == "role" and text in set(Role):
        return str(ROLE_WORDS[Role(text)])
    if field in {"visibility", "density"}:
        text = entry_words(field, text)
    if field == "shared_with":
        for access, words in ACCESSES.items():
            text = text.replace(f"({access})", f"({words})")
    if field in {"default_locale", "language"}:
        return LOCALES.get(text, text) or gettext("Same as site")
    if field == "backup_restore_test" and text in RESTORE_TEST_WORDS:
        return str(RESTORE_TEST_WORDS[text])
    if field in _TEXTS and value is not None:
        text = _TEXTS[field](text)
    if field in OPTIONS:
        text = str(OPTIONS[field].get(text, text))
    return text or gettext("none")


def _expiry_words(text: str) -> str:
    with suppress(ValueError, OverflowError):
        return day_and_time(datetime.fromisoformat(text))
    return text or gettext("never")


def _mbit_words(text: str) -> str:
    """Return a limit in the unit in which it is entered; "" for none."""
    if not text.isdecimal() or not int(text):
        return "" if text == "0" else text
    return number(int(text) / BYTES_S_OF_MBIT, digits=1)


def _member_words(words: Mapping[M, LazyString], kind: type[M], text: str) -> str:
    return str(words[kind(text)]) if text in set(kind) else text


def _result_words(text: str) -> str:
    if text == REPLACED:
        return gettext("Ended by a newer test")
    return str(HEALTH_WORDS[Health(text)]) if text in set(Health) else text


_LISTED: Mapping[str, Mapping[Any, LazyString]] = {
    "events": EVENT_WORDS,
    "kinds": BACKUP_KINDS,
}

_TEXTS: Mapping[str, Callable[[str], str]] = {
    "expires_at": _expiry_words,
    "paused_until": _expiry_words,
    "result": _result_words,
    "maintenance": logged_window_words,
    "home_networks": lambda text: ", ".join(text.split()),
    "home_hosts": lambda text: ", ".join(text.split()),
    "service": lambda text: _member_words(SERVICE_WORDS, Service, text),
    "place": lambda text: _member_words(PLACE_WORDS, Place, text),
    "keep": lambda text: _member_words(KEEP_RULE_WORDS, KeepRule, text),
    "until": _expiry_words,
    "limit_bytes_s": _mbit_words,
}
