"""A disk that is full from any write on: said clearly, nothing broken, and it works again."""

from __future__ import annotations

import errno
import logging
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from launcher.backup import preparing
from launcher.backup.errors import (
    BackupError,
    InsufficientSpaceError,
    RestoreError,
    RevertFailedError,
    StoreUnavailableError,
)
from launcher.backup.locks import Gate
from launcher.backup.reasons import Reason
from launcher.backup.records.operation import Outcome, Progress, Stage
from launcher.backup.service import BackupService
from tests.fault.conftest import SmallDisk
from tests.fault.disk import full_from, watched
from tests.fault.invariant import assert_invariant, assert_nothing_left
from tests.fault.moments import struck
from tests.fault.place import KEEP_ONE, Place, change, first_backup, make_used_place
from tests.fault.worker import Job, Worker

Lend = Callable[[], Worker]
Act = Callable[[BackupService, Place], object]

FULL = (InsufficientSpaceError, StoreUnavailableError)
_MOST_CALLS = 400

ACTS: dict[str, Act] = {
    "create": lambda service, _place: service.create(by="ada"),
    "restore": lambda service, place: service.restore(first_backup(place).id, by="ada"),
    "swap": lambda service, place: service.restore(first_backup(place).id, by="ada"),
    "import": lambda service, place: service.import_(place.root / "outside.db", by="ada"),
    "verify": lambda service, place: service.verify(first_backup(place).id, by="ada"),
    "test_restore": lambda service, place: service.test_restore(first_backup(place).id, by="ada"),
    "protect": lambda service, place: service.protect(first_backup(place).id, by="ada"),
    "delete": lambda service, place: _all_removed(
        service.delete([first_backup(place).id], by="ada")
    ),
    "prune": lambda service, _place: _all_removed(service.prune(KEEP_ONE, by="ada")),
    "export": lambda service, place: service.export(
        first_backup(place).id, place.root / "new.db", by="ada"
    ),
}


def _all_removed(result: Any) -> None:
    if result.failed:
        assert result.failed[0].error_code in {"insufficient_space", "store_unavailable"}
        raise StoreUnavailableError(result.failed[0].fault.reason, **result.failed[0].fault.facts)


@pytest.fixture(autouse=True)
def quiet_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


LASTING = {"full": (errno.ENOSPC, None), "failing": (errno.EIO, None)}
PASSING = {"full for a moment": (errno.ENOSPC, 1), "failing for a moment": (errno.EIO, 1)}
FAULTS = LASTING | PASSING


@pytest.mark.parametrize("fault", LASTING.values(), ids=LASTING)
@pytest.mark.parametrize("case", ACTS)
def test_a_disk_that_fails_at_sampled_calls_is_said_and_breaks_nothing(
    case: str,
    fault: tuple[int, int | None],
    request: pytest.FixtureRequest,
    first_state: str,
    tmp_path: Path,
) -> None:
    _fail_at_calls(case, fault, request, first_state, tmp_path, stride=7)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("case", ACTS)
def test_a_disk_that_fails_at_any_call_is_said_and_breaks_nothing(
    case: str,
    fault: tuple[int, int | None],
    request: pytest.FixtureRequest,
    first_state: str,
    tmp_path: Path,
) -> None:
    _fail_at_calls(case, fault, request, first_state, tmp_path, stride=1)


