"""Sample apps: added to an empty board, and removed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from flask import Blueprint, redirect, request, url_for

from launcher.catalogue import samples
from launcher.catalogue.boards import add_first_board
from launcher.catalogue.entries import AppEntries
from launcher.i18n.locale import gettext as _
from launcher.web.auth import safe_path
from launcher.web.change_words import show_change
from launcher.web.editing.rights import board_to_edit, editing_required
from launcher.web.roles import acting_user, editor_required, signed_in_user

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("samples", __name__)


@blueprint.post("/samples")
@editor_required
def add_with_board() -> ResponseReturnValue:
    """Create the first board of the site, and add the sample apps to it."""
    board = add_first_board(_("Home"), owner=signed_in_user(), actor=acting_user())
    return add(board.slug) if board else redirect(url_for("start.home"), 303)


@blueprint.post("/b/<slug>/samples")
@editing_required
def add(slug: str) -> ResponseReturnValue:
    """Add the sample apps to a board."""
    board = board_to_edit(slug)
    change = samples.add_samples(board, _sample_apps(), actor=acting_user())
    if change.facts["count"]:
        show_change(change)
    return redirect(url_for("start.board", slug=board.slug), 303)


@blueprint.post("/samples/remove")
@editing_required
def remove() -> ResponseReturnValue:
    """Remove the sample apps of all boards that the user may edit, and show the page of `next`."""
    urls = [each.url for apps in _sample_apps().values() for each in apps]
    change = samples.remove_samples(viewer=signed_in_user(), actor=acting_user(), urls=urls)
    if change.facts["count"]:
        show_change(change)
    return redirect(safe_path(request.form.get("next", "")), 303)


def _sample_apps() -> Mapping[str, Sequence[AppEntries]]:
    return {
        _("Media"): (
            _sample("Jellyfin", "brand:jellyfin", _("Sample app: films and series")),
            _sample("Audiobookshelf", "brand:audiobookshelf", _("Sample app: audiobooks")),
            _sample("Immich", "brand:immich", _("Sample app: photos")),
            _sample("Radio", "symbol:radio", _("Sample app: radio stations")),
        ),
        _("Household"): (
            _sample("Home Assistant", "brand:homeassistant", _("Sample app: lights and heating")),
            _sample("Paperless-ngx", "brand:paperlessngx", _("Sample app: scanned documents")),
            _sample("Mealie", "brand:mealie", _("Sample app: recipes")),
            _sample("Vaultwarden", "brand:vaultwarden", _("Sample app: passwords")),
        ),
        _("Server"): (
            _sample("Nextcloud", "brand:nextcloud", _("Sample app: files and calendars")),
            _sample("Forgejo", "brand:forgejo", _("Sample app: source code")),
            _sample("Grafana", "brand:grafana", _("Sample app: measurements")),
            _sample("Pi-hole", "brand:pihole", _("Sample app: blocks ads in the network")),
        ),
    }


def _sample(name: str, icon: str, description: str) -> AppEntries:
    host = name.lower().replace(" ", "-")
    # `.example` is reserved (RFC 2606): the name leads nowhere in any network.
    url = f"https://{host}.home.example"
    return AppEntries(name=name, url=url, icon=icon, description=description)
