"""What is set of each app, board and user, as a plan of a restore compares it."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Mapping

Values = Mapping[str, Mapping[str, str]]

ARRANGEMENT = "arrangement"
"""The field of a board whose values are no text to read: they only differ."""

_APP_FIELDS = ("name", "url", "url_local", "description", "icon")
_APPS = """
    SELECT apps.id || ' ' || apps.created_at, apps.name, url, url_local, description,
        trim(icon || ' ' || letters || ' ' || coalesce(hue, '') || ' ' || coalesce(media.name, ''))
    FROM apps LEFT JOIN media ON media.id = icon_media_id"""
_BOARDS = "SELECT id, id || ' ' || created_at, name, slug, visibility FROM boards"
_PLACES = """
    SELECT board_id, sections.name, app_id FROM sections
    LEFT JOIN placements ON placements.section_id = sections.id
    ORDER BY board_id, sections.position, sections.id, placements.position, placements.id"""


def read_values(connection: sqlite3.Connection) -> Mapping[str, Values]:
    """Return the values by kind, by id and time of creation, and by field.

    SQLite gives the id of a deleted row to the next one, so an id alone names no thing.
    """
    apps = {
        str(key): dict(zip(_APP_FIELDS, map(str, rest), strict=True))
        for key, *rest in connection.execute(_APPS)
    }
    arranged: dict[object, list[str]] = defaultdict(list)
    for board_id, *place in connection.execute(_PLACES):
        arranged[board_id].append(repr(place))
    boards = {
        str(key): {
            "name": str(name),
            "slug": str(slug),
            "visibility": str(visibility),
            ARRANGEMENT: hashlib.sha256("".join(arranged[board_id]).encode()).hexdigest()[:16],
        }
        for board_id, key, name, slug, visibility in connection.execute(_BOARDS)
    }
    users = {
        str(username): {"name": str(username), "role": str(role)}
        for username, role in connection.execute("SELECT username, role FROM users")
    }
    return {"app": apps, "board": boards, "user": users}
