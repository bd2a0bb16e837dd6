"""How often each user opened an app, a row a day: what they use most is found first."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from launcher.models.types import Model


class Launch(Model):
    """How often a user opened an app on one day. `day` counts from 1 January 1970, in UTC."""

    __tablename__ = "launches"
    __table_args__ = (sa.Index("launches_app", "app_id"), {"sqlite_with_rowid": False})

    user_id: Mapped[int] = mapped_column(
        sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    app_id: Mapped[int] = mapped_column(
        sa.ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[int] = mapped_column(primary_key=True)
    count: Mapped[int]
