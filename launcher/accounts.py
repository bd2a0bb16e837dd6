"""Who may sign in: passwords, users, the first admin, and patience with wrong passwords.

Each function that changes something is one transaction with its audit entry: it commits, or it
raises and nothing has changed. There is always an active admin, once there was one.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.dialects.sqlite import insert

from launcher import audit
from launcher.audit import Actor, Target
from launcher.config import keep_once
from launcher.extensions import db
from launcher.models import Role, SignInFailure, User
from launcher.models.types import utc_now

PASSWORD_MIN_LENGTH = 12
PASSWORD_MAX_LENGTH = 1000
DISPLAY_NAME_MAX_LENGTH = 60
FAILURES_BEFORE_PAUSE = 5
PAUSE = timedelta(minutes=1)
FORGET_AFTER = timedelta(minutes=15)

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}", re.ASCII | re.IGNORECASE)

hasher = PasswordHasher()
# A hash takes 64 MiB for a fifth of a second. One at a time in a process bounds the memory that a
# flood of sign-ins can take.
_one_hash = threading.Lock()


class AccountError(Exception):
    """Something about an account that cannot be.

    Attributes:
        code: stable name of the reason, the key of translations.
        message: what is wrong, in one English sentence without a full stop.
        hint: what to do next, or an empty string.
    """

    code: ClassVar[str] = "account"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsernameInvalidError(AccountError):
    """A user name of other characters than ours, or too long."""

    code = "username_invalid"

    def __init__(self) -> None:
        super().__init__(
            "a user name has 1 to 64 letters a-z, digits, and . _ @ - after the first",
            hint="The display name may be anything.",
        )


class UsernameTakenError(AccountError):
    """Another user has this name, perhaps in other capitals."""

    code = "username_taken"

    def __init__(self, username: str) -> None:
        super().__init__(f"there is a user {username!r} already")
        self.username = username


class DisplayNameUnfitError(AccountError):
    """A display name that is too long, or no single line of letters."""

    code = "display_name_unfit"

    def __init__(self) -> None:
        super().__init__(
            f"a display name is one line of at most {DISPLAY_NAME_MAX_LENGTH} characters"
        )


class PasswordUnfitError(AccountError):
    """A password that is too short or absurdly long."""

    code = "password_unfit"

    def __init__(self) -> None:
        super().__init__(
            f"a password has at least {PASSWORD_MIN_LENGTH} characters",
            hint="A few words in a row are easy to remember and hard to guess.",
        )


class UserNotFoundError(AccountError):
    """Nobody has this name."""

    code = "user_not_found"

    def __init__(self, username: str) -> None:
        super().__init__(f"there is no user {username!r}", hint="`flask user list` shows them all.")
        self.username = username


class LastAdminError(AccountError):
    """The change would leave no active admin."""

    code = "last_admin"

    def __init__(self, username: str) -> None:
        super().__init__(
            f"{username} is the last active admin", hint="Make somebody else an admin first."
        )
        self.username = username


class AccountChangedError(AccountError):
    """Somebody else changed the account since it was looked at."""

    code = "account_changed"

    def __init__(self, username: str) -> None:
        super().__init__(
            f"somebody else has changed the account {username!r} meanwhile",
            hint="Look at it again, and decide then.",
        )
        self.username = username


class SetupRefusedError(AccountError):
    """The setup link is wrong, or was used."""

    code = "setup_refused"

    def __init__(self) -> None:
        super().__init__(
            "this setup link is not valid, or was used",
            hint="`flask database upgrade` prints the link while there is no admin.",
        )


class SignInRefusedError(AccountError):
    """Wrong name, wrong password, or switched off: it does not say which."""

    code = "sign_in_refused"

    def __init__(self) -> None:
        super().__init__("user name and password do not match")


class SignInThrottledError(AccountError):
    """Too many failures for this name or from this address; the password was not looked at.

    Attributes:
        retry_after_s: seconds until the next attempt, at least 1.
    """

    code = "sign_in_throttled"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            f"too many failed attempts; try again in {retry_after_s} seconds",
        )
        self.retry_after_s = retry_after_s


# Passwords


def hash_password(password: str) -> str:
    """Return the hash to keep of `password`.

    Raises:
        PasswordUnfitError: it is too short or too long.
    """
    if not PASSWORD_MIN_LENGTH <= len(password) <= PASSWORD_MAX_LENGTH:
        raise PasswordUnfitError
    with _one_hash:
        return hasher.hash(password)


def is_password(password_hash: str, password: str) -> bool:
    """Return whether `password` is the one that was hashed."""
    if len(password) > PASSWORD_MAX_LENGTH:
        return False
    try:
        with _one_hash:
            return hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def random_password() -> str:
    """Return a password that nobody guesses and everybody can type."""
    alphabet = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4))


# Users


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account may do, as somebody saw it when they decided to change it."""

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


