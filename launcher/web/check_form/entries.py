"""What the form of a check sent: entries, what it had shown, headers, and certificates."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from launcher.catalogue.check_entries import NAMES, OFF, ON, SWITCHES, CheckEntries
from launcher.catalogue.check_headers import HeaderEntries, mark_of_headers, stored_headers
from launcher.checks.fields import MAX_HEADERS, certificates_alone
from launcher.current import current_config
from launcher.models import HealthCheck

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

SEEN = tuple(name for name in NAMES if name != "ca_pem")
"""The fields that the form carries as it had shown them; certificates by their digest."""
NEW_HEADERS = 2
"""Empty rows for headers that a form has."""
_CHANGED = "\0"


@dataclass(frozen=True, slots=True)
class Sent:
    """A form of a check.

    Attributes:
        seen: what it had shown.
        are_headers_seen: whether the headers are still those that it had shown.
        new_names: the names in the rows for new headers, to show them again; never a value.
        unkept: the names of new headers whose value an earlier form had sent.
        new_pem: certificates that were typed or uploaded, to show them again; never anything else.
    """

    entries: CheckEntries
    seen: CheckEntries
    headers: HeaderEntries
    are_headers_seen: bool = True
    new_names: tuple[str, ...] = ()
    unkept: frozenset[str] = frozenset()
    new_pem: str = ""

    @property
    def valued(self) -> frozenset[str]:
        """The names of the headers whose value this form sent."""
        return frozenset(name for name, value in self.headers.values if value.strip())

    @classmethod
    def of(cls, check: HealthCheck | None) -> Sent:
        """Return the form of what is stored, unedited."""
        entries = CheckEntries.of(check)
        return cls(entries, entries, HeaderEntries())

    @classmethod
    def read(cls, form: MultiDict[str, str], check: HealthCheck | None, *, pem: str = "") -> Sent:
        """Return what was sent; a field that is not there is as stored.

        Args:
            pem: the text of a file with certificates, "" for none.
        """
        now = CheckEntries.of(check)
        texts = {name: form[name] for name in NAMES if name in form and name != "ca_pem"}
        for name in SWITCHES:
            if f"seen_{name}" in form:
                texts[name] = ON if form.get(name) == ON else OFF
        new_pem = pem or form.get("ca_new", "").strip()
        ca_pem = new_pem or ("" if "ca_remove" in form else now.ca_pem)
        seen = {name: form[f"seen_{name}"] for name in SEEN if f"seen_{name}" in form}
        is_same = form.get("seen_ca", mark_of_pem(now.ca_pem)) == mark_of_pem(now.ca_pem)
        headers, new_names = _read_headers(form, check)
        mark = mark_of(check)
        return cls(
            replace(now, **texts, ca_pem=ca_pem),
            replace(now, **seen, ca_pem=now.ca_pem if is_same else _CHANGED),
            headers,
            form.get("seen_headers", mark) == mark,
            new_names,
            frozenset(form.getlist("header_unkept")),
            certificates_alone(new_pem),
        )


def mark_of(check: HealthCheck | None) -> str:
    """Return what stands for the headers of a check in its form."""
    return mark_of_headers(check, current_config().secret_key)


def mark_of_pem(pem: str) -> str:
    """Return what stands for certificates in a form."""
    return hashlib.sha256(pem.encode()).hexdigest()[:20] if pem else ""


def _read_headers(
    form: MultiDict[str, str], check: HealthCheck | None
) -> tuple[HeaderEntries, tuple[str, ...]]:
    stored = {str(name) for name in stored_headers(check)}
    removed = frozenset(form.getlist("header_remove")) & stored
    typed = zip(form.getlist("header_name"), form.getlist("header_secret"), strict=False)
    pairs = [(name.strip(), value) for name, value in typed][: 2 * MAX_HEADERS]
    values = tuple(
        (name, value)
        for name, value in pairs
        if (value or (name and name not in stored)) and name not in removed
    )
    return (
        HeaderEntries(values, removed),
        tuple(name for name, _value in values if name not in stored),
    )
