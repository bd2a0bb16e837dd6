"""`flask group`: groups of users, for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from flask.cli import AppGroup

from launcher.accounts import groups
from launcher.accounts.users import find_user
from launcher.audit import COMMAND_LINE
from launcher.catalogue.sharing import boards_shared_with
from launcher.cli.failures import using_database
from launcher.cli.lookup import find_group
from launcher.cli.output import print_json, print_result, print_table, say
from launcher.cli.shell import json_option, require_word, yes_option
from launcher.models import Group, User

group = AppGroup(
    "group", help="List, create, rename, fill and delete groups.\n\nGROUP is an id or a name."
)

_group = click.argument("reference", metavar="GROUP")
_users = click.argument("usernames", metavar="USER...", nargs=-1, required=True)


@group.command("list")
@json_option
@using_database(writes=False)
def list_(*, as_json: bool) -> None:
    """List all groups with members and shared boards.

    \b
    Examples:
      flask group list
      flask group list --json
    """
    found = groups.all_groups()
    if as_json:
        print_json([_facts(each) for each in found])
        return
    if not found:
        say("No groups. `flask group create NAME` creates one.")
        return
    rows = [("ID", "NAME", "MEMBERS", "BOARDS")]
    for each in found:
        members = ", ".join(user.username for user in each.members)
        boards = (f"{board.slug} ({access})" for board, access in boards_shared_with(each))
        rows.append((str(each.id), each.name, members, ", ".join(boards)))
    print_table(rows)


@group.command("create")
@click.argument("name")
@json_option
@using_database()
def create(name: str, *, as_json: bool) -> None:
    """Create the group NAME without members.

    Prints its id to stdout.

    \b
    Examples:
      flask group create Family
    """
    made = groups.create_group(name, actor=COMMAND_LINE)
    say(f"{made.name} created. `flask group add` adds members.")
    print_result(_facts(made), made.id, as_json=as_json)


@group.command("rename")
@_group
@click.argument("name")
@using_database()
def rename(reference: str, name: str) -> None:
    """Rename a group to NAME.

    \b
    Examples:
      flask group rename Family Home
    """
    found = find_group(reference)
    groups.save_group(found, name, _ids(found.members), actor=COMMAND_LINE)
    say(f"Group renamed to {found.name}.")


@group.command("add")
@_group
@_users
@using_database()
def add(reference: str, usernames: Sequence[str]) -> None:
    """Add users to a group, all of them or none.

    \b
    Examples:
      flask group add Family ada ben
    """
    found = find_group(reference)
    wanted = _found(usernames)
    new = [each for each in wanted if each not in found.members]
    groups.save_group(found, found.name, _ids([*found.members, *new]), actor=COMMAND_LINE)
    for each in wanted:
        already = "" if each in new else " already"
        say(f"{each.username} is {'now ' if each in new else ''}in {found.name}{already}.")


@group.command("remove")
@_group
@_users
@using_database()
def remove(reference: str, usernames: Sequence[str]) -> None:
    """Remove users from a group, all of them or none.

    Their accounts are kept.

    \b
    Examples:
      flask group remove Family ben
    """
    found = find_group(reference)
    wanted = _found(usernames)
    were = [each for each in wanted if each in found.members]
    left = [each for each in found.members if each not in were]
    groups.save_group(found, found.name, _ids(left), actor=COMMAND_LINE)
    for each in wanted:
        say(f"{each.username} {'removed from' if each in were else 'is not in'} {found.name}.")


@group.command("delete")
@_group
@yes_option
@using_database()
def delete(reference: str, *, yes: bool) -> None:
    """Delete a group.

    Its members keep their accounts and lose the boards shared with the group.

    \b
    Examples:
      flask group delete Family
      flask group delete Family --yes
    """
    found = find_group(reference)
    name, boards = found.name, [board.slug for board, _ in boards_shared_with(found)]
    if not yes:
        lost = f" Its members lose access to: {', '.join(boards)}." if boards else ""
        say(f"{name} will be deleted. Members that are kept: {len(found.members)}.{lost}")
        require_word("delete")
    groups.delete_group(found, actor=COMMAND_LINE)
    say(f"{name} deleted.")


def _found(usernames: Sequence[str]) -> list[User]:
    """Return the users of these names, each once."""
    return list(dict.fromkeys(find_user(each) for each in usernames))


def _ids(users: Sequence[User]) -> list[int]:
    return [each.id for each in users]


def _facts(one: Group) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "members": [each.username for each in one.members],
        "boards": [
            {"board": board.slug, "access": str(access)}
            for board, access in boards_shared_with(one)
        ],
        "created_at": one.created_at,
    }
