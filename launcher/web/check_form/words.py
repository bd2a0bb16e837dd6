"""The words of the form of a check: its fields, their options, and why one is refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from launcher.catalogue.check_entries import CheckEntries, CheckRefusal
from launcher.catalogue.errors import Unfit
from launcher.checks.fields import MAX_HEADERS, Flaw
from launcher.i18n.check_labels import OPTIONS
from launcher.i18n.formats import isolated, number
from launcher.i18n.locale import gettext
from launcher.i18n.locale import lazy_gettext as _

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

LABELS: Mapping[str, LazyString] = {
    "is_enabled": _("Check this app"),
    "kind": _("Kind"),
    "target": _("Address"),
    "url": _("Other address"),
    "method": _("Method"),
    "follow_redirects": _("Follow redirects"),
    "accept": _("Accepted codes"),
    "keyword": _("Text on the page"),
    "is_keyword_absent": _("Down if the page contains this text"),
    "verify": _("Verify the certificate"),
    "ca_pem": _("Certificate authority"),
    "interval_s": _("Seconds between checks"),
    "timeout_s": _("Time limit in seconds"),
    "tries": _("Tries"),
    "slow_ms": _("Slow from milliseconds"),
    "headers": _("Headers"),
    "is_notifying": _("Notify when it is down"),
    "notify_after_min": _("Minutes down before a notification"),
}
"""The name of each field, in the order of the form."""

_REFUSALS: Mapping[Unfit | Flaw, LazyString] = {
    Unfit.EMPTY: _("Enter an address."),
    Unfit.TOO_LONG: _("Shorten this to %(maximum)s characters."),
    Unfit.CHARACTERS: _("Remove line breaks and control characters."),
    Unfit.URL_INCOMPLETE: _("Enter a full URL that starts with http:// or https://."),
    Unfit.URL_PORT: _("Enter a port from 1 to 65535, or leave it out."),
    Unfit.URL_SCHEME: _("Enter a URL that starts with http:// or https://."),
    Unfit.URL_PASSWORD: _(
        "Remove the user name and password from the address. Enter them as a header."
    ),
    Unfit.CHOICE: _("Choose one of the options."),
    Unfit.NUMBER: _("Enter a number from %(minimum)s to %(maximum)s."),
    Flaw.URL: _("Enter a full URL that starts with http:// or https://."),
    Flaw.ENDPOINT: _("Enter a host and a port, for example nas.home.arpa:22."),
    Flaw.HOST: _("Enter a host, for example nas.home.arpa."),
    Flaw.ACCEPT: _("Enter codes from 100 to 599, for example 200-399,401."),
    Flaw.LIMIT: _("Enter a limit shorter than the interval of %(maximum)s seconds."),
    Flaw.PEM: _("This is no certificate in PEM format. Enter it again."),
    Flaw.PEM_KEY: _("This is a private key. Enter the certificate of the authority."),
}
_OF_HEADERS: Mapping[Unfit | Flaw, LazyString] = {
    Unfit.EMPTY: _("Enter a value for %(about)s."),
    Unfit.NAME_TAKEN: _("Enter %(about)s only once."),
    Flaw.HEADER_NAME: _("Enter a header name of letters, digits and hyphens."),
    Flaw.HEADER_VALUE: _("The value of %(about)s has characters that a header cannot have."),
    Flaw.HEADER_LONG: _("Shorten the value of %(about)s to %(maximum)s characters."),
    Flaw.HEADER_OURS: _("Remove %(about)s. It would change where or how the request is sent."),
    Flaw.HEADERS_MANY: _("Enter at most %(maximum)s headers."),
    Unfit.CHOICE: _(
        "Enter the value of %(about)s again, or remove it. "
        "It was entered for another address or another text."
    ),
}


def error_words(
    refused: Mapping[str, CheckRefusal], *, unkept: Collection[str] = ()
) -> dict[str, str]:
    """Return the words beside each refused field, in the order of the form.

    Args:
        unkept: the names of headers whose value was entered before, and not sent back.
    """
    return {name: _words(name, refused[name], unkept) for name in LABELS if name in refused}


def _words(name: str, refusal: CheckRefusal, unkept: Collection[str]) -> str:
    if name == "headers" and refusal.reason is Unfit.EMPTY and refusal.about in unkept:
        return gettext(
            "Header values are not kept. Enter the value for %(about)s again.",
            about=isolated(refusal.about),
        )
    words = _OF_HEADERS if name == "headers" else _REFUSALS
    maximum = refusal.maximum or MAX_HEADERS
    facts = {
        "minimum": number(refusal.minimum),
        "maximum": number(maximum),
        "about": isolated(refusal.about),
    }
    return str(words.get(refusal.reason, _REFUSALS[Unfit.CHOICE])) % facts


def entry_words(name: str, entries: CheckEntries) -> str:
    """Return one field as a person reads it."""
    value: str = getattr(entries, name)
    if name in OPTIONS:
        return str(OPTIONS[name].get(value, value))
    if name == "ca_pem":
        return number(value.count("-----BEGIN"))
    if value in {"on", "off"} and name not in {"keyword", "url"}:
        return gettext("On") if value == "on" else gettext("Off")
    return value or gettext("Empty")
