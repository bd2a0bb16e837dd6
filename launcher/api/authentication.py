"""Who calls: a bearer token (RFC 6750), never a cookie, never the query string."""

from __future__ import annotations

from flask import request

from launcher.accounts import tokens
from launcher.accounts.errors import TokenExpiredError, TokenInvalidError, TokenThrottledError
from launcher.api.door import Call
from launcher.api.problems import Problem
from launcher.audit import Actor
from launcher.models import ApiToken, TokenScope

_CHALLENGE = 'Bearer realm="launcher"'


def bearer() -> str:
    """Return the token that this request was sent with, valid or not; "" for none."""
    # Not `request.authorization`: it fails for a header that holds no ASCII.
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def authenticate(scope: TokenScope) -> ApiToken:
    """Return the token of this request, whose user may do what `scope` names.

    Raises:
        Problem: there is none, it is not valid, or does not have the scope.
    """
    if not (secret := bearer()):
        raise Problem("token_missing", headers={"WWW-Authenticate": _CHALLENGE})
    try:
        token = tokens.authenticate(secret, address=request.remote_addr or "")
    except TokenThrottledError as error:
        wait = {"Retry-After": str(error.wait_s)}
        raise Problem("too_many_attempts", headers=wait) from None
    except (TokenInvalidError, TokenExpiredError) as error:
        challenge = f'{_CHALLENGE}, error="invalid_token"'
        raise Problem(error.code, headers={"WWW-Authenticate": challenge}) from None
    require(token, scope)
    return token


def token_of(call: Call) -> ApiToken:
    """Return the token of a call that is not for follow tokens."""
    assert call.token is not None  # noqa: S101 (the dispatcher has authenticated)
    return call.token


def actor_of(token: ApiToken) -> Actor:
    """Return who acts with `token`: its owner, and the token by its name."""
    name = f"{token.user.username} (token {token.name})"
    return Actor(name, id=token.user_id, address=request.remote_addr or "")


def require(token: ApiToken, scope: TokenScope) -> None:
    """Refuse a token without this scope, or whose user may not do what it names.

    Raises:
        Problem
    """
    if scope not in token.scopes:
        challenge = f'{_CHALLENGE}, error="insufficient_scope", scope="{scope}"'
        raise Problem(
            "scope_missing",
            f"The token does not have the scope {scope}.",
            headers={"WWW-Authenticate": challenge},
            scope=scope.value,
        )
    if not token.user.is_admin:
        raise Problem("role_too_low")
