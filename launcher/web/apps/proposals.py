"""The name and the icon of an app, proposed for its URL, with a sentence about how that went."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass

from flask import abort, request, url_for

from launcher.catalogue.access import may_edit
from launcher.config import Config
from launcher.current import current_config
from launcher.db.session import release, resume
from launcher.db.settings import site_settings
from launcher.extensions import db
from launcher.fetching.addresses import AddressRules
from launcher.fetching.own_site import OwnSite, places_of, plain_host
from launcher.fetching.problems import Problem
from launcher.fetching.proposed import DEADLINE_S, Proposal
from launcher.fetching.target import DEFAULT_PORTS
from launcher.icons.choice import Choice, ChoiceKind
from launcher.icons.drawn import Kind, drawn_set
from launcher.icons.fetched import keep_fetched
from launcher.icons.uploads import IconRefusedError, Image, read_image
from launcher.models import hue_of, letters_of
from launcher.notifications.recipients import RecipientError, read_notification_settings
from launcher.web.apps.proposal_words import ProposalState, words_for
from launcher.web.frame import current_viewer
from launcher.web.pictures import Picture, drawing_address
from launcher.web.roles import acting_user

_LEAST_TIME_FOR_ICON_S = 1.0


@dataclass(frozen=True, slots=True)
class ShownProposal:
    """A proposal as the form of an app shows it.

    Attributes:
        name: to be entered as the name, "" for none.
        icon_value: what the field `icon` of the form holds, like `media:<sha256>`.
        picture: of that icon.
        sentence: what was fetched, or why it was not.
    """

    name: str
    icon_value: str
    picture: Picture
    sentence: str
    state: ProposalState


def proposal_for(url: str) -> ShownProposal:
    """Return a proposal for the app at `url`; it takes about 5 seconds at most.

    Nothing holds a transaction or the gate meanwhile: what was read before must be read again, and
    what was not committed is lost. A fetched icon is in the database afterwards; one that no app
    takes is removed after a day. The view requires who may edit.

    Raises:
        Forbidden: the viewer may not edit any more by the time of the answer.
        DataBeingReplacedError: a restore began meanwhile.
    """
    from launcher.fetching.proposal import propose  # noqa: PLC0415 (3.5 MB and 70 ms a worker)

    settings = site_settings()
    if not settings.fetch_enabled:
        return _shown(Proposal(problem=Problem.DISABLED), None)
    config = current_config()
    rules = AddressRules(settings.fetch_private, own_ports_of(config), own_site_of(config))
    began = time.monotonic()
    release()
    made = propose(url, rules=rules)
    image = _image(made, left_s=DEADLINE_S - (time.monotonic() - began))
    resume()
    viewer = current_viewer()
    if not may_edit(viewer):
        abort(403)
    if image is None:
        return _shown(made, None)
    sha256 = keep_fetched(image, actor=acting_user()).sha256
    db.session.commit()
    return _shown(made, sha256)


def own_site_of(config: Config) -> OwnSite:
    """Return where browsers reach this site, from the settings and from this request.

    `Origin` and `X-Forwarded-Host` are not to be trusted, and need not be: they only refuse more,
    and only to the one who sent them. A proxy that does not pass the host on often has the latter.
    A pattern in `LAUNCHER_HOSTS` counts for nothing: other sites may have such names.
    """
    public = [request.headers.get("Origin", "")]
    with suppress(RecipientError):
        public.append(read_notification_settings(config).public_url)
    schemes = {request.scheme} & DEFAULT_PORTS.keys() or DEFAULT_PORTS
    found = set(places_of(request.host, *schemes))
    for url in public:
        scheme, _, rest = url.partition("://")
        if scheme in DEFAULT_PORTS:
            found.update(places_of(rest.partition("/")[0], scheme))
    for host in request.headers.get("X-Forwarded-Host", "").split(","):
        found.update(places_of(host, *DEFAULT_PORTS))
    for name in config.hosts:
        if not name.startswith("."):
            found.update(places_of(name, *(DEFAULT_PORTS if config.proxy_hops else ())))
            found.update((plain_host(name), port) for port in own_ports_of(config))
    return OwnSite(frozenset(found), config.prefix)


def own_ports_of(config: Config) -> frozenset[int]:
    """Return the ports that this server listens at; none for a socket in a file."""
    port = config.bind.rpartition(":")[2]
    is_port = not config.bind.startswith("unix:") and port.isdigit()
    return frozenset({int(port)} if is_port else ())


def _image(made: Proposal, *, left_s: float) -> Image | None:
    if made.icon is None:
        return None
    try:
        return read_image(
            made.icon, name=made.icon_name, time_s=max(left_s, _LEAST_TIME_FOR_ICON_S)
        )
    except IconRefusedError:
        return None


def _shown(made: Proposal, sha256: str | None) -> ShownProposal:
    choice = Choice(ChoiceKind.MEDIA, sha256) if sha256 else _drawn_for(made.name)
    picture = Picture(
        letters=letters_of(made.name),
        hue=hue_of(made.name),
        image_url=url_for("start.media", sha256=sha256) if sha256 else "",
        drawing_url=drawing_address(str(choice)),
    )
    sentence, state = words_for(made, has_icon=sha256 is not None, kind=choice.kind)
    return ShownProposal(made.name, str(choice), picture, sentence, state)


def _drawn_for(name: str) -> Choice:
    """Return the brand or symbol with exactly this name, else letters."""
    wanted = _letters(name)
    if wanted:
        for brand in drawn_set(Kind.BRAND).drawings.values():
            if wanted in {_letters(brand.name), _letters(brand.title)}:
                return Choice(ChoiceKind.BRAND, brand.name)
        symbol = "-".join(name.lower().split())
        if symbol in drawn_set(Kind.SYMBOL).drawings:
            return Choice(ChoiceKind.SYMBOL, symbol)
    return Choice(ChoiceKind.LETTERS)


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()
