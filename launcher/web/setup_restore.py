"""The first start of a new server with the data of a backup.

The one-time setup link allows to upload a file or to choose a listed backup, to see its contents
and to restore it. Once the restored data has an admin, the link is invalid.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from flask import Blueprint, redirect, render_template, request, url_for

from launcher.accounts import setup
from launcher.background.process import RestoreRequest
from launcher.backup.errors import BackupError
from launcher.current import current_backups, current_config
from launcher.db.session import enter_for_data, release, resume, ungated
from launcher.http.start import start_operation, start_upload
from launcher.i18n.locale import gettext as _
from launcher.web.errors import NextStep, show_backup_error
from launcher.web.frame import current_appearance
from launcher.web.htmx import redirect_to
from launcher.web.operations.following import Follower, begun_before, followed
from launcher.web.operations.plan import Stopwatch, describe_plan
from launcher.web.operations.submission import (
    Submission,
    read_submission,
    submission_of_file,
)
from launcher.web.receiving import received_file, receives_file
from launcher.web.setup import refuse_setup

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

P = ParamSpec("P")

BY = "setup"

_MOST_OF_A_KEY = 64

blueprint = Blueprint("setup_restore", __name__, url_prefix="/setup")


def setup_token_required(
    view: Callable[Concatenate[str, P], ResponseReturnValue],
) -> Callable[P, ResponseReturnValue]:
    """Let a view run with the token of a valid setup link in the address.

    An error of the core offers the way back to the page of the link.
    """

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        token = request.args.get("token", "")
        if not setup.is_setup_token(current_config().setup_token_path, token):
            return refuse_setup()
        try:
            return view(token, *args, **kwargs)
        except BackupError as error:
            back = NextStep(url_for("setup.show", token=token), _("Back to setup"))
            return show_backup_error(error, next_step=back)

    return guarded


@blueprint.post("/upload")
@receives_file
@setup_token_required
def receive(token: str) -> ResponseReturnValue:
    """Receive a file, start its check and redirect to its progress."""
    follower = Follower(current_appearance(), holder=None, setup_token=token)
    with received_file() as received:
        submission = submission_of_file(received)
        with followed(submission, follower) as address:
            start_upload(received, by=BY, operation_id=submission.operation_id)
    return redirect_to(address)


@blueprint.get("/restore/<backup_id>")
@setup_token_required
def show_plan(token: str, backup_id: str) -> ResponseReturnValue:
    """Show the contents of this backup, and who could sign in afterwards."""
    service = current_backups()
    backup = service.get(backup_id)
    stopwatch = Stopwatch()
    release()
    plan = service.plan(backup.id, by=BY, keep_schedule=False, on_progress=stopwatch)
    stopwatch.stop()
    resume()
    search = request.args.get("search", "")
    return render_template(
        "setup_restore.html",
        token=token,
        search=search,
        plan=describe_plan(plan, backup, viewer="", took_s=stopwatch.took_s),
        admins=plan.admins,
    )


@blueprint.post("/restore/<backup_id>")
@ungated
def restore(backup_id: str) -> ResponseReturnValue:
    """Start a restore with the schedule of the backup and redirect to its progress.

    A form that is sent again leads there too: by then the setup link may be invalid.
    """
    submission = read_submission()
    if address := begun_before(submission):
        return redirect(address, 303)
    enter_for_data()
    return _restore(backup_id, submission)


@setup_token_required
def _restore(token: str, backup_id: str, submission: Submission) -> ResponseReturnValue:
    wanted = RestoreRequest(current_backups().get(backup_id).id, keep_schedule=False)
    search = request.args.get("search", "")[:_MOST_OF_A_KEY]
    follower = Follower(current_appearance(), holder=None, setup_token=token, search=search)
    with followed(submission, follower) as address:
        start_operation(wanted, by=BY, operation_id=submission.operation_id)
    return redirect(address, 303)
