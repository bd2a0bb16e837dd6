"""The files of destinations and copies in the data directory, and their locks.

`destinations.json` has the secrets, `recovery_key` the secret keys: both are for their owner alone,
and in no backup. `offsite/` has for each destination its ledger, its progress, and files on their
way there.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from launcher.backup.codec import DecodeError, decode, encode, parse
from launcher.backup.errors import StoreUnavailableError
from launcher.backup.files import discard, disk_errors, write_atomic
from launcher.backup.fingerprints import Fingerprint, fingerprint_at, is_settled
from launcher.backup.locks import locked, try_lock
from launcher.backup.reasons import Reason
from launcher.offsite.errors import OffsiteError
from launcher.offsite.records import Destinations

MOST_TESTS = 3
"""So many tests of destinations run at once from pages: each holds a thread of the web server."""
_LOCK_TIMEOUT_S = 10.0
_PROCESS_LOCK_TIMEOUT_S = 1.0
_WRITER = re.compile(r"[a-z0-9]{12}", re.ASCII)
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_SITE = re.compile(r"[a-z0-9]{0,40}", re.ASCII)
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class OffsiteFiles:
    """Where all of it is below a data directory."""

    data_dir: Path

    @property
    def destinations(self) -> Path:
        """What an admin entered."""
        return self.data_dir / "destinations.json"

    @property
    def recovery_key(self) -> Path:
        """The secret keys, in the form that `age -i` reads."""
        return self.data_dir / "recovery_key"

    @property
    def folder(self) -> Path:
        """The folder for everything else."""
        return self.data_dir / "offsite"

    def ledger(self, destination_id: str) -> Path:
        """The ledger of a destination."""
        return self.folder / f"{destination_id}.json"

    def progress(self, destination_id: str) -> Path:
        """What the process of a destination does at the moment."""
        return self.folder / f"{destination_id}.progress.json"

    def wanted(self, destination_id: str) -> Path:
        """A file that is there when someone wants a try at once."""
        return self.folder / f"{destination_id}.now"

    def staged(self, destination_id: str, name: str) -> Path:
        """A file on its way to a destination or from it; `name` is that of its object."""
        return self.folder / f"{destination_id}-{name}.part"

    def all_staged(self, destination_id: str) -> list[Path]:
        """Every file of a destination on its way, those of a killed process included."""
        start = f"{destination_id}-launcher-"  # "nas" is not "nas-2"
        return [each for each in self.folder.glob("*.part*") if each.name.startswith(start)]

    def ensure_folder(self) -> None:
        """Make the folder, for its owner alone."""
        with disk_errors("use the folder of copies"):
            self.folder.mkdir(mode=0o700, exist_ok=True)

    def forget(self, destination_id: str) -> None:
        """Remove what is known of a destination, and what is on its way there."""
        discard(
            self.ledger(destination_id),
            self.progress(destination_id),
            self.wanted(destination_id),
            *self.all_staged(destination_id),
        )

    def _lock(self, name: str) -> Path:
        folder = self.data_dir / "locks"
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, exist_ok=True)
        return folder / name

    @contextlib.contextmanager
    def settings_locked(self) -> Iterator[None]:
        """Let no other process change destinations or keys within the block.

        Raises:
            StoreUnavailableError: another has held the lock for ten seconds.
        """
        with locked(self._lock("destinations"), timeout_s=_LOCK_TIMEOUT_S) as is_held:
            if not is_held:
                raise StoreUnavailableError(
                    Reason.DISK_REFUSED,
                    doing="change the destinations",
                    detail="another process is changing them",
                )
            yield

    @contextlib.contextmanager
    def held(self, destination_id: str) -> Iterator[bool]:
        """Be the one process that works at a destination; yields False where another does."""
        # A moment's patience: `is_held` takes the lock, too.
        lock = self._lock(f"offsite-{destination_id}")
        with locked(lock, timeout_s=_PROCESS_LOCK_TIMEOUT_S) as is_ours:
            yield is_ours

    @contextlib.contextmanager
    def test_turn(self, user_id: int) -> Iterator[bool]:
        """Have one of the few turns for tests; yields False where it is taken.

        A user has the same turn each time, so no one has two.
        """
        with locked(self._lock(f"offsite-test-{user_id % MOST_TESTS}")) as is_ours:
            yield is_ours

    def is_held(self, destination_id: str) -> bool:
        """Whether a process works at a destination now."""
        try:
            descriptor = try_lock(self._lock(f"offsite-{destination_id}"), exclusive=False)
        except OSError:
            return False
        if descriptor is None:
            return True
        os.close(descriptor)
        return False


class SettingsFile:
    """`destinations.json`: read again once it has changed, written by one process at a time."""

    def __init__(self, files: OffsiteFiles) -> None:
        self._files = files
        self._seen: Fingerprint | None = None
        self._read = Destinations()

    def fingerprint(self) -> Fingerprint | None:
        """Return what differs once the file has changed, None where there is none."""
        return fingerprint_at(self._files.destinations)

    def read(self) -> Destinations:
        """Return what is entered, nothing where there is no file.

        Raises:
            OffsiteError: `file_unreadable`: it is damaged, or may not be read.
        """
        path = self._files.destinations
        fingerprint = fingerprint_at(path)
        if fingerprint is not None and fingerprint == self._seen:
            return self._read
        try:
            found = _checked(decode(Destinations, parse(path.read_bytes())))
        except FileNotFoundError:
            return Destinations()
        except (OSError, DecodeError) as error:
            # The message of neither has a value of the file.
            detail = error.strerror if isinstance(error, OSError) else str(error)
            raise OffsiteError("file_unreadable", path=str(path), detail=str(detail)) from error
        if fingerprint is not None and is_settled(fingerprint):
            self._seen, self._read = fingerprint, found
        return found

    def change(self, change: Callable[[Destinations], Destinations]) -> Destinations:
        """Replace what is entered by what `change` makes of it, whole or not at all.

        `change` gets what the file holds at this moment; what it raises leaves the file as it was.

        Raises:
            OffsiteError: `file_unreadable`: a damaged file is never overwritten.
            InsufficientSpaceError, StoreUnavailableError: it cannot be written.
        """
        with self._files.settings_locked():
            changed = change(self.read())
            with disk_errors("write destinations.json"):
                text = json.dumps(encode(changed), indent=2, ensure_ascii=False) + "\n"
                write_atomic(self._files.destinations, text.encode(), mode=0o600)
            return changed


def _checked(found: Destinations) -> Destinations:
    """Return the settings, whose names become parts of paths: someone may have edited the file."""
    if not _SITE.fullmatch(found.site):
        raise DecodeError("the site has characters other than a-z and 0-9")
    if not all(_ID.fullmatch(each.id) for each in found.destinations):
        raise DecodeError("the id of a destination has characters other than a-z, 0-9 and -")
    if any("\0" in value for each in found.destinations for value in each.options.values()):
        raise DecodeError("an option of a destination has a null character, which no path can have")
    return found


def new_site() -> str:
    """Return a new name for an installation in its destinations: eight letters and digits."""
    return _random(8)


class Writer:
    """The name of this data directory in the copies that it writes: twelve letters and digits.

    It says whose a copy is where the ledger was lost. Two machines of which one is a copy of the
    other have the same name until one sees a copy that it did not write: then it takes another.
    """

    def __init__(self, files: OffsiteFiles) -> None:
        self._files = files
        self._path = files.folder / "writer"

    def name(self) -> str:
        """Return the name; the first call makes it."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            found = self._path.read_text("ascii").strip()
            if _WRITER.fullmatch(found):
                return found
        return self.renew()

    def renew(self) -> str:
        """Take a new name for the copies from now on, and return it."""
        name = _random(12)
        self._files.ensure_folder()
        with disk_errors("write the name of this data directory"):
            write_atomic(self._path, f"{name}\n".encode())
        return name


def _random(count: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(count))
