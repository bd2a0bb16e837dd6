"""Whether a URL of a file is one that an app can have, as far as the file alone can say."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from launcher.importing.draft import URL_MAX, LeaveReason

_VARIABLE = re.compile(r"\{\{[^{}]{0,100}\}\}|\$\{[^{}]{0,100}\}")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,30}:)(?!\d+(?:/|$))", re.ASCII | re.IGNORECASE)
_PORTS = {"http": "80", "https": "443"}


def refusal_of(url: str) -> tuple[LeaveReason, str] | None:
    """Return why `url` cannot be the URL of an app, with the detail of the reason; None if it can.

    Characters and passwords are judged by `catalogue.entries.read_url`, with the plan.
    """
    if not url or url == "#":
        return LeaveReason.NO_URL, ""
    if found := _VARIABLE.search(url):
        return LeaveReason.VARIABLE, found[0]
    scheme = _SCHEME.match(url)
    if scheme and scheme[1].lower() not in {"http:", "https:"}:
        return LeaveReason.SCHEME, scheme[1].lower()
    if len(url) > URL_MAX:
        return LeaveReason.URL_TOO_LONG, ""
    if not re.match(r"(?i)https?://", url) or not host_of(url):
        return LeaveReason.URL_INCOMPLETE, url
    return None


def same_url_key(url: str) -> str:
    """Return a text that is the same for URLs that open the same page.

    Scheme and host count without case, a port that the scheme has anyway and an empty path not.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return url
    scheme = parts.scheme.lower()
    shown_port = "" if port is None or str(port) == _PORTS.get(scheme) else f":{port}"
    user = parts.netloc.rpartition("@")[0]
    rest = url.partition("://")[2][len(parts.netloc) :]
    return f"{scheme}://{user}@{host}{shown_port}{'' if rest == '/' else rest}"


def host_of(url: str) -> str:
    """Return the host of a URL, "" where it has none."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 (it raises for a port that is none)
    except ValueError:
        return ""
    return parts.hostname or ""
