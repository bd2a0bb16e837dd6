"""What boto reports, as a trouble."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from botocore import exceptions as boto

from launcher.offsite.connecting import trouble_of_connection
from launcher.offsite.troubles import RemoteError, Trouble

_BY_CODE = {
    "InvalidAccessKeyId": Trouble.UNKNOWN_KEY,
    "UnknownAccessKeyId": Trouble.UNKNOWN_KEY,
    "InvalidClientTokenId": Trouble.UNKNOWN_KEY,
    "SignatureDoesNotMatch": Trouble.WRONG_SECRET,
    "RequestTimeTooSkewed": Trouble.CLOCK,
    "RequestExpired": Trouble.CLOCK,
    "AccessDenied": Trouble.DENIED,
    "AllAccessDisabled": Trouble.DENIED,
    "AccountProblem": Trouble.DENIED,
    "InvalidObjectState": Trouble.DENIED,
    "ObjectLocked": Trouble.DENIED,
    "NoSuchBucket": Trouble.NO_BUCKET,
    "InvalidBucketName": Trouble.NO_BUCKET,
    "PermanentRedirect": Trouble.WRONG_REGION,
    "TemporaryRedirect": Trouble.WRONG_REGION,
    "AuthorizationHeaderMalformed": Trouble.WRONG_REGION,
    "IllegalLocationConstraintException": Trouble.WRONG_REGION,
    "InvalidRegion": Trouble.WRONG_REGION,
    "NoSuchKey": Trouble.NOT_THERE,
    "NoSuchUpload": Trouble.NOT_THERE,
    "NoSuchVersion": Trouble.NOT_THERE,
    "SlowDown": Trouble.BUSY,
    "ServiceUnavailable": Trouble.BUSY,
    "InternalError": Trouble.BUSY,
    "TooManyRequests": Trouble.BUSY,
    "RequestLimitExceeded": Trouble.BUSY,
    "Throttling": Trouble.BUSY,
    "RequestTimeout": Trouble.TIMED_OUT,
    "BadDigest": Trouble.DIFFERENT,
    "InvalidDigest": Trouble.DIFFERENT,
    "XAmzContentSHA256Mismatch": Trouble.DIFFERENT,
    "XAmzContentChecksumMismatch": Trouble.DIFFERENT,
    "IncompleteBody": Trouble.CUT_SHORT,
    "QuotaExceeded": Trouble.FULL,
    "InsufficientCapacity": Trouble.FULL,
    "XMinioStorageFull": Trouble.FULL,
    "XMinioAdminBucketQuotaExceeded": Trouble.FULL,
    "StorageFull": Trouble.FULL,
    "EntityTooLarge": Trouble.FULL,
}
_MOST_APART_S = 900
"""A request whose time differs by more is refused, by the rules of Amazon."""
_BY_STATUS = {
    301: Trouble.WRONG_REGION,
    307: Trouble.WRONG_REGION,
    401: Trouble.DENIED,
    403: Trouble.DENIED,
    405: Trouble.WRONG_ADDRESS,
    404: Trouble.NOT_THERE,
    408: Trouble.TIMED_OUT,
    429: Trouble.BUSY,
    500: Trouble.BUSY,
    502: Trouble.BUSY,
    503: Trouble.BUSY,
    504: Trouble.BUSY,
    507: Trouble.FULL,
}
_BY_KIND = {
    boto.IncompleteReadError: Trouble.CUT_SHORT,
    boto.ConnectTimeoutError: Trouble.TIMED_OUT,
    boto.ReadTimeoutError: Trouble.TIMED_OUT,
    boto.ConnectionClosedError: Trouble.BROKEN_OFF,
    boto.ResponseStreamingError: Trouble.BROKEN_OFF,
}


def translated(
    error: Exception, *, action: str, name: str, bucket: str, endpoint: str,
    clock_apart_s: float | None,
) -> RemoteError:  # fmt: skip
    """Return an error of boto as one of ours, with the facts that its words need."""
    if not isinstance(error, boto.ClientError):
        return _of_connection(error, name, endpoint)
    response = error.response
    about = response.get("ResponseMetadata", {})
    status, headers = int(about.get("HTTPStatusCode", 0)), about.get("HTTPHeaders", {})
    code = str(response.get("Error", {}).get("Code", ""))
    trouble = _BY_CODE.get(code) or _BY_STATUS.get(status, Trouble.NO_ANSWER_KNOWN)
    if trouble is Trouble.NOT_THERE and action == "list" and code not in _BY_CODE:
        trouble = Trouble.WRONG_ADDRESS  # a bucket that is not there has a code of its own
    if (
        trouble in {Trouble.DENIED, Trouble.WRONG_SECRET}
        and abs(clock_apart_s or 0) > _MOST_APART_S
    ):
        trouble = Trouble.CLOCK  # no signature is valid then, and not every service says why
    answer = " ".join(filter(None, [str(status or ""), "" if code.isdigit() else code]))
    facts: dict[str, str | int] = {}
    match trouble:
        case Trouble.DENIED:
            facts = {"action": action}
        case Trouble.NO_BUCKET:
            facts = {"bucket": bucket}
        case Trouble.NOT_THERE | Trouble.DIFFERENT | Trouble.CUT_SHORT:
            facts = {"name": name}
        case Trouble.CLOCK if clock_apart_s is not None:
            facts = {"apart_s": round(clock_apart_s)}
        case Trouble.BUSY:
            facts = dict(_pause(headers))
        case Trouble.WRONG_REGION:
            facts = {"region": _region(response, headers)}
        case Trouble.WRONG_ADDRESS:
            facts = {"detail": urlsplit(endpoint).hostname or ""}
        case Trouble.NO_ANSWER_KNOWN:
            facts = {"detail": answer}
    return RemoteError(trouble, answer=answer, **facts)


def _region(response: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    return str(response.get("Error", {}).get("Region") or headers.get("x-amz-bucket-region", ""))


def _pause(headers: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    value = headers.get("retry-after", "")
    if value.isascii() and value.isdigit():
        yield "retry_after_s", min(int(value), 86_400)
        return
    with contextlib.suppress(ValueError, TypeError):
        seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        yield "retry_after_s", min(max(0, round(seconds)), 86_400)


def _of_connection(error: Exception, name: str, endpoint: str) -> RemoteError:
    parts = urlsplit(endpoint)
    host = parts.hostname or "s3.amazonaws.com"
    for kind, trouble in _BY_KIND.items():
        if isinstance(error, kind):
            return RemoteError(trouble, **({"name": name} if trouble is Trouble.CUT_SHORT else {}))
    if (found := trouble_of_connection(error, host=host, port=parts.port)) is not None:
        return found
    detail = type(error).__name__
    if "ResponseParser" in detail:  # a page where XML should be: no such service
        return RemoteError(Trouble.WRONG_ADDRESS, detail=host)
    return RemoteError(Trouble.NO_ANSWER_KNOWN, answer=detail, detail=detail)
