"""Who calls: a bearer token (RFC 6750), never a cookie, never the query string."""

from __future__ import annotations

import re

from flask import request

from launcher.accounts import tokens
from launcher.accounts.errors import TokenExpiredError, TokenInvalidError, TokenThrottledError
from launcher.api import following
from launcher.api.door import Call
from launcher.api.problems import Problem
from launcher.audit import Actor
from launcher.models import ApiToken, TokenScope

_CHALLENGE = 'Bearer realm="launcher"'
_INVALID = {"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'}
_ONE_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,512}=*")
"""What a token can be (RFC 6750, 2.1), and far longer than any of ours."""
_NAMES = frozenset(
    {
        "access_token",
        "api_key",
        "api_token",
        "apikey",
        "auth",
        "auth_token",
        "authorization",
        "bearer",
        "bearer_token",
        "token",
        "x_api_key",
    }
)
"""Parameters in which other sites take a token, as `_name` writes them."""
_OURS = re.compile(rf"(?<![A-Za-z0-9])(?:{tokens.START}|{following.START})[A-Za-z0-9_-]{{6}}")
"""A token of ours, or its beginning as the list of tokens shows it."""
_FOLLOWS_ONE = "This token opens one operation only: GET /operations/{id} with the id it came with."
_TOO_MANY = "Several invalid tokens came from this address, and this one is not valid either."


def refuse_token_in_address() -> None:
    """Refuse a request with a token in its query string, whatever else it has.

    RFC 6750 (2.3) and the current practice of OAuth (RFC 9700, 4.3.2) forbid it: addresses are
    kept in logs and histories.

    Raises:
        Problem
    """
    for name, values in request.args.lists():
        if _name(name) in _NAMES or any(map(looks_like_token, [name, *values])):
            raise Problem("token_in_address")


def looks_like_token(text: str) -> bool:
    """Whether a token of ours is in `text`, whatever is around it."""
    return _OURS.search(text) is not None


def _name(parameter: str) -> str:
    return parameter.lower().replace("-", "_")


def bearer() -> str:
    """Return the token that this request was sent with, valid or not; "" for none."""
    # Not `request.authorization`: it fails for a header that holds no ASCII.
    scheme, _, secret = request.headers.get("Authorization", "").strip().partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def authenticate(scope: TokenScope) -> ApiToken:
    """Return the token of this request, whose user may do what `scope` names.

    Raises:
        Problem: there is none, it is not valid, or does not have the scope.
    """
    if not (secret := bearer()):
        is_sent = bool(request.headers.get("Authorization", "").strip())
        detail = "The header Authorization is not Bearer with a token." if is_sent else ""
        raise Problem("token_missing", detail, headers={"WWW-Authenticate": _CHALLENGE})
    if not _ONE_TOKEN.fullmatch(secret):
        raise Problem(
            "token_invalid", "The header Authorization must hold one token.", headers=_INVALID
        )
    if secret.startswith(following.START):
        raise Problem(
            "token_invalid",
            _FOLLOWS_ONE,
            hint="Send a token of Administration, API tokens here.",
            headers=_INVALID,
        )
    try:
        token = tokens.authenticate(secret, address=request.remote_addr or "")
    except TokenThrottledError as error:
        wait = {"Retry-After": str(error.wait_s)}
        raise Problem("too_many_attempts", _TOO_MANY, headers=wait) from None
    except (TokenInvalidError, TokenExpiredError) as error:
        raise Problem(error.code, headers=_INVALID) from None
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