def _fail_at_calls(
    case: str,
    fault: tuple[int, int | None],
    request: pytest.FixtureRequest,
    first_state: str,
    tmp_path: Path,
    *,
    stride: int,
) -> None:
    code, calls = fault
    template: Place = request.getfixturevalue("broken" if case == "swap" else "used")
    old = template.state()
    new = first_state if case in {"restore", "swap"} else ""
    refusals = 0
    for number in range(1 + stride // 2, _MOST_CALLS, stride):
        place = template.copy_to(tmp_path / "place")
        refused: BackupError | None = None
        try:
            with watched(place.root, full_from(number, calls=calls, code=code)) as disk:
                try:
                    ACTS[case](place.service(), place)
                except (*FULL, RestoreError) as error:
                    refused = error
                    refusals += 1
            if not isinstance(refused, RevertFailedError):
                assert place.state() == (old if refused else new or old)
            if refused and code == errno.ENOSPC and case == "create":
                assert isinstance(refused, InsufficientSpaceError)
            if code == errno.ENOSPC and case not in {"delete", "prune"}:
                _assert_nothing_half_made(place)
            assert_invariant(place, old=old, new=new, scratch=tmp_path, is_interrupted=False)
            _assert_it_works_again(place)
        except BaseException as error:
            error.add_note(f"{case}: call {number} failed; the operation said {refused!r}")
            raise
        shutil.rmtree(place.root)
        if disk.count < number:
            assert refusals >= (3 if stride == 1 else 1 if calls is None else 0)
            return
    pytest.fail(f"{case} made more than {_MOST_CALLS} calls")


def _assert_nothing_half_made(place: Place) -> None:
    """Nothing waits for the next start to be cleared away, as only a kill may leave it."""
    names = {path.name for path in place.store.staging.iterdir()}
    assert not {name for name in names if name.endswith((".db", ".zst"))}
    listed = {backup.file.name for backup in place.store.list() if backup.file}
    files = {path.name for path in place.store_dir.iterdir() if ".db" in path.name}
    assert files <= listed


def _assert_it_works_again(place: Place) -> None:
    service = place.service()
    if service.live_problem():
        service.restore("latest", by="ben")
    change(place, notes=1)
    assert service.create(by="ben").is_good
    assert service.journal(limit=1)[0].outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    "limits",
    [
        (1, 10_000, 24_000, 1 << 20),
        pytest.param(
            (1, 1000, 4096, 10_000, 16_000, 24_000, 32_000, 1 << 20), marks=pytest.mark.slow
        ),
    ],
    ids=["some", "many"],
)
@pytest.mark.parametrize("case", ["create", "restore", "swap", "import", "test_restore"])
def test_a_limit_on_the_size_of_files_is_said_and_breaks_nothing(
    case: str,
    limits: tuple[int, ...],
    *,
    request: pytest.FixtureRequest,
    lend: Lend,
    first_state: str,
    tmp_path: Path,
) -> None:
    template: Place = request.getfixturevalue("broken" if case == "swap" else "used")
    old = template.state()
    new = first_state if case in {"restore", "swap"} else ""
    said: list[str] = []
    for limit in limits:
        place = template.copy_to(tmp_path / "place")
        worker = lend()
        verb = "restore" if case == "swap" else case
        worker.begin(Job(str(place.root), verb, max_file_bytes=limit))
        answer = worker.answer()
        try:
            said.append(answer.get("error", "done"))
            assert said[-1] in {
                "done",
                "insufficient_space",
                "store_unavailable",
                "restore_failed",
                "source_database",
            }
            assert place.state() == (new if new and said[-1] == "done" else old)
            assert_invariant(place, old=old, new=new, scratch=tmp_path, is_interrupted=False)
            _assert_it_works_again(place)
        except BaseException as error:
            error.add_note(f"{case}, limit {limit}: {answer}")
            raise
        shutil.rmtree(place.root)
    assert said[-1] == "done"
    assert said[0] != "done"


@pytest.mark.parametrize(
    "spare_bytes",
    [0, 20_000, *(pytest.param(size, marks=pytest.mark.slow) for size in (4096, 100_000, 400_000))],
)
@pytest.mark.parametrize("case", ["create", "restore", "swap", "import"])
def test_a_disk_that_fills_up_at_any_stage_is_said_and_breaks_nothing(
    case: str, spare_bytes: int, small_disk: SmallDisk, tmp_path: Path
) -> None:
    stages = {
        "create": [Stage.COPY, Stage.COMPRESS, Stage.CHECK, Stage.PUBLISH],
        "import": [Stage.UNPACK, Stage.COMPRESS, Stage.PUBLISH],
        "swap": [Stage.UNPACK, Stage.PREPARE, Stage.REPLACE, Stage.CONFIRM],
        "restore": [Stage.UNPACK, Stage.PREPARE, Stage.SAFETY, Stage.REPLACE, Stage.CONFIRM],
    }[case]
    template, old, new = _template(tmp_path / "template", case)
    for stage in stages:
        place = template.copy_to(small_disk.path / "place")

        def fill(progress: Progress, stage: Stage = stage) -> None:
            if progress.stage is stage:
                small_disk.fill(but_for_bytes=spare_bytes)

        refused: BackupError | None = None
        service = place.service()
        try:
            try:
                if case == "create":
                    service.create(by="ada", on_progress=fill)
                elif case == "import":
                    service.import_(place.root / "outside.db", by="ada", on_progress=fill)
                else:
                    service.restore(first_backup(place).id, by="ada", on_progress=fill)
            except (*FULL, RestoreError) as error:
                refused = error
            small_disk.fill()
            _assert_it_can_be_looked_at(service, place)
            small_disk.clear()
            assert place.state() == (old if refused or not new else new)
            assert_invariant(place, old=old, new=new, scratch=tmp_path, is_interrupted=False)
            _assert_it_works_again(place)
        except BaseException as error:
            error.add_note(f"{case}: full at {stage}; the operation said {refused!r}")
            raise
        shutil.rmtree(place.root)
        if spare_bytes == 0 and stage in {Stage.COPY, Stage.UNPACK}:
            assert isinstance(refused, InsufficientSpaceError)


