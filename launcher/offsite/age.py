"""Encryption with age: keys as text, and streams in bounded memory.

The format is that of the program `age`, https://age-encryption.org/v1, so a copy opens without
Launcher. The library is imported where it is used: most processes never encrypt.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Protocol

from launcher.offsite.errors import OffsiteError

SUFFIX = ".age"
ARMOR = "-----BEGIN AGE ENCRYPTED FILE-----"

MOST_RECIPIENTS = 64
"""So many keys open a copy at most: each takes time, and a stranger may add thousands."""
_HEADER_BYTES = 16 << 10  # holds as many
_VERSION = b"age-encryption.org/v1\n"

_CHARACTERS = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"  # of Bech32
_SECRET_START = "AGE-SECRET-KEY-1"  # noqa: S105 (the start of any key)
_SECRET_KEY = re.compile(rf"AGE-SECRET-KEY-1[{_CHARACTERS}]{{58}}", re.ASCII)
_PUBLIC_KEY = re.compile(rf"age1[{_CHARACTERS.lower()}]{{58}}", re.ASCII)


class Readable(Protocol):
    """What is read, from where it is: a file, say."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""


class Writable(Protocol):
    """What is written to."""

    def write(self, data: bytes, /) -> int:
        """Write all of `data`."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A pair of keys, both as the text that age uses."""

    public_key: str
    secret_key: str = field(repr=False)


def make_identity() -> Identity:
    """Return a new pair of keys."""
    from pyrage import x25519  # noqa: PLC0415

    made = x25519.Identity.generate()
    return Identity(str(made.to_public()), str(made))


def read_identities(text: str) -> tuple[Identity, ...]:
    """Return every secret key in `text`: a key as typed, with any spaces, or a whole `kit.txt`.

    Raises:
        OffsiteError: `invalid_key`: there is none. `mistyped_key`: one has a wrong character.
    """
    from pyrage import IdentityError, x25519  # noqa: PLC0415

    packed = re.sub(r"\s+", "", text).upper()
    found = dict.fromkeys(_SECRET_KEY.findall(packed))
    try:
        identities = [x25519.Identity.from_str(each) for each in found]
    except IdentityError:
        identities = []
    if not identities:
        raise OffsiteError("mistyped_key" if _SECRET_START in packed else "invalid_key")
    return tuple(Identity(str(each.to_public()), str(each)) for each in identities)


def read_public_key(text: str) -> str:
    """Return a public key without the spaces around it.

    Raises:
        OffsiteError: `invalid_key`: it is none.
    """
    from pyrage import RecipientError, x25519  # noqa: PLC0415

    key = text.strip()
    if not _PUBLIC_KEY.fullmatch(key):
        raise OffsiteError("invalid_key")
    try:
        return str(x25519.Recipient.from_str(key))
    except RecipientError:
        raise OffsiteError("invalid_key") from None


def encrypt(source: Readable, target: Writable, recipients: Iterable[str]) -> None:
    """Write what `source` holds, from where it is, to `target`, for all of these public keys.

    Memory is bounded, whatever the size. What either stream raises ends it.

    Raises:
        OffsiteError: `invalid_key`: there is no recipient or more than `MOST_RECIPIENTS`, or one is
            no public key.
    """
    from pyrage import encrypt_io  # noqa: PLC0415

    with _Streams(source, target) as streams:
        encrypt_io(streams.source, streams.target, _recipients(recipients))


def decrypt(source: Readable, target: Writable, identities: Iterable[Identity]) -> None:
    """Write the plain bytes of `source` to `target`. Memory is bounded, whatever the size.

    On failure `target` holds a part that is not proved.

    Raises:
        OffsiteError: `not_opened`: none of the keys opens it. `copy_damaged`: bytes were changed
            or are missing, or it is for more than `MOST_RECIPIENTS`.
    """
    from pyrage import DecryptError, decrypt_io  # noqa: PLC0415

    start = _start(source)
    with _Streams(source, target, start) as streams:
        try:
            decrypt_io(streams.source, streams.target, _opening(identities))
        except (DecryptError, OSError) as error:
            streams.reraise()
            is_foreign = "No matching keys" in str(error)
            raise OffsiteError("not_opened" if is_foreign else "copy_damaged") from error


