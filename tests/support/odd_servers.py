"""Web servers on this machine that answer as they please: slowly, without end, or not at all."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

Behaviour = Callable[["Visit"], None]


@dataclass
class Visit:
    """One request, of which the head was read, and the connection to answer on."""

    connection: socket.socket
    head: bytes
    over: threading.Event

    @property
    def path(self) -> str:
        return self.head.split(b" ", 2)[1].decode()

    def send(self, content: bytes) -> None:
        self.connection.sendall(content)

    def answer(
        self, body: bytes = b"", status: str = "200 OK", mime: str = "text/html", **headers: str
    ) -> None:
        """Send a whole answer, and say that the connection ends, as it does."""
        lines = {"Content-Type": mime, "Content-Length": str(len(body)), "Connection": "close"}
        lines |= headers
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
        self.send(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)

    def redirect(self, to: str) -> None:
        self.answer(status="302 Found", Location=to)

    def drip(self, content: bytes, *, first: bytes = b"") -> None:
        """Send `first`, and then `content` again and again, a little at a time."""
        self.send(first)
        while not self.over.wait(0.01):
            self.send(content)

    def flood(self, content: bytes, *, first: bytes = b"") -> None:
        """Send `first`, and then `content` again and again, as fast as it is taken."""
        self.send(first)
        while not self.over.is_set():
            self.send(content)


@dataclass
class Server:
    """Where it listens, and the heads of the requests that came."""

    port: int
    heads: list[bytes] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def paths(self) -> list[str]:
        return [head.split(b" ", 2)[1].decode() for head in self.heads]


@contextmanager
def serving(
    behaviour: Behaviour, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[Server]:
    """Serve until the end of the block; a behaviour that sends without end ends with it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, 0), family=family)
    server = Server(listener.getsockname()[1], host=host)
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        connection.settimeout(30)
        with suppress(OSError):
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
        with suppress(OSError), connection:
            head = b""
            while b"\r\n\r\n" not in head and (received := connection.recv(4096)):
                head += received
                if not head[:1].isalpha():
                    break  # the beginning of a handshake
            if not head:
                return
            server.heads.append(head)
            behaviour(Visit(connection, head, server.over))

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
            threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        server.over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for thread in threads:
            thread.join(5)


def site(pages: Mapping[str, Behaviour | bytes]) -> Behaviour:
    """Answer each path as `pages` says; bytes are a web page, or an icon where the path is one."""

    def answer(visit: Visit) -> None:
        page = pages.get(visit.path)
        if page is None:
            visit.answer(b"not here", "404 Not Found")
        elif isinstance(page, bytes):
            visit.answer(page, mime="text/html" if page.startswith(b"<!") else "image/png")
        else:
            page(visit)

    return answer


def self_signed(folder: Path) -> ssl.SSLContext:
    """Return the context of a server whose certificate no authority issued."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (folder / "both.pem").write_text(SELF_SIGNED)
    context.load_cert_chain(folder / "both.pem")
    return context


SELF_SIGNED = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgh4RbIakbB7/LefDJ
KHs31kwRRiwlJWKsBrBvhryuiEChRANCAARdE9KG8aeP9KqieVvTTS+1fLwcJ4L8
Lj+PLMTEOtg5hP7GIb7IZ1bZy49iCywonx5DmO+PMl8MxJ63IGO8vaJ7
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBhzCCAS2gAwIBAgIUSVD0CYmCcLhUBWmFyK7Yp8kleTowCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNYXBwLmhvbWUuYXJwYTAgFw0yNjExMjkwMjA2MjJaGA8yMTI2
MTEwNTAyMDYyMlowGDEWMBQGA1UEAwwNYXBwLmhvbWUuYXJwYTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABF0T0obxp4/0qqJ5W9NNL7V8vBwngvwuP48sxMQ62DmE
/sYhvshnVtnLj2ILLCifHkOY748yXwzEnrcgY7y9onujUzBRMB0GA1UdDgQWBBTa
5dpg9DopxwrB2DMmxpX2ayHgCDAfBgNVHSMEGDAWgBTa5dpg9DopxwrB2DMmxpX2
ayHgCDAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIAhkRvVpasV3
fIEQGMEep5Mlng60mCRwRXl6Szt7uBLTAiEAthMFFzGm9zh3YS2Lu4rv44mejJka
MnM3F5+qYQXvjPE=
-----END CERTIFICATE-----
"""
