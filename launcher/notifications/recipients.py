"""Recipients, the heartbeat and the public URL: `notifications.json` in the data directory.

Every URL is checked before it is kept. The file is readable by its owner alone. It lies outside
the database, so that no backup holds tokens and no restore changes who is notified.

Each function that changes the file raises `RecipientError` where it refuses. `seen` is what its
caller has read: if that was changed since, it refuses.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

from launcher.background.data_files import unconverted
from launcher.backup.codec import DecodeError, decode, encode, parse
from launcher.backup.files import write_atomic
from launcher.backup.locks import locked
from launcher.config import Config
from launcher.notifications import sender
from launcher.notifications.memory import HEARTBEAT
from launcher.notifications.sender import Undelivered
from launcher.settings.table import LOCALES

MAX_RECIPIENTS = 20
MAX_NAME_CHARACTERS = 60
MAX_URL_CHARACTERS = 2000
PANEL_PATH = "/admin/backups"
SETTINGS_FILE = "notifications.json"

_LOCK_PATIENCE_S = 5.0
_ID = re.compile(r"[0-9a-f]{8}")


class Event(StrEnum):
    """What a recipient may receive."""

    FAILURE = "failure"
    RECOVERY = "recovery"
    SUCCESS = "success"
    APPS = "apps"


USUAL_EVENTS = frozenset({Event.FAILURE, Event.RECOVERY, Event.APPS})
"""Those of a new recipient. One that was kept by an earlier version keeps the events it has."""


class RecipientError(ValueError):
    """A recipient or a URL was refused; nothing was changed.

    Attributes:
        code: the key of `messages.RECIPIENT_ERROR_WORDS`.
        data: what its sentence needs.
    """

    def __init__(self, code: str, message: str, **data: str | int) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


@dataclass(frozen=True, slots=True)
class Recipient:
    """A URL with a name. `url` holds secrets and is never shown; `shown_url` may be.

    Attributes:
        language: the tag of the language of its messages, "" for that of the site.
    """

    id: str
    name: str
    events: frozenset[Event]
    shown_url: str
    url: str = field(repr=False)
    language: str = ""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A URL that is pinged at every scheduled backup.

    It is pinged as it is after a success, with `/fail` at its end after a failure and, if
    `pings_start`, with `/start` before: the protocol of healthchecks.io.
    """

    shown_url: str
    url: str = field(repr=False)
    pings_start: bool = False


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """Everything in `notifications.json`. `public_url` is how a browser reaches this site."""

    recipients: tuple[Recipient, ...] = ()
    heartbeat: Heartbeat | None = None
    public_url: str = ""

    @property
    def panel_url(self) -> str:
        """The URL of the panel, "" while the public URL is not set."""
        return self.url_of(PANEL_PATH)

    def url_of(self, path: str) -> str:
        """Return the URL of a page, "" while the public URL is not set."""
        return self.public_url + path if self.public_url else ""

    def find(self, recipient_id: str) -> Recipient:
        """Return the recipient with this id, or raise `RecipientError`."""
        for each in self.recipients:
            if each.id == recipient_id:
                return each
        raise RecipientError("not_found", "there is no recipient of that name")


def read_notification_settings(config: Config) -> NotificationSettings:
    """Return the settings, empty ones where there is no file.

    Raises:
        RecipientError: the file cannot be read, or that of an earlier version not converted.
    """
    path = config.data_dir / SETTINGS_FILE
    try:
        facts = decode(dict[str, object], parse(path.read_bytes()))
        if missing := {each.name for each in fields(NotificationSettings)} - facts.keys():
            raise DecodeError("missing", field=min(missing))
        return decode(NotificationSettings, facts)
    except (OSError, DecodeError) as error:
        if isinstance(error, FileNotFoundError):
            if (old := unconverted(path)) is None:
                return NotificationSettings()
            path = old
        raise RecipientError("unreadable", f"{path} cannot be read", path=str(path)) from error


def add_recipient(
    config: Config,
    *,
    name: str,
    url: str,
    events: Sequence[str] | frozenset[Event] = USUAL_EVENTS,
    language: str = "",
) -> Recipient:
    """Add a recipient; nothing is sent to it yet."""
    chosen = _read_events(events)
    _require_language(language)
    shown_url = _checked_url(url)
    with _changing(config) as settings:
        if len(settings.recipients) >= MAX_RECIPIENTS:
            raise RecipientError(
                "too_many", f"there are {MAX_RECIPIENTS} already", maximum=MAX_RECIPIENTS
            )
        recipient = Recipient(
            id=secrets.token_hex(4),
            name=_read_name(name, settings.recipients),
            events=chosen,
            shown_url=shown_url,
            url=url.strip(),
            language=language,
        )
        _save(config, replace(settings, recipients=(*settings.recipients, recipient)))
    return recipient


def change_recipient(
    config: Config,
    recipient_id: str,
    *,
    name: str,
    events: Sequence[str] | frozenset[Event],
    url: str = "",
    language: str | None = None,
    seen: Recipient | None = None,
) -> Recipient:
    """Change a recipient; an empty `url` keeps the one it has, which no form can show.

    Without `language` it keeps that too.
    """
    chosen = _read_events(events)
    _require_language(language or "")
    shown_url = _checked_url(url) if url.strip() else ""
    with _changing(config) as settings:
        known = settings.find(recipient_id)
        _refuse_outdated(seen or known, known)
        others = tuple(each for each in settings.recipients if each is not known)
        changed = replace(
            known,
            name=_read_name(name, others),
            events=chosen,
            shown_url=shown_url or known.shown_url,
            url=url.strip() or known.url,
            language=known.language if language is None else language,
        )
        recipients = tuple(changed if each is known else each for each in settings.recipients)
        _save(config, replace(settings, recipients=recipients))
    return changed


