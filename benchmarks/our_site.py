"""A served site of ours with its API: create a backup and restore it, as a program does."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.clients import Call, ask
from benchmarks.core import service_for
from benchmarks.sample import create_token
from benchmarks.site import serving
from launcher.backup import BackupService
from launcher.backup.errors import OperationInProgressError

READ = Call("GET", "/")
_API = "/api/v1"
_WORKERS = 2


@dataclass(frozen=True, slots=True)
class Restored:
    """One restore, from its request to its outcome, in seconds of the monotonic clock."""

    began_s: float
    ended_s: float
    held_s: float = 0.0
    changes_held_s: float = 0.0

    @property
    def took_s(self) -> float:
        return self.ended_s - self.began_s


class OurSite:
    """A site with two workers, open to guests, and a backup of it to restore."""

    def __init__(self, port: int, data_dir: Path) -> None:
        self.port = port
        self.service = service_for(data_dir)
        self._headers = {
            "Authorization": f"Bearer {create_token(data_dir)}",  # in the backup, so it stays valid
            "Content-Type": "application/json",
        }
        self.kept = self.service.create(by="bench")

    def create(self) -> float:
        """Create a backup and remove it; return the seconds until its outcome is known."""
        began = time.monotonic()
        operation = self._follow("/backups", {})
        took_s = time.monotonic() - began
        _remove(self.service, operation["backup_id"])
        return took_s

    def restore(self) -> Restored:
        """Restore the backup that is kept; remove the safety backup."""
        began_s = time.monotonic()
        operation = self._follow(f"/backups/{self.kept.id}/restore", {"confirm": self.kept.id})
        ended_s = time.monotonic()
        if safety_id := operation["safety_backup_id"]:
            _remove(self.service, safety_id)
        entry = next(
            each for each in self.service.journal() if each.operation_id == operation["id"]
        )
        changes_held_s = float(str(entry.facts.get("changes_held_s") or 0))
        return Restored(began_s, ended_s, operation["held_seconds"], changes_held_s)

    def _follow(self, path: str, body: object) -> dict[str, Any]:
        """Begin an operation; return its outcome once it has ended."""
        started = self._send(Call("POST", _API + path, self._headers), json.dumps(body))
        headers = {"Authorization": f"Bearer {started['follow_token']}"}
        follow = Call("GET", f"{_API}/operations/{started['id']}?wait=30", headers)
        while (operation := self._send(follow))["state"] == "running":
            pass
        if operation["state"] != "succeeded":
            raise RuntimeError(f"it ended so: {operation}")
        return operation

    def write_call(self) -> Call:
        """Return a request that changes a setting, and says so in the audit log."""
        path = f"{_API}/schedule"
        settings = self._send(Call("GET", path, self._headers))["settings"]
        bodies = [json.dumps(settings | {"backup_max_count": count}) for count in (11, 12, 13)]
        return Call("PUT", path, self._headers, bodies)

    def _send(self, call: Call, body: str = "") -> dict[str, Any]:
        status, answer = ask(self.port, call, body)
        if not 200 <= status < 300:
            raise RuntimeError(f"{call.path} answers {status}: {answer.decode()}")
        answered: dict[str, Any] = json.loads(answer)
        return answered


@contextlib.contextmanager
def our_site(data_dir: Path) -> Iterator[OurSite]:
    """Serve a data directory; its schedule and its checks do nothing."""
    with serving(data_dir, workers=_WORKERS, LAUNCHER_SCHEDULER="off") as port:
        yield OurSite(port, data_dir)


def _remove(service: BackupService, backup_id: str) -> None:
    """Remove a backup once the operation has ended that said its outcome."""
    for _ in range(200):
        with contextlib.suppress(OperationInProgressError):
            service.delete([backup_id], by="bench")
            return
        time.sleep(0.05)
    raise RuntimeError("an operation does not end")
