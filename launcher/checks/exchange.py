"""One HTTP request over one connection, with h11, and the head of its answer.

Everything that is received has a limit: the head, the number of its lines, the page. The deadline
is that of the attempt. gzip is not requested: a text would be looked for inside of it.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import h11

from launcher.checks.attempt import Attempt, CheckFailedError
from launcher.checks.connecting import reason_of
from launcher.checks.outcome import Phase, Reason
from launcher.checks.secure import tls_other
from launcher.checks.stream import Stream, StreamTooLongError
from launcher.fetching.target import Target

MAX_HEAD_BYTES = 32 << 10
_MAX_BYTES_UNTIL_HEAD = 2 * MAX_HEAD_BYTES  # with interim answers and the beginning of the body
_MAX_EVENTS = 10_000  # a chunk of one byte takes as long as a large one
_BEGINNING = b"HTTP/"
_STATUS_LINE = re.compile(rb"HTTP/1\.\d ([2-5]\d\d)(?: [^\r\n]*)?\r?\n")
_LOCATION = re.compile(rb"^location:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Head:
    """The head of an answer.

    Attributes:
        headers: by name in lower case; of several with one name the first.
        is_exact: False where the headers break the rules of HTTP. Browsers show such an answer all
            the same, so its code counts, but no body can be read.
    """

    code: int
    headers: Mapping[str, str]
    is_exact: bool = True


class _NotExactError(Exception):
    """What came breaks the rules of HTTP."""


@lru_cache(maxsize=1024)  # each check sends the same again and again
def _request(method: str, target: Target, headers: tuple[tuple[str, str], ...]) -> h11.Request:
    ours = {
        "user-agent": ("User-Agent", "Launcher"),
        "accept": ("Accept", "*/*"),
    }
    sent = ours | {name.lower(): (name, value) for name, value in headers}
    sent["host"] = ("Host", target.authority)
    fixed = [("Accept-Encoding", "identity"), ("Connection", "close")]
    return h11.Request(
        method=method,
        target=target.path,
        headers=[
            (name.encode("ascii"), value.encode("latin-1"))
            for name, value in (*sent.values(), *fixed)
        ],
    )


class Exchange:
    """A request on its way, and its answer as far as it came."""

    def __init__(self, stream: Stream, attempt: Attempt) -> None:
        self._stream = stream
        self._attempt = attempt
        self._state = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._events_left = _MAX_EVENTS
        self._raw_head = bytearray()

    async def send(self, method: str, target: Target, headers: Iterable[tuple[str, str]]) -> None:
        """Send a request with `headers`. They replace our `User-Agent` and `Accept`, never `Host`.

        Raises:
            CheckFailedError
        """
        request = _request(method, target, tuple(headers))
        content = (self._state.send(request) or b"") + (self._state.send(h11.EndOfMessage()) or b"")
        try:
            await self._stream.send(content)
        except (OSError, EOFError) as error:
            raise self._broken(error) from None

    async def head(self) -> Head:
        """Return the head of the answer; interim answers before it are skipped.

        Raises:
            CheckFailedError
        """
        try:
            while not isinstance(event := await self._next(), h11.Response):
                if not isinstance(event, h11.InformationalResponse):
                    raise CheckFailedError(Reason.RESET, phase=Phase.ANSWER.value)
        except _NotExactError:
            return self._inexact_head()
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in reversed(list(event.headers))
        }
        return Head(event.status_code, headers)

    async def part_of_body(self) -> bytes | None:
        """Return the next bytes of the body, None at its end, which may come too early.

        Raises:
            CheckFailedError
        """
        try:
            event = await self._next()
        except _NotExactError:
            raise CheckFailedError(Reason.NOT_HTTP) from None
        return bytes(event.data) if isinstance(event, h11.Data) else None

    async def _next(self) -> object:
        self._events_left -= 1
        if self._events_left < 0:
            raise self._too_large()
        try:
            while (event := self._state.next_event()) is h11.NEED_DATA:
                received = await self._stream.receive()
                self._examine(received)
                self._state.receive_data(received)
        except h11.RemoteProtocolError as error:
            if error.error_status_hint == 431:
                raise self._too_large() from None
            raise _NotExactError from None
        except StreamTooLongError:
            raise self._too_large() from None
        except (OSError, EOFError) as error:
            raise self._broken(error) from None
        return event

    def _examine(self, received: bytes) -> None:
        """Find out early what is no answer: h11 waits for the end of a line.

        Raises:
            CheckFailedError
        """
        if self._attempt.phase is not Phase.ANSWER:
            return
        if not received:
            raise CheckFailedError(Reason.RESET, phase=Phase.ANSWER.value)
        self._attempt.has_answer_begun = True
        self._raw_head += received
        if len(self._raw_head) > _MAX_BYTES_UNTIL_HEAD:
            raise self._too_large()
        if not _BEGINNING.startswith(self._raw_head[: len(_BEGINNING)]):
            raise CheckFailedError(Reason.NOT_HTTP)

    def _inexact_head(self) -> Head:
        """Raises CheckFailedError: not even the status line is one."""
        status = _STATUS_LINE.match(self._raw_head)
        if status is None:
            raise CheckFailedError(Reason.NOT_HTTP)
        location = _LOCATION.search(self._raw_head.partition(b"\r\n\r\n")[0])
        headers = {"location": location[1].decode("latin-1")} if location else {}
        return Head(int(status[1]), headers, is_exact=False)

    def _too_large(self) -> CheckFailedError:
        if self._attempt.phase is Phase.BODY:
            return CheckFailedError(Reason.TOO_LARGE, limit_kb=1024)
        return CheckFailedError(Reason.HEAD_TOO_LARGE, limit_kb=MAX_HEAD_BYTES >> 10)

    def _broken(self, error: OSError | EOFError) -> CheckFailedError:
        """Return the reason why the connection ended."""
        if isinstance(error, TimeoutError):
            return self._attempt.out_of_time()
        if isinstance(error, ssl.SSLError):  # as where it wants a certificate of ours
            return tls_other(error)
        reason = reason_of(error) if isinstance(error, OSError) else Reason.RESET
        return CheckFailedError(reason, phase=self._attempt.phase.value)
