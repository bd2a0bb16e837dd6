"""A program follows an operation, waits for its end, and pages through those before."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from flask import Flask

from launcher.api import following
from launcher.api.problems import PROBLEMS
from launcher.backup import BackupService, Gate
from launcher.backup.errors import InsufficientSpaceError, RestoreError
from launcher.backup.operations import Operation
from launcher.backup.reasons import Reason
from launcher.backup.records.operation import Stage, Verb
from launcher.backup.restore import STAGES_RESTORE
from launcher.http import places
from launcher.models import TokenScope
from tests.support.api import new_token
from tests.support.caller import Caller


@pytest.fixture
def service(app: Flask) -> BackupService:
    kept: BackupService = app.extensions["launcher.background.service"]
    return kept


@pytest.fixture
def script(app: Flask, cast: object) -> Caller:
    return Caller(app, new_token(app, scopes=[TokenScope.STATUS]))


@pytest.fixture
def restoring(service: BackupService) -> Callable[..., object]:
    """Hold a restore at a stage for the block."""

    @contextmanager
    def hold(stage: Stage = Stage.UNPACK) -> Iterator[Operation]:
        with service._operations.run(Verb.RESTORE, by="ben", stages=STAGES_RESTORE) as operation:
            operation.stage(stage)
            yield operation

    return hold


def follower_of(app: Flask, operation_id: str) -> Caller:
    with app.app_context():
        return Caller(app, following.follow_token(operation_id))


@contextmanager
def waiting(caller: Caller, path: str) -> Iterator[Future[object]]:
    """Call in another thread, which has begun to wait."""
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(caller.get, path)
        _await_waiting(1)
        yield answer


def _await_waiting(count: int) -> None:
    deadline = time.monotonic() + 120
    while places._waits._taken < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)


# --- one operation -----------------------------------------------------------------------


def test_a_running_operation_has_its_stage_and_true_bytes(script: Caller, restoring) -> None:
    with restoring() as operation:
        operation.about("20260101T000000Z-aaaaaa")
        operation.stage(Stage.REPLACE)
        operation.advance(7_200_000, 11_800_000)
        operation._send()

        found = script.get(f"/operations/{operation.id}")

    assert found["id"] == operation.id
    assert (found["verb"], found["state"], found["by"]) == ("restore", "running", "ben")
    assert found["backup_id"] == "20260101T000000Z-aaaaaa"
    assert found["stage"] == "replace"
    assert found["stages"] == ["unpack", "prepare", "safety", "replace", "confirm"]
    assert (found["done_bytes"], found["total_bytes"]) == (7_200_000, 11_800_000)
    assert "unpack" in found["stage_seconds"]
    assert found["ended_at"] is None
    assert found["error"] is None


def test_an_operation_that_failed_says_why_as_data(script: Caller, restoring) -> None:
    with suppress(RestoreError), restoring() as operation:
        operation.stage(Stage.CONFIRM)
        operation.facts.update(
            safety_id="20260101T000000Z-aaaaaa", held_s=0.25, changes_held_s=1.5, visible_s=0.047
        )
        raise RestoreError(Reason.NOT_CONFIRMED_SEEN, detail="4 apps", visible_ms=47)

    found = script.get(f"/operations/{operation.id}")

    assert found["state"] == "failed"
    assert found["ended_at"] >= found["started_at"]
    assert found["error"] == {
        "type": "/api/v1/#restore_failed",
        "title": PROBLEMS["restore_failed"].title,
        "hint": PROBLEMS["restore_failed"].hint,
        "code": "restore_failed",
        "reason": "not_confirmed_seen",
        "details": {"detail": "4 apps", "visible_ms": 47},
        "detail": "The restored data did not pass its check (4 apps), so the data is as it was"
        " before; the restored data was visible for 0.05 s.",
    }
    assert found["safety_backup_id"] == "20260101T000000Z-aaaaaa"
    assert (found["held_seconds"], found["changes_held_seconds"]) == (0.25, 1.5)
    assert found["visible_seconds"] == 0.047
    assert found["data"] == "unchanged"


def test_an_operation_that_the_disk_had_no_room_for_says_what_helps(
    script: Caller, restoring
) -> None:
    with suppress(InsufficientSpaceError), restoring() as operation:
        raise InsufficientSpaceError(
            Reason.NO_SPACE, what="a backup", required_bytes=5_000_000, path="/x", available_bytes=0
        )

    error = script.get(f"/operations/{operation.id}")["error"]

    assert (error["code"], error["reason"]) == ("insufficient_space", "no_space")
    assert "free" in error["hint"]


def test_an_operation_that_was_killed_says_so(script: Caller, restoring) -> None:
    with suppress(KeyboardInterrupt), restoring(Stage.REPLACE) as operation:
        raise KeyboardInterrupt

    found = script.get(f"/operations/{operation.id}")

    assert found["state"] == "interrupted"
    assert found["error"]["code"] == "interrupted"
    assert found["error"]["hint"] == PROBLEMS["interrupted"].hint
    assert found["stage"] == "replace"
    assert found["data"] == "unchanged"


@pytest.mark.parametrize("operation_id", ["0123456789abcdef", "nothing"])
def test_an_unknown_operation_is_not_found(script: Caller, operation_id: str) -> None:
    script.get(f"/operations/{operation_id}?wait=5")
    assert script.problem == (404, "operation_not_found")


# --- the follow token --------------------------------------------------------------------


def test_a_follow_token_opens_its_operation_while_the_gate_is_closed(
    app: Flask, restoring, cast: object
) -> None:
    with restoring() as operation, Gate(app.extensions["launcher.config"].lock_dir).closed():
        follower = follower_of(app, operation.id)

        assert follower.get(f"/operations/{operation.id}?wait=1")["state"] == "running"


def test_a_follow_token_needs_no_database(app: Flask, restoring, cast: object) -> None:
    with restoring() as operation:
        Path(app.extensions["launcher.config"].database_path).unlink()

        assert follower_of(app, operation.id).get(f"/operations/{operation.id}")["by"] == "ben"


def test_a_follow_token_opens_nothing_else(
    app: Flask, restoring, service: BackupService, cast: object
) -> None:
    service.create(by="test")
    other = service.journal()[0].operation_id
    with restoring() as operation:
        follower = follower_of(app, operation.id)
        for path in (f"/operations/{other}", "/operations", "/backups/latest/plan", "/status"):
            follower.get(path)
            assert follower.problem == (401, "token_invalid"), path
        follower.post("/undo", {"confirm": "x"})
        assert follower.problem[0] in {401, 429}


def test_the_description_names_the_one_call_that_a_follow_token_opens(script: Caller) -> None:
    found = {
        f"{method} {path}"
        for path, calls in script.description["paths"].items()
        for method, call in calls.items()
        if {"follow_token": []} in call["security"]
    }
    assert found == {"get /operations/{operation}"}
    assert "follow_token" in script.description["components"]["securitySchemes"]


def test_a_follow_token_ends_after_a_day(
    app: Flask, restoring, cast: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with restoring() as operation:
        follower = follower_of(app, operation.id)
        monkeypatch.setattr("launcher.background.follow_tokens.MAX_AGE_S", -1)

        follower.get(f"/operations/{operation.id}")

    assert follower.problem == (401, "token_invalid")


# --- waiting -----------------------------------------------------------------------------


def test_who_waits_hears_of_the_next_stage(script: Caller, restoring) -> None:
    with (
        restoring() as operation,
        waiting(script, f"/operations/{operation.id}?wait=30") as answer,
    ):
        assert not answer.done()
        operation.stage(Stage.PREPARE)

        assert answer.result(60)["stage"] == "prepare"


def test_who_waits_hears_of_the_end(script: Caller, restoring) -> None:
    with ExitStack() as running, ThreadPoolExecutor() as pool:
        operation = running.enter_context(restoring(Stage.CONFIRM))
        answer = pool.submit(script.get, f"/operations/{operation.id}?wait=30")
        _await_waiting(1)
        running.close()

        assert answer.result(60)["state"] == "succeeded"


def test_a_wait_ends_after_its_seconds(script: Caller, restoring) -> None:
    with restoring() as operation:
        began_at = time.monotonic()
        found = script.get(f"/operations/{operation.id}?wait=1")

    assert found["state"] == "running"
    assert time.monotonic() - began_at >= 1


def test_no_restore_waits_for_who_waits(script: Caller, restoring, app: Flask) -> None:
    gate = Gate(app.extensions["launcher.config"].lock_dir, drain_timeout_s=60.0)
    with (
        restoring() as operation,
        waiting(script, f"/operations/{operation.id}?wait=30") as answer,
    ):
        with gate.closed():
            assert not answer.done()
        operation.stage(Stage.PREPARE)


def test_where_many_wait_the_next_is_answered_at_once(
    script: Caller, restoring, app: Flask
) -> None:
    with restoring() as operation:
        path = f"/operations/{operation.id}?wait=30"
        most = places.most_waits(app.extensions["launcher.config"].threads)
        with ThreadPoolExecutor(most) as pool:
            held = [pool.submit(follower_of(app, operation.id).get, path) for _ in range(most)]
            _await_waiting(most)

            assert script.get(path)["state"] == "running"
            assert script.answer.headers["Retry-After"] == "2", "a loop must not spin"
            script.get(f"/operations/{operation.id}")
            assert "Retry-After" not in script.answer.headers, "it did not ask to wait"

            assert not any(each.done() for each in held)
            operation.stage(Stage.PREPARE)


def test_who_waits_is_answered_when_the_server_stops(script: Caller, restoring, app: Flask) -> None:
    with (
        restoring() as operation,
        waiting(script, f"/operations/{operation.id}?wait=30") as answer,
    ):
        app.extensions["launcher.stop"].set()

        assert answer.result(60)["state"] == "running"


@pytest.mark.parametrize("wait", ["-1", "31", "x", "1.5", ""])
def test_a_wait_that_is_not_from_0_to_30_is_refused(script: Caller, wait: str) -> None:
    script.get(f"/operations/0123456789abcdef?wait={wait}")
    assert script.problem == (422, "invalid_field")


# --- the list ----------------------------------------------------------------------------


def test_the_list_begins_with_the_newest_and_has_what_runs(
    script: Caller, restoring, service: BackupService
) -> None:
    backup_id = service.create(by="ada").id
    service.protect(backup_id, by="ada")
    with restoring() as operation:
        found = script.get("/operations")

    assert [each["id"] for each in found["running"]] == [operation.id]
    assert [each["verb"] for each in found["operations"]] == ["protect", "create", "initialise"]
    assert found["next_cursor"] is None


def test_pages_stay_right_while_operations_end(script: Caller, service: BackupService) -> None:
    backup_id = service.create(by="ada").id
    service.protect(backup_id, by="ada")
    first = script.get("/operations?limit=2")
    service.unprotect(backup_id, by="ada")

    second = script.get(f"/operations?limit=2&cursor={first['next_cursor']}")

    assert [each["verb"] for each in first["operations"]] == ["protect", "create"]
    assert [each["verb"] for each in second["operations"]] == ["initialise"]
    assert second["next_cursor"] is None


def test_the_list_is_limited_to_a_verb_an_outcome_or_a_backup(
    script: Caller, service: BackupService, restoring
) -> None:
    backup_id = service.create(by="ada").id
    service.protect(backup_id, by="ada")
    with suppress(RestoreError), restoring():
        raise RestoreError(Reason.UNFIT, deed="read", detail="")

    def verbs(query: str) -> list[str]:
        return [each["verb"] for each in script.get(f"/operations?{query}")["operations"]]

    assert verbs("verb=create") == ["create"]
    assert verbs("outcome=failed") == ["restore"]
    assert verbs(f"backup_id={backup_id}") == ["protect", "create"]
    assert verbs("backup_id=latest&verb=protect") == ["protect"]
    assert verbs("cursor=0123456789abcdef") == []


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "verb=undo", "outcome=", "page=2"])
def test_an_unknown_filter_is_refused(script: Caller, query: str) -> None:
    script.get(f"/operations?{query}")
    assert script.problem == (422, "invalid_field")
