"""`flask app`: the apps of the catalogue, for scripts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import click
from flask.cli import AppGroup

from launcher.audit import COMMAND_LINE
from launcher.catalogue import apps, bulk
from launcher.catalogue.entries import AppEntries
from launcher.catalogue.places import position_of, remove_place
from launcher.catalogue.sections import put_section
from launcher.cli.failures import Failure, using_database
from launcher.cli.lookup import all_apps, find_app, find_board, find_or_none, find_section
from launcher.cli.output import print_json, print_result, print_table, say
from launcher.cli.shell import json_option, require_word, yes_option
from launcher.models import App, Opening, Placement, Section

app = AppGroup(
    "app",
    help="List, add, edit, archive and delete apps.\n\nAPP is an id, or a name that one app has.",
)


def _field_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option("--board", help="Address, id or name of the board it is put on."),
        click.option("--section", help="Id or name of the section of that board."),
        click.option("--create", is_flag=True, help="Add the section where there is none."),
        click.option("--tag", "tags", multiple=True, help="Repeatable."),
        click.option("--description"),
        click.option("--keywords", help="More words by which a search finds it."),
        click.option("--local-url", "url_local", help="Its URL in the home network."),
        click.option("--icon", help="Like symbol:tv, brand:jellyfin or letters:3."),
        click.option(
            "--opens",
            type=click.Choice([each.value for each in Opening]),
            help="In the same tab, in a new one, or as each visitor chose.",
        ),
        json_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@app.command("list")
@click.option("--board", help="Only those of this board: address, id or name.")
@click.option("--tag", help="Only those with this tag.")
@click.option("--archived", is_flag=True, help="Archived apps instead of the others.")
@json_option
@using_database(writes=False)
def list_(board: str | None, tag: str | None, *, archived: bool, as_json: bool) -> None:
    """List apps by name.

    \b
    Examples:
      flask app list
      flask app list --board home --tag family --json
    """
    on_board = find_board(board) if board is not None else None
    wanted = None if tag is None else tag.strip().casefold()
    found = [
        each
        for each in all_apps()
        if (each.archived_at is not None) == archived
        and (wanted is None or wanted in {one.name.casefold() for one in each.tags})
        and (
            on_board is None
            or any(place.section.board_id == on_board.id for place in each.placements)
        )
    ]
    if as_json:
        print_json([_facts(each) for each in found])
        return
    if not found:
        say("No apps. `flask app add NAME URL` adds one." if not (board or tag) else "No apps.")
        return
    rows = [("ID", "NAME", "URL", "TAGS", "PLACES")]
    for each in found:
        names = ", ".join(one.name for one in each.tags)
        places = ", ".join(
            f"{place.section.board.name} · {place.section.name}" for place in each.placements
        )
        rows.append((str(each.id), each.name, each.url, names, places))
    print_table(rows)


@app.command("add")
@click.argument("name")
@click.argument("url")
@click.option("--if-missing", is_flag=True, help="Add nothing where an app has this name or URL.")
@_field_options
@using_database()
def add(
    name: str,
    url: str,
    board: str | None,
    section: str | None,
    *,
    if_missing: bool,
    create: bool,
    as_json: bool,
    **fields: Any,
) -> None:
    """Add an app at the end of a section.

    Without --board the app is only in the catalogue.

    Prints its id alone on stdout, with --if-missing that of the app that is there already.

    \b
    Examples:
      flask app add Jellyfin https://jellyfin.home.arpa --board home --section Media --create
      flask app add Grocy https://grocy.home.arpa --tag family --tag food --icon brand:grocy
      flask app add Jellyfin https://jellyfin.home.arpa --if-missing
    """
    entries = replace(AppEntries(name=name, url=url), **_given(fields)).checked()
    if if_missing and (there := _same(entries)):
        say(f"{there.name} is there already; nothing was changed.")
        print_result(_facts(there), there.id, as_json=as_json)
        return
    made, _ = apps.create_app(entries, _section(board, section, create=create), actor=COMMAND_LINE)
    say(f"{made.name} added{_where(made)}.")
    print_result(_facts(made), made.id, as_json=as_json)


@app.command("edit")
@click.argument("reference", metavar="APP")
@click.option("--name")
@click.option("--url")
@_field_options
@using_database()
def edit(
    reference: str,
    board: str | None,
    section: str | None,
    *,
    create: bool,
    as_json: bool,
    **fields: Any,
) -> None:
    """Change the given fields of an app.

    Given tags replace the tags of the app. --tag "" removes them all. With --board it is moved
    to the end of a section of that board, and keeps its places on other boards.

    \b
    Examples:
      flask app edit Jellyfin --url https://films.home.arpa --tag family
      flask app edit 7 --board work --section Tools
      flask app edit Jellyfin --local-url "" --icon symbol:tv
    """
    found = find_app(reference)
    entries = replace(AppEntries.of(found), **_given(fields)).checked()
    target = _section(board, section, create=create)
    apps.save_app(found, entries, actor=COMMAND_LINE)
    if target is not None and not _is_only_in(found, target):
        bulk.move_apps([found], target, actor=COMMAND_LINE)
    say(f"{found.name} saved.")
    if as_json:
        print_json(_facts(found))


@app.command("remove")
@click.argument("reference", metavar="APP")
@click.option("--from", "board", required=True, help="The board: address, id or name.")
@using_database()
def remove(reference: str, board: str) -> None:
    """Remove an app from a board.

    The app is kept. `flask app delete` deletes it.

    \b
    Examples:
      flask app remove Jellyfin --from home
    """
    found, on = find_app(reference), find_board(board)
    places = [each for each in found.placements if each.section.board_id == on.id]
    if not places:
        raise Failure(f"{found.name} is not on {on.name}")
    for place in places:
        remove_place(place, actor=COMMAND_LINE)
    say(f"{found.name} removed from {on.name}. `flask app list` still has it.")


@app.command("delete")
@click.argument("reference", metavar="APP")
@yes_option
@using_database()
def delete(reference: str, *, yes: bool) -> None:
    """Delete an app, with its check history.

    \b
    Examples:
      flask app delete Jellyfin
      flask app delete 7 --yes
    """
    found = find_app(reference)
    name = found.name
    if not yes:
        boards = len({each.section.board_id for each in found.placements})
        say(f"{name} will be deleted, with its places on {_boards(boards)} and its check history.")
        require_word("delete")
    bulk.delete_apps([found], actor=COMMAND_LINE)
    say(f"{name} deleted.")


@app.command("archive")
@click.argument("reference", metavar="APP")
@using_database()
def archive(reference: str) -> None:
    """Hide an app on every board. It keeps its places.

    \b
    Examples:
      flask app archive Jellyfin
    """
    found = find_app(reference)
    change = bulk.archive_apps([found], actor=COMMAND_LINE)
    is_same = change.facts.get("is_unchanged")
    say(f"{found.name} was archived already." if is_same else f"{found.name} archived.")


@app.command("unarchive")
@click.argument("reference", metavar="APP")
@using_database()
def unarchive(reference: str) -> None:
    """Show an archived app again, in the places it had.

    \b
    Examples:
      flask app unarchive Jellyfin
    """
    found = find_app(reference)
    change = bulk.unarchive_apps([found], actor=COMMAND_LINE)
    is_same = change.facts.get("is_unchanged")
    words = "is not in the archive" if is_same else "restored from the archive"
    say(f"{found.name} {words}.")


def _given(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of which options were given; several tags are one text."""
    given = {name: value for name, value in fields.items() if value is not None and name != "tags"}
    return given | ({"tags": ", ".join(fields["tags"])} if fields["tags"] else {})


