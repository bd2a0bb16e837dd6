"""Protect and unprotect backups, one or several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flask import Response, redirect, url_for

from launcher.backup.errors import BackupError, OperationInProgressError
from launcher.backup.records.backup import Backup, State
from launcher.current import current_backups
from launcher.db.session import release
from launcher.i18n.formats import day_and_time
from launcher.i18n.locale import gettext, ngettext
from launcher.web import toasts
from launcher.web.admin.backups.actions.common import (
    blueprint,
    first_lines,
    get_backup,
    refuse_to_change,
    way_back,
)
from launcher.web.errors import NextStep, show_refusal
from launcher.web.reauthentication import question_before_change
from launcher.web.roles import admin_required, signed_in_user
from launcher.web.toasts import make_toast

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

# So many ids fit into the session cookie.
_MAX_UNDO = 50


@blueprint.post("/<backup_id>/protect")
@admin_required
def protect(backup_id: str) -> ResponseReturnValue:
    """Exempt a backup from retention and deletion."""
    backup = get_backup(backup_id)
    if backup.file is None:
        return _refuse_without_manifest(backup)
    return _set_protected(backup, is_protected=True)


@blueprint.post("/<backup_id>/unprotect")
@admin_required
def unprotect(backup_id: str) -> ResponseReturnValue:
    """Return a backup to retention."""
    if question := question_before_change():
        return question
    return _set_protected(get_backup(backup_id), is_protected=False)


def _set_protected(backup: Backup, *, is_protected: bool) -> ResponseReturnValue:
    name, by, back = day_and_time(backup.created_at), signed_in_user().username, way_back()
    service = current_backups()
    release()
    if is_protected:
        service.protect(backup.id, by=by)
        text = gettext("Backup of %(when)s protected", when=name)
        undo_path = url_for("backup_actions.unprotect", backup_id=backup.id)
    else:
        service.unprotect(backup.id, by=by)
        text = gettext("Protection removed from the backup of %(when)s", when=name)
        undo_path = url_for("backup_actions.protect", backup_id=backup.id)
    toasts.show(make_toast(text, undo_path=undo_path))
    return redirect(back, 303)


def _refuse_without_manifest(backup: Backup) -> Response:
    if backup.verification.state is State.DAMAGED:
        return refuse_to_change(
            gettext("This backup cannot be protected"),
            gettext("The backup is damaged, and its manifest cannot be read or written."),
        )
    address = url_for("backup_actions.verify", backup_id=backup.id)
    return show_refusal(
        422,
        gettext("This file has to be checked first"),
        gettext("The file was found in the backup folder and is not in the list of backups yet."),
        next_step=NextStep(address, gettext("Check file"), is_form=True),
    )


def protect_selected(selected: Sequence[str], *, is_protected: bool) -> ResponseReturnValue:
    """Protect or unprotect the selected; failures are named and do not stop the rest."""
    if not is_protected and (question := question_before_change()):
        return question
    service = current_backups()
    backups = {backup.id: backup for backup in service.list() if backup.id in set(selected)}
    names = {id_: day_and_time(backup.created_at) for id_, backup in backups.items()}
    by, back = signed_in_user().username, way_back()
    change = service.protect if is_protected else service.unprotect
    release()
    done: list[str] = []
    failed: list[BackupError] = []
    details: list[str] = []
    for backup_id, backup in backups.items():
        if backup.protected is is_protected:
            continue
        try:
            if backup.file is None:
                details.append(gettext("%(when)s: not verified yet", when=names[backup_id]))
                continue
            change(backup_id, by=by)
        except BackupError as error:
            failed.append(error)
            details.append(f"{names[backup_id]}: {error}")
        else:
            done.append(backup_id)
    if not done and failed and isinstance(failed[0], OperationInProgressError):
        raise failed[0]
    if gone := len(selected) - len(backups):
        details.append(
            ngettext("%(num)s was already deleted", "%(num)s were already deleted", gone)
        )
    toasts.show(_protected(done, details, is_protected=is_protected))
    return redirect(back, 303)


def _protected(done: Sequence[str], details: list[str], *, is_protected: bool) -> toasts.Toast:
    count = len(done)
    if is_protected:
        text = ngettext("%(num)s backup protected", "%(num)s backups protected", count)
    else:
        text = ngettext(
            "Protection removed from %(num)s backup",
            "Protection removed from %(num)s backups",
            count,
        )
    has_undo = 0 < count <= _MAX_UNDO
    return make_toast(
        text,
        severity="warn" if details else "ok",
        details=first_lines(details),
        undo_path=url_for("backup_actions.change_selected") if has_undo else "",
        undo_field="unprotect" if is_protected else "protect",
        undo_ids=done if has_undo else (),
    )
