"""The role that a view requires. Rights to a single thing are checked where it is fetched."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from launcher.audit import Actor
from launcher.models import Role, User
from launcher.web.frame import current_viewer
from launcher.web.htmx import current_page, is_htmx, own_address, redirect_script, split_address
from launcher.web.unsaved.ended import ask_to_sign_in

P = ParamSpec("P")
View = TypeVar("View", bound=Callable[..., ResponseReturnValue])

_RANK = {Role.VIEWER: 0, Role.EDITOR: 1, Role.ADMIN: 2}


def role_required(
    least: Role,
) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Let a view run for users of at least the role `least`.

    A guest is redirected to sign-in and back; a user of a lesser role gets 403.
    """

    def guard(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            viewer = current_viewer()
            if viewer is None:
                return redirect_to_sign_in()
            if _RANK[viewer.role] < _RANK[least]:
                abort(403)
            return view(*args, **kwargs)

        return guarded

    return guard


user_required = role_required(Role.VIEWER)
editor_required = role_required(Role.EDITOR)
admin_required = role_required(Role.ADMIN)


def signed_in_user() -> User:
    """Return the user of a request to a view that requires a role."""
    viewer = current_viewer()
    if viewer is None:
        abort(403)
    return viewer


def acting_user() -> Actor:
    """Return the signed-in user as the actor for the audit log."""
    return Actor.of(signed_in_user(), address=request.remote_addr or "")


def redirect_to_sign_in() -> ResponseReturnValue:
    """Lead a guest to sign-in, and from there back to the page or to the form that was sent.

    A page is redirected, for htmx the whole of it. A form that was filled in while signed in is
    answered with 401: by the sign-in page, which carries the entries on, or for htmx by a notice,
    while the page keeps the form.
    """
    if answer := ask_to_sign_in():
        return answer
    if is_htmx():
        return redirect_script(_sign_in(split_address(current_page()).path), status=401)
    is_repeatable = request.method in {"GET", "HEAD"}
    return redirect(_sign_in(own_address() if is_repeatable else ""))


def _sign_in(back: str) -> str:
    return url_for("auth.sign_in", next=back if back not in {"", url_for("start.home")} else None)
