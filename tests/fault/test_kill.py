"""Kill -9 at every stage, at every file-system call, and at random moments.

`FAULT_KILLS=1000 pytest tests/fault/test_kill.py` lengthens the random part.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from launcher.backup.records.operation import Outcome, Stage, Verb
from tests.fault.invariant import assert_invariant
from tests.fault.place import Place, change, first_backup, make_used_place
from tests.fault.worker import Job, Worker

Lend = Callable[[], Worker]

# One file-system call in so many is tried in the short run, and every one in the long run.
_STRIDE = 15
_SHORT_KILLS = 21
_LONG_KILLS = int(os.environ.get("FAULT_KILLS", "200"))
_MOST_CALLS = 400

CASES = [
    "create",
    "create_scheduled",
    "restore",
    "restore_file",
    "swap",
    "undo",
    "delete",
    "prune",
    "verify",
    "import",
    "export",
    "protect",
    "test_restore",
    "plan",
]
STAGED = {
    "create": [Stage.COPY, Stage.COMPRESS, Stage.CHECK, Stage.PUBLISH],
    "restore": [Stage.UNPACK, Stage.PREPARE, Stage.SAFETY, Stage.REPLACE, Stage.CONFIRM],
    "restore_file": [Stage.UNPACK, Stage.PREPARE, Stage.SAFETY, Stage.REPLACE, Stage.CONFIRM],
    "swap": [Stage.UNPACK, Stage.PREPARE, Stage.REPLACE, Stage.CONFIRM],
    "undo": [Stage.UNPACK, Stage.PREPARE, Stage.SAFETY, Stage.REPLACE, Stage.CONFIRM],
    "verify": [Stage.UNPACK],
    "import": [Stage.UNPACK, Stage.COMPRESS, Stage.PUBLISH],
    "export": [Stage.UNPACK],
    "test_restore": [Stage.UNPACK, Stage.PREPARE],
    "plan": [Stage.UNPACK, Stage.PREPARE],
}


class Scenes:
    """Fresh places to kill something in, with the states that are allowed afterwards."""

    def __init__(self, used: Place, broken: Place, restored: Place, first_state: str) -> None:
        self._used, self._broken, self._restored = used, broken, restored
        self._first_state = first_state
        self._changed_state = used.state()

    def make(self, case: str, root: Path) -> tuple[Place, str, str, str]:
        """Return a place, the verb, the state before, and the one that may come ("" for none)."""
        if case == "swap":
            place = self._broken.copy_to(root)
            return place, "restore", place.state(), self._first_state
        if case == "undo":
            return self._restored.copy_to(root), "undo", self._first_state, self._changed_state
        place = self._used.copy_to(root)
        new = self._first_state if case in {"restore", "restore_file"} else ""
        return place, case, self._changed_state, new


@pytest.fixture(scope="session")
def scenes(used: Place, broken: Place, restored: Place, first_state: str) -> Scenes:
    return Scenes(used, broken, restored, first_state)


@pytest.mark.parametrize(
    ("case", "stage"), [(case, stage) for case, stages in STAGED.items() for stage in stages]
)
def test_it_survives_a_kill_at_the_beginning_of_each_stage(
    case: str, stage: Stage, scenes: Scenes, lend: Lend, tmp_path: Path
) -> None:
    place, verb, old, new = scenes.make(case, tmp_path / "place")
    worker = lend()
    worker.begin(Job(str(place.root), verb, pause=True))
    while (heard := worker.hear()) != stage:
        assert heard in STAGED[case], f"{case} never came to {stage}"
        worker.report()
    worker.kill()

    entry = assert_invariant(place, old=old, new=new, scratch=tmp_path)

    assert entry is not None
    assert entry.outcome is Outcome.INTERRUPTED
    assert entry.facts["stage"] == stage
    assert entry.by == "ada"
    if entry.verb is Verb.RESTORE:
        is_done = stage is Stage.CONFIRM
        assert place.state() == (new if is_done else old)
        assert entry.facts["data"] == (
            "restored" if is_done else "unreadable" if case == "swap" else "unchanged"
        )


@pytest.mark.parametrize("case", CASES)
def test_it_survives_a_kill_at_sampled_file_system_calls(
    case: str, scenes: Scenes, lend: Lend, tmp_path: Path
) -> None:
    _kill_at_calls(case, scenes, lend, tmp_path, stride=_STRIDE)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_it_survives_a_kill_at_every_file_system_call(
    case: str, scenes: Scenes, lend: Lend, tmp_path: Path
) -> None:
    _kill_at_calls(case, scenes, lend, tmp_path, stride=1)


def _kill_at_calls(case: str, scenes: Scenes, lend: Lend, tmp_path: Path, *, stride: int) -> None:
    """Kill the operation before its call 1, 1 + stride …, until it gets to its end."""
    for number in range(1, _MOST_CALLS, stride):
        place, verb, old, new = scenes.make(case, tmp_path / "place")
        worker = lend()
        worker.begin(Job(str(place.root), verb, die_at=number))
        answer = worker.answer()
        assert "error" not in answer, answer
        try:
            assert_invariant(place, old=old, new=new, scratch=tmp_path)
            _assert_it_works(place)
        except BaseException as error:
            error.add_note(f"{case} was killed before its file-system call {number}")
            raise
        shutil.rmtree(place.root)
        if answer:
            assert number > 10, "it ended before it did anything"
            return
    pytest.fail(f"{case} made more than {_MOST_CALLS} calls")


def test_it_survives_kills_at_random_moments(lend: Lend, tmp_path: Path) -> None:
    _kill_at_random(_SHORT_KILLS, lend, tmp_path)


@pytest.mark.slow
def test_it_survives_many_kills_at_random_moments(lend: Lend, tmp_path: Path) -> None:
    _kill_at_random(_LONG_KILLS, lend, tmp_path)


def _kill_at_random(
    kills: int,
    lend: Lend,
    tmp_path: Path,
) -> None:
    """Kill create, restore, prune and their like at moments spread over their whole length."""
    scenes = _larger_scenes(tmp_path / "scenery")
    seed = int(os.environ.get("FAULT_SEED", time.time_ns() % 10_000))
    dice = random.Random(seed)
    lengths: dict[str, float] = {}
    killed = 0
    for turn in range(kills):
        case = ["restore", "create", "restore", "swap", "undo", "prune", "import"][turn % 7]
        place, verb, old, new = scenes.make(case, tmp_path / "place")
        worker = lend()
        worker.begin(Job(str(place.root), verb))
        began = time.monotonic()
        if case in lengths:
            time.sleep(dice.uniform(0, lengths[case]))
            is_running = worker.process.poll() is None
            killed += is_running
            if not is_running:  # the machine was busier when it was measured
                lengths[case] /= 2
            worker.kill()
        else:
            assert "done" in worker.answer()
            lengths[case] = (time.monotonic() - began) * 1.1
        try:
            assert_invariant(place, old=old, new=new, scratch=tmp_path)
            _assert_it_works(place)
        except BaseException as error:
            error.add_note(f"{case}, turn {turn}, FAULT_SEED={seed}")
            raise
        shutil.rmtree(place.root)
    assert killed > kills // 8, "most operations ended before they were killed"


def _larger_scenes(folder: Path) -> Scenes:
    used = make_used_place(folder / "used", notes=2500)
    broken = used.copy_to(folder / "broken")
    broken.live.write_bytes(b"garbage " * 100_000)
    restored = used.copy_to(folder / "restored")
    restored.service().restore(first_backup(restored).id, by="ada")
    return Scenes(used, broken, restored, first_state=restored.state())


def _assert_it_works(place: Place) -> None:
    """Whatever was killed, the next restore and the next backup succeed."""
    service = place.service()
    if service.live_problem():
        service.restore("latest", by="ben")
        return
    before = place.state()
    change(place, notes=1)
    made = service.create(by="ben")
    assert made.is_good
    assert service.get("latest").id == made.id
    assert place.state() != before


def test_a_second_kill_during_recovery_loses_nothing(
    scenes: Scenes, lend: Lend, tmp_path: Path
) -> None:
    for number in range(1, 60, 2):
        place, verb, old, new = scenes.make("restore", tmp_path / "place")
        first = lend()
        first.begin(Job(str(place.root), verb, pause=True))
        while first.hear() != Stage.CONFIRM:
            first.report()
        first.kill()
        second = lend()
        second.begin(Job(str(place.root), "recover", die_at=number))
        answer = second.answer()

        assert_invariant(place, old=old, new=new, scratch=tmp_path)

        told = [entry for entry in place.service().journal() if entry.verb is Verb.RESTORE]
        assert len(told) == 1
        assert told[0].facts["data"] == "restored"
        shutil.rmtree(place.root)
        if answer:
            return
    pytest.fail("recovery never came to its end")


def test_a_restore_killed_after_it_was_done_can_be_undone(
    scenes: Scenes, lend: Lend, tmp_path: Path
) -> None:
    place, verb, old, _new = scenes.make("restore", tmp_path / "place")
    worker = lend()
    worker.begin(Job(str(place.root), verb, pause=True))
    while worker.hear() != Stage.CONFIRM:
        worker.report()
    worker.kill()

    place.service().recover()
    place.service().undo(by="ada")

    assert place.state() == old
