"""The overview: one line for each thing that needs to be well, with the page that has more."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from flask import Blueprint, abort, redirect, render_template, url_for

from launcher.backup.sqlite.connection import SQLITE_VERSION, has_wal_reset_fix
from launcher.current import current_application
from launcher.db.content import APP_VERSION, LauncherContent
from launcher.db.settings import site_settings
from launcher.models.types import utc_now
from launcher.monitoring.problems import ProblemKind
from launcher.notifications.assessment import assess
from launcher.web.admin.backups.banner import set_current_problems
from launcher.web.admin.overview.apps import apps_line
from launcher.web.admin.overview.copies import copies_line, first_step
from launcher.web.frame import current_viewer
from launcher.web.roles import redirect_to_sign_in

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("overview", __name__, url_prefix="/admin")


@blueprint.get("")
def show() -> ResponseReturnValue:
    """Show admins how backups, jobs and disks are, and the versions in use.

    Editors are redirected to the first page that they may open; for viewers there is none.
    """
    viewer = current_viewer()
    if viewer is None:
        return redirect_to_sign_in()
    if not viewer.may_edit:
        abort(404)
    if not viewer.is_admin:
        return redirect(url_for("catalogue.apps"))
    seen = assess(current_application(), now=utc_now(), settings=site_settings())
    set_current_problems(seen)
    return render_template(
        "admin/overview.html",
        findings=seen.findings,
        apps=apps_line(),
        copies=copies_line(seen),
        step=first_step(seen.findings),
        snapshot=seen.snapshot,
        is_scheduler_stopped=seen.findings.find(ProblemKind.SCHEDULER_STOPPED) is not None,
        is_data_disk_full=seen.findings.find(ProblemKind.DATA_DISK_FULL) is not None,
        versions={
            "Launcher": APP_VERSION,
            "Python": platform.python_version(),
            "SQLite": SQLITE_VERSION,
        },
        schema=LauncherContent().head,
        has_wal_reset_fix=has_wal_reset_fix(SQLITE_VERSION),
    )
