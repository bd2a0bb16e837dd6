"""What the form of a board holds: what was typed, what it had shown, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from flask import url_for

from launcher.catalogue.access import may_govern
from launcher.catalogue.board_settings import BoardEditedByTwoError, BoardSettings
from launcher.catalogue.entries import BoardEntries
from launcher.catalogue.errors import FieldsRefusedError
from launcher.db.settings import site_settings
from launcher.i18n.formats import clock_time
from launcher.i18n.locale import gettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.models import MAX_COLUMNS, Board, Density, User, Visibility
from launcher.web.boards.sharing import CHOSEN, read_sharing, sharing_words
from launcher.web.refusal_words import refusal_words

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString
    from werkzeug.datastructures import MultiDict

NAMES = tuple(each.name for each in fields(BoardEntries))

LABELS: Mapping[str, LazyString] = {
    "name": _("Name"),
    "slug": _("Address"),
    "density": _("Density"),
    "columns": _("Columns at most"),
    "visibility": _("Who can view"),
    "shared_with": _("People and groups"),
}
"""The name of each field, in the order of the form."""

DENSITIES: Mapping[str, LazyString] = {
    Density.COMFORTABLE: _("Comfortable"),
    Density.COMPACT: _("Compact"),
}

VISIBILITIES: Mapping[str, LazyString] = {
    Visibility.PRIVATE: _("Only the owner and admins"),
    Visibility.MEMBERS: _("Everyone signed in"),
    Visibility.PUBLIC: _("Guests as well"),
}

_SEEN = "seen_"


@dataclass(frozen=True, slots=True)
class Draft:
    """What the fields hold, and what they had shown.

    Attributes:
        after: the id of the board that this one follows in the bar, "" for the first.
        is_opened: it was for its owner alone, and who was added changes that.
    """

    entries: BoardEntries
    seen: BoardEntries
    after: str = ""
    seen_after: str = ""
    is_home: bool = False
    is_own_home: bool = False
    is_opened: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of who can view a board."""

    value: str
    label: str
    note: str


def draft_of(board: Board, among: Sequence[Board], viewer: User) -> Draft:
    """Return what a board has now; `among` are the boards that `viewer` sees, in order."""
    entries = BoardEntries.of(board)
    index = list(among).index(board)
    after = str(among[index - 1].id) if index else ""
    own = viewer.home_board_id == board.id
    return Draft(entries, entries, after, after, board.is_home, own)


def read_draft(sent: MultiDict[str, str], now: Draft) -> Draft:
    """Return what was sent; a field that was not sent is as it is now."""
    entries = {name: sent[name] for name in NAMES if name in sent}
    seen = {name: sent[_SEEN + name] for name in NAMES if _SEEN + name in sent}
    is_opened = False
    if "sharing_shown" in sent and "visibility" in sent:
        sharing = read_sharing(sent)
        entries |= {"visibility": sharing.visibility, "shared_with": sharing.shared_with}
        is_opened = sharing.is_opened
    has_home = "home_shown" in sent
    return Draft(
        replace(now.entries, **entries),
        replace(now.seen, **seen),
        sent.get("after", now.after),
        sent.get(_SEEN + "after", now.after),
        sent.get("is_home") == "on" if has_home else now.is_home,
        sent.get("is_own_home") == "on" if has_home else now.is_own_home,
        is_opened,
    )


def visibility_words(board: Board) -> LazyString:
    """Return who can view a board, in a few words."""
    if board.visibility is Visibility.PRIVATE and (board.users or board.groups):
        return _("Chosen people and groups")
    if board.visibility is Visibility.PRIVATE and board.owner_id is None:
        return _("Only admins")
    return VISIBILITIES[board.visibility]


def settings_of(draft: Draft, now: Draft, others: Sequence[Board] | None) -> BoardSettings:
    """Return what a draft changes.

    Args:
        others: the other boards that the user sees, in order; None for who may not order boards.
    """
    is_moved = others is not None and draft.after != draft.seen_after
    return BoardSettings(
        draft.entries,
        position=_position(draft.after, others or ()) if is_moved else None,
        is_home=draft.is_home if draft.is_home != now.is_home else None,
    )


def error_words(error: FieldsRefusedError, entries: BoardEntries) -> dict[str, str]:
    """Return the words beside each refused field, in the order of the form."""
    return {
        name: refusal_words(name, error.fields[name], getattr(entries, name))
        for name in LABELS
        if name in error.fields
    }


def conflict_words(error: BoardEditedByTwoError) -> dict[str, str]:
    """Return what another saved, for each field that both changed."""
    who = error.since.by or gettext("Another editor")
    words = {}
    for name in LABELS:
        if name in error.names:
            facts = {"who": who, "entry": entry_words(name, getattr(error.theirs, name))}
            words[name] = (
                gettext(
                    "%(who)s saved “%(entry)s” at %(time)s.",
                    time=clock_time(error.since.at),
                    **facts,
                )
                if error.since.at
                else gettext("%(who)s saved “%(entry)s”.", **facts)
            )
    return words


def entry_words(name: str, value: str) -> str:
    """Return one entry as a person reads it."""
    if name == "density":
        return str(DENSITIES.get(value, value))
    if name == "visibility":
        return str(VISIBILITIES.get(value, value))
    if name == "columns" and value == "0":
        return gettext("Automatic")
    if name == "shared_with":
        return sharing_words(value)
    return str(value)


def columns() -> Mapping[str, str]:
    """Return the choices of the largest number of columns."""
    return {str(number): entry_words("columns", str(number)) for number in range(MAX_COLUMNS + 1)}


def choices(board: Board | None, viewer: User) -> Sequence[Choice]:
    """Return the options of who can view a board, None for a new one."""
    owner = viewer if board is None else board.owner
    if owner is None:
        private = gettext("Only admins")
    elif owner.id == viewer.id:
        private = gettext("Only you")
    else:
        private = gettext("Only %(name)s", name=owner.name)
    public = (
        gettext("Anyone who can reach this site, without signing in")
        if site_settings().guest_access
        else gettext("Guest access is off in Settings, so guests see the sign-in page.")
    )
    # Who may not share a board sees no list of people.
    is_chosen = board is None or may_govern(viewer, board)
    below = gettext("Choose them below.") if is_chosen else ""
    return (
        Choice(Visibility.PRIVATE, private, gettext("Private. Admins can view every board.")),
        Choice(CHOSEN, gettext("People and groups you choose"), below),
        Choice(
            Visibility.MEMBERS,
            str(VISIBILITIES[Visibility.MEMBERS]),
            gettext("Every user of this site"),
        ),
        Choice(Visibility.PUBLIC, str(VISIBILITIES[Visibility.PUBLIC]), public),
    )


def why_not_governed(board: Board, viewer: User) -> str:
    """Return why `viewer` may not decide who views a board and delete it, "" when they may."""
    if may_govern(viewer, board):
        return ""
    if board.owner is None:
        return gettext("Only an admin can change who can view this board, and delete it.")
    return gettext(
        "Only %(owner)s, the owner, or an admin can change who can view this board, and delete it.",
        owner=board.owner.name,
    )


def address_of(slug: str) -> str:
    """Return the address of a board without its scheme, for the hint."""
    address = url_for("start.board", slug=slug or "…", _external=True)
    return address.partition("://")[2].replace("%E2%80%A6", "…")


def _position(after: str, others: Sequence[Board]) -> int:
    ids = [str(each.id) for each in others]
    return ids.index(after) + 2 if after in ids else 1
