"""The audit log: who changed what, and when. Rows are only added.

Names are copied into the row, which has no foreign keys, so that it is complete when user and
target are deleted. The history of backups is in the journal, outside the database: a restore would
rewind it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from launcher.models.types import Model, utc_now


class AuditEvent(Model):
    """One thing that happened. `action` is `<kind>.<verb>`, like `app.update`.

    `changes` maps a field to its value before and after; secrets never appear in it.
    """

    __tablename__ = "audit_events"
    __table_args__ = (sa.Index("audit_events_at", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utc_now)
    actor_id: Mapped[int | None]
    actor_name: Mapped[str]
    action: Mapped[str]
    target_kind: Mapped[str] = mapped_column(default="")
    target_id: Mapped[str] = mapped_column(default="")
    target_name: Mapped[str] = mapped_column(default="")
    changes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    address: Mapped[str] = mapped_column(default="")
    """Where the request came from; empty for the command line and for jobs."""
