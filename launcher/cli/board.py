"""`flask board`: boards and their sections, for scripts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click
from flask.cli import AppGroup

from launcher.accounts.users import find_user
from launcher.audit import COMMAND_LINE
from launcher.catalogue import boards, sections
from launcher.catalogue.access import home_board
from launcher.catalogue.entries import BoardEntries
from launcher.cli.failures import using_database
from launcher.cli.lookup import find_board, find_section
from launcher.cli.output import print_json, print_result, print_table, say
from launcher.cli.shell import json_option, require_word, yes_option
from launcher.models import MAX_COLUMNS, Board, Density, Section, Visibility

board = AppGroup(
    "board",
    help="List, add, edit, move and delete boards. BOARD is an address, an id or a name.",
)
section = AppGroup(
    "section", help="List, add, rename, move and delete sections. SECTION is an id or a name."
)
board.add_command(section)

_position = click.argument("position", type=click.IntRange(min=1))


def _field_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option("--address", "slug", help="What is behind /b/. Without it made of the name."),
        click.option(
            "--visibility",
            type=click.Choice([each.value for each in Visibility]),
            help="Its owner and admins, everyone signed in, or guests too.",
        ),
        click.option("--density", type=click.Choice([each.value for each in Density])),
        click.option(
            "--columns",
            type=click.IntRange(0, MAX_COLUMNS),
            help="The most tiles side by side; 0 for as many as fit.",
        ),
        click.option("--home/--no-home", "is_home", default=None, help="The home board of all."),
        json_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@board.command("list")
@json_option
@using_database()
def list_(*, as_json: bool) -> None:
    """List every board in order, also private ones; the JSON has their sections.

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
    rows = [("ID", "NAME", "ADDRESS", "VISIBILITY", "OWNER", "SECTIONS", "APPS", "HOME")]
    for each in found:
        numbers = (str(len(each.sections)), str(_number_of_apps(each)))
        owner = each.owner.username if each.owner else ""
        home = "home" if each is first else ""
        rows.append((str(each.id), each.name, each.slug, each.visibility, owner, *numbers, home))
    print_table(rows)


@board.command("add")
@click.argument("name")
@click.option("--owner", help="User name of the owner, who sees a private board besides admins.")
@_field_options
@using_database()
def add(
    name: str, owner: str | None, *, is_home: bool | None, as_json: bool, **fields: Any
) -> None:
    """Add the board NAME after the others. Prints its id alone on stdout.

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
    """Change what is given of a board, and leave the rest.

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
    """Delete a board with its sections. Its apps stay in the catalogue.

    \b
    Examples:
      flask board delete work
      flask board delete work --yes
    """
    found = find_board(reference)
    name = found.name
    if not yes:
        say(f"{name} would be deleted, with its sections. Its apps stay: {_number_of_apps(found)}.")
        require_word("delete")
    boards.delete_board(found, viewer=None, actor=COMMAND_LINE)
    say(f"{name} deleted.")


@section.command("list")
@click.argument("reference", metavar="BOARD")
@json_option
@using_database()
def section_list(reference: str, *, as_json: bool) -> None:
    """List the sections of a board in order.

    \b
    Examples:
      flask board section list home
    """
    found = find_board(reference).sections
    if as_json:
        print_json([_section_facts(each) for each in found])
        return
    if not found:
        say("No sections. `flask board section add BOARD NAME` adds one.")
        return
    rows = [("ID", "NAME", "APPS")]
    rows += [(str(each.id), each.name, str(len(each.placements))) for each in found]
    print_table(rows)


@section.command("add")
@click.argument("reference", metavar="BOARD")
@click.argument("name")
@json_option
@using_database()
def section_add(reference: str, name: str, *, as_json: bool) -> None:
    """Add the section NAME at the end of a board. Prints its id alone on stdout.

    \b
    Examples:
      flask board section add home Media
    """
    found = find_board(reference)
    change = sections.add_section(found, name, actor=COMMAND_LINE)
    made = next(each for each in found.sections if each.id == change.facts["section_id"])
    say(f"{made.name} added to {found.name}.")
    print_result(_section_facts(made), made.id, as_json=as_json)


@section.command("rename")
@click.argument("reference", metavar="BOARD")
@click.argument("section_reference", metavar="SECTION")
@click.argument("name")
@using_database()
def section_rename(reference: str, section_reference: str, name: str) -> None:
    """Rename a section to NAME.

    \b
    Examples:
      flask board section rename home Media Films
    """
    found = find_section(find_board(reference), section_reference)
    sections.rename_section(found, name, actor=COMMAND_LINE)
    say(f"Section renamed to {found.name}.")


@section.command("move")
@click.argument("reference", metavar="BOARD")
@click.argument("section_reference", metavar="SECTION")
@_position
@click.option("--to", help="Another board: address, id or name.")
@using_database()
def section_move(reference: str, section_reference: str, position: int, to: str | None) -> None:
    """Move a section to POSITION, from 1, of its board or of another.

    \b
    Examples:
      flask board section move home Media 1
      flask board section move home Tools 1 --to work
    """
    on = find_board(reference)
    found = find_section(on, section_reference)
    target = find_board(to) if to is not None else on
    change = sections.move_section(found, target, position, actor=COMMAND_LINE)
    place = "{position} of {count}".format(**change.facts)
    say(f"{found.name} is at position {place} on {target.name}.")


@section.command("delete")
@click.argument("reference", metavar="BOARD")
@click.argument("section_reference", metavar="SECTION")
@yes_option
@using_database()
def section_delete(reference: str, section_reference: str, *, yes: bool) -> None:
    """Delete a section. Its apps stay in the catalogue.

    \b
    Examples:
      flask board section delete home Media --yes
    """
    found = find_section(find_board(reference), section_reference)
    name = found.name
    if not yes:
        say(f"{name} would be deleted. Its apps stay: {len(found.placements)}.")
        require_word("delete")
    sections.delete_section(found, actor=COMMAND_LINE)
    say(f"{name} deleted.")


def _given(fields: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in fields.items() if value is not None}


def _number_of_apps(one: Board) -> int:
    return len({place.app_id for each in one.sections for place in each.placements})


def _facts(one: Board) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "address": one.slug,
        "visibility": str(one.visibility),
        "owner": one.owner.username if one.owner else None,
        "density": str(one.density),
        "columns": one.columns,
        "is_home": one.is_home,
        "apps": _number_of_apps(one),
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "sections": [_section_facts(each) for each in one.sections],
    }


def _section_facts(one: Section) -> dict[str, object]:
    return {"id": one.id, "name": one.name, "apps": len(one.placements)}
