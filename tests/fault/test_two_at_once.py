"""Two processes at once: one is told who is busy with what, and nothing is left half made."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from launcher.backup.errors import BackupNotFoundError
from launcher.backup.records.operation import Outcome
from tests.fault.invariant import assert_invariant
from tests.fault.place import Place, first_backup
from tests.fault.worker import Job, Worker, run

Lend = Callable[[], Worker]

# Those that tell of stages can be held up in the middle; the others are short.
LONG = [
    "create", "restore", "undo", "verify", "test_restore", "export", "plan", "import",
    "restore_file",
]  # fmt: skip
SHORT = ["delete", "prune", "protect"]
# Those that only look at a file until they change something keep nobody out.
ASIDE = {"import", "plan", "restore_file"}
BUSY_WITH = {"undo": "restore"}
_LISTINGS = 1500
_ROUNDS = 25


@pytest.mark.parametrize("first", [verb for verb in LONG if verb not in ASIDE])
def test_who_comes_second_learns_who_is_busy_with_what_since_when(
    first: str, restored: Place, lend: Lend, tmp_path: Path
) -> None:
    place = restored.copy_to(tmp_path / "place")
    listed = len(place.store.list())
    holder = lend()
    holder.begin(Job(str(place.root), first, by="ada", pause=True))
    (place.root / "exported").mkdir(exist_ok=True)
    holder.hear()  # it has the lock, and waits in the middle of its first stage
    if first in {"restore", "undo"}:  # the safety backup is created beside that
        wait_until(lambda: len(place.store.list()) > listed)
        wait_until(lambda: not os.listdir(place.store.staging))
    names = set(_names(place))

    for second in (*LONG, *SHORT):
        if second in ASIDE:
            continue
        answer = run(Job(str(place.root), second, by="ben"))
        assert answer["error"] == "operation_in_progress", second
        assert answer["verb"] == BUSY_WITH.get(first, first)
        assert answer["by"] == "ada"
        assert answer["since"]
    assert set(_names(place)) == names, "somebody who was refused left something"

    assert "done" in _let_go(holder)
    entries = place.service().journal()
    assert not [entry for entry in entries if entry.by == "ben"]
    assert_invariant(place, old=place.state(), scratch=tmp_path, is_interrupted=False)


@pytest.mark.parametrize("first", sorted(ASIDE))
def test_who_only_looks_keeps_no_one_out(
    first: str, restored: Place, lend: Lend, tmp_path: Path
) -> None:
    place = restored.copy_to(tmp_path / "place")
    holder = lend()
    holder.begin(Job(str(place.root), first, by="ada", pause=True))
    assert holder.hear() == "unpack"

    for second in ("plan", "restore", "create"):
        assert "done" in run(Job(str(place.root), second, by="ben")), second

    assert "done" in _let_go(holder)
    assert_invariant(place, old=place.state(), scratch=tmp_path, is_interrupted=False)


def wait_until(is_so: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < ends_at
        time.sleep(0.01)


def _let_go(worker: Worker) -> dict[str, object]:
    worker.report("go\n" * 8)
    return worker.answer()


def _names(place: Place) -> list[str]:
    return [str(path) for path in place.root.rglob("*")]


PAIRS = [
    (one, other) for number, one in enumerate((*LONG, *SHORT)) for other in (*LONG, *SHORT)[number:]
]


@pytest.mark.parametrize("pair", PAIRS[::8], ids="-".join)
def test_two_that_race_run_one_after_the_other_or_one_is_refused(
    pair: tuple[str, str], restored: Place, used: Place, lend: Lend, tmp_path: Path
) -> None:
    _race(pair, restored, lend, tmp_path, new=used.state())


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_any_two_that_race_run_one_after_the_other_or_one_is_refused(
    pair: tuple[str, str], restored: Place, used: Place, lend: Lend, tmp_path: Path
) -> None:
    _race(pair, restored, lend, tmp_path, new=used.state())


def _race(verbs: tuple[str, str], restored: Place, lend: Lend, tmp_path: Path, *, new: str) -> None:
    old = restored.state()
    place = restored.copy_to(tmp_path / "place")
    pair = [lend(), lend()]
    for worker, verb in zip(pair, verbs, strict=True):
        worker.begin(Job(str(place.root), verb, by=verb))
    answers = [worker.answer() for worker in pair]

    done = [answer for answer in answers if "done" in answer]
    refused = [answer for answer in answers if "error" in answer]
    assert done, "each of the two was refused"
    for answer in refused:
        # What was deleted a moment ago is not there, and a copy is never written over another.
        allowed = {"operation_in_progress"}
        allowed |= {"backup_not_found"} if "delete" in verbs else set()
        allowed |= {"upload_rejected"} if verbs == ("export", "export") else set()
        assert answer["error"] in allowed, answer
    outcomes = {entry.outcome for entry in place.service().journal(limit=len(done))}
    assert outcomes <= {Outcome.SUCCEEDED, Outcome.FAILED}
    assert_invariant(place, old=old, new=new, scratch=tmp_path, is_interrupted=False)


def test_what_is_being_restored_cannot_be_deleted(used: Place, lend: Lend, tmp_path: Path) -> None:
    place = used.copy_to(tmp_path / "place")
    first = first_backup(place)
    holder = lend()
    holder.begin(Job(str(place.root), "restore", pause=True))
    for stage in ("unpack", "prepare", "safety", "replace", "confirm"):
        assert holder.hear() == stage
        worker = lend()
        worker.begin(Job(str(place.root), "delete", by="ben"))
        answer = worker.answer()
        assert (answer["error"], answer["verb"]) == ("operation_in_progress", "restore")
        holder.report()
    assert "done" in holder.answer()

    assert place.service().get(first.id).is_good
    assert place.service().delete([first.id], by="ben").done == (first.id,)


def test_a_list_never_shows_what_is_just_coming_or_going(used: Place, tmp_path: Path) -> None:
    place = used.copy_to(tmp_path / "place")
    service, looker = place.service(), place.service()
    ended = threading.Event()

    def come_and_go() -> None:
        try:
            for _ in range(_ROUNDS):
                made = service.create(by="ada")
                service.delete([made.id], by="ada")
        finally:
            ended.set()

    thread = threading.Thread(target=come_and_go)
    thread.start()
    strange = []
    for _ in range(_LISTINGS):
        strange += [backup for backup in looker.list() if not backup.is_good]
        if strange or ended.is_set():
            break
    thread.join()

    assert strange == []
    assert len(looker.list()) == 3


@pytest.mark.parametrize("moment", ["before its manifest is read", "before its file is looked at"])
def test_a_backup_deleted_while_it_is_listed_is_not_shown_as_damaged(
    moment: str, used: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = used.copy_to(tmp_path / "place")
    first = first_backup(place)
    store = place.store
    name = {
        "before its manifest is read": "_describe",
        "before its file is looked at": "_with_file_checked",
    }[moment]
    real = getattr(store, name)

    def late(what: object) -> object:
        place.store.remove(first) if place.store._manifest_path(first.id).exists() else None
        return real(what)

    monkeypatch.setattr(store, name, late)

    assert first.id not in {backup.id for backup in store.list()}
    with pytest.raises(BackupNotFoundError):
        store.get(first.id)
