"""The line of the overview about apps: how many are up, and which are not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from launcher.catalogue.access import sees_app
from launcher.checks.listing import Entry, counts_of, list_checked
from launcher.checks.shown import Conditions
from launcher.db.settings import site_settings
from launcher.extensions import db
from launcher.i18n.locale import gettext as _
from launcher.i18n.locale import ngettext
from launcher.models import Health
from launcher.web.checks.tile_words import current_conditions
from launcher.web.checks.words import sick_words
from launcher.web.roles import signed_in_user


class AppsLine(NamedTuple):
    """How the apps are: a severity of `findings`, "" where none is known, and the words."""

    severity: str
    words: str


def apps_line() -> AppsLine | None:
    """Return how the apps are that the viewer sees, None where none is checked.

    They never change what the overview says of backups: that an app is down endangers no data.
    """
    conditions = current_conditions()
    entries = list_checked(db.session, sees_app(signed_in_user()), conditions, flapping={})
    return _line(entries, conditions) if entries else None


def _line(entries: Sequence[Entry], conditions: Conditions) -> AppsLine:
    if not site_settings().checks_enabled:
        return AppsLine("", _("Health checks are switched off"))
    if conditions.offline_since:
        return AppsLine("warn", _("This server is offline"))
    if conditions.pause:
        return AppsLine("", _("All checks are paused"))
    return _states(entries)


def _states(entries: Sequence[Entry]) -> AppsLine:
    for state, severity in ((Health.DOWN, "bad"), (Health.SLOW, "warn")):
        if names := [each.app.name for each in entries if each.shown.state is state]:
            return AppsLine(severity, sick_words(state, names))
    up = counts_of(entries)[Health.UP]
    if up == len(entries):
        return AppsLine("ok", _("All apps are up"))
    if not up:
        return AppsLine("", _("Nothing is known yet"))
    return AppsLine("ok", ngettext("%(num)s app is up", "%(num)s apps are up", up))
