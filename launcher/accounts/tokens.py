"""API tokens: created, revoked, and recognised.

A token is a random text that is shown once; only its SHA-256 is kept. The tokens that were revoked
are kept outside of the database as well, so that no restore makes one valid again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

import sqlalchemy as sa

from launcher import audit
from launcher.accounts.errors import (
    TOKEN_NAME_MAX_LENGTH,
    TokenExpiredError,
    TokenInvalidError,
    TokenNameUnfitError,
    TokenThrottledError,
)
from launcher.accounts.sign_in import count_invalid, is_paused
from launcher.audit import Actor, Target
from launcher.current import current_config
from launcher.db.session import writing
from launcher.extensions import db
from launcher.models import ApiToken, TokenScope, User
from launcher.models.types import utc_now

START = "lch_"
_SHOWN = len(START) + 6
_USED_EVERY = timedelta(minutes=1)


def create_token(
    owner: User,
    name: str,
    scopes: Collection[TokenScope],
    *,
    expires_at: datetime | None,
    actor: Actor,
) -> tuple[ApiToken, str]:
    """Create a token of `owner`, and commit; return it with its text, which is kept nowhere.

    Raises:
        TokenNameUnfitError
    """
    name = name.strip()
    if not 1 <= len(name) <= TOKEN_NAME_MAX_LENGTH or not name.isprintable():
        raise TokenNameUnfitError
    secret = START + secrets.token_urlsafe(32)
    token = ApiToken(
        user=owner,
        name=name,
        prefix=secret[:_SHOWN],
        token_sha256=_digest(secret),
        scopes=frozenset(scopes),
        expires_at=expires_at,
    )
    db.session.add(token)
    db.session.flush()
    changes = {
        "name": ["", name],
        "user": ["", owner.username],
        "scopes": ["", " ".join(sorted(scopes))],
        "expires_at": ["", expires_at.isoformat() if expires_at else ""],
    }
    audit.record("token.create", actor=actor, target=_target(token), changes=changes)
    db.session.commit()
    return token, secret


def all_tokens() -> Sequence[ApiToken]:
    """Return every token, the newest first."""
    query = sa.select(ApiToken).order_by(ApiToken.created_at.desc(), ApiToken.id.desc())
    return db.session.scalars(query).all()


def revoke(tokens: Collection[ApiToken], *, actor: Actor) -> None:
    """Make tokens invalid at once, in every process and for good; the caller commits.

    They stay invalid when a backup is restored that has them.

    Raises:
        OSError: that could not be written; the tokens are still valid.
    """
    _remember_revoked([token.token_sha256 for token in tokens])
    for token in tokens:
        changes = {"name": [token.name, ""], "user": [token.user.username, ""]}
        audit.record("token.revoke", actor=actor, target=_target(token), changes=changes)
        db.session.delete(token)


def authenticate(secret: str, *, address: str, now: datetime | None = None) -> ApiToken:
    """Return the valid token that is this text.

    A valid token is accepted however many invalid ones came before, so that nobody can lock it out.

    Raises:
        TokenInvalidError, TokenExpiredError: it is not valid; that is counted.
        TokenThrottledError: nor is it valid, and too many such came from this address.
    """
    moment = now or utc_now()
    digest = _digest(secret)
    token = db.session.scalar(sa.select(ApiToken).where(ApiToken.token_sha256 == digest))
    if token is None or digest in revoked() or not token.user.is_active:
        raise _refusal(address, moment) or TokenInvalidError
    if token.expires_at and token.expires_at <= moment:
        raise _refusal(address, moment) or TokenExpiredError
    if token.last_used_at is None or not abs(moment - token.last_used_at) < _USED_EVERY:
        token = _mark_used(token, address, moment)
    return token


def revoked() -> frozenset[str]:
    """Return the SHA-256 of each token that was revoked, whatever the database says."""
    path = _revoked_path()
    try:
        stat = path.stat()
    except FileNotFoundError:
        return frozenset()
    return _read_revoked(path, stat.st_mtime_ns, stat.st_size, stat.st_ino)


def _refusal(address: str, now: datetime) -> TokenThrottledError | None:
    """Count an invalid token, or return the pause that `address` has already."""
    if wait_s := is_paused(address, now):
        return TokenThrottledError(wait_s)
    with contextlib.suppress(sa.exc.DBAPIError), writing():
        count_invalid(address, now)
    return None


def _mark_used(token: ApiToken, address: str, now: datetime) -> ApiToken:
    """Note when a token was used; a database that cannot be written must not stop its request."""
    token_id = token.id
    with contextlib.suppress(sa.exc.DBAPIError), writing():
        used = sa.update(ApiToken).where(ApiToken.id == token_id)
        db.session.execute(used.values(last_used_at=now, last_used_from=address))
        db.session.commit()
    db.session.rollback()
    found = db.session.get(ApiToken, token_id)
    if found is None:  # it was revoked in between
        raise TokenInvalidError
    return found


def _remember_revoked(digests: Collection[str]) -> None:
    if not digests:
        return
    path = _revoked_path()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, "".join(f"{each}\n" for each in digests).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@lru_cache(maxsize=1)
def _read_revoked(path: Path, _changed_ns: int, _size: int, _inode: int) -> frozenset[str]:
    return frozenset(path.read_text("ascii", "replace").split())


def _revoked_path() -> Path:
    return current_config().data_dir / "revoked-tokens"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _target(token: ApiToken) -> Target:
    return Target("token", token.id, token.name)
