"""Sessions: a signed cookie that names a row of the database.

A session ends when it is signed out, 30 days after it was last used, 90 days after it began, when
the user is deactivated, the password changes, or a restore begins a new epoch; and with it every
copy of its cookie.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import ParamSpec, TypeVar

from flask import Flask, Response, g, request, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_login import login_user

from launcher.accounts import sessions
from launcher.audit import Actor
from launcher.backup.records.operation import JournalEntry, Verb
from launcher.current import current_backups, current_config
from launcher.db.content import password_version
from launcher.db.session import writing
from launcher.db.settings import site_settings
from launcher.extensions import db, login
from launcher.models import User
from launcher.models.types import utc_now
from launcher.web.cookies import own_cookie_path, session_cookie_name
from launcher.web.unsaved.entries import TOKEN, token_secret_for

log = logging.getLogger(__name__)

IDLE = timedelta(days=30)
"""How long a cookie is valid after its first use of a day."""

P = ParamSpec("P")
R = TypeVar("R")

_RENEWED_ON = "renewed_on"


class TlsAwareSessions(SecureCookieSessionInterface):
    """Signed cookies that are `Secure` whenever the request came over TLS.

    The two carry different names. A browser refuses to let plain HTTP replace a secure cookie, so
    that with one name a sign-in over TLS would lock the same person out over HTTP.
    """

    def get_cookie_name(self, app: Flask) -> str:
        """Return the name of this installation that goes with the scheme of this request."""
        return session_cookie_name(app)

    def get_cookie_path(self, app: Flask) -> str:  # noqa: ARG002
        """Return the path that goes with the name."""
        return own_cookie_path()

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002
        """Return whether this request came over TLS."""
        return request.is_secure

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Save the session, and say that the answer varies by it; not where no cookie counts."""
        view = app.view_functions.get(request.endpoint or "")
        # The reference of the API is a page, which shows who reads it.
        if not getattr(view, "ignores_cookies", False) or response.mimetype == "text/html":
            super().save_session(app, session, response)

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        """Return whether to send the cookie: when it changed, or to renew a valid one once a day.

        Every other answer leaves it alone. Sent by a slow one, it would replace a newer cookie, and
        the message in that would never be shown. An invalid one is never repeated: a late response
        to a request from before a restore would undo the renewal of the session. What an open page
        asks for on its own renews nothing.
        """
        view = app.view_functions.get(request.endpoint or "")
        if getattr(view, "renews_nothing", False):
            return session.modified
        user = g.get("_login_user")
        today = utc_now().date().isoformat()
        if user is not None and user.is_authenticated and session.get(_RENEWED_ON) != today:
            session[_RENEWED_ON] = today
        return session.modified


def init_app(app: Flask) -> None:
    """Let `app` keep sessions in cookies and find their users."""
    app.session_interface = TlsAwareSessions()
    app.config.update(
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=IDLE,
    )
    # It would bind a session to an address, and the address of a phone changes often.
    login.session_protection = None
    login.user_loader(load_user)


def renews_nothing(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view that an open page asks for on its own: it keeps no one signed in for longer."""
    view.renews_nothing = True  # type: ignore[attr-defined]
    return view


def begin_session(user: User) -> None:
    """Sign `user` in on this browser; nothing of the previous session is kept."""
    session.clear()
    session.permanent = True
    session["id"] = sessions.begin_session(user.id, epoch=site_settings().session_epoch)
    session[TOKEN] = token_secret_for(user)
    note_password()
    login_user(user)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a session: the session, the user, the version of their password."""

    session_id: str
    began_at: datetime
    user_id: int
    username: str
    password_version: str

    def is_same_account(self, user: User) -> bool:
        """Whether `user`, in restored data perhaps, is this account with the same password."""
        return (
            user.id == self.user_id
            and user.username == self.username
            and password_version(user.password_hash) == self.password_version
        )


def holder_of(user: User) -> Holder:
    """Return the signed-in `user` as the holder of this browser's session."""
    session_id, version = current_session_id(), password_version(user.password_hash)
    return Holder(session_id, sessions.began_at(session_id), user.id, user.username, version)


def current_session_id() -> str:
    """Return the id that the cookie names, "" for none; the session may have ended."""
    return str(session.get("id", ""))


def allow_renewal(holder: Holder) -> None:
    """Let the session of `holder` be renewed once, after the restore that begins now.

    The permission is a file, since the database is about to be replaced. Where it cannot be
    written, the session ends with the restore.
    """
    path = _renewal_path(holder.session_id)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        log.warning("a session ends with the restore: %s", error)


def renew_session(holder: Holder, *, epoch: str) -> bool:
    """Continue the session of this browser in `epoch`, which a restore has begun.

    Only the session that `holder` had, once, only while `epoch` is current, and only when the
    restored data has the same account as an active admin. Knowing the holder is not enough: the
    browser must hold the session itself, and not have signed out since.

    Returns:
        Whether it was renewed; otherwise nothing has changed.

    Raises:
        DataBeingReplacedError: another restore is writing; nothing has changed.
    """
    if current_session_id() != holder.session_id or not epoch:
        return False
    if site_settings().session_epoch != epoch:
        return False
    user = db.session.get(User, holder.user_id)
    if user is None or not (holder.is_same_account(user) and user.is_active and user.is_admin):
        return False
    with writing():
        if not _withdraw_renewal(holder.session_id):
            return False
        sessions.continue_session(
            holder.session_id, user_id=holder.user_id, epoch=epoch, began_at=holder.began_at
        )
    login_user(db.session.get_one(User, holder.user_id))
    return True


def _withdraw_renewal(session_id: str) -> bool:
    """Take the permission back; return whether there was one."""
    try:
        _renewal_path(session_id).unlink()
    except OSError:
        return False
    return True


def _renewal_path(session_id: str) -> Path:
    name = hashlib.sha256(session_id.encode()).hexdigest()
    return current_config().following_dir / f"{name}.session"


def ended_by_restore() -> JournalEntry | None:
    """Return the restore that ended the session of this browser, None where none did."""
    entered = str(session.get("password_at", ""))
    if not current_session_id() or not entered:
        return None
    epoch = site_settings().session_epoch
    restores = current_backups().journal(verbs={Verb.RESTORE})
    entry = next((each for each in restores if each.has_replaced_data), None)
    if entry is None or entry.facts.get("epoch") != epoch:
        return None
    return entry if datetime.fromisoformat(entered) < entry.ended_at else None


def note_password() -> None:
    """Remember that the password was entered just now."""
    session["password_at"] = utc_now().isoformat()


def end_session() -> None:
    """Sign this browser out; nothing of the session is kept, and no copy of its cookie counts."""
    if session_id := current_session_id():
        sessions.end_session(session_id)
        _withdraw_renewal(session_id)
    session.clear()


def end_session_everywhere(actor: Actor) -> None:
    """Sign the user of this browser out on every browser."""
    user = db.session.get_one(User, actor.id)
    for session_id in sessions.end_own_sessions(user, actor=actor):
        _withdraw_renewal(session_id)
    session.clear()


def load_user(user_id: str) -> User | None:
    """Return the user of this session, None when it has ended."""
    user = sessions.find_session_user(current_session_id(), epoch=site_settings().session_epoch)
    return user if user is not None and str(user.id) == user_id else None