def _template(root: Path, case: str) -> tuple[Place, str, str]:
    template = make_used_place(root, notes=1500)
    old, new = template.state(), ""
    if case in {"restore", "swap"}:
        other = template.copy_to(root.with_name("other"))
        other.service().restore(first_backup(other).id, by="ada")
        new = other.state()
    if case == "swap":
        template.live.write_bytes(b"garbage " * 50_000)
        old = template.state()
    return template, old, new


def _assert_it_can_be_looked_at(service: BackupService, place: Place) -> None:
    """On a full disk an admin can still list, hand out to another disk, and delete."""
    listed = service.list()
    assert all(backup.is_good for backup in listed)
    assert service.listing().counts_by_state["verified"] == len(listed)


def test_backups_can_be_listed_exported_and_deleted_while_the_disk_is_full(
    small_disk: SmallDisk, tmp_path: Path
) -> None:
    place = make_used_place(small_disk.path / "place")
    service = place.service()
    first = first_backup(place)
    small_disk.fill()

    assert len(service.list()) == 3
    assert service.export(first.id, tmp_path / "saved.db", by="ada").stat().st_size
    with pytest.raises(InsufficientSpaceError):
        service.create(by="ada")
    free = shutil.disk_usage(service.store_path).free
    assert service.delete([first.id], by="ada").done == (first.id,)

    assert len(service.list()) == 2
    assert shutil.disk_usage(service.store_path).free > free
    assert_nothing_left(place)


@pytest.mark.parametrize("is_served", [True, False], ids=["served", "nobody connected"])
def test_a_backup_can_be_made_while_only_the_disk_of_the_data_is_full(
    is_served: bool, small_disk: SmallDisk, tmp_path: Path
) -> None:
    store_path = tmp_path / "elsewhere"
    store_path.mkdir()
    place = make_used_place(small_disk.path / "place", store_path=store_path)
    old = place.state()
    for side_file in place.data_dir.glob("notebook.db-*"):
        side_file.unlink()
    reader = connect(place) if is_served else None
    small_disk.fill()
    service = place.service()

    assert service.live_problem() is None
    if reader:
        assert service.create(by="ada").is_good
        reader.close()
    else:
        with pytest.raises(InsufficientSpaceError, match="too full even to read"):
            service.create(by="ada")
    small_disk.clear()

    assert_invariant(place, old=old, scratch=tmp_path, is_interrupted=False)
    _assert_it_works_again(place)


def test_a_restore_is_refused_before_anything_is_touched_when_the_data_disk_is_full(
    small_disk: SmallDisk, tmp_path: Path
) -> None:
    store_path = tmp_path / "elsewhere"
    store_path.mkdir()
    place = make_used_place(small_disk.path / "place", store_path=store_path)
    old = place.state()
    reader = connect(place)
    small_disk.fill()

    with pytest.raises(InsufficientSpaceError) as refused:
        place.service().restore(first_backup(place).id, by="ada")

    reader.close()
    assert str(place.data_dir) in str(refused.value)
    assert refused.value.facts["required_bytes"]
    small_disk.clear()
    assert len(place.store.list()) == 3
    assert_invariant(place, old=old, scratch=tmp_path, is_interrupted=False)