def encrypt_text(text: str, recipients: Iterable[str]) -> str:
    """Return `text` encrypted, in the armor that is made of letters."""
    from pyrage import encrypt as encrypt_bytes  # noqa: PLC0415

    armored: bytes = encrypt_bytes(text.encode(), _recipients(recipients), armored=True)
    return armored.decode("ascii")


def decrypt_text(armored: str, identities: Iterable[Identity]) -> str:
    """Return the text that `encrypt_text` encrypted.

    Raises:
        OffsiteError: as `decrypt`.
    """
    target = BytesIO()
    decrypt(BytesIO(armored.encode()), target, identities)
    try:
        return target.getvalue().decode()
    except ValueError:
        raise OffsiteError("copy_damaged") from None


def _start(source: Readable) -> bytes:
    """Return the first bytes, with the whole header, and refuse one of too many recipients."""
    start = b""
    while len(start) < 2 * _HEADER_BYTES and (more := source.read(2 * _HEADER_BYTES - len(start))):
        start += more
    header = start
    if start.startswith(ARMOR.encode()):
        letters = b"".join(start.split(b"-----END")[0].splitlines()[1:])
        try:
            header = binascii.a2b_base64(letters[: len(letters) // 4 * 4])
        except binascii.Error:
            raise OffsiteError("copy_damaged") from None
    header, end, _ = header[:_HEADER_BYTES].partition(b"\n---")
    if (
        not header.startswith(_VERSION)
        or not end
        or header.count(b"\n-> X25519 ") > MOST_RECIPIENTS
    ):
        raise OffsiteError("copy_damaged")
    return start


def _recipients(public_keys: Iterable[str]) -> Sequence[object]:
    from pyrage import RecipientError, x25519  # noqa: PLC0415

    try:
        found = [x25519.Recipient.from_str(each) for each in sorted(public_keys)]
    except RecipientError:
        raise OffsiteError("invalid_key") from None
    if not 0 < len(found) <= MOST_RECIPIENTS:
        raise OffsiteError("invalid_key")
    return found


def _opening(identities: Iterable[Identity]) -> Sequence[object]:
    from pyrage import IdentityError, x25519  # noqa: PLC0415

    try:
        found = [x25519.Identity.from_str(each.secret_key) for each in identities]
    except IdentityError:
        raise OffsiteError("invalid_key") from None
    if not found:
        raise OffsiteError("not_opened")
    return found


class _Streams:
    """Two streams for the library, which hides what they raise; leaving the block raises it.

    `start` is what was read of the source before.
    """

    def __init__(self, source: Readable, target: Writable, start: bytes = b"") -> None:
        self.source = _Source(source, self._keep, start)
        self.target = _Target(target, self._keep)
        self._raised: BaseException | None = None

    def _keep(self, error: BaseException) -> None:
        self._raised = self._raised or error

    def reraise(self) -> None:
        """Raise what a stream raised, if one did."""
        if self._raised is not None:
            raise self._raised

    def __enter__(self) -> _Streams:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._raised is not None and error is not self._raised:
            raise self._raised from None


class _Source:
    def __init__(
        self, stream: Readable, on_error: Callable[[BaseException], None], start: bytes
    ) -> None:
        self._stream, self._on_error, self._start = stream, on_error, start

    def read(self, size: int) -> bytes:
        if self._start:
            data, self._start = self._start[:size], self._start[size:]
            return data
        try:
            return self._stream.read(size)
        except BaseException as error:
            self._on_error(error)
            raise


class _Target:
    def __init__(self, stream: Writable, on_error: Callable[[BaseException], None]) -> None:
        self._stream, self._on_error = stream, on_error

    def write(self, data: bytes) -> int:
        try:
            return self._stream.write(data)
        except BaseException as error:
            self._on_error(error)
            raise

    def flush(self) -> None:
        """Do nothing: the file is flushed by its owner."""
