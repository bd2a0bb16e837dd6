"""The forms of recipients, heartbeat and public URL: what they hold, and why one is refused."""

from __future__ import annotations

import errno
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import current_app, render_template, request

from launcher.current import current_config
from launcher.db.settings import site_settings
from launcher.i18n.labels import ERROR_WORDS
from launcher.i18n.locale import LOCALES, gettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.models.types import utc_now
from launcher.notifications.messages import (
    EVENT_MEANINGS,
    EVENT_WORDS,
    REASON_ADVICE,
    refusal_words,
)
from launcher.notifications.recipients import (
    MAX_NAME_CHARACTERS,
    MAX_RECIPIENTS,
    MAX_URL_CHARACTERS,
    USUAL_EVENTS,
    NotificationSettings,
    Recipient,
    RecipientError,
)
from launcher.notifications.sender import Undelivered
from launcher.web.admin.notifications.delivery import overview
from launcher.web.htmx import is_htmx, render

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from flask_babel.speaklater import LazyString


EXAMPLES: Sequence[tuple[LazyString | str, str]] = (
    (_("E-mail"), "mailtos://name:password@mail.example?to=ada@home.example"),
    ("ntfy", "ntfys://ntfy.example/backups"),
    ("Gotify", "gotifys://gotify.example/Akhj5Sb3kzQhdNv"),
    ("Discord", "discord://123456789012345678/fX0wHlkYzYwZhJ3sdfjKsdfhs"),
    (_("Webhook"), "jsons://hook.example/backups"),
)
"""One URL of each common service."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_STATUS_OF = {"outdated": 409, "too_many": 409, "not_found": 404, "unreadable": 503}
_NOT_A_FIELD = {*_STATUS_OF}
_CHOSEN = {"events", "language"}


@dataclass(frozen=True, slots=True)
class RecipientDraft:
    """What the fields of a form hold, valid or not; never the URL."""

    name: str
    events: Sequence[str]
    language: str = ""
    has_url: bool = False

    @classmethod
    def empty(cls) -> RecipientDraft:
        """Return the fields of a new form."""
        return cls("", sorted(USUAL_EVENTS))

    @classmethod
    def of(cls, recipient: Recipient) -> RecipientDraft:
        """Return the fields of a recipient."""
        return cls(recipient.name, sorted(recipient.events), recipient.language)

    @classmethod
    def read(cls) -> RecipientDraft:
        """Return the fields of this request."""
        form = request.form
        return cls(
            form.get("name", ""),
            form.getlist("event"),
            form.get("language", ""),
            has_url=bool(form.get("url", "").strip()),
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing was changed.

    Attributes:
        field: the field with the error, "" where it is none of them.
        words: what is wrong, in the language of the reader.
        text: what still holds and what to do, where the words do not say so.
    """

    status: int
    field: str
    words: str
    text: str = ""

    @classmethod
    def of(cls, error: RecipientError | OSError) -> Refusal:
        """Return the refusal for an error."""
        if isinstance(error, RecipientError):
            return cls._of_recipient(error)
        if isinstance(error, TimeoutError):
            text = gettext("Nothing was changed. Try again in a moment.")
            return cls(503, "", gettext("Someone else is changing this now"), text)
        if error.errno in _FULL:
            words = ERROR_WORDS["insufficient_space"]
            return cls(507, "", str(words.title), str(words.hint))
        text = gettext("Nothing was changed. Check that Launcher can write to its data directory.")
        return cls(503, "", gettext("The change could not be saved"), text)

    @classmethod
    def _of_recipient(cls, error: RecipientError) -> Refusal:
        words = refusal_words(error)
        if error.code in _NOT_A_FIELD:
            text = gettext("Nothing was changed. This page shows the current state.")
            return cls(_STATUS_OF[error.code], "", words, text)
        if error.code in set(Undelivered):
            words = f"{words} {REASON_ADVICE[Undelivered(error.code)]}"
        is_name = error.code.startswith("name_")
        field = "name" if is_name else error.code if error.code in _CHOSEN else "url"
        return cls(422, field, words)

    @classmethod
    def outdated(cls) -> Refusal:
        """Return that someone else changed it since the form was drawn."""
        return cls.of(RecipientError("outdated", "the form is out of date"))

    @classmethod
    def gone(cls) -> Refusal:
        """Return that it was removed."""
        return cls.of(RecipientError("not_found", "it is gone"))


