"""Undoing a move of a board: only the order of the boards that its user sees counts.

A board moves past others, which make way for it, and some of them may be hidden from its user.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

import sqlalchemy as sa

from launcher.catalogue.undo_rows import ChangedRow
from launcher.extensions import db
from launcher.models import Board


def moved_boards(rows: Sequence[ChangedRow]) -> Set[int]:
    """Return the boards of which a step changed the position alone."""
    return {each.key[0] for each in rows if _is_move(each)}


def fit_order(
    rows: Sequence[ChangedRow], seen: Set[int], *, target: int | None
) -> Sequence[ChangedRow]:
    """Return the rows of a step with the moves of boards as they apply now.

    Positions are written back as they were where nothing else moved since. Otherwise the boards
    `seen` get their order before the step, within the positions that they have now. Where that
    order has changed since, the rows are left alone, and are no longer as the step left them.

    Args:
        target: the board that the step moved, which has to be there.
    """
    moves = [_positions(each) for each in rows if _is_move(each)]
    others = [each for each in rows if not _is_move(each)]
    if all(each.is_as_left() for each in moves):
        return [*others, *moves]
    query = sa.select(Board.id, Board.position).where(Board.id.in_(seen & moved_boards(rows)))
    now = {row.id: row.position for row in db.session.execute(query)}
    visible = [each for each in moves if each.key[0] in now]
    left = sorted(visible, key=lambda each: each.row["position"])
    if target not in now or sorted(left, key=lambda each: now[each.key[0]]) != left:
        return [*others, *moves]
    wanted = sorted(visible, key=lambda each: each.before["position"] if each.before else 0)
    return [
        *others,
        *(
            ChangedRow("boards", each.row | {"position": place}, each.row | {"position": was})
            for each, place in zip(wanted, sorted(now.values()), strict=True)
            if (was := now[each.key[0]]) != place
        ),
    ]


def _is_move(row: ChangedRow) -> bool:
    return row.table == "boards" and row.changed == {"position"}


def _positions(row: ChangedRow) -> ChangedRow:
    """Return the row of a move without what others may change of the board meanwhile."""
    states = (row.before or {}, row.after or {})
    before, after = ({name: each[name] for name in ("id", "position")} for each in states)
    return ChangedRow(row.table, before, after)
