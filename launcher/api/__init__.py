"""The JSON API below `/api/v1`, for programs.

Read `door` first, what a call is, then `dispatch`, which answers each request, and `status`, the
smallest call. `problems` lists what can go wrong, `openapi` describes all of it. The calls use the
same services as pages and commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from launcher.api import (  # noqa: F401  (declares calls)
    apps,
    backup_checks,
    backup_files,
    backups,
    destinations,
    dispatch,
    jobs,
    operations,
    recipients,
    restores,
    schedule,
    status,
)

if TYPE_CHECKING:
    from flask import Flask


def init_app(app: Flask) -> None:
    """Register the API; the database and Babel are bound to `app` already."""
    app.register_blueprint(dispatch.blueprint)
