"""What a person typed about the check of an app, checked: the same rules for every door.

Only fields that were edited are read and stored, so an odd stored value stops no other edit. The
values of headers are never among the entries that a form shows: see `check_headers`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from launcher.catalogue.entries import UnfitError, read_line, read_url
from launcher.catalogue.errors import CatalogueError, Unfit
from launcher.checks.fields import (
    FieldError,
    Flaw,
    accept_of,
    accept_text,
    authorities_of,
    endpoint_of,
    host_of,
)
from launcher.checks.ping import can_ping
from launcher.models import HealthCheck
from launcher.models.health import CheckKind, CheckMethod, CheckTarget, CheckVerify

INTERVAL_S = (10, 86_400)
TIMEOUT_S = (1, 60)
TRIES = (1, 10)
SLOW_MS = (1, 60_000)
NOTIFY_AFTER_MIN = (0, 10_080)
_DECIMAL = re.compile(r"(\d{1,6})(?:[.,](\d{1,3}))?", re.ASCII)
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
ON, OFF = "on", "off"


@dataclass(frozen=True, slots=True)
class CheckRefusal:
    """Why one field is refused.

    Attributes:
        minimum, maximum: the limits of a number; `maximum` also of characters.
        about: the header, or what else it is about.
    """

    reason: Unfit | Flaw
    minimum: int = 0
    maximum: int = 0
    about: str = ""


class CheckRefusedError(CatalogueError):
    """Some fields of a check are not allowed, each with its reason in `fields`."""

    code = "check_refused"

    def __init__(self, refused: Mapping[str, CheckRefusal]) -> None:
        super().__init__(", ".join(f"{name}: {each.reason}" for name, each in refused.items()))
        self.fields = refused


@dataclass(frozen=True, slots=True)
class CheckEntries:
    """The fields of a check as text, as a form has them; switches are `on` and `off`.

    Attributes:
        interval_s: "" for that of the site.
        timeout_s: seconds, with a point for parts of one.
        tries: one more than the retries of the model.
    """

    kind: str = CheckKind.HTTP
    target: str = CheckTarget.OWN
    url: str = ""
    method: str = CheckMethod.HEAD
    follow_redirects: str = ON
    accept: str = "100-499"
    keyword: str = ""
    is_keyword_absent: str = OFF
    verify: str = CheckVerify.PUBLIC
    ca_pem: str = ""
    interval_s: str = ""
    timeout_s: str = "10"
    tries: str = "3"
    slow_ms: str = "1000"
    is_notifying: str = ON
    notify_after_min: str = "5"
    is_enabled: str = ON

    @classmethod
    def of(cls, check: HealthCheck | None) -> CheckEntries:
        """Return the entries that a check has now, those of a new one for None."""
        if check is None:
            return cls()
        return cls(
            kind=check.kind,
            target=check.target,
            url=check.url,
            method=check.method,
            follow_redirects=_switch(check.follow_redirects),
            accept=check.accept,
            keyword=check.keyword,
            is_keyword_absent=_switch(check.is_keyword_absent),
            verify=check.verify,
            ca_pem=check.ca_pem,
            interval_s="" if check.interval_s is None else str(check.interval_s),
            timeout_s=f"{check.timeout_ms / 1000:.3f}".rstrip("0").rstrip("."),
            tries=str(check.retries + 1),
            slow_ms=str(check.slow_ms),
            is_notifying=_switch(check.is_notifying),
            notify_after_min=str(check.notify_after_min),
            is_enabled=_switch(check.is_enabled),
        )

    def changes(self, other: CheckEntries) -> tuple[str, ...]:
        """Return the names of the fields that are different in `other`."""
        return tuple(name for name in NAMES if getattr(self, name) != getattr(other, name))


NAMES = tuple(each.name for each in fields(CheckEntries))
SWITCHES = ("follow_redirects", "is_keyword_absent", "is_notifying", "is_enabled")


def read_changes(
    entries: CheckEntries, names: Sequence[str]
) -> tuple[dict[str, Any], dict[str, CheckRefusal]]:
    """Return the columns of the fields `names` of `entries`, and which fields are refused."""
    values: dict[str, Any] = {}
    refused: dict[str, CheckRefusal] = {}
    # The address and the kind belong together: a port alone is no URL.
    for name in dict.fromkeys((*names, *(("url",) if {"kind", "target"} & {*names} else ()))):
        column, read = _READ[name]
        try:
            values[column] = read(entries)
        except UnfitError as error:
            reason = error.refusal
            refused[name] = CheckRefusal(reason.reason, maximum=reason.limit)
        except FieldError as error:
            refused[name] = CheckRefusal(error.flaw, about=error.about)
        except _RangeError as error:
            refused[name] = CheckRefusal(Unfit.NUMBER, error.minimum, error.maximum)
    return values, refused


class _RangeError(ValueError):
    """A number that is none, or out of its range."""

    def __init__(self, limits: tuple[int, int]) -> None:
        super().__init__(limits)
        self.minimum, self.maximum = limits


def _switch(value: bool) -> str:
    return ON if value else OFF


def _on(name: str) -> Callable[[CheckEntries], bool]:
    return lambda entries: getattr(entries, name) == ON


def _whole(text: str, limits: tuple[int, int]) -> int:
    typed = text.strip()
    if not _WHOLE.fullmatch(typed) or not limits[0] <= int(typed) <= limits[1]:
        raise _RangeError(limits)
    return int(typed)


def _milliseconds(entries: CheckEntries) -> int:
    found = _DECIMAL.fullmatch(entries.timeout_s.strip())
    ms = int(found[1]) * 1000 + int((found[2] or "").ljust(3, "0")) if found else 0
    if not TIMEOUT_S[0] * 1000 <= ms <= TIMEOUT_S[1] * 1000:
        raise _RangeError(TIMEOUT_S)
    return ms


def _kind(entries: CheckEntries) -> CheckKind:
    kind: CheckKind = _member(CheckKind, entries.kind)
    if kind is CheckKind.SAMPLE or (kind is CheckKind.PING and not can_ping()):
        raise UnfitError(Unfit.CHOICE)
    return kind


def _url(entries: CheckEntries) -> str:
    """Raises UnfitError, FieldError."""
    text = entries.url.strip()
    if entries.target != CheckTarget.OTHER:
        return ""
    if entries.kind == CheckKind.TCP:
        endpoint_of(_plain(text))
        return text
    if entries.kind == CheckKind.PING:
        host_of(_plain(text))
        return text
    return read_url(text)


def _plain(text: str) -> str:
    """Raises UnfitError."""
    if not text:
        raise UnfitError(Unfit.EMPTY)
    if "@" in text:
        raise UnfitError(Unfit.URL_PASSWORD)
    return read_line(text)


def _interval(entries: CheckEntries) -> int | None:
    return _whole(entries.interval_s, INTERVAL_S) if entries.interval_s.strip() else None


def _accept(entries: CheckEntries) -> str:
    return accept_text(accept_of(entries.accept))


def _member(members: Any, text: str) -> Any:
    if text not in {each.value for each in members}:
        raise UnfitError(Unfit.CHOICE)
    return members(text)


_READ: Mapping[str, tuple[str, Callable[[CheckEntries], Any]]] = {
    "kind": ("kind", _kind),
    "target": ("target", lambda entries: _member(CheckTarget, entries.target)),
    "url": ("url", _url),
    "method": ("method", lambda entries: _member(CheckMethod, entries.method)),
    "follow_redirects": ("follow_redirects", _on("follow_redirects")),
    "accept": ("accept", _accept),
    "keyword": ("keyword", lambda entries: read_line(entries.keyword)),
    "is_keyword_absent": ("is_keyword_absent", _on("is_keyword_absent")),
    "verify": ("verify", lambda entries: _member(CheckVerify, entries.verify)),
    "ca_pem": ("ca_pem", lambda entries: authorities_of(entries.ca_pem)),
    "interval_s": ("interval_s", _interval),
    "timeout_s": ("timeout_ms", _milliseconds),
    "tries": ("retries", lambda entries: _whole(entries.tries, TRIES) - 1),
    "slow_ms": ("slow_ms", lambda entries: _whole(entries.slow_ms, SLOW_MS)),
    "is_notifying": ("is_notifying", _on("is_notifying")),
    "notify_after_min": (
        "notify_after_min",
        lambda entries: _whole(entries.notify_after_min, NOTIFY_AFTER_MIN),
    ),
    "is_enabled": ("is_enabled", _on("is_enabled")),
}
