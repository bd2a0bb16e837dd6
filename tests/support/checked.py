"""A web server that answers each path in another way, and checks of it."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from launcher.checks.outcome import Outcome
from launcher.checks.probe import probe
from launcher.checks.resolver import Resolver, SocketAddress
from launcher.checks.spec import CheckSpec
from launcher.fetching.addresses import AddressRules
from launcher.models.health import CheckKind
from tests.support.odd_servers import Visit

ANYWHERE = AddressRules(allow_private=True)
LIMIT_MS = 60_000
"""Never reached by a check that has another reason to end."""
SHORT_MS = 300
LONGER_MS = 2000
"""For what must begin within it, also on a busy machine."""
PAGE = "<h1>Paperless &amp; more</h1> (a+)+$ .* größer".encode()
BOMB = gzip.compress(bytes(64 << 20), compresslevel=9)
REDIRECTS = {
    "/circle": "/circle",
    "/once": "/page",
    "/to-file": "file:///etc/passwd",
    "/to-metadata": "http://169.254.169.254/latest/meta-data/",
    "/to-nothing": "https://",
    "/to-port": "http://127.0.0.1:70000/",
    "/to-wanted": "//ada:secret@localhost/x?key=1#2",
}
CODES = {
    "/400": "400 Bad Request",
    "/401": "401 Unauthorized",
    "/403": "403 Forbidden",
    "/404": "404 Not Found",
    "/500": "500 Internal Server Error",
    "/502": "502 Bad Gateway",
}


def behave(visit: Visit) -> None:  # noqa: PLR0912 (a table)
    """Answer as the path says."""
    if visit.head[:1] == b"\x16":  # a handshake, which never ends here
        wait_for_end(visit)
        return
    if (path := visit.path) in REDIRECTS:
        visit.redirect(REDIRECTS[path])
    elif path in CODES:
        visit.answer(status=CODES[path])
    else:
        is_head = visit.head.startswith(b"HEAD")
        page = b"" if is_head else PAGE
        match path:
            case "/page":
                visit.answer(page)
            case "/latin":
                visit.answer("größer".encode("latin-1"), mime="text/html; charset=ISO-8859-1")
            case "/silent":
                wait_for_end(visit)
            case "/late":
                visit.over.wait(0.1)
                visit.answer(page)
            case "/head-405":
                visit.answer(page, status="405 Method Not Allowed" if is_head else "200 OK")
            case "/head-late":
                is_head and visit.over.wait(0.2)
                visit.answer(page, status="405 Method Not Allowed" if is_head else "200 OK")
            case "/head-404":
                visit.answer(page, status="404 Not Found" if is_head else "200 OK")
            case "/head-reset":
                reset(visit.connection) if is_head else visit.answer(page)
            case "/head-closed":
                is_head or visit.answer(page)
            case "/reset":
                reset(visit.connection)
            case "/closed":
                visit.send(b"HTTP/1.1 200 OK\r\nServ")
            case "/drip-head":
                visit.drip(b"a", first=b"HTTP/1.1 200 OK\r\nX-Key: ")
            case "/drip-body":
                visit.drip(b"a", first=b"HTTP/1.1 200 OK\r\n\r\n")
            case "/endless-line":
                visit.flood(b"a" * 1024, first=b"HTTP/1.1 200 OK\r\nX-Key: ")
            case "/endless-head":
                visit.flood(b"X-Key: 1\r\n" * 100, first=b"HTTP/1.1 200 OK\r\n")
            case "/endless-interim":
                visit.flood(b"HTTP/1.1 100 Continue\r\n\r\n" * 40)
            case "/gigabyte":
                visit.flood(
                    bytes(64 << 10), first=b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"
                )
            case "/crumbs":
                head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                visit.flood(b"1\r\na\r\n" * 1000, first=head)
            case "/bomb":
                visit.answer(BOMB, Content_Encoding="gzip")
            case "/gzip":
                visit.answer(gzip.compress(PAGE), Content_Encoding="gzip")
            case "/not-gzip":
                visit.answer(PAGE, Content_Encoding="gzip")
            case "/brotli":
                visit.answer(PAGE, Content_Encoding="br")
            case "/sloppy":
                visit.send(b"HTTP/1.1 200 OK\r\nContent Type: text/html\r\nno colon\r\n\r\n" + page)
            case "/sloppy-redirect":
                visit.send(b"HTTP/1.1 302\r\nX Y: 1\r\nLOCATION: /page\r\n\r\n")
            case "/no-status":
                visit.send(b"HTTP/1.1 fine\r\n\r\n")
            case "/banner":
                visit.send(b"SSH-2.0-OpenSSH_9.2\r\n")
                wait_for_end(visit)
            case _ if path.startswith("/on/"):  # always to another page
                visit.redirect(f"/on/{int(path.removeprefix('/on/')) + 1}")
            case _ if path.startswith("/away/"):  # to another port of this machine
                _, _, scheme, port = path.split("/")
                visit.redirect(f"{scheme}://127.0.0.1:{port}/page")


def wait_for_end(visit: Visit) -> None:
    """Say nothing until the other side closes."""
    while visit.connection.recv(4096):
        pass


def reset(connection: socket.socket) -> None:
    """Break a connection, so that the other side gets an error in place of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    while not condition():
        time.sleep(0.01)


