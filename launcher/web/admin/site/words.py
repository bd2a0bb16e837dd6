"""The words for the swatches of the accent colour."""

from __future__ import annotations

from launcher.i18n.locale import lazy_gettext as _

SWATCH_WORDS = (
    _("Red"), _("Orange"), _("Amber"), _("Yellow"), _("Green"), _("Emerald"),
    _("Teal"), _("Cyan"), _("Blue"), _("Indigo"), _("Violet"), _("Pink"),
)  # fmt: skip
"""By `data-hue`: the hue 10 is red, and each further one lies 30 degrees on."""
