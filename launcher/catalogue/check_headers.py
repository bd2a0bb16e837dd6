"""The headers of a check: their values are secrets, kept for one origin and shown to no one.

A form never gets a value back. It names the headers that stay, and has new values for some. A value
that stays is sent only to the origin that it was entered for, so that no one who may edit an app
can have it sent to a server of their own. It stays only while no new text is looked for on the
page: a page of that origin may show what it received, and each text would be a guess at it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from launcher.catalogue.check_entries import CheckRefusal
from launcher.catalogue.errors import Unfit
from launcher.checks.fields import MAX_HEADER_LENGTH, FieldError, Flaw, headers_of, origin_of
from launcher.models import App, HealthCheck
from launcher.models.health import CheckKind, CheckTarget


@dataclass(frozen=True, slots=True)
class HeaderEntries:
    """What a form says of headers.

    Attributes:
        values: new values by name, in the order of the form; for a name that is stored, in place
            of the old one.
        removed: the names of stored ones that go.
    """

    values: tuple[tuple[str, str], ...] = ()
    removed: frozenset[str] = frozenset()

    @property
    def is_edited(self) -> bool:
        """Whether anything is to change."""
        return bool(self.values or self.removed)


@dataclass(frozen=True, slots=True)
class Headers:
    """The headers that come of it, for the origin of the check.

    Attributes:
        values: what is sent.
        withheld: the names of those that stay and are not sent: they are of another origin, or
            another text is looked for than is saved.
        origin: that of the address that is checked, "" where it has none.
    """

    values: Mapping[str, str]
    withheld: tuple[str, ...] = ()
    origin: str = ""


def stored_headers(check: HealthCheck | None) -> Mapping[str, object]:
    """Return the headers of a check; none where the column holds anything else."""
    headers = check.headers if check is not None else None
    return headers if isinstance(headers, dict) else {}


def mark_of_headers(check: HealthCheck | None, key: str) -> str:
    """Return what stands for the headers in a form, so that a change by another is noticed."""
    text = repr(sorted((str(name), str(value)) for name, value in stored_headers(check).items()))
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()[:20]


def address_of(app: App, target: str, url: str) -> str:
    """Return the address that a check of `app` requests."""
    if target == CheckTarget.OTHER:
        return url
    return (app.url_local or app.url) if target == CheckTarget.LOCAL else app.url


def has_new_keyword(check: HealthCheck | None, keyword: str) -> bool:
    """Whether a text is looked for that is not the saved one."""
    return keyword not in {"", check.keyword if check is not None else ""}


def new_headers(
    check: HealthCheck | None, typed: HeaderEntries, *, kind: str, address: str, keyword: str
) -> Headers:
    """Return the headers of a check of `address`, with what was typed. Nothing is checked.

    Args:
        kind: a check that is no web request has no origin: what is stored stays as it is.
    """
    stored = {
        name: str(value)
        for name, value in stored_headers(check).items()
        if name not in typed.removed
    }
    origin = origin_of(address) if kind == CheckKind.HTTP else ""
    is_theirs = (
        check is not None
        and origin != ""
        and check.headers_for == origin
        and not has_new_keyword(check, keyword)
    )
    given = {name.strip(): value for name, value in typed.values}
    kept = {
        name: value
        for name, value in stored.items()
        if not any(name.lower() == each.lower() for each in given)
    }
    withheld = () if is_theirs else tuple(kept)
    return Headers({**(kept if is_theirs else {}), **given}, withheld, origin)


def kept_headers(check: HealthCheck | None, typed: HeaderEntries, *, kind: str) -> tuple[str, ...]:
    """Return the names of stored headers whose values would still be stored."""
    given = {name.strip().lower() for name, _value in typed.values if kind == CheckKind.HTTP}
    return tuple(
        name
        for name in stored_headers(check)
        if name not in typed.removed and name.lower() not in given
    )


def refusal_of(typed: HeaderEntries, headers: Headers) -> CheckRefusal | None:
    """Return why what was typed cannot be sent, None where it can."""
    names = [name.strip().lower() for name, _value in typed.values]
    twice = next((name for name in names if names.count(name) > 1), "")
    if twice:
        return CheckRefusal(Unfit.NAME_TAKEN, about=twice)
    empty = next((name for name, value in typed.values if not value.strip()), None)
    if empty is not None:
        return CheckRefusal(Unfit.EMPTY, about=empty.strip())
    try:
        headers_of(headers.values)
    except FieldError as error:
        maximum = MAX_HEADER_LENGTH if error.flaw is Flaw.HEADER_LONG else 0
        return CheckRefusal(error.flaw, maximum=maximum, about=error.about)
    return None


def names_of(headers: Mapping[str, object] | Sequence[str]) -> str:
    """Return the names of headers as the log has them."""
    return ", ".join(sorted(map(str, headers), key=str.lower))
