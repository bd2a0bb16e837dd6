"""A large file as an upload in parts, which a later process can continue."""

from __future__ import annotations

import base64
import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, Protocol

from launcher.offsite.limits import Limiter
from launcher.offsite.remote import OnBytes
from launcher.offsite.s3_body import Body, is_same, reader_of
from launcher.offsite.troubles import RemoteError, Trouble

PART_BYTES = 8 << 20
PARTS_AT_ONCE = 4
"""So many parts are sent at once: a service takes a moment for each before it answers."""
_MOST_PARTS = 10_000
_LEFT = timedelta(days=1)


class Call(Protocol):
    """Calls the service."""

    def __call__(
        self, verb: str, body: Body | None = None, *, field: str = "", work_bytes: int = 0,
        **wanted: Any,
    ) -> Any:  # fmt: skip
        """Return the answer, which has the field where one is named, or raise `RemoteError`.

        `work_bytes`: so much the service may have to read before it answers.
        """


@dataclass(frozen=True, slots=True)
class _Part:
    number: int
    start: int
    size_bytes: int


class _StoppedError(Exception):
    """Another part failed."""


class _Progress:
    """Adds up what is sent of all parts, whichever thread sends them."""

    def __init__(self, on_bytes: OnBytes, total: int) -> None:
        self._on_bytes, self._total = on_bytes, total
        self._sent: dict[int, int] = {}
        self._done = 0
        self._is_stopped = False
        self._lock = threading.Lock()

    def report(self, number: int, sent: int) -> None:
        """Report that so many bytes of a part are there; raise where sending is to end."""
        with self._lock:
            if self._is_stopped:
                raise _StoppedError
            self._done += sent - self._sent.get(number, 0)
            self._sent[number] = sent
            self._on_bytes(self._done, self._total)

    def stop(self) -> None:
        """End every part at its next byte."""
        self._is_stopped = True


class Multipart:
    """One upload in parts. Until its end there is no object, or the one from before."""

    def __init__(self, call: Call, key: str, file: BinaryIO) -> None:
        self._call = call
        self._key = key
        self._file = file
        self._size_bytes = os.fstat(file.fileno()).st_size

    def upload(
        self,
        limiter: Limiter,
        on_bytes: OnBytes,
        *,
        resume: str,
        on_resume: Callable[[str], None] | None,
    ) -> None:
        """Send what is not there yet, and put it together.

        Args:
            limiter: of the speed.
            on_bytes: gets what is sent and what was there before.
            resume: the id of an upload that was interrupted, "" for none.
            on_resume: gets the id of this one.

        Raises:
            RemoteError
        """
        before = resume
        there = self._there(resume) if resume else None
        if there is None:
            self._abort_left()
            answer = self._call("create_multipart_upload", field="UploadId", Key=self._key)
            resume = answer["UploadId"]
            there = {}
        if on_resume is not None:
            on_resume(resume)
        progress = _Progress(on_bytes, self._size_bytes)
        # Over a line that breaks off often, four unfinished parts would never get there.
        at_once = 1 if limiter.is_on or before else PARTS_AT_ONCE
        tags = self._send_all(
            at_once, progress, lambda part: self._send(part, resume, there, limiter, progress)
        )
        self._call(
            "complete_multipart_upload", field="ETag", Key=self._key, UploadId=resume,
            MultipartUpload={"Parts": tags}, work_bytes=self._size_bytes,
        )  # fmt: skip

    def _parts(self) -> Iterator[_Part]:
        size = max(PART_BYTES, -(-self._size_bytes // _MOST_PARTS))
        for index, start in enumerate(range(0, self._size_bytes, size)):
            yield _Part(index + 1, start, min(size, self._size_bytes - start))

    def _send_all(
        self, at_once: int, progress: _Progress, send: Callable[[_Part], str]
    ) -> Sequence[Mapping[str, Any]]:
        """Send all parts, some of them at once; return their tags in order.

        The first one that fails ends the others.
        """
        pool = ThreadPoolExecutor(at_once)
        try:
            sent = {pool.submit(send, part): part.number for part in self._parts()}
            tags = {sent[each]: each.result() for each in as_completed(sent)}
        except BaseException:
            progress.stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
        return [{"PartNumber": number, "ETag": tags[number]} for number in sorted(tags)]

    def _send(
        self, part: _Part, upload_id: str, there: Mapping[int, tuple[int, str]],
        limiter: Limiter, progress: _Progress,
    ) -> str:  # fmt: skip
        """Return the tag of a part that is there now."""
        body = Body(
            reader_of(self._file), part.start, part.size_bytes, limiter,
            lambda sent: progress.report(part.number, sent),
        )  # fmt: skip
        md5 = body.md5()
        size_bytes, tag = there.get(part.number, (-1, ""))
        if (size_bytes, tag.strip('"').lower()) == (part.size_bytes, md5.hex()):
            progress.report(part.number, part.size_bytes)
            return tag
        answer = self._call(
            "upload_part", body, field="ETag", Key=self._key, UploadId=upload_id,
            PartNumber=part.number, ContentMD5=base64.b64encode(md5).decode(),
        )  # fmt: skip
        if not is_same(answer, md5):
            raise RemoteError(Trouble.DIFFERENT, name=self._key.rpartition("/")[2])
        return str(answer["ETag"])

    def _there(self, upload_id: str) -> dict[int, tuple[int, str]] | None:
        """Return size and tag of the parts of an upload; None where it is not known any more."""
        found: dict[int, tuple[int, str]] = {}
        marker = 0
        while True:
            try:
                answer = self._call(
                    "list_parts",
                    Key=self._key,
                    UploadId=upload_id,
                    PartNumberMarker=marker,
                )
            except RemoteError as error:
                if error.trouble in {Trouble.NOT_THERE, Trouble.DENIED}:
                    return None
                raise
            for each in answer.get("Parts", ()):
                found[each["PartNumber"]] = (each["Size"], each["ETag"])
            if not answer.get("IsTruncated") or answer["NextPartNumberMarker"] <= marker:
                return found
            marker = answer["NextPartNumberMarker"]

    def _abort_left(self) -> None:
        """End uploads that no one will continue, as they cost money and no list shows them.

        Those of this object, and those of this folder that are older than a day. A service that
        does not know the calls, or a key that may not make them, leaves them there.
        """
        folder = self._key.rpartition("/")[0] + "/"
        with contextlib.suppress(RemoteError):
            answer = self._call("list_multipart_uploads", Prefix=folder)
            for each in answer.get("Uploads", ()):
                key, began = str(each["Key"]), each.get("Initiated") or datetime.now(UTC)
                is_old = datetime.now(UTC) - began > _LEFT
                if key == self._key or (is_old and key.startswith(folder)):
                    self._call("abort_multipart_upload", Key=key, UploadId=each["UploadId"])
