"""With whom a board is shared, in its form: what was sent, who can be added, and their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from launcher.accounts.groups import all_groups
from launcher.accounts.users import all_users
from launcher.catalogue.access import may_govern
from launcher.catalogue.sharing import read_shares, words_of
from launcher.i18n.formats import isolated, listing
from launcher.i18n.locale import gettext, ngettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.models import Access, Board, User, Visibility

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString
    from werkzeug.datastructures import MultiDict

CHOSEN = "chosen"
"""In the form: private, and shared with the people and groups that it names."""

ACCESSES: Mapping[str, LazyString] = {
    Access.VIEW: _("Can view"),
    Access.EDIT: _("Can edit"),
}


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
class Sharing:
    """Who views a board and with whom it is shared, as the catalogue has them.

    Attributes:
        is_opened: only its owner was chosen, and someone to add: it is shared with them.
    """

    visibility: str
    shared_with: str
    is_opened: bool = False


def read_sharing(sent: MultiDict[str, str]) -> Sharing:
    """Return who views the board and with whom it is shared, from the fields for both.

    Who is picked to be added gets access, with *Add* or without. A board for its owner alone
    then becomes one for chosen people, and keeps those that it was shared with.
    """
    visibility, added = sent.get("visibility", ""), sent.get("add_share", "")
    is_private = visibility == Visibility.PRIVATE
    if is_private and not added:
        return Sharing(visibility, "")
    shares = [each for each in sent.getlist("share") if each]
    if added:
        shares.append(f"{added}:{sent.get('add_access', Access.VIEW)}")
    try:
        shared_with = words_of(read_shares(" ".join(shares)))
    except ValueError:
        shared_with = " ".join(shares)  # is refused when it is saved
    wanted = str(Visibility.PRIVATE) if visibility == CHOSEN else visibility
    return Sharing(wanted, shared_with, is_opened=is_private)


def sharers(shared_with: str, board: Board | None, viewer: User) -> Sequence[Sharer]:
    """Return the groups and users that a board can be shared with, some with access already.

    Its owner and admins are left out: they have access anyway.
    """
    try:
        shares = {(each.kind, each.id): each.access for each in read_shares(shared_with)}
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


def chosen_visibility(visibility: str, shared_with: str) -> str:
    """Return which option of who can view is chosen."""
    is_shared = visibility == Visibility.PRIVATE and shared_with
    return CHOSEN if is_shared else visibility


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
    return listing(words) if words else gettext("no one")


def opened_words() -> str:
    """Return that a board is no longer for its owner alone, because someone was added."""
    return gettext("“Who can view” is now “People and groups you choose”.")
