"""The secret keys of this installation: the file `recovery_key`, and the kit made of it.

The file is an identity file of age, newest key first, so that `age -d -i recovery_key` opens every
copy. It is written before a key is used, so no copy is for a key that was never kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from launcher.backup.codec import encode, try_decode
from launcher.backup.files import disk_errors, write_atomic
from launcher.backup.fingerprints import Fingerprint, fingerprint_at, is_settled
from launcher.offsite.age import Identity, make_identity, read_identities
from launcher.offsite.errors import OffsiteError
from launcher.offsite.files import OffsiteFiles

_CREATED = re.compile(r"# created: (\S+)")
LAST_CHARACTERS = 4


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A pair of keys of this installation; `created_at` is None where the file does not say."""

    identity: Identity
    created_at: datetime | None = None

    @property
    def public_key(self) -> str:
        """The public one."""
        return self.identity.public_key

    def ends_with(self, characters: str) -> bool:
        """Whether the secret key ends with these characters, of which spaces and case are free."""
        typed = re.sub(r"\s+", "", characters).upper()
        return len(typed) == LAST_CHARACTERS and self.identity.secret_key.endswith(typed)


class KeyFile:
    """`recovery_key`. It is read again once it has changed."""

    def __init__(self, files: OffsiteFiles) -> None:
        self._path = files.recovery_key
        self._seen: Fingerprint | None = None
        self._keys: tuple[OwnKey, ...] = ()

    def read(self) -> tuple[OwnKey, ...]:
        """Return the keys, newest first; none where there is no file.

        Raises:
            OffsiteError: `key_unreadable`: it has no key, or may not be read.
        """
        fingerprint = fingerprint_at(self._path)
        if fingerprint is not None and fingerprint == self._seen:
            return self._keys
        try:
            keys = _read(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, OffsiteError) as error:
            raise OffsiteError("key_unreadable", path=str(self._path)) from error
        if fingerprint is not None and is_settled(fingerprint):
            self._seen, self._keys = fingerprint, keys
        return keys

    def add(self, *, now: datetime) -> OwnKey:
        """Make a new key, and keep it as the newest; return it once it is kept.

        Only for the holder of `OffsiteFiles.settings_locked`.

        Raises:
            OffsiteError: `key_unreadable`: the file is damaged, and is never overwritten.
            InsufficientSpaceError, StoreUnavailableError
        """
        keys = (OwnKey(make_identity(), now), *self.read())
        text = "\n".join(map(identity_lines, keys))
        with disk_errors("write the recovery key"):
            write_atomic(self._path, text.encode(), mode=0o600)
        return keys[0]


def identity_lines(key: OwnKey) -> str:
    """Return a key as `age -i` reads it, with its public key and its time in comments."""
    created = [f"# created: {encode(key.created_at)}"] if key.created_at else []
    lines = [*created, f"# public key: {key.public_key}", key.identity.secret_key]
    return "\n".join(lines) + "\n"


def _read(text: str) -> tuple[OwnKey, ...]:
    """Return the keys of the file; a time belongs to the key that comes after it."""
    keys: list[OwnKey] = []
    created_at: datetime | None = None
    for line in text.splitlines():
        if match := _CREATED.match(line):
            created_at = try_decode(datetime, match[1])
        elif line.strip() and not line.startswith("#"):
            keys += [OwnKey(each, created_at) for each in read_identities(line)]
            created_at = None
    if not keys:
        raise OffsiteError("invalid_key")
    return tuple(keys)
