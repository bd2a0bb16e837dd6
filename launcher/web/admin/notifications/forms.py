"""The pages of who is told: how a form begins, what was wrong with it, and how each is drawn."""

from __future__ import annotations

import errno
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import current_app, render_template, request
from flask_babel import lazy_gettext

from launcher.current import current_config
from launcher.i18n.labels import ERROR_WORDS
from launcher.i18n.locale import gettext as _
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
from launcher.web.admin.notifications.delivery import DeliveryStatus, overview
from launcher.web.htmx import is_htmx, render

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from flask_babel.speaklater import LazyString


EXAMPLES: Sequence[tuple[LazyString | str, str]] = (
    (lazy_gettext("E-mail"), "mailtos://name:password@mail.example?to=ada@home.example"),
    ("ntfy", "ntfys://ntfy.example/backups"),
    ("Gotify", "gotifys://gotify.example/Akhj5Sb3kzQhdNv"),
    ("Discord", "discord://123456789012345678/fX0wHlkYzYwZhJ3sdfjKsdfhs"),
    (lazy_gettext("A webhook"), "jsons://hook.example/backups"),
)
"""How addresses look, for the services that most people have."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_STATUS_OF = {"outdated": 409, "too_many": 409, "not_found": 404, "unreadable": 503}
_NOT_A_FIELD = {*_STATUS_OF}


@dataclass(frozen=True, slots=True)
class RecipientDraft:
    """What the fields of a form hold, right or wrong. The address is never among it."""

    name: str
    events: Sequence[str]
    has_url: bool = False

    @classmethod
    def empty(cls) -> RecipientDraft:
        """Return what a new form begins with."""
        return cls("", sorted(USUAL_EVENTS))

    @classmethod
    def of(cls, recipient: Recipient) -> RecipientDraft:
        """Return what is kept of a target."""
        return cls(recipient.name, sorted(recipient.events))

    @classmethod
    def read(cls) -> RecipientDraft:
        """Return what was sent."""
        form = request.form
        return cls(form.get("name", ""), form.getlist("event"), bool(form.get("url", "").strip()))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing was changed.

    Attributes:
        field: the field that is wrong, "" where it is none of them.
        words: what is wrong, in the reader's words.
        text: what still holds and what to do, where the words do not say so.
    """

    status: int
    field: str
    words: str
    text: str = ""

    @classmethod
    def of(cls, error: RecipientError | OSError) -> Refusal:
        """Return what a person is told of an error."""
        if isinstance(error, RecipientError):
            return cls._of_notice(error)
        if isinstance(error, TimeoutError):
            text = _("Nothing was changed. Try again in a moment.")
            return cls(503, "", _("Somebody else is changing this just now"), text)
        if error.errno in _FULL:
            words = ERROR_WORDS["insufficient_space"]
            return cls(507, "", str(words.title), str(words.hint))
        text = _("Nothing was changed. See that Launcher may write to its data directory.")
        return cls(503, "", _("This cannot be kept"), text)

    @classmethod
    def _of_notice(cls, error: RecipientError) -> Refusal:
        words = refusal_words(error)
        if error.code in _NOT_A_FIELD:
            text = _("Nothing was changed. This is how it is now.")
            return cls(_STATUS_OF[error.code], "", words, text)
        if error.code in set(Undelivered):
            words = f"{words} {REASON_ADVICE[Undelivered(error.code)]}"
        is_name = error.code.startswith("name_")
        field = "name" if is_name else "events" if error.code == "events" else "url"
        return cls(422, field, words)

    @classmethod
    def outdated(cls) -> Refusal:
        """Return that somebody else was faster."""
        return cls.of(RecipientError("outdated", "the form is out of date"))

    @classmethod
    def gone(cls) -> Refusal:
        """Return that it is not there any more."""
        return cls.of(RecipientError("not_found", "it is gone"))


