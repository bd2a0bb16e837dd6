"""The recovery kit: one page to print or to save, and the proof that someone has it."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flask import flash, make_response, redirect, render_template, request, url_for
from sqlalchemy.exc import SQLAlchemyError

from launcher.current import current_offsite
from launcher.db.content import APP_VERSION
from launcher.db.session import DataBeingReplacedError, writing
from launcher.db.settings import site_settings
from launcher.extensions import db
from launcher.i18n.formats import isolated, listing
from launcher.i18n.locale import gettext as _
from launcher.i18n.offsite import short_key
from launcher.offsite import audit
from launcher.offsite.keys import LAST_CHARACTERS
from launcher.offsite.openers import opened_by
from launcher.offsite.service import Kit, OffsiteError
from launcher.offsite.status import KitState
from launcher.web.admin.offsite.blueprint import blueprint, error_words
from launcher.web.admin.offsite.qr import draw_code
from launcher.web.admin.offsite.shown import address_words, kind_words
from launcher.web.reauthentication import recent_password_required
from launcher.web.roles import acting_user, admin_required

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from flask import Response
    from flask.typing import ResponseReturnValue

_log = logging.getLogger(__name__)
_PREFIX = "AGE-SECRET-KEY-1"
_PRIVATE = {"Cache-Control": "no-store, no-transform"}
"""What keeps a page out of every cache, and its length from being compressed."""


@dataclass(frozen=True, slots=True)
class _OlderKey:
    """A key from before the current one; `copies` is how many need it."""

    public_key: str
    grouped: str = field(repr=False)
    created_at: datetime | None
    copies: int


@blueprint.get("/kit")
@admin_required
@recent_password_required
def kit() -> ResponseReturnValue:
    """Show the recovery kit, which holds the secret key."""
    found = _kit()
    _record_shown()
    return _page(found)


@blueprint.get("/kit.txt")
@admin_required
@recent_password_required
def kit_text() -> ResponseReturnValue:
    """Send the recovery kit as a text file."""
    found = _kit()
    _record_shown()
    response = make_response(found.text)
    response.headers.update(_PRIVATE)
    response.headers["Content-Type"] = "text/plain; charset=utf-8"
    response.headers["Content-Disposition"] = "attachment; filename=kit.txt"
    return response


@blueprint.post("/kit")
@admin_required
@recent_password_required
def confirm_kit() -> ResponseReturnValue:
    """Record that someone has the kit, by the last characters of its key."""
    found, actor = _kit(), acting_user()
    try:
        current_offsite().keys.confirm_kit(request.form.get("last", ""), by=actor.name)
    except OffsiteError as error:
        return _page(found, error_words(error)), 422
    audit.record_kit_confirmed(found.public_key, actor=actor)
    db.session.commit()
    flash(_("Recovery kit confirmed"))
    return redirect(url_for("offsite.index"), 303)


def not_in_kit_words() -> str:
    """Return that the kit someone saved lacks the address of a destination, "" where it does not.

    The key is the same, so that is a remark, and no problem of the panel.
    """
    names = [isolated(each.name) for each in current_offsite().keys.not_in_kit()]
    if not names:
        return ""
    return _(
        "The kit you saved does not have the current address of %(names)s. Its key is still the"
        " right one.",
        names=listing(names),
    )


def _kit() -> Kit:
    return current_offsite().keys.kit(site_name=site_settings().site_name)


def _record_shown() -> None:
    """Note that the key was shown; that it is needed counts more than the note."""
    if request.method != "GET":
        return
    actor = acting_user()
    try:
        with writing():
            audit.record_kit_shown(actor=actor)
            db.session.commit()
    except (SQLAlchemyError, DataBeingReplacedError):
        _log.exception("audit entry of a recovery kit not kept: by %s", actor.name)


def _page(found: Kit, error: str = "") -> Response:
    entered = current_offsite().settings()
    page = render_template(
        "admin/kit.html",
        kit=found,
        grouped=_grouped(found.secret_key),
        older=_older(found),
        short_key=short_key,
        code_of_key=draw_code(found.secret_key),
        places=[(each, kind_words(each), address_words(each)) for each in found.destinations],
        version=APP_VERSION,
        is_confirmed=current_offsite().keys.kit_state() is KitState.CONFIRMED,
        not_in_kit=not_in_kit_words(),
        confirmed_at=entered.kit_confirmed_at,
        error=error,
        last_characters=LAST_CHARACTERS,
    )
    return make_response(page, 200, _PRIVATE)


def _older(kit: Kit) -> Sequence[_OlderKey]:
    """Return the older keys of the kit, and how many copies need each."""
    status = current_offsite().status(site_settings())
    copies = [copy for each in status.destinations for copy in each.ledger.copies]
    needing = [each for each in copies if kit.public_key not in each.recipients]
    return [
        _OlderKey(
            each.public_key,
            _grouped(each.identity.secret_key),
            each.created_at,
            opened_by(needing, {each.public_key}),
        )
        for each in kit.older
    ]


def _grouped(secret_key: str) -> str:
    """Return the key in groups, as a person types it from paper.

    They are counted from its end, so that the last group is what the confirmation asks for.
    """
    rest = secret_key.removeprefix(_PREFIX)
    first = len(rest) % LAST_CHARACTERS
    groups = re.findall(f".{{{LAST_CHARACTERS}}}", rest[first:])
    return " ".join(filter(None, [_PREFIX, rest[:first], *groups]))
