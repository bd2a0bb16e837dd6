"""The pages and their assets.

Read `frame` first, what surrounds every page, then `start_page`. Administration is in `admin`, the
start and progress of an operation in `operations`. `sessions`, `reauthentication`, `forgery` and
`proxies` decide what a request may do. May import everything but `cli` and `app`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from launcher.extensions import login
from launcher.web import (
    account,
    apps,
    assets,
    auth,
    compression,
    errors,
    folding,
    forgery,
    frame,
    headers,
    health,
    home_screen,
    htmx,
    launching,
    metrics,
    navigation,
    network_switch,
    numbers,
    proxies,
    reauthentication,
    receiving,
    server_commands,
    sessions,
    setup,
    setup_elsewhere,
    setup_restore,
    shortcuts,
    start_page,
)
from launcher.web.admin import apps as catalogue
from launcher.web.admin.audit import page as audit_
from launcher.web.admin.backups import (
    actions,
    backup_page,
    banner,
    operation_page,
    panel,
    restore_page,
    upload_page,
)
from launcher.web.admin.boards import page as board_list
from launcher.web.admin.health import page as health_list
from launcher.web.admin.jobs import page as jobs_
from launcher.web.admin.notifications import page as notifications
from launcher.web.admin.offsite import page as offsite
from launcher.web.admin.overview import page as overview
from launcher.web.admin.people import groups, previews, users
from launcher.web.admin.schedule import page as schedule_
from launcher.web.admin.site import page as site_
from launcher.web.admin.tokens import page as tokens_
from launcher.web.boards import pages as board_pages
from launcher.web.boards import samples
from launcher.web.check_form import for_all as _for_all  # noqa: F401  (of `check_pages`)
from launcher.web.check_form import pages as check_pages
from launcher.web.checks import app_page as app_health
from launcher.web.editing import places, sections, undoing  # noqa: F401 (one blueprint)
from launcher.web.finding import page as finding
from launcher.web.icons import manage as icons
from launcher.web.icons import picker as _picker  # noqa: F401  (its views are of `icons`)
from launcher.web.importing import kept as import_files
from launcher.web.importing import pages as import_pages
from launcher.web.operations import submission

if TYPE_CHECKING:
    from flask import Flask


def init_app(app: Flask) -> None:
    """Register every page; the database and Babel are bound to `app` already."""
    proxies.init_app(app)
    forgery.init_app(app)
    # Its context processor would query the user even on the page of a damaged database.
    login.init_app(app, add_context_processor=False)
    # Responses pass these in reverse order: compression comes last.
    compression.init_app(app)
    headers.init_app(app)
    htmx.init_app(app)
    numbers.init_app(app)
    for part in (
        assets, errors, frame, home_screen, navigation, receiving, server_commands, sessions,
        banner, import_files, setup_elsewhere, submission,
    ):  # fmt: skip
        part.init_app(app)
    for page in (
        health, home_screen, metrics, setup, setup_elsewhere, setup_restore, auth, account,
        reauthentication,
        start_page, shortcuts, finding, launching, icons, samples, apps, board_pages, board_list,
        undoing, folding,
        overview, schedule_, panel, offsite, actions, upload_page, operation_page, restore_page,
        backup_page,
        jobs_, users, groups, previews, notifications, audit_, tokens_, site_, catalogue,
        network_switch, import_pages, app_health, health_list, check_pages,
    ):  # fmt: skip
        app.register_blueprint(page.blueprint)
    proxies.check_prefix(app)
