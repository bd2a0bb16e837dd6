"""Sign-in: the check of name and password, and the pauses after too many failures."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from launcher import audit
from launcher.accounts import passwords
from launcher.accounts.errors import SignInRefusedError, SignInThrottledError
from launcher.audit import Actor
from launcher.extensions import db
from launcher.models import SignInFailure, User
from launcher.models.types import utc_now

FAILURES_BEFORE_PAUSE = 5
PAUSE = timedelta(minutes=1)
FORGET_AFTER = timedelta(minutes=15)


def authenticate(
    username: str, password: str, *, address: str, now: datetime | None = None
) -> User:
    """Return the active user with this name and password.

    Each attempt is counted in the database before the password is checked, so that many attempts
    at once, over all processes, get no more tries than one after another. After five failures
    there is a pause of a minute per attempt, for the name and for the address, until 15 minutes
    have passed without any. An unknown name takes as long as a known one.

    Raises:
        SignInThrottledError: too many recent failures; the password was not checked.
        SignInRefusedError: wrong name or password, or the user is deactivated.
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
    """Check the password of a user who is signed in, with the pauses of `authenticate`.

    Raises:
        SignInThrottledError, SignInRefusedError: as `authenticate` does.
    """
    _verify(user.username, password, address=address, now=now or utc_now())
    db.session.commit()


def _verify(username: str, password: str, *, address: str, now: datetime) -> User:
    """Return the active user with this name and password; the caller commits."""
    subjects = _subjects(username, address)
    dummy_hash = _dummy_hash()
    _count_attempt(subjects, now)
    user = db.session.scalar(sa.select(User).where(User.username == username))
    password_hash = user.password_hash if user else dummy_hash
    db.session.commit()  # hold no lock while hashing
    if not passwords.is_password(password_hash, password) or user is None or not user.is_active:
        raise SignInRefusedError
    _forget_attempt(subjects)
    if passwords.hasher.check_needs_rehash(password_hash):
        user.password_hash = passwords.hash_password(password)
    return user


def attempts_left(username: str, *, address: str) -> int:
    """Return how many more wrong passwords this name and address have before a pause."""
    subjects = _subjects(username, address)
    most = db.session.scalar(
        sa.select(sa.func.max(SignInFailure.failures)).where(SignInFailure.subject.in_(subjects))
    )
    return max(0, FAILURES_BEFORE_PAUSE - (most or 0))


def forget_failures(user: User) -> None:
    """Let `user` try again without a pause; the caller commits."""
    subject = _name_subject(user.username)
    db.session.execute(sa.delete(SignInFailure).where(SignInFailure.subject == subject))


def _subjects(username: str, address: str) -> tuple[str, str]:
    return _name_subject(username), _address_subject(address)


def _count_attempt(subjects: Iterable[str], now: datetime) -> None:
    """Count an attempt against each subject, or raise `SignInThrottledError` and count nothing."""
    db.session.rollback()  # begin again, with the write lock
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
    """Forget all attempts for the name, and this one for the address.

    Signing in with one's own account must not clear the failures of the address.
    """
    name, address = subjects
    db.session.execute(sa.delete(SignInFailure).where(SignInFailure.subject == name))
    db.session.execute(
        sa.update(SignInFailure)
        .where(SignInFailure.subject == address)
        .values(failures=SignInFailure.failures - 1)
    )


def _name_subject(username: str) -> str:
    return f"user:{username.lower()[:64]}"


def _address_subject(address: str) -> str:
    """Return what is counted: an IPv6 network of /64, since one machine has all its addresses."""
    with suppress(ValueError):
        ip = ipaddress.ip_address(address)
        if ip.version == 6:
            return f"address:{ipaddress.ip_network((ip, 64), strict=False)}"
    return f"address:{address[:64]}"


@cache
def _dummy_hash() -> str:
    """Return the hash of a random password, which takes as long to check as any."""
    return passwords.hash_password(secrets.token_hex(16))
