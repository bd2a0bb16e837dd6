"""The blueprint of copies in other places, and how a refusal is answered."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from flask import Blueprint, current_app, url_for

from launcher.backup.errors import BackupError
from launcher.current import current_offsite
from launcher.db.session import resume
from launcher.i18n.formats import day
from launcher.i18n.locale import gettext as _
from launcher.i18n.offsite import OFFSITE_ERROR_WORDS
from launcher.offsite.records import Destination
from launcher.offsite.service import OffsiteError
from launcher.web.errors import NextStep, show_backup_error, show_refusal

if TYPE_CHECKING:
    from flask import Response

blueprint = Blueprint("offsite", __name__, url_prefix="/admin/backups/off-site")
blueprint.add_app_template_filter(day)

_STATUS_OF = {
    "destination_not_found": 404, "copy_not_found": 404, "no_key": 404, "file_unreadable": 503,
    "key_unreadable": 503, "test_running": 429,
}  # fmt: skip


def find_destination(destination_id: str) -> Destination:
    """Return the destination of the address, or raise `OffsiteError("destination_not_found")`."""
    return current_offsite().find(destination_id)


def version_of(thing: object) -> str:
    """Return the version of what a form shows; it is keyed, since a part of it may be a secret."""
    known = repr(thing)
    if isinstance(thing, Destination):
        known += repr(sorted(thing.secrets.items()))
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.digest(key, f"off-site {known}".encode(errors="replace"), "sha256").hex()[:16]


def error_words(error: OffsiteError) -> str:
    """Return what is wrong, in the language of the reader."""
    return str(OFFSITE_ERROR_WORDS.get(error.code, OFFSITE_ERROR_WORDS["invalid_option"]))


def to_the_page() -> NextStep:
    """Return the step to the page of all destinations."""
    return NextStep(url_for("offsite.index"), _("Go to off-site copies"))


@blueprint.errorhandler(OffsiteError)
def _refuse(error: OffsiteError) -> Response:
    resume(writes=False)
    status = _STATUS_OF.get(error.code, 422)
    return show_refusal(
        status, error_words(error), _("Nothing was changed."), next_step=to_the_page()
    )


@blueprint.errorhandler(BackupError)
def _refuse_backup(error: BackupError) -> Response:
    resume(writes=False)
    return show_backup_error(error, next_step=to_the_page())
