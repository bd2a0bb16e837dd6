"""Why a field of an app, a board or a tag is refused, in the words beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from launcher.catalogue.errors import Refusal, Unfit
from launcher.i18n.locale import lazy_gettext as _

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

_WORDS: Mapping[Unfit, LazyString] = {
    Unfit.EMPTY: _("Fill in this field."),
    Unfit.TOO_LONG: _("Shorten this to %(limit)s characters."),
    Unfit.CHARACTERS: _("Remove line breaks and control characters."),
    Unfit.URL_INCOMPLETE: _("Enter a full URL that starts with http:// or https://."),
    Unfit.URL_PORT: _("Enter a port from 1 to 65535, or leave it out."),
    Unfit.URL_SCHEME: _("Launcher opens http:// and https:// URLs only."),
    Unfit.URL_PASSWORD: _(
        "Remove the user name and password from the URL. Everyone who sees the app can read them."
    ),
    Unfit.ADDRESS_FORM: _("Use letters from a to z, digits and hyphens."),
    Unfit.ADDRESS_TAKEN: _("Another board has this address. Choose a different one."),
    Unfit.CHOICE: _("Choose one of the options."),
    Unfit.NUMBER: _("Enter a number from 0 to %(limit)s."),
    Unfit.TOO_MANY: _("Enter at most %(limit)s tags."),
    Unfit.NAME_TAKEN: _("Another tag has this name. Choose a different one."),
}
_OF_FIELD: Mapping[tuple[str, Unfit], LazyString] = {
    ("url", Unfit.EMPTY): _("Enter a URL, for example https://jellyfin.home.arpa."),
    ("url", Unfit.CHARACTERS): _("Remove spaces and control characters from the URL."),
    ("url_local", Unfit.CHARACTERS): _("Remove spaces and control characters from the URL."),
    ("name", Unfit.EMPTY): _("Enter a name."),
    ("name", Unfit.TOO_LONG): _("Shorten the name to %(limit)s characters."),
    ("tags", Unfit.EMPTY): _("Enter a tag."),
    ("tags", Unfit.TOO_LONG): _("Shorten each tag to %(limit)s characters."),
    ("section", Unfit.CHOICE): _("This section is no longer there. Choose another one."),
    ("tag", Unfit.EMPTY): _("Enter a tag."),
    ("tag", Unfit.CHARACTERS): _("Remove commas, line breaks and control characters."),
    ("icon", Unfit.CHOICE): _("This icon is no longer there. Choose another one."),
}
_NAMED_SCHEMES = ("javascript:", "data:", "file:")


def refusal_words(field: str, refusal: Refusal, typed: str = "") -> str:
    """Return why `field` is refused; `typed` is what stands in it."""
    if refusal.reason is Unfit.URL_SCHEME and typed.strip().lower().startswith(_NAMED_SCHEMES):
        return str(_("Launcher does not open javascript:, data: or file: URLs."))
    words = _OF_FIELD.get((field, refusal.reason), _WORDS[refusal.reason])
    return str(words) % {"limit": refusal.limit}
