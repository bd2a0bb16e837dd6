"""The worker of gunicorn: a thread gets a request once it is whole, and waits for no slow client.

gunicorn's own threaded worker reads a request in one of its threads, without a deadline: as many
silent clients as there are threads stop the site. Here the loop of the worker, which has no thread
to lose, collects the head and the form of each request, sends what a client does not take at once,
and closes what takes too long. What a thread still waits for, the upload of a file or its download,
has a slowest pace.

A request that would wait in its thread for a restore is parked instead: the loop keeps it, without
a thread, until it need not wait.

This is the place of Apache's `mod_reqtimeout` and of the buffers of nginx, for servers that are
reached without a proxy. It is built on `gunicorn.workers.gthread` of gunicorn 27.
"""

from __future__ import annotations

import errno
import re
import selectors
import socket
import time
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, cast

from gunicorn.workers.gthread import TConn, ThreadWorker

from launcher.config import FORM_LIMIT_BYTES

PATIENCE_S = 30.0
"""How long a head may take to arrive, and a thread waits for a client that does nothing."""
SLOWEST_BYTES_PER_S = 4096
"""The pace that forms, uploads and responses must keep after `PATIENCE_S`; GPRS has 5 KB/s."""
CONNECTIONS = 256
"""How many a worker keeps beside its threads; the oldest unfinished one makes room for the next.

Far below 1024, the usual limit of open files: without a free one no request can be answered.
"""

_HEAD_BYTES = 64 << 10
_COLLECTED_BYTES = 32 << 20
_PARKED = CONNECTIONS // 2
_PARKED_BYTES = _COLLECTED_BYTES // 2
_ASK_S = 0.02
_UNSENT_BYTES = 1 << 20
_PIECE_BYTES = 64 << 10
_LEAVE_S = 60.0
_LINGER_S = 2.0
_LINGER_MOST_S = 30.0
_STOP_S = 2.0
_REST_S = 0.05
_REST_BYTES = 64 << 10

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,12})[ \t]*\r\n", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_TO_PARK = object()


