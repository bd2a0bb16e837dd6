"""`flask board section`: the sections of a board, for scripts."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from launcher.audit import COMMAND_LINE
from launcher.catalogue import sections
from launcher.cli.failures import using_database
from launcher.cli.lookup import find_board, find_section
from launcher.cli.output import print_json, print_result, print_table, say
from launcher.cli.shell import json_option, require_word, yes_option
from launcher.models import Section

section = AppGroup(
    "section", help="List, add, rename, move and delete sections.\n\nSECTION is an id or a name."
)


@section.command("list")
@click.argument("reference", metavar="BOARD")
@json_option
@using_database(writes=False)
def section_list(reference: str, *, as_json: bool) -> None:
    """List the sections of a board in order.

    \b
    Examples:
      flask board section list home
    """
    found = find_board(reference).sections
    if as_json:
        print_json([section_facts(each) for each in found])
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
    """Add the section NAME at the end of a board.

    Prints its id to stdout.

    \b
    Examples:
      flask board section add home Media
    """
    found = find_board(reference)
    change = sections.add_section(found, name, actor=COMMAND_LINE)
    made = next(each for each in found.sections if each.id == change.facts["section_id"])
    say(f"{made.name} added to {found.name}.")
    print_result(section_facts(made), made.id, as_json=as_json)


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
@click.argument("position", type=click.IntRange(min=1))
@click.option("--to", help="Another board: address, id or name.")
@using_database()
def section_move(reference: str, section_reference: str, position: int, to: str | None) -> None:
    """Move a section to POSITION of its board or another.

    Positions start at 1.

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
    """Delete a section. Its apps are kept in the catalogue.

    \b
    Examples:
      flask board section delete home Media --yes
    """
    found = find_section(find_board(reference), section_reference)
    name = found.name
    if not yes:
        say(f"{name} will be deleted. Apps that are kept: {len(found.placements)}.")
        require_word("delete")
    sections.delete_section(found, actor=COMMAND_LINE)
    say(f"{name} deleted.")


def section_facts(one: Section) -> dict[str, object]:
    """Return a section as JSON has it."""
    return {"id": one.id, "name": one.name, "apps": len(one.placements)}
