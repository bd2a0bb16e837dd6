"""A destination that is a bucket of S3, or of anything that speaks it."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from launcher.backup.files import open_regular
from launcher.backup.records.text import readable
from launcher.offsite.limits import Limiter
from launcher.offsite.object_names import checked, folder_of, site_of
from launcher.offsite.receiving import receive
from launcher.offsite.records import Destination
from launcher.offsite.remote import OnBytes, RemoteObject
from launcher.offsite.s3_body import Body, is_same, reader_of
from launcher.offsite.s3_calls import Calls, no_answer
from launcher.offsite.s3_upload import PART_BYTES, Multipart
from launcher.offsite.troubles import RemoteError, Trouble

_SILENT_S = 30
_LIST_S = 300
_MOST_PAGES = 500  # half a million objects; the copies of ten years are some ten thousand


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
        folder = destination.options.get("folder", "").strip("/")
        self._folder = f"{folder}/" if folder else ""
        self._prefix = f"{self._folder}{folder_of(site)}/" if site else self._folder
        self._limiter = Limiter(destination.limit_bytes_s)
        self._calls = Calls(destination, limiter=self._limiter, silent_s=silent_s)

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
                Multipart(self._calls.call_with_body, key, file).upload(
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
                    raise no_answer("no Key")
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
            answer = self._calls.call("get_object", name=name, Key=key)
            if "ContentLength" not in answer:
                raise self._calls.no_service()
            return int(answer["ContentLength"]), self._calls.pieces(answer["Body"], name)

        receive(name, target, begin, on_bytes=on_bytes)

    def get_bytes(self, name: str, *, limit: int) -> bytes:
        """Download the start of an object."""
        key, wanted = self._prefix + checked(name), f"bytes=0-{limit - 1}"
        try:
            answer = self._calls.call("get_object", name=name, Key=key, Range=wanted)
        except RemoteError as error:
            if error.answer.startswith("416 "):
                return b""  # an empty object has no first byte
            raise
        # A service may ignore the range.
        return b"".join(self._calls.pieces(answer["Body"], name, limit=limit))[:limit]

    def delete(self, name: str) -> None:
        """Delete the object; where versions are kept, its older ones stay."""
        self._calls.call("delete_object", name=name, Key=self._prefix + checked(name))

    def free_bytes(self) -> int | None:
        """Return None: no service of this kind says it."""
        return None

    def clock_apart_s(self) -> float | None:
        """Return what the last answer said, to the second."""
        return self._calls.clock_apart_s

    def found_options(self) -> Mapping[str, str]:
        """Return nothing: boto finds the region each time."""
        return {}

    def close(self) -> None:
        """End the connections."""
        self._calls.close()

    # --- calls ---------------------------------------------------------------------------

    def _put_object(self, key: str, body: Body) -> None:
        md5 = base64.b64encode(body.md5()).decode()
        answer = self._calls.call_with_body(
            "put_object", body, field="ETag", Key=key, ContentMD5=md5
        )
        if not is_same(answer, body.md5()):
            raise RemoteError(Trouble.DIFFERENT, name=key.removeprefix(self._prefix))

    def _require_size(self, key: str, name: str, size_bytes: int) -> None:
        """Ask how large an object is now; a key that may only write is not allowed to know."""
        try:
            found = self._calls.call("head_object", name=name, Key=key).get("ContentLength")
        except RemoteError as error:
            if error.trouble is Trouble.DENIED:
                return
            raise
        if found != size_bytes:
            raise RemoteError(Trouble.CUT_SHORT, name=name)

    def _pages(self, **wanted: Any) -> Iterator[Any]:
        deadline_s, tokens = time.monotonic() + _LIST_S, set[str]()
        while True:
            answer = self._calls.call("list_objects_v2", **wanted)
            if time.monotonic() > deadline_s:
                raise RemoteError(Trouble.TIMED_OUT)
            if "IsTruncated" not in answer:  # boto reads any page as a list of nothing
                raise self._calls.no_service()
            yield answer
            if not answer.get("IsTruncated"):
                return
            token = answer.get("NextContinuationToken")
            if not token or token in tokens:  # it would never end
                raise no_answer("the same page again")
            if len(tokens) == _MOST_PAGES:
                raise no_answer("a list without end")
            tokens.add(token)
            wanted["ContinuationToken"] = token
