"""The sample content of `launcher.demo`, taken away again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

import sqlalchemy as sa

from launcher.accounts.errors import LastAdminError
from launcher.accounts.users import delete_user
from launcher.audit import COMMAND_LINE
from launcher.catalogue.boards import delete_board
from launcher.catalogue.bulk import delete_apps
from launcher.demo import ADDED_LATE_BY, BOARDS, PEOPLE, SAMPLES
from launcher.extensions import db
from launcher.models import App, Board, Media, Placement, Section, Tag, User

Row = TypeVar("Row", App, Board, User)
_SAME = timedelta(milliseconds=2)


class Kept(StrEnum):
    """Why sample content was not removed."""

    EDITED = "edited"
    HAS_APPS = "has_apps"
    LAST_ADMIN = "last_admin"


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed. `kept` has the names of sample apps, boards and users that were not."""

    apps: int
    boards: int
    users: int
    kept: Mapping[Kept, Sequence[str]]


def remove() -> Removed:
    """Remove sample apps, their boards, tags, pictures and users, as they were added.

    The content of one `fill` has one time of creation, which nothing else has. What was edited
    since stays, a board with other apps on it, and the last admin. The audit log stays as it is.
    """
    batches = _batches()
    kept: dict[Kept, list[str]] = {each: [] for each in Kept}
    apps = _unchanged(batches)
    media = {app.icon_media_id for app in apps if app.icon_media_id}
    gone = {app.id for app in apps}
    delete_apps(apps, actor=COMMAND_LINE)
    kept[Kept.EDITED] += [app.name for app in _of(App, batches) if app.id not in gone]
    boards = 0
    for board in _of(Board, batches):
        if _has_apps(board) or board.name not in BOARDS:
            kept[Kept.HAS_APPS if _has_apps(board) else Kept.EDITED].append(board.name)
            continue
        delete_board(board, viewer=None, actor=COMMAND_LINE)
        boards += 1
    users = 0
    for user in _of(User, batches):
        try:
            delete_user(user, actor=COMMAND_LINE)
            users += 1
        except LastAdminError:
            kept[Kept.LAST_ADMIN].append(user.username)
    _remove_leftovers(media)
    return Removed(len(gone), boards, users, {why: names for why, names in kept.items() if names})


def _batches() -> Sequence[datetime]:
    """Return the times of creation of sample content: those of boards or users with its names."""
    people = [username for username, *_rest in PEOPLE]
    urls = {(sample.name, sample.url) for sample in SAMPLES}
    at_once = {
        app.created_at for app in db.session.scalars(sa.select(App)) if (app.name, app.url) in urls
    }
    named = [
        *db.session.scalars(sa.select(Board.created_at).where(Board.name.in_(BOARDS))),
        *db.session.scalars(sa.select(User.created_at).where(User.username.in_(people))),
    ]
    return [at for at in {*named} if at in at_once]


def _is_of(at: datetime, batches: Sequence[datetime]) -> bool:
    return any(
        abs(at - batch) < _SAME or abs(at - batch - ADDED_LATE_BY) < _SAME for batch in batches
    )


def _of(kind: type[Row], batches: Sequence[datetime]) -> list[Row]:
    return [
        each for each in db.session.scalars(sa.select(kind)) if _is_of(each.created_at, batches)
    ]


def _unchanged(batches: Sequence[datetime]) -> list[App]:
    return [app for app in _of(App, batches) if app.updated_at == app.created_at]


def _has_apps(board: Board) -> bool:
    placed = sa.select(Placement.id).join(Section).where(Section.board_id == board.id)
    return db.session.scalar(placed.limit(1)) is not None


def _remove_leftovers(media: set[int]) -> None:
    """Delete the sample tags and pictures that no app has any longer."""
    tags = {name for sample in SAMPLES for name in sample.tags}
    for tag in db.session.scalars(sa.select(Tag).where(Tag.name.in_(tags), ~Tag.apps.any())):
        db.session.delete(tag)
    in_use = sa.select(App.icon_media_id).where(App.icon_media_id.is_not(None))
    db.session.execute(sa.delete(Media).where(Media.id.in_(media), Media.id.not_in(in_use)))
    db.session.commit()
