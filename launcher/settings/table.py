"""The table of settings: everything an admin may change about the site, a field a setting.

The checks of every door, the form of the schedule, the columns of the model, the reader without
SQLAlchemy, what a restore keeps, and the table in docs/reference.md follow from it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from launcher.backup.retention import RetentionPolicy
from launcher.schedule.cron import RESTORE_TEST_CRONS
from launcher.settings.kinds import (
    Choice,
    Cron,
    Line,
    Number,
    SettingError,
    SettingKind,
    Switch,
    TimeZone,
    Value,
)
from launcher.settings.lines import HostNames, Networks
from launcher.settings.weakening import (
    Weakens,
    higher,
    less_often,
    lower,
    never,
    switched_off,
    switched_on,
    tested_less_often,
)

LOCALES = ("en", "de", "ru")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. Its name is the name of its column, and of its field in a form.

    Attributes:
        weakens: whether a change from one value to another leaves the data less protected, so that
            pages ask for the password first. Each setting decides.
        help: its purpose, for the documentation.
        fallback: its value while the settings can neither be read nor are remembered; None for
            the default.
        is_schedule: whether it is part of the schedule, which a restore keeps or replaces.
        page: the admin page that shows it, "" for none.
    """

    name: str
    default: Value
    kind: SettingKind
    weakens: Weakens
    help: str
    fallback: Value | None = None
    is_schedule: bool = False
    page: str = ""


def _setting(
    default: Value,
    kind: SettingKind,
    weakens: Weakens,
    help: str,  # noqa: A002
    **more: Value,
) -> Any:
    facts = {"default": default, "kind": kind, "weakens": weakens, "help": help, **more}
    return field(default=default, metadata=facts)


def _schedule(
    default: Value,
    kind: SettingKind,
    weakens: Weakens,
    help: str,  # noqa: A002
    **more: Value,
) -> Any:
    return _setting(default, kind, weakens, help, is_schedule=True, page="schedule", **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSettings:
    """The settings of the site; a field made by `_setting` or `_schedule` is one."""

    site_name: str = _setting(
        "Launcher", Line(60), never, "The name in the bar and in page titles.", page="site"
    )
    default_locale: str = _setting(
        "en", Choice(LOCALES, "locale"), never, "The language of users who chose none.", page="site"
    )
    time_zone: str = _setting(
        "UTC", TimeZone(), never, "The zone of shown times and of the schedule.", page="site"
    )
    accent_hue: int = _setting(
        256, Number(0, 359), never, "The one colour, as an angle in degrees.", page="site"
    )
    guest_access: bool = _setting(
        False,
        Switch(),
        switched_on,
        "Whether public boards are seen without signing in.",
        page="site",
    )
    fetch_enabled: bool = _setting(
        True,
        Switch(),
        never,
        "Whether the URL of an app is requested to propose name and icon.",
        page="site",
    )
    fetch_private: bool = _setting(
        True,
        Switch(),
        never,
        "Whether that is done for URLs in private networks and on this host.",
        page="site",
    )
    home_networks: str = _setting(
        "",
        Networks(),
        never,
        "Visitors from these networks open the home network URL of an app.",
        page="site",
    )
    home_hosts: str = _setting(
        "",
        HostNames(),
        never,
        "So do visitors who use one of these names of this site.",
        page="site",
    )
    checks_enabled: bool = _setting(True, Switch(), never, "Whether apps are checked.")
    check_interval_s: int = _setting(
        60, Number(10, 86400), never, "Seconds between two health checks."
    )
    backup_enabled: bool = _schedule(
        True, Switch(), switched_off, "Whether scheduled backups are on.", fallback=False
    )
    backup_cron_expression: str = _schedule(
        "0 3 * * *", Cron(), less_often, "When, as a cron expression."
    )
    backup_max_count: int = _schedule(
        10, Number(1, 1000), lower, "Newest scheduled backups to keep."
    )
    backup_keep_daily: int = _schedule(0, Number(0, 1000), lower, "Daily backups to keep besides.")
    backup_keep_weekly: int = _schedule(
        0, Number(0, 1000), lower, "Weekly backups to keep besides."
    )
    backup_keep_monthly: int = _schedule(
        0, Number(0, 1000), lower, "Monthly backups to keep besides."
    )
    backup_restore_test: str = _schedule(
        "weekly",
        Choice(tuple(RESTORE_TEST_CRONS)),
        tested_less_often,
        "How often a restore is tested.",
        fallback="off",
    )
    backup_stale_after_h: int = _setting(
        30,
        Number(1, 8760),
        higher,
        "Hours without a good backup before it is a problem.",
        page="schedule",
    )
    session_epoch: str = ""
    """No setting: each session is of an epoch, and ends when a restore begins another."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> SiteSettings:
        """Return the settings with `values`, as a database holds them, by their names.

        A setting that is not among them, or may not have its value, is at its default.
        """
        found = {name: _stored(name, values[name]) for name in SETTINGS if name in values}
        return cls(**found, session_epoch=str(values.get("session_epoch", "")))

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def stale_after(self) -> timedelta:
        """How old the last good backup may be."""
        return timedelta(hours=self.backup_stale_after_h)

    @property
    def policy(self) -> RetentionPolicy:
        """How many scheduled backups to keep."""
        return RetentionPolicy(
            keep_count=self.backup_max_count,
            keep_daily=self.backup_keep_daily,
            keep_weekly=self.backup_keep_weekly,
            keep_monthly=self.backup_keep_monthly,
        )


def _stored(name: str, value: object) -> Any:
    """Return the value of a setting in a database, its default where it may not have that.

    A cron expression stays as it is: one that is not valid is shown, and never comes due.
    """
    setting = SETTINGS[name]
    if isinstance(setting.kind, Cron) and isinstance(value, str):
        return value
    if isinstance(value, str | int):
        with contextlib.suppress(SettingError):
            return setting.kind.read(name, value)
    return setting.default


SETTINGS: Mapping[str, Setting] = {
    each.name: Setting(each.name, **each.metadata) for each in fields(SiteSettings) if each.metadata
}
"""Every setting by its name, in the order of pages, commands and documentation."""

SCHEDULE = tuple(each.name for each in SETTINGS.values() if each.is_schedule)
"""The settings that a restore keeps, or takes from the backup, all together."""

FALLBACK = SiteSettings.of(
    {each.name: each.fallback for each in SETTINGS.values() if each.fallback is not None}
)
"""The settings while they can neither be read nor are remembered."""


def weakening(before: SiteSettings, values: Mapping[str, Value]) -> Sequence[str]:
    """Return the names of the settings that `values` would weaken."""
    return [
        name
        for name, value in values.items()
        if value != getattr(before, name) and SETTINGS[name].weakens(getattr(before, name), value)
    ]


def read(name: str, value: object) -> Value:
    """Return `value` as the setting `name` holds it.

    Raises:
        SettingError: there is no such setting, or it may not have this value.
    """
    setting = SETTINGS.get(name)
    if setting is None:
        raise SettingError(name, "unknown", "there is no such setting")
    return setting.kind.read(name, value)
