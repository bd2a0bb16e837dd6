"""Settings of several lines: networks, and host names; and what is among them.

A line may hold several, with spaces or commas between them, as a shell would pass them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from launcher.settings.kinds import SettingError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_NAME = re.compile(r"\.?[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_NAME_LENGTH = 253


@dataclass(frozen=True, slots=True)
class Networks:
    """Networks or single addresses, kept a line each, as `ipaddress` writes them."""

    maximum: int = 50
    allowed: ClassVar[str] = "networks, like `192.168.1.0/24 fd12:3456::/64`"

    def read(self, name: str, value: object) -> str:
        """Return the networks; bits behind the prefix are set to zero."""
        return _read_networks(name, str(value), self.maximum)


@dataclass(frozen=True, slots=True)
class HostNames:
    """Host names without ports, kept a line each; `.home.arpa` is every name below it as well."""

    maximum: int = 50
    allowed: ClassVar[str] = "host names, like `launcher.home.arpa .lan`"

    def read(self, name: str, value: object) -> str:
        """Return the names, as a browser sends them."""
        found: list[str] = []
        for line, text in _entries(name, str(value), self.maximum):
            try:
                found.append(_host_name(text))
            except ValueError:
                raise SettingError(
                    name,
                    "host_name",
                    f"{text!r} in line {line} is not a host name; one looks like "
                    "launcher.home.arpa",
                    line=line,
                ) from None
        return "\n".join(dict.fromkeys(found))


def read_address(text: str) -> Address | None:
    """Return an address without its zone; an IPv4 address for a mapped one; None for none.

    A server at a Unix socket knows no address.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def host_without_port(host: str) -> str:
    """Return the name in `host`, a header `Host`, as `HostNames` keeps it."""
    return re.sub(r":[0-9]*$", "", host.lower()).removesuffix(".")


def network_around(address: Address | None) -> str:
    """Return the network that a home would have around `address`, "" where that is unknown.

    A private one of the usual size; of the addresses on the internet that one alone, which is that
    of the router, or the 64 bits that a provider hands out.
    """
    if address is None or address.is_loopback or address.is_unspecified:
        return ""
    in_version_4 = 24 if address.is_private else 32
    bits = in_version_4 if address.version == 4 else 64
    return str(ipaddress.ip_network((address, bits), strict=False))


def is_in_networks(address: Address | None, networks: str) -> bool:
    """Whether an address is in one of `networks`, a value of the kind `Networks`."""
    return address is not None and any(address in each for each in _parsed(networks))


def is_among_hosts(host: str, names: str) -> bool:
    """Whether `host`, a header `Host`, is one of `names`, a value of the kind `HostNames`."""
    name = host_without_port(host)
    return any(
        name == each.removeprefix(".") or (each.startswith(".") and name.endswith(each))
        for each in names.split()
    )


# Each request reads the settings, and `ipaddress` takes 3 ms for 50 networks.
@lru_cache(maxsize=8)
def _read_networks(name: str, value: str, maximum: int) -> str:
    found: list[str] = []
    for line, text in _entries(name, value, maximum):
        try:
            found.append(str(_network(text)))
        except ValueError:
            raise SettingError(
                name,
                "network",
                f"{text!r} in line {line} is not a network; one looks like 192.168.1.0/24",
                line=line,
            ) from None
    return "\n".join(dict.fromkeys(found))


def _entries(name: str, value: str, maximum: int) -> Iterator[tuple[int, str]]:
    """Yield each entry with the number of its line.

    Raises:
        SettingError: there are more than `maximum`.
    """
    entries = [
        (number, entry)
        for number, line in enumerate(value.splitlines(), 1)
        for entry in re.split(r"[\s,;]+", line)
        if entry
    ]
    if len(entries) > maximum:
        raise SettingError(
            name, "too_many", f"must not have more than {maximum} entries", maximum=maximum
        )
    yield from entries


def _network(text: str) -> Network:
    network = ipaddress.ip_network(text, strict=False)
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        # Visitors from it have an IPv4 address here.
        inside = network.network_address.ipv4_mapped
        return ipaddress.IPv4Network(f"{inside}/{network.prefixlen - _MAPPED.prefixlen}")
    return network


def _host_name(text: str) -> str:
    if text.startswith("[") and text.endswith("]"):
        return f"[{ipaddress.IPv6Address(text[1:-1])}]"
    dot = "." if text.startswith(".") else ""
    name = dot + text.removeprefix(".").encode("idna").decode().lower().removesuffix(".")
    if len(name) > _NAME_LENGTH or not _NAME.fullmatch(name):
        raise ValueError(text)
    return name


@lru_cache(maxsize=8)
def _parsed(networks: str) -> tuple[Network, ...]:
    return tuple(map(ipaddress.ip_network, networks.split()))
