"""Whether a visitor is in the home network, where apps are opened by another URL.

What this browser chose comes first, then the host name in use, then the network of the visitor. It
says which URL will answer, and protects nothing: anyone can choose.
"""

from __future__ import annotations

from enum import StrEnum

from flask import current_app, request

from launcher.db.settings import site_settings
from launcher.settings.lines import is_among_hosts, is_in_networks, read_address
from launcher.web.cookies import own_cookie_name


class Choice(StrEnum):
    """Which URLs a browser opens."""

    AUTOMATIC = "automatic"
    HOME = "home"
    ELSEWHERE = "elsewhere"


def is_at_home() -> bool:
    """Whether apps open by their URL in the home network, for this request."""
    choice = chosen()
    return seems_at_home() if choice is Choice.AUTOMATIC else choice is Choice.HOME


def seems_at_home() -> bool:
    """Whether the host name in use, or else the address of the visitor, is one of home."""
    settings = site_settings()
    # Not `request.host`, which makes up a name where none was sent.
    host = request.environ.get("HTTP_HOST", "")
    return is_among_hosts(host, settings.home_hosts) or is_in_networks(
        read_address(request.remote_addr or ""), settings.home_networks
    )


def chosen() -> Choice:
    """Return what was chosen in this browser."""
    choice = request.cookies.get(cookie_name(), "")
    return Choice(choice) if choice in set(Choice) else Choice.AUTOMATIC


def cookie_name() -> str:
    """Return the name of the cookie that keeps the choice."""
    return own_cookie_name(current_app, "launcher-network")
