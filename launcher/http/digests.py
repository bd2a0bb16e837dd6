"""The digests that come with a body: `Repr-Digest` and `Content-Digest` (RFC 9530).

Without a content coding, which no upload has, both are of the same bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from flask import request

HEADERS = ("Repr-Digest", "Content-Digest")
_ALGORITHMS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
_MEMBER = re.compile(r"\s*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):\s*")


class DigestError(Exception):
    """A digest of the request is none, or of another body; `header` names it."""

    def __init__(self, header: str) -> None:
        super().__init__(header)
        self.header = header


class DigestMalformedError(DigestError):
    """The header is not what RFC 9530 says."""


class DigestMismatchError(DigestError):
    """The body is not the one that the header names."""


class SentDigests:
    """The digests of this request that can be checked; of other algorithms nothing is known.

    Raises:
        DigestMalformedError
    """

    def __init__(self) -> None:
        self._sent = {name: _parse(name) for name in HEADERS if name in request.headers}
        used = {algorithm for digests in self._sent.values() for algorithm in digests}
        self._hashes: Mapping[str, Any] = {each: _ALGORITHMS[each]() for each in used}

    def update(self, data: bytes) -> None:
        """Add a piece of the body."""
        for each in self._hashes.values():
            each.update(data)

    def check(self) -> None:
        """Compare, after the last piece.

        Raises:
            DigestMismatchError
        """
        for name, digests in self._sent.items():
            for algorithm, digest in digests.items():
                if self._hashes[algorithm].digest() != digest:
                    raise DigestMismatchError(name)


def _parse(header: str) -> Mapping[str, bytes]:
    found: dict[str, bytes] = {}
    for member in request.headers[header].split(","):
        parts = _MEMBER.fullmatch(member)
        if parts is None:
            raise DigestMalformedError(header)
        try:
            digest = base64.b64decode(parts[2], validate=True)
        except binascii.Error:
            raise DigestMalformedError(header) from None
        if algorithm := _ALGORITHMS.get(parts[1]):
            if len(digest) != algorithm().digest_size:
                raise DigestMalformedError(header)
            found[parts[1]] = digest
    return found
