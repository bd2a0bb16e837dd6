"""One request over a connection to an address that was judged.

Every wait shares one deadline, and everything that is received has a limit, so no server holds a
thread for longer or fills the memory. Nothing is sent that a stranger could not send: no cookies,
no credentials, no address of this site.
"""

from __future__ import annotations

import socket
import ssl
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

import h11

from launcher.fetching.addresses import AddressRules, Reach, reach_of
from launcher.fetching.names import SocketAddress, resolve
from launcher.fetching.problems import Deadline, FetchError, Problem
from launcher.fetching.target import Target

MAX_HEAD_BYTES = 32 << 10
MAX_HEADERS = 200
_MAX_TRIED = 4
_MAX_EVENTS = 20_000
_CHUNK_BYTES = 16 << 10

Enough = Callable[[bytearray, int], bool]
"""Whether a body needs no further bytes; the number is where those that just came begin."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server sent. `is_whole` is False where `body` was cut at its limit or at `enough`."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool


def request(
    target: Target,
    *,
    rules: AddressRules,
    deadline: Deadline,
    max_bytes: int,
    enough: Enough = lambda _body, _start: False,
) -> Answer:
    """Send one GET and return its answer; the connection is closed afterwards.

    The name is resolved once, every address is judged, and the connection is made to the judged
    address itself. The certificate of a private address is not verified: no authority issues one
    for most of them.

    Raises:
        FetchError
    """
    with _connect(target, rules, deadline) as connection:
        try:
            return _exchange(connection, target, deadline, max_bytes, enough)
        except TimeoutError:
            raise FetchError(Problem.NO_ANSWER) from None
        except (h11.ProtocolError, OSError):
            raise FetchError(Problem.NOT_A_PAGE) from None


def _connect(target: Target, rules: AddressRules, deadline: Deadline) -> socket.socket:
    """Return a connection to the first allowed address that accepts one.

    Raises:
        FetchError: of the first address, when none may be connected to.
    """
    found = resolve(target.host, target.port, deadline)
    judged = [(address, rules.problem_of(address[0], target.port)) for address in found]
    allowed = [address for address, problem in judged if problem is None][:_MAX_TRIED]
    if not allowed:
        raise FetchError(judged[0][1] or Problem.REFUSED_ADDRESS)
    connection, address = _first_connection(allowed, deadline)
    if not target.is_tls:
        return connection
    is_private = reach_of(address[0]) is Reach.PRIVATE
    try:
        connection.settimeout(deadline.left_s())
        return _context(verified=not is_private).wrap_socket(
            connection, server_hostname=target.host
        )
    except TimeoutError:
        connection.close()
        raise FetchError(Problem.NO_ANSWER) from None
    except (OSError, ValueError):  # the latter for a name that cannot be one of a certificate
        connection.close()
        raise FetchError(Problem.TLS) from None
    except BaseException:
        connection.close()
        raise


def _first_connection(
    addresses: Sequence[SocketAddress], deadline: Deadline
) -> tuple[socket.socket, SocketAddress]:
    problem = Problem.NOT_REACHED
    for number, address in enumerate(addresses):
        # Each gets its share, so that one that never answers leaves time for the others.
        share_s = deadline.left_s() / (len(addresses) - number)
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(share_s)
        try:
            connection.connect(address)
        except TimeoutError:
            problem = Problem.NO_ANSWER
        except (OSError, OverflowError):
            problem = Problem.NOT_REACHED
        else:
            return connection, address
        connection.close()
    raise FetchError(problem)


@cache
def _context(*, verified: bool) -> ssl.SSLContext:
    """Return a context, which is made once: it reads all authorities of the system."""
    context = ssl.create_default_context()
    if not verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _exchange(
    connection: socket.socket,
    target: Target,
    deadline: Deadline,
    max_bytes: int,
    enough: Enough,
) -> Answer:
    state = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
    headers = [
        ("Host", target.authority),
        ("User-Agent", "Launcher"),
        ("Accept", "text/html,application/xhtml+xml,image/*;q=0.9,*/*;q=0.8"),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
    ]
    asked = h11.Request(method="GET", target=target.path, headers=headers)
    connection.settimeout(deadline.left_s())
    connection.sendall((state.send(asked) or b"") + (state.send(h11.EndOfMessage()) or b""))
    reader = _Reader(connection, state, deadline, max_raw_bytes=max_bytes + (256 << 10))
    response = reader.response()
    kept = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
    }
    body, is_whole = reader.body(max_bytes, _Decoder.of(kept.get("content-encoding", "")), enough)
    return Answer(response.status_code, kept, body, is_whole)


class _Reader:
    """The events of one answer, as far as they come before the deadline and within the limit."""

    def __init__(
        self, connection: socket.socket, state: h11.Connection, deadline: Deadline, *,
        max_raw_bytes: int,
    ) -> None:  # fmt: skip
        self._connection = connection
        self._state = state
        self._deadline = deadline
        self._raw_bytes_left = max_raw_bytes
        self._events_left = _MAX_EVENTS  # a chunk of one byte takes as long as a large one

    def response(self) -> h11.Response:
        """Return the head; interim answers before it are skipped."""
        while not isinstance(event := self._next(), h11.Response):
            if not isinstance(event, h11.InformationalResponse):
                raise FetchError(Problem.NOT_A_PAGE)
        if len(event.headers) > MAX_HEADERS:
            raise FetchError(Problem.NOT_A_PAGE)
        return event

    def body(self, max_bytes: int, decoder: _Decoder, enough: Enough) -> tuple[bytes, bool]:
        """Return the decoded body and whether it is whole."""
        body = bytearray()
        while isinstance(event := self._next(), h11.Data):
            start = len(body)
            body += decoder.decode(bytes(event.data), max_bytes + 1 - start)
            if len(body) > max_bytes:
                return bytes(body[:max_bytes]), False
            if enough(body, start):
                return bytes(body), False
        return bytes(body), True

    def _next(self) -> object:
        while (event := self._state.next_event()) is h11.NEED_DATA:
            self._connection.settimeout(self._deadline.left_s())
            received = self._connection.recv(_CHUNK_BYTES)
            self._raw_bytes_left -= len(received)
            if self._raw_bytes_left < 0:
                raise FetchError(Problem.TOO_LARGE)
            self._state.receive_data(received)
        self._deadline.left_s()
        self._events_left -= 1
        if self._events_left < 0:
            raise FetchError(Problem.TOO_LARGE)
        return event


class _Decoder:
    """Undoes gzip, which some servers send unasked. Never more than what is asked for comes out."""

    def __init__(self, unpacker: zlib._Decompress | None = None) -> None:
        self._unpacker = unpacker

    @classmethod
    def of(cls, encoding: str) -> _Decoder:
        """Return the one for a header `Content-Encoding`.

        Raises:
            FetchError: it is another than gzip; `NOT_A_PAGE`.
        """
        match encoding.strip().lower():
            case "" | "identity":
                return cls()
            case "gzip" | "x-gzip":
                return cls(zlib.decompressobj(wbits=31))
        raise FetchError(Problem.NOT_A_PAGE)

    def decode(self, content: bytes, max_bytes: int) -> bytes:
        """Return what `content` stands for, at most `max_bytes` of it."""
        if self._unpacker is None:
            return content[:max_bytes]
        with suppress(zlib.error):
            return self._unpacker.decompress(content, max_bytes)
        raise FetchError(Problem.NOT_A_PAGE)
