"""The patterns page: each component once, drawn from a panel that is made up.

`flask --app tests.patterns --debug run` serves the launcher with it, at /admin/patterns. Read
`patterns.html` first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from launcher.app import create_app as create_launcher
from tests.patterns.page import blueprint

if TYPE_CHECKING:
    from flask import Flask


def create_app() -> Flask:
    """Build the application of the environment, with the patterns page for its admins."""
    app = create_launcher()
    app.register_blueprint(blueprint)
    return app
