"""A request that would wait for a restore has no thread until then: real sockets, one thread."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from gunicorn.config import Config

from launcher import serving
from launcher.serving import Worker


class Restore:
    """What the application would say of a restore."""

    def __init__(self) -> None:
        self.is_running = True
        self.asked: list[bytes] = []
        self.open_for: list[bytes] = []
        """Paths whose next question gets the answer that there is nothing to wait for."""

    def has_to_wait(self, request_line: bytes) -> bool:
        self.asked.append(request_line)
        if request_line.startswith(b"GET"):
            return False
        path = request_line.split()[1]
        if path in self.open_for:
            self.open_for.remove(path)
            return False
        return self.is_running


class Site:
    """A worker with one thread, whose loop the test turns, and its clients."""

    def __init__(self, listener: socket.socket) -> None:
        self.restore = Restore()
        self.answered: list[tuple[str, float | None]] = []
        config = Config()
        config.set("threads", 1)
        config.set("worker_connections", 100)
        self.worker = Worker(1, 1, [listener], None, 30, config, _Log())
        self.worker.patience_s = 60.0
        self.worker.has_to_wait = self.restore.has_to_wait
        self.worker.wsgi = self._answer
        self.worker.tpool = self.worker.get_thread_pool()
        self.worker.poller = serving.selectors.DefaultSelector()
        self.worker.method_queue.init()
        self.worker.poller.register(
            self.worker.method_queue.fileno(),
            serving.selectors.EVENT_READ,
            self.worker.method_queue.run_callbacks,
        )
        self.worker.set_accept_enabled(enabled=True)
        self._address = listener.getsockname()
        self._clients = ExitStack()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read().decode()
        path = environ["PATH_INFO"] + body
        self.answered.append((path, environ["gunicorn.socket"].patience_s))
        start_response("200 OK", [("Content-Length", "0")])
        return []

    def send(self, method: str, path: str, body: str = "") -> socket.socket:
        client = self._clients.enter_context(socket.create_connection(self._address, timeout=60))
        head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
        client.sendall(f"{head}{body}".encode())
        return client

    def turn_until(self, *, parked: int | None = None, answered: int | None = None) -> None:
        """Turn the loop until so many are parked, or have been answered."""
        for _ in range(3000):
            if len(self.worker.parked) == parked or len(self.answered) == answered:
                return
            self.worker.wait_for_and_dispatch_events(0.02)
        raise AssertionError((len(self.worker.parked), self.answered))

    def paths(self) -> list[str]:
        return [path for path, _patience_s in self.answered]

    def park(self, *paths: str) -> None:
        for path in paths:
            self.send("POST", path)
            self.turn_until(parked=len(self.worker.parked) + 1)

    def close(self) -> None:
        self._clients.close()
        self.restore.is_running = False
        while self.worker.nr_conns:  # the worker closes its ends
            self.worker.wait_for_and_dispatch_events(0.02)
            self.worker.murder_pending()
        self.worker.tpool.shutdown()
        self.worker.poller.close()
        self.worker.method_queue.close()
        self.worker.tmp.close()


class _Log:
    """The log of gunicorn, which keeps nothing."""

    def __getattr__(self, name: str) -> Any:
        return getattr(logging.getLogger("test"), name)

    def access(self, *_said: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Site(listener)
        yield made
        made.close()


def test_pages_are_shown_while_forms_wait_and_forms_are_stored_in_order(site: Site) -> None:
    site.park("/1", "/2", "/3")
    site.send("GET", "/page")
    site.turn_until(answered=1)
    assert site.paths() == ["/page"]

    site.restore.is_running = False
    site.turn_until(answered=4)

    assert site.paths() == ["/page", "/1", "/2", "/3"]
    assert site.worker.parked == []


def test_a_form_arrives_with_all_that_was_sent_and_its_answer_comes(site: Site) -> None:
    client = site.send("POST", "/", body="name=Choir")
    site.turn_until(parked=1)
    site.restore.is_running = False
    site.turn_until(answered=1)
    assert site.paths() == ["/name=Choir"]
    assert client.recv(15) == b"HTTP/1.1 200 OK"


def test_the_file_of_an_upload_waits_with_its_client(site: Site) -> None:
    client = site.send("POST", "/", body="x" * (serving.FORM_LIMIT_BYTES + 1))
    site.turn_until(parked=1)
    site.restore.is_running = False
    site.turn_until(answered=1)
    assert client.recv(15) == b"HTTP/1.1 200 OK"


def test_a_form_that_waited_has_the_rest_of_its_patience(site: Site) -> None:
    site.park("/1")
    site.restore.is_running = False
    site.turn_until(answered=1)
    left_s = site.answered[0][1]
    assert left_s is not None
    assert 0 < left_s < 60


def test_a_form_that_did_not_wait_has_patience_of_its_own(site: Site) -> None:
    site.restore.is_running = False
    site.send("POST", "/1")
    site.turn_until(answered=1)
    assert site.answered == [("/1", None)]


def test_a_form_whose_patience_is_over_is_answered_during_the_restore(site: Site) -> None:
    site.park("/1")
    site.worker.patience_s = 0.0
    site.turn_until(answered=1)
    assert site.answered == [("/1", 0.0)]


def test_a_form_waits_again_in_its_old_place_where_the_next_restore_came_first(
    site: Site,
) -> None:
    site.park("/1", "/2")
    site.restore.open_for = [b"/1", b"/2"]  # for the loop, which asks for the oldest, and for /2
    site.turn_until(answered=1)
    site.turn_until(parked=1)
    site.send("POST", "/3")
    site.turn_until(parked=2)

    site.restore.is_running = False
    site.turn_until(answered=3)

    assert site.paths() == ["/2", "/1", "/3"]


@pytest.mark.parametrize(("limit", "most"), [("_PARKED", 1), ("_PARKED_BYTES", 0)])
def test_one_too_many_is_answered_at_once(
    site: Site, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    site.park("/1")
    monkeypatch.setattr(serving, limit, most)
    site.send("POST", "/2")
    site.turn_until(answered=1)
    assert site.answered == [("/2", 0.0)]


def test_a_form_is_answered_where_no_one_can_say_whether_it_has_to_wait(site: Site) -> None:
    def fail(_request_line: bytes) -> bool:
        raise OSError("no descriptor is left")

    site.worker.has_to_wait = fail
    site.send("POST", "/1")
    site.turn_until(answered=1)
    assert site.paths() == ["/1"]


def test_what_waits_is_answered_by_a_worker_that_stops(site: Site) -> None:
    site.park("/1")
    site.worker.handle_exit(15, None)
    site.worker.murder_pending()
    site.restore.is_running = False
    site.turn_until(answered=1)
    assert site.paths() == ["/1"]


def test_no_one_is_asked_again_while_nothing_waits(site: Site) -> None:
    site.send("GET", "/page")
    site.turn_until(answered=1)
    site.worker.wait_for_and_dispatch_events(0.02)
    assert site.restore.asked == [b"GET /page HTTP/1.1"]
