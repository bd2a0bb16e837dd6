"""What each scope lets a token do, and the words for the state and the expiry of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from babel.dates import format_date
from markupsafe import Markup

from launcher.accounts.tokens import is_expired
from launcher.i18n.formats import ago, day, isolated
from launcher.i18n.locale import format_locale, format_zone, gettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.models import ApiToken, TokenScope
from launcher.models.types import utc_now

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

SOON = timedelta(days=7)
"""How long before its expiry a token is marked."""

SCOPE_WORDS: Mapping[TokenScope, LazyString] = {
    TokenScope.BACKUPS_READ: _("List backups and read their details"),
    TokenScope.BACKUPS_CREATE: _("Create, upload and verify backups"),
    TokenScope.BACKUPS_DOWNLOAD: _("Download backups. They contain password hashes"),
    TokenScope.BACKUPS_RESTORE: _("Restore and undo. Replaces all data"),
    TokenScope.BACKUPS_DELETE: _("Unprotect backups, and delete them permanently"),
    TokenScope.SCHEDULE: _("Read and change schedule and retention, and run jobs"),
    TokenScope.STATUS: _("Read status, health of apps, jobs and operations"),
    TokenScope.METRICS: _("Read /metrics"),
}


@dataclass(frozen=True, slots=True)
class Expiry:
    """When a token expires, in words. `state` is that of a mark, "" for none."""

    words: Markup | str
    detail: str
    state: str = ""


def expiry_words(token: ApiToken, *, now: datetime | None = None) -> Expiry:
    """Return when a token expires, or did."""
    moment, at = now or utc_now(), token.expires_at
    if at is None:
        return Expiry(gettext("Does not expire"), "")
    on = _date_words(at, moment)
    if is_expired(token, moment):
        return Expiry(gettext("Expired on %(day)s", day=on), "", "down")
    words = Markup(gettext("Expires %(when)s", when="%s")) % ago(at, now=moment)  # noqa: S704 (our words)
    return Expiry(words, on, "slow" if at - moment < SOON else "")


def owner_problem(token: ApiToken) -> str:
    """Return why a token opens nothing because of its owner, "" where it does."""
    name = isolated(token.user.name)
    if not token.user.is_active:
        return gettext("Does not work: %(name)s is deactivated.", name=name)
    if not token.user.is_admin:
        return gettext("Does not work: %(name)s is not an admin.", name=name)
    return ""


def _date_words(at: datetime, now: datetime) -> str:
    """Return the last day on which a token is valid; another year is written out."""
    last = (at - timedelta(seconds=1)).astimezone(format_zone())
    if last.year == now.astimezone(format_zone()).year:
        return day(last)
    return format_date(last.date(), "long", locale=format_locale())
