"""API tokens: created, revoked, and recognised.

A token is a random text that is shown once; only its SHA-256 is kept. The tokens that were revoked
are kept outside of the database as well, so that no restore makes one valid again.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager

from launcher import audit
from launcher.accounts.errors import (
    TOKEN_MAX_YEARS,
    TOKEN_NAME_MAX_LENGTH,
    AccountError,
    SignInThrottledError,
    TokenExpiredError,
    TokenExpiryUnfitError,
    TokenInvalidError,
    TokenNameUnfitError,
    TokenNotRevokedError,
    TokenOwnerUnfitError,
    TokenRevokedError,
    TokenScopesMissingError,
    TokenThrottledError,
    TokenUserInactiveError,
)
from launcher.accounts.sign_in import count_invalid, is_paused
from launcher.audit import Actor, Target
from launcher.current import current_config
from launcher.db.revoked_tokens import FILE_NAME, add_revoked, read_revoked
from launcher.db.session import DataBeingReplacedError, writing
from launcher.extensions import db
from launcher.models import ApiToken, TokenScope, User
from launcher.models.types import utc_now

START = "lch_"
_SHOWN = len(START) + 6
_USED_EVERY = timedelta(minutes=1)
_WAIT_S = 0.2  # for others who write, before a use goes unnoted
_LONGEST = timedelta(days=365.25 * TOKEN_MAX_YEARS + 2)  # to the end of the last day


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
        TokenNameUnfitError, TokenScopesMissingError, TokenExpiryUnfitError, TokenOwnerUnfitError:
            nothing was created.
    """
    name = name.strip()
    for fault in faults_of(name, scopes, expires_at):
        raise fault
    if not owner.is_admin or not owner.is_active:
        raise TokenOwnerUnfitError(owner.username)
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
        "name": [None, name],
        "owner": [None, owner.username],
        "scopes": [None, " ".join(sorted(scopes))],
        "expires_at": [None, expires_at.isoformat() if expires_at else ""],
    }
    audit.record("token.create", actor=actor, target=_target(token), changes=changes)
    db.session.commit()
    return token, secret


def faults_of(
    name: str, scopes: Collection[TokenScope], expires_at: datetime | None
) -> Iterator[AccountError]:
    """Yield everything for which `create_token` would refuse such a token, for any owner."""
    if not 1 <= len(name) <= TOKEN_NAME_MAX_LENGTH or not name.isprintable():
        yield TokenNameUnfitError()
    if not scopes:
        yield TokenScopesMissingError()
    if expires_at and not timedelta() < expires_at - utc_now() < _LONGEST:
        yield TokenExpiryUnfitError()


def all_tokens() -> Sequence[ApiToken]:
    """Return every token that was not revoked, the newest first."""
    query = _with_owner().order_by(ApiToken.created_at.desc(), ApiToken.id.desc())
    dead = revoked()
    return [each for each in db.session.scalars(query) if each.token_sha256 not in dead]


def find_token(token_id: int) -> ApiToken | None:
    """Return the token with this id, None when there is none, or it was revoked."""
    token = db.session.scalar(_with_owner().where(ApiToken.id == token_id))
    return token if token and token.token_sha256 not in revoked() else None


def tokens_of(user: User) -> Sequence[ApiToken]:
    """Return the tokens of `user` that were not revoked, the newest first."""
    return [each for each in all_tokens() if each.user_id == user.id]


def is_expired(token: ApiToken, now: datetime | None = None) -> bool:
    """Whether the token has expired."""
    return token.expires_at is not None and token.expires_at <= (now or utc_now())


def revoke(tokens: Collection[ApiToken], *, actor: Actor) -> None:
    """Make tokens invalid at once, in every process and for good; the caller commits.

    They stay invalid when a backup is restored that has them, and when the commit fails.

    Raises:
        TokenNotRevokedError: that could not be written; nothing was changed.
    """
    if not tokens:
        return
    try:
        add_revoked(_revoked_path(), [token.token_sha256 for token in tokens])
    except OSError as error:
        db.session.rollback()
        raise TokenNotRevokedError from error
    for token in tokens:
        changes = {
            "name": [token.name, None],
            "owner": [token.user.username, None],
            "scopes": [" ".join(sorted(token.scopes)), None],
        }
        audit.record("token.revoke", actor=actor, target=_target(token), changes=changes)
        db.session.delete(token)


def authenticate(secret: str, *, address: str, now: datetime | None = None) -> ApiToken:
    """Return the valid token that is this text; the transaction before is lost.

    A valid token is accepted however many invalid ones came before, so that no one can lock it out.
    One that was valid once is not counted, and its reason is given however often it comes: no one
    can guess it, so it comes from a program whose owner must learn what to do.

    Raises:
        TokenRevokedError, TokenExpiredError, TokenUserInactiveError: it was valid once.
        TokenInvalidError: it is unknown; that is counted.
        TokenThrottledError: it is unknown, and too many such came from this address.
    """
    moment = now or utc_now()
    digest = _digest(secret)
    try:
        token = _valid(digest, moment)
        if token.last_used_at is None or not abs(moment - token.last_used_at) < _USED_EVERY:
            _note_use(token, address, moment)
            token = _valid(digest, moment)  # it may have been revoked in between
    except (TokenRevokedError, TokenUserInactiveError):
        raise
    except TokenInvalidError as error:
        raise _refusal(address, moment) or error from None
    return token


def revoked() -> frozenset[str]:
    """Return the SHA-256 of each token that was revoked, whatever the database says.

    Raises:
        OSError: that cannot be read.
    """
    return read_revoked(_revoked_path())


def _valid(digest: str, now: datetime) -> ApiToken:
    token = db.session.scalar(_with_owner().where(ApiToken.token_sha256 == digest))
    if digest in revoked():
        raise TokenRevokedError
    if token is None:
        raise TokenInvalidError
    if is_expired(token, now):
        raise TokenExpiredError
    if not token.user.is_active:
        raise TokenUserInactiveError
    return token


def _with_owner() -> sa.Select[ApiToken]:
    # A damaged row may point to no user: such a token is none.
    return sa.select(ApiToken).join(ApiToken.user).options(contains_eager(ApiToken.user))


def _refusal(address: str, now: datetime) -> TokenThrottledError | None:
    """Count an invalid token, or return the pause that `address` has already."""
    if wait_s := is_paused(address, now):
        return TokenThrottledError(wait_s)
    try:
        with writing():
            count_invalid(address, now)
    except SignInThrottledError as error:  # others were counted in between
        return TokenThrottledError(error.retry_after_s)
    except (sa.exc.DBAPIError, DataBeingReplacedError):
        pass  # a database that cannot be written gives no one a valid token
    return None


def _note_use(token: ApiToken, address: str, now: datetime) -> None:
    """Note when a token was used; a database that is busy or full must not stop its request.

    During a restore its next request does that.
    """
    token_id, skipped = token.id, (sa.exc.DBAPIError, DataBeingReplacedError)
    with contextlib.suppress(*skipped), writing(wait_s=_WAIT_S):
        used = sa.update(ApiToken).where(ApiToken.id == token_id)
        db.session.execute(used.values(last_used_at=now, last_used_from=address))
        db.session.commit()


def _revoked_path() -> Path:
    return current_config().data_dir / FILE_NAME


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _target(token: ApiToken) -> Target:
    return Target("token", token.id, token.name)
