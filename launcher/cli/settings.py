"""`flask settings`: what the admin pages change, from the command line."""

from __future__ import annotations

from collections.abc import Sequence

import click
from flask.cli import AppGroup

from launcher.audit import COMMAND_LINE
from launcher.catalogue.check_limits import apps_with_longer_limit
from launcher.cli.failures import Failure, using_database
from launcher.cli.output import print_json, put
from launcher.db.settings import change_settings, current_settings
from launcher.settings.kinds import SettingError, Value
from launcher.settings.table import SETTINGS, read

settings = AppGroup("settings", help="Show and change the settings of the site.")


@settings.command("get")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@using_database(writes=False)
def get(name: str | None, *, as_json: bool) -> None:
    """Print every setting, or the value of NAME alone.

    \b
    Examples:
      flask settings get
      flask settings get backup_cron_expression
    """
    if name is not None and name not in SETTINGS:
        raise Failure(
            f"{name}: there is no such setting", hint="`flask settings get` shows them all."
        )
    row = current_settings()
    values = {field: getattr(row, field) for field in SETTINGS if name in {None, field}}
    if as_json:
        print_json(values)
    elif name is not None:
        put(_shown(values[name]))
    else:
        width = max(map(len, values))
        for field, value in values.items():
            put(f"{field:{width}}  {_shown(value)}")


@settings.command("set")
@click.argument("name")
@click.argument("value")
@using_database()
def set_(name: str, value: str) -> None:
    """Change the setting NAME to VALUE.

    The running server follows within seconds.

    \b
    Examples:
      flask settings set site_name "Home"
      flask settings set backup_cron_expression "30 2 * * 0"
      flask settings set backup_cron_expression @daily
      flask settings set backup_enabled off
      flask settings set home_networks "192.168.1.0/24 fd12:3456::/64"
    """
    if name == "check_interval_s":
        _require_shorter_limits(value)
    changes = change_settings({name: value}, actor=COMMAND_LINE)
    if not changes:
        put(f"{name} is {_quoted(value)} already", err=True)
    for changed, (before, after) in changes.items():
        put(f"{changed} is now {_quoted(after)} (was {_quoted(before)})", err=True)


def _require_shorter_limits(interval: str) -> None:
    """Refuse an interval in which a check would not end, as the page does."""
    try:
        apps = apps_with_longer_limit(int(read("check_interval_s", interval)))
    except SettingError:
        return  # refused with the others that cannot be read
    if apps:
        raise Failure(
            f"{_some(apps)}: a check may take {interval} seconds or more",
            hint="Shorten their time limits first: “Edit check” in the menu of each tile.",
        )


def _some(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _quoted(value: Value) -> str:
    return _shown(value) or '""'


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value).replace("\n", " ")
