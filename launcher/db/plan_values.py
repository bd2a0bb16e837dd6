"""What is set of each app, board, group, user and of the site, as a plan of a restore compares it.

Only what people set: counters, times and what each user folds are left out.
"""

# ruff: noqa: S608 (the names put into queries are constants of the code)

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from launcher.settings.table import SCHEDULE, SETTINGS

Values = Mapping[str, Mapping[str, str]]

SITE = "site"
"""The kind of the settings, and the key of the only thing of this kind."""

SECTION = "section:"
"""What the field with the apps of a section starts with; then comes its name."""

LISTS = frozenset({"boards", "collapsed", "members", "sections", "shared_with", "tags"})
"""The fields with one name a line, beside those of sections."""

SWITCHES = {
    "is_active",
    "open_new_tab",
    "has_shortcuts",
    "counts_launches",
    "archived",
    "follow_redirects",
    "is_keyword_absent",
    "is_enabled",
    "is_notifying",
} | {name for name, setting in SETTINGS.items() if isinstance(setting.default, bool)}
"""The fields whose values are `yes` and `no`."""

_YES_NO = ("no", "yes")
_APPS = """
    SELECT apps.id, apps.id || ' ' || apps.created_at, apps.name, url, url_local, description,
        keywords, opens, archived_at IS NOT NULL,
        trim(CASE WHEN media.id IS NOT NULL THEN 'media:' || sha256 WHEN icon != '' THEN icon
            ELSE 'letters:' || letters END
            || coalesce(' tint:' || hue, '') || coalesce(' ' || media.name, ''))
    FROM apps LEFT JOIN media ON media.id = icon_media_id"""
_APP_FIELDS = ("name", "url", "url_local", "description", "keywords", "opens", "archived", "icon")
_TAGS = """
    SELECT app_id, tags.name FROM app_tags JOIN tags ON tags.id = tag_id
    ORDER BY app_id, tags.name"""
_CHECK_SWITCHES = ("follow_redirects", "is_keyword_absent", "is_enabled", "is_notifying")
_CHECK_FIELDS = (
    "kind", "target", "check_url", "method", "interval_s", "timeout_ms", "accept", "keyword",
    "verify", "retries", "slow_ms", "notify_after_min", "ca_pem", *_CHECK_SWITCHES,
)  # fmt: skip
_CHECKS = f"""
    SELECT app_id, headers, kind, target, url, method, coalesce(interval_s, ''), timeout_ms, accept,
        keyword, verify, retries, slow_ms, notify_after_min, ca_pem, {", ".join(_CHECK_SWITCHES)}
    FROM health_checks"""
_BOARDS = """
    SELECT boards.id, boards.id || ' ' || boards.created_at, name, slug, visibility,
        coalesce(username, ''), density, columns
    FROM boards LEFT JOIN users ON users.id = owner_id ORDER BY position, boards.id"""
_BOARD_FIELDS = ("name", "slug", "visibility", "owner", "density", "columns")
_SHARES = """
    SELECT board_id, username || ' (' || access || ')' AS shown FROM board_users
    JOIN users ON users.id = user_id
    UNION ALL SELECT board_id, user_groups.name || ' (' || access || ')' FROM board_groups
    JOIN user_groups ON user_groups.id = group_id ORDER BY 1, 2"""
_SECTIONS = "SELECT id, board_id, name, is_collapsed FROM sections ORDER BY board_id, position, id"
_PLACES = "SELECT section_id, app_id FROM placements ORDER BY section_id, position, id"
_GROUPS = "SELECT id, id || ' ' || created_at, name FROM user_groups"
_MEMBERS = """
    SELECT group_id, username FROM group_members JOIN users ON users.id = user_id
    ORDER BY group_id, username"""
_USERS = """
    SELECT username, display_name, email, role, is_active, locale, theme,
        coalesce(boards.name, ''), open_new_tab, has_shortcuts, counts_launches
    FROM users LEFT JOIN boards ON boards.id = home_board_id"""
_USER_FIELDS = (
    "name", "display_name", "email", "role", "is_active", "locale", "theme", "own_home",
    "open_new_tab", "has_shortcuts", "counts_launches",
)  # fmt: skip
_SETTINGS = tuple(name for name in SETTINGS if name not in SCHEDULE)
_HOME = "SELECT name FROM boards ORDER BY is_home DESC, position, id LIMIT 1"