def remove_recipient(
    config: Config, recipient_id: str, *, seen: Recipient | None = None
) -> Recipient:
    """Remove a recipient."""
    with _changing(config) as settings:
        known = settings.find(recipient_id)
        _refuse_outdated(seen or known, known)
        recipients = tuple(each for each in settings.recipients if each is not known)
        _save(config, replace(settings, recipients=recipients))
    return known


def set_heartbeat(
    config: Config, url: str, *, pings_start: bool = False, seen: NotificationSettings | None = None
) -> None:
    """Set the URL of the heartbeat; an empty one removes it."""
    text = url.strip()
    heartbeat = None
    if text:
        parts = _web_address(text)
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…"  # without name and password
        heartbeat = Heartbeat(shown_url=shown, url=text, pings_start=pings_start)
    with _changing(config) as settings:
        _refuse_outdated((seen or settings).heartbeat, settings.heartbeat)
        _save(config, replace(settings, heartbeat=heartbeat))


def set_public_url(config: Config, url: str, *, seen: NotificationSettings | None = None) -> None:
    """Set the public URL, with which links in messages start; an empty one removes it.

    It is shown and sent, so a URL with a password is refused.
    """
    text = url.strip().rstrip("/")
    if text:
        parts = _web_address(text)
        if "@" in parts.netloc or "?" in text or "#" in text:
            raise RecipientError("site_address", "this must be the bare address of the site")
    with _changing(config) as settings:
        _refuse_outdated((seen or settings).public_url, settings.public_url)
        _save(config, replace(settings, public_url=text))


def find_recipient(settings: NotificationSettings, reference: str) -> Recipient:
    """Return the recipient with this id or name, or raise `RecipientError`."""
    named = (each.id for each in settings.recipients if reference == each.name)
    is_id = any(each.id == reference for each in settings.recipients)
    return settings.find(reference if is_id else next(named, reference))


def _refuse_outdated(seen: object, now: object) -> None:
    if seen != now:
        raise RecipientError("outdated", "someone else changed it in the meantime")


def _read_name(text: str, others: Sequence[Recipient]) -> str:
    name = text.strip()
    if not name:
        raise RecipientError("name_empty", "the name must not be empty")
    if len(name) > MAX_NAME_CHARACTERS:
        raise RecipientError(
            "name_too_long",
            f"the name must not exceed {MAX_NAME_CHARACTERS} characters",
            maximum=MAX_NAME_CHARACTERS,
        )
    if not name.isprintable():
        raise RecipientError(
            "name_unprintable", "the name must be one line of printable characters"
        )
    if name.casefold() == HEARTBEAT or _ID.fullmatch(name):
        raise RecipientError("name_reserved", "this name is reserved; choose another")
    if any(each.name.casefold() == name.casefold() for each in others):
        raise RecipientError("name_taken", "another one has this name already")
    return name


def _read_events(events: Sequence[str] | frozenset[Event]) -> frozenset[Event]:
    try:
        chosen = frozenset(map(Event, events))
    except ValueError:
        chosen = frozenset()
    if not chosen:
        raise RecipientError("events", f"choose from {', '.join(Event)}")
    return chosen


def _require_language(language: str) -> None:
    if language and language not in LOCALES:
        raise RecipientError("language", f"choose from {', '.join(LOCALES)}")


def _checked_url(url: str) -> str:
    """Return what may be shown of a URL, if Apprise can send to it."""
    text = url.strip()
    if len(text) > MAX_URL_CHARACTERS:
        raise RecipientError("url_too_long", "the address is too long")
    if not text.isprintable():
        raise RecipientError(
            "url_unprintable", "the address must be one line of printable characters"
        )
    checked = sender.check(text)
    if checked.reason is not None:
        raise RecipientError(checked.reason, _REFUSALS.get(checked.reason, "it cannot be used"))
    return checked.shown


_REFUSALS = {
    Undelivered.UNKNOWN_SERVICE: "this is no address of a service that Apprise knows",
    Undelivered.LOCAL_SERVICE: "this only reaches this server",
    Undelivered.LOCAL_FILE: "this would read a file of this machine and send it",
    Undelivered.AMBIGUOUS: (
        "a # or ; ends the address early: write # as %23 and ; as %3B, and separate parameters"
        " with &"
    ),
    Undelivered.TIMED_OUT: "the address could not be checked in time",
}


def _web_address(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        is_one = parts.scheme in {"http", "https"} and bool(parts.hostname) and text.isprintable()
        _ = parts.port
    except ValueError:
        is_one = False
    if not is_one or " " in text or len(text) > MAX_URL_CHARACTERS:
        raise RecipientError("web_address", "this must be an address with http:// or https://")
    return parts


@contextmanager
def _changing(config: Config) -> Iterator[NotificationSettings]:
    """Hold the lock of the file for the block; yields the settings."""
    with locked(config.lock_dir / "notifications_file", timeout_s=_LOCK_PATIENCE_S) as is_locked:
        if not is_locked:
            raise TimeoutError("someone else is changing the notifications")
        yield read_notification_settings(config)


def _save(config: Config, settings: NotificationSettings) -> None:
    text = json.dumps(encode(settings), indent=2, ensure_ascii=False) + "\n"
    write_atomic(config.data_dir / SETTINGS_FILE, text.encode())
