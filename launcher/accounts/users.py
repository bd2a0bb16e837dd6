"""Users: created, changed and deleted, each with its audit entry, and never the last admin."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from launcher import audit
from launcher.accounts.errors import (
    DISPLAY_NAME_MAX_LENGTH,
    AccountChangedError,
    DisplayNameUnfitError,
    LastAdminError,
    UsernameInvalidError,
    UsernameTakenError,
    UserNotFoundError,
)
from launcher.accounts.passwords import hash_password, require_fit_password
from launcher.accounts.sessions import end_sessions
from launcher.accounts.sign_in import forget_failures
from launcher.accounts.tokens import revoke, tokens_of
from launcher.audit import Actor, Target
from launcher.db.settings import current_settings
from launcher.extensions import db
from launcher.models import App, Board, Role, User

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Standing:
    """Role and activity of an account, as the admin saw them before changing it."""

    role: Role
    is_active: bool

    @classmethod
    def of(cls, user: User) -> Standing:
        """Return the standing of `user` at this moment."""
        return cls(user.role, user.is_active)


def find_user(username: str) -> User:
    """Return the user of this name, in any capitals, or raise `UserNotFoundError`."""
    user = db.session.scalar(sa.select(User).where(User.username == username))
    if user is None:
        raise UserNotFoundError(username)
    return user


def all_users() -> Iterable[User]:
    """Return every user, by name."""
    return db.session.scalars(sa.select(User).order_by(User.username)).all()


def create_user(
    username: str,
    password: str,
    *,
    role: Role,
    actor: Actor,
    display_name: str = "",
    email: str = "",
) -> User:
    """Create a user who can sign in at once.

    Raises:
        UsernameInvalidError, UsernameTakenError, DisplayNameUnfitError, PasswordUnfitError:
            nothing was changed.
    """
    user = new_user(username, password, role=role, display_name=display_name, email=email)
    add_user(user, actor=actor)
    db.session.commit()
    return user


def new_user(
    username: str,
    password: str,
    *,
    role: Role,
    display_name: str,
    email: str,
    site_name: str = "",
) -> User:
    """Return a user who is not in the database yet, for `add_user`. Ends the transaction.

    Args:
        site_name: what the site will be called, if that is another name than now.

    Raises:
        UsernameInvalidError, DisplayNameUnfitError, PasswordUnfitError: as `create_user` does.
    """
    if not _USERNAME.fullmatch(username):
        raise UsernameInvalidError
    display_name = _fit_display_name(display_name)
    about = (username, display_name, email, site_name, current_settings().site_name)
    db.session.rollback()  # hold no lock while hashing
    require_fit_password(password, about=about)
    return User(
        username=username,
        display_name=display_name,
        email=email.strip(),
        password_hash=hash_password(password),
        role=role,
    )


def _fit_display_name(display_name: str) -> str:
    name = display_name.strip()
    if len(name) > DISPLAY_NAME_MAX_LENGTH or not name.isprintable():
        raise DisplayNameUnfitError
    return name


def add_user(user: User, *, actor: Actor) -> None:
    """Add `user` with its audit entry; the caller commits.

    Raises:
        UsernameTakenError: nothing was added.
    """
    if db.session.scalar(sa.select(User.id).where(User.username == user.username)) is not None:
        db.session.rollback()
        raise UsernameTakenError(user.username)
    db.session.add(user)
    db.session.flush()
    changes = {"role": [None, str(user.role)]}
    audit.record("user.create", actor=actor, target=_target(user), changes=changes)


def set_display_name(user: User, display_name: str, *, actor: Actor) -> None:
    """Change the display name; an empty one shows the user name.

    Raises:
        DisplayNameUnfitError: the old one stays.
    """
    name = _fit_display_name(display_name)
    if name == user.display_name:
        return
    changes = {"display_name": [user.display_name, name]}
    user.display_name = name
    audit.record("user.set_display_name", actor=actor, target=_target(user), changes=changes)
    db.session.commit()


def set_password(user: User, password: str, *, actor: Actor) -> None:
    """Change the password, which ends every session of this user.

    Raises:
        PasswordUnfitError: the old one stays.
    """
    about = (user.username, user.display_name, user.email, current_settings().site_name)
    require_fit_password(password, about=about)
    user.password_hash = hash_password(password)
    end_sessions(user)
    forget_failures(user)
    audit.record("user.set_password", actor=actor, target=_target(user))
    db.session.commit()


def set_role(user: User, role: Role, *, actor: Actor, seen: Standing | None = None) -> None:
    """Change the role of `user`.

    Args:
        seen: what the actor saw before the change; None for no check.

    Raises:
        AccountChangedError, LastAdminError: nothing was changed.
    """
    _require_unchanged(user, seen)
    if user.role is role:
        return
    if role is not Role.ADMIN:
        _require_another_admin(user)
    changes = {"role": [str(user.role), str(role)]}
    user.role = role
    audit.record("user.set_role", actor=actor, target=_target(user), changes=changes)
    db.session.commit()


def set_active(user: User, active: bool, *, actor: Actor, seen: Standing | None = None) -> None:
    """Deactivate or reactivate `user`. No session outlives the first, so none comes back.

    Raises:
        AccountChangedError, LastAdminError: nothing was changed.
    """
    _require_unchanged(user, seen)
    if user.is_active is active:
        return
    if not active:
        _require_another_admin(user)
    changes = {"is_active": [user.is_active, active]}
    user.is_active = active
    end_sessions(user)
    audit.record("user.set_active", actor=actor, target=_target(user), changes=changes)
    db.session.commit()


def delete_user(user: User, *, actor: Actor, seen: Standing | None = None) -> None:
    """Delete `user` and revoke their API tokens; what they own stays, owned by `heir_of` them.

    Raises:
        AccountChangedError, LastAdminError, TokenNotRevokedError: nothing was changed.
    """
    _require_unchanged(user, seen)
    _require_another_admin(user)
    if heir := heir_of(user, actor=actor):
        _leave_to(heir, user, actor=actor)
    revoke(tokens_of(user), actor=actor)
    audit.record("user.delete", actor=actor, target=_target(user))
    db.session.delete(user)
    db.session.commit()


def heir_of(user: User, *, actor: Actor) -> User | None:
    """Return who owns the boards of `user` after the deletion: the admin who acts.

    Where no admin who is signed in acts, or on themselves, the first of the other admins.
    """
    others = db.session.scalars(_admins().where(User.id != user.id).order_by(User.id)).all()
    heir_id = actor.id if actor.id in others else next(iter(others), None)
    return db.session.get(User, heir_id) if heir_id is not None else None


def boards_of(user: User) -> Sequence[Board]:
    """Return the boards that `user` owns, in order."""
    owned = sa.select(Board).where(Board.owner_id == user.id)
    return db.session.scalars(owned.order_by(Board.position, Board.id)).all()


def _leave_to(heir: User, user: User, *, actor: Actor) -> None:
    for board in boards_of(user):
        board.owner = heir
        changes = {"owner": [user.username, heir.username]}
        target = Target("board", board.id, board.name)
        audit.record("board.set_owner", actor=actor, target=target, changes=changes)
    # Apps on no board that only their owner knows of: without one, every editor would.
    db.session.execute(
        sa.update(App)
        .where(App.owner_id == user.id)
        .values(owner_id=heir.id, updated_at=App.updated_at, revision=App.revision)
        .execution_options(synchronize_session=False)
    )


def has_admin() -> bool:
    """Return whether there is an active admin."""
    return db.session.scalar(_admins().limit(1)) is not None


def is_last_admin(user: User) -> bool:
    """Return whether `user` is the only active admin."""
    is_one = db.session.scalar(_admins().where(User.id == user.id)) is not None
    return is_one and db.session.scalar(_admins().where(User.id != user.id).limit(1)) is None


def _admins() -> sa.Select[int]:
    return sa.select(User.id).where(User.role == Role.ADMIN, User.is_active)


def _require_another_admin(user: User) -> None:
    """Raise when `user` is the last active admin in the database now."""
    if is_last_admin(user):
        username = user.username
        db.session.rollback()
        raise LastAdminError(username)


def _require_unchanged(user: User, seen: Standing | None) -> None:
    """Raise when the standing of `user` is not what the actor saw."""
    if seen is not None and seen != Standing.of(user):
        username = user.username
        db.session.rollback()
        raise AccountChangedError(username)


def _target(user: User) -> Target:
    return Target("user", user.id, user.username)
