"""`flask board`: boards, and with whom they are shared, for scripts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import click
from flask.cli import AppGroup

from launcher.accounts.users import find_user
from launcher.audit import COMMAND_LINE
from launcher.catalogue import boards
from launcher.catalogue.access import home_board
from launcher.catalogue.entries import BoardEntries
from launcher.catalogue.sharing import changed, names_of, shares_of, words_of
from launcher.cli.failures import using_database
from launcher.cli.lookup import find_board, find_group
from launcher.cli.output import print_json, print_result, print_table, say
from launcher.cli.section import section, section_facts
from launcher.cli.shell import json_option, require_word, yes_option
from launcher.models import MAX_COLUMNS, Access, Board, Density, Visibility

board = AppGroup(
    "board",
    help="List, add, edit, share, move and delete boards.\n\nBOARD is an address, an id or a name.",
)
board.add_command(section)

_position = click.argument("position", type=click.IntRange(min=1))


def _field_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option(
            "--address", "slug", help="URL part after /b/. Default: derived from the name."
        ),
        click.option(
            "--visibility",
            type=click.Choice([each.value for each in Visibility]),
            help="Who can view it.",
        ),
        click.option("--density", type=click.Choice([each.value for each in Density])),
        click.option(
            "--columns",
            type=click.IntRange(0, MAX_COLUMNS),
            help="Most tiles side by side, 0 for as many as fit.",
        ),
        click.option("--home/--no-home", "is_home", default=None, help="The home board of all."),
        json_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@board.command("list")
@json_option
@using_database(writes=False)
def list_(*, as_json: bool) -> None:
    """List all boards in order, with whom they are shared.

    The JSON has its sections, too.

    \b
    Examples:
      flask board list
      flask board list --json
    """
    found = boards.all_boards()
    if as_json:
        print_json([_facts(each) for each in found])
        return
    if not found:
        say("No boards. `flask board add NAME` adds one.")
        return
    first = home_board(found, None)
    heading = ("ID", "NAME", "ADDRESS", "VISIBILITY", "OWNER", "SECTIONS", "APPS", "HOME")
    rows: list[tuple[str, ...]] = [(*heading, "SHARED WITH")]
    for each in found:
        numbers = (str(len(each.sections)), str(_number_of_apps(each)))
        owner = each.owner.username if each.owner else ""
        home = "home" if each is first else ""
        names = (str(each.id), each.name, each.slug, each.visibility, owner)
        rows.append((*names, *numbers, home, _sharers(each)))
    print_table(rows)


@board.command("add")
@click.argument("name")
@click.option("--owner", help="Owner, who can view a private board like admins.")
@_field_options
@using_database()
def add(
    name: str, owner: str | None, *, is_home: bool | None, as_json: bool, **fields: Any
) -> None:
    """Add the board NAME after the others.

    Prints its id to stdout.

    \b
    Examples:
      flask board add Work
      flask board add Diary --visibility private --owner ben
    """
    entries = replace(BoardEntries(name=name), **_given(fields)).checked()
    owned_by = find_user(owner) if owner is not None else None
    made, _ = boards.create_board(entries, owner=owned_by, actor=COMMAND_LINE)
    if is_home:
        boards.set_home(made, is_home=True, actor=COMMAND_LINE)
    say(f"{made.name} added at /b/{made.slug}.")
    print_result(_facts(made), made.id, as_json=as_json)


@board.command("edit")
@click.argument("reference", metavar="BOARD")
@click.option("--name")
@_field_options
@using_database()
def edit(reference: str, *, is_home: bool | None, as_json: bool, **fields: Any) -> None:
    """Change the given fields of a board.

    \b
    Examples:
      flask board edit work --name Office --address office
      flask board edit home --visibility public --home
    """
    found = find_board(reference)
    entries = replace(BoardEntries.of(found), **_given(fields)).checked()
    boards.save_board(found, entries, viewer=None, actor=COMMAND_LINE)
    if is_home is not None:
        boards.set_home(found, is_home=is_home, actor=COMMAND_LINE)
    say(f"{found.name} saved.")
    if as_json:
        print_json(_facts(found))


@board.command("move")
@click.argument("reference", metavar="BOARD")
@_position
@using_database()
def move(reference: str, position: int) -> None:
    """Move a board to POSITION, from 1, among all boards.

    \b
    Examples:
      flask board move work 1
    """
    found = find_board(reference)
    every = boards.all_boards()
    change = boards.move_board(found, position, among=every, actor=COMMAND_LINE)
    say(f"{found.name} is at position {change.facts['position']} of {len(every)}.")


@board.command("delete")
@click.argument("reference", metavar="BOARD")
@yes_option
@using_database()
def delete(reference: str, *, yes: bool) -> None:
    """Delete a board with its sections.

    Its apps are kept in the catalogue.

    \b
    Examples:
      flask board delete work
      flask board delete work --yes
    """
    found = find_board(reference)
    name = found.name
    if not yes:
        say(f"{name} will be deleted, with its sections.")
        say(f"Apps that are kept: {_number_of_apps(found)}.")
        require_word("delete")
    boards.delete_board(found, viewer=None, actor=COMMAND_LINE)
    say(f"{name} deleted.")


@board.command("share")
@click.argument("reference", metavar="BOARD")
@click.option("--user", "usernames", metavar="NAME", multiple=True, help="Any number of times.")
@click.option("--group", "group_names", metavar="NAME", multiple=True, help="Any number of times.")
@click.option("--edit", "to_edit", is_flag=True, help="Let them edit the board, not only view it.")
@click.option("--revoke", is_flag=True, help="Remove their access.")
@json_option
@using_database()
def share(
    reference: str,
    usernames: Sequence[str],
    group_names: Sequence[str],
    *,
    to_edit: bool,
    revoke: bool,
    as_json: bool,
) -> None:
    """Share a board with users and groups.

    Who has access already has the one that is given.

    \b
    Examples:
      flask board share diary --user chloe --group Family
      flask board share diary --group Family --edit
      flask board share diary --user chloe --revoke
    """
    if to_edit and revoke:
        raise click.UsageError("Use --edit or --revoke, not both.")
    if not usernames and not group_names:
        raise click.UsageError("Give at least one --user or --group.")
    found = find_board(reference)
    users, groups = (
        [find_user(each) for each in usernames],
        [find_group(each) for each in group_names],
    )
    holders = [("user", each.id) for each in users] + [("group", each.id) for each in groups]
    access = None if revoke else Access.EDIT if to_edit else Access.VIEW
    wanted = words_of(changed(shares_of(found), holders, access))
    entries = replace(BoardEntries.of(found), shared_with=wanted).checked()
    boards.save_board(found, entries, viewer=None, actor=COMMAND_LINE)
    say(f"{found.name} is shared with {_sharers(found) or 'no one'}.")
    if as_json:
        print_json(_facts(found))


def _given(fields: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in fields.items() if value is not None}


def _number_of_apps(one: Board) -> int:
    return len({place.app_id for each in one.sections for place in each.placements})


def _sharers(one: Board) -> str:
    return ", ".join(f"{name} ({access})" for _kind, name, access in names_of(one))


def _facts(one: Board) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "address": one.slug,
        "visibility": str(one.visibility),
        "owner": one.owner.username if one.owner else None,
        "shared_with": [
            {kind: name, "access": str(access)} for kind, name, access in names_of(one)
        ],
        "density": str(one.density),
        "columns": one.columns,
        "is_home": one.is_home,
        "apps": _number_of_apps(one),
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "sections": [section_facts(each) for each in one.sections],
    }
