"""The one thing that must be true after any fault whatever (`docs/design.md`, section 13)."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

from launcher.backup.compression import unpack_known
from launcher.backup.locks import try_lock
from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from tests.fault.place import Place

_DATA_NAMES = {
    "notebook.db",
    "notebook.db-wal",
    "notebook.db-shm",
    "backups",
    "damaged",
    "fallback",
    "journal.jsonl",
    "locks",
    "schedule.json",
}


def assert_invariant(
    place: Place, *, old: str, new: str = "", scratch: Path, is_interrupted: bool = True
) -> JournalEntry | None:
    """Hold `place` to the invariant, start it anew, and hold it to the rest.

    Args:
        place: where the fault happened.
        old: the state of the live data before.
        new: the state that the operation would have made, "" for the same.
        scratch: a folder for unpacked backups.
        is_interrupted: whether the operation was killed, not merely refused by a disk.

    Returns:
        The journal line about the interruption, None when there was nothing to tell.
    """
    state = place.state()
    assert state in {old, new or old}, "the live data is a mixture"
    _assert_listed_are_good(place, scratch)
    killed = _state_file(place)

    service = place.service()
    assert service.recover() is True
    assert place.state() == state, "starting anew changed the live data"
    assert_nothing_left(place)
    _assert_listed_are_good(place, scratch)
    assert_lock_is_free(place)
    entry = _entry_about(place, killed)
    if entry and is_interrupted:
        _assert_truthful(entry, is_new=bool(new) and state == new)
    return entry


def assert_nothing_left(place: Place) -> None:
    """Nothing half made is anywhere: not in staging, not beside the live data, not in the store."""
    for staging in (place.store.staging, place.data_dir / "fallback" / "staging"):
        assert not staging.exists() or os.listdir(staging) == []
    assert set(os.listdir(place.data_dir)) <= _DATA_NAMES
    accounted = {"staging"}
    for backup in place.store.list():
        assert backup.file is not None
        accounted |= {backup.file.name, f"launcher-{backup.id}.json"}
    assert set(os.listdir(place.store.path)) <= accounted


def assert_lock_is_free(place: Place) -> None:
    """Anybody may begin the next operation."""
    assert place.service().progress() is None
    descriptor = try_lock(place.data_dir / "locks" / "operation", exclusive=True)
    assert descriptor is not None
    os.close(descriptor)


def _assert_listed_are_good(place: Place, scratch: Path) -> None:
    for backup in place.store.list():
        assert backup.is_good, f"listed and not good: {backup}"
        assert backup.file is not None
        assert backup.database is not None
        unpacked = scratch / "unpacked.db"
        with place.store.open(backup) as source, unpacked.open("wb") as target:
            for piece in unpack_known(
                source, file=backup.file, database=backup.database, on_bytes=lambda *_: None
            ):
                target.write(piece)
        connection = sqlite3.connect(f"file:{unpacked}?mode=ro&immutable=1", uri=True)
        found = connection.execute("PRAGMA integrity_check").fetchall()
        connection.close()
        assert found == [("ok",)]


def _state_file(place: Place) -> str:
    """Return the id of the operation that was under way, "" when none was."""
    states = [json.loads(path.read_bytes()) for path in place.data_dir.glob("operation*.json")]
    ids = {str(state["operation_id"]) for state in states}
    assert len(ids) <= 1, "one operation was under way, and there are several"
    return ids.pop() if ids else ""


def _entry_about(place: Place, operation_id: str) -> JournalEntry | None:
    if not operation_id:
        return None
    entries = place.service().journal(limit=3)
    assert entries, "the journal says nothing"
    assert entries[0].operation_id == operation_id, "the journal does not tell of it"
    told = [entry for entry in entries if entry.operation_id == operation_id]
    assert len(told) == 1, "the journal tells of it twice"
    return told[0]


def _assert_truthful(entry: JournalEntry, *, is_new: bool) -> None:
    assert entry.ended_at >= entry.started_at
    if entry.outcome is Outcome.SUCCEEDED:
        assert is_new or entry.verb is not Verb.RESTORE
    elif entry.verb is Verb.RESTORE and entry.outcome is Outcome.INTERRUPTED:
        side = "restored" if is_new else "unchanged"
        assert entry.facts["data"] in {side, "unreadable"}
        assert entry.facts["data"] == side or not is_new
