"""The ledger of a destination: what is known of the copies there, and the progress of its process.

Only the process that holds the lock of the destination writes these files; anyone reads them.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import fields

from launcher.backup.codec import DecodeError, decode, encode, parse, try_decode
from launcher.backup.files import discard, disk_errors, write_atomic
from launcher.backup.fingerprints import Fingerprint, fingerprint_at, is_settled
from launcher.offsite.files import OffsiteFiles
from launcher.offsite.records import Ledger, StoredCopy
from launcher.offsite.status import CopyProgress


class LedgerFile:
    """The ledger of one destination. It is read again once it has changed."""

    def __init__(self, files: OffsiteFiles, destination_id: str) -> None:
        self._files = files
        self._path = files.ledger(destination_id)
        self._seen: Fingerprint | None = None
        self._ledger = Ledger()
        self._lines: dict[str, tuple[StoredCopy, str]] = {}

    def fingerprint(self) -> Fingerprint | None:
        """Return what differs once the file has changed, None where there is none."""
        return fingerprint_at(self._path)

    def find(self) -> Ledger | None:
        """Return the ledger, None where there is none, or none that can be read whole.

        A part of it would make our own copies look like those of another machine; all of it can be
        filled again from the destination.
        """
        fingerprint = fingerprint_at(self._path)
        if fingerprint is not None and fingerprint == self._seen:
            return self._ledger
        try:
            ledger = decode(Ledger, parse(self._path.read_bytes()))
        except (OSError, DecodeError):
            return None
        if fingerprint is not None and is_settled(fingerprint):
            self._seen, self._ledger = fingerprint, ledger
        return ledger

    def read(self) -> Ledger:
        """Return the ledger, an empty one where there is none."""
        return self.find() or Ledger()

    def write(self, ledger: Ledger) -> None:
        """Keep a ledger, durably. Only for the process that holds the lock of the destination.

        Raises:
            InsufficientSpaceError, StoreUnavailableError
        """
        self._files.ensure_folder()
        with disk_errors("write down which copies there are"):
            write_atomic(self._path, self._document(ledger).encode(), mode=0o600)

    def _document(self, ledger: Ledger) -> str:
        """Return the ledger as JSON, a line a copy; a copy that has not changed keeps its line."""
        rest = {
            each.name: encode(getattr(ledger, each.name))
            for each in fields(Ledger)
            if each.name != "copies"
        }
        known, self._lines = self._lines, {}
        for copy in ledger.copies:
            before = known.get(copy.id)
            is_known = before is not None and before[0] is copy
            line = before[1] if before is not None and is_known else json.dumps(encode(copy))
            self._lines[copy.id] = (copy, line)
        copies = ",\n".join(line for _, line in self._lines.values())
        return f'{json.dumps(rest)[:-1]},\n"copies": [\n{copies}\n]}}\n'


class ProgressFile:
    """What the process of one destination does at the moment."""

    def __init__(self, files: OffsiteFiles, destination_id: str) -> None:
        self._files = files
        self._id = destination_id
        self._path = files.progress(destination_id)

    def read(self) -> CopyProgress | None:
        """Return the progress, None where no process works there."""
        try:
            data = self._path.read_bytes()
        except OSError:
            return None
        # The file of a process that was killed is still there.
        if not self._files.is_held(self._id):
            return None
        with contextlib.suppress(DecodeError):
            return try_decode(CopyProgress, parse(data))
        return None

    def write(self, progress: CopyProgress) -> None:
        """Show a progress; where that cannot be written, nothing is shown."""
        with contextlib.suppress(OSError):
            write_atomic(self._path, json.dumps(encode(progress)).encode(), durable=False)

    def clear(self) -> None:
        """Nothing is done any more."""
        discard(self._path)
