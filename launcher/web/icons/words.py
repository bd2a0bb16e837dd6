"""The words for kinds of icons and for refused images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from launcher.i18n.formats import number, size
from launcher.i18n.locale import gettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.icons.choice import ChoiceKind
from launcher.icons.colour_set import LIMIT_BYTES, MOST_ICONS, SetRefusal, SetRefusedError
from launcher.icons.uploads import IconRefusedError, Refusal

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

PART_WORDS: Mapping[str, LazyString] = {
    "all": _("All"),
    "brands": _("Brands"),
    "symbols": _("Symbols"),
    "set": _("Colour set"),
    "uploads": _("Uploads"),
    "letters": _("Letters"),
}
"""The parts of the picker, in their order."""

KIND_WORDS: Mapping[ChoiceKind, LazyString] = {
    ChoiceKind.BRAND: _("Brand icon"),
    ChoiceKind.SYMBOL: _("Symbol"),
    ChoiceKind.SET: _("Colour set"),
    ChoiceKind.MEDIA: _("Uploaded icon"),
    ChoiceKind.LETTERS: _("Letters"),
}

_REFUSALS: Mapping[Refusal, LazyString] = {
    Refusal.TYPE: _(
        "Icon not uploaded. The file is not a PNG, JPEG, WebP, AVIF, GIF, SVG or ICO image."
    ),
    Refusal.ACTIVE: _("Icon not uploaded. The SVG contains scripts or external links."),
    Refusal.COMPLEX: _("Icon not uploaded. The SVG has too many elements."),
    Refusal.DAMAGED: _("Icon not uploaded. The image is damaged."),
    Refusal.STOPPED: _("Icon not uploaded. Reading the image took too long."),
}


def refusal_words(error: IconRefusedError) -> str:
    """Return why an image is refused, in a sentence or two."""
    if error.reason is Refusal.PIXELS:
        return gettext(
            "Icon not uploaded. The image is %(width)s × %(height)s pixels."  # noqa: RUF001
            " The limit is %(limit)s × %(limit)s.",  # noqa: RUF001
            width=number(error.facts["width"]),
            height=number(error.facts["height"]),
            limit=number(error.facts["limit"]),
        )
    if error.reason is Refusal.BYTES:
        return gettext(
            "Icon not uploaded. The file is larger than %(limit)s.",
            limit=size(error.facts["limit"]),
        )
    return str(_REFUSALS[error.reason])


_SET_REFUSALS: Mapping[SetRefusal, LazyString] = {
    SetRefusal.TYPE: _("Colour set not uploaded. The file is not a zip file."),
    SetRefusal.EMPTY: _("Colour set not uploaded. The zip has no icons of up to 100 kB."),
    SetRefusal.STOPPED: _("Colour set not uploaded. Reading the zip took too long."),
}


def set_refusal_words(error: SetRefusedError) -> str:
    """Return why a zip is refused, in a sentence or two."""
    if error.reason is SetRefusal.LARGE:
        return gettext(
            "Colour set not uploaded. The zip has more than %(number)s icons, or too much data.",
            number=number(MOST_ICONS),
        )
    return str(_SET_REFUSALS[error.reason])


def too_large_words() -> str:
    """Return that a zip is larger than is accepted, and what to do."""
    return gettext(
        "Colour set not uploaded. The file is larger than %(limit)s. Upload the folder of SVG"
        " files alone.",
        limit=size(LIMIT_BYTES),
    )
