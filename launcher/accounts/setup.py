"""The first admin, created with the token of a link that works once."""

from __future__ import annotations

import hmac
import secrets
import shutil
from pathlib import Path

from launcher.accounts.errors import SetupRefusedError
from launcher.accounts.users import add_user, has_admin, new_user
from launcher.audit import Actor
from launcher.config import Config, keep_once
from launcher.extensions import db
from launcher.models import Role, User
from launcher.models.types import utc_now


def ensure_setup_token(path: Path) -> str:
    """Return the token of the setup link, "" when there is an active admin.

    The file of the token is created when it is missing, readable by its owner alone, and removed
    when there is an admin.
    """
    if has_admin():
        path.unlink(missing_ok=True)
        return ""
    return _read_token(path) or keep_once(path, secrets.token_urlsafe(24))


def end_setup(config: Config) -> None:
    """Remove the token, and what was entered at the setup, if there is an active admin.

    A setup page may have kept the key and the secrets of a search for copies.
    """
    if has_admin():
        config.setup_token_path.unlink(missing_ok=True)
        shutil.rmtree(config.recovering_dir, ignore_errors=True)


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
    site_name: str = "",
    address: str = "",
) -> User:
    """Create the first admin and remove the token. Of two attempts at once, one succeeds.

    Raises:
        SetupRefusedError: the token is wrong or used, or there is an admin already.
        UsernameInvalidError, UsernameTakenError, PasswordUnfitError: the token stays valid.
    """
    if not is_setup_token(path, token):
        raise SetupRefusedError
    user = new_user(
        username,
        password,
        role=Role.ADMIN,
        display_name=display_name,
        email="",
        site_name=site_name,
    )
    db.session.rollback()  # begin again, with the write lock: a second attempt sees the first
    if has_admin():
        db.session.rollback()
        raise SetupRefusedError
    add_user(user, actor=Actor(username, address=address))
    user.last_seen_at = utc_now()  # the link signs them in
    db.session.commit()
    path.unlink(missing_ok=True)
    return user


def _read_token(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""
