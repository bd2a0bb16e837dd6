"""Users, their sessions and API tokens, and sign-ins that failed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from launcher.models.types import (
    ODD_MOMENT,
    EnumSet,
    EnumText,
    Model,
    StoredText,
    UtcSeconds,
    utc_now,
)


class Role(StrEnum):
    """What a user may do. A guest is someone who is not signed in."""

    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"


class Theme(StrEnum):
    """The colours that a user chose."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class TokenScope(StrEnum):
    """What an API token may do; the role of its user limits it too."""

    BACKUPS_READ = "backups:read"
    BACKUPS_CREATE = "backups:create"
    BACKUPS_DOWNLOAD = "backups:download"
    BACKUPS_RESTORE = "backups:restore"
    BACKUPS_DELETE = "backups:delete"
    SCHEDULE = "schedule"
    STATUS = "status"
    METRICS = "metrics"


class User(Model):
    """A person who signs in. `username` is unique whatever the case of its letters."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(StoredText(collation="NOCASE"), unique=True)
    display_name: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    password_hash: Mapped[str]
    role: Mapped[Role] = mapped_column(EnumText(Role, otherwise=Role.VIEWER))
    locale: Mapped[str] = mapped_column(default="")
    """A language tag; empty for the site's default."""
    theme: Mapped[Theme] = mapped_column(
        EnumText(Theme, otherwise=Theme.SYSTEM), default=Theme.SYSTEM
    )
    home_board_id: Mapped[int | None] = mapped_column(
        # Boards have owners, so the two tables refer to each other. The migrations create them.
        sa.ForeignKey("boards.id", ondelete="SET NULL", name="users_home_board", use_alter=True)
    )
    open_new_tab: Mapped[bool] = mapped_column(default=False)
    counts_launches: Mapped[bool] = mapped_column(default=True, server_default="1")
    """Whether the apps that this user opens are counted, for this user alone."""
    has_shortcuts: Mapped[bool] = mapped_column(default=True, server_default="1")
    """Whether single letters are keyboard shortcuts for this user."""
    is_active: Mapped[bool] = mapped_column(default=True, info={"odd": False})
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_seen_at: Mapped[datetime | None]

    api_tokens: Mapped[list[ApiToken]] = relationship(
        back_populates="user", cascade="all, delete-orphan", passive_deletes=True
    )

    # What Flask-Login asks of a user.
    is_authenticated = True
    is_anonymous = False

    def get_id(self) -> str:
        """Return the id as text, for Flask-Login."""
        return str(self.id)

    @property
    def name(self) -> str:
        """The name to show."""
        return self.display_name or self.username

    @property
    def is_admin(self) -> bool:
        """Whether this user is an admin."""
        return self.role is Role.ADMIN

    @property
    def may_edit(self) -> bool:
        """Whether this user may change boards and apps."""
        return self.role in {Role.ADMIN, Role.EDITOR}


class ApiToken(Model):
    """A secret with which a program acts for a user. Only its SHA-256 is kept.

    Attributes:
        prefix: its beginning, by which a person recognises it.
        scopes: what it may do.
        expires_at: until when it is valid, None for no end.
        last_used_from: the address that it was used from last.
    """

    __tablename__ = "api_tokens"
    __table_args__ = (sa.Index("api_tokens_user", "user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str]
    prefix: Mapped[str]
    token_sha256: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[frozenset[TokenScope]] = mapped_column(EnumSet(TokenScope))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime | None] = mapped_column(info={"odd": ODD_MOMENT})
    last_used_at: Mapped[datetime | None]
    last_used_from: Mapped[str] = mapped_column(default="", server_default=sa.text("''"))

    user: Mapped[User] = relationship(back_populates="api_tokens")


class UserSession(Model):
    """A browser that is signed in. Its cookie names the row and ends with it.

    `epoch` is that of the settings when it began: a restore begins another.
    """

    __tablename__ = "user_sessions"
    __table_args__ = (
        sa.Index("user_sessions_user", "user_id", "began_at"),
        {"sqlite_with_rowid": False},
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    epoch: Mapped[str]
    began_at: Mapped[datetime] = mapped_column(UtcSeconds)

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class SignInFailure(Model):
    """The recent failures of one subject; all processes count in the same row.

    `subject` is a user name, an address, a name at an address, a known device, or a session in
    which the password is confirmed: `accounts.sign_in` writes it.
    """

    __tablename__ = "sign_in_failures"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012

    subject: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(UtcSeconds)
