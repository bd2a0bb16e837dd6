"""The doors for people: pages, forms and the files they are drawn with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from launcher.extensions import csrf, login
from launcher.web import (
    account,
    assets,
    auth,
    compression,
    errors,
    frame,
    headers,
    health,
    htmx,
    metrics,
    navigation,
    reauthentication,
    receiving,
    sessions,
    setup,
    setup_restore,
    start,
)
from launcher.web.admin.audit import page as audit_
from launcher.web.admin.backups import (
    actions,
    banner,
    details,
    operation_page,
    panel,
    restore,
    upload,
)
from launcher.web.admin.jobs import page as jobs_
from launcher.web.admin.notifications import page as notifications
from launcher.web.admin.people import users
from launcher.web.admin.schedule import page as schedule_

if TYPE_CHECKING:
    from flask import Flask


def init_app(app: Flask) -> None:
    """Hang every page of the launcher into `app`.

    Needs the database and Babel bound to it already.
    """
    csrf.init_app(app)
    # Its context processor would ask the database for a user, on the page of a lost one as well.
    login.init_app(app, add_context_processor=False)
    # Answers pass these in reverse: compressed last, when nothing changes them any more.
    compression.init_app(app)
    headers.init_app(app)
    htmx.init_app(app)
    for part in (assets, errors, frame, navigation, receiving, sessions, banner):
        part.init_app(app)
    for door in (health, metrics, setup, setup_restore, auth, account, reauthentication, start):
        app.register_blueprint(door.blueprint)
    for page in (
        schedule_, panel, actions, upload, operation_page, restore, details, jobs_, users,
        notifications, audit_,
    ):  # fmt: skip
        app.register_blueprint(page.blueprint)
