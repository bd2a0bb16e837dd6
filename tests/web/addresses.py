"""Addresses of every rule of the site, with an example for each part that varies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from flask import Flask
from werkzeug.routing import Rule

_VARYING = re.compile(r"<[^/]*?>")

UNKNOWN: Mapping[str, str] = {
    "address": "none.css",
    "app_id": "999",
    "backup_id": "20261122T170000Z-k3f9q2",
    "destination_id": "nowhere",
    "group_id": "999",
    "icon_id": "999999",
    "job_id": "nobody",
    "key": "nothing-like-it",
    "name": "nothing",
    "operation_id": "20261122T170000Z-k3f9q2",
    "placement_id": "999",
    "recipient_id": "0badcafe",
    "section_id": "999",
    "sha256": "f" * 64,
    "slug": "nowhere",
    "tag_id": "999",
    "token": "nothing-like-it",
    "token_id": "999",
    "user_id": "999",
}
"""What is well formed and not there, by the name of the part of a rule."""

MALFORMED = (
    "..%2f..%2fsecret_key", "%00", "%ff", "-1", "9" * 30, "x" * 3000, "'; DROP TABLE x", "{{7*7}}",
)  # fmt: skip
"""What no such part looks like; as it stands in an address."""


def parts_of(rule: Rule) -> list[str]:
    """Return the names of the parts of `rule` that vary, each with an example here."""
    for name in rule.arguments:
        assert name in UNKNOWN, (
            f"{rule.rule} has <{name}>: add an id that does not exist to UNKNOWN in"
            " tests/web/addresses.py, and one that does where the tests make their content"
        )
    return sorted(rule.arguments)


def address(rule: Rule, parts: Mapping[str, str]) -> str:
    """Return the address of `rule` with these parts; they may be encoded already."""
    path = rule.rule
    for name, text in parts.items():
        marker = next(each for each in _VARYING.findall(path) if each.endswith(f"{name}>"))
        path = path.replace(marker, quote(text, safe="%'*{}"))
    return path


def rules(app: Flask) -> list[Rule]:
    """Return every rule of a page, in a fixed order; those of the API are no pages."""
    pages = (rule for rule in app.url_map.iter_rules() if rule.endpoint != "api.dispatch")
    return sorted(pages, key=lambda rule: (rule.rule, rule.endpoint))
