"""What `gunicorn wsgi:app` serves and `flask` finds by itself."""

import sys

from launcher.app import create_app
from launcher.config import ConfigError

try:
    app = create_app()
except ConfigError as error:
    sys.exit(f"launcher: {error}")
