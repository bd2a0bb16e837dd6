"""What a user chooses for themselves."""

from __future__ import annotations

from launcher import audit
from launcher.audit import Actor, Target
from launcher.extensions import db
from launcher.models import Board, User


def set_start_page(user: User, *, home: Board | None, opens_new_tab: bool, actor: Actor) -> None:
    """Set which board opens first for `user`, None for that of the site, and how apps open.

    The caller has found `home` among the boards that the user sees. One that is hidden from them
    later does not open, and opens again when it is shown again.
    """
    before = db.session.get(Board, user.home_board_id) if user.home_board_id else None
    changes: dict[str, list[object]] = {}
    if before is not home:
        changes["own_home"] = [each.name if each else "" for each in (before, home)]
    if user.open_new_tab is not opens_new_tab:
        changes["open_new_tab"] = [user.open_new_tab, opens_new_tab]
    if not changes:
        return
    user.home_board_id = home.id if home else None
    user.open_new_tab = opens_new_tab
    target = Target("user", user.id, user.username)
    audit.record("user.set_start_page", actor=actor, target=target, changes=changes)
    db.session.commit()


def set_shortcuts(user: User, *, has_shortcuts: bool, actor: Actor) -> None:
    """Set whether single keys are shortcuts for `user`. Keys with Ctrl always are."""
    if user.has_shortcuts is has_shortcuts:
        return
    changes: dict[str, list[object]] = {"has_shortcuts": [user.has_shortcuts, has_shortcuts]}
    user.has_shortcuts = has_shortcuts
    target = Target("user", user.id, user.username)
    audit.record("user.set_shortcuts", actor=actor, target=target, changes=changes)
    db.session.commit()
