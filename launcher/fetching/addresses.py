"""Which IP addresses may be connected to.

The rule is about the address of the connection itself, after DNS, so no spelling of a host gets
around it. The networks are listed here: what `ipaddress` calls private or global differs between
versions of Python, and leaves out addresses of IPv4 inside IPv6 and services of clouds.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from launcher.fetching.own_site import OwnSite
from launcher.fetching.problems import Problem

NEVER_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # "this network", RFC 1122 3.2.1.3; Linux connects 0.0.0.0 to itself
        "100.100.100.200/32",  # metadata of Alibaba Cloud
        "168.63.129.16/32",  # the platform of Azure
        "169.254.0.0/16",  # link-local, RFC 3927, with the metadata of most clouds
        "192.0.0.0/24",  # protocol assignments, RFC 6890
        "192.0.2.0/24",  # documentation, RFC 5737
        "192.88.99.0/24",  # relays of 6to4, RFC 7526
        "198.51.100.0/24",  # documentation, RFC 5737
        "203.0.113.0/24",  # documentation, RFC 5737
        "224.0.0.0/4",  # multicast, RFC 5771
        "240.0.0.0/4",  # reserved, RFC 1112; with broadcast, RFC 919
    )
)
PRIVATE_V4 = tuple(
    IPv4Network(text)
    for text in (
        "10.0.0.0/8",  # private, RFC 1918
        "100.64.0.0/10",  # shared by providers, RFC 6598; Tailscale
        "127.0.0.0/8",  # loopback, RFC 1122
        "172.16.0.0/12",  # private, RFC 1918
        "192.168.0.0/16",  # private, RFC 1918
        "198.18.0.0/15",  # benchmarks, RFC 2544; proxies in home networks answer names with it
    )
)
GLOBAL_V6 = IPv6Network("2000::/3")
"""What has been given to the internet so far, RFC 4291; all the rest is refused."""
NEVER_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, RFC 2928; Teredo is judged by what is inside
        "2001:db8::/32",  # documentation, RFC 3849
        "3fff::/20",  # documentation, RFC 9637
        "fd00:42::42/128",  # metadata of Scaleway
        "fd00:c1::/32",  # metadata of Oracle Cloud
        "fd00:ec2::/32",  # metadata of AWS
        "fd20:ce::254/128",  # metadata of Google Cloud
    )
)
PRIVATE_V6 = tuple(
    IPv6Network(text)
    for text in (
        "::1/128",  # loopback, RFC 4291
        "fc00::/7",  # unique local, RFC 4193
    )
)
_V4_AT_THE_END = tuple(
    IPv6Network(text)
    for text in (
        "::/96",  # IPv4-compatible, RFC 4291
        "::ffff:0:0/96",  # IPv4-mapped, RFC 4291
        "::ffff:0:0:0/96",  # IPv4-translated, RFC 2765
        "64:ff9b::/96",  # NAT64, RFC 6052
    )
)
# NAT64 for local use, 64:ff9b:1::/48 (RFC 8215), is refused with the rest: where the IPv4 address
# is inside depends on the length of a prefix that only the translator knows.


class Reach(StrEnum):
    """How far an address reaches."""

    PUBLIC = "public"
    PRIVATE = "private"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class AddressRules:
    """What may be connected to on this site.

    Attributes:
        allow_private: whether private networks and this machine may be requested.
        own_ports: where this server listens, on whichever address of this machine.
        own_site: where browsers reach it.
    """

    allow_private: bool
    own_ports: frozenset[int] = frozenset()
    own_site: OwnSite = field(default_factory=OwnSite)

    def problem_of(self, address: str, port: int) -> Problem | None:
        """Return why `address` must not be connected to, or None; a scope id does not matter."""
        reach = reach_of(address)
        if reach is Reach.NEVER:
            return Problem.REFUSED_ADDRESS
        if reach is Reach.PRIVATE and not self.allow_private:
            return Problem.PRIVATE_OFF
        if port in self.own_ports and is_of_this_machine(address):
            return Problem.OWN_ADDRESS
        return None


@lru_cache(maxsize=2048)  # health checks ask for the same hundreds again and again
def reach_of(address: str) -> Reach:
    """Return the `Reach` of an IP address, the narrowest of it and of what is inside it."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return Reach.NEVER
    if isinstance(parsed, IPv4Address):
        return _reach_v4(parsed)
    inside = [_reach_v4(each) for each in _inside(parsed)]
    reaches = inside or [_reach_v6(parsed)]
    return next((reach for reach in (Reach.NEVER, Reach.PRIVATE) if reach in reaches), Reach.PUBLIC)


def _reach_v4(address: IPv4Address) -> Reach:
    if any(address in network for network in NEVER_V4):
        return Reach.NEVER
    is_private = any(address in network for network in PRIVATE_V4)
    return Reach.PRIVATE if is_private else Reach.PUBLIC


def _reach_v6(address: IPv6Address) -> Reach:
    if any(address in network for network in NEVER_V6):
        return Reach.NEVER
    if any(address in network for network in PRIVATE_V6):
        return Reach.PRIVATE
    return Reach.PUBLIC if address in GLOBAL_V6 else Reach.NEVER


def _inside(address: IPv6Address) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses that packets to `address` may end at."""
    number = int(address)
    if number > 1 and any(address in network for network in _V4_AT_THE_END):
        yield IPv4Address(number & 0xFFFFFFFF)
    elif number >> 112 == 0x2002:  # 6to4, RFC 3056
        yield IPv4Address(number >> 80 & 0xFFFFFFFF)
    elif number >> 96 == 0x20010000:  # Teredo, RFC 4380: the server, and the client inverted
        yield IPv4Address(number >> 64 & 0xFFFFFFFF)
        yield IPv4Address(~number & 0xFFFFFFFF)


def is_of_this_machine(address: str) -> bool:
    """Whether this machine has `address`: the kernel lets no one bind to any other."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
