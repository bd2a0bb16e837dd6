"""What takes long: it begins in a process of its own and is followed in the row of the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, redirect, render_template, request

from launcher.background.process import (
    CreateRequest,
    OperationRequest,
    RestoreTestRequest,
    VerifyRequest,
)
from launcher.i18n.labels import STAGE_WORDS, VERB_WORDS
from launcher.web.admin.backups import operation_row
from launcher.web.admin.backups.actions.common import LIST_CHANGED, blueprint, get_backup, way_back
from launcher.web.operations.start import start_operation
from launcher.web.roles import admin_required

if TYPE_CHECKING:
    from flask.blueprints import BlueprintSetupState
    from flask.typing import ResponseReturnValue

MAX_NOTE_CHARACTERS = 200

blueprint.before_app_request(operation_row.tell_what_was_started)


@blueprint.record_once
def _offer_row(state: BlueprintSetupState) -> None:
    """Let the list include the row of what runs, wherever it is drawn from."""
    state.app.jinja_env.globals.update(
        present_row=operation_row.present_row, verb_words=VERB_WORDS, stage_words=STAGE_WORDS
    )


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
    return _begin(VerifyRequest(get_backup(backup_id).id))


@blueprint.post("/<backup_id>/test-restore")
@admin_required
def test_restore(backup_id: str) -> ResponseReturnValue:
    """Begin the whole restore of a backup on a copy."""
    return _begin(RestoreTestRequest(get_backup(backup_id).id))


@blueprint.get("/progress")
@admin_required
def progress() -> ResponseReturnValue:
    """Return the row of what runs, where it differs from what the page shows, and the news."""
    row = operation_row.news(
        seen=request.args.get("seen", "")[:40], shown=request.args.get("shown", "")[:40]
    )
    if row is None:
        return Response(status=204)
    # Whatever begins may make room or take it, and whatever ends changes the list.
    is_news = row.seen != request.args.get("seen", "")
    page = render_template("admin/_progress.html", operation_row=row)
    return page, 200, LIST_CHANGED if is_news else {}


def _begin(wanted: OperationRequest) -> ResponseReturnValue:
    back = way_back()
    operation_row.remember(start_operation(wanted))
    return redirect(back, 303)
