"""The gate: requests together, a restore alone, writers held before, and no one out for ever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from launcher.backup.locks import Gate, try_lock

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0
"""How long to wait for what a busy machine does later; none of it takes so long."""


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path, drain_timeout_s=PATIENCE_S, patience_s=1.0)


@contextmanager
def another_process(body: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run `body` in a process of its own, which says "ready" and then waits for a line."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(body), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


INSIDE = """
    import sys
    from pathlib import Path
    from launcher.backup.locks import Gate
    with Gate(Path(sys.argv[1])).enter():
        print("ready", flush=True)
        sys.stdin.readline()
"""
CLOSED = INSIDE.replace("enter()", "closed()")
WRITING = INSIDE.replace("enter()", "enter(writes=True)")
HELD = INSIDE.replace("enter()", "writers_held()")
BUSY = """
    import sys, threading, time
    from pathlib import Path
    from launcher.backup.locks import Gate
    gate = Gate(Path(sys.argv[1]))
    def requests():
        while True:
            with gate.enter():
                time.sleep(0.02)
    for _ in range(4):
        threading.Thread(target=requests, daemon=True).start()
    time.sleep(0.05)
    print("ready", flush=True)
    sys.stdin.readline()
"""
BUSY_WRITING = BUSY.replace("enter()", "enter(writes=True)")


def test_requests_are_inside_together(gate: Gate) -> None:
    with gate.enter(), gate.enter(timeout_s=0.0), gate.enter(timeout_s=0.0):
        pass


def test_a_restore_is_alone(gate: Gate, tmp_path: Path) -> None:
    with gate.closed():
        with pytest.raises(TimeoutError, match="the data is being replaced"):
            gate.enter(timeout_s=0.02)
        again = Gate(tmp_path, drain_timeout_s=0.02, patience_s=0.01)
        with pytest.raises(TimeoutError), again.closed():
            pytest.fail("two restores at once")
    gate.enter(timeout_s=0.0).leave()


def test_a_restore_waits_for_those_inside(gate: Gate) -> None:
    contents = gate.enter()
    entered = threading.Event()

    def restore() -> None:
        with gate.closed():
            entered.set()

    thread = threading.Thread(target=restore)
    thread.start()
    assert not entered.wait(0.05)
    contents.leave()
    assert entered.wait(PATIENCE_S)
    thread.join()


def test_a_restore_gives_up_and_lets_everybody_in(tmp_path: Path) -> None:
    gate = Gate(tmp_path, drain_timeout_s=0.05, patience_s=0.01)
    with gate.enter():
        with pytest.raises(TimeoutError, match="requests were still running"), gate.closed():
            pytest.fail("somebody was still inside")
        gate.enter(timeout_s=0.0).leave()


def test_a_newcomer_waits_while_a_restore_queues(tmp_path: Path) -> None:
    gate = Gate(tmp_path, drain_timeout_s=PATIENCE_S, patience_s=PATIENCE_S)
    contents = gate.enter()

    def restore() -> None:
        with gate.closed():
            pass

    thread = threading.Thread(target=restore)
    thread.start()
    deadline = time.monotonic() + PATIENCE_S
    while (descriptor := try_lock(tmp_path / "turn", exclusive=False)) is not None:
        os.close(descriptor)
        assert time.monotonic() < deadline
    with pytest.raises(TimeoutError):
        gate.enter(timeout_s=0.02)
    contents.leave()
    thread.join()
    gate.enter(timeout_s=0.0).leave()


def test_one_slow_request_does_not_stop_the_site(tmp_path: Path) -> None:
    gate = Gate(tmp_path, drain_timeout_s=PATIENCE_S * 2, patience_s=0.05)
    slow = gate.enter()
    is_closed = threading.Event()

    def restore() -> None:
        with gate.closed():
            is_closed.set()

    thread = threading.Thread(target=restore)
    thread.start()
    for _ in range(5):
        gate.enter(timeout_s=PATIENCE_S).leave()
    assert not is_closed.is_set()
    slow.leave()
    assert is_closed.wait(PATIENCE_S)
    thread.join()


def test_leaving_twice_lets_no_one_else_out(gate: Gate, tmp_path: Path) -> None:
    first = gate.enter()
    first.leave()
    # The next descriptor takes the number that the first one had.
    second = gate.enter()
    first.leave()
    first.leave()
    closing = Gate(tmp_path, drain_timeout_s=0.02, patience_s=0.01)
    with pytest.raises(TimeoutError), closing.closed():
        pytest.fail("the second is still inside")
    second.leave()
    with closing.closed():
        pass


def test_a_block_that_fails_leaves(gate: Gate, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="odd"), gate.enter():
        raise ValueError("odd")
    with pytest.raises(ValueError, match="odd"), gate.closed():
        raise ValueError("odd")
    with gate.closed():
        pass


def test_it_leaves_no_descriptor_behind(tmp_path: Path) -> None:
    gate = Gate(tmp_path, drain_timeout_s=0.02, patience_s=0.01)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        with gate.enter(), pytest.raises(TimeoutError), gate.closed():
            pass
        with gate.closed(), pytest.raises(TimeoutError):
            gate.enter(writes=True, timeout_s=0.0)
        with gate.enter(writes=True), pytest.raises(TimeoutError), gate.writers_held():
            pass
        with gate.writers_held(), pytest.raises(TimeoutError):
            gate.enter(writes=True, timeout_s=0.0)
        with gate.enter() as reader, reader.writing() as may_write:
            assert may_write
    assert len(os.listdir("/proc/self/fd")) == before


def test_overlapping_threads_cannot_starve_a_restore(gate: Gate) -> None:
    ended = threading.Event()
    entered = [0]

    def requests() -> None:
        while not ended.is_set():
            with gate.enter(timeout_s=PATIENCE_S):
                entered[0] += 1
                time.sleep(0.01)

    threads = [threading.Thread(target=requests) for _ in range(6)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            with gate.closed():
                held = entered[0]
                time.sleep(0.01)
                assert entered[0] == held
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def test_overlapping_processes_cannot_starve_a_restore(gate: Gate, tmp_path: Path) -> None:
    with another_process(BUSY, tmp_path), another_process(BUSY, tmp_path):
        for _ in range(3):
            with gate.closed():
                pass


def test_other_processes_count(gate: Gate, tmp_path: Path) -> None:
    closing = Gate(tmp_path, drain_timeout_s=0.02, patience_s=0.01)
    with another_process(INSIDE, tmp_path):
        gate.enter(timeout_s=0.0).leave()
        with pytest.raises(TimeoutError), closing.closed():
            pytest.fail("another process is inside")
    with another_process(CLOSED, tmp_path), pytest.raises(TimeoutError):
        gate.enter(timeout_s=0.02)


@pytest.mark.parametrize("body", [INSIDE, CLOSED, WRITING, HELD])
def test_a_killed_holder_leaves_it_open(gate: Gate, tmp_path: Path, body: str) -> None:
    with another_process(body, tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        gate.enter(writes=True, timeout_s=0.0).leave()
        with gate.writers_held(), gate.closed():
            pass


def test_a_program_started_by_a_holder_holds_nothing(gate: Gate, tmp_path: Path) -> None:
    with gate.enter():
        child = subprocess.Popen(["sleep", "60"])
    try:
        with Gate(tmp_path, drain_timeout_s=0.05, patience_s=0.01).closed():
            pass
    finally:
        child.kill()
        child.wait()


def test_a_lock_is_never_taken_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    (tmp_path / "gate").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic"):
        Gate(tmp_path).enter()


def test_readers_pass_while_writers_are_held(gate: Gate) -> None:
    with gate.writers_held():
        gate.enter(timeout_s=0.0).leave()
        with pytest.raises(TimeoutError, match="the data is being replaced"):
            gate.enter(writes=True, timeout_s=0.02)
    gate.enter(writes=True, timeout_s=0.0).leave()


def test_the_gate_says_whether_it_holds_writers(gate: Gate) -> None:
    assert not gate.holds_writers()
    with gate.enter(writes=True):
        assert not gate.holds_writers()
    with gate.writers_held():
        assert gate.holds_writers()
    assert not gate.holds_writers()
    with gate.closed():
        assert not gate.holds_writers()


def test_writers_are_held_once_running_ones_have_ended(gate: Gate) -> None:
    writer, reader = gate.enter(writes=True), gate.enter()
    assert writer.writes
    assert not reader.writes
    held = threading.Event()

    def restore() -> None:
        with gate.writers_held():
            held.set()

    thread = threading.Thread(target=restore)
    thread.start()
    assert not held.wait(0.05)
    writer.leave()
    assert held.wait(PATIENCE_S)
    thread.join()
    reader.leave()


def test_a_writer_that_does_not_end_lets_all_others_in(tmp_path: Path) -> None:
    gate = Gate(tmp_path, drain_timeout_s=0.05, patience_s=0.01)
    with gate.enter(writes=True):
        with pytest.raises(TimeoutError, match="requests were still running"), gate.writers_held():
            pytest.fail("a writer was still inside")
        gate.enter(writes=True, timeout_s=0.0).leave()


def test_the_gate_closes_while_a_writer_waits_before_it(gate: Gate) -> None:
    """A writer that waited inside would keep out the restore that it waits for."""
    entered = threading.Event()

    def write() -> None:
        with gate.enter(writes=True, timeout_s=PATIENCE_S):
            entered.set()

    with gate.writers_held():
        thread = threading.Thread(target=write)
        thread.start()
        assert not entered.wait(0.05)
        with gate.closed():
            pass
        assert not entered.is_set()
    assert entered.wait(PATIENCE_S)
    thread.join()


def test_who_reads_may_write_after_all_where_no_restore_holds_writers(
    gate: Gate, tmp_path: Path
) -> None:
    reader = gate.enter()
    with gate.writers_held(), reader.writing() as may_write:
        assert not may_write
        assert not reader.writes
    holding = Gate(tmp_path, drain_timeout_s=0.02, patience_s=0.01)
    with reader.writing() as may_write:
        assert may_write
        assert reader.writes
        with pytest.raises(TimeoutError), holding.writers_held():
            pytest.fail("the reader writes")
    assert not reader.writes
    with gate.writers_held():
        pass
    reader.leave()
    with reader.writing() as may_write:
        assert not may_write


def test_who_leaves_while_writing_holds_nothing(gate: Gate) -> None:
    reader = gate.enter()
    with reader.writing():
        reader.leave()
        with gate.writers_held(), gate.closed():
            pass


def test_who_entered_to_write_goes_on_writing(gate: Gate) -> None:
    writer = gate.enter(writes=True)
    with writer.writing() as may_write:
        assert may_write
    assert writer.writes
    writer.leave()


def test_overlapping_writers_cannot_starve_a_restore(gate: Gate, tmp_path: Path) -> None:
    with another_process(BUSY_WRITING, tmp_path), another_process(BUSY_WRITING, tmp_path):
        for _ in range(3):
            with gate.writers_held(), gate.closed():
                pass


def test_writers_of_other_processes_count(gate: Gate, tmp_path: Path) -> None:
    holding = Gate(tmp_path, drain_timeout_s=0.02, patience_s=0.01)
    with another_process(WRITING, tmp_path), pytest.raises(TimeoutError), holding.writers_held():
        pytest.fail("another process writes")
    with another_process(HELD, tmp_path):
        gate.enter(timeout_s=0.0).leave()
        with pytest.raises(TimeoutError):
            gate.enter(writes=True, timeout_s=0.02)
