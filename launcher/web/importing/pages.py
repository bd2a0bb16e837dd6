"""The pages of an import: the source and the file, the preview, and the import itself.

Nothing is written into the database before the preview is confirmed. The plan is made again then,
so what came meanwhile is there already.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.exceptions import RequestEntityTooLarge

from launcher.catalogue.access import editable_boards, home_board
from launcher.catalogue.boards import add_board
from launcher.catalogue.entries import BoardEntries
from launcher.catalogue.import_draft import check_draft
from launcher.catalogue.import_plan import ImportPlan, plan_import
from launcher.catalogue.importing import import_apps
from launcher.catalogue.undo_kept import KEEP_IMPORTS, KEEP_IMPORTS_FOR, kept_imports
from launcher.db.session import release, resume
from launcher.db.settings import site_settings
from launcher.i18n.labels import imported_section
from launcher.i18n.locale import gettext as _
from launcher.icons.remote import MOST_ICONS
from launcher.icons.uploads import clean_name
from launcher.importing.draft import MAX_BYTES, Source, UnreadableFileError
from launcher.importing.reading import read
from launcher.models import Board
from launcher.web.editing.rights import board_to_edit, editing_required
from launcher.web.errors import show_refusal
from launcher.web.form_files import read_form_with_file
from launcher.web.htmx import render
from launcher.web.importing import kept as files
from launcher.web.importing.icons import fetch_pictures, imported_toast, kept_pictures
from launcher.web.importing.kept import Kept
from launcher.web.importing.shown import shown
from launcher.web.importing.words import SOURCES, too_large_words, unreadable_words
from launcher.web.numbers import read_number
from launcher.web.receiving import receives_file
from launcher.web.roles import acting_user, signed_in_user
from launcher.web.toasts import show
from launcher.web.unsaved.again import carries_entries

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("importing", __name__)

ONE = "one"
"""The value of the field `sections` for one section with all apps."""


@blueprint.get("/import")
@editing_required
def choose() -> ResponseReturnValue:
    """Ask for the source and the file; `board` in the address is where the apps would go."""
    return _choose_page(request.args.get("source", Source.BOOKMARKS))


@blueprint.post("/import")
@carries_entries
@receives_file
@editing_required
def receive() -> ResponseReturnValue:
    """Read a file, and show the preview."""
    user_id = signed_in_user().id
    try:
        sent = read_form_with_file("file", limit_bytes=MAX_BYTES)
    except RequestEntityTooLarge:
        resume(writes=False)
        words = too_large_words(request.content_length or 0, MAX_BYTES)
        return _choose_page(Source.BOOKMARKS, error=words), 413
    chosen = request.form.get("source", "")
    source = Source(chosen) if chosen in set(Source) else Source.BOOKMARKS
    if sent is None:
        resume(writes=False)
        return _choose_page(source, error=_("Choose a file.")), 422
    if len(sent.content) > MAX_BYTES:
        resume(writes=False)
        size_bytes = max(request.content_length or 0, len(sent.content))
        return _choose_page(source, error=too_large_words(size_bytes, MAX_BYTES)), 413
    name = clean_name(sent.name)
    try:
        draft = check_draft(read(source, sent.content, name))
    except UnreadableFileError as error:
        resume(writes=False)
        words = unreadable_words(error, source)
        return _choose_page(str(error.facts.get("looks_like") or source), error=words), 422
    token = files.keep(Kept(user_id, name, draft))
    resume(writes=False)
    board = request.form.get("board") or None
    return redirect(url_for("importing.preview", token=token, board=board), 303)


@blueprint.get("/import/<token>")
@editing_required
def preview(token: str) -> ResponseReturnValue:
    """Show what an import would create; `board` and `sections` in the address say where."""
    kept = files.find(token, signed_in_user().id)
    if kept is None:
        return _show_gone()
    target, one = _target(request.args.get("board", "")), request.args.get("sections") == ONE
    return _preview_page(token, kept, target, _plan(kept, target, one=one), one=one)


@blueprint.post("/import/<token>")
@editing_required
def write(token: str) -> ResponseReturnValue:
    """Import what is ticked, and go on to the board; or show the preview for other choices."""
    user_id = signed_in_user().id
    release()  # reading takes a while, and no one else can write during that
    kept = files.find(token, user_id)
    resume()
    if kept is None:
        return _show_gone()
    target, one = _target(request.form.get("board", "")), request.form.get("sections") == ONE
    plan = _plan(kept, target, one=one)
    unticked = _Unticked(
        {link.number for each in plan.sections for link in each.links} - _ticked("app"),
        {each.number for each in plan.sections} - _ticked("section"),
    )
    if "step" in request.form:
        return _preview_page(token, kept, target, plan, one=one, unticked=unticked)
    chosen = plan.without(links=unticked.apps, sections=unticked.sections)
    if not chosen.count:
        return _preview_page(token, kept, target, plan, one=one, unticked=unticked), 422
    fetched = None
    if "fetch" in request.form:
        fetched = fetch_pictures(chosen.icon_urls)
        # Others may have written meanwhile, or taken the rights away.
        target = _target(request.form.get("board", ""))
        chosen = _plan(kept, target, one=one).without(
            links=unticked.apps, sections=unticked.sections
        )
        chosen = chosen.with_icons(kept_pictures(fetched, chosen.icon_urls))
    board = target.board or add_board(
        BoardEntries(name=_("Home")), owner=signed_in_user(), actor=acting_user()
    )
    change = import_apps(chosen, board, actor=acting_user())
    files.forget(token, user_id)
    show(imported_toast(change, fetched))
    return redirect(url_for("start.board", slug=board.slug), 303)


@dataclass(frozen=True, slots=True)
class _Unticked:
    """The numbers of the apps and sections that are not wanted."""

    apps: Set[int] = frozenset()
    sections: Set[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Target:
    """The board that gets the apps, None for one that is created; and the others to choose."""

    board: Board | None
    boards: tuple[Board, ...]


def _target(slug: str) -> _Target:
    viewer = signed_in_user()
    boards = tuple(editable_boards(viewer))
    if slug:
        return _Target(board_to_edit(slug), boards)
    if not boards and not viewer.may_edit:
        abort(403)
    return _Target(home_board(boards, viewer), boards)


def _plan(kept: Kept, target: _Target, *, one: bool) -> ImportPlan:
    section = imported_section(Source(kept.draft.source))
    return plan_import(
        kept.draft,
        target.board,
        viewer=signed_in_user(),
        nameless=section,
        one_section=section if one else None,
    )


def _ticked(name: str) -> set[int | None]:
    return {read_number(each) for each in request.form.getlist(name)}


def _preview_page(
    token: str,
    kept: Kept,
    target: _Target,
    plan: ImportPlan,
    *,
    one: bool,
    unticked: _Unticked = _Unticked(),
) -> str:
    return render(
        "admin/import_preview.html",
        part="admin/_import.html",
        token=token,
        kept=kept,
        plan=plan,
        shown=shown(plan, kept),
        target=target,
        one=one,
        ONE=ONE,
        unticked=unticked,
        icon_urls=plan.icon_urls if site_settings().fetch_enabled else (),
        most_icons=MOST_ICONS,
        fetches="fetch" in request.form,
        most_imports=KEEP_IMPORTS,
        days=KEEP_IMPORTS_FOR.days,
    )


def _choose_page(source: str, *, error: str = "") -> str:
    sent = request.form if request.method == "POST" and request.form else request.args
    return render_template(
        "admin/import.html",
        sources=SOURCES,
        source=source if source in set(Source) else Source.BOOKMARKS,
        target=_target(sent.get("board", "")),
        error=error,
        limit_bytes=MAX_BYTES,
        imports=kept_imports(signed_in_user()),
    )


def _show_gone() -> ResponseReturnValue:
    return show_refusal(
        404,
        _("Preview not found"),
        _(
            "The file was imported already, was uploaded more than 1 hour ago, or you uploaded 3"
            " other files since. Choose the file again."
        ),
    )
