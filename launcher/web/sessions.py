"""Sessions: a signed cookie with the user, the version of their password and the epoch.

A session ends when the user is deactivated, the password changes, or a restore begins a new epoch.
Nothing is kept on the server, so all workers agree and a restart ends no session.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import Flask, g, request, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_login import login_user

from launcher.db.content import password_version
from launcher.db.settings import site_settings
from launcher.extensions import db, login
from launcher.models import User
from launcher.models.types import utc_now
from launcher.web.cookies import session_cookie_name

LIFETIME = timedelta(days=30)


class TlsAwareSessions(SecureCookieSessionInterface):
    """Signed cookies that are `Secure` whenever the request came over TLS.

    The two carry different names. A browser refuses to let plain HTTP replace a secure cookie, so
    that with one name a sign-in over TLS would lock the same person out over HTTP.
    """

    def get_cookie_name(self, app: Flask) -> str:
        """Return the name of this installation that goes with the scheme of this request."""
        return session_cookie_name(app)

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002
        """Return whether this request came over TLS."""
        return request.is_secure

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        """Return whether to send the cookie: when it changed, or to renew a valid one.

        An invalid one is never repeated: a late response to a request from before a restore
        would undo the renewal of the session.
        """
        user = g.get("_login_user")
        is_good = user is not None and user.is_authenticated
        return session.modified or (is_good and super().should_set_cookie(app, session))


def init_app(app: Flask) -> None:
    """Let `app` keep sessions in cookies and find their users."""
    app.session_interface = TlsAwareSessions()
    app.config.update(
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=LIFETIME,
    )
    # It would bind a session to an address, and the address of a phone changes often.
    login.session_protection = None
    login.user_loader(load_user)


def begin_session(user: User) -> None:
    """Sign `user` in on this browser; nothing of the previous session is kept."""
    session.clear()
    session.permanent = True
    session["epoch"] = site_settings().session_epoch
    session["password_version"] = password_version(user.password_hash)
    note_password()
    login_user(user)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a session: the user, the version of their password, the epoch it began in."""

    user_id: int
    username: str
    password_version: str
    epoch: str

    def is_same_account(self, user: User) -> bool:
        """Whether `user`, in restored data perhaps, is this account with the same password."""
        return (
            user.id == self.user_id
            and user.username == self.username
            and password_version(user.password_hash) == self.password_version
        )


def holder_of(user: User) -> Holder:
    """Return the signed-in `user` as the holder of their session."""
    version = password_version(user.password_hash)
    return Holder(user.id, user.username, version, site_settings().session_epoch)


def renew_session(holder: Holder, *, epoch: str) -> bool:
    """Continue the session of this browser in `epoch`, which a restore has begun.

    Only the session that `holder` had, only while `epoch` is current, and only when the restored
    data has the same account as an active admin. Knowing the holder is not enough: the browser
    must hold the session itself.

    Returns:
        Whether it was renewed; otherwise nothing has changed.
    """
    had = (str(holder.user_id), holder.password_version, holder.epoch)
    if (session.get("_user_id"), session.get("password_version"), session.get("epoch")) != had:
        return False
    if not epoch or site_settings().session_epoch != epoch:
        return False
    user = db.session.get(User, holder.user_id)
    if user is None or not (holder.is_same_account(user) and user.is_active and user.is_admin):
        return False
    session["epoch"] = epoch
    login_user(user)
    return True


def note_password() -> None:
    """Remember that the password was entered just now."""
    session["password_at"] = utc_now().isoformat()


def end_session() -> None:
    """Sign this browser out; nothing of the session is kept."""
    session.clear()


def load_user(user_id: str) -> User | None:
    """Return the user of this session, None when it has ended."""
    user = db.session.get(User, int(user_id))
    is_valid = (
        user is not None
        and user.is_active
        and session.get("password_version") == password_version(user.password_hash)
        and session.get("epoch") == site_settings().session_epoch
    )
    return user if is_valid else None