def test_a_disk_that_fills_up_in_the_middle_of_the_copy_disturbs_no_one_and_gets_its_room_back(
    small_disk: SmallDisk, tmp_path: Path
) -> None:
    place = make_used_place(small_disk.path / "place", notes=1500)
    old, gate = place.state(), Gate(place.data_dir / "locks")
    seen: list[str] = []

    def fill() -> None:
        small_disk.fill()
        with gate.enter(timeout_s=1.0):
            seen.append(place.state())

    with closing(connect(place)) as reader:
        with struck("copying", fill), pytest.raises(InsufficientSpaceError) as refused:
            place.service().restore(first_backup(place).id, by="ada")

        assert refused.value.reason is Reason.FULL_DURING_RESTORE
        assert seen == [old]
        assert place.state() == old
        assert log_bytes(place) == 0
        with gate.enter(writes=True, timeout_s=1.0):
            reader.execute("UPDATE person SET password = password")
            reader.commit()
    small_disk.clear()
    assert_invariant(place, old=old, scratch=tmp_path, is_interrupted=False)
    place.service().restore(first_backup(place).id, by="ada")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["full", "failing"])
def test_a_log_that_cannot_be_flushed_ends_a_restore_before_its_commit(
    code: int, used: Place, tmp_path: Path
) -> None:
    place = used.copy_to(tmp_path / "place")
    old = place.state()
    is_copying: list[bool] = []

    def fail(_count: int, name: str) -> None:
        if is_copying and name == "fsync":
            is_copying.clear()
            raise OSError(code, "the disk says so")

    expected = InsufficientSpaceError if code == errno.ENOSPC else StoreUnavailableError
    with (
        closing(connect(place)),
        watched(place.root, fail),
        struck("copying", lambda: is_copying.append(True)),
    ):
        with pytest.raises(expected):
            place.service().restore(first_backup(place).id, by="ada")
        assert is_copying == []
        assert place.state() == old
        assert log_bytes(place) == 0

    assert_invariant(place, old=old, scratch=tmp_path, is_interrupted=False)


def test_a_database_that_cannot_grow_when_the_log_is_folded_holds_the_new_data_all_the_same(
    small_disk: SmallDisk, tmp_path: Path
) -> None:
    place = make_used_place(small_disk.path / "place", notes=1500)
    with closing(sqlite3.connect(place.live, isolation_level=None)) as writer:
        writer.execute("DELETE FROM note WHERE id > 20")
        writer.execute("VACUUM")
    gate = Gate(place.data_dir / "locks")
    with closing(connect(place)) as reader:
        with struck("folding", small_disk.fill):
            outcome = place.service().restore(first_backup(place).id, by="ada")
        assert [each.reason for each in outcome.warnings] == [Reason.LOG_NOT_FOLDED]
        new = place.state()
        with gate.enter(timeout_s=1.0):
            assert reader.execute("SELECT count(*) FROM note").fetchone() == (1500,)
        small_disk.clear()
        with gate.enter(writes=True, timeout_s=1.0):
            reader.execute("UPDATE person SET password = password")
            reader.commit()
        assert place.state() == new
    assert_invariant(place, old=new, scratch=tmp_path, is_interrupted=False)
    place.service().undo(by="ada")


def test_what_a_restore_asks_for_is_room_for_its_reversal_too(
    small_disk: SmallDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_used_place(small_disk.path / "place", notes=1500)
    change(place, notes=9000)  # so the data that returns is larger than what came
    old = place.state()
    real_require = preparing.require_space

    def leave_no_more(folder: Path, required_bytes: int, *, what: str) -> None:
        if what == "the restore":
            small_disk.fill(but_for_bytes=required_bytes + 300_000)  # it counts roughly
        real_require(folder, required_bytes, what=what)

    monkeypatch.setattr(preparing, "require_space", leave_no_more)
    monkeypatch.setattr(preparing, "_SPARE_BYTES", 0)
    with closing(connect(place)):
        with (
            struck("reverting: committed", lambda: None),
            pytest.raises(RestoreError, match="is as it was before"),
        ):
            place.service().restore(first_backup(place).id, by="ada")
        assert place.state() == old
        assert log_bytes(place) == 0
    assert_invariant(place, old=old, scratch=tmp_path, is_interrupted=False)


def log_bytes(place: Place) -> int:
    return place.live.with_name("notebook.db-wal").stat().st_size


def connect(place: Place) -> Any:
    """Hold the database open, as a running server does."""
    connection = sqlite3.connect(place.live)
    connection.execute("SELECT count(*) FROM note").fetchone()
    return connection
