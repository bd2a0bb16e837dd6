"""Where a new app goes: a section of a board that the viewer may edit, or of one to be created."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from launcher.catalogue.access import editable_boards, home_board
from launcher.catalogue.boards import add_board
from launcher.catalogue.entries import BoardEntries
from launcher.catalogue.new_section import NewSection
from launcher.i18n.formats import isolated
from launcher.i18n.locale import gettext as _
from launcher.models import Board, Section, User

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

    from launcher.audit import Actor

_NEW = "new"
_NOWHERE = "none"


@dataclass(frozen=True, slots=True)
class Place:
    """One choice: a section, one to be created on `board` or on a new board, or no board.

    Attributes:
        name: that of the section.
        words: board and section.
    """

    value: str
    name: str
    words: str
    board: Board | None = None
    section: Section | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """The choices, and which one is chosen; None for one that is not there."""

    choices: Sequence[Place]
    chosen: Place | None


def places_for(viewer: User, sent: MultiDict[str, str]) -> Places:
    """Return where `viewer` may add an app.

    Args:
        sent: the form or the address: `section`, an id or one of the values here, and `board`, a
            slug. Without them, the first section of the board that the viewer sees first.
    """
    boards = editable_boards(viewer)
    choices = [place for board in boards for place in _places_of(board)]
    if not boards and viewer.may_edit:
        choices = [Place(_NEW, first_section_name(), _words(_("Home"), first_section_name()))]
    if viewer.may_edit:
        choices.append(Place(_NOWHERE, "", _("No board, only in Apps")))
    if wanted := sent.get("section", ""):
        return Places(choices, next((each for each in choices if each.value == wanted), None))
    slug = sent.get("board", "")
    board = next((each for each in boards if each.slug == slug), home_board(boards, viewer))
    chosen = next((each for each in choices if each.board is board), choices[0])
    return Places(choices, chosen)


def section_of(place: Place, *, owner: User, actor: Actor) -> Section | NewSection | None:
    """Return the section of a place, perhaps one that is made with the app on it.

    The board is created inside the caller's transaction where there is none.
    """
    if place.section or place.value == _NOWHERE:
        return place.section
    board = place.board or add_board(BoardEntries(name=_("Home")), owner=owner, actor=actor)
    return NewSection(board, place.name)


def _places_of(board: Board) -> Sequence[Place]:
    sections = sorted(board.sections, key=lambda each: (each.position, each.id))
    if not sections:
        return [
            Place(
                f"{_NEW}-{board.id}",
                first_section_name(),
                _words(board.name, first_section_name()),
                board,
            )
        ]
    return [
        Place(str(each.id), each.name, _words(board.name, each.name), board, each)
        for each in sections
    ]


def _words(board: str, section: str) -> str:
    return f"{isolated(board)} · {isolated(section)}"


def first_section_name() -> str:
    """Return the name of the section that a board without any gets with its first app."""
    return _("Apps")