def users() -> Iterable[User]:
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
    """Make a user who can sign in at once.

    Raises:
        UsernameInvalidError, UsernameTakenError, DisplayNameUnfitError, PasswordUnfitError:
            nothing was made.
    """
    user = _new_user(username, password, role=role, display_name=display_name, email=email)
    _add_user(user, actor=actor)
    db.session.commit()
    return user


def _new_user(username: str, password: str, *, role: Role, display_name: str, email: str) -> User:
    if not _USERNAME.fullmatch(username):
        raise UsernameInvalidError
    return User(
        username=username,
        display_name=_fit_display_name(display_name),
        email=email.strip(),
        password_hash=hash_password(password),
        role=role,
    )


def _fit_display_name(display_name: str) -> str:
    name = display_name.strip()
    if len(name) > DISPLAY_NAME_MAX_LENGTH or not name.isprintable():
        raise DisplayNameUnfitError
    return name


def _add_user(user: User, *, actor: Actor) -> None:
    if db.session.scalar(sa.select(User.id).where(User.username == user.username)) is not None:
        db.session.rollback()
        raise UsernameTakenError(user.username)
    db.session.add(user)
    db.session.flush()
    audit.record(
        "user.create",
        actor=actor,
        target=_target(user),
        changes={"role": [None, str(user.role)]},
    )


