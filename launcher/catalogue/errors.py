"""What is refused about boards and apps, as data: doors make the sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar


class Unfit(StrEnum):
    """Why a value is refused."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    CHARACTERS = "characters"
    URL_INCOMPLETE = "url_incomplete"
    URL_PORT = "url_port"
    URL_SCHEME = "url_scheme"
    URL_PASSWORD = "url_password"  # noqa: S105 (a reason, no password)
    ADDRESS_FORM = "address_form"
    ADDRESS_TAKEN = "address_taken"
    CHOICE = "choice"
    NUMBER = "number"
    TOO_MANY = "too_many"
    NAME_TAKEN = "name_taken"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one field is refused; `limit` is the most that is allowed, where that is a number."""

    reason: Unfit
    limit: int = 0


class CatalogueError(Exception):
    """A change of boards or apps was refused; nothing was changed.

    Attributes:
        code: stable name of the reason.
    """

    code: ClassVar[str] = "catalogue"


class FieldsRefusedError(CatalogueError):
    """Some fields are not allowed, each with its reason in `fields`."""

    code = "fields_refused"

    def __init__(self, fields: Mapping[str, Refusal]) -> None:
        super().__init__(", ".join(f"{name}: {each.reason}" for name, each in fields.items()))
        self.fields = fields


class NotAllowedError(CatalogueError):
    """The user sees this, and may not change it."""

    code = "not_allowed"


class AlreadyThereError(CatalogueError):
    """The app is in this section already."""

    code = "already_there"


@dataclass(frozen=True, slots=True)
class Since:
    """Who changed something last, and when; empty when the audit log does not have it.

    `deleted` is the name of what that change deleted, "" where it deleted nothing.
    """

    by: str = ""
    at: datetime | None = None
    deleted: str = ""


class ChangedMeanwhileError(CatalogueError):
    """What a page showed has been changed since by `since.by`."""

    code = "changed_meanwhile"

    def __init__(self, name: str, since: Since) -> None:
        super().__init__(name)
        self.name = name
        self.since = since


class UndoTooLateError(CatalogueError):
    """What the step left has been changed since, so that undoing it would lose that.

    Attributes:
        action, facts: the step, as in `Change`.
        is_redo: whether the step is an undo itself.
    """

    code = "undo_too_late"

    def __init__(
        self, action: str, facts: Mapping[str, object], since: Since, *, is_redo: bool = False
    ) -> None:
        super().__init__(action)
        self.action = action
        self.facts = facts
        self.since = since
        self.is_redo = is_redo


class UndoUnknownError(CatalogueError):
    """There is no such step of this user, or it was undone already."""

    code = "undo_unknown"
