"""A destination that is a bucket of S3, or of anything that speaks it."""

from __future__ import annotations

import base64
import contextlib
import os
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from launcher.backup.files import open_regular
from launcher.backup.records.text import readable
from launcher.offsite.limits import Limiter
from launcher.offsite.object_names import checked, folder_of, site_of
from launcher.offsite.patience import Beat, patiently
from launcher.offsite.receiving import receive
from launcher.offsite.records import Destination
from launcher.offsite.remote import OnBytes, RemoteObject
from launcher.offsite.s3_body import Body, is_same, reader_of
from launcher.offsite.s3_client import new_client
from launcher.offsite.s3_errors import translated
from launcher.offsite.s3_options import endpoint_of
from launcher.offsite.s3_upload import PART_BYTES, Multipart
from launcher.offsite.troubles import RemoteError, Trouble

T = TypeVar("T")

_READ_BYTES = 1 << 18
_SILENT_S = 30
_LIST_S = 300
_ANSWER_S = 120.0  # for a whole answer, however slowly it comes
_PIECE_S = 60.0  # for each piece of a download: at least 4 KB a second
_WORK_BYTES_S = 5 << 20  # how fast a service puts the parts of an upload together
_MOST_REQUESTS = 6  # of one call: two tries, each sent to another region once


def open_s3(destination: Destination, *, site: str, silent_s: float = _SILENT_S) -> S3:
    """Return a bucket ready for calls.

    Args:
        destination: with the options `bucket`, `endpoint` ("" for Amazon), `folder`, `region` (""
            to find it), `path_style`, `ca_file`, and the secrets `key_id` and `secret`.
        site: whose copies; "" for the folder itself.
        silent_s: after so many seconds without a byte a call is given up.

    Raises:
        RemoteError: `WRONG_OPTIONS`.
    """
    options = destination.options
    for name in ("bucket", "key_id", "secret"):
        if not (destination.secrets if name != "bucket" else options).get(name):
            raise RemoteError(Trouble.WRONG_OPTIONS, option=name)
    ca_file = options.get("ca_file", "")
    if ca_file and not Path(ca_file).is_file():
        raise RemoteError(Trouble.WRONG_OPTIONS, option="ca_file")
    return S3(destination, site=site, silent_s=silent_s)


