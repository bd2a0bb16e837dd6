"""Whether a visitor is in the home network, where apps are opened by another URL.

What this browser chose comes first, then the host name in use, then the network of the visitor. It
says which URL will answer, and protects nothing: anyone can choose.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flask import current_app, request

from launcher.current import current_config
from launcher.db.settings import site_settings
from launcher.settings.lines import (
    host_without_port,
    is_among_hosts,
    is_in_networks,
    network_around,
    read_address,
)
from launcher.web.cookies import own_cookie_name


class Choice(StrEnum):
    """Which URLs a browser opens."""

    AUTOMATIC = "automatic"
    HOME = "home"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Visit:
    """Where this request comes from.

    Attributes:
        address: that of the visitor as far as trusted proxies say, "" for none.
        host: the host name in use, "" for none.
        network: the one that is perhaps around the address, "" where that is unknown.
        is_from_home: whether the address is in a home network.
        is_under_home: whether the host name is one of home.
        has_other_proxy: whether a proxy sent this that is not trusted: the address is that of the
            proxy, for all visitors.
    """

    address: str
    host: str
    network: str
    is_from_home: bool
    is_under_home: bool
    has_other_proxy: bool

    @property
    def is_home(self) -> bool:
        """Whether the host name, or else the address, is one of home."""
        return self.is_under_home or self.is_from_home


def is_at_home() -> bool:
    """Whether apps open by their URL in the home network, for this request."""
    choice = chosen()
    return seems_at_home() if choice is Choice.AUTOMATIC else choice is Choice.HOME


def seems_at_home() -> bool:
    """Whether this visit is one from home, whatever was chosen."""
    settings = site_settings()
    return visit_with(settings.home_networks, settings.home_hosts).is_home


def visit_with(networks: str, hosts: str) -> Visit:
    """Return where this request comes from, with these home networks and host names."""
    address = read_address(request.remote_addr or "")
    # Not `request.host`, which makes up a name where none was sent.
    host = request.environ.get("HTTP_HOST", "")
    has_other_proxy = not current_config().proxy_hops and "X-Forwarded-For" in request.headers
    return Visit(
        address=str(address or ""),
        host=host_without_port(host),
        network="" if has_other_proxy else network_around(address),
        is_from_home=is_in_networks(address, networks),
        is_under_home=is_among_hosts(host, hosts),
        has_other_proxy=has_other_proxy,
    )


def chosen() -> Choice:
    """Return what was chosen in this browser."""
    choice = request.cookies.get(cookie_name(), "")
    return Choice(choice) if choice in set(Choice) else Choice.AUTOMATIC


def cookie_name() -> str:
    """Return the name of the cookie that keeps the choice."""
    return own_cookie_name(current_app, "launcher-network")
