"""The calls to one bucket: each with a deadline, and its failure as a trouble.

boto retries, follows a bucket to its region and waits for each byte. It is held to a few requests,
and to a whole answer in time.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import OK
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from launcher.offsite.limits import Limiter
from launcher.offsite.patience import Beat, patiently
from launcher.offsite.records import Destination
from launcher.offsite.s3_body import Body
from launcher.offsite.s3_client import new_client
from launcher.offsite.s3_errors import translated
from launcher.offsite.s3_options import endpoint_of
from launcher.offsite.troubles import RemoteError, Trouble

_READ_BYTES = 1 << 18
_ANSWER_S = 120.0  # for a whole answer, however slowly it comes
_PIECE_S = 60.0  # for each piece of a download: at least 4 KB a second
_WORK_BYTES_S = 5 << 20  # how fast a service puts the parts of an upload together
_MOST_REQUESTS = 6  # of one call: two tries, each sent to another region once


class Calls:
    """What is asked of one bucket.

    Attributes:
        clock_apart_s: by how much the clock of the service is ahead of ours, as the last answer
            said.
    """

    def __init__(self, destination: Destination, *, limiter: Limiter, silent_s: float) -> None:
        """
        Args:
            destination: as `open_s3` takes it.
            limiter: of what is downloaded.
            silent_s: after so many seconds without a byte a call is given up.

        Raises:
            RemoteError: `WRONG_OPTIONS`.
        """
        self._bucket = destination.options["bucket"]
        self._endpoint = endpoint_of(destination.options)
        self._limiter = limiter
        self.clock_apart_s: float | None = None
        self._now = threading.local()  # the `body` and the number of `requests` of a thread's call
        self._client = self._connect(destination, silent_s)

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def call(
        self, verb: str, body: Body | None = None, *, name: str = "", work_s: float = 0.0,
        **wanted: Any,
    ) -> Any:  # fmt: skip
        """Call the service; boto follows it to the region of the bucket.

        The deadline of the answer counts from the last byte that was sent.

        Args:
            verb: of boto.
            body: what is sent, if it is not in memory.
            name: of the object, for the words of a failure.
            work_s: how many seconds more the service may work before it answers.
            wanted: what the verb takes.

        Raises:
            RemoteError
        """

        def call(beat: Beat) -> Any:
            self._now.body, self._now.requests = body, 0
            if body is not None:
                body.beat = beat
            return getattr(self._client, verb)(Bucket=self._bucket, **wanted)

        with self._troubles(verb.partition("_")[0], name):
            return patiently(call, silent_s=_ANSWER_S + work_s)

    def call_with_body(
        self, verb: str, body: Body | None = None, *, field: str = "", work_bytes: int = 0,
        **wanted: Any,
    ) -> Any:  # fmt: skip
        """Call the service for an answer that has a field: a page of any server has none."""
        try:
            if body is not None:
                wanted["Body"] = body
            answer = self.call(verb, body, work_s=work_bytes / _WORK_BYTES_S, **wanted)
        except RemoteError:
            if body is not None and body.stopped_by is not None:
                raise body.stopped_by from None
            raise
        if field and field not in answer:
            raise self.no_service()
        return answer

    def pieces(self, body: Any, name: str, limit: int | None = None) -> Iterator[bytes]:
        """Yield what is downloaded, the connection being closed at the end or at an error."""
        most, done = self._limiter.piece_bytes(_READ_BYTES), 0
        deadline = time.monotonic() + _ANSWER_S

        def read(beat: Beat) -> Any:
            try:
                piece = body.read(most)
                beat()
            except BaseException:
                body.close()  # no one else does, where no one waits for it any longer
                raise
            return piece

        with _closing(body):
            while limit is None or done < limit:
                left_s = _PIECE_S if limit is None else max(0.0, deadline - time.monotonic())
                with self._troubles("read", name):
                    piece = patiently(read, silent_s=left_s)
                if not piece:
                    return
                self._limiter.take(len(piece))
                done += len(piece)
                yield piece

    def no_service(self) -> RemoteError:
        """Return that no service of this kind is at the address."""
        return RemoteError(Trouble.WRONG_ADDRESS, detail=urlsplit(self._endpoint).hostname or "")

    @contextlib.contextmanager
    def _troubles(self, action: str, name: str) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError, HTTPClientError, ValueError, ssl.SSLError) as error:
            raise translated(
                error,
                action={"head": "read", "get": "read", "put": "write"}.get(action, action),
                name=name,
                bucket=self._bucket,
                endpoint=self._endpoint,
                clock_apart_s=self.clock_apart_s,
            ) from None  # what boto raises may quote the request

    def _connect(self, destination: Destination, silent_s: float) -> Any:
        client = new_client(destination, silent_s=silent_s)
        client.meta.events.register("after-call.s3", self._read_answer)
        # Between these two a request is signed, for which its body is read as well.
        client.meta.events.register_first("request-created.s3", self._is_prepared)
        client.meta.events.register_last("request-created.s3", self._is_sent)
        return client

    def _read_answer(self, http_response: Any, parsed: Any, **_more: object) -> None:
        status = http_response.raw.status
        if status == OK and parsed.get("Error", {}).get("Code") == "500":
            parsed["ResponseMetadata"]["HTTPStatusCode"] = status  # boto says 500 of no XML as well
        with contextlib.suppress(ValueError, TypeError):
            there = parsedate_to_datetime(http_response.headers.get("date", ""))
            self.clock_apart_s = (there - datetime.now(UTC)).total_seconds()

    def _is_prepared(self, **_more: object) -> None:
        self._now.requests += 1
        if self._now.requests > _MOST_REQUESTS:  # boto follows a redirect to itself without end
            raise no_answer("redirects without end")
        if self._now.body is not None:
            self._now.body.is_sent = False

    def _is_sent(self, **_more: object) -> None:
        if self._now.body is not None:
            self._now.body.is_sent = True


def no_answer(detail: str) -> RemoteError:
    """Return that an answer makes no sense."""
    return RemoteError(Trouble.NO_ANSWER_KNOWN, detail=detail)


@contextlib.contextmanager
def _closing(body: Any) -> Iterator[None]:
    """End a connection, but not one in which a read waits: its end would wait for that."""
    is_stuck = False
    try:
        yield
    except RemoteError as error:
        is_stuck = error.trouble is Trouble.TIMED_OUT
        raise
    finally:
        if not is_stuck:
            body.close()
