"""Under which host names the site answers."""

from __future__ import annotations

from flask import request
from werkzeug.sansio.utils import host_is_trusted

from launcher.current import current_config

HOST_IS_NONE = "launcher.host_is_none"
"""Set in the environment of a request of the API whose header `Host` was taken out, as no host."""

_API = "/api/v1"


def is_of_api(path: str, prefix: str) -> bool:
    """Whether a path is one of the API, with the prefix of the site or without."""
    return f"{path.removeprefix(prefix)}/".startswith(f"{_API}/")


def is_served_host() -> bool:
    """Whether this request names a host of the settings.

    A request without `Host` may pass: no browser sends one, but health probes do.
    """
    hosts = current_config().hosts
    host = request.environ.get("HTTP_HOST", "")
    return not hosts or not host or host_is_trusted(host.lower(), hosts)
