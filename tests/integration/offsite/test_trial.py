"""The test of a destination, as *Test* on a page and `flask destination test` run it."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from launcher.offsite.opening import open_remote
from launcher.offsite.records import Destination, Place, Service
from launcher.offsite.trial import Step, Trial, TrialStep
from launcher.offsite.trial_run import ENVIRONMENT, as_tried, run_trial
from launcher.offsite.troubles import Trouble
from tests.integration.offsite.places import SITE, FarPlace, names
from tests.support.odd_servers import Visit, serving
from tests.support.storage_servers import KEEPER_ID, KEEPER_SECRET, READER_ID, READER_SECRET

NAS = Destination("nas", "NAS", Service.FOLDER, place=Place.THIS_SERVER)


def tried(destination: Destination, data_dir: Path, **options: object) -> Trial:
    given = {"deadline_s": 60.0} | options
    return run_trial(destination, site=SITE, data_dir=data_dir / "data", **given)  # type: ignore[arg-type]


def test_a_place_that_works_passes_every_step_and_is_left_as_it_was(
    far: FarPlace, tmp_path: Path
) -> None:
    far.open("other000").put_bytes("launcher-x.json", b"{}")
    far.open().put_bytes("launcher-x.json", b"{}")
    heard: list[TrialStep] = []
    trial = tried(far.destination, tmp_path, on_step=heard.append)
    assert [(each.step, each.trouble) for each in trial.steps] == [(step, None) for step in Step]
    assert tuple(heard) == trial.steps
    assert all(each.took_s is not None and each.took_s >= 0 for each in trial.steps)
    assert (trial.is_passed, trial.may_delete) == (True, True)
    assert (trial.other_sites, trial.own_copies) == (1, 1)
    assert names(far.open()) == {"launcher-x.json"}
    if far.destination.service is Service.S3:
        assert trial.clock_apart_s is not None
        assert abs(trial.clock_apart_s) < 30


def test_a_key_that_may_not_delete_passes(bucket: FarPlace, tmp_path: Path) -> None:
    keeper = {"key_id": KEEPER_ID, "secret": KEEPER_SECRET}
    trial = tried(replace(bucket.destination, secrets=keeper), tmp_path)
    assert [each.trouble for each in trial.steps] == [None, None, None, None, Trouble.DENIED]
    assert trial.steps[-1].facts == {"action": "delete"}
    assert (trial.is_passed, trial.may_delete) == (True, False)


def test_a_key_that_may_only_read_fails_at_the_first_file(bucket: FarPlace, tmp_path: Path) -> None:
    reader = {"key_id": READER_ID, "secret": READER_SECRET}
    trial = tried(replace(bucket.destination, secrets=reader), tmp_path)
    failed = trial.failed
    assert failed is not None
    assert (failed.step, failed.trouble, failed.facts) == (
        Step.WRITE, Trouble.DENIED, {"action": "write"},
    )  # fmt: skip
    assert failed.answer == "403 AccessDenied"
    assert [each.took_s is None for each in trial.steps] == [False, False, True, True, True]
    assert (trial.is_passed, trial.may_delete) == (False, None)


def test_a_service_that_never_answers_is_given_up_at_the_deadline(tmp_path: Path) -> None:
    """The process is killed, whatever the adapter waits for."""
    with serving(lambda visit: visit.over.wait()) as server:
        silent = Destination(
            "s3", "S3", Service.S3,
            options={"endpoint": server.url, "bucket": "copies"},
            secrets={"key_id": "x", "secret": "y"},
        )  # fmt: skip
        heard: list[TrialStep] = []
        trial = tried(silent, tmp_path, deadline_s=3.0, on_step=heard.append)
    assert len(server.heads) <= 1  # the adapter itself would have tried once more
    assert [each.trouble for each in trial.steps] == [Trouble.TIMED_OUT, None, None, None, None]
    assert tuple(heard) == trial.steps[:1]
    assert not trial.is_passed


def test_no_other_process_sees_the_secret_while_a_test_runs(tmp_path: Path) -> None:
    secret = "a-secret-that-is-known-4k7p"
    seen: list[str] = []

    def search(visit: Visit) -> None:
        for pid in filter(str.isdigit, os.listdir("/proc")):
            for name in ("cmdline", "environ"):
                try:
                    seen.append((Path("/proc") / pid / name).read_text(errors="replace"))
                except OSError:  # another user's, or ended
                    continue
        visit.answer(b"", "403 Forbidden")

    with serving(search) as server:
        destination = Destination(
            "s3", "S3", Service.S3,
            options={"endpoint": server.url, "bucket": "copies"},
            secrets={"key_id": "x", "secret": secret},
        )  # fmt: skip
        trial = tried(destination, tmp_path)
    assert any("launcher.offsite.trial_run" in each for each in seen)
    assert not any(secret in each for each in seen)
    assert trial.failed is not None
    assert secret not in repr((trial, destination))


def test_a_variable_that_is_not_needed_does_not_reach_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not {name for name in ENVIRONMENT if name.startswith(("AWS_", "LAUNCHER_", "RCLONE_"))}
    monkeypatch.setenv("LAUNCHER_SECRET_KEY", "x")
    seen: list[str] = []

    def look(visit: Visit) -> None:
        for pid in filter(str.isdigit, os.listdir("/proc")):
            folder = Path("/proc") / pid
            try:
                if "launcher.offsite.trial_run" in (folder / "cmdline").read_text():
                    seen.append((folder / "environ").read_text())
            except OSError:
                continue
        visit.answer(b"", "403 Forbidden")

    with serving(look) as server:
        options = {"endpoint": server.url, "bucket": "copies"}
        keys = {"key_id": "x", "secret": "y"}
        tried(Destination("s3", "S3", Service.S3, options=options, secrets=keys), tmp_path)
    assert seen
    assert not any("LAUNCHER_SECRET_KEY" in each for each in seen)


def test_a_folder_without_what_was_there_is_not_mounted(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    tested_at = datetime(2026, 11, 29, tzinfo=UTC)
    saved = replace(NAS, options={"path": str(tmp_path / "far")}, tested_at=tested_at)
    trial = tried(as_tried(saved, saved), tmp_path)
    assert [each.trouble for each in trial.steps][:1] == [Trouble.NOT_MOUNTED]
    assert trial.steps[0].facts == {"path": str(tmp_path / "far")}

    moved = replace(saved, options={"path": str(tmp_path / "new")})
    assert tried(as_tried(moved, saved), tmp_path).is_passed
    open_remote(replace(moved, tested_at=tested_at), site=SITE).put_bytes("copy.json", b"{}")


def test_what_was_not_entered_again_is_kept(tmp_path: Path) -> None:
    tested_at = datetime(2026, 11, 29, tzinfo=UTC)
    before = Destination(
        "s3", "S3", Service.S3, secrets={"key_id": "a", "secret": "b"}, tested_at=tested_at
    )
    entered = replace(before, secrets={"key_id": "new", "secret": ""}, tested_at=None)
    assert as_tried(entered, before).secrets == {"key_id": "new", "secret": "b"}
    other = replace(before, service=Service.RCLONE, secrets={})
    assert as_tried(other, before).secrets == {}
    assert as_tried(before, None).tested_at is None


def test_options_that_are_wrong_fail_the_first_step(tmp_path: Path) -> None:
    trial = tried(replace(NAS, options={"path": "not/absolute"}), tmp_path)
    assert trial.failed is not None
    assert (trial.failed.step, trial.failed.trouble, trial.failed.facts) == (
        Step.CONNECT, Trouble.WRONG_OPTIONS, {"option": "path"},
    )  # fmt: skip