def web_check(url: str, **more: Any) -> CheckSpec:
    return CheckSpec(1, CheckKind.HTTP, url, **({"timeout_ms": LIMIT_MS} | more))


def outcome_of(
    spec: CheckSpec,
    rules: AddressRules = ANYWHERE,
    *,
    names: Mapping[str, list[SocketAddress]] | None = None,
) -> Outcome:
    """Return the outcome of one try; nothing of it is left in the loop. `names` is the DNS."""

    async def run() -> Outcome:
        resolver = Resolver(names.__getitem__) if names else Resolver()
        outcome = await probe(spec, rules, resolver=resolver)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return outcome

    return asyncio.run(run())


@contextmanager
def port_that_does_not_answer() -> Iterator[int]:
    """Yield a port whose queue of connections is full, so that the next gets no answer."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        yield port
        for each in waiting:
            each.close()


@contextmanager
def refusing_port() -> Iterator[int]:
    """Yield a port on which nothing listens; it is kept, so that no other program does."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield int(kept.getsockname()[1])


class Authority:
    """A certificate authority of a home network, and what it issues, as files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._request("ca", "/O=Home/CN=Home CA", "-x509", "-days", "30")
        self.pem = (folder / "ca.pem").read_text()

    def issue(self, name: str, *, days: int = 30, alternative: str = "") -> ssl.SSLContext:
        """Return the context of a server whose certificate is for `name`."""
        names = f"subjectAltName={alternative or f'DNS:{name}'}"
        self._request(name, f"/CN={name}", "-addext", names)
        self._run(
            "x509", "-req", "-in", f"{name}.pem", "-out", f"{name}.pem", "-days", str(days),
            "-CA", "ca.pem", "-CAkey", "ca.key", "-copy_extensions", "copyall",
        )  # fmt: skip
        return self._context(name)

    def self_sign(self, name: str) -> ssl.SSLContext:
        """Return the context of a server whose certificate no authority issued."""
        self._request(name, f"/CN={name}", "-x509", "-days", "30")
        return self._context(name)

    def der(self, name: str) -> bytes:
        return ssl.PEM_cert_to_DER_cert((self._folder / f"{name}.pem").read_text())

    def _context(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        return context

    def _request(self, name: str, subject: str, *more: str) -> None:
        self._run(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-utf8",
            "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.pem", *more,
        )  # fmt: skip

    def _run(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self._folder, check=True, capture_output=True)
