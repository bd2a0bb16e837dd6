"""Checks that are not of a running app: *Test now*, and the samples."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from launcher.checks import trial
from launcher.checks.outcome import Outcome, Reason
from launcher.checks.sample import sample_outcome
from launcher.checks.spec import CheckSpec, SampleState
from launcher.checks.turns import Turn
from launcher.models.health import CheckKind, Health
from tests.support.checked import ANYWHERE, behave, outcome_of, until, web_check
from tests.support.odd_servers import Server, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(behave) as server:
        yield server


def test_a_check_is_tested_before_it_is_saved(server: Server) -> None:
    outcome = trial.test_now(web_check(server.url + "/page"), ANYWHERE)
    assert (outcome.code, outcome.phases.failed) == (200, None)


def test_only_a_few_checks_are_tested_at_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "_places", threading.BoundedSemaphore(1))
    with trial._places, pytest.raises(trial.TooManyTrialsError):
        trial.test_now(web_check(server.url + "/page"), ANYWHERE)
    assert trial.test_now(web_check(server.url + "/page"), ANYWHERE).is_up


def test_a_test_that_blocks_is_given_up_after_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = threading.Event()

    async def block(*_args: object) -> Outcome:
        blocked.wait()
        return Outcome(Health.UP)

    monkeypatch.setattr(trial, "probe", block)
    monkeypatch.setattr(trial, "_GRACE_S", 0.1)
    outcome = trial.test_now(web_check("http://127.0.0.1/", timeout_ms=100), ANYWHERE)
    assert (outcome.reason, outcome.facts["limit_s"]) == (Reason.NO_ANSWER, 0.1)
    blocked.set()


def test_a_newer_test_of_the_same_user_ends_the_one_before(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "LOOK_EVERY_S", 0.01)
    silent = web_check(server.url + "/silent", timeout_ms=20_000)
    server.heads.clear()
    with ThreadPoolExecutor() as threads:
        first = threads.submit(trial.test_now, silent, ANYWHERE, Turn.take(tmp_path, 1))
        until(lambda: bool(server.heads))
        page = web_check(server.url + "/page")
        assert trial.test_now(page, ANYWHERE, Turn.take(tmp_path, 1)).is_up
        with pytest.raises(trial.TrialReplacedError):
            first.result(timeout=60)
    until(lambda: not list((tmp_path / "check-trials").iterdir()))


def test_a_test_in_another_process_is_ended_too(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "LOOK_EVERY_S", 0.01)
    silent = web_check(server.url + "/silent", timeout_ms=20_000)
    server.heads.clear()
    with ThreadPoolExecutor() as threads:
        here = threads.submit(trial.test_now, silent, ANYWHERE, Turn.take(tmp_path, 1))
        until(lambda: bool(server.heads))
        Turn.take(tmp_path, 1)  # all that the other process does
        with pytest.raises(trial.TrialReplacedError):
            here.result(timeout=60)


def test_one_user_does_not_take_the_places_of_others(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(trial, "_places", threading.BoundedSemaphore(2))
    silent = web_check(server.url + "/silent", timeout_ms=20_000)
    with ThreadPoolExecutor() as threads:
        mine = [
            threads.submit(trial.test_now, silent, ANYWHERE, Turn.take(tmp_path, 1))
            for _ in range(8)
        ]
        page = web_check(server.url + "/page")
        assert trial.test_now(page, ANYWHERE, Turn.take(tmp_path, 2)).is_up
        Turn.take(tmp_path, 1)
        ends = [each.exception(timeout=60) for each in mine]
    assert {type(each) for each in ends} <= {trial.TrialReplacedError, trial.TooManyTrialsError}


@pytest.mark.parametrize("state", [Health.UP, Health.SLOW])
def test_sample_results_stay_near_the_last(state: Health) -> None:
    ms = 60 if state is Health.UP else 1400
    for minute in range(500):
        spec = CheckSpec(3, CheckKind.SAMPLE, "", sample=SampleState(state, ms, 200))
        outcome = sample_outcome(spec, minute=minute)
        assert outcome.state is state
        assert outcome.ms is not None
        ms = outcome.ms
    assert 5 < ms < 120 if state is Health.UP else 1000 <= ms < 1500


def test_a_sample_that_is_down_has_the_reason_of_before() -> None:
    last = SampleState(Health.DOWN, None, None, "refused", {"port": 8096})
    outcome = outcome_of(CheckSpec(3, CheckKind.SAMPLE, "", sample=last))
    assert (outcome.state, outcome.reason, outcome.facts) == (
        Health.DOWN,
        Reason.REFUSED,
        {"port": 8096},
    )
