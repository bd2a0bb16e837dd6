"""What is set of each app, board, group, user and of the site, as a plan of a restore compares it.

Only what people set: counters, times and what each user folds are left out. A pause that is over
is none. Of secrets there are digests, which are compared and never shown."""

# ruff: noqa: S608 (the names put into queries are constants of the code)

from __future__ import annotations

import binascii
import hashlib
import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from launcher.backup.ports import utc_now
from launcher.db.connect import stored_moment
from launcher.settings.table import SCHEDULE, SETTINGS

Values = Mapping[str, Mapping[str, str]]
Secrets = Mapping[str, Mapping[str, Mapping[str, Mapping[str, str]]]]
"""Kind, key, field and name of each secret, with its digest."""

SITE = "site"
"""The kind of the settings, and the key of the only thing of this kind."""

SECTION = "section:"
"""What the field with the apps of a section starts with; then comes its name."""

MAINTENANCE = frozenset({"maintenance", "maintenance_for_all"})
"""The fields with maintenance windows, one a line: days, start and minutes, like `056 03:00 60`."""

LISTS = MAINTENANCE | {
    "boards", "ca_pem", "collapsed", "headers", "members", "sections", "shared_with", "tags",
}  # fmt: skip
"""The fields with one name a line, beside those of sections."""

PAUSES = frozenset({"paused_until", "checks_paused_until"})
"""The fields with the end of a pause in ISO 8601, "" where none runs."""

HEADER_VALUES = "header_values"
"""The field that names the headers of a check whose values differ."""

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
_HEADERS = """
    SELECT apps.id || ' ' || apps.created_at, headers FROM health_checks
    JOIN apps ON apps.id = app_id"""
_PAUSES = "SELECT app_id, paused_until FROM health_checks WHERE paused_until > ?"
_PAUSE_OF_ALL = "SELECT paused_until FROM checks_run WHERE paused_until > ?"
_WINDOWS = """
    SELECT app_id, printf('%s %02d:%02d %d', days, starts_at_min / 60, starts_at_min % 60, minutes)
    FROM maintenance_windows ORDER BY starts_at_min, id"""
_CERTIFICATE = re.compile(r"-----BEGIN [^-]*-----[^-]*")
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


def read_values(
    connection: sqlite3.Connection, *, at: datetime | None = None
) -> Mapping[str, Values]:
    """Return the values by kind, by id and time of creation, and by field.

    Pauses are those that still run `at` a moment, None for now.

    SQLite gives the id of a deleted row to the next one, so an id alone names no thing. Of a text
    that is no UTF-8, what can be read is returned: a plan must not stop a restore.
    """
    with _reading_any_text(connection):
        names: dict[object, str] = {}
        apps: dict[str, Mapping[str, str]] = {}
        tags = _by_first(connection.execute(_TAGS))
        checks = {row[0]: _check(*row[1:]) for row in connection.execute(_CHECKS)}
        now = (stored_moment(at or utc_now()),)
        pauses = dict(connection.execute(_PAUSES, now).fetchall())
        windows = _by_first(connection.execute(_WINDOWS))
        for app_id, key, *rest in connection.execute(_APPS):
            names[app_id] = str(rest[0])
            values = {**_fields(_APP_FIELDS, rest), "tags": _lines(tags[app_id])}
            values["maintenance"] = _lines(windows[app_id])
            values["paused_until"] = _moment(pauses.get(app_id))
            apps[str(key)] = {**values, **checks.get(app_id, {})}
        of_all = connection.execute(_PAUSE_OF_ALL, now).fetchone()
        for_all = {
            "checks_paused_until": _moment(of_all[0] if of_all else None),
            "maintenance_for_all": _lines(windows[None]),
        }
        members = _by_first(connection.execute(_MEMBERS))
        return {
            "app": apps,
            "board": _boards(connection, names),
            "group": {
                str(key): {"name": str(name), "members": _lines(members[group_id])}
                for group_id, key, name in connection.execute(_GROUPS)
            },
            "user": {str(row[0]): _fields(_USER_FIELDS, row) for row in connection.execute(_USERS)},
            SITE: {SITE: {**_site(connection), **for_all}},
        }


def read_secrets(connection: sqlite3.Connection) -> Secrets:
    """Return the digests of what is compared and never shown, with the keys of `read_values`."""
    with _reading_any_text(connection):
        return {
            "app": {
                str(key): {HEADER_VALUES: {name: _digest(value) for name, value in named.items()}}
                for key, headers in connection.execute(_HEADERS)
                if (named := _headers(headers))
            }
        }


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _check(headers: object, *values: object) -> Mapping[str, str]:
    """Return how an app is checked: of headers the names alone, of certificates digests."""
    found = _fields(_CHECK_FIELDS, values)
    found["ca_pem"] = _lines(map(_short_digest, _CERTIFICATE.findall(found["ca_pem"])))
    found["headers"] = _lines(_headers(headers))
    return found


def _headers(stored: object) -> Mapping[str, object]:
    try:
        read = json.loads(str(stored))
    except (ValueError, RecursionError):
        return {}
    return dict(sorted(read.items())) if isinstance(read, dict) else {}


def _short_digest(certificate: str) -> str:
    """Return the first bytes of the SHA-256 of a certificate, as browsers and OpenSSL show it."""
    text = re.sub(r"-----[^-]*-----|\s", "", certificate).encode()
    try:
        content = binascii.a2b_base64(text)
    except ValueError:
        content = text
    return hashlib.sha256(content).digest()[:8].hex(":").upper()


def _moment(stored: object) -> str:
    return f"{str(stored).replace(' ', 'T')[:19]}+00:00" if stored else ""


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
