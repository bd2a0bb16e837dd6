"""The words for what a check can be: its kind, its address, its method, and whose certificates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from launcher.i18n.locale import lazy_gettext as _
from launcher.models.health import CheckKind, CheckMethod, CheckTarget, CheckVerify

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

KINDS: Mapping[str, LazyString] = {
    CheckKind.HTTP: _("Web (HTTP)"),
    CheckKind.TCP: _("TCP port"),
    CheckKind.PING: _("Ping"),
    CheckKind.SAMPLE: _("Sample results"),
}
TARGETS: Mapping[str, LazyString] = {
    CheckTarget.OWN: _("URL of the app"),
    CheckTarget.LOCAL: _("Home network URL"),
    CheckTarget.OTHER: _("Another address"),
}
METHODS: Mapping[str, LazyString] = {
    CheckMethod.HEAD: _("HEAD, then GET"),
    CheckMethod.GET: _("GET"),
}
VERIFY: Mapping[str, LazyString] = {
    CheckVerify.PUBLIC: _("For public addresses"),
    CheckVerify.ALWAYS: _("Always"),
    CheckVerify.NEVER: _("Never"),
}
OPTIONS: Mapping[str, Mapping[str, LazyString]] = {
    "kind": KINDS, "target": TARGETS, "method": METHODS, "verify": VERIFY,
}  # fmt: skip