def set_display_name(user: User, display_name: str, *, actor: Actor) -> None:
    """Call `user` something else, or by the user name again where it is empty.

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
    user.password_hash = hash_password(password)
    db.session.execute(sa.delete(SignInFailure).where(SignInFailure.subject == _user_subject(user)))
    audit.record("user.set_password", actor=actor, target=_target(user))
    db.session.commit()


def set_role(user: User, role: Role, *, actor: Actor, seen: Standing | None = None) -> None:
    """Give `user` another role.

    Args:
        seen: what the actor saw before deciding; None for whoever did not look.

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
    """Let `user` sign in, or not any more.

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
    audit.record("user.set_active", actor=actor, target=_target(user), changes=changes)
    db.session.commit()


def delete_user(user: User, *, actor: Actor, seen: Standing | None = None) -> None:
    """Remove `user` and their API tokens; what they made stays.

    Raises:
        AccountChangedError, LastAdminError: nothing was changed.
    """
    _require_unchanged(user, seen)
    _require_another_admin(user)
    audit.record("user.delete", actor=actor, target=_target(user))
    db.session.delete(user)
    db.session.commit()


def has_admin() -> bool:
    """Return whether somebody can administer this site."""
    return db.session.scalar(_admins().limit(1)) is not None


def is_last_admin(user: User) -> bool:
    """Return whether nobody could administer this site without `user`."""
    is_one = db.session.scalar(_admins().where(User.id == user.id)) is not None
    return is_one and db.session.scalar(_admins().where(User.id != user.id).limit(1)) is None


def _admins() -> sa.Select[int]:
    return sa.select(User.id).where(User.role == Role.ADMIN, User.is_active)


def _require_another_admin(user: User) -> None:
    """Refuse to go on where `user` is the last active admin, as the database has it now."""
    if is_last_admin(user):
        username = user.username
        db.session.rollback()
        raise LastAdminError(username)


def _require_unchanged(user: User, seen: Standing | None) -> None:
    """Refuse to go on where `user` has another standing now than the actor saw."""
    if seen is not None and seen != Standing.of(user):
        username = user.username
        db.session.rollback()
        raise AccountChangedError(username)


def _target(user: User) -> Target:
    return Target("user", user.id, user.username)


# Signing in


def authenticate(
    username: str, password: str, *, address: str, now: datetime | None = None
) -> User:
    """Return the active user with this name and password.

    Each attempt is counted before the password is looked at, in the database, so that a crowd of
    attempts at once over many processes gets no more tries than one after another. After five
    failures there is a pause of a minute per attempt, for the name and for the address, until a
    quarter of an hour has passed without any. An unknown name costs as much time as a known one.

    Raises:
        SignInThrottledError: too many failures of late; the password was not looked at.
        SignInRefusedError: wrong name or password, or the user is switched off.
    """
    moment = now or utc_now()
    user = _verify(username, password, address=address, now=moment)
    user.last_seen_at = moment
    audit.record("session.create", actor=Actor.of(user, address=address), at=moment)
    db.session.commit()
    return user


def confirm_password(
    user: User, password: str, *, address: str, now: datetime | None = None
) -> None:
    """Make sure that it is `user` who holds the session, as patiently as `authenticate`.

    Raises:
        SignInThrottledError, SignInRefusedError: as `authenticate` does.
    """
    _verify(user.username, password, address=address, now=now or utc_now())
    db.session.commit()


def _verify(username: str, password: str, *, address: str, now: datetime) -> User:
    """Return the active user with this name and password; what it changes is not committed."""
    subjects = _subjects(username, address)
    hash_of_nobody = _hash_of_nobody()
    _count_attempt(subjects, now)
    user = db.session.scalar(sa.select(User).where(User.username == username))
    password_hash = user.password_hash if user else hash_of_nobody
    db.session.commit()  # hold no lock while hashing
    if not is_password(password_hash, password) or user is None or not user.is_active:
        raise SignInRefusedError
    _forget_attempt(subjects)
    if hasher.check_needs_rehash(password_hash):
        user.password_hash = hash_password(password)
    return user


def attempts_left(username: str, *, address: str) -> int:
    """Return how many more wrong passwords this name and address have before a pause."""
    subjects = _subjects(username, address)
    most = db.session.scalar(
        sa.select(sa.func.max(SignInFailure.failures)).where(SignInFailure.subject.in_(subjects))
    )
    return max(0, FAILURES_BEFORE_PAUSE - (most or 0))


def _subjects(username: str, address: str) -> tuple[str, str]:
    return f"user:{username.lower()[:64]}", _address_subject(address)


def _count_attempt(subjects: Iterable[str], now: datetime) -> None:
    """Count an attempt against each subject, or raise `SignInThrottledError` and count nothing."""
    db.session.rollback()  # begin anew, with the write lock
    db.session.execute(sa.delete(SignInFailure).where(SignInFailure.last_at < now - FORGET_AFTER))
    for subject in subjects:
        row = db.session.get(SignInFailure, subject)
        if row and row.failures >= FAILURES_BEFORE_PAUSE and now < row.last_at + PAUSE:
            wait = row.last_at + PAUSE - now
            db.session.rollback()
            raise SignInThrottledError(max(1, min(60, round(wait.total_seconds()))))
    for subject in subjects:
        counted = insert(SignInFailure).values(subject=subject, failures=1, last_at=now)
        db.session.execute(
            counted.on_conflict_do_update(
                index_elements=["subject"],
                set_={"failures": SignInFailure.failures + 1, "last_at": now},
            )
        )
    db.session.commit()


def _forget_attempt(subjects: tuple[str, str]) -> None:
    """Take back the attempt that succeeded: all for the name, this one for the address.

    Who has one account of their own must not be able to wipe the address clean with it.
    """
    name, address = subjects
    db.session.execute(sa.delete(SignInFailure).where(SignInFailure.subject == name))
    db.session.execute(
        sa.update(SignInFailure)
        .where(SignInFailure.subject == address)
        .values(failures=SignInFailure.failures - 1)
    )


def _user_subject(user: User) -> str:
    return f"user:{user.username.lower()}"


def _address_subject(address: str) -> str:
    """Return whom to count: an IPv6 network of /64, since one machine has all of its addresses."""
    with suppress(ValueError):
        ip = ipaddress.ip_address(address)
        if ip.version == 6:
            return f"address:{ipaddress.ip_network((ip, 64), strict=False)}"
    return f"address:{address[:64]}"


_nobody: list[str] = []


def _hash_of_nobody() -> str:
    """Return the hash of a password that was thrown away, as costly to check as any."""
    if not _nobody:
        _nobody.append(hash_password(secrets.token_hex(16)))
    return _nobody[0]


# The first admin


def ensure_setup_token(path: Path) -> str:
    """Return the token of the setup link while there is no active admin, else "" and no file.

    The token is made where it is missing, readable by the owner alone.
    """
    if has_admin():
        path.unlink(missing_ok=True)
        return ""
    return _read_token(path) or keep_once(path, secrets.token_urlsafe(24))


def is_setup_token(path: Path, token: str) -> bool:
    """Return whether `token` opens the setup page now."""
    expected = _read_token(path)
    is_right = bool(expected) and hmac.compare_digest(expected.encode(), token.encode())
    return is_right and not has_admin()


def claim_setup(
    path: Path,
    token: str,
    *,
    username: str,
    password: str,
    display_name: str = "",
    address: str = "",
) -> User:
    """Make the first admin and use the token up. Of two who try at once, one succeeds.

    Raises:
        SetupRefusedError: the token is wrong or used, or there is an admin already.
        UsernameInvalidError, UsernameTakenError, PasswordUnfitError: the token stays good.
    """
    if not is_setup_token(path, token):
        raise SetupRefusedError
    user = _new_user(username, password, role=Role.ADMIN, display_name=display_name, email="")
    db.session.rollback()  # begin anew, with the write lock: whoever comes second sees the first
    if has_admin():
        db.session.rollback()
        raise SetupRefusedError
    _add_user(user, actor=Actor(username, address=address))
    db.session.commit()
    path.unlink(missing_ok=True)
    return user


def _read_token(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""
