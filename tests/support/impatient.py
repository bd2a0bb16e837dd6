"""The application on a server with little patience, for `serving`."""

from launcher import serving

serving.PATIENCE_S = 1.0
serving._LINGER_S = 1.0

from wsgi import app  # noqa: E402

__all__ = ["app"]
