"""`flask import`: apps from a file of a browser or another dashboard."""

from __future__ import annotations

from typing import IO

import click
from flask.cli import with_appcontext

from launcher.audit import COMMAND_LINE
from launcher.catalogue.boards import add_board
from launcher.catalogue.entries import BoardEntries
from launcher.catalogue.import_draft import CheckedDraft, Left, check_draft
from launcher.catalogue.import_plan import ImportPlan, plan_import
from launcher.catalogue.importing import import_apps
from launcher.cli.exits import EXIT_CODES
from launcher.cli.failures import Failure, using_database
from launcher.cli.import_words import left_words, unreadable_words
from launcher.cli.lookup import find_board
from launcher.cli.output import print_json, print_result, print_table, say
from launcher.cli.shell import json_option
from launcher.db.settings import site_settings
from launcher.i18n.app import speaking
from launcher.i18n.labels import imported_section
from launcher.importing.draft import MAX_BYTES, Source, UnreadableFileError
from launcher.importing.reading import guess, read
from launcher.models import Board, Visibility


class UnacceptableFileFailure(Failure):
    """The file cannot be imported: exits with the code that `flask backup import` has for it."""

    exit_code = EXIT_CODES["upload_rejected"]


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--board", help="Address, id or name of the board that gets the apps.")
@click.option("--new-board", help="Name of a private board that is created for the apps.")
@click.option(
    "--source",
    type=click.Choice([each.value for each in Source]),
    help="Where the file comes from. Without it, that is guessed.",
)
@click.option("--section", help="One section for all apps, instead of one for each folder.")
@click.option("--dry-run", is_flag=True, help="Print what would be created, and create nothing.")
@json_option
@with_appcontext
def import_(
    file: IO[bytes],
    board: str | None,
    new_board: str | None,
    source: str | None,
    section: str | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Import apps from FILE to a board.

    Use “-” as FILE for stdin. An import is not a backup.

    FILE is a browser's bookmark file, services.yaml or bookmarks.yaml of Homepage, config.yml of
    Homer, conf.yml of Dashy, a Heimdall export or a CSV table. What is there already (the same URL)
    is not changed. Prints the number of new apps alone on stdout, with --dry-run each of them.

    \b
    Examples:
      flask import bookmarks.html --board home --dry-run
      flask import services.yaml --board home --source homepage
      flask import apps.csv --board work --section Tools --json
      flask import conf.yml --new-board "From Dashy"
    """
    if (board is None) == (new_board is None):
        raise click.UsageError("Give either --board or --new-board.")
    draft = _read(file, source)
    with using_database(writes=not dry_run):
        on = None if board is None else find_board(board)
        entries = BoardEntries(name=new_board or "", visibility=Visibility.PRIVATE)
        name = on.name if on else entries.checked().name
        plan = plan_import(
            draft, on, viewer=None, nameless=_nameless(Source(draft.source)), one_section=section
        )
        if on is None and plan.count and not dry_run:
            on = add_board(entries, owner=None, actor=COMMAND_LINE)
        facts = _facts(on, draft, plan, is_dry=dry_run)
        if dry_run or on is None:
            if as_json:
                print_json(facts)
            elif not dry_run:
                print_result(facts, 0, as_json=False)
            elif rows := _rows(plan):
                print_table(rows)
        else:
            import_apps(plan, on, actor=COMMAND_LINE)
            print_result(facts, plan.count, as_json=as_json)
        _say_left(draft)
        _say_sum(plan, draft, name, is_dry=dry_run)


def _read(file: IO[bytes], source: str | None) -> CheckedDraft:
    content = file.read(MAX_BYTES + 1)
    name = str(getattr(file, "name", ""))
    chosen = Source(source) if source else None
    try:
        chosen = chosen or guess(content, name)
        if chosen is None:
            raise UnacceptableFileFailure(
                "the source of the file cannot be guessed", hint="Give it with --source."
            )
        return check_draft(read(chosen, content, name))
    except UnreadableFileError as error:
        message, hint = unreadable_words(error, chosen)
        raise UnacceptableFileFailure(message, hint=hint) from error


def _nameless(source: Source) -> str:
    """Return what the section for links in no folder is called, in the language of the site."""
    site = site_settings()
    with speaking(site.default_locale, site.time_zone):
        return imported_section(source)


def _rows(plan: ImportPlan) -> list[tuple[str, ...]]:
    rows = [
        (each.name, link.entries.name, link.entries.url, link.entries.icon.rstrip(":"))
        for each in plan.sections
        for link in each.links
    ]
    return [("SECTION", "NAME", "URL", "ICON"), *rows] if rows else []


def _say_left(draft: CheckedDraft) -> None:
    for each in draft.left:
        say(f"Left out{_where(each)}: {left_words(each)}.")
    for each in draft.notes:
        say(f"Note{_where(each)}: {left_words(each)}.")
    if draft.pictures:
        number = _number(draft.pictures, "icon")
        say(f"Note: {number} in the file not imported: matching icons or letters are used.")
    if draft.beyond_limit:
        rest = _number(draft.beyond_limit, "link")
        say(f"Warning: {rest} not read. An import has up to 5,000 links.")
    if draft.ends_in_line:
        again = "Export it again for the rest." if draft.folders else "Export it again."
        say(f"Warning: the file ends in line {draft.ends_in_line}. {again}")


def _where(left: Left) -> str:
    line = f"line {left.line}" if left.line else ""
    return "".join(f", {each}" for each in (line, left.name) if each)


def _say_sum(plan: ImportPlan, draft: CheckedDraft, board: str, *, is_dry: bool) -> None:
    done = "would be imported" if is_dry else "imported"
    say(
        f"{_number(plan.count, 'app')} {done} to {board},"
        f" {_number(plan.new_sections, 'new section')}."
        f" {len(plan.there)} already there, {draft.left_count} left out."
    )


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _facts(
    board: Board | None, draft: CheckedDraft, plan: ImportPlan, *, is_dry: bool
) -> dict[str, object]:
    return {
        "board": board.slug if board else None,
        "source": draft.source,
        "is_dry_run": is_dry,
        "apps": plan.count,
        "new_sections": plan.new_sections,
        "left_out_count": draft.left_count,
        "created": [
            {
                "section": each.name,
                "is_new_section": each.section_id is None,
                "line": link.line,
                "name": link.entries.name,
                "url": link.entries.url,
                "icon": link.entries.icon,
            }
            for each in plan.sections
            for link in each.links
        ],
        "already_there": [
            {
                "line": each.link.line,
                "name": each.link.entries.name,
                "url": each.link.entries.url,
                "app": each.app,
            }
            for each in plan.there
        ],
        "left_out": [_left_facts(each) for each in draft.left],
        "notes": [_left_facts(each) for each in draft.notes],
    }


def _left_facts(left: Left) -> dict[str, object]:
    return {
        "line": left.line,
        "name": left.name,
        "reason": left.reason,
        "detail": left.detail,
        "words": left_words(left),
    }
