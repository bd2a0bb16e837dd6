"""What the start page shows: apps, and their places on boards.

An app exists once and may be placed in any number of sections. The position is a whole number
among siblings, written for all of them in one transaction: a board has tens of rows, not
thousands. Icons are bytes in the database, so that one file is the whole installation.
"""

from __future__ import annotations

import re
import zlib
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from launcher.models.types import EnumText, Model, StoredText, utc_now

if TYPE_CHECKING:
    from launcher.models.health import CheckState, HealthCheck
    from launcher.models.people import User
    from launcher.models.sharing import BoardGroup, BoardUser

HUES = 12


class Visibility(StrEnum):
    """Who may see a board: its owner and admins, every user, or guests too.

    Besides, people and groups that it is shared with may.
    """

    PRIVATE = "private"
    MEMBERS = "members"
    PUBLIC = "public"


class Density(StrEnum):
    """How much space the tiles of a board take."""

    COMFORTABLE = "comfortable"
    COMPACT = "compact"


class Opening(StrEnum):
    """Where an app opens: as its visitor chose for all apps, in the same tab, in a new one."""

    DEFAULT = "default"
    SAME_TAB = "same"
    NEW_TAB = "new"


MAX_COLUMNS = 8


class Board(Model):
    """A page of sections. `slug` is its address below `/b/`.

    `revision` grows with each change of the board, its sections and the places of its apps.
    `columns` is the largest number of tiles side by side, 0 for as many as the window takes. The
    home board of the site is the first with `is_home`, else the first board.
    """

    __tablename__ = "boards"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    visibility: Mapped[Visibility] = mapped_column(
        EnumText(Visibility, otherwise=Visibility.PRIVATE), default=Visibility.MEMBERS
    )
    owner_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))
    position: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)
    revision: Mapped[int] = mapped_column(default=1)
    density: Mapped[Density] = mapped_column(
        EnumText(Density, otherwise=Density.COMFORTABLE),
        default=Density.COMFORTABLE,
        server_default="comfortable",
    )
    columns: Mapped[int] = mapped_column(
        default=0, server_default="0", info={"range": (0, MAX_COLUMNS)}
    )
    is_home: Mapped[bool] = mapped_column(default=False, server_default="0")

    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012

    owner: Mapped[User | None] = relationship(foreign_keys=[owner_id])
    sections: Mapped[list[Section]] = relationship(
        back_populates="board",
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="Section.position",
    )
    users: Mapped[list[BoardUser]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True
    )
    groups: Mapped[list[BoardGroup]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True
    )
    """The people and groups that it is shared with."""


