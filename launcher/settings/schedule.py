"""The settings of the schedule, which a page and the API show and change together."""

from __future__ import annotations

import hashlib

from launcher.settings.table import SETTINGS, SiteSettings

SHOWN = tuple(each for each in SETTINGS.values() if each.page == "schedule")
"""These settings, in their order."""


def version_of(settings: SiteSettings) -> str:
    """Return the version of these settings and of the time zone they are read in."""
    values = [getattr(settings, each.name) for each in SHOWN]
    return hashlib.sha256(repr([*values, settings.time_zone]).encode()).hexdigest()[:16]
