"""The people and groups that a board is shared with, as one field of its form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from launcher.extensions import db
from launcher.models import Access, Board, BoardGroup, BoardUser, Group, User

_SHARE = re.compile(r"(user|group):([1-9]\d{0,17}):(view|edit)")

MOST = 500
"""With so many people and groups a board is shared at most."""


@dataclass(frozen=True, slots=True, order=True)
class Share:
    """One person or group, by id, and what they may do.

    Attributes:
        kind: `user` or `group`.
    """

    kind: str
    id: int
    access: Access

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}:{self.access}"


def shares_of(board: Board) -> Sequence[Share]:
    """Return with whom a board is shared now, groups first."""
    users = [Share("user", each.user_id, each.access) for each in board.users]
    groups = [Share("group", each.group_id, each.access) for each in board.groups]
    return sorted(users + groups)


def boards_shared_with(group: Group) -> Sequence[tuple[Board, Access]]:
    """Return the boards that are shared with a group, in order, and what its members may do."""
    query = sa.select(Board, BoardGroup.access).join(BoardGroup, BoardGroup.board_id == Board.id)
    query = query.where(BoardGroup.group_id == group.id).order_by(Board.position, Board.id)
    return [(board, access) for board, access in db.session.execute(query)]


def names_of(board: Board) -> Sequence[tuple[str, str, Access]]:
    """Return with whom a board is shared: `group` or `user`, the name, and what they may do."""
    groups = sorted(("group", each.group.name, each.access) for each in board.groups)
    users = sorted(("user", each.user.username, each.access) for each in board.users)
    return groups + users


def read_shares(text: str) -> Sequence[Share]:
    """Return the shares that a text names, of each person and group the last.

    Raises:
        ValueError: it is not `user:<id>:view` and the like between spaces, or names too many.
    """
    found: dict[tuple[str, int], Share] = {}
    for word in text.split():
        match = _SHARE.fullmatch(word)
        if match is None:
            raise ValueError(word)
        share = Share(match[1], int(match[2]), Access(match[3]))
        found[share.kind, share.id] = share
    if len(found) > MOST:
        raise ValueError(len(found))
    return sorted(found.values())


def words_of(shares: Sequence[Share]) -> str:
    """Return shares as a form has them: `group:1:view user:3:edit`."""
    return " ".join(map(str, shares))


def changed(
    shares: Sequence[Share], holders: Sequence[tuple[str, int]], access: Access | None
) -> Sequence[Share]:
    """Return shares with `access` for each of these, by kind and id; None takes theirs away."""
    kept = [each for each in shares if (each.kind, each.id) not in set(holders)]
    given = [Share(kind, id_, access) for kind, id_ in dict.fromkeys(holders)] if access else []
    return sorted(kept + given)


def write_shares(board: Board, shares: Sequence[Share]) -> list[str]:
    """Share a board with these and no one else, inside the caller's transaction.

    Users and groups that are deleted by now are left out.

    Returns:
        The names before and after for the audit log; empty where nothing changes.
    """
    before = _names(board)
    users = {each.id: each.access for each in shares if each.kind == "user"}
    groups = {each.id: each.access for each in shares if each.kind == "group"}
    there = set(db.session.scalars(sa.select(User.id).where(User.id.in_(users))))
    groups_there = set(db.session.scalars(sa.select(Group.id).where(Group.id.in_(groups))))
    _write(board.users, "user_id", BoardUser, {id_: users[id_] for id_ in sorted(there)})
    _write(board.groups, "group_id", BoardGroup, {id_: groups[id_] for id_ in sorted(groups_there)})
    db.session.flush()
    db.session.expire(board, ["users", "groups"])
    after = _names(board)
    return [before, after] if before != after else []


def _write(
    rows: list[BoardUser] | list[BoardGroup],
    key: str,
    model: type[BoardUser] | type[BoardGroup],
    wanted: dict[int, Access],
) -> None:
    for row in [*rows]:
        access = wanted.pop(getattr(row, key), None)
        if access is None:
            rows.remove(row)
        else:
            row.access = access
    # mypy cannot know that `rows` are of `model`.
    rows.extend(model(**{key: id_, "access": access}) for id_, access in wanted.items())  # type: ignore[misc]


def _names(board: Board) -> str:
    return ", ".join(f"{name} ({access})" for _kind, name, access in names_of(board))
