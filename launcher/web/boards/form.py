"""What the form of a board holds: what was typed, what it had shown, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from flask import url_for

from launcher.accounts.groups import all_groups
from launcher.accounts.users import all_users
from launcher.catalogue.access import may_govern
from launcher.catalogue.board_settings import BoardEditedByTwoError, BoardSettings
from launcher.catalogue.entries import BoardEntries
from launcher.catalogue.errors import FieldsRefusedError
from launcher.catalogue.sharing import read_shares, words_of
from launcher.db.settings import site_settings
from launcher.i18n.formats import clock_time, isolated, listing
from launcher.i18n.locale import gettext, ngettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.models import MAX_COLUMNS, Access, Board, Density, User, Visibility
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
    Visibility.PRIVATE: _("Only the owner"),
    Visibility.MEMBERS: _("Everyone signed in"),
    Visibility.PUBLIC: _("Guests as well"),
}

CHOSEN = "chosen"
"""In the form: private, and shared with the people and groups that it names."""

ACCESSES: Mapping[str, LazyString] = {
    Access.VIEW: _("Can view"),
    Access.EDIT: _("Can edit"),
}

_SEEN = "seen_"


@dataclass(frozen=True, slots=True)
class Draft:
    """What the fields hold, and what they had shown.

    Attributes:
        after: the id of the board that this one follows in the bar, "" for the first.
    """

    entries: BoardEntries
    seen: BoardEntries
    after: str = ""
    seen_after: str = ""
    is_home: bool = False
    is_own_home: bool = False


@dataclass(frozen=True, slots=True)
class Sharer:
    """A person or a group, and what they may do with the board; "" for nothing."""

    name: str
    note: str
    kind: str
    id: int
    access: str = ""

    def value(self, access: str) -> str:
        """Return what the form sends for them with this access."""
        return f"{self.kind}:{self.id}:{access}"


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
    if "sharing_shown" in sent and "visibility" in sent:
        entries |= _read_sharing(sent)
    has_home = "home_shown" in sent
    return Draft(
        replace(now.entries, **entries),
        replace(now.seen, **seen),
        sent.get("after", now.after),
        sent.get(_SEEN + "after", now.after),
        sent.get("is_home") == "on" if has_home else now.is_home,
        sent.get("is_own_home") == "on" if has_home else now.is_own_home,
    )


def _read_sharing(sent: MultiDict[str, str]) -> dict[str, str]:
    """Return who sees the board and with whom it is shared, from the fields for both."""
    visibility = sent.get("visibility", "")
    if visibility == Visibility.PRIVATE:
        return {"visibility": visibility, "shared_with": ""}
    shares = [each for each in sent.getlist("share") if each]
    if added := sent.get("add_share"):
        shares.append(f"{added}:{sent.get('add_access', Access.VIEW)}")
    try:
        shared_with = words_of(read_shares(" ".join(shares)))
    except ValueError:
        shared_with = " ".join(shares)  # is refused when it is saved
    wanted = str(Visibility.PRIVATE) if visibility == CHOSEN else visibility
    return {"visibility": wanted, "shared_with": shared_with}


def sharers(draft: Draft, board: Board | None, viewer: User) -> Sequence[Sharer]:
    """Return the groups and users that a board can be shared with, those of the draft with access.

    Its owner and admins are left out: they have access anyway.
    """
    try:
        shares = {
            (each.kind, each.id): each.access for each in read_shares(draft.entries.shared_with)
        }
    except ValueError:
        shares = {}
    if board is not None and not may_govern(viewer, board):
        return ()  # who may not share learns no names
    owner = viewer if board is None else board.owner
    found = [
        Sharer(
            group.name,
            ngettext("group of %(num)s", "group of %(num)s", len(group.members)),
            "group",
            group.id,
            shares.get(("group", group.id), ""),
        )
        for group in all_groups()
    ]
    for user in all_users():
        access = shares.get(("user", user.id), "")
        if access or not (user.is_admin or user is owner or not user.is_active):
            found.append(Sharer(user.name, _note_on(user), "user", user.id, access))
    return found


def _note_on(user: User) -> str:
    name = user.username if user.username.casefold() != user.name.casefold() else ""
    return " · ".join(filter(None, (name, "" if user.is_active else gettext("deactivated"))))


def chosen_visibility(draft: Draft) -> str:
    """Return which option of who can view is chosen."""
    is_shared = draft.entries.visibility == Visibility.PRIVATE and draft.entries.shared_with
    return CHOSEN if is_shared else draft.entries.visibility


def visibility_words(board: Board) -> LazyString:
    """Return who can view a board, in a few words."""
    if board.visibility is Visibility.PRIVATE and (board.users or board.groups):
        return _("Chosen people and groups")
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


def sharing_words(shared_with: str) -> str:
    """Return the names of the people and groups, each with what they may do."""
    shares = read_shares(shared_with)
    users = {each.id: each.name for each in all_users()}
    groups = {each.id: each.name for each in all_groups()}
    names = (
        (isolated((users if each.kind == "user" else groups).get(each.id, "")), each.access)
        for each in shares
    )
    words = [f"{name} ({ACCESSES[access]})" for name, access in names]
    return listing(words) if words else gettext("nobody")


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
