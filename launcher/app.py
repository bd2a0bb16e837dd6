"""The application, put together."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping

from flask import Flask

from launcher import cli
from launcher.background.data_files import upgrade_data_files
from launcher.background.service import build_backups, installation_of
from launcher.backup import Gate
from launcher.config import FORM_LIMIT_BYTES, ROOT, Config, prepare_data_dir, read_config
from launcher.offsite.service import OffsiteService
from launcher.owner import act_as_owner


def create_app(overrides: Mapping[str, str] | None = None, *, has_pages: bool = True) -> Flask:
    """Build the application from the environment, with `overrides` of the same names on top.

    It succeeds when the database or the backups are missing or damaged; the pages then say so.

    Args:
        has_pages: False for a command: what only pages need is not imported, and a command that
            needs the database binds it.

    Raises:
        ConfigError: a setting has a value that is not allowed, or the data directory is unusable,
            or belongs to another user.
    """
    config = read_config({**os.environ, **(overrides or {})})
    config = prepare_data_dir(act_as_owner(config))
    upgrade_data_files(config.data_dir)
    app = Flask("launcher", root_path=str(ROOT / "launcher"), static_folder=None)
    _configure(app, config)

    app.extensions["launcher.config"] = config
    app.extensions["launcher.gate"] = Gate(config.lock_dir)
    backups = build_backups(installation_of(config))
    app.extensions["launcher.background.service"] = backups
    app.extensions["launcher.offsite"] = OffsiteService(config.data_dir, backups)
    app.extensions["launcher.stop"] = threading.Event()

    cli.init_app(app)
    if has_pages:
        _add_pages(app)
    return app


def _add_pages(app: Flask) -> None:
    from launcher import api, web  # noqa: PLC0415  (see `has_pages`)
    from launcher.db import session  # noqa: PLC0415  (see `has_pages`)
    from launcher.i18n.app import init_app as init_i18n  # noqa: PLC0415

    session.init_app(app)
    init_i18n(app)
    web.init_app(app)
    api.init_app(app)


def _configure(app: Flask, config: Config) -> None:
    app.config.update(
        SECRET_KEY=config.secret_key,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
        # For forms; the upload of a backup raises the limit of its own request.
        MAX_CONTENT_LENGTH=FORM_LIMIT_BYTES,
    )
    app.logger.setLevel(config.log_level)
