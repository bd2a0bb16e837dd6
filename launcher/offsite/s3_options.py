"""What is entered of a bucket, before anything is connected."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from urllib.parse import urlsplit

from launcher.offsite.secret_options import has_user
from launcher.offsite.troubles import RemoteError, Trouble


def endpoint_of(options: Mapping[str, str]) -> str:
    """Return the endpoint as a URL, "" for that of Amazon.

    Raises:
        RemoteError: `WRONG_OPTIONS`.
    """
    endpoint = options.get("endpoint", "").strip()
    if not endpoint:
        return ""
    if "://" not in endpoint:
        endpoint = f"https://{endpoint}"
    with contextlib.suppress(ValueError):
        parts = urlsplit(endpoint)
        _ = parts.port
        is_plain = not has_user("endpoint", endpoint)
        if parts.scheme in {"http", "https"} and parts.hostname and is_plain:
            return endpoint.rstrip("/")
    raise RemoteError(Trouble.WRONG_OPTIONS, option="endpoint")
