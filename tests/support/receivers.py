"""Those who are told: a real HTTP server and a real SMTP server on this machine."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast


@dataclass(frozen=True, slots=True)
class Received:
    """One request."""

    method: str
    path: str
    body: str


@dataclass
class Receiver:
    """What arrived, and how it is answered: by a status, or by anything done to the handler."""

    received: list[Received] = field(default_factory=list)
    status: int = 200
    answer: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    instead: Callable[[BaseHTTPRequestHandler], None] | None = None
    port: int = 0

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def bodies(self) -> list[str]:
        return [each.body for each in self.received]

    @property
    def paths(self) -> list[str]:
        return [each.path for each in self.received]


@contextmanager
def http_receiver() -> Iterator[Receiver]:
    """Listen until the end of the block."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length).decode()
            receiver.received.append(Received(self.command, self.path, body))
            if receiver.instead:
                receiver.instead(self)
                return
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(receiver.answer)))
            self.end_headers()
            self.wfile.write(receiver.answer)

        do_GET = do_POST = do_PUT = handle_any  # noqa: N815

        def log_message(self, *_args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_args: object) -> None:
            """Whoever asks may be killed in the middle of it."""

    with Server(("127.0.0.1", 0), Handler) as server:
        receiver.port = server.server_address[1]
        yield from _serving(server, receiver)


@dataclass
class MailServer:
    """What was delivered, and to whom."""

    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    is_full: bool = False
    port: int = 0

    def text(self, number: int) -> str:
        """Return the words of a mail."""
        part = self.mails[number].get_body(("plain",))
        assert part is not None, self.mails[number]
        return cast("str", part.get_content())


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Take mail until the end of the block, as much of RFC 5321 as a sender needs."""
    mailbox = MailServer()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 here")
            while line := self.rfile.readline().decode().strip():
                verb = line[:4].upper()
                if verb == "DATA":
                    self.say("354 go on")
                    self.take()
                elif verb == "RCPT":
                    mailbox.recipients.append(line.partition("<")[2].partition(">")[0])
                    self.say("552 full" if mailbox.is_full else "250 yes")
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 yes")

        def take(self) -> None:
            lines = []
            while (line := self.rfile.readline()) not in {b".\r\n", b""}:
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            mail = message_from_bytes(b"".join(lines), policy=policy.default)
            mailbox.mails.append(cast("EmailMessage", mail))
            self.say("250 taken")

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        mailbox.port = server.server_address[1]
        yield from _serving(server, mailbox)


def _serving(server: socketserver.BaseServer, what: object) -> Iterator[object]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield what
    finally:
        server.shutdown()
        thread.join()
