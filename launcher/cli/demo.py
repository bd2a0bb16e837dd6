"""`flask demo`: sample content."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from launcher import demo as content
from launcher import demo_removal
from launcher.cli.failures import Failure, using_database
from launcher.cli.output import put
from launcher.current import current_config
from launcher.demo_removal import Kept
from launcher.models.types import utc_now

_WHY_KEPT = {
    Kept.EDITED: "Kept because someone edited them",
    Kept.HAS_APPS: "Kept because of the apps on them",
    Kept.LAST_ADMIN: "Kept because a site needs an admin",
}


@click.command("demo")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same content.")
@click.option("--force", is_flag=True, help="Add sample content to a site in use.")
@click.option("--remove", is_flag=True, help="Remove sample content that was not edited.")
@with_appcontext
@using_database()
def demo(seed: int, force: bool, remove: bool) -> None:
    """Add sample boards, apps, users and history.

    Refused if there is an app or a board already. --force adds the content to the site and changes
    nothing else: users of the same name keep their passwords and roles. The passwords of new
    sample users are random and printed to stdout: name, role, password.

    --remove deletes the content again, except for what was edited, boards with other apps on them
    and the last admin. The audit log keeps its entries.

    \b
    Examples:
      flask demo
      LAUNCHER_DATA_DIR=/tmp/demo flask database upgrade
      LAUNCHER_DATA_DIR=/tmp/demo flask demo
      flask demo --force
      flask demo --remove
    """
    if remove:
        _remove()
        return
    try:
        filled = content.fill(now=utc_now(), seed=seed, force=force)
    except content.NotEmptyError as error:
        raise Failure(
            f"{error}: {current_config().data_dir}",
            hint="Choose a new directory with LAUNCHER_DATA_DIR, or `make demo DATA=…`. "
            "To add sample content to this site: `flask demo --force`.",
        ) from error
    put(f"Created {filled.boards} boards, {filled.apps} apps and {filled.probes} probes.", err=True)
    for slug in filled.slugs if force else ():
        put(f"Added board /b/{slug}", err=True)
    for account in filled.accounts:
        put(f"{account.username}\t{account.role}\t{account.password}")


def _remove() -> None:
    removed = demo_removal.remove()
    put(
        f"Removed {removed.apps} apps, {removed.boards} boards and {removed.users} users.", err=True
    )
    for why, names in removed.kept.items():
        put(f"{_WHY_KEPT[why]}: {', '.join(names)}.", err=True)
