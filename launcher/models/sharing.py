"""Groups of users, and the boards that are shared with people and groups."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from launcher.models.people import User
from launcher.models.types import EnumText, Model, StoredText, utc_now


class Access(StrEnum):
    """What a person or a group may do with a board that is shared with them."""

    VIEW = "view"
    EDIT = "edit"


class Group(Model):
    """Users under one name, to share boards with all of them."""

    __tablename__ = "user_groups"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(StoredText(collation="NOCASE"), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    members: Mapped[list[User]] = relationship(
        secondary="group_members", order_by=User.username, passive_deletes=True
    )


class GroupMember(Model):
    """One user of one group."""

    __tablename__ = "group_members"
    __table_args__ = (
        sa.Index("group_members_user", "user_id", "group_id"),
        {"sqlite_with_rowid": False},
    )

    group_id: Mapped[int] = mapped_column(
        sa.ForeignKey("user_groups.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )


class BoardUser(Model):
    """A board shared with one person, beside what its visibility allows."""

    __tablename__ = "board_users"
    __table_args__ = (
        sa.Index("board_users_user", "user_id", "board_id"),
        {"sqlite_with_rowid": False},
    )

    board_id: Mapped[int] = mapped_column(
        sa.ForeignKey("boards.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    access: Mapped[Access] = mapped_column(EnumText(Access, otherwise=Access.VIEW))

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class BoardGroup(Model):
    """A board shared with the members of a group, beside what its visibility allows."""

    __tablename__ = "board_groups"
    __table_args__ = (
        sa.Index("board_groups_group", "group_id", "board_id"),
        {"sqlite_with_rowid": False},
    )

    board_id: Mapped[int] = mapped_column(
        sa.ForeignKey("boards.id", ondelete="CASCADE"), primary_key=True
    )
    group_id: Mapped[int] = mapped_column(
        sa.ForeignKey("user_groups.id", ondelete="CASCADE"), primary_key=True
    )
    access: Mapped[Access] = mapped_column(EnumText(Access, otherwise=Access.VIEW))

    group: Mapped[Group] = relationship(lazy="joined", innerjoin=True)
