"""Changes of the sections of a board: add, rename, move, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import abort, request

from launcher.catalogue.access import editable_boards
from launcher.catalogue.errors import ChangedMeanwhileError, FieldsRefusedError
from launcher.catalogue.sections import (
    add_section,
    delete_section,
    move_section,
    rename_section,
)
from launcher.i18n.locale import gettext as _
from launcher.models import Board, Section
from launcher.web.change_words import show_change
from launcher.web.editing.conflict_words import changed_words
from launcher.web.editing.page import answer, form_done, show_form
from launcher.web.editing.rights import (
    blueprint,
    board_to_edit,
    editing_required,
    seen_sections,
    with_section,
)
from launcher.web.frame import current_viewer
from launcher.web.numbers import number_field
from launcher.web.refusal_words import refusal_words
from launcher.web.roles import acting_user
from launcher.web.toasts import make_toast, show

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


@blueprint.post("/b/<slug>/sections")
@editing_required
def add(slug: str) -> ResponseReturnValue:
    """Add a section with the field `name` at the end of a board."""
    board = board_to_edit(slug)
    try:
        change = add_section(board, request.form.get("name", ""), actor=acting_user())
    except FieldsRefusedError as error:
        return _refuse_name(board, _("Section not added."), error)
    show_change(change)
    return answer(board, at=f"section-{change.facts['section_id']}")


@blueprint.post("/b/<slug>/sections/<id:section_id>/rename")
@with_section
def rename(board: Board, section: Section) -> ResponseReturnValue:
    """Rename a section to the field `name`."""
    name = request.form.get("name", "")
    try:
        show_change(rename_section(section, name, actor=acting_user(), seen=seen_sections()))
    except FieldsRefusedError as error:
        return _refuse_name(board, _("Section not renamed."), error)
    return answer(board, at=f"section-{section.id}")


@blueprint.post("/b/<slug>/sections/<id:section_id>/move")
@with_section
def move(board: Board, section: Section) -> ResponseReturnValue:
    """Move a section to the field `position`, from 1, of its board."""
    position = number_field("position", len(board.sections))
    change = move_section(section, board, position, actor=acting_user(), seen=seen_sections())
    show_change(change)
    return answer(board, at=f"section-{section.id}")


@blueprint.get("/b/<slug>/sections/<id:section_id>/move-to")
@with_section
def ask_move(board: Board, section: Section) -> ResponseReturnValue:
    """Ask to which board a section moves."""
    return _ask_move(board, section)


@blueprint.post("/b/<slug>/sections/<id:section_id>/move-to")
@with_section
def move_to(board: Board, section: Section) -> ResponseReturnValue:
    """Move a section to the end of the board `board`."""
    wanted = number_field("board", board.id)
    target = next((each for each in editable_boards(current_viewer()) if each.id == wanted), None)
    if target is None:
        abort(404)
    try:
        if target is not board:
            end = len(target.sections) + 1
            change = move_section(section, target, end, actor=acting_user(), seen=seen_sections())
            show_change(change)
    except ChangedMeanwhileError as error:
        return _ask_move(board, section, error=changed_words(error), status=409)
    return form_done(board, target, at=f"section-{section.id}")


@blueprint.get("/b/<slug>/sections/<id:section_id>/delete")
@with_section
def ask_delete(board: Board, section: Section) -> ResponseReturnValue:
    """Ask whether to delete a section."""
    return _ask_delete(board, section)


@blueprint.post("/b/<slug>/sections/<id:section_id>/delete")
@with_section
def delete(board: Board, section: Section) -> ResponseReturnValue:
    """Delete a section; its apps stay in the catalogue."""
    try:
        show_change(delete_section(section, actor=acting_user(), seen=seen_sections()))
    except ChangedMeanwhileError as error:
        return _ask_delete(board, section, error=changed_words(error), status=409)
    return form_done(board, board)


def _refuse_name(board: Board, words: str, error: FieldsRefusedError) -> ResponseReturnValue:
    typed = request.form.get("name", "")
    reason = refusal_words("name", error.fields["name"], typed)
    show(make_toast(f"{words} {reason}", severity="bad"))
    return answer(board, status=422, typed=typed)


def _ask_move(
    board: Board, section: Section, *, error: str = "", status: int = 200
) -> ResponseReturnValue:
    title = _("Move section %(section)s", section=section.name)
    boards = editable_boards(current_viewer())
    return show_form(
        board, "_move_section.html", title=title, error=error, status=status,
        section=section, boards=boards,
    )  # fmt: skip


def _ask_delete(
    board: Board, section: Section, *, error: str = "", status: int = 200
) -> ResponseReturnValue:
    title = _("Delete section %(section)s?", section=section.name)
    apps = sum(each.app.archived_at is None for each in section.placements)
    return show_form(
        board, "_delete_section.html", title=title, error=error, status=status,
        section=section, apps=apps,
    )  # fmt: skip
