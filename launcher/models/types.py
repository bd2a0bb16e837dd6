"""Column types, and the base class of all rows.

A moment is aware and in UTC in Python. It is stored as text, or, in the history tables with tens
of thousands of rows, as whole seconds since 1970.

SQLite stores anything in any column, and a file from outside may hold anything. Each type here
reads a value that does not belong into its column as an ordinary one, so that no row makes a page
fail. `Mapped[str]`, `Mapped[int]` and so on use these types.

A restore writes such an ordinary value (`launcher.db.rows`). `info` of a column may say more:
`range`, the least and the largest number, and `odd`, what an odd value becomes where the default
would permit too much.
"""

# ruff: noqa: ARG002 (SQLAlchemy passes the dialect, and none of these depends on it)

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from launcher.backup.ports import utc_now
from launcher.extensions import Base, db

if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model

E = TypeVar("E", bound=StrEnum)

__all__ = ["EnumSet", "EnumText", "Model", "UtcDateTime", "UtcSeconds", "utc_now"]


EPOCH = datetime.fromtimestamp(0, UTC)
ODD_MOMENT = f"{EPOCH:%Y-%m-%d %H:%M:%S.%f}"
"""What replaces a stored moment that is none."""
_END = datetime(9999, 1, 1, tzinfo=UTC)  # later moments cannot be shown in every zone


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, stored as `YYYY-MM-DD HH:MM:SS.ffffff` in UTC."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuse a naive moment."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment without a time zone: {value!r}")
        return value.astimezone(UTC).replace(tzinfo=None)

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any]:
        """Return what reads a stored moment: `EPOCH` for what is none."""
        return _stored_moment


def _stored_moment(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(str(value)).replace(tzinfo=UTC)
    except ValueError:
        return EPOCH
    return moment if EPOCH <= moment < _END else EPOCH


class UtcSeconds(TypeDecorator[datetime]):
    """An aware moment, stored as whole seconds since 1970; a fraction is cut off."""

    impl = sa.Integer
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:
        """Refuse a naive moment."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment without a time zone: {value!r}")
        return int(value.timestamp())

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        """Return the stored moment, aware; `EPOCH` for what is none."""
        is_moment = isinstance(value, int) and 0 <= value < _END.timestamp()
        return None if value is None else datetime.fromtimestamp(value if is_moment else 0, UTC)


class EnumText(TypeDecorator[E]):
    """A member of a `StrEnum`, stored as its text; the table's CHECK names the same members."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, members: type[E], *, otherwise: E) -> None:
        """Let what is no member be read as `otherwise`, the one that allows or claims least."""
        super().__init__()
        self.members = members
        self.otherwise = otherwise

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        """Refuse what is no member."""
        return None if value is None else str(self.members(value))

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> E | None:
        """Return the member."""
        if value is None:
            return None
        try:
            return self.members(value)
        except ValueError:
            return self.otherwise


class EnumSet(TypeDecorator[frozenset[E]]):
    """Members of a `StrEnum`, stored as their texts in order with spaces between them."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, members: type[E]) -> None:
        """Let what is no member be read as nothing."""
        super().__init__()
        self.members = members

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        """Refuse what is no member."""
        return None if value is None else " ".join(sorted(map(self.members, value)))

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> frozenset[E]:
        """Return the members."""
        words = set(value.split()) if isinstance(value, str) else set()
        return frozenset(each for each in self.members if each in words)


class StoredText(sa.Text):
    """Text, "" where bytes are stored."""

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any]:
        """Return what reads the stored value."""
        return lambda value: value if isinstance(value, str | None) else ""


class StoredInteger(sa.Integer):
    """A whole number, 0 where anything else is stored."""

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any]:
        """Return what reads the stored value."""
        return lambda value: value if isinstance(value, int | None) else 0


class StoredBoolean(sa.Boolean):
    """A truth value: 1 is true, and anything else is not, as in the queries of SQLAlchemy."""

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any]:
        """Return what reads the stored value."""
        return lambda value: None if value is None else value == 1


class StoredBytes(sa.LargeBinary):
    """Bytes, none where anything else is stored."""

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any]:
        """Return what reads the stored value."""
        return lambda value: value if isinstance(value, bytes | None) else b""


class StoredFacts(TypeDecorator[dict[str, Any]]):
    """A JSON object, an empty one where anything else is stored."""

    impl = sa.JSON
    cache_ok = True

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any]:
        """Return what reads the stored value."""
        return _stored_facts


def _stored_facts(value: object) -> dict[str, Any]:
    try:
        facts = json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        facts = None
    return facts if isinstance(facts, dict) else {}


class RawBoolean(sa.Boolean):
    """A truth value as it is stored: 0, 1, or what else a database from elsewhere holds."""

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> None:
        """Convert nothing: the table of settings decides what a value means."""


Model.registry.update_type_annotation_map(
    {
        str: StoredText,
        int: StoredInteger,
        bool: StoredBoolean,
        bytes: StoredBytes,
        dict[str, Any]: StoredFacts,
        datetime: UtcDateTime,
    }
)
