"""What a person types into the fields of a check, read strictly; what is wrong is data.

A file from outside may hold anything in these columns, so `CheckSpec.of` reads them here as well.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from urllib.parse import urlsplit, urlunsplit

from launcher.fetching.own_site import plain_host
from launcher.fetching.problems import FetchError
from launcher.fetching.requests import target_of
from launcher.fetching.target import DEFAULT_PORTS, Target

Accept = tuple[tuple[int, int], ...]
"""Ranges of HTTP status codes, both ends included."""
ACCEPT_DEFAULT: Accept = ((100, 499),)
MAX_HEADERS = 20
MAX_HEADER_LENGTH = 4096
MAX_PEM_LENGTH = 256 << 10
_RANGE = re.compile(r"([1-5]\d\d|[1-5]xx)(?:\s*-\s*([1-5]\d\d))?", re.ASCII | re.IGNORECASE)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}", re.ASCII)  # a name, RFC 9110 5.6.2
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_KEY = re.compile(
    r"-BEGIN[A-Z0-9 ]*PRIVATE KEY|PRIVATE KEY-|PuTTY-User-Key-File", re.ASCII | re.IGNORECASE
)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_BLOCK = re.compile(
    r"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[A-Za-z0-9+/=\s]+"
    r"-----END (?:TRUSTED |X509 )?CERTIFICATE-----",
    re.ASCII,
)
_OURS = frozenset(
    {
        # how a request is framed: with others the check could not read the answer
        "accept-encoding", "connection", "content-length", "expect", "http2-settings",
        "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
        # where it is routed: a name here could be that of someone else's virtual host
        "forwarded", "host", "x-host", "x-original-host", "x-original-url", "x-rewrite-url",
        # another method than HEAD or GET
        "x-http-method", "x-http-method-override", "x-method-override",
    }
)  # fmt: skip
_OURS_BEGIN = ("proxy-", "x-forwarded-")
"""To proxies, and what a proxy says of a request: hosts, ports, addresses and schemes."""


class Flaw(StrEnum):
    """What is wrong with what was typed."""

    URL = "url"
    """No complete http or https URL, or a port out of range."""
    ENDPOINT = "endpoint"
    """Not `host:port` with a port from 1 to 65535."""
    HOST = "host"
    ACCEPT = "accept"
    """No codes and ranges from 100 to 599, like `200-399,401`."""
    HEADER_NAME = "header_name"
    HEADER_VALUE = "header_value"
    """A line break or a character that a header cannot hold."""
    HEADER_LONG = "header_long"
    """A value of more than `MAX_HEADER_LENGTH` characters."""
    HEADER_OURS = "header_ours"
    """A header that says where or how a request is sent, which the check does."""
    HEADERS_MANY = "headers_many"
    LIMIT = "limit"
    """A time limit that is not shorter than the interval."""
    PEM = "pem"
    """No certificate in PEM format."""
    PEM_KEY = "pem_key"
    """It holds a private key, which does not belong there."""


class FieldError(ValueError):
    """A field that cannot be used. `about` is the header that it is about, "" for none."""

    def __init__(self, flaw: Flaw, about: str = "") -> None:
        super().__init__(flaw.value)
        self.flaw = flaw
        self.about = about


def accept_of(text: str) -> Accept:
    """Return the codes of a text like `200-399, 401` or `2xx`; sorted, the overlapping joined.

    Raises:
        FieldError: it has anything else, or no code; `ACCEPT`.
    """
    ranges = []
    for part in text.replace(";", ",").split(","):
        found = _RANGE.fullmatch(part.strip())
        if found is None:
            raise FieldError(Flaw.ACCEPT)
        first, last = found.groups()
        if first[1:].lower() == "xx":
            if last:
                raise FieldError(Flaw.ACCEPT)
            ranges.append((int(first[0]) * 100, int(first[0]) * 100 + 99))
        else:
            ranges.append((int(first), int(last or first)))
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if low > high:
            raise FieldError(Flaw.ACCEPT)
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return tuple(joined)


def accept_text(accept: Accept) -> str:
    """Return codes as they are typed and stored: `200-399,401`."""
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in accept)


@lru_cache(maxsize=2048)  # each check asks for its own
def http_target_of(url: str) -> Target:
    """Return what to request for a URL; user name and password in it are left out.

    Raises:
        FieldError: it is not a complete http or https URL; `URL`.
    """
    try:
        return target_of(url)
    except FetchError:
        raise FieldError(Flaw.URL) from None


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL in one spelling: `https://cloud.home.arpa:443`.

    "" for what is no http or https URL.
    """
    try:
        target = http_target_of(url)
    except FieldError:
        return ""
    host = plain_host(target.host)
    scheme = "https" if target.is_tls else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{target.port}"


