"""Where browsers reach this site: what is there is never requested, whatever stands in between.

Behind a reverse proxy or a published port the address of the connection is not one of this server.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import unquote, urlsplit

from launcher.fetching.target import DEFAULT_PORTS, Target


@dataclass(frozen=True, slots=True)
class OwnSite:
    """The names of this site.

    Attributes:
        places: hosts, as `plain_host` has them, each with a port.
        prefix: the path that the site is below, "" for none. Beside it are other sites.
    """

    places: frozenset[tuple[str, int]] = frozenset()
    prefix: str = ""

    def has(self, target: Target) -> bool:
        """Whether this site answers a request to `target`; a path that may lead to it counts."""
        if (plain_host(target.host), target.port) not in self.places:
            return False
        return not self.prefix or self.prefix in unquote(target.path) or ".." in target.path


def places_of(authority: str, *schemes: str) -> Iterator[tuple[str, int]]:
    """Yield host and port of `host`, `host:port` or `[ipv6]:port`; without a port one a scheme.

    Nothing for what is none of them.
    """
    try:
        parts = urlsplit(f"//{authority.strip()}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return
    if host:
        ports = [port] if port else [DEFAULT_PORTS[scheme] for scheme in schemes]
        yield from ((plain_host(host), each) for each in ports)


@lru_cache(maxsize=2048)  # each check asks for that of its app
def plain_host(host: str) -> str:
    """Return a host in one spelling: lower case, ASCII, addresses as they are written usually."""
    name = host.lower().rstrip(".")
    try:
        address = ip_address(name)
    except ValueError:
        return _plain_name(name)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def _plain_name(name: str) -> str:
    try:
        ascii_name = name if name.isascii() else name.encode("idna").decode("ascii").rstrip(".")
        return str(IPv4Address(socket.inet_aton(ascii_name)))  # `2130706433`, `0x7f.1`
    except UnicodeError:
        return name
    except OSError:
        return ascii_name
