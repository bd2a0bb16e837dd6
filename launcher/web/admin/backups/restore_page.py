"""The page of a restore: its plan, and the form that confirms it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Blueprint, Response, make_response, render_template, request, url_for

from launcher.background.process import RestoreRequest
from launcher.backup.errors import NoAdminInsideError, VerificationError
from launcher.backup.records.backup import Backup
from launcher.backup.records.operation import JournalEntry
from launcher.current import current_backups
from launcher.db.session import enter_for_data, release, resume, ungated
from launcher.http.plans import plan_version
from launcher.http.start import start_operation
from launcher.i18n.locale import gettext as _
from launcher.i18n.locale import pgettext
from launcher.web.admin.backups.outcomes.page import to_the_backups
from launcher.web.admin.backups.outcomes.way_back import WayBack
from launcher.web.admin.schedule.words import schedule_words
from launcher.web.errors import NextStep, show_backup_error, show_refusal
from launcher.web.frame import current_appearance
from launcher.web.htmx import is_htmx, redirect_to, render
from launcher.web.operations.following import Follower, begun_before, followed
from launcher.web.operations.plan import Stopwatch, describe_plan
from launcher.web.operations.submission import (
    Submission,
    new_key,
    outcome_address,
    read_submission,
)
from launcher.web.operations.undoing import undo_id, undone_restore
from launcher.web.reauthentication import confirm_in_form, has_recent_password
from launcher.web.roles import admin_required, signed_in_user
from launcher.web.sessions import allow_renewal, holder_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

KEEP, TAKE = "keep", "backup"

blueprint = Blueprint("restores", __name__, url_prefix="/admin/backups")


@dataclass(frozen=True, slots=True)
class RestoreForm:
    """What the form holds.

    Attributes:
        schedule: `KEEP` the one set here, `TAKE` the backup's, or "" for the suggestion.
        is_carrying: whether the viewer's account is carried into the restored data.
        version: of the data and the file that the plan was made from.
    """

    schedule: str = ""
    is_carrying: bool = False
    version: str = ""


@blueprint.get("/<backup_id>/restore")
@admin_required
def show_plan(backup_id: str) -> ResponseReturnValue:
    """Show what a restore of this backup would do. Nothing is changed."""
    return _show_plan(backup_id, RestoreForm(is_carrying=request.args.get("carry") == "1"))


@blueprint.post("/<backup_id>/restore")
@ungated
def restore(backup_id: str) -> ResponseReturnValue:
    """Start the restore and redirect to its progress.

    A form that is sent again leads there too: by then the session may have ended.
    """
    submission = read_submission()
    if address := begun_before(submission):
        return redirect_to(address)
    enter_for_data()
    return _restore(backup_id, submission)


@admin_required
def _restore(backup_id: str, submission: Submission) -> ResponseReturnValue:
    """Start the restore and redirect to its progress.

    Refused unless the word and the password are right, and while the data or the file is not the
    one that the plan was made from.
    """
    backup = current_backups().get(backup_id)
    asked = RestoreForm(
        schedule=request.form.get("schedule", ""),
        is_carrying=request.form.get("carry") == "1",
        version=request.form.get("version", ""),
    )
    live = current_backups().live_version()
    is_stale = asked.version != plan_version(backup, live)
    if errors := _wrong_fields(backup):
        return _ask_again(backup, asked, errors)
    if is_stale:
        return _show_what_changed(backup_id, asked)
    user = signed_in_user()
    holder = holder_of(user)
    allow_renewal(holder)
    wanted = RestoreRequest(
        backup.id,
        keep_schedule=asked.schedule != TAKE,
        carry_account=user.username if asked.is_carrying else "",
        expected_live=live,
    )
    by = user.username
    with followed(submission, Follower(current_appearance(), holder)) as address:
        start_operation(wanted, by=by, operation_id=submission.operation_id)
    return redirect_to(address)


def _show_plan(
    backup_id: str, asked: RestoreForm, *, errors: Mapping[str, str] | None = None, change: str = ""
) -> ResponseReturnValue:
    service, viewer = current_backups(), signed_in_user().username
    backup = service.get(backup_id)
    stopwatch = Stopwatch()
    release()
    try:
        plan = service.plan(
            backup.id,
            by=viewer,
            keep_schedule=False,  # so that the plan has both schedules
            carry_account=viewer if asked.is_carrying else "",
            on_progress=stopwatch,
        )
    except NoAdminInsideError as error:
        return _offer_to_carry(error, backup)
    except VerificationError:
        if undone := undone_restore(backup.id):
            return _refuse_undo(undone)
        raise
    stopwatch.stop()
    resume(writes=False)
    version = plan_version(backup, plan.live_version)
    words = describe_plan(plan, backup, viewer=viewer, took_s=stopwatch.took_s)
    return render(
        "admin/restore.html",
        part="admin/_restore.html",
        plan=words,
        # An undo takes the old schedule back.
        schedule=asked.schedule or (TAKE if words["undoes"] else KEEP),
        schedule_words=schedule_words,
        is_carrying=asked.is_carrying,
        change=change,
        confirm=_confirmation(backup, version, errors or {}),
    )


def _refuse_undo(undone: JournalEntry) -> Response:
    """Answer that the safety backup of the last restore is damaged, and what helps instead."""
    resume(writes=False)
    found = WayBack(undone)
    return show_refusal(
        422,
        _("You cannot undo the last undo")
        if undone.is_undo
        else _("You cannot undo the last restore"),
        " ".join((found.words_of_loss(), _("Nothing was changed."))),
        next_step=next(iter(found.steps_instead()), to_the_backups()),
    )


def _confirmation(backup: Backup, version: str, errors: Mapping[str, str]) -> Mapping[str, object]:
    """Return the part of the page that confirms, with what is wrong, by field."""
    asks_password, key = not has_recent_password(), new_key()
    action = url_for("restores.restore", backup_id=backup.id)
    return {
        "backup": backup,
        "key": key,
        "outcome": outcome_address(key, action),
        "version": version,
        "word": _word_of(backup),
        "is_undo": undo_id() == backup.id,
        "asks_password": asks_password,
        "errors": errors,
    }


def _word_of(backup: Backup) -> str:
    """Return the word that confirms a restore, or an undo."""
    return pgettext("to confirm", "undo") if undo_id() == backup.id else _("restore")


def _wrong_fields(backup: Backup) -> Mapping[str, str]:
    """Check the word and the password; return what is wrong, by field."""
    errors, word = {}, _word_of(backup)
    if request.form.get("word", "").strip().casefold() != word.casefold():
        errors["word"] = (
            _("Enter “%(word)s” to undo the restore.", word=word)
            if undo_id() == backup.id
            else _("Enter “%(word)s” to restore the backup.", word=word)
        )
    if problem := confirm_in_form():
        errors["password"] = problem
    return errors


def _ask_again(
    backup: Backup, asked: RestoreForm, errors: Mapping[str, str]
) -> ResponseReturnValue:
    if not is_htmx():
        return make_response(_show_plan(backup.id, asked, errors=errors), 422)
    confirm = _confirmation(backup, asked.version, errors)
    return make_response(render_template("admin/_restore_confirm.html", confirm=confirm), 422)


def _show_what_changed(backup_id: str, asked: RestoreForm) -> ResponseReturnValue:
    """Show the plan as it is now, to be confirmed again."""
    change = _(
        "Something changed since you opened this plan. Nothing was restored. Check the plan again."
    )
    response = make_response(_show_plan(backup_id, asked, change=change), 409)
    response.headers["HX-Retarget"] = "#restore"
    response.headers["HX-Reswap"] = "outerHTML show:top"
    return response


def _offer_to_carry(error: NoAdminInsideError, backup: Backup) -> ResponseReturnValue:
    address = url_for("restores.show_plan", backup_id=backup.id, carry=1)
    return show_backup_error(
        error, next_step=NextStep(address, _("Copy my account into the restored data"))
    )
