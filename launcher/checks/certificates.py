"""What a certificate says, read from its bytes, and the contexts that verify one.

`ssl` reads only certificates that it verified. Those of a home network mostly are not, and their
end is what an admin wants to know, so the few fields are read here: DER, X.690, and the structure
of RFC 5280 4.1.
"""

from __future__ import annotations

import re
import ssl
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address

from launcher.checks.outcome import Certificate

MAX_NAMES = 20
_MAX_NAME_LENGTH = 253
_SEQUENCE, _OCTETS, _OID = 0x30, 0x04, 0x06
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_UTC_TIME, _GENERAL_TIME = 0x17, 0x18
_COMMON_NAME, _ORGANISATION = b"\x55\x04\x03", b"\x55\x04\x0a"
_ALTERNATIVE_NAMES = b"\x55\x1d\x11"
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
_ENCODINGS = {0x0C: "utf-8", 0x1E: "utf-16-be", 0x1C: "utf-32-be"}
_BASE64 = re.compile(r"CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END", re.ASCII)
_LEGACY_RENEGOTIATION = 0x4  # SSL_OP_LEGACY_SERVER_CONNECT, named by `ssl` from Python 3.12 on


@lru_cache(maxsize=16)
def context_of(ca_pem: str = "", *, is_verified: bool = True) -> ssl.SSLContext:
    """Return a context, which is made once: it reads all authorities of the system.

    One that verifies trusts `ca_pem` besides, without the extensions that authorities made at home
    often lack. One that does not verify speaks to old devices too.
    """
    if is_verified:
        context = ssl.create_default_context()
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if ca_pem:
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            context.load_verify_locations(cadata=ca_pem)
        return context
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.options |= _LEGACY_RENEGOTIATION
    return context


def certificate_of(der: bytes | None, *, is_verified: bool) -> Certificate | None:
    """Return what a certificate says, or None where it cannot be read."""
    if der is None:
        return None
    try:
        return replace(_read(der), is_verified=is_verified)
    except (ValueError, IndexError, StopIteration):  # the first includes wrong dates and letters
        return None


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate that a check trusts: whose it is, "" where it does not say, and its end."""

    name: str
    until: datetime


def authorities_in(pem: str) -> tuple[Authority, ...]:
    """Return the certificates in a text that `fields.authorities_of` made; none that is odd."""
    found = []
    for block in _BASE64.findall(pem):
        try:
            _, validity, subject, _ = _parts_of_certificate(b64decode(block))
            _, (tag, content) = _parts(validity)
            found.append(Authority(_name_of(subject), _moment(tag, content)))
        except (ValueError, IndexError, StopIteration):
            continue
    return tuple(found)


def _parts_of_certificate(der: bytes) -> tuple[bytes, bytes, bytes, Iterator[tuple[int, bytes]]]:
    """Return issuer, validity and subject, and what follows them."""
    fields = _parts(_inside(_inside(der, _SEQUENCE), _SEQUENCE))
    tag, _ = next(fields)
    if tag == _VERSION:
        next(fields)  # the serial number
    next(fields)  # the algorithm
    (_, issuer), (_, validity), (_, subject) = next(fields), next(fields), next(fields)
    return issuer, validity, subject, fields


def _name_of(name: bytes) -> str:
    return _part_of_name(name, _COMMON_NAME) or _part_of_name(name, _ORGANISATION)


def _read(der: bytes) -> Certificate:
    issuer, validity, subject, fields = _parts_of_certificate(der)
    since, until = [_moment(tag, content) for tag, content in _parts(validity)]
    extensions = next((content for tag, content in fields if tag == _EXTENSIONS), b"")
    names = list(_alternative_names(extensions)) or [_part_of_name(subject, _COMMON_NAME)]
    return Certificate(
        until=until,
        since=since,
        issuer=_name_of(issuer),
        names=tuple(filter(None, names[:MAX_NAMES])),
        is_self_signed=issuer == subject,
    )


def _parts(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each element.

    Raises:
        ValueError, IndexError: it is no DER.
    """
    at = 0
    while at < len(content):
        tag, length, at = content[at], content[at + 1], at + 2
        if length & 0x80:
            digits = length & 0x7F
            length, at = int.from_bytes(content[at : at + digits], "big"), at + digits
        if at + length > len(content):
            raise ValueError("an element that ends after its end")
        yield tag, content[at : at + length]
        at += length


def _inside(content: bytes, wanted: int) -> bytes:
    """Return the content of the first element, which has to be `wanted`."""
    tag, inside = next(_parts(content))
    if tag != wanted:
        raise ValueError(f"tag {tag}, not {wanted}")
    return inside


def _moment(tag: int, content: bytes) -> datetime:
    text = content.decode("ascii")
    if tag == _UTC_TIME:  # two digits of the year, RFC 5280 4.1.2.5.1
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != _GENERAL_TIME:
        raise ValueError(f"no time: tag {tag}")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _part_of_name(name: bytes, wanted: bytes) -> str:
    for _, group in _parts(name):
        for _, pair in _parts(group):
            (_, kind), (tag, text) = list(_parts(pair))[:2]
            if kind == wanted:
                return _plain(text.decode(_ENCODINGS.get(tag, "latin-1"), "replace"))
    return ""


def _alternative_names(extensions: bytes) -> Iterator[str]:
    for _, extension in _parts(_inside(extensions, _SEQUENCE) if extensions else b""):
        parts = list(_parts(extension))
        if parts[0] == (_OID, _ALTERNATIVE_NAMES) and parts[-1][0] == _OCTETS:
            for tag, content in _parts(_inside(parts[-1][1], _SEQUENCE)):
                if tag == _DNS_NAME:
                    yield _plain(content.decode("latin-1"))
                elif tag == _IP_ADDRESS:
                    yield str(ip_address(content))


def _plain(text: str) -> str:
    return "".join(each for each in text if each.isprintable())[:_MAX_NAME_LENGTH]
