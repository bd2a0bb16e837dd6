"""A large file as an upload in parts, which a later process can continue."""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, Protocol

from launcher.offsite.limits import Limiter
from launcher.offsite.remote import OnBytes
from launcher.offsite.s3_body import Body, is_same
from launcher.offsite.troubles import RemoteError, Trouble

PART_BYTES = 8 << 20
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
        there = self._there(resume) if resume else None
        if there is None:
            self._abort_left()
            answer = self._call("create_multipart_upload", field="UploadId", Key=self._key)
            resume = answer["UploadId"]
            there = {}
        if on_resume is not None:
            on_resume(resume)
        tags: list[dict[str, Any]] = []
        for part in self._parts():
            tag = self._send(part, resume, there, limiter, on_bytes)
            tags.append({"PartNumber": part.number, "ETag": tag})
        self._call(
            "complete_multipart_upload", field="ETag", Key=self._key, UploadId=resume,
            MultipartUpload={"Parts": tags}, work_bytes=self._size_bytes,
        )  # fmt: skip

    def _parts(self) -> Iterator[_Part]:
        size = max(PART_BYTES, -(-self._size_bytes // _MOST_PARTS))
        for index, start in enumerate(range(0, self._size_bytes, size)):
            yield _Part(index + 1, start, min(size, self._size_bytes - start))

    def _send(
        self, part: _Part, upload_id: str, there: dict[int, tuple[int, str]],
        limiter: Limiter, on_bytes: OnBytes,
    ) -> str:  # fmt: skip
        """Return the tag of a part that is there now."""
        body = Body(
            self._file, part.start, part.size_bytes, limiter,
            lambda sent: on_bytes(part.start + sent, self._size_bytes),
        )  # fmt: skip
        md5 = body.md5()
        size_bytes, tag = there.get(part.number, (-1, ""))
        if (size_bytes, tag.strip('"').lower()) == (part.size_bytes, md5.hex()):
            on_bytes(part.start + part.size_bytes, self._size_bytes)
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
