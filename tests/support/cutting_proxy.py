"""A connection to a service that breaks after so many bytes, as a network does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class CuttingProxy:
    """Passes bytes on to a port of this machine.

    Attributes:
        port: where it listens.
        sent_left: after so many more bytes from the client every connection is broken; None
            for never.
        received_left: the same for bytes from the service.
        sent: how many bytes came from clients.
    """

    port: int
    sent_left: int | None = None
    received_left: int | None = None
    sent: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def heal(self) -> None:
        """Break no more connections."""
        with self._lock:
            self.sent_left = self.received_left = None

    def passed(self, count: int, *, is_sent: bool) -> int:
        """Return how many of so many bytes are passed on."""
        with self._lock:
            left = self.sent_left if is_sent else self.received_left
            allowed = count if left is None else min(left, count)
            if is_sent:
                self.sent += allowed
                self.sent_left = None if left is None else left - allowed
            else:
                self.received_left = None if left is None else left - allowed
            return allowed


@contextmanager
def cutting(target_port: int) -> Iterator[CuttingProxy]:
    """Run a proxy to a port of this machine until the end of the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    proxy = CuttingProxy(listener.getsockname()[1])
    connections: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def carry(source: socket.socket, target: socket.socket, *, is_sent: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(1 << 16):
                allowed = proxy.passed(len(piece), is_sent=is_sent)
                target.sendall(piece[:allowed])
                if allowed < len(piece):
                    break
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", target_port))
            except OSError:
                return
            connections.extend((client, server))
            for pair, is_sent in (((client, server), True), ((server, client), False)):
                thread = threading.Thread(
                    target=carry, args=pair, kwargs={"is_sent": is_sent}, daemon=True
                )
                threads.append(thread)
                thread.start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield proxy
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for each in connections:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5)
        for each in connections:
            each.close()
