"""URLs and redirects: each hop is a request of its own, judged like the first."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from launcher.fetching.addresses import AddressRules
from launcher.fetching.connection import Answer, Enough, request
from launcher.fetching.problems import Deadline, FetchError, Problem
from launcher.fetching.target import DEFAULT_PORTS, Target

MAX_REDIRECTS = 3
MAX_URL_LENGTH = 4096
_MAX_HOST_LENGTH = 253
_REDIRECTS = {301, 302, 303, 307, 308}
# What a path and a query may hold as it is, RFC 3986; "%" since they may be encoded already.
_AS_IT_IS = "%/:@!$&'()*+,;=-._~?"
_NO_HOST = re.compile(r"[^!-~]|[\\/?#@<>\"]")


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, and the URL that it came from after all redirects."""

    url: str
    answer: Answer


def fetch(
    url: str,
    *,
    rules: AddressRules,
    deadline: Deadline,
    max_bytes: int,
    enough: Enough = lambda _body, _start: False,
) -> Fetched:
    """Return what is at `url`, after at most `MAX_REDIRECTS` redirects, whatever its status.

    Raises:
        FetchError
    """
    for _hop in range(MAX_REDIRECTS + 1):
        target = target_of(url)
        if rules.own_site.has(target):
            raise FetchError(Problem.OWN_ADDRESS)
        answer = request(target, rules=rules, deadline=deadline, max_bytes=max_bytes, enough=enough)
        location = answer.headers.get("location", "")
        if answer.status not in _REDIRECTS or not location:
            return Fetched(url, answer)
        url = join(url, location)
    raise FetchError(Problem.TOO_MANY_REDIRECTS)


def join(base: str, url: str) -> str:
    """Return `url` as it stands on the page at `base`.

    Raises:
        FetchError: it is no URL; `NOT_HTTP`.
    """
    try:
        return urljoin(base, url.strip())
    except ValueError:
        raise FetchError(Problem.NOT_HTTP) from None


def target_of(url: str) -> Target:
    """Return what to request for `url`. User name and password in it are left out.

    Raises:
        FetchError: it is not a complete http or https URL; `NOT_HTTP`.
    """
    parts = split(url)
    try:
        host, port = parts.hostname or "", parts.port
        if any(unicodedata.category(each) == "Cf" for each in host):
            raise ValueError(host)  # not shown, and dropped on the way: the host would be another
        if len(host) <= _MAX_HOST_LENGTH and not host.isascii():
            host = host.encode("idna").decode("ascii")
        path = quote(parts.path or "/", safe=_AS_IT_IS)
        query = f"?{quote(parts.query, safe=_AS_IT_IS)}" if parts.query else ""
    except (ValueError, UnicodeError):
        raise FetchError(Problem.NOT_HTTP) from None
    is_name = 0 < len(host) <= _MAX_HOST_LENGTH and not _NO_HOST.search(host)
    if not is_name or port == 0:
        raise FetchError(Problem.NOT_HTTP)
    is_tls = parts.scheme == "https"
    return Target(is_tls, host, port or DEFAULT_PORTS[parts.scheme], path + query)


def split(url: str) -> SplitResult:
    """Return the parts of a http or https URL.

    Raises:
        FetchError: it is none; `NOT_HTTP`.
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        raise FetchError(Problem.NOT_HTTP) from None
    if parts.scheme not in {"http", "https"} or len(url) > MAX_URL_LENGTH:
        raise FetchError(Problem.NOT_HTTP)
    return parts
