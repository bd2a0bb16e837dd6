"""Changes of the places of apps on a board: move, duplicate, remove, archive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flask import abort, request

from launcher.catalogue.access import editable_boards, may_edit_app
from launcher.catalogue.apps import duplicate_app
from launcher.catalogue.bulk import archive_app
from launcher.catalogue.errors import AlreadyThereError, ChangedMeanwhileError
from launcher.catalogue.new_section import NewSection
from launcher.catalogue.places import move_place, position_of, remove_place
from launcher.extensions import db
from launcher.i18n.locale import gettext as _
from launcher.models import Board, Placement, Section
from launcher.web.apps.placing import first_section_name
from launcher.web.change_words import show_change
from launcher.web.editing.conflict_words import changed_words
from launcher.web.editing.page import answer, form_done, show_form
from launcher.web.editing.rights import (
    blueprint,
    seen_sections,
    with_place,
)
from launcher.web.frame import current_viewer
from launcher.web.numbers import number_field, read_number
from launcher.web.roles import acting_user
from launcher.web.toasts import make_toast, show

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

_LAST = 1_000_000_000
_NEW = "new-"


@blueprint.post("/b/<slug>/apps/<id:placement_id>/move")
@with_place
def move_app(board: Board, place: Placement) -> ResponseReturnValue:
    """Move an app to the field `position`, from 1, of the field `section`, the end by default."""
    section = _wanted_section(place)
    try:
        _move(place, section)
    except AlreadyThereError:
        show(make_toast(_already_words(place, section), severity="bad"))
    return answer(board, at=f"place-{place.id}")


@blueprint.get("/b/<slug>/apps/<id:placement_id>/move-to")
@with_place
def ask_move_app(board: Board, place: Placement) -> ResponseReturnValue:
    """Ask where to move an app: board, section and position."""
    return _ask_move(board, place)


@blueprint.post("/b/<slug>/apps/<id:placement_id>/move-to")
@with_place
def move_app_to(board: Board, place: Placement) -> ResponseReturnValue:
    """Move an app to a section and position that a person chose.

    A position counts in the section `positions_of`; in another the app goes to the end.
    """
    section = _wanted_section(place)
    if "choose" in request.form:
        return _ask_move(board, place, chosen=section)
    try:
        _move(place, section)
    except ChangedMeanwhileError as error:
        return _ask_move(board, place, error=changed_words(error), status=409)
    except AlreadyThereError:
        return _ask_move(board, place, error=_already_words(place, section), status=422)
    return form_done(board, section.board, at=f"place-{place.id}")


@blueprint.post("/b/<slug>/apps/<id:placement_id>/duplicate")
@with_place
def duplicate(board: Board, place: Placement) -> ResponseReturnValue:
    """Add a copy of an app after it."""
    _require_app_to_edit(place)
    name = _("%(name)s copy", name=place.app.name)
    _copy, change = duplicate_app(place.app, place, name=name, actor=acting_user())
    show_change(change)
    return answer(board, at=f"place-{change.facts['place_id']}")


@blueprint.post("/b/<slug>/apps/<id:placement_id>/remove")
@with_place
def remove(board: Board, place: Placement) -> ResponseReturnValue:
    """Remove an app from a board; it stays in the catalogue."""
    at = f"section-{place.section_id}"
    show_change(remove_place(place, actor=acting_user(), seen=seen_sections()))
    return answer(board, at=at)


@blueprint.post("/b/<slug>/apps/<id:placement_id>/archive")
@with_place
def archive(board: Board, place: Placement) -> ResponseReturnValue:
    """Hide an app on every board."""
    _require_app_to_edit(place)
    at = f"section-{place.section_id}"
    show_change(archive_app(place.app, actor=acting_user()))
    return answer(board, at=at)


def _require_app_to_edit(place: Placement) -> None:
    """Refuse to change an app that the user may only move and remove on this board."""
    if not may_edit_app(current_viewer(), place.app):
        abort(403)


def _move(place: Placement, section: Section | NewSection) -> None:
    position = number_field("position", _LAST)
    if request.form.get("positions_of", _value_of(section)) != _value_of(section):
        position = _LAST
    seen = seen_sections()
    show_change(move_place(place, section, position, actor=acting_user(), seen=seen))


def _wanted_section(place: Placement) -> Section | NewSection:
    """Return the section of the field `section`, else the one where the app is.

    The field `board` alone means the last section of that board. A board without sections gets one
    with the app.
    """
    boards = {each.id: each for each in editable_boards(current_viewer())}
    wanted = request.form.get("section", "")
    if wanted.startswith(_NEW) or ("section" not in request.form and number_field("board")):
        named = read_number(wanted.removeprefix(_NEW)) if wanted else number_field("board")
        board = boards.get(named or 0) or abort(404)
        return board.sections[-1] if board.sections else NewSection(board, first_section_name())
    section_id = number_field("section", place.section_id)
    section = db.session.get(Section, section_id)
    if section is None or section.board_id not in boards:
        abort(404)
    return section


def _value_of(section: Section | NewSection) -> str:
    """Return how a form names a section, or the board that gets one."""
    return str(section.id) if isinstance(section, Section) else f"{_NEW}{section.board.id}"


def _already_words(place: Placement, section: Section | NewSection) -> str:
    return _(
        "Move not saved. %(app)s is already in %(section)s.",
        app=place.app.name,
        section=section.name,
    )


def _ask_move(
    board: Board,
    place: Placement,
    *,
    chosen: Section | NewSection | None = None,
    error: str = "",
    status: int = 200,
) -> ResponseReturnValue:
    section = chosen or place.section
    beside = [section] if isinstance(section, Section) and section.board is not board else []
    return show_form(
        board,
        "_move_app.html",
        title=_("Move %(name)s", name=place.app.name),
        error=error,
        status=status,
        beside=beside,
        place=place,
        chosen=_value_of(section),
        groups=[(each.name, _choices_of(each)) for each in editable_boards(current_viewer())],
        positions=_others_of(section, place) if isinstance(section, Section) else (),
        position=position_of(place) if section is place.section else 0,
    )


def _choices_of(board: Board) -> Sequence[tuple[str, str]]:
    """Return the sections of a board, or the one that it gets: the value and the name of each."""
    sections: Sequence[Section | NewSection] = board.sections
    sections = sections or [NewSection(board, first_section_name())]
    return [(_value_of(each), each.name) for each in sections]


def _others_of(section: Section, place: Placement) -> Sequence[str]:
    """Return the names of the apps after which an app can go in a section."""
    shown = sorted(section.placements, key=lambda each: (each.position, each.id))
    return [each.app.name for each in shown if each.app.archived_at is None and each is not place]
