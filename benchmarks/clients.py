"""Clients of a served site, in a process of their own: what each request took, and its status.

    with pressing(port, read=…, write=…) as pressed:
        …
    pressed.answers

They ask without pause and open a connection for each request, as the first request of a browser
does. Times are of the monotonic clock, which all processes share.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import cycle

from benchmarks.timing import ROOT

READERS = 6
WRITERS = 3


@dataclass(frozen=True, slots=True)
class Call:
    """A request that clients repeat, with each body in turn."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    bodies: Sequence[str] = ("",)


@dataclass(frozen=True, slots=True)
class Answered:
    """One request: when it began, in seconds, how long it took, and 0 where no answer came."""

    is_write: bool
    began_s: float
    took_s: float
    status: int

    @property
    def ended_s(self) -> float:
        return self.began_s + self.took_s

    @property
    def is_failed(self) -> bool:
        return not 200 <= self.status < 300


@dataclass
class Pressed:
    """What the clients of a block saw; filled when the block ends."""

    answers: list[Answered] = field(default_factory=list)


@contextlib.contextmanager
def pressing(
    port: int,
    *,
    read: Call | None = None,
    write: Call | None = None,
    readers: int = READERS,
    writers: int = WRITERS,
    pause_s: float = 0.0,
) -> Iterator[Pressed]:
    """Let clients ask a site for the length of the block, with a pause after each request."""
    calls = [(False, read)] * readers if read else []
    calls += [(True, write)] * writers if write else []
    spec = {
        "port": port,
        "pause_s": pause_s,
        "calls": [(is_write, asdict(call)) for is_write, call in calls],
    }
    pressed = Pressed()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.clients"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(spec) + "\n")
        process.stdin.flush()
        process.stdout.readline()  # they have begun
        yield pressed
    finally:
        printed, _ = process.communicate("stop\n")
    pressed.answers = [Answered(*each) for each in json.loads(printed)]


def ask(port: int, call: Call, body: str = "") -> tuple[int, bytes]:
    """Send a request on a connection of its own; return status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(call.method, call.path, body=body or None, headers=dict(call.headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


# --- in the other process ------------------------------------------------------------------------


def _main() -> None:
    sys.setswitchinterval(0.0005)  # the threads wait for each other as little as possible
    spec = json.loads(sys.stdin.readline())
    stop = threading.Event()
    answers: list[tuple[bool, float, float, int]] = []

    def press(is_write: bool, call: Call) -> None:
        for body in cycle(call.bodies):
            if stop.is_set():
                return
            began = time.monotonic()
            try:
                status, _ = ask(spec["port"], call, body)
            except (OSError, http.client.HTTPException):
                status = 0
            answers.append((is_write, began, time.monotonic() - began, status))
            if pause_s := spec["pause_s"] or (0 if status else 0.002):
                stop.wait(pause_s)

    clients = [
        threading.Thread(target=press, args=(is_write, Call(**call)))
        for is_write, call in spec["calls"]
    ]
    for client in clients:
        client.start()
    print("begun", flush=True)
    sys.stdin.readline()
    stop.set()
    for client in clients:
        client.join()
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    _main()