class S3:
    """Objects of one bucket below a folder.

    Every upload carries the MD5 of each of its parts, which every service of this kind checks.
    The newer checksums at the end of a body are not used: older services refuse them.
    """

    def __init__(self, destination: Destination, *, site: str, silent_s: float) -> None:
        self._destination = destination
        self._bucket = destination.options["bucket"]
        folder = destination.options.get("folder", "").strip("/")
        self._folder = f"{folder}/" if folder else ""
        self._prefix = f"{self._folder}{folder_of(site)}/" if site else self._folder
        self._endpoint = endpoint_of(destination.options)
        self._limiter = Limiter(destination.limit_bytes_s)
        self._silent_s = silent_s
        self._clock_apart_s: float | None = None
        self._now = threading.local()  # the `body` and the number of `requests` of a thread's call
        self._client = self._connect()

    def put(
        self,
        name: str,
        source: Path,
        *,
        on_bytes: OnBytes,
        resume: str = "",
        on_resume: Callable[[str], None] | None = None,
    ) -> None:
        """Upload the file, in parts where it is large; the object is there after the last."""
        key = self._prefix + checked(name)
        with open_regular(source) as file:
            size_bytes = os.fstat(file.fileno()).st_size
            if size_bytes <= PART_BYTES:
                read_at = reader_of(file)
                body = Body(
                    read_at, 0, size_bytes, self._limiter, lambda n: on_bytes(n, size_bytes)
                )
                self._put_object(key, body)
            else:
                Multipart(self._call_with_body, key, file).upload(
                    self._limiter, on_bytes, resume=resume, on_resume=on_resume
                )
        self._require_size(key, name, size_bytes)

    def has_confirmed(self) -> bool:
        """Return True: the service checked the MD5 of each part."""
        return True

    def put_bytes(self, name: str, data: bytes) -> None:
        """Upload a small object."""
        key = self._prefix + checked(name)
        self._put_object(key, Body.of_bytes(data, self._limiter))
        self._require_size(key, name, len(data))

    def list(self, folder: str = "") -> Iterator[RemoteObject]:
        """Yield the objects, a thousand an answer."""
        prefix = f"{self._prefix}{checked(folder)}/" if folder else self._prefix
        for answer in self._pages(Prefix=prefix):
            for each in answer.get("Contents", ()):
                if "Key" not in each or "Size" not in each:
                    raise _no_answer("no Key")
                name = readable(each["Key"].removeprefix(self._prefix))
                yield RemoteObject(name, each["Size"], each.get("LastModified"))

    def list_sites(self) -> Iterator[str]:
        """Yield the sites that have a folder here."""
        for answer in self._pages(Prefix=f"{self._folder}launcher-", Delimiter="/"):
            for each in answer.get("CommonPrefixes", ()):
                if site := site_of(each.get("Prefix", "").removeprefix(self._folder).rstrip("/")):
                    yield site

    def get(self, name: str, target: Path, *, on_bytes: OnBytes) -> None:
        """Download an object into a new file."""
        key = self._prefix + checked(name)

        def begin() -> tuple[int, Iterator[bytes]]:
            answer = self._call("get_object", name=name, Key=key)
            if "ContentLength" not in answer:
                raise self._no_service()
            return int(answer["ContentLength"]), self._pieces(answer["Body"], name)

        receive(name, target, begin, on_bytes=on_bytes)

    def get_bytes(self, name: str, *, limit: int) -> bytes:
        """Download the start of an object."""
        key, wanted = self._prefix + checked(name), f"bytes=0-{limit - 1}"
        try:
            answer = self._call("get_object", name=name, Key=key, Range=wanted)
        except RemoteError as error:
            if error.answer.startswith("416 "):
                return b""  # an empty object has no first byte
            raise
        # A service may ignore the range.
        return b"".join(self._pieces(answer["Body"], name, limit=limit))[:limit]

    def delete(self, name: str) -> None:
        """Delete the object; where versions are kept, its older ones stay."""
        self._call("delete_object", name=name, Key=self._prefix + checked(name))

    def free_bytes(self) -> int | None:
        """Return None: no service of this kind says it."""
        return None

    def clock_apart_s(self) -> float | None:
        """Return what the last answer said, to the second."""
        return self._clock_apart_s

    def found_options(self) -> Mapping[str, str]:
        """Return nothing: boto finds the region each time."""
        return {}

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    # --- calls ---------------------------------------------------------------------------

    def _put_object(self, key: str, body: Body) -> None:
        md5 = base64.b64encode(body.md5()).decode()
        answer = self._call_with_body("put_object", body, field="ETag", Key=key, ContentMD5=md5)
        if not is_same(answer, body.md5()):
            raise RemoteError(Trouble.DIFFERENT, name=key.removeprefix(self._prefix))

    def _no_service(self) -> RemoteError:
        return RemoteError(Trouble.WRONG_ADDRESS, detail=urlsplit(self._endpoint).hostname or "")

    def _require_size(self, key: str, name: str, size_bytes: int) -> None:
        """Ask how large an object is now; a key that may only write is not allowed to know."""
        try:
            found = self._call("head_object", name=name, Key=key).get("ContentLength")
        except RemoteError as error:
            if error.trouble is Trouble.DENIED:
                return
            raise
        if found != size_bytes:
            raise RemoteError(Trouble.CUT_SHORT, name=name)

    def _pages(self, **wanted: Any) -> Iterator[Any]:
        deadline_s, tokens = time.monotonic() + _LIST_S, set[str]()
        while True:
            answer = self._call("list_objects_v2", **wanted)
            if time.monotonic() > deadline_s:
                raise RemoteError(Trouble.TIMED_OUT)
            if "IsTruncated" not in answer:  # boto reads any page as a list of nothing
                raise self._no_service()
            yield answer
            if not answer.get("IsTruncated"):
                return
            token = answer.get("NextContinuationToken")
            if not token or token in tokens:  # it would never end
                raise _no_answer("the same page again")
            tokens.add(token)
            wanted["ContinuationToken"] = token

    def _pieces(self, body: Any, name: str, limit: int | None = None) -> Iterator[bytes]:
        """Yield what is downloaded, the connection being closed at the end or at an error."""
        most, done = self._limiter.piece_bytes(_READ_BYTES), 0
        deadline = time.monotonic() + _ANSWER_S
        with _closing(body):
            while limit is None or done < limit:
                left_s = _PIECE_S if limit is None else max(0.0, deadline - time.monotonic())
                with self._troubles("read", name):
                    piece = patiently(lambda _beat: body.read(most), silent_s=left_s)
                if not piece:
                    return
                self._limiter.take(len(piece))
                done += len(piece)
                yield piece

    def _call_with_body(
        self, verb: str, body: Body | None = None, *, field: str = "", work_bytes: int = 0,
        **wanted: Any,
    ) -> Any:  # fmt: skip
        """Call the service for an answer that has a field: a page of any server has none."""
        try:
            if body is not None:
                wanted["Body"] = body
            answer = self._call(verb, body, work_s=work_bytes / _WORK_BYTES_S, **wanted)
        except RemoteError:
            if body is not None and body.stopped_by is not None:
                raise body.stopped_by from None
            raise
        if field and field not in answer:
            raise self._no_service()
        return answer

    def _call(
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
                clock_apart_s=self._clock_apart_s,
            ) from None  # what boto raises may quote the request

    # --- the client ----------------------------------------------------------------------

    def _connect(self) -> Any:
        client = new_client(self._destination, silent_s=self._silent_s)
        client.meta.events.register("after-call.s3", self._read_clock)
        # Between these two a request is signed, for which its body is read as well.
        client.meta.events.register_first("request-created.s3", self._is_prepared)
        client.meta.events.register_last("request-created.s3", self._is_sent)
        return client

    def _read_clock(self, http_response: Any, **_more: object) -> None:
        with contextlib.suppress(ValueError, TypeError):
            there = parsedate_to_datetime(http_response.headers.get("date", ""))
            self._clock_apart_s = (there - datetime.now(UTC)).total_seconds()

    def _is_prepared(self, **_more: object) -> None:
        self._now.requests += 1
        if self._now.requests > _MOST_REQUESTS:  # boto follows a redirect to itself without end
            raise _no_answer("redirects without end")
        if self._now.body is not None:
            self._now.body.is_sent = False

    def _is_sent(self, **_more: object) -> None:
        if self._now.body is not None:
            self._now.body.is_sent = True


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


def _no_answer(detail: str) -> RemoteError:
    return RemoteError(Trouble.NO_ANSWER_KNOWN, detail=detail)