def _section(board: str | None, section: str | None, *, create: bool) -> Section | None:
    """Return the section that is named, perhaps added, inside the transaction of the command."""
    if board is None and section is None:
        return None
    if board is None or section is None:
        raise click.UsageError("Give both --board and --section, or none of them.")
    on = find_board(board)
    if create and find_or_none(on, section) is None:
        return put_section(on, section, actor=COMMAND_LINE)
    return find_section(on, section)


def _same(entries: AppEntries) -> App | None:
    name = entries.name.casefold()
    found = [each for each in all_apps() if each.name.casefold() == name or each.url == entries.url]
    return next(iter(found), None)


def _is_only_in(found: App, section: Section) -> bool:
    here = [each for each in found.placements if each.section.board_id == section.board_id]
    return [each.section_id for each in here] == [section.id]


def _where(made: App) -> str:
    return "".join(
        f" to {each.section.name} on {each.section.board.name}" for each in made.placements
    )


def _boards(number: int) -> str:
    return "1 board" if number == 1 else f"{number} boards"


def _facts(one: App) -> dict[str, object]:
    entries = AppEntries.of(one)
    return {
        "id": one.id,
        "name": entries.name,
        "url": entries.url,
        "url_local": entries.url_local,
        "description": entries.description,
        "tags": [each.name for each in one.tags],
        "keywords": entries.keywords,
        "opens": str(entries.opens),
        "icon": entries.icon,
        "is_sample": one.is_sample,
        "archived_at": one.archived_at,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "places": [_place_facts(each) for each in one.placements],
    }


def _place_facts(place: Placement) -> dict[str, object]:
    return {
        "board": place.section.board.slug,
        "section": place.section.name,
        "section_id": place.section_id,
        "position": position_of(place),
    }
