"""A certificate in words: whether it is trusted, and whether it expires soon."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from launcher.checks.listing import CERTIFICATE_SOON
from launcher.i18n.locale import gettext as _
from launcher.i18n.locale import ngettext, pgettext
from launcher.models import Health


class Expiry(NamedTuple):
    """That a certificate expires soon, or has: the state that has its colour, and the words."""

    state: Health
    words: str


def days_left(until: datetime, now: datetime) -> str:
    """Return how many whole days a certificate is still valid."""
    return ngettext("%(num)s day left", "%(num)s days left", (until - now).days)


def expiry_of(until: datetime, now: datetime) -> Expiry | None:
    """Return that a certificate has expired or does within `CERTIFICATE_SOON`, else None."""
    if until <= now:
        return Expiry(Health.DOWN, _("Expired"))
    if until < now + CERTIFICATE_SOON:
        return Expiry(Health.SLOW, days_left(until, now))
    return None


def trust_words(seen: Mapping[str, Any]) -> str:
    """Return whether the certificate that a check saw last is trusted, "" where it is not known."""
    if "is_verified" not in seen:
        return ""
    if seen.get("is_self_signed"):
        return _("Self-signed, verified") if seen["is_verified"] else _("Self-signed, not verified")
    yes = pgettext("certificate", "Verified")
    no = pgettext("certificate", "Not verified")
    return yes if seen["is_verified"] else no
