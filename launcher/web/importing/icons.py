"""The icons of an import that are at other addresses: fetched when the person asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from launcher.catalogue.undo import Change
from launcher.current import current_config
from launcher.db.session import release, resume
from launcher.db.settings import site_settings
from launcher.fetching.addresses import AddressRules
from launcher.i18n.locale import ngettext
from launcher.icons import store
from launcher.icons.choice import Choice, ChoiceKind
from launcher.icons.remote import fetch_icons
from launcher.icons.uploads import Image
from launcher.web.apps.proposals import own_ports_of, own_site_of
from launcher.web.change_words import toast_of
from launcher.web.roles import acting_user
from launcher.web.toasts import Toast

Pictures = Mapping[str, Image]


def fetch_pictures(urls: Sequence[str]) -> Pictures:
    """Return the icons at these URLs; none while the setting is off.

    The transaction of the request has ended by then, and what it read is out of date.
    """
    settings, config = site_settings(), current_config()
    if not settings.fetch_enabled:
        return {}
    rules = AddressRules(settings.fetch_private, own_ports_of(config), own_site_of(config))
    release()
    found = fetch_icons(urls, rules=rules)
    resume()
    return found


def kept_pictures(pictures: Pictures, urls: Sequence[str]) -> Mapping[str, str]:
    """Keep the icons from these URLs, inside the transaction; return how each is chosen."""
    actor = acting_user()
    return {
        url: str(Choice(ChoiceKind.MEDIA, store.keep(image, actor=actor, is_fetched=True).sha256))
        for url, image in pictures.items()
        if url in urls
    }


def imported_toast(change: Change, fetched: Pictures | None) -> Toast:
    """Return the toast about an import, with the number of icons where some were to be fetched."""
    toast = toast_of(change)
    if fetched is not None:
        words = ngettext("%(num)s icon fetched.", "%(num)s icons fetched.", len(fetched))
        toast["details"] = [words]
    return toast
