"""Sign-in: the check of name and password, and the pauses after too many failures."""

from __future__ import annotations

import ipaddress
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from launcher import audit
from launcher.accounts import passwords, refusals
from launcher.accounts.errors import SignInRefusedError, SignInThrottledError
from launcher.audit import Actor
from launcher.extensions import db
from launcher.models import SignInFailure, User
from launcher.models.types import utc_now

FAILURES_BEFORE_PAUSE = 5
PAUSE = timedelta(minutes=1)
FORGET_AFTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class _Tally:
    """Where an attempt is counted.

    Attributes:
        own: what has five failures of its own before a pause.
        pair: a name at an address, "" without.
        address: pauses after failures of five names, so that one person who fails stops no one
            else there.
    """

    own: str
    pair: str = ""
    address: str = ""


def authenticate(
    username: str, password: str, *, address: str, device: str = "", now: datetime | None = None
) -> User:
    """Return the active user with this name and password.

    Each attempt is counted in the database before the password is checked, so that many attempts
    at once, over all processes, get no more tries than one after another. After five failures
    there is a pause of a minute per attempt, until 15 minutes have passed without any. The failures
    of a name are counted, and the names that fail at one address; those of a known
    device, on which this user has signed in before, are counted apart, so that no one else can keep
    the user out: https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies.
    An unknown name takes as long as a known one.

    Args:
        device: the mark of a known device, "" for another.

    Raises:
        SignInThrottledError: too many recent failures; the password was not checked.
        SignInRefusedError: wrong name or password, or the user is deactivated.
    """
    moment = now or utc_now()
    found = db.session.scalar(sa.select(User).where(User.username == username))
    tally = _tally(username, address, device)
    user = _verify(found, password, tally, refusals.SIGN_IN, address=address, now=moment)
    user.last_seen_at = moment
    audit.record("session.create", actor=Actor.of(user, address=address), at=moment)
    db.session.commit()
    return user


def confirm_password(
    user: User, password: str, *, address: str, session_id: str, now: datetime | None = None
) -> None:
    """Check the password of a user who is signed in, with the pauses of `authenticate`.

    The failures of each session are counted apart.

    Raises:
        SignInThrottledError, SignInRefusedError: as `authenticate` does.
    """
    tally, moment = _Tally(f"session:{session_id}"), now or utc_now()
    _verify(user, password, tally, refusals.CONFIRMATION, address=address, now=moment)
    db.session.commit()


def count_invalid(address: str, now: datetime) -> None:
    """Count an invalid token from `address`, and commit."""
    _count_attempt(_Tally(f"token {_address_subject(address)}"), now)


def is_paused(address: str, now: datetime) -> int:
    """Return how many seconds invalid tokens from `address` are refused for, 0 for none.

    Nothing is written, so that an attacker cannot keep the database busy.
    """
    row = db.session.get(SignInFailure, f"token {_address_subject(address)}")
    if not row or row.failures < FAILURES_BEFORE_PAUSE:
        return 0
    wait_s = (row.last_at + PAUSE - now).total_seconds()
    return max(1, round(wait_s)) if 0 < wait_s <= PAUSE.total_seconds() else 0


def _verify(
    user: User | None, password: str, tally: _Tally, action: str, *, address: str, now: datetime
) -> User:
    """Return `user` if active and the password is right; the caller commits."""
    dummy_hash = _dummy_hash()
    _count_attempt(tally, now)
    password_hash = user.password_hash if user else dummy_hash
    db.session.commit()  # hold no lock while hashing
    if not passwords.is_password(password_hash, password) or user is None or not user.is_active:
        db.session.rollback()  # begin again, with the write lock
        refusals.record_refusal(action, user=user, address=address, at=now)
        db.session.commit()
        raise SignInRefusedError
    _forget_attempt(tally)
    if passwords.hasher.check_needs_rehash(password_hash):
        user.password_hash = passwords.hash_password(password)
    return user


def attempts_left(username: str, *, address: str, device: str = "") -> int:
    """Return how many more wrong passwords there may be before a pause."""
    tally = _tally(username, address, device)
    if _failures(tally.address) >= FAILURES_BEFORE_PAUSE:
        return 0
    return max(0, FAILURES_BEFORE_PAUSE - _failures(tally.own))


def forget_failures(user: User) -> None:
    """Let `user` try again without a pause; the caller commits."""
    _forget(_name_subject(user.username))


def _tally(username: str, address: str, device: str) -> _Tally:
    if device:
        return _Tally(f"device:{device}")
    name, place = _name_subject(username), _address_subject(address)
    return _Tally(name, f"{name} {place}", place)


def _count_attempt(tally: _Tally, now: datetime) -> None:
    """Count an attempt, or raise `SignInThrottledError` and count nothing."""
    db.session.rollback()  # begin again, with the write lock
    # A row from the future, of restored data or a clock put back, would pause for as long.
    is_current = SignInFailure.last_at.between(now - FORGET_AFTER, now + PAUSE)
    db.session.execute(sa.delete(SignInFailure).where(~is_current))
    for subject in (tally.own, tally.address):
        row = db.session.get(SignInFailure, subject)
        if row and row.failures >= FAILURES_BEFORE_PAUSE and now < row.last_at + PAUSE:
            wait = row.last_at + PAUSE - now
            db.session.rollback()
            raise SignInThrottledError(max(1, min(60, round(wait.total_seconds()))))
    counted = [tally.own]
    if tally.pair:
        is_another_name = not _failures(tally.pair)
        if is_another_name or _failures(tally.address) >= FAILURES_BEFORE_PAUSE:
            counted.append(tally.address)
        counted.append(tally.pair)
    for subject in counted:
        statement = insert(SignInFailure).values(subject=subject, failures=1, last_at=now)
        db.session.execute(
            statement.on_conflict_do_update(
                index_elements=["subject"],
                set_={"failures": SignInFailure.failures + 1, "last_at": now},
            )
        )
    db.session.commit()


def _forget_attempt(tally: _Tally) -> None:
    """Forget the failures of the name or the device, and that the name failed at the address.

    Signing in with one's own account must not clear the other failures of the address.
    """
    _forget(tally.own)
    if tally.pair:
        _forget(tally.pair)
        db.session.execute(
            sa.update(SignInFailure)
            .where(SignInFailure.subject == tally.address)
            .values(failures=SignInFailure.failures - 1)
        )


def _forget(subject: str) -> None:
    db.session.execute(sa.delete(SignInFailure).where(SignInFailure.subject == subject))


def _failures(subject: str) -> int:
    failures = sa.select(SignInFailure.failures).where(SignInFailure.subject == subject)
    return db.session.scalar(failures) or 0


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
