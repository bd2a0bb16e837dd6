"""Where a destination is, as its address says: assumed where no admin says it."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from launcher.offsite.records import Place, Service
from launcher.offsite.s3_options import endpoint_of
from launcher.offsite.troubles import RemoteError

_NEAR_ENDS = (".local", ".lan", ".home.arpa", ".internal", ".localdomain")


def assumed_place(service: Service, options: Mapping[str, str]) -> Place:
    """Return where a destination of this address is; no name is looked up.

    A folder is on another device, which its test proves. A loopback address or the name of this
    machine is this server, a private address or a name without a public domain another device.
    """
    if service is Service.FOLDER:
        return Place.OTHER_DEVICE
    host = _host_of(service, options).lower().rstrip(".")
    if not host:
        return Place.OFF_SITE
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        address = getattr(address, "ipv4_mapped", None) or address
        if address.is_loopback or address.is_unspecified:
            return Place.THIS_SERVER
        return Place.OFF_SITE if address.is_global else Place.OTHER_DEVICE
    if host.endswith(".localhost") or host in {"localhost", *_own_names()}:
        return Place.THIS_SERVER
    return Place.OTHER_DEVICE if "." not in host or host.endswith(_NEAR_ENDS) else Place.OFF_SITE


def _host_of(service: Service, options: Mapping[str, str]) -> str:
    if service is Service.S3:
        with contextlib.suppress(RemoteError):
            return urlsplit(endpoint_of(options)).hostname or ""
        return ""
    with contextlib.suppress(ValueError):
        if host := urlsplit(options.get("url") or options.get("endpoint", "")).hostname:
            return host
    return options.get("host", "").strip().strip("[]")


def _own_names() -> set[str]:
    return {socket.gethostname().lower(), socket.gethostname().lower().partition(".")[0]}
