"""What a board without apps says: how to start, or who adds apps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import url_for

from launcher.catalogue.access import may_edit_board
from launcher.db.settings import site_settings
from launcher.models import Board, User
from launcher.models.types import utc_now
from launcher.monitoring.problems import Headline
from launcher.monitoring.snapshot import runs_ahead
from launcher.web.admin.backups.banner import current_problems
from launcher.web.admin.backups.words import at_time


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a viewer of no apps is offered.

    Attributes:
        can_edit: whether they may add apps.
        can_schedule: whether backups are mentioned.
        next_backup: when, in words; "" while automatic backups are off.
        is_first_backup: whether that is the first, and nothing else about backups needs the
            attention of an admin. Without any app there is little to lose, so this is no warning.
    """

    can_edit: bool
    can_schedule: bool
    add_app_url: str
    next_backup: str
    is_first_backup: bool


def welcome(board: Board | None, viewer: User | None) -> Welcome:
    """Return what `viewer` of a board without apps, or of no board, is offered."""
    is_admin = viewer is not None and viewer.is_admin
    next_backup = _next_backup(utc_now()) if is_admin else ""
    return Welcome(
        can_edit=may_edit_board(viewer, board) if board else _may_add_boards(viewer),
        can_schedule=is_admin,
        add_app_url=_add_app_url(board) if board else "",
        next_backup=next_backup,
        is_first_backup=bool(next_backup) and _has_none_yet(),
    )


def _may_add_boards(viewer: User | None) -> bool:
    return viewer is not None and viewer.may_edit


def _add_app_url(board: Board) -> str:
    return url_for("apps.new", board=board.slug, next=url_for("start.board", slug=board.slug))


def _has_none_yet() -> bool:
    problems = current_problems()
    if problems is None:
        return False
    return problems.findings.headline is Headline.NONE_YET and not problems.findings.besides


def _next_backup(now: datetime) -> str:
    ahead = runs_ahead(site_settings(), now, count=1)
    return at_time(ahead[0], now=now) if ahead else ""
