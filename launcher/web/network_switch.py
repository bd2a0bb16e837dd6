"""The switch in the bar: which of their two URLs apps open in this browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Blueprint, redirect, request

from launcher.i18n.locale import lazy_gettext as _
from launcher.web.auth import safe_path
from launcher.web.cookies import own_cookie_path
from launcher.web.home_network import Choice, chosen, cookie_name, seems_at_home

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString
    from werkzeug.wrappers import Response

_MAX_AGE_S = 365 * 86400

_WORDS = {True: _("Home network"), False: _("Elsewhere")}
_AUTOMATIC = {True: _("Automatic, now home network"), False: _("Automatic, now elsewhere")}
_LABELS = {
    (True, False): _("Home network, automatic"),
    (True, True): _("Home network, chosen in this browser"),
    (False, False): _("Elsewhere, automatic"),
    (False, True): _("Elsewhere, chosen in this browser"),
}

blueprint = Blueprint("network_switch", __name__)


@dataclass(frozen=True, slots=True)
class Switch:
    """What the switch says. `label` says as well whether that was chosen."""

    choice: Choice
    is_at_home: bool
    words: LazyString
    label: LazyString
    choices: dict[Choice, LazyString]

    @property
    def is_chosen(self) -> bool:
        """Whether this browser does not follow the visitor."""
        return self.choice is not Choice.AUTOMATIC


def current_switch() -> Switch:
    """Return the switch as it stands for this request."""
    choice, seems = chosen(), seems_at_home()
    is_chosen = choice is not Choice.AUTOMATIC
    is_at_home = choice is Choice.HOME if is_chosen else seems
    return Switch(
        choice=choice,
        is_at_home=is_at_home,
        words=_WORDS[is_at_home],
        label=_LABELS[is_at_home, is_chosen],
        choices={
            Choice.AUTOMATIC: _AUTOMATIC[seems],
            Choice.HOME: _WORDS[True],
            Choice.ELSEWHERE: _WORDS[False],
        },
    )


@blueprint.post("/home-network")
def choose() -> Response:
    """Keep the choice in this browser; Automatic, and what is no choice, ends the one before."""
    wanted = request.form.get("network", "")
    is_choice = wanted in set(Choice) - {Choice.AUTOMATIC}
    response = redirect(safe_path(request.form.get("next", "")), 303)
    response.set_cookie(
        cookie_name(),
        wanted if is_choice else "",
        max_age=_MAX_AGE_S if is_choice else 0,
        path=own_cookie_path(),
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return response
