"""Upload a backup file from a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, request, url_for
from markupsafe import Markup

from launcher.current import current_backups, current_config
from launcher.http.start import start_upload
from launcher.web.htmx import redirect_to
from launcher.web.operations.submission import submission_of_file
from launcher.web.receiving import received_file, receives_file
from launcher.web.roles import admin_required, signed_in_user

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


blueprint = Blueprint("uploads", __name__, url_prefix="/admin/backups")


@blueprint.app_template_global()
def upload_limit_bytes() -> int:
    """Return the size limit of an upload."""
    return current_config().upload_limit_bytes


@blueprint.app_template_global()
def backup_folder() -> str:
    """Return the backup folder."""
    return str(current_backups().store_path)


@blueprint.app_template_global()
def code(text: str) -> Markup:
    """Return `text` as code, for the middle of a sentence."""
    return Markup("<code>{}</code>").format(text)


@blueprint.post("/upload")
@receives_file
@admin_required
def receive() -> ResponseReturnValue:
    """Receive a file, start its check and redirect to its progress."""
    by = signed_in_user().username
    with received_file() as received:
        note = request.form.get("note", "").strip()
        operation_id = submission_of_file(received).operation_id
        start_upload(received, by=by, note=note, operation_id=operation_id)
    return redirect_to(url_for("operations.show", operation_id=operation_id))
