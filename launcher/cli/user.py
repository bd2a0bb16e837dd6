"""`flask user`: accounts, also when no one can sign in."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from launcher.accounts import passwords, setup, users
from launcher.audit import COMMAND_LINE
from launcher.cli.failures import using_database
from launcher.cli.output import one_line, print_json, put, say
from launcher.cli.shell import require_word, stdin_line, yes_option
from launcher.current import current_config
from launcher.db.settings import current_settings
from launcher.models import Role, User

user = AppGroup("user", help="Create, list, deactivate and delete users, reset passwords.")

_password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of stdin."
)


@user.command("create")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    required=True,
    help="What the user may do.",
)
@click.option("--display-name", default="", help="Display name (default: user name).")
@click.option("--email", default="")
@_password_stdin
@using_database()
def create(name: str, role: str, display_name: str, email: str, *, password_stdin: bool) -> None:
    """Create the user NAME.

    Without --password-stdin the password is asked for. With the first admin, the board Home is
    created.

    \b
    Examples:
      flask user create ada --role admin
      echo "$PASSWORD" | flask user create ben --role editor --password-stdin
    """
    password = stdin_line("password") if password_stdin else _asked_password()
    made = users.create_user(
        name, password, role=Role(role), display_name=display_name, email=email, actor=COMMAND_LINE
    )
    if users.is_last_admin(made):
        _add_first_board(made)
        setup.end_setup(current_config())
    put(f"{made.username} is now {_article(made.role)} {made.role}", err=True)


@user.command("reset-password")
@click.argument("name")
@_password_stdin
@using_database()
def reset_password(name: str, *, password_stdin: bool) -> None:
    """Reset the password of NAME and end their sessions.

    Without --password-stdin a random password is created and printed to stdout.

    \b
    Examples:
      flask user reset-password ada
      echo "$PASSWORD" | flask user reset-password ada --password-stdin
    """
    found = users.find_user(name)
    password = stdin_line("password") if password_stdin else passwords.random_password()
    users.set_password(found, password, actor=COMMAND_LINE)
    if not password_stdin:
        put(password)
    put(f"{found.username} has a new password; their sessions have ended", err=True)


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for programs.")
@using_database(writes=False)
def list_(*, as_json: bool) -> None:
    """List every user.

    \b
    Examples:
      flask user list
      flask user list --json
    """
    found = list(users.all_users())
    if as_json:
        print_json([_facts(one) for one in found])
        return
    if not found:
        put("No users. Create one with `flask user create NAME`.", err=True)
        return
    names = [one_line(one.username) for one in found]
    for name, one in zip(names, found, strict=True):
        state = "" if one.is_active else "  (switched off)"
        seen = f"{one.last_seen_at:%Y-%m-%d %H:%M} UTC" if one.last_seen_at else "never signed in"
        put(f"{name:{max(map(len, names))}}  {one.role:6}  {seen}{state}")


@user.command("deactivate")
@click.argument("name")
@using_database()
def deactivate(name: str) -> None:
    """Deactivate the user NAME, who is signed out everywhere.

    \b
    Examples:
      flask user deactivate ben
    """
    found = users.find_user(name)
    already = "" if found.is_active else " already"
    users.set_active(found, False, actor=COMMAND_LINE)
    say(f"{found.username} is switched off{already}.")


@user.command("reactivate")
@click.argument("name")
@using_database()
def reactivate(name: str) -> None:
    """Reactivate the user NAME.

    \b
    Examples:
      flask user reactivate ben
    """
    found = users.find_user(name)
    users.set_active(found, True, actor=COMMAND_LINE)
    say(f"{found.username} can sign in.")


@user.command("delete")
@click.argument("name")
@yes_option
@using_database()
def delete(name: str, *, yes: bool) -> None:
    """Delete the user NAME. Another admin then owns their boards.

    \b
    Examples:
      flask user delete ben
      flask user delete ben --yes
    """
    found = users.find_user(name)
    heir, owned = users.heir_of(found, actor=COMMAND_LINE), users.boards_of(found)
    boards = ", ".join(each.slug for each in owned)
    if not yes:
        left = f" {heir.username} becomes the owner of: {boards}." if heir and boards else ""
        say(f"{found.username} would be deleted.{left}")
        require_word("delete")
    username = found.username
    users.delete_user(found, actor=COMMAND_LINE)
    say(f"{username} deleted.")
    if heir and boards:
        say(f"{heir.username} is now the owner of: {boards}.")


def _add_first_board(owner: User) -> None:
    # They would cost every command time.
    from launcher.catalogue.boards import add_first_board  # noqa: PLC0415
    from launcher.i18n.app import speaking  # noqa: PLC0415
    from launcher.i18n.locale import gettext as _  # noqa: PLC0415

    site = current_settings()
    with speaking(site.default_locale, site.zone.key):
        add_first_board(_("Home"), owner=owner, actor=COMMAND_LINE)


def _facts(one: User) -> dict[str, str | bool | None]:
    return {
        "username": one.username,
        "display_name": one.display_name,
        "email": one.email,
        "role": str(one.role),
        "is_active": one.is_active,
        "created_at": one.created_at.isoformat(),
        "last_seen_at": one.last_seen_at.isoformat() if one.last_seen_at else None,
    }


def _asked_password() -> str:
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _article(role: Role) -> str:
    return "a" if role is Role.VIEWER else "an"