def endpoint_of(text: str) -> tuple[str, int]:
    """Return host and port of `host:port`, `[ipv6]:port`, or of a http or https URL.

    Raises:
        FieldError: it has no host, or no port from 1 to 65535; `ENDPOINT`.
    """
    try:
        host, port = _authority(text)
    except FieldError:
        raise FieldError(Flaw.ENDPOINT) from None
    port = port or DEFAULT_PORTS.get(text.strip().partition("://")[0].lower())
    if port is None:
        raise FieldError(Flaw.ENDPOINT)
    return host, port


def host_of(text: str) -> str:
    """Return the host of a host, an address, `host:port` or a URL.

    Raises:
        FieldError: it has none; `HOST`.
    """
    bare = text.strip()
    is_bare_v6 = bare.count(":") > 1 and not set(bare) & set("[/")
    return _authority(f"[{bare}]" if is_bare_v6 else bare)[0]


def _authority(text: str) -> tuple[str, int | None]:
    """Raises FieldError (HOST)."""
    rest = text.strip().partition("://")[2] or text.strip()
    rest = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    host, colon, port = rest.rpartition(":") if not rest.endswith("]") else (rest, "", "")
    if not colon:
        host = rest
    elif ":" in host and not host.endswith("]"):
        raise FieldError(Flaw.HOST)  # two ports
    elif not _PORT.fullmatch(port) or not 0 < int(port) < 65_536:
        raise FieldError(Flaw.HOST)
    try:
        target = target_of(f"http://{host}/")
    except FetchError:
        raise FieldError(Flaw.HOST) from None
    return target.host, int(port) if colon else None


def headers_of(headers: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Return headers that can be sent, in their order.

    Raises:
        FieldError: one cannot, or there are too many; see `Flaw`.
    """
    if len(headers) > MAX_HEADERS:
        raise FieldError(Flaw.HEADERS_MANY)
    return tuple(_header(name.strip(), value) for name, value in headers.items())


def is_ours(name: str) -> bool:
    """Whether a header says where a request goes or how it is framed, which no check may change.

    Stored headers are secrets of one site. With these, a check could be answered by another site
    at the same address, which would then receive them. Programs behind CGI and WSGI read `_` as
    `-`, so it counts as such.
    """
    plain = name.strip().lower().replace("_", "-")
    return plain in _OURS or plain.startswith(_OURS_BEGIN)


def _header(name: str, value: object) -> tuple[str, str]:
    if not _TOKEN.fullmatch(name):
        raise FieldError(Flaw.HEADER_NAME, name[:100])
    if is_ours(name):
        raise FieldError(Flaw.HEADER_OURS, name)
    text = value.strip() if isinstance(value, str) else ""
    if len(text) > MAX_HEADER_LENGTH:
        raise FieldError(Flaw.HEADER_LONG, name)
    if not isinstance(value, str) or not _VALUE.fullmatch(text):
        raise FieldError(Flaw.HEADER_VALUE, name)
    return name, text


def without_sign_in(url: str) -> str:
    """Return `url` without user name and password, which no check sends.

    Of a text that is no URL, what is before an `@` is left out.
    """
    text = url.strip()
    try:
        parts = urlsplit(text)
    except ValueError:
        return text.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def certificates_alone(text: str) -> str:
    """Return a text with certificates and nothing else, "" for any other, to show it again."""
    try:
        return text if authorities_of(text).split() == text.split() else ""
    except FieldError:
        return ""


def has_private_key(text: str) -> bool:
    """Whether a text holds a private key, or a part of one with its first or last line."""
    return _KEY.search(text) is not None


@lru_cache(maxsize=64)  # the specs are read again and again
def authorities_of(text: str) -> str:
    """Return the certificates in a text as PEM, one after the other; "" for an empty text.

    Raises:
        FieldError: it has none, one cannot be read (`PEM`), or it has a private key (`PEM_KEY`).
    """
    if not text.strip():
        return ""
    if has_private_key(text):
        raise FieldError(Flaw.PEM_KEY)
    blocks = _BLOCK.findall(text) if len(text) <= MAX_PEM_LENGTH else []
    pem = "\n".join(blocks) + "\n"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        raise FieldError(Flaw.PEM) from None
    return pem
