"""`Idempotency-Key`: a call that is sent again begins nothing again, and gets the same operation.

What a key began is in a file for a day, outside of the database: every worker finds it, after a
restart and after a restore too. The file is written before the work begins, and removed when the
work was refused, so that the key is free again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path

import msgspec
from flask import request

from launcher.api.door import Answer, Call
from launcher.api.problems import Problem
from launcher.api.started import StartedOperation, started
from launcher.background.follow_tokens import MAX_AGE_S, remove_old
from launcher.backup.codec import DecodeError, decode, encode, parse
from launcher.backup.files import disk_errors
from launcher.backup.records.ids import new_operation_id
from launcher.backup.records.operation import Verb
from launcher.current import current_backups, current_config

HEADER = "Idempotency-Key"
ABOUT = (
    "A text of your choice without a comma, up to 200 characters. For a day, "
    "the same request with the same key gets the same operation and starts no "
    "other."
)
_MAX_CHARACTERS = 200
_OUTER, _INNER = "!-+.-~", " -+.-~"  # no comma: two headers arrive as one, with it in between
SCHEMA = {
    "type": "string",
    "pattern": f"^[{_OUTER}-]([{_INNER}-]{{0,{_MAX_CHARACTERS - 2}}}[{_OUTER}-])?$",
}
CODES = ("idempotency_in_progress", "idempotency_mismatch", "store_unavailable")

_SETTLES_S = 3.0
_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a key began.

    Attributes:
        request: the hash of method, path, query and body.
        operation_id: its operation, which may not have begun when its worker was killed.
        status: of the answer; 0 while there is none.
        verb, by: of the operation; `verb` is None for work that is no operation on backups.
        headers, body: the answer of such work.
    """

    request: str
    operation_id: str
    status: int = 0
    verb: Verb | None = None
    by: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


def digest_of(content: bytes) -> str:
    """Return the hash of a body, as `once` takes it."""
    return hashlib.sha256(content).hexdigest()


def once(call: Call, body_sha256: str, begin: Callable[[Call], Answer]) -> Answer:
    """Return what `begin` answers, or where the operation stands that this key began before.

    `begin` gets the call with an `operation_id`, under which it begins its work.

    Raises:
        Problem: the key came with another request, or is being used right now.
        InsufficientSpaceError, StoreUnavailableError: the key cannot be kept, so nothing began.
        whatever `begin` raises; the key is free again unless its work has begun.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return begin(replace(call, operation_id=new_operation_id()))
    _require_fit(key)
    asked = _request_digest(body_sha256)
    with _held(_path(call, key)) as file:
        kept = file.read()
        if kept is not None and kept.request != asked:
            raise Problem("idempotency_mismatch")
        if kept is not None and (answer := _again(kept)):
            return answer
        kept = _Kept(asked, new_operation_id())
        with disk_errors("keep an Idempotency-Key"):
            file.write(kept)
        try:
            answer = begin(replace(call, operation_id=kept.operation_id))
        except BaseException:
            if current_backups().operation(kept.operation_id) is None:
                file.remove()
            raise
        # Where it cannot be kept, the next request finds the operation all the same.
        with contextlib.suppress(OSError):
            file.write(_answered(kept, answer))
        return answer


def _answered(kept: _Kept, answer: Answer) -> _Kept:
    status = answer.status or HTTPStatus.ACCEPTED
    if isinstance(answer.result, StartedOperation):
        # Not its body: that has a follow token.
        return replace(kept, status=status, verb=answer.result.verb, by=answer.result.by)
    body = msgspec.json.encode(answer.result).decode()
    return replace(kept, status=status, headers=dict(answer.headers), body=body)


def _again(kept: _Kept) -> Answer | None:
    """Return the answer to a request that came before, None when its work never began."""
    if kept.status and kept.verb is None:
        return Answer(msgspec.Raw(kept.body.encode()), kept.status, kept.headers)
    if kept.status and kept.verb is not None:
        return started(kept.operation_id, verb=kept.verb, by=kept.by)
    # Its worker was killed; the process of the operation may be starting still.
    deadline = time.monotonic() + _SETTLES_S
    while (found := current_backups().operation(kept.operation_id)) is None:
        if time.monotonic() >= deadline:
            return None
        time.sleep(_POLL_S)
    return started(kept.operation_id, verb=found.verb, by=found.by)


def _require_fit(key: str) -> None:
    if "," in key:
        raise Problem(
            "invalid_field", f"{HEADER}: it is sent once, and has no comma.", field=HEADER
        )
    if not 1 <= len(key) <= _MAX_CHARACTERS or not (key.isascii() and key.isprintable()):
        raise Problem(
            "invalid_field",
            f"{HEADER}: it is not 1 to {_MAX_CHARACTERS} printable ASCII characters.",
            field=HEADER,
        )


def _request_digest(body_sha256: str) -> str:
    sent = [request.method, request.path, request.query_string.decode("latin-1"), body_sha256]
    return digest_of(json.dumps(sent).encode())


def _path(call: Call, key: str) -> Path:
    """Return the file of a key. Each token has keys of its own; nothing sent becomes a path."""
    assert call.token is not None  # noqa: S101 (a follow token begins nothing)
    name = digest_of(f"{call.token.token_sha256} {key}".encode())
    return current_config().idempotency_dir / f"{name}.json"


class _File:
    """The file of a key, locked by this request."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    def read(self) -> _Kept | None:
        """Return what is kept, None for nothing, or when its day is over."""
        if time.time() - os.fstat(self._descriptor).st_mtime > MAX_AGE_S:
            return None
        try:
            return decode(_Kept, parse(os.pread(self._descriptor, 1 << 20, 0)))
        except DecodeError:  # it is new, or its writer was killed before the work began
            return None

    def write(self, kept: _Kept) -> None:
        """Keep this, durably."""
        data = json.dumps(encode(kept)).encode()
        os.pwrite(self._descriptor, data, 0)
        os.ftruncate(self._descriptor, len(data))
        os.fsync(self._descriptor)

    def remove(self) -> None:
        """Free the key."""
        with contextlib.suppress(OSError):
            self._path.unlink()


@contextlib.contextmanager
def _held(path: Path) -> Iterator[_File]:
    """Hold the lock of the file of a key, which is created where there is none.

    The kernel releases it when a worker is killed.
    """
    with disk_errors("keep an Idempotency-Key"):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        remove_old(path.parent)
        descriptor = _open_locked(path)
    try:
        yield _File(path, descriptor)
    finally:
        os.close(descriptor)


def _open_locked(path: Path) -> int:
    while True:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_there(path, descriptor):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise Problem("idempotency_in_progress", headers={"Retry-After": "1"}) from None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # it was removed before it was locked


def _is_there(path: Path, descriptor: int) -> bool:
    """Whether an open file still is the one at `path`."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
