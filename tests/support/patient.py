"""The application, whose requests wait for a restore for a minute, for tests on a busy machine."""

from launcher.db import connect

connect.GATE_TIMEOUT_S = 60.0

from wsgi import app  # noqa: E402

__all__ = ["app"]