def version_of(thing: object) -> str:
    """Return the version of a recipient, a heartbeat or a URL, which forms carry.

    It is keyed, so that a short secret cannot be found by trying.
    """
    known = repr(thing) + getattr(thing, "url", "")
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.digest(key, f"notifications {known}".encode(errors="replace"), "sha256").hex()[:16]


def index(refusal: Refusal | None = None) -> ResponseReturnValue:
    """Draw the page of all recipients."""
    config = current_config()
    page = render(
        "admin/notifications.html",
        part="admin/_notifications.html",
        is_part=is_htmx(),
        overview=overview(config, now=utc_now()),
        refusal=refusal,
        is_scheduler_on=config.scheduler,
        maximum=MAX_RECIPIENTS,
        event_words=EVENT_WORDS,
    )
    return page, refusal.status if refusal else 200


def new(draft: RecipientDraft, refusal: Refusal | None = None) -> ResponseReturnValue:
    """Draw the form of a new recipient."""
    return _page("admin/recipient_new.html", refusal, **_fields(draft))


def recipient(
    known: Recipient, draft: RecipientDraft | None = None, refusal: Refusal | None = None
) -> ResponseReturnValue:
    """Draw a recipient with its forms."""
    found = overview(current_config(), now=utc_now()).recipients
    return _page(
        "admin/recipient.html",
        refusal,
        recipient=known,
        delivery_status=next((each for each in found if each.id == known.id), None),
        seen=version_of(known),
        **_fields(draft or RecipientDraft.of(known)),
    )


def removal(
    known: Recipient | None, settings: NotificationSettings | None = None
) -> ResponseReturnValue:
    """Draw the confirmation for removing a recipient, or the heartbeat where there is none."""
    heart = settings.heartbeat if settings else None
    return render(
        "admin/recipient_remove.html",
        part="admin/_recipient_remove.html",
        recipient=known,
        shown_url=known.shown_url if known else heart.shown_url if heart else "",
        seen=version_of(known or heart),
        is_last=_is_last(known),
    )


def heartbeat(
    settings: NotificationSettings,
    *,
    pings_start: bool | None = None,
    refusal: Refusal | None = None,
) -> ResponseReturnValue:
    """Draw the form of the heartbeat."""
    heart = settings.heartbeat
    if pings_start is None:
        pings_start = heart is not None and heart.pings_start
    return _page(
        "admin/heartbeat.html",
        refusal,
        heartbeat=heart,
        pings_start=pings_start,
        seen=version_of(heart),
        maximum=MAX_URL_CHARACTERS,
    )


def site(
    settings: NotificationSettings, typed: str | None = None, refusal: Refusal | None = None
) -> ResponseReturnValue:
    """Draw the form of the public URL."""
    return _page(
        "admin/public_url.html",
        refusal,
        public_url=settings.public_url if typed is None else typed,
        suggestion=request.url_root.rstrip("/"),
        seen=version_of(settings.public_url),
        maximum=MAX_URL_CHARACTERS,
    )


def _fields(draft: RecipientDraft) -> Mapping[str, object]:
    return {
        "draft": draft,
        "event_words": EVENT_WORDS,
        "event_meanings": EVENT_MEANINGS,
        "site_language": LOCALES.get(site_settings().default_locale, ""),
        "examples": EXAMPLES,
        "name_maximum": MAX_NAME_CHARACTERS,
        "url_maximum": MAX_URL_CHARACTERS,
    }


def _page(template: str, refusal: Refusal | None, **context: object) -> ResponseReturnValue:
    """Draw a form, with a refusal at its field, or above them all."""
    errors, above = {"name": "", "events": "", "url": ""}, refusal
    if refusal and refusal.field:
        errors[refusal.field], above = refusal.words, None
    page = render_template(template, errors=errors, refusal=above, **context)
    return page, refusal.status if refusal else 200


def _is_last(known: Recipient | None) -> bool:
    """Whether no one would receive failures without this recipient."""
    found = overview(current_config(), now=utc_now())
    return (
        known is not None
        and list(found.failure_recipients) == [known.name]
        and found.heartbeat is None
    )
