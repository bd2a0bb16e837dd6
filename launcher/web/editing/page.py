"""The page of a board in edit mode, and what every change of it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import Response, make_response, redirect, render_template, request, url_for

from launcher.catalogue.access import editable_boards, edited_apps, find_board
from launcher.catalogue.errors import ChangedMeanwhileError
from launcher.catalogue.sections import folds_of
from launcher.catalogue.seen import Seen, seen_of, version
from launcher.catalogue.undo_kept import import_just_made
from launcher.extensions import db
from launcher.models import Board, Section
from launcher.web.editing.conflict_words import changed_words
from launcher.web.editing.rights import blueprint, board_to_edit, editing_required
from launcher.web.errors import show_gone
from launcher.web.frame import current_viewer
from launcher.web.htmx import is_htmx
from launcher.web.pictures import Picture, picture_of
from launcher.web.roles import signed_in_user
from launcher.web.tiles import PlacedApp, placed_apps
from launcher.web.toasts import make_toast
from launcher.web.toasts import show as show_toast

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

OK, STALE = 200, 409


@dataclass(frozen=True, slots=True)
class EditedTile:
    """One app as its tile shows it in edit mode; `id` is that of its place.

    `may_edit` says whether the app may be changed, or only its place.
    """

    id: int
    app_id: int
    name: str
    note: str
    picture: Picture
    may_edit: bool


@dataclass(frozen=True, slots=True)
class EditedSection:
    """One section, perhaps without apps."""

    id: int
    name: str
    is_folded: bool
    tiles: Sequence[EditedTile]

    @property
    def seen(self) -> str:
        """The section and its version, as a form sends what the page showed."""
        return seen_words({self.id: version(self.name, [each.id for each in self.tiles])})


def seen_words(seen: Seen) -> str:
    """Return what a page shows of sections as one field holds it: `12:a3f9c1 13:0b2c77`."""
    return " ".join(f"{id_}:{each}" for id_, each in seen.items())


@blueprint.get("/b/<slug>/edit")
@editing_required
def show(slug: str) -> ResponseReturnValue:
    """Show a board in edit mode, for htmx its part alone."""
    board = board_to_edit(slug)
    if is_htmx():
        # With the boards above, which a form in the dialog may have changed.
        return render_template("_edit_board.html", boards=tabs_of(board), **_context(board))
    return render_template(
        "edit.html",
        boards=tabs_of(board),
        just_imported=import_just_made(signed_in_user(), board),
        **_context(board),
    )


def answer(board: Board, *, at: str = "", status: int = OK, typed: str = "") -> ResponseReturnValue:
    """Answer a change with the board as it is now.

    Args:
        at: the id of the element to go to, without script.
        typed: the name of a section that was refused, which stays in the form.
    """
    db.session.expire_all()
    if is_htmx():
        response = make_response(render_template("_edit_board.html", **_context(board, typed)))
        response.status_code = status
        response.headers["HX-Retarget"] = "#board"
        response.headers["HX-Reswap"] = "outerMorph"
        return response
    if status != OK:
        page = render_template("edit.html", boards=tabs_of(board), **_context(board, typed))
        return make_response(page, status)
    return redirect(url_for("editing.show", slug=board.slug, _anchor=at or None), 303)


def show_form(
    board: Board,
    part: str,
    *,
    title: str,
    error: str = "",
    status: int = OK,
    beside: Sequence[Section] = (),
    **context: object,
) -> ResponseReturnValue:
    """Show a form of the edit page: for htmx as a part for the dialog, else as a page.

    Args:
        beside: sections of other boards that the form shows.
    """
    form = render_template(
        part if is_htmx() else "edit_form.html",
        part=part,
        title=title,
        board=board,
        path=url_for("start.board", slug=board.slug),
        error=error,
        is_dialog=is_htmx(),
        seen=seen_words(seen_of([*board.sections, *beside])),
        **context,
    )
    response = make_response(form, status)
    if status == STALE:  # the board behind the dialog is as old as the form was
        response.headers["Launcher-Changed"] = url_for("editing.show", slug=board.slug)
    return response


def form_done(shown: Board, target: Board, *, at: str = "") -> ResponseReturnValue:
    """Answer a form that was saved: the script closes the dialog and renews the page of `shown`.

    Args:
        target: the board to go to without script.
    """
    if is_htmx():
        done = url_for("editing.show", slug=shown.slug)
        return Response(status=204, headers={"Launcher-Done": done})
    return answer(target, at=at)


@blueprint.errorhandler(ChangedMeanwhileError)
def show_changed(error: ChangedMeanwhileError) -> ResponseReturnValue:
    """Answer that another changed the board meanwhile, with the board as it is now."""
    db.session.rollback()
    show_toast(make_toast(changed_words(error), severity="bad"))
    board = find_board((request.view_args or {})["slug"], current_viewer())
    return answer(board, status=STALE) if board else show_gone()


def tabs_of(board: Board) -> Sequence[Mapping[str, Any]]:
    """Return the boards that the user may edit, each with its page in edit mode."""
    return [
        {
            "id": each.id,
            "name": each.name,
            "slug": each.slug,
            "url": url_for("editing.show", slug=each.slug),
            "is_current": each.id == board.id,
        }
        for each in editable_boards(current_viewer())
    ]


def sections_of(board: Board, placed: Sequence[PlacedApp]) -> Sequence[EditedSection]:
    """Return the sections of a board in order, without archived apps."""
    folds = folds_of(signed_in_user(), board)
    edited = edited_apps([app.app_id for app in placed], signed_in_user())
    tiles: dict[int, list[EditedTile]] = {}
    for app in placed:
        picture = picture_of(app, app.media_sha256)
        tile = EditedTile(
            app.placement_id, app.app_id, app.name, app.address, picture, app.app_id in edited
        )
        tiles.setdefault(app.section_id, []).append(tile)
    listed = sa.select(Section).where(Section.board_id == board.id)
    return [
        EditedSection(
            each.id, each.name, folds.get(each.id, each.is_collapsed), tiles.get(each.id, ())
        )
        for each in db.session.scalars(listed.order_by(Section.position, Section.id))
    ]


def _context(board: Board, typed: str = "") -> Mapping[str, Any]:
    # Not `url_for` for each tile: it would take longer than all the rest. A test compares the two.
    path = url_for("start.board", slug=board.slug)
    placed = placed_apps([board.id])
    sections = sections_of(board, placed)
    return {
        "is_part": is_htmx(),
        "board": board,
        "typed": typed,
        "sections": sections,
        "seen": " ".join(each.seen for each in sections),
        "samples": sum(app.is_sample for app in placed),
        "path": path,
        "apps_path": f"{request.script_root}/apps",
    }