def read_values(connection: sqlite3.Connection) -> Mapping[str, Values]:
    """Return the values by kind, by id and time of creation, and by field.

    SQLite gives the id of a deleted row to the next one, so an id alone names no thing. Of a text
    that is no UTF-8, what can be read is returned: a plan must not stop a restore.
    """
    with _reading_any_text(connection):
        names: dict[object, str] = {}
        apps: dict[str, Mapping[str, str]] = {}
        tags = _by_first(connection.execute(_TAGS))
        checks = {row[0]: _check(*row[1:]) for row in connection.execute(_CHECKS)}
        for app_id, key, *rest in connection.execute(_APPS):
            names[app_id] = str(rest[0])
            values = {**_fields(_APP_FIELDS, rest), "tags": _lines(tags[app_id])}
            apps[str(key)] = {**values, **checks.get(app_id, {})}
        members = _by_first(connection.execute(_MEMBERS))
        return {
            "app": apps,
            "board": _boards(connection, names),
            "group": {
                str(key): {"name": str(name), "members": _lines(members[group_id])}
                for group_id, key, name in connection.execute(_GROUPS)
            },
            "user": {str(row[0]): _fields(_USER_FIELDS, row) for row in connection.execute(_USERS)},
            SITE: {SITE: _site(connection)},
        }


def _check(headers: object, *values: object) -> Mapping[str, str]:
    """Return how an app is checked: of headers the names alone, of certificates how many."""
    found = _fields(_CHECK_FIELDS, values)
    found["ca_pem"] = str(found["ca_pem"].count("-----BEGIN"))
    try:
        names = json.loads(str(headers))
    except ValueError:
        names = {}
    found["headers"] = ", ".join(sorted(map(str, names))) if isinstance(names, dict) else ""
    return found


def _boards(connection: sqlite3.Connection, app_names: Mapping[object, str]) -> Values:
    shares = _by_first(connection.execute(_SHARES))
    places = _by_first(connection.execute(_PLACES))
    sections: dict[object, list[tuple[str, str, bool]]] = defaultdict(list)
    for section_id, board_id, name, is_collapsed in connection.execute(_SECTIONS):
        apps = _lines(app_names[app_id] for app_id in places[section_id] if app_id in app_names)
        sections[board_id].append((_line(name), apps, bool(is_collapsed)))
    boards: dict[str, Mapping[str, str]] = {}
    for board_id, key, *rest in connection.execute(_BOARDS):
        values = _fields(_BOARD_FIELDS, rest)
        values["shared_with"] = _lines(shares[board_id])
        values["sections"] = _lines(name for name, _, _ in sections[board_id])
        values["collapsed"] = _lines(name for name, _, is_shut in sections[board_id] if is_shut)
        for name, apps, _ in sections[board_id]:
            # Sections of one name are one field.
            before = values.get(SECTION + name, "")
            values[SECTION + name] = f"{before}\n{apps}" if before and apps else before or apps
        boards[str(key)] = values
    return boards


def _site(connection: sqlite3.Connection) -> Mapping[str, str]:
    row = connection.execute(
        f"SELECT {', '.join(_SETTINGS)} FROM system_settings WHERE id = 1"
    ).fetchone()
    home = connection.execute(_HOME).fetchone()
    return {
        **(_fields(_SETTINGS, row) if row else {}),
        "home_board": str(home[0]) if home else "",
        "boards": _lines(row[2] for row in connection.execute(_BOARDS)),
    }


def _fields(names: Sequence[str], row: Sequence[object]) -> dict[str, str]:
    return {name: _value(name, value) for name, value in zip(names, row, strict=True)}


def _value(field: str, value: object) -> str:
    return _YES_NO[bool(value)] if field in SWITCHES else str(value)


def _lines(names: Iterable[object]) -> str:
    return "\n".join(map(_line, names))


def _line(name: object) -> str:
    return " ".join(str(name).split("\n"))


def _by_first(rows: Iterable[Sequence[object]]) -> Mapping[object, list[object]]:
    found: dict[object, list[object]] = defaultdict(list)
    for first, second in rows:
        found[first].append(second)
    return found


@contextmanager
def _reading_any_text(connection: sqlite3.Connection) -> Iterator[None]:
    factory = connection.text_factory
    connection.text_factory = lambda value: value.decode(errors="replace")
    try:
        yield
    finally:
        connection.text_factory = factory
