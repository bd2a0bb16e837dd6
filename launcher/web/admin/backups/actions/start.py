"""Start what takes long, in a process of its own; the first row of the list shows its progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, redirect, render_template, request

from launcher.background.process import (
    CreateRequest,
    OperationRequest,
    RestoreTestRequest,
    VerifyRequest,
)
from launcher.http.start import start_operation
from launcher.i18n.labels import STAGE_WORDS, VERB_WORDS
from launcher.web.admin.backups import operation_row
from launcher.web.admin.backups.actions.common import LIST_CHANGED, blueprint, get_backup, way_back
from launcher.web.operations.submission import read_submission
from launcher.web.roles import admin_required, signed_in_user

if TYPE_CHECKING:
    from flask.blueprints import BlueprintSetupState
    from flask.typing import ResponseReturnValue

MAX_NOTE_CHARACTERS = 200

blueprint.before_app_request(operation_row.report_started)


@blueprint.record_once
def _offer_row(state: BlueprintSetupState) -> None:
    """Give every template the row of the running operation."""
    state.app.jinja_env.globals.update(
        current_row=operation_row.current_row, verb_words=VERB_WORDS, stage_words=STAGE_WORDS
    )


@blueprint.post("")
@admin_required
def create() -> ResponseReturnValue:
    """Start a backup."""
    note = request.form.get("note", "").strip()[:MAX_NOTE_CHARACTERS]
    return _start(CreateRequest(note, protected="protect" in request.form))


@blueprint.post("/<backup_id>/verify")
@admin_required
def verify(backup_id: str) -> ResponseReturnValue:
    """Start to verify a backup."""
    return _start(VerifyRequest(get_backup(backup_id).id))


@blueprint.post("/<backup_id>/test-restore")
@admin_required
def test_restore(backup_id: str) -> ResponseReturnValue:
    """Start a restore test."""
    return _start(RestoreTestRequest(get_backup(backup_id).id))


@blueprint.get("/progress")
@admin_required
def progress() -> ResponseReturnValue:
    """Return the operation row if it has changed, with toasts for what ended."""
    row = operation_row.changed_row(
        seen=request.args.get("seen", "")[:40], shown=request.args.get("shown", "")[:40]
    )
    if row is None:
        return Response(status=204)
    has_ended = row.seen != request.args.get("seen", "")
    page = render_template("admin/_progress.html", operation_row=row)
    return page, 200, LIST_CHANGED if has_ended else {}


def _start(wanted: OperationRequest) -> ResponseReturnValue:
    back, operation_id = way_back(), read_submission().operation_id
    start_operation(wanted, by=signed_in_user().username, operation_id=operation_id)
    operation_row.remember_started(operation_id)
    return redirect(back, 303)