class Section(Model):
    """A titled group of tiles on a board."""

    __tablename__ = "sections"
    __table_args__ = (sa.Index("sections_board", "board_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    board_id: Mapped[int] = mapped_column(sa.ForeignKey("boards.id", ondelete="CASCADE"))
    name: Mapped[str]
    position: Mapped[int] = mapped_column(default=0)
    is_collapsed: Mapped[bool] = mapped_column(default=False)

    board: Mapped[Board] = relationship(back_populates="sections")
    placements: Mapped[list[Placement]] = relationship(
        back_populates="section",
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="Placement.position",
    )


class SectionFold(Model):
    """Whether one user has folded a section, where that differs from `Section.is_collapsed`."""

    __tablename__ = "section_folds"
    __table_args__ = (
        sa.Index("section_folds_section", "section_id"),
        {"sqlite_with_rowid": False},
    )

    user_id: Mapped[int] = mapped_column(
        sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    section_id: Mapped[int] = mapped_column(
        sa.ForeignKey("sections.id", ondelete="CASCADE"), primary_key=True
    )
    is_folded: Mapped[bool]


class Placement(Model):
    """One app in one section."""

    __tablename__ = "placements"
    __table_args__ = (
        sa.UniqueConstraint("section_id", "app_id"),
        sa.Index("placements_app", "app_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    section_id: Mapped[int] = mapped_column(sa.ForeignKey("sections.id", ondelete="CASCADE"))
    app_id: Mapped[int] = mapped_column(sa.ForeignKey("apps.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(default=0)

    section: Mapped[Section] = relationship(back_populates="placements")
    app: Mapped[App] = relationship(back_populates="placements", lazy="joined", innerjoin=True)


class Media(Model):
    """An uploaded image, kept once however many apps show it."""

    __tablename__ = "media"

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    mime: Mapped[str]
    size_bytes: Mapped[int]
    content: Mapped[bytes] = mapped_column(deferred=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class SetIcon(Model):
    """One icon of the colour set that an admin uploaded: to choose from, not shown itself.

    An app that chooses it gets a copy in `Media`, so a set can be replaced or removed.
    """

    __tablename__ = "set_icons"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(StoredText(collation="NOCASE"), unique=True)
    mime: Mapped[str]
    size_bytes: Mapped[int]
    content: Mapped[bytes] = mapped_column(deferred=True)


class App(Model):
    """A web app in the catalogue.

    Its picture is the first of these that is set: `icon_media` (an upload), `icon`, `letters`, and
    else two letters of its name. `icon` is `symbol:` and the name of a symbol, or `brand:` and that
    of a brand. `hue` is one of the twelve tints, or None for that of the name. `revision` grows
    with each edit, so that a second editor does not overwrite the first. `is_sample` marks the
    sample apps, which are removed together; an edit makes a sample app an ordinary one. `owner_id`
    counts only while the app is on no board: who alone, besides admins, knows of it then; None for
    every editor.
    """

    __tablename__ = "apps"
    __table_args__ = (
        sa.Index("apps_name", "name"),
        sa.Index("apps_icon_media", "icon_media_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(StoredText(collation="NOCASE"))
    description: Mapped[str] = mapped_column(default="")
    url: Mapped[str]
    url_local: Mapped[str] = mapped_column(default="")
    """The address inside the home network, when it differs."""
    icon: Mapped[str] = mapped_column(default="")
    icon_media_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("media.id", ondelete="SET NULL")
    )
    letters: Mapped[str] = mapped_column(default="")
    hue: Mapped[int | None] = mapped_column(info={"range": (0, HUES - 1)})
    keywords: Mapped[str] = mapped_column(default="")
    """More words by which a search finds it."""
    archived_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)
    revision: Mapped[int] = mapped_column(default=1)
    opens: Mapped[Opening] = mapped_column(
        EnumText(Opening, otherwise=Opening.DEFAULT),
        default=Opening.DEFAULT,
        server_default="default",
    )
    is_sample: Mapped[bool] = mapped_column(default=False, server_default="0")
    owner_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id", ondelete="SET NULL"))

    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012

    icon_media: Mapped[Media | None] = relationship()
    placements: Mapped[list[Placement]] = relationship(
        back_populates="app", cascade="all, delete-orphan", passive_deletes=True
    )
    tags: Mapped[list[Tag]] = relationship(
        secondary="app_tags", back_populates="apps", order_by="Tag.name", passive_deletes=True
    )
    check: Mapped[HealthCheck | None] = relationship(
        cascade="all, delete-orphan", passive_deletes=True
    )
    check_state: Mapped[CheckState | None] = relationship(
        cascade="all, delete-orphan", passive_deletes=True
    )

    @property
    def glyph_letters(self) -> str:
        """The letters shown when the app has no picture."""
        return self.letters or letters_of(self.name)

    @property
    def glyph_hue(self) -> int:
        """The tint behind those letters, 0 to 11."""
        return hue_of(self.name) if self.hue is None else self.hue


class Tag(Model):
    """A word that groups apps across boards."""

    __tablename__ = "tags"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(StoredText(collation="NOCASE"), unique=True)

    apps: Mapped[list[App]] = relationship(
        secondary="app_tags", back_populates="tags", passive_deletes=True
    )


class AppTag(Model):
    """One tag on one app."""

    __tablename__ = "app_tags"
    __table_args__ = (sa.Index("app_tags_tag", "tag_id"), {"sqlite_with_rowid": False})

    app_id: Mapped[int] = mapped_column(
        sa.ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True
    )
    tag_id: Mapped[int] = mapped_column(
        sa.ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True
    )


@lru_cache(maxsize=2048)  # a page asks for hundreds, and each asks for the same
def letters_of(name: str) -> str:
    """Return two letters for `name`: of its first two words or humps, else its first two."""
    words = re.findall(r"[^\W\d_]+|\d+", re.sub(r"(?<=[^\W\d_A-Z])(?=[A-Z])", " ", name))
    pair = words[0][0] + words[1][0] if len(words) > 1 else "".join(words)[:2]
    return pair.capitalize()


def hue_of(name: str) -> int:
    """Return the tint of `name`, 0 to 11: always the same, and spread over names."""
    return zlib.crc32(name.encode()) % HUES


class UndoStep(Model):
    """One change that its user can undo.

    `rows` are the rows that it changed, before and after: `launcher.catalogue.undo` writes and
    reads them. `facts` are the names for the sentence about it.
    """

    __tablename__ = "undo_steps"
    __table_args__ = (sa.Index("undo_steps_user", "user_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(default=utc_now)
    action: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    rows: Mapped[dict[str, Any]] = mapped_column(default=dict)
