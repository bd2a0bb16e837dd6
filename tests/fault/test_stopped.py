"""Ctrl-C, a terminal that goes away, a deadline: stopped from inside, and still all or nothing."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from launcher.backup import replacement
from launcher.backup.errors import BackupError, RestoreError
from launcher.backup.records.operation import Outcome, Progress, Stage
from tests.fault.invariant import assert_invariant, assert_nothing_left
from tests.fault.place import Place, first_backup
from tests.fault.test_kill import STAGED


@pytest.mark.parametrize("blow", [KeyboardInterrupt, BrokenPipeError], ids=["ctrl-c", "no reader"])
@pytest.mark.parametrize(
    ("case", "stage"),
    [(case, stage) for case in ("create", "restore", "swap", "import") for stage in STAGED[case]],
)
def test_what_is_stopped_at_any_stage_changes_nothing(
    case: str,
    stage: Stage,
    blow: type[BaseException],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    template: Place = request.getfixturevalue("broken" if case == "swap" else "used")
    place = template.copy_to(tmp_path / "place")
    old = place.state()
    service = place.service()
    safety = int(case == "restore" and stage in {Stage.REPLACE, Stage.CONFIRM})

    def strike(progress: Progress) -> None:
        if progress.stage is stage:
            raise blow

    act = {
        "create": lambda: service.create(by="ada", on_progress=strike),
        "import": lambda: service.import_(place.root / "outside.db", by="ada", on_progress=strike),
    }.get(case, lambda: service.restore(first_backup(place).id, by="ada", on_progress=strike))
    with pytest.raises((blow, BackupError)):
        act()

    assert place.state() == old
    assert_nothing_left(place)
    assert len(service.list()) == 3 + safety
    assert not (place.data_dir / "operation.json").exists()
    entry = service.journal(limit=1)[0]
    assert entry.facts["stage"] == stage
    if blow is KeyboardInterrupt:
        assert entry.outcome is Outcome.INTERRUPTED
        assert case != "restore" or entry.facts["data"] == "unchanged"
    else:
        assert entry.outcome is Outcome.FAILED
    assert_invariant(place, old=old, scratch=tmp_path)


def test_a_deadline_that_passes_during_the_commit_does_not_deny_it(
    used: Place, first_state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = used.copy_to(tmp_path / "place")
    monkeypatch.setattr(replacement, "_REPLACE_DEADLINE_S", -1.0)

    place.service().restore(first_backup(place).id, by="ada")

    assert place.state() == first_state


def test_an_interruption_that_cannot_be_examined_does_not_stop_the_next_operation(
    used: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    place = used.copy_to(tmp_path / "place")

    def strike(progress: Progress) -> None:
        raise SystemExit

    def unexpected(*_: object) -> dict[str, object]:
        raise TypeError("a row that nobody expected")

    monkeypatch.setattr("launcher.backup.service.BackupService._after_interruption", unexpected)
    with pytest.raises(SystemExit):
        place.service().restore(first_backup(place).id, by="ada", on_progress=strike)

    assert place.service().create(by="ada").is_good


@pytest.mark.parametrize("case", ["used", "broken"])
def test_data_that_does_not_pass_its_check_is_taken_back(
    case: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = request.getfixturevalue(case).copy_to(tmp_path / "place")
    wal = place.live.with_name("notebook.db-wal")
    if case == "broken":
        wal.write_bytes(b"left of a log")
    old = place.state()
    for name in ("confirm", "confirm_live"):
        monkeypatch.setattr(replacement, name, lambda *_, **__: "note has 3 rows instead of 4")

    with pytest.raises(RestoreError, match="is as it was before"):
        place.service().restore(first_backup(place).id, by="ada")

    assert place.state() == old
    if case == "broken":
        assert wal.read_bytes() == b"left of a log"
        assert list((place.data_dir / "damaged").iterdir()) == []
    assert_invariant(place, old=old, scratch=tmp_path, is_interrupted=False)
