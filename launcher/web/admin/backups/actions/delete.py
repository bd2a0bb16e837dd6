"""Delete backups, one or several, after a question that names what goes and what remains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, abort, make_response, redirect, request, url_for

from launcher.backup.errors import BackupNotFoundError, LastGoodBackupError
from launcher.backup.reasons import Reason
from launcher.backup.records.ids import parse_backup_id
from launcher.backup.records.operation import BulkResult, Verb
from launcher.current import current_backups, current_offsite
from launcher.db.session import release, resume
from launcher.db.settings import site_settings
from launcher.i18n.formats import day_and_time
from launcher.i18n.labels import ERROR_WORDS
from launcher.i18n.locale import gettext, ngettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.models.types import utc_now
from launcher.web import toasts
from launcher.web.admin.backups.actions.common import blueprint, first_lines, selected_ids, way_back
from launcher.web.admin.backups.actions.deletion_plan import DeletionPlan, plan_deletion
from launcher.web.admin.backups.actions.protect import protect_selected
from launcher.web.admin.backups.words import in_shared_minutes
from launcher.web.admin.offsite.shown import remain_at
from launcher.web.admin.schedule.words import next_run
from launcher.web.contents import contents
from launcher.web.htmx import current_page, is_htmx, render, split_address
from launcher.web.reauthentication import RECENT, confirm_in_form, has_recent_password
from launcher.web.roles import admin_required, signed_in_user
from launcher.web.toasts import make_toast

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

WORD_TO_DELETE = _("delete")


@blueprint.get("/<backup_id>/delete")
@admin_required
def ask_delete(backup_id: str) -> ResponseReturnValue:
    """Ask, naming what goes and what remains."""
    return ask(_plan_one(backup_id))


@blueprint.post("/<backup_id>/delete")
@admin_required
def delete(backup_id: str) -> ResponseReturnValue:
    """Delete one backup."""
    return _delete(_plan_one(backup_id))


@blueprint.get("/delete")
@admin_required
def ask_delete_selected() -> ResponseReturnValue:
    """Ask, naming the selected and what remains."""
    selected = selected_ids(request.args.getlist("id"))
    return selected if isinstance(selected, Response) else ask(plan_deletion(selected))


@blueprint.post("/delete")
@admin_required
def delete_selected() -> ResponseReturnValue:
    """Delete the selected; those that cannot be deleted are named and do not stop the rest."""
    selected = selected_ids(request.form.getlist("id"))
    return selected if isinstance(selected, Response) else _delete(plan_deletion(selected))


def _plan_one(backup_id: str) -> DeletionPlan:
    plan = plan_deletion([parse_backup_id(backup_id)])
    if plan.gone:
        raise BackupNotFoundError(Reason.NO_SUCH_BACKUP, reference=backup_id)
    return plan


def ask(
    plan: DeletionPlan,
    status: int = 200,
    *,
    has_changed: bool = False,
    word_error: str = "",
    password_error: str = "",
) -> Response:
    """Show the question; for htmx in the dialog."""
    backup = (*plan.going, *plan.protected)[0] if plan.going or plan.protected else None
    is_single = len(plan.going) + len(plan.protected) == 1 and not plan.gone
    if backup is not None and is_single:
        action = url_for("backup_actions.delete", backup_id=backup.id)
    else:
        action = url_for("backup_actions.delete_selected")
    page = render(
        "admin/delete.html",
        part="admin/_delete.html",
        plan=plan,
        close=in_shared_minutes(current_backups().list()),
        error_words=ERROR_WORDS,
        backup=backup if is_single else None,
        contents=contents(backup.contents) if backup and is_single and backup.contents else "",
        remain_at=remain_at(
            [each.id for each in plan.going], current_offsite().status(site_settings())
        ),
        next_run=next_run() if plan.is_destructive else None,
        action=action,
        back=way_back(),
        is_in_panel=split_address(current_page()).path == url_for("backups.show"),
        has_changed=has_changed,
        word=WORD_TO_DELETE,
        word_error=word_error,
        password_error=password_error,
        is_password_needed=_is_grave(plan) and not has_recent_password(),
    )
    response = make_response(page, status)
    if is_htmx():
        response.headers["HX-Retarget"] = "#dialog"
        response.headers["HX-Reswap"] = "innerHTML"
    return response


def _delete(plan: DeletionPlan) -> ResponseReturnValue:
    if not plan.going:
        return ask(plan, 409, has_changed=True)
    if refusal := _refuse(plan):
        return refusal
    backups = {str(backup.id): day_and_time(backup.created_at) for backup in plan.going}
    left = [
        gettext("%(when)s: kept, because it is protected", when=day_and_time(backup.created_at))
        for backup in plan.protected
    ]
    by, back = signed_in_user().username, way_back()
    service = current_backups()
    release()
    try:
        result = service.delete(list(backups), by=by, may_take_last_good=plan.is_destructive)
    except LastGoodBackupError:  # someone deleted the other one a moment ago
        resume(writes=False)
        return ask(plan_deletion(list(backups)), 409, has_changed=True)
    toasts.show(_deleted(result, backups, left, len(plan.gone)))
    return redirect(back, 303)


def _is_grave(plan: DeletionPlan) -> bool:
    """Whether the password is needed: for the last good backup, and for more than one.

    One after the other are more than one too.
    """
    lately = current_backups().journal(limit=None, verbs=(Verb.DELETE,), since=utc_now() - RECENT)
    by = signed_in_user().username
    return plan.is_destructive or len(plan.going) > 1 or any(each.by == by for each in lately)


def _refuse(plan: DeletionPlan) -> Response | None:
    """Return the question again unless word and password are right, as far as they are needed."""
    if plan.is_destructive and "word" not in request.form:
        return ask(plan, 409, has_changed=True)
    word = request.form.get("word", "").strip().casefold()
    if plan.is_destructive and word != str(WORD_TO_DELETE).casefold():
        error = gettext("Enter “%(word)s” to delete the backup.", word=WORD_TO_DELETE)
        return ask(plan, 422, word_error=error)
    if _is_grave(plan) and (error := confirm_in_form()):
        return ask(plan, 422, password_error=error)
    return None


def _deleted(result: BulkResult, names: dict[str, str], left: list[str], gone: int) -> toasts.Toast:
    if len(result.done) == 1:
        text = gettext("Backup of %(when)s deleted", when=names[result.done[0]])
    else:
        text = ngettext("%(num)s backup deleted", "%(num)s backups deleted", len(result.done))
    details = left + [
        f"{names.get(each.backup_id, each.backup_id)}: {each.fault}" for each in result.failed
    ]
    if gone:
        details.append(
            ngettext("%(num)s was already deleted", "%(num)s were already deleted", gone)
        )
    return make_toast(text, severity="warn" if details else "ok", details=first_lines(details))


@blueprint.post("/selected")
@admin_required
def change_selected() -> ResponseReturnValue:
    """Protect, unprotect or ask to delete the selected, by the button."""
    selected = selected_ids(request.form.getlist("id"))
    if isinstance(selected, Response):
        return selected
    if "delete" in request.form:
        return ask(plan_deletion(selected))
    if "protect" in request.form:
        return protect_selected(selected, is_protected=True)
    if "unprotect" in request.form:
        return protect_selected(selected, is_protected=False)
    return abort(400)