class ClientSocket(socket.socket):
    """A socket on which no call blocks for longer than the pace allows.

    Attributes:
        patience_s: for how much longer its request may wait; None when it was not parked.

    Raises:
        ConnectionResetError: the client was too slow; gunicorn then closes the connection.
    """

    def __init__(self, *, fileno: int) -> None:
        super().__init__(fileno=fileno)
        self.unsent = bytearray()
        self.request_line = b""
        self.patience_s: float | None = None
        self._budget_s = 0.0

    def setblocking(self, flag: bool) -> None:
        """Let calls wait for `PATIENCE_S` where they would wait for ever."""
        self._budget_s = PATIENCE_S
        self.settimeout(PATIENCE_S if flag else 0.0)

    def hurry(self) -> None:
        """Let calls that receive wait for `_REST_S` together, until the next `setblocking`."""
        self._budget_s = _REST_S

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """Receive; waiting spends from `PATIENCE_S`, and each byte pays its share back."""
        timeout = self.gettimeout()
        if not timeout:
            return super().recv(bufsize, flags)
        began_at = time.monotonic()
        try:
            self.settimeout(max(0.001, min(timeout, self._budget_s)))
            data = super().recv(bufsize, flags)
        except TimeoutError:
            raise _too_slow() from None
        finally:
            self.settimeout(timeout)
        left_s = self._budget_s - (time.monotonic() - began_at)
        self._budget_s = min(PATIENCE_S, left_s + len(data) / SLOWEST_BYTES_PER_S)
        return data

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send everything, or leave the last megabyte of it in `unsent` for the loop."""
        left = memoryview(data)
        if not self.unsent:
            left = left[self._send_at_once(left) :]
        if len(self.unsent) + len(left) <= _UNSENT_BYTES:
            self.unsent += left
            return
        left, self.unsent = memoryview(self.unsent + left), bytearray()
        deadline = time.monotonic() + PATIENCE_S + len(left) / SLOWEST_BYTES_PER_S
        try:
            while left:
                left = left[self.send(left, flags) :]
                if left and time.monotonic() > deadline:
                    raise _too_slow()
        except TimeoutError:
            raise _too_slow() from None

    def _send_at_once(self, data: memoryview) -> int:
        timeout = self.gettimeout()
        try:
            self.settimeout(0)
            return self.send(data)
        except BlockingIOError:
            return 0
        finally:
            self.settimeout(timeout)


class _Refusing:
    """The socket of a client while gunicorn refuses its request with a page of its own."""

    def __init__(self, client: Any, refusal: Callable[[int, bytes], bytes]) -> None:
        self._client = client
        self._refusal = refusal

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def sendall(self, page: bytes) -> None:
        """Send the page, or what `refusal` has for its status and the line of the request."""
        status = int(page.split(maxsplit=2)[1])
        own = self._refusal(status, getattr(self._client, "request_line", b""))
        self._client.sendall(own or page)


def _too_slow() -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, "the client is too slow")


class _AwaitedBody:
    """A body that the client sends once it is asked to, when something reads it.

    A request that is refused before is answered without: the client need not send a large file.
    """

    def __init__(self, body: Any, sock: ClientSocket) -> None:
        self._body = body
        self._sock = sock
        self.is_awaited = True

    def _asked(self) -> Any:
        if self.is_awaited:
            self.is_awaited = False
            self._sock.sendall(_CONTINUE)
        return self._body

    def read(self, size: int | None = None) -> bytes:
        return cast("bytes", self._asked().read(size))

    def readline(self, size: int | None = None) -> bytes:
        return cast("bytes", self._asked().readline(size))

    def readlines(self, size: int | None = None) -> list[bytes]:
        return cast("list[bytes]", self._asked().readlines(size))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._asked())


class _Connection(TConn):  # type: ignore[misc]
    """A connection, and what has arrived of its next request."""

    def begin(self) -> None:
        """Begin with what has been read beyond the request before."""
        self.init()
        self.sock.setblocking(False)
        self.sock.patience_s = None
        self.arrived = bytearray(self.parser.unreader.take_buffered())
        self.searched = 0
        self.wanted: int | None = None  # bytes, once the head is known
        self.whole_at = 0.0
        self.timeout = time.monotonic() + PATIENCE_S

    def is_too_large(self) -> bool:
        return self.wanted is None and len(self.arrived) > _HEAD_BYTES

    def is_whole(self) -> bool:
        """Whether the head and the form are here; other bodies are left to the view."""
        if self.wanted is None:
            self._find_head()
        return self.wanted is not None and len(self.arrived) >= self.wanted

    def request_line(self) -> bytes:
        """Return the first line of what has arrived."""
        return bytes(self.arrived.partition(b"\r\n")[0])

    def hand_over(self) -> None:
        """Give the parser of gunicorn what has arrived."""
        self.sock.request_line = self.request_line()
        self.parser.unreader.unread(bytes(self.arrived))
        self.arrived.clear()

    def _find_head(self) -> None:
        if not self.searched:  # empty lines before a request mean nothing
            del self.arrived[: len(self.arrived) - len(self.arrived.lstrip(b"\r\n"))]
        end = self.arrived.find(_HEAD_END, max(0, self.searched - len(_HEAD_END)))
        self.searched = len(self.arrived)
        if end < 0:
            return
        head = bytes(self.arrived[: end + len(_HEAD_END)])
        found = _LENGTH.search(head)
        length = int(found[1]) if found else 0
        self.wanted = len(head)
        if 0 < length <= FORM_LIMIT_BYTES:
            self._await_form(head, length)

    def _await_form(self, head: bytes, length: int) -> None:
        asked = _EXPECT.sub(b"", head)
        self.wanted = len(asked) + length
        self.timeout += length / SLOWEST_BYTES_PER_S
        if asked != head:
            # The client waits for this, which gunicorn would send when a thread has the request.
            self.arrived[: len(head)] = asked
            with suppress(OSError):
                self.sock.send(_CONTINUE)


def _size(collected: Iterable[_Connection]) -> int:
    return sum(len(each.arrived) for each in collected)


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threaded worker, whose threads get requests that have arrived.

    A request for whose first line `has_to_wait` holds is parked until it does not, or for
    `patience_s`, the oldest first. It then has a thread, and the socket has what is left of its
    patience: none when it waited in vain, or when too many are parked.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.leaving: deque[_Connection] = deque()
        self.lingering: deque[_Connection] = deque()
        self.parked: list[_Connection] = []  # the oldest first
        self.has_to_wait: Callable[[bytes], bool] = lambda _request_line: False
        self.patience_s = 0.0
        self.on_stop: Callable[[], None] = lambda: None
        self.refusal: Callable[[int, bytes], bytes] = lambda _status, _request_line: b""
        self.takes_cut_off: Callable[[bytes], bool] = lambda _request_line: False

    def handle_exit(self, sig: Any, frame: Any) -> None:
        """Begin to stop: requests that wait for something end at once."""
        super().handle_exit(sig, frame)
        self.on_stop()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that is no HTTP as gunicorn does, or as `refusal` has it."""
        super().handle_error(req, _Refusing(client, self.refusal), addr, exc)

    def accept(self, listener: Any) -> None:
        """Accept a connection; when there are too many, the oldest unfinished one is closed."""
        if self.cfg.is_ssl:  # the handshake needs a thread
            super().accept(listener)
            return
        slow = self.pending_conns or self.leaving or self.lingering
        if slow and self.nr_conns >= self.worker_connections - 1:
            self._drop(slow[0], slow)
        try:
            accepted, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.nr_conns += 1
        sock = ClientSocket(fileno=accepted.detach())
        self.enqueue_req(_Connection(self.cfg, sock, client, listener.getsockname()))

    def enqueue_req(self, conn: Any) -> None:
        """Collect the next request of a connection, then let a thread answer it."""
        if self.cfg.is_ssl:
            super().enqueue_req(conn)
            return
        conn.begin()
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._collect, conn))
        self._collect(conn, conn.sock)

    def _collect(self, conn: _Connection, sock: ClientSocket) -> None:
        has_ended = False
        try:
            data = sock.recv(_PIECE_BYTES)
            conn.arrived += data
            has_ended = not data
            is_whole = conn.is_whole()
        except BlockingIOError:
            is_whole = conn.is_whole()
        except OSError:
            has_ended, is_whole = True, False
        else:
            # A client that sends no more may still read. A form that is cut off is never handed to
            # a page, which would take it for whole.
            is_whole = is_whole or (
                has_ended and conn.wanted is not None and self.takes_cut_off(conn.request_line())
            )
        if is_whole:
            self.poller.unregister(sock)
            self.pending_conns.remove(conn)
            conn.whole_at = time.monotonic()
            super().enqueue_req(conn)
        elif has_ended or conn.is_too_large():
            self._drop(conn, self.pending_conns)
        elif len(conn.arrived) > _HEAD_BYTES:
            self._make_room()

    def _make_room(self) -> None:
        if _size(self.pending_conns) + _size(self.parked) > _COLLECTED_BYTES:
            self._drop(self.pending_conns[0], self.pending_conns)

    def handle(self, conn: Any) -> Any:
        """Answer a request in a thread, or give the thread back at once if it would only wait."""
        if not self.cfg.is_ssl:
            if conn.sock.patience_s != 0 and self._has_to_wait(conn):
                return _TO_PARK
            conn.hand_over()
        return super().handle(conn)

    def _has_to_wait(self, conn: _Connection) -> bool:
        try:
            return self.has_to_wait(conn.request_line())
        except OSError:  # the request meets it too, and is answered with what it means
            return False

    def _park(self, conn: _Connection) -> None:
        if len(self.parked) >= _PARKED or _size(self.parked) > _PARKED_BYTES:
            self._end_wait(conn, patience_s=0.0)
        else:
            insort(self.parked, conn, key=lambda each: each.whole_at)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait for events, for a moment only while requests are parked, whose wait may end."""
        super().wait_for_and_dispatch_events(min(timeout, _ASK_S) if self.parked else timeout)
        if not self.parked:
            return
        now, is_over = time.monotonic(), not self._has_to_wait(self.parked[0])
        while self.parked:
            left_s = self.parked[0].whole_at + self.patience_s - now
            if left_s > 0 and not is_over:
                break
            self._end_wait(self.parked.pop(0), patience_s=max(0.0, left_s))

    def _end_wait(self, conn: _Connection, *, patience_s: float) -> None:
        conn.sock.patience_s = patience_s
        super().enqueue_req(conn)

    def finish_request(self, conn: Any, fs: Future[object]) -> None:
        """Send the rest; then keep a connection for its next request, or close it."""
        if self.cfg.is_ssl:
            super().finish_request(conn, fs)
        elif conn.sock.unsent:
            conn.timeout = time.monotonic() + _LEAVE_S
            conn.sock.setblocking(False)
            self.leaving.append(conn)
            self.poller.register(conn.sock, selectors.EVENT_WRITE, partial(self._leave, conn, fs))
        elif not fs.cancelled() and fs.exception() is None and fs.result():
            if fs.result() is _TO_PARK:
                self._park(conn)
            else:
                super().finish_request(conn, fs)
        else:
            self._close_gently(conn)

    def _leave(self, conn: _Connection, fs: Future[object], sock: ClientSocket) -> None:
        try:
            del sock.unsent[: sock.send(sock.unsent)]
        except BlockingIOError:
            return
        except OSError:
            self._drop(conn, self.leaving)
            return
        if not sock.unsent:
            self.poller.unregister(sock)
            self.leaving.remove(conn)
            self.finish_request(conn, fs)

    def _close_gently(self, conn: _Connection) -> None:
        # RFC 9112, 9.6: close at once and the client may lose the end of the response. A browser
        # reads it after it has sent all of an upload, also one that is refused.
        now = time.monotonic()
        conn.timeout, conn.lingers_until = now + _LINGER_S, now + _LINGER_MOST_S
        self.lingering.append(conn)
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._linger, conn))
        except OSError:
            self._drop(conn, self.lingering)

    def _linger(self, conn: _Connection, sock: ClientSocket) -> None:
        try:
            has_ended = not sock.recv(_PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            has_ended = True
        if has_ended:
            self._drop(conn, self.lingering)
        else:
            conn.timeout = min(time.monotonic() + _LINGER_S, conn.lingers_until)

    def murder_pending(self) -> None:
        """Close what takes too long, unfinished requests sooner when the worker stops."""
        now = time.monotonic()
        early_s = 0.0 if self.alive else PATIENCE_S - _STOP_S
        self._drop_until(now + early_s, self.pending_conns)
        for waiting in (self.leaving, self.lingering):
            self._drop_until(now, waiting)

    def _drop_until(self, limit: float, waiting: deque[_Connection]) -> None:
        for conn in [each for each in waiting if each.timeout <= limit]:
            self._drop(conn, waiting)

    def _drop(self, conn: _Connection, waiting: deque[_Connection]) -> None:
        waiting.remove(conn)
        with suppress(OSError, KeyError, ValueError):  # it may not be registered
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Answer a request; its client is asked for a body it holds back once that is read."""
        if req._expected_100_continue and not self.cfg.is_ssl:  # noqa: SLF001
            req._expected_100_continue = False  # noqa: SLF001 (gunicorn would ask at once)
            req.body = _AwaitedBody(req.body, conn.sock)
            req.force_close()  # whether the client sends it after all is unknown
        return bool(super().handle_request(req, conn))

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Whether the connection can be reused: not when part of a body is unread.

        gunicorn's own waits five seconds for its rest, in a thread. With a deadline it also closes
        a connection of which nothing is unread, when its thread was not run for so long.
        """
        if not keepalive or self.cfg.is_ssl:
            return bool(super()._keepalive_after(conn, keepalive))
        conn.sock.hurry()
        return bool(conn.parser.finish_body(max_bytes=_REST_BYTES))
