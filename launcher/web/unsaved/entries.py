"""The entries of a form: what is kept of them, whose they are, and how a page carries them on."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import request, session
from itsdangerous import BadData, URLSafeTimedSerializer

from launcher.checks.fields import certificates_alone, has_private_key
from launcher.current import current_config
from launcher.models import User

TOKEN = "csrf_token"  # noqa: S105 (the name of a field)

_MAX_CHARACTERS = 200_000
"""Of all entries of one form; a form with more is not carried on."""
_MAX_AGE_S = 86400
_SALT = "entries of a form"
_OF_FLASK_WTF = "wtf-csrf-token"
_SECRETS = ("password", "passwort", "passphrase", "secret", TOKEN)


_CERTIFICATES = {"ca_new"}
"""Fields in which anything else may be a private key without its first and last line."""


@dataclass(frozen=True, slots=True)
class Entries:
    """What a form sent, without passwords, private keys and its token.

    Attributes:
        address: where it was sent, prefix and query included.
        page: the address of the page that it was on, "" when unknown.
        fields: the names and values in the order of the form.
        files: the names of the fields that had a file, which no page can fill in again.
    """

    address: str
    page: str
    fields: Sequence[tuple[str, str]]
    files: Sequence[str] = ()


def is_secret(name: str) -> bool:
    """Whether the value of a field is never carried on: password, header, token of the form."""
    return any(each in name.lower() for each in _SECRETS)


def entries_of_request(address: str, page: str) -> Entries:
    """Return the entries of the form of this request, which has been read."""
    fields = [
        (name, text)
        for name, text in request.form.items(multi=True)
        if not is_secret(name)
        and not has_private_key(text)
        and (name not in _CERTIFICATES or certificates_alone(text))
    ]
    files = [name for name, file in request.files.items(multi=True) if file.filename]
    return Entries(address, page, fields, files)


def token_secret_for(user: User) -> str:
    """Return the secret behind the tokens of a new session: it says whose forms they are in.

    A form outlives its session, so that the token of the form is all that says who filled it in.
    """
    return f"{mark_of(user)}.{secrets.token_hex(20)}"


def mark_of(user: User) -> str:
    """Return what stands for an account; in restored data, the same id may be another one."""
    text = f"{user.id} {user.username}".encode()
    return hmac.new(current_config().secret_key.encode(), text, hashlib.sha256).hexdigest()[:20]


def owner_of_form() -> str:
    """Return the mark of who was signed in on the page of this form, "" for no one.

    Only what this site has signed counts, so no other site can put entries into a form here.
    """
    owner, mark, _rest = _secret_of_form().partition(".")
    return owner if mark else ""


def is_of_session() -> bool:
    """Whether the token of this form is that of the session, of a user. No database is asked."""
    return owner_of_form() != "" and _secret_of_form() == session.get(TOKEN)


def _secret_of_form() -> str:
    try:
        return str(_signer(_OF_FLASK_WTF).loads(request.form.get(TOKEN, "")))
    except BadData:
        return ""


def seal(entries: Entries, owner: str) -> str:
    """Return the entries as one field carries them, "" where they are too long for one."""
    characters = sum(len(name) + len(text) for name, text in entries.fields)
    if characters > _MAX_CHARACTERS:
        return ""
    facts = [owner, entries.address, entries.page, list(entries.fields), list(entries.files)]
    return str(_signer(_SALT).dumps(facts))


def unseal(text: str, user: User) -> Entries | None:
    """Return the entries that `seal` wrote for this user within the last day, else None."""
    try:
        owner, address, page, fields, files = _signer(_SALT).loads(text, max_age=_MAX_AGE_S)
    except BadData:
        return None
    if owner != mark_of(user):
        return None
    return Entries(address, page, [_pair(each) for each in fields], files)


def _pair(each: Any) -> tuple[str, str]:
    name, text = each
    return name, text


def _signer(salt: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_config().secret_key, salt=salt)
