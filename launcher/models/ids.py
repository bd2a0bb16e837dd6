"""Ids that are used once: a page that is still open never means another row than it showed.

SQLite gives the largest id again once its row is deleted. A form for an app that someone deleted
would then change the next one that was added.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from launcher.models.catalogue import App, Board, Placement, Section, Tag
from launcher.models.people import ApiToken, User
from launcher.models.sharing import Group
from launcher.models.types import Model

COUNTED: tuple[type[Any], ...] = (App, Board, Placement, Section, Tag, User, Group, ApiToken)
"""The rows whose ids stand in addresses and forms."""

_NEXT = """
    INSERT INTO last_ids (name, last_id)
    VALUES (:name, (SELECT coalesce(max(id), 0) FROM {table}) + 1)
    ON CONFLICT (name) DO UPDATE SET last_id =
        max(CAST(last_id AS INTEGER), (SELECT coalesce(max(id), 0) FROM {table})) + 1
    RETURNING last_id"""


class LastId(Model):
    """The largest id that a table has had."""

    __tablename__ = "last_ids"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012

    name: Mapped[str] = mapped_column(primary_key=True)
    last_id: Mapped[int]


def _give_id(mapper: Any, connection: sa.Connection, row: Any) -> None:
    if row.id is None:
        table = mapper.local_table.name
        row.id = connection.scalar(sa.text(_NEXT.format(table=table)), {"name": table})


for _model in COUNTED:
    sa.event.listen(_model, "before_insert", _give_id)
