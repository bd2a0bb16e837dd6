"""What is done to backups from the panel: make, verify, rehearse, protect, delete.

What takes long begins in a process of its own and is followed in the row of the list. What is
done at once says so in passing, with a way back where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Response,
    abort,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)

from launcher.backup.errors import (
    BackupError,
    BackupNotFoundError,
    LastGoodBackupError,
    OperationInProgressError,
)
from launcher.backup.records import (
    Backup,
    BulkResult,
    PartFailure,
    State,
    parse_backup_id,
)
from launcher.current import current_backups
from launcher.database import release, resume
from launcher.detached import CreateRequest, OperationRequest, RehearseRequest, VerifyRequest
from launcher.i18n.formats import day_and_time
from launcher.i18n.labels import ERROR_WORDS, STAGE_WORDS, VERB_WORDS
from launcher.i18n.locale import gettext, ngettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.web import toasts
from launcher.web.admin import progress as progress_row
from launcher.web.admin.deletion import Deletion, plan_deletion
from launcher.web.admin.schedule_words import next_run
from launcher.web.auth import safe_path
from launcher.web.errors import WayOut, show_backup_error, show_refusal
from launcher.web.htmx import current_page, is_htmx, render
from launcher.web.inside import inside
from launcher.web.operations.start import start_operation
from launcher.web.recent import confirm_in_form, has_recent_password
from launcher.web.roles import admin_required, signed_in_user
from launcher.web.toasts import make_toast

if TYPE_CHECKING:
    from flask.blueprints import BlueprintSetupState
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("backup_actions", __name__, url_prefix="/admin/backups")

MAX_NOTE_CHARACTERS = 200
MAX_SELECTED = 1000
# What fits into the cookie of a session together with everything else in it.
_MAX_UNDO = 50
_MAX_NAMES = 10
_LIST_CHANGED = {"HX-Trigger": "backups-changed"}

WORD_TO_DELETE = _("delete")


@blueprint.errorhandler(BackupError)
def _refuse(error: BackupError) -> Response:
    """Say what kept it from being done, and let the page show how things are now."""
    response = show_backup_error(error, way_out=None if is_htmx() else _to_the_list())
    if is_htmx():
        response.headers.extend(_LIST_CHANGED)
    return response


blueprint.before_app_request(progress_row.tell_what_was_started)


@blueprint.record_once
def _offer_row(state: BlueprintSetupState) -> None:
    """Let the list include the row of what runs, wherever it is drawn from."""
    state.app.jinja_env.globals.update(
        present_row=progress_row.present_row, verb_words=VERB_WORDS, stage_words=STAGE_WORDS
    )


# --- what takes long ---------------------------------------------------------------------


@blueprint.post("")
@admin_required
def create() -> ResponseReturnValue:
    """Begin a backup of now."""
    note = request.form.get("note", "").strip()[:MAX_NOTE_CHARACTERS]
    return _begin(CreateRequest(note, protected="protect" in request.form))


@blueprint.post("/<backup_id>/verify")
@admin_required
def verify(backup_id: str) -> ResponseReturnValue:
    """Begin to read a backup through."""
    return _begin(VerifyRequest(_get(backup_id).id))


@blueprint.post("/<backup_id>/rehearse")
@admin_required
def rehearse(backup_id: str) -> ResponseReturnValue:
    """Begin the whole restore of a backup on a copy."""
    return _begin(RehearseRequest(_get(backup_id).id))


@blueprint.get("/progress")
@admin_required
def progress() -> ResponseReturnValue:
    """Return the row of what runs, where it differs from what the page shows, and the news."""
    row = progress_row.news(
        seen=request.args.get("seen", "")[:40], shown=request.args.get("shown", "")[:40]
    )
    if row is None:
        return Response(status=204)
    # Whatever begins may make room or take it, and whatever ends changes the list.
    is_news = row.seen != request.args.get("seen", "")
    page = render_template("admin/_progress.html", operation_row=row)
    return page, 200, _LIST_CHANGED if is_news else {}


def _begin(wanted: OperationRequest) -> ResponseReturnValue:
    back = _back()
    progress_row.remember(start_operation(wanted))
    return redirect(back, 303)


# --- protect -----------------------------------------------------------------------------


@blueprint.post("/<backup_id>/protect")
@admin_required
def protect(backup_id: str) -> ResponseReturnValue:
    """Exempt a backup from the clean-up and from deletion."""
    backup = _get(backup_id)
    if backup.file is None:
        return _refuse_without_manifest(backup)
    return _set_protected(backup, is_protected=True)


@blueprint.post("/<backup_id>/unprotect")
@admin_required
def unprotect(backup_id: str) -> ResponseReturnValue:
    """Give a backup back to the clean-up."""
    return _set_protected(_get(backup_id), is_protected=False)


def _set_protected(backup: Backup, *, is_protected: bool) -> ResponseReturnValue:
    name, by, back = day_and_time(backup.created_at), signed_in_user().username, _back()
    service = current_backups()
    release()
    if is_protected:
        service.protect(backup.id, by=by)
        text = gettext("Backup of %(when)s protected", when=name)
        undo_path = url_for("backup_actions.unprotect", backup_id=backup.id)
    else:
        service.unprotect(backup.id, by=by)
        text = gettext("Backup of %(when)s is not protected any more", when=name)
        undo_path = url_for("backup_actions.protect", backup_id=backup.id)
    toasts.show(make_toast(text, undo_path=undo_path))
    return redirect(back, 303)


def _refuse_without_manifest(backup: Backup) -> Response:
    if backup.verification.state is State.DAMAGED:
        return show_refusal(
            422,
            gettext("This backup cannot be protected"),
            gettext("It is damaged, and its description cannot be read or written."),
            way_out=None if is_htmx() else _to_the_list(),
        )
    return show_refusal(
        422,
        gettext("This file has to be verified first"),
        gettext("Somebody put it into the folder, and it is no backup of this list yet."),
        way_out=WayOut(
            url_for("backup_actions.verify", backup_id=backup.id),
            gettext("Verify it now"),
            is_form=True,
        ),
    )


# --- delete ------------------------------------------------------------------------------


@blueprint.get("/<backup_id>/delete")
@admin_required
def ask_delete(backup_id: str) -> ResponseReturnValue:
    """Name what goes and what remains, and ask."""
    return _ask(_plan_one(backup_id))


@blueprint.post("/<backup_id>/delete")
@admin_required
def delete(backup_id: str) -> ResponseReturnValue:
    """Delete one backup."""
    return _delete(_plan_one(backup_id))


@blueprint.get("/delete")
@admin_required
def ask_delete_selected() -> ResponseReturnValue:
    """Name the selected, and what remains, and ask."""
    selected = _selected(request.args.getlist("id"))
    return selected if isinstance(selected, Response) else _ask(plan_deletion(selected))


@blueprint.post("/delete")
@admin_required
def delete_selected() -> ResponseReturnValue:
    """Delete the selected; what cannot be deleted is named and does not stop the rest."""
    selected = _selected(request.form.getlist("id"))
    return selected if isinstance(selected, Response) else _delete(plan_deletion(selected))


def _plan_one(backup_id: str) -> Deletion:
    plan = plan_deletion([parse_backup_id(backup_id)])
    if plan.gone:
        raise BackupNotFoundError(backup_id)
    return plan


def _ask(
    plan: Deletion,
    status: int = 200,
    *,
    has_changed: bool = False,
    word_error: str = "",
    password_error: str = "",
) -> Response:
    """Show the question as it is now; a form that was sent is answered in the dialog again."""
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
        error_words=ERROR_WORDS,
        backup=backup if is_single else None,
        inside=inside(backup.contents) if backup and is_single and backup.contents else "",
        next_run=next_run() if plan.is_grave else None,
        action=action,
        back=_back(),
        is_in_panel=urlsplit(current_page()).path == url_for("backups.show"),
        has_changed=has_changed,
        word=WORD_TO_DELETE,
        word_error=word_error,
        password_error=password_error,
        is_password_needed=plan.is_grave and not has_recent_password(),
    )
    response = make_response(page, status)
    if is_htmx():
        response.headers["HX-Retarget"] = "#dialog"
        response.headers["HX-Reswap"] = "innerHTML"
    return response


def _delete(plan: Deletion) -> ResponseReturnValue:
    if not plan.going:
        return _ask(plan, 409, has_changed=True)
    if plan.is_grave and (refusal := _refuse_grave(plan)):
        return refusal
    backups = {str(backup.id): day_and_time(backup.created_at) for backup in plan.going}
    left = [_left_protected(backup) for backup in plan.protected]
    by, back = signed_in_user().username, _back()
    service = current_backups()
    release()
    try:
        result = service.delete(list(backups), by=by, may_take_last_good=plan.is_grave)
    except LastGoodBackupError:  # somebody deleted the other one a moment ago
        resume()
        return _ask(plan_deletion(list(backups)), 409, has_changed=True)
    toasts.show(_deleted(result, backups, left, len(plan.gone)))
    return redirect(back, 303)


def _refuse_grave(plan: Deletion) -> Response | None:
    """Return the question again unless the word and the password of the form are right."""
    if "word" not in request.form:
        return _ask(plan, 409, has_changed=True)
    if request.form["word"].strip().casefold() != str(WORD_TO_DELETE).casefold():
        error = gettext("Type “%(word)s” to delete it.", word=WORD_TO_DELETE)
        return _ask(plan, 422, word_error=error)
    if error := confirm_in_form():
        return _ask(plan, 422, password_error=error)
    return None


def _deleted(result: BulkResult, names: dict[str, str], left: list[str], gone: int) -> toasts.Toast:
    if len(result.done) == 1:
        text = gettext("Backup of %(when)s deleted", when=names[result.done[0]])
    else:
        text = ngettext("%(num)s backup deleted", "%(num)s backups deleted", len(result.done))
    details = left + [_could_not(failure, names) for failure in result.failed]
    if gone:
        details.append(ngettext("%(num)s was gone already", "%(num)s were gone already", gone))
    return make_toast(text, tone="warn" if details else "ok", details=_first(details))


def _left_protected(backup: Backup) -> str:
    return gettext("%(when)s: left, it is protected", when=day_and_time(backup.created_at))


def _could_not(failure: PartFailure, names: dict[str, str]) -> str:
    return f"{names.get(failure.backup_id, failure.backup_id)}: {failure.message}"


# --- several at once ---------------------------------------------------------------------


@blueprint.post("/selected")
@admin_required
def treat_selected() -> ResponseReturnValue:
    """Protect the selected, take that back, or ask whether to delete them: as the button says."""
    selected = _selected(request.form.getlist("id"))
    if isinstance(selected, Response):
        return selected
    if "delete" in request.form:
        return _ask(plan_deletion(selected))
    if "protect" in request.form:
        return _protect_selected(selected, is_protected=True)
    if "unprotect" in request.form:
        return _protect_selected(selected, is_protected=False)
    return abort(400)


def _selected(ids: Sequence[str]) -> list[str] | Response:
    """Return the ids, each once, or why that is no selection."""
    selected = list(dict.fromkeys(ids))
    if not selected:
        return show_refusal(
            422,
            gettext("Nothing is selected"),
            gettext("Tick the backups first, then choose what to do with them."),
            way_out=None if is_htmx() else _to_the_list(),
        )
    if len(selected) > MAX_SELECTED:
        return show_refusal(
            422,
            gettext("These are too many at once"),
            ngettext(
                "Nothing was changed. Select at most %(num)s backup.",
                "Nothing was changed. Select at most %(num)s backups.",
                MAX_SELECTED,
            ),
            way_out=None if is_htmx() else _to_the_list(),
        )
    return selected


def _protect_selected(selected: Sequence[str], *, is_protected: bool) -> ResponseReturnValue:
    service = current_backups()
    backups = {backup.id: backup for backup in service.list() if backup.id in set(selected)}
    names = {id_: day_and_time(backup.created_at) for id_, backup in backups.items()}
    by, back = signed_in_user().username, _back()
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
                details.append(gettext("%(when)s: verify it first", when=names[backup_id]))
                continue
            change(backup_id, by=by)
        except BackupError as error:
            failed.append(error)
            details.append(f"{names[backup_id]}: {error.message}")
        else:
            done.append(backup_id)
    if not done and failed and isinstance(failed[0], OperationInProgressError):
        raise failed[0]
    if gone := len(selected) - len(backups):
        details.append(ngettext("%(num)s was gone already", "%(num)s were gone already", gone))
    toasts.show(_protected(done, details, is_protected=is_protected))
    return redirect(back, 303)


def _protected(done: Sequence[str], details: list[str], *, is_protected: bool) -> toasts.Toast:
    count = len(done)
    if is_protected:
        text = ngettext("%(num)s backup protected", "%(num)s backups protected", count)
    else:
        text = ngettext(
            "%(num)s backup is not protected any more",
            "%(num)s backups are not protected any more",
            count,
        )
    has_undo = 0 < count <= _MAX_UNDO
    return make_toast(
        text,
        tone="warn" if details else "ok",
        details=_first(details),
        undo_path=url_for("backup_actions.treat_selected") if has_undo else "",
        undo_field="unprotect" if is_protected else "protect",
        undo_ids=done if has_undo else (),
    )


# --- around it ---------------------------------------------------------------------------


def _get(backup_id: str) -> Backup:
    return current_backups().get(parse_backup_id(backup_id))


def _first(lines: list[str]) -> list[str]:
    """Return as many lines as fit into a toast, and how many more there are."""
    if len(lines) <= _MAX_NAMES:
        return lines
    more = len(lines) - _MAX_NAMES
    return [*lines[:_MAX_NAMES], ngettext("and %(num)s more", "and %(num)s more", more)]


def _back() -> str:
    """Return where to go afterwards: what the form says, or the list as it was filtered."""
    if wanted := request.form.get("next", ""):
        return safe_path(wanted)
    list_path = url_for("backups.show")
    page = urlsplit(current_page() or request.referrer or "")
    is_filtered = page.path == list_path and page.query
    return f"{list_path}?{page.query}" if is_filtered else list_path


def _to_the_list() -> WayOut:
    return WayOut(url_for("backups.show"), gettext("To the backups"))
