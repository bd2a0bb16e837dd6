"""A copy back into the list of backups: it is downloaded and verified, then the plan follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import redirect, url_for

from launcher.backup.records.ids import parse_backup_id
from launcher.current import current_backups, current_config, current_offsite
from launcher.db.session import release
from launcher.db.settings import site_settings
from launcher.models.types import utc_now
from launcher.offsite.fetch_process import start_fetch
from launcher.offsite.records import StoredCopy
from launcher.offsite.service import OffsiteError
from launcher.web.admin.backups.operation_row import remember_started
from launcher.web.admin.backups.words import short_time
from launcher.web.admin.offsite.blueprint import blueprint, find_destination
from launcher.web.contents import contents_in_brief
from launcher.web.htmx import render
from launcher.web.operations.submission import read_submission
from launcher.web.roles import admin_required, signed_in_user

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

_PATH = "/<destination_id>/copies/<backup_id>/restore"


@blueprint.get(_PATH)
@admin_required
def ask_to_fetch(destination_id: str, backup_id: str) -> ResponseReturnValue:
    """Ask before a copy is downloaded; a backup that is here has a plan already."""
    known = find_destination(destination_id)
    id_ = parse_backup_id(backup_id)
    if id_ in current_backups().listing().by_id:
        return redirect(url_for("restores.show_plan", backup_id=id_), 303)
    copy = _copy(destination_id, id_)
    return render(
        "admin/copy_restore.html",
        part="admin/_copy_restore.html",
        known=known,
        copy=copy,
        taken=short_time(copy.backup.created_at, now=utc_now()),
        contents=contents_in_brief(copy.backup.contents),
        action=url_for("offsite.fetch", destination_id=known.id, backup_id=id_),
    )


@blueprint.post(_PATH)
@admin_required
def fetch(destination_id: str, backup_id: str) -> ResponseReturnValue:
    """Start the download, and show how far it is."""
    known, id_ = find_destination(destination_id), parse_backup_id(backup_id)
    if id_ in current_backups().listing().by_id:
        return redirect(url_for("restores.show_plan", backup_id=id_), 303)
    _copy(destination_id, id_)
    by, operation_id = signed_in_user().username, read_submission().operation_id
    release()
    start_fetch(current_config(), known.id, id_, by=by, operation_id=operation_id)
    remember_started(operation_id)
    return redirect(url_for("operations.show", operation_id=operation_id), 303)


def _copy(destination_id: str, backup_id: str) -> StoredCopy:
    """Return the copy, or raise `OffsiteError("copy_not_found")`."""
    found = current_offsite().status(site_settings()).find(destination_id)
    copies = found.ledger.copies if found else ()
    for each in copies:
        if each.id == backup_id:
            return each
    raise OffsiteError("copy_not_found")
