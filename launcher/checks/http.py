"""A web check: requests through redirects, each hop judged like the first, and what is up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from launcher.checks.attempt import Attempt, CheckFailedError
from launcher.checks.connecting import connect
from launcher.checks.exchange import Exchange, Head
from launcher.checks.fields import FieldError, http_target_of, without_sign_in
from launcher.checks.keyword import MAX_PAGE_BYTES, Search
from launcher.checks.outcome import Phase, Reason
from launcher.checks.secure import secure
from launcher.checks.spec import CheckSpec
from launcher.checks.stream import Stream
from launcher.fetching.problems import FetchError
from launcher.fetching.requests import join
from launcher.fetching.target import Target
from launcher.models.health import CheckMethod

MAX_REDIRECTS = 10
_REDIRECTS = {301, 302, 303, 307, 308}
_SAME_FOR_GET = {401, 429}
"""Answers to HEAD that GET has too: please sign in, too many requests. Not asked twice."""
_MAX_RAW_BYTES = MAX_PAGE_BYTES + (256 << 10)
_MAX_SHOWN_URL = 500


@dataclass(frozen=True, slots=True)
class _Answer:
    code: int
    location: str
    has_keyword: bool | None
    """None where it was not looked for."""


async def check_http(spec: CheckSpec, attempt: Attempt) -> None:
    """Return where the app is up.

    Raises:
        CheckFailedError: it is down.
    """
    url = spec.address
    target = http_target_of(url)
    headers = spec.headers
    seen = {url}
    attempt.method = (CheckMethod.GET if spec.keyword else spec.method).value
    while True:
        attempt.code = None
        answer = await _answer(spec, attempt, target, headers)
        if not _is_followed(spec, answer.code, answer.location):
            return _judge(spec, answer)
        if len(attempt.redirects) >= MAX_REDIRECTS:
            is_circle = len(seen) <= len(attempt.redirects)
            raise CheckFailedError(
                Reason.TOO_MANY_REDIRECTS, limit=MAX_REDIRECTS, is_circle=is_circle
            )
        url, onward = _redirected(url, answer.location)
        seen.add(url)
        attempt.redirects.append(_shown(url))
        if _origin(onward) != _origin(target):
            headers = ()  # secrets of this app, and for good: the way may lead back
        target = onward


def _is_followed(spec: CheckSpec, code: int, location: str) -> bool:
    return spec.follow_redirects and code in _REDIRECTS and bool(location)


def _judge(spec: CheckSpec, answer: _Answer) -> None:
    if not any(low <= answer.code <= high for low, high in spec.accept):
        raise CheckFailedError(Reason.HTTP_CODE, code=answer.code)
    if answer.has_keyword is not None and answer.has_keyword is spec.is_keyword_absent:
        reason = Reason.KEYWORD_PRESENT if answer.has_keyword else Reason.KEYWORD_MISSING
        raise CheckFailedError(reason, keyword=spec.keyword)


def _redirected(url: str, location: str) -> tuple[str, Target]:
    try:
        onward = without_sign_in(join(url, location))
        return onward, http_target_of(onward)
    except (FetchError, FieldError):
        raise CheckFailedError(Reason.REDIRECT_REFUSED, host="") from None


def _origin(target: Target) -> tuple[bool, str, int]:
    return target.is_tls, target.host, target.port


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"[:_MAX_SHOWN_URL]


async def _answer(
    spec: CheckSpec, attempt: Attempt, target: Target, headers: Sequence[tuple[str, str]]
) -> _Answer:
    """Return the answer to HEAD, or to GET where HEAD is refused.

    Raises:
        CheckFailedError
    """
    if attempt.method == CheckMethod.HEAD.value:
        spent_s = dict(attempt.spent_s)
        try:
            answer = await _request(spec, attempt, target, headers)
            if answer.code < 400 or answer.code in _SAME_FOR_GET:
                return answer
            attempt.head_code = answer.code
        except CheckFailedError as error:
            if error.reason not in {Reason.RESET, Reason.NOT_HTTP} or (
                attempt.phase is not Phase.ANSWER
            ):
                raise
            attempt.head_code = 0
        attempt.spent_s = spent_s
        attempt.code = None
        attempt.method = CheckMethod.GET.value
    return await _request(spec, attempt, target, headers)


async def _request(
    spec: CheckSpec, attempt: Attempt, target: Target, headers: Sequence[tuple[str, str]]
) -> _Answer:
    """Send one request over a connection of its own, and close it."""
    attempt.head_towards(target.host, target.port)
    if attempt.rules.own_site.has(target):
        raise CheckFailedError(Reason.OWN_ADDRESS)
    connection, address = await connect(attempt, target.host, target.port)
    stream = Stream(connection, max_bytes=_MAX_RAW_BYTES)
    try:
        if target.is_tls:
            await secure(stream, spec, attempt, address)
        exchange = Exchange(stream, attempt)
        with attempt.during(Phase.ANSWER):
            await exchange.send(attempt.method, target, headers)
            head = await exchange.head()
        attempt.code = head.code
        location = head.headers.get("location", "")
        if (
            not spec.keyword
            or not any(low <= head.code <= high for low, high in spec.accept)
            or _is_followed(spec, head.code, location)
        ):
            return _Answer(head.code, location, None)
        attempt.phase = Phase.BODY
        return _Answer(head.code, location, await _has_keyword(spec, exchange, head))
    finally:
        stream.close()


async def _has_keyword(spec: CheckSpec, exchange: Exchange, head: Head) -> bool:
    if not head.is_exact:
        raise CheckFailedError(Reason.NOT_HTTP)
    search = Search(
        spec.keyword,
        content_type=head.headers.get("content-type", ""),
        content_encoding=head.headers.get("content-encoding", ""),
    )
    while (content := await exchange.part_of_body()) is not None:
        if search.finds(content):
            return True
    return False
