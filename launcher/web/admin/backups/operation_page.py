"""The page of one operation, while it runs and after it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, abort, make_response, render_template, request
from sqlalchemy.exc import SQLAlchemyError

from launcher.accounts import setup
from launcher.backup.records.operation import JournalEntry, Progress
from launcher.current import current_backups, current_config
from launcher.db.session import DataBeingReplacedError, enter, ungated
from launcher.web.admin.backups.outcomes import ended
from launcher.web.admin.backups.outcomes.page import viewer_now
from launcher.web.frame import do_without_database, use_appearance
from launcher.web.htmx import is_htmx, own_address, render
from launcher.web.operations.following import (
    Follower,
    is_follower_here,
    read_follower,
)
from launcher.web.operations.stages import describe_progress
from launcher.web.roles import admin_required
from launcher.web.sessions import renew_session

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("operations", __name__, url_prefix="/admin/backups")


@blueprint.get("/operations/<operation_id>")
@ungated
def show(operation_id: str) -> ResponseReturnValue:
    """Show how far an operation is, or how it ended.

    With its token it needs neither a session nor the database; without, it is a page for admins.
    """
    follower = read_follower(request.args.get("t", ""), operation_id)
    if follower is None:
        enter()
        return _watch(operation_id)
    use_appearance(follower.appearance)
    return _follow(operation_id, follower)


@admin_required
def _watch(operation_id: str) -> ResponseReturnValue:
    found = current_backups().operation(operation_id)
    if isinstance(found, JournalEntry):
        return _outcome(found)
    return _running(found)


def _follow(operation_id: str, follower: Follower) -> ResponseReturnValue:
    found = current_backups().operation(operation_id)
    if not isinstance(found, JournalEntry):
        do_without_database()
        return _running(found)
    if is_htmx():
        return _reload()
    try:
        enter()
        if follower.holder:
            renew_session(follower.holder, epoch=str(found.facts.get("epoch", "")))
        if follower.setup_token:
            # Restored data may have an admin.
            setup.end_setup(current_config())
        return _outcome(found, follower)
    except (DataBeingReplacedError, SQLAlchemyError):
        # The next restore has closed the gate, or the database is damaged.
        do_without_database()
        return _outcome(found, follower)


def _running(progress: Progress | None) -> ResponseReturnValue:
    if progress is None:
        return _reload() if is_htmx() else abort(404)
    return render(
        "admin/following.html",
        part="admin/_operation.html",
        running=describe_progress(progress),
        address=own_address(),
    )


def _outcome(entry: JournalEntry, follower: Follower | None = None) -> ResponseReturnValue:
    if is_htmx():
        return _reload()
    outcome = ended(entry).page(follower)
    viewer = viewer_now()
    is_admin = viewer is not None and viewer.is_admin
    if follower and not (is_admin or is_follower_here(entry.operation_id, follower)):
        outcome = outcome.in_brief()
    return render_template("admin/outcome.html", outcome=outcome)


def _reload() -> ResponseReturnValue:
    """Let the polling page reload, which then shows the outcome."""
    response = make_response("")
    response.headers["HX-Refresh"] = "true"
    return response
