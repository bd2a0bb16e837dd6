"""What `gunicorn wsgi:app` serves and `flask` finds by itself."""

import os
import sys

from launcher.app import create_app
from launcher.config import ConfigError

# Flask says so when it is `flask …` that asks; two of its own commands are about pages.
is_command = os.environ.get("FLASK_RUN_FROM_CLI") == "true" and not {"run", "routes"} & {*sys.argv}

try:
    app = create_app(has_pages=not is_command)
except ConfigError as error:
    sys.exit(f"launcher: {error}")