def version_of(thing: object) -> str:
    """Return what tells a target, a heartbeat or an address from any other, and nothing of it.

    Forms carry it. It is keyed, so that nobody can try out what a short secret may have been.
    """
    known = repr(thing) + getattr(thing, "url", "")
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.digest(key, f"notifications {known}".encode(errors="replace"), "sha256").hex()[:16]


def index(refusal: Refusal | None = None) -> ResponseReturnValue:
    """Draw who is told, and whether they can be reached."""
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
    """Draw the form for another address."""
    page = render_template("admin/recipient_new.html", **_form(draft, refusal))
    return page, refusal.status if refusal else 200


def recipient(
    known: Recipient, draft: RecipientDraft | None = None, refusal: Refusal | None = None
) -> ResponseReturnValue:
    """Draw one who is told, with the forms that change it."""
    page = render_template(
        "admin/recipient.html",
        recipient=known,
        delivery_status=_reach(known.id),
        seen=version_of(known),
        **_form(draft or RecipientDraft.of(known), refusal),
    )
    return page, refusal.status if refusal else 200


def removal(
    known: Recipient | None, saved: NotificationSettings | None = None
) -> ResponseReturnValue:
    """Draw what goes with a target, or with the heartbeat where there is none."""
    heart = saved.heartbeat if saved else None
    return render(
        "admin/recipient_remove.html",
        part="admin/_recipient_remove.html",
        recipient=known,
        shown_url=known.shown_url if known else heart.shown_url if heart else "",
        seen=version_of(known or heart),
        is_last=_is_last(known),
    )


def heartbeat(
    saved: NotificationSettings, *, pings_start: bool | None = None, refusal: Refusal | None = None
) -> ResponseReturnValue:
    """Draw the form of the heartbeat."""
    heart = saved.heartbeat
    if pings_start is None:
        pings_start = heart is not None and heart.pings_start
    page = render_template(
        "admin/heartbeat.html",
        heartbeat=heart,
        pings_start=pings_start,
        seen=version_of(heart),
        maximum=MAX_URL_CHARACTERS,
        **_told_wrong(refusal),
    )
    return page, refusal.status if refusal else 200


def site(
    saved: NotificationSettings, typed: str | None = None, refusal: Refusal | None = None
) -> ResponseReturnValue:
    """Draw the form of the address that messages lead to."""
    page = render_template(
        "admin/public_url.html",
        public_url=saved.public_url if typed is None else typed,
        suggestion=request.url_root.rstrip("/"),
        seen=version_of(saved.public_url),
        maximum=MAX_URL_CHARACTERS,
        **_told_wrong(refusal),
    )
    return page, refusal.status if refusal else 200


def _form(draft: RecipientDraft, refusal: Refusal | None) -> Mapping[str, object]:
    return {
        "draft": draft,
        "event_words": EVENT_WORDS,
        "event_meanings": EVENT_MEANINGS,
        "examples": EXAMPLES,
        "name_maximum": MAX_NAME_CHARACTERS,
        "url_maximum": MAX_URL_CHARACTERS,
        **_told_wrong(refusal),
    }


def _told_wrong(refusal: Refusal | None) -> Mapping[str, object]:
    """Return what a form says of a refusal: at its field, or above them all."""
    errors = {"name": "", "events": "", "url": ""}
    if refusal and refusal.field:
        return {"errors": errors | {refusal.field: refusal.words}, "refusal": None}
    return {"errors": errors, "refusal": refusal}


def _reach(recipient_id: str) -> DeliveryStatus | None:
    found = overview(current_config(), now=utc_now()).recipients
    return next((each for each in found if each.id == recipient_id), None)


def _is_last(known: Recipient | None) -> bool:
    """Whether nobody would hear of failures any more without this one."""
    found = overview(current_config(), now=utc_now())
    return (
        known is not None
        and list(found.failure_recipients) == [known.name]
        and found.heartbeat is None
    )
