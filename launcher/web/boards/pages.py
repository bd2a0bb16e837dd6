"""The forms of a board: new, settings, delete; and its place among the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, redirect, request, url_for

from launcher.catalogue import boards as catalogue
from launcher.catalogue.access import editable_boards, visible_boards
from launcher.catalogue.board_settings import BoardEditedByTwoError, save_settings
from launcher.catalogue.entries import BoardEntries
from launcher.catalogue.errors import ChangedMeanwhileError, FieldsRefusedError, NotAllowedError
from launcher.catalogue.personal import set_start_page
from launcher.catalogue.undo import Change
from launcher.extensions import db
from launcher.i18n.locale import gettext
from launcher.models import Board
from launcher.web.apps.placing import first_section_name
from launcher.web.auth import safe_path
from launcher.web.boards import form, sharing
from launcher.web.boards.form import Draft
from launcher.web.change_words import show_change
from launcher.web.editing.rights import board_to_edit, editing_required
from launcher.web.htmx import is_htmx, redirect_to, render
from launcher.web.numbers import number_field
from launcher.web.roles import acting_user, editor_required, signed_in_user

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("boards", __name__)

_NEW = Draft(BoardEntries(), BoardEntries())


@blueprint.get("/boards/new")
@editor_required
def new() -> ResponseReturnValue:
    """Show the form of a new board."""
    return _show_form(None, _NEW)


@blueprint.post("/boards/new")
@editing_required
@editor_required
def create() -> ResponseReturnValue:
    """Create a board, and go on to it."""
    draft = form.read_draft(request.form, _NEW)
    if "step" in request.form:
        return _show_form(None, draft)
    try:
        board, change = catalogue.create_board(
            draft.entries,
            owner=signed_in_user(),
            actor=acting_user(),
            section=first_section_name(),
        )
    except FieldsRefusedError as error:
        return _show_form(None, draft, errors=form.error_words(error, draft.entries)), 422
    _show_saved(change, draft)
    return _done(_page_of(board))


@blueprint.get("/b/<slug>/settings")
@editing_required
def settings(slug: str) -> ResponseReturnValue:
    """Show the settings of a board."""
    board = board_to_edit(slug)
    return _show_form(board, _draft_of(board))


@blueprint.post("/b/<slug>/settings")
@editing_required
def save(slug: str) -> ResponseReturnValue:
    """Save the settings of a board, all or none."""
    board, viewer = board_to_edit(slug), signed_in_user()
    now = _draft_of(board)
    draft = form.read_draft(request.form, now)
    others = [each for each in visible_boards(viewer) if each is not board]
    if "step" in request.form:
        return _show_form(board, draft)
    try:
        change = save_settings(
            board,
            form.settings_of(draft, now, others if viewer.may_edit else None),
            viewer=viewer,
            actor=acting_user(),
            seen=draft.seen,
        )
    except FieldsRefusedError as error:
        db.session.rollback()
        return _show_form(board, draft, errors=form.error_words(error, draft.entries)), 422
    except NotAllowedError:
        db.session.rollback()
        return _show_form(board, draft, refused=form.why_not_governed(board, viewer)), 403
    except BoardEditedByTwoError as error:
        db.session.rollback()
        both = Draft(
            error.merged,
            error.theirs,
            draft.after,
            draft.seen_after,
            draft.is_home,
            draft.is_own_home,
        )
        return _show_form(board, both, errors=form.conflict_words(error), is_conflict=True), 409
    if draft.is_own_home != now.is_own_home:
        home, in_new_tab = board if draft.is_own_home else None, viewer.open_new_tab
        set_start_page(viewer, home=home, opens_new_tab=in_new_tab, actor=acting_user())
    _show_saved(change, draft)
    if is_htmx():  # the name in the bar is another: the whole page, not the board in it
        return _done(url_for("editing.show", slug=board.slug, saved=board.revision))
    return _done(_back(board))


@blueprint.get("/b/<slug>/delete")
@editing_required
def ask_to_delete(slug: str) -> ResponseReturnValue:
    """Ask, naming what is deleted with the board."""
    return _ask_to_delete(board_to_edit(slug))


@blueprint.post("/b/<slug>/delete")
@editing_required
def delete(slug: str) -> ResponseReturnValue:
    """Delete a board; its apps stay in the catalogue."""
    board, viewer = board_to_edit(slug), signed_in_user()
    seen = number_field("revision")
    try:
        change = catalogue.delete_board(board, viewer=viewer, actor=acting_user(), seen=seen)
    except NotAllowedError:
        return _ask_to_delete(board), 403
    except ChangedMeanwhileError:
        return _ask_to_delete(board, is_changed=True), 409
    show_change(change)
    is_list = safe_path(request.form.get("next", "")) == _list_path()
    return _done(_list_path() if is_list else url_for("start.home"))


@blueprint.post("/b/<slug>/move")
@editing_required
@editor_required
def move(slug: str) -> ResponseReturnValue:
    """Move a board to the position `position`, from 1, among those that the user sees.

    With `among=edited`, among those that they may edit, as the bar of edit mode has them.
    """
    board = board_to_edit(slug)
    position = number_field("position")
    if position is None:
        abort(422)
    shown = editable_boards if request.form.get("among") == "edited" else visible_boards
    among = shown(signed_in_user())
    show_change(catalogue.move_board(board, position, among=among, actor=acting_user()))
    return redirect_to(_back(board))


def _show_form(
    board: Board | None,
    draft: Draft,
    *,
    errors: Mapping[str, str] | None = None,
    is_conflict: bool = False,
    refused: str = "",
) -> str:
    viewer = signed_in_user()
    others = [each for each in visible_boards(viewer) if board is None or each.id != board.id]
    return render(
        "board_form.html",
        part="_board_form.html",
        board=board,
        draft=draft,
        labels=form.LABELS,
        names=form.NAMES,
        errors=errors or {},
        is_conflict=is_conflict,
        refused=refused,
        others=others,
        densities=form.DENSITIES,
        columns=form.columns(),
        choices=form.choices(board, viewer),
        chosen=sharing.chosen_visibility(draft.entries.visibility, draft.entries.shared_with),
        sharers=sharing.sharers(draft.entries.shared_with, board, viewer),
        accesses=sharing.ACCESSES,
        why_not=form.why_not_governed(board, viewer) if board else "",
        address=form.address_of(draft.entries.slug),
        is_dialog=is_htmx(),
        is_sharing="step" in request.form,
        sharing_note=_sharing_note(draft),
        next_path=_next_path(),
        back=_back(board),
    )


def _sharing_note(draft: Draft) -> str:
    """Return what came of *Add*, "" where the list says it."""
    if "step" not in request.form:
        return ""
    if not request.form.get("add_share"):
        return gettext("Choose a person or group to add.")
    return sharing.opened_words() if draft.is_opened else ""


def _show_saved(change: Change, draft: Draft) -> None:
    show_change(change, details=[sharing.opened_words()] if draft.is_opened else ())


def _ask_to_delete(board: Board, *, is_changed: bool = False) -> str:
    return render(
        "board_delete.html",
        part="_board_delete.html",
        board=board,
        why_not=form.why_not_governed(board, signed_in_user()),
        is_changed=is_changed,
        is_dialog=is_htmx(),
        next_path=_next_path(),
        back=_back(board),
    )


def _draft_of(board: Board) -> Draft:
    viewer = signed_in_user()
    return form.draft_of(board, visible_boards(viewer), viewer)


def _next_path() -> str:
    wanted = request.values.get("next", "")
    return safe_path(wanted) if wanted else ""


def _back(board: Board | None) -> str:
    """Return the page to go back to: the one that is named, else that of the board."""
    # The address of a board may have been changed by this form.
    if (path := _next_path()) and path == _list_path():
        return path
    return _page_of(board) if board else _next_path() or url_for("start.home")


def _page_of(board: Board) -> str:
    return url_for("editing.show", slug=board.slug)


def _list_path() -> str:
    return url_for("admin_boards.index")


def _done(path: str) -> ResponseReturnValue:
    """Go to `path`; the script of the page that has the dialog closes it and goes there."""
    if is_htmx():
        return Response(status=204, headers={"Launcher-Done": path})
    return redirect(path, 303)
