"""The settings of the site in the live database: read and changed.

`launcher.settings.table` has each setting and what it may hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from flask import g

from launcher import audit
from launcher.audit import Actor, Target
from launcher.extensions import db
from launcher.models import SystemSettings
from launcher.settings.kinds import SettingError, Value
from launcher.settings.table import SiteSettings, read


class SettingsRefusedError(ValueError):
    """Some values are not allowed, each with its error in `errors`; nothing was changed."""

    def __init__(self, errors: tuple[SettingError, ...]) -> None:
        super().__init__("; ".join(str(error) for error in errors))
        self.errors = errors


def current_settings() -> SiteSettings:
    """Return the settings as this transaction sees them."""
    row = db.session.get_one(SystemSettings, 1)
    return SiteSettings.of({each.name: getattr(row, each.name) for each in fields(SiteSettings)})


def site_settings() -> SiteSettings:
    """Return the settings, read once for the request."""
    if "site_settings" not in g:
        g.site_settings = current_settings()
    settings: SiteSettings = g.site_settings
    return settings


def change_settings(
    values: Mapping[str, object], *, actor: Actor
) -> dict[str, tuple[Value, Value]]:
    """Change the settings named in `values`, all or none, and commit with an audit entry.

    Returns:
        Every setting that is different now: name → (before, after).

    Raises:
        SettingsRefusedError: some value is not allowed; nothing was changed.
    """
    accepted = _read_all(values)
    row, settings = db.session.get_one(SystemSettings, 1), current_settings()
    changes: dict[str, tuple[Value, Value]] = {}
    for name, after in accepted.items():
        if getattr(row, name) != after:
            setattr(row, name, after)
            changes[name] = (getattr(settings, name), after)
    if changes:
        audit.record(
            "settings.update",
            actor=actor,
            target=Target("settings", 1, current_settings().site_name),
            changes={name: list(pair) for name, pair in changes.items()},
        )
    db.session.commit()
    g.pop("site_settings", None)
    return changes


def _read_all(values: Mapping[str, object]) -> dict[str, Value]:
    accepted: dict[str, Value] = {}
    errors: list[SettingError] = []
    for name, value in values.items():
        try:
            accepted[name] = read(name, value)
        except SettingError as error:
            errors.append(error)
    if errors:
        raise SettingsRefusedError(tuple(errors))
    return accepted
