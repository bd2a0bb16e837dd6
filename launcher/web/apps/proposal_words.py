"""What is said of a proposal: what was fetched, or why it was not."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from flask_babel.speaklater import LazyString

from launcher.fetching.problems import Problem
from launcher.fetching.proposed import Proposal
from launcher.i18n.locale import lazy_gettext as _
from launcher.icons.choice import ChoiceKind

_WORDS: Mapping[Problem, LazyString] = {
    Problem.NO_ANSWER: _(
        "Name and icon not fetched. %(host)s did not answer within 5 seconds. You can add the app"
        " without it. Enter a name and choose an icon."
    ),
    Problem.REFUSED_ADDRESS: _(
        "Name and icon not fetched. Launcher does not request link-local or metadata addresses."
    ),
    Problem.OWN_ADDRESS: _("Name and icon not fetched. The URL leads to Launcher itself."),
    Problem.PRIVATE_OFF: _(
        "Name and icon not fetched. Requests to private networks are off in Settings."
    ),
    Problem.TOO_LARGE: _("Name and icon not fetched. The page is larger than 1 MB."),
    Problem.NOT_HTTP: _("Enter a full URL that starts with http:// or https://."),
    Problem.UNKNOWN_NAME: _(
        "Name and icon not fetched. Launcher found no address for %(host)s. Check the URL."
    ),
    Problem.NOT_REACHED: _("Name and icon not fetched. Launcher cannot connect to %(host)s."),
    Problem.TLS: _("Name and icon not fetched. The certificate of %(host)s is not valid."),
    Problem.TOO_MANY_REDIRECTS: _(
        "Name and icon not fetched. %(host)s redirects more than 3 times."
    ),
    Problem.NOT_A_PAGE: _("Name and icon not fetched. %(host)s did not answer with a web page."),
    Problem.DISABLED: _("Name and icon not fetched. Requests to apps are off in Settings."),
    Problem.BUSY: _(
        "Name and icon not fetched. Launcher is fetching others. Try again in a few seconds."
    ),
}


_ICON_ONLY = _("Icon fetched. %(host)s did not answer with a web page. Check the name.")
_BOTH = _("Name and icon fetched from %(host)s.")
_NAME_ONLY = _("Name fetched from %(host)s. No icon found.")
_OWN_ICON = _("Name fetched from %(host)s. The icon comes with Launcher.")


class ProposalState(StrEnum):
    """How it went: name and icon, one of them, or neither from the app itself."""

    FETCHED = "fetched"
    PARTLY = "partly"
    FAILED = "failed"


def words_for(made: Proposal, *, has_icon: bool, kind: ChoiceKind) -> tuple[str, ProposalState]:
    """Return the sentence about a proposal, whose icon is of this kind, and how it went."""
    state = ProposalState.PARTLY
    if made.problem is not None:
        words = _ICON_ONLY if has_icon else _WORDS[made.problem]
        state = ProposalState.PARTLY if has_icon else ProposalState.FAILED
    elif has_icon:
        words, state = _BOTH, ProposalState.FETCHED
    else:
        words = _NAME_ONLY if kind is ChoiceKind.LETTERS else _OWN_ICON
    return str(words) % {"host": made.host}, state
