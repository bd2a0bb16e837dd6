"""A connection is kept for its next request, unless the rest of a body does not come."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from gunicorn.config import Config

from launcher.serving import ClientSocket, Worker, _Connection

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: "


class Kept:
    """A connection to a worker, whose request is answered and whose body is unread."""

    def __init__(self, worker: Worker, conn: _Connection) -> None:
        self._worker = worker
        self._conn = conn

    def is_kept_after(self, request: bytes) -> bool:
        self._conn.arrived += request
        self._conn.sock.setblocking(True)
        self._conn.hand_over()
        next(self._conn.parser)
        return self._worker._keepalive_after(self._conn, True)


@pytest.fixture
def connection() -> Iterator[Kept]:
    config = Config()
    worker = Worker(1, 1, [], None, 30, config, None)
    ours, theirs = socket.socketpair()
    sock = ClientSocket(fileno=ours.detach())
    with closing(theirs), closing(sock), closing(worker.tmp):
        conn = _Connection(config, sock, ("127.0.0.1", 1), ("127.0.0.1", 2))
        conn.begin()
        yield Kept(worker, conn)


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every two looks at the clock be far apart, as on a processor that others use."""
    moments = itertools.count(time.monotonic(), 0.06)
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        HEAD + b"5000\r\n\r\n" + b"a" * 5000,
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    ],
)
def test_a_busy_processor_closes_no_connection(connection: Kept, request_: bytes) -> None:
    assert connection.is_kept_after(request_)


def test_a_rest_that_does_not_come_closes_it(connection: Kept) -> None:
    with pytest.raises(ConnectionResetError):
        connection.is_kept_after(HEAD + b"6\r\n\r\nabc")


def test_a_rest_that_is_large_closes_it(connection: Kept) -> None:
    assert not connection.is_kept_after(HEAD + b"100000\r\n\r\n" + b"a" * 100_000)
