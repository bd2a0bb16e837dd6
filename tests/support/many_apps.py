"""A public board with any number of apps on it, and a year of their history."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from launcher.icons.drawn import Kind, drawn_set

PER_SECTION = 12

_STATES = (*("up",) * 9, "slow", "down", "paused", "unknown")
_MOMENT = "%Y-%m-%d %H:%M:%S.%f"
_HISTORY = """
WITH RECURSIVE step(number) AS (
    SELECT 1 UNION ALL SELECT number + 1 FROM step WHERE number < {count}
)
INSERT INTO {table} SELECT apps.id, (? / {length_s} - number) * {length_s}, {values}
FROM apps CROSS JOIN step
"""


def fill(
    database: Path,
    *,
    apps: int,
    slug: str = "many",
    with_history: bool = False,
    per_section: int = PER_SECTION,
) -> None:
    """Add a board with `apps` apps in sections of `per_section`, every fourth with a symbol.

    Most are checked. Guests may see the board, which comes first. With history all apps have each
    probe of a day, each hour of a month and each day of a year.
    """
    now = datetime.now(UTC)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE system_settings SET guest_access = 1")
        (board,) = connection.execute(
            "INSERT INTO boards"
            " (slug, name, visibility, position, created_at, updated_at, revision)"
            " VALUES (?1, ?1, 'public', -1, ?2, ?2, 1) RETURNING id",
            (slug, now.strftime(_MOMENT)),
        ).fetchone()
        (first,) = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM apps").fetchone()
        for number in range(apps):
            if number % per_section == 0:
                connection.execute(
                    "INSERT INTO sections (board_id, name, position, is_collapsed)"
                    " VALUES (?, ?, ?, 0)",
                    (board, f"Section {number // per_section + 1}", number),
                )
            _add(connection, first + number, number, now)
        if with_history:
            _add_history(connection, int(now.timestamp()))


def _add(connection: sqlite3.Connection, app: int, number: int, now: datetime) -> None:
    at = now.strftime(_MOMENT)
    symbols = list(drawn_set(Kind.SYMBOL).drawings)
    icon = f"symbol:{symbols[number % len(symbols)]}" if number % 4 == 0 else ""
    connection.execute(
        "INSERT INTO apps (id, name, description, url, url_local, icon, letters, keywords,"
        " created_at, updated_at, revision) VALUES (?, ?, ?, ?, '', ?, '', '', ?, ?, 1)",
        (
            app, f"App number {number}", f"What the app with number {number} is for",
            f"https://app-{number}.home.arpa", icon, at, at,
        ),
    )  # fmt: skip
    connection.execute(
        "INSERT INTO placements (section_id, app_id, position)"
        " VALUES ((SELECT max(id) FROM sections), ?, ?)",
        (app, number),
    )
    if number % 8:
        ms = 3 + number * 7 % 900
        is_paused = _STATES[number % len(_STATES)] == "paused"
        since = now - timedelta(minutes=7 * number + 3)
        connection.execute(
            "INSERT INTO health_checks (app_id, kind, target, url, method, headers, headers_for,"
            " timeout_ms, accept, keyword, is_keyword_absent, verify, ca_pem, follow_redirects,"
            " retries, slow_ms, is_enabled, paused_until, paused_by, is_notifying,"
            " notify_after_min) VALUES"
            " (?, 'http', 'own', '', 'HEAD', '{}', '', 10000, '100-499', '', 0, 'public', '', 1, 2,"
            " 1000, 1, ?, '', 1, 5)",
            (app, f"{now.year + 1}-01-01 00:00:00.000000" if is_paused else None),
        )
        connection.execute(
            "INSERT INTO check_states (app_id, state, since, last_at, last_ms, error, facts,"
            " streak, certificate)"
            " VALUES (?, ?, ?, ?, ?, '', '{}', 3, '{}')",
            (app, _STATES[number % len(_STATES)], since.strftime(_MOMENT), at, ms),
        )


def _add_history(connection: sqlite3.Connection, now_s: int) -> None:
    for table, length_s, count, values in (
        ("probes", 60, 1440, "1, 0, 12 + number % 40, 200, NULL"),
        ("probe_hours", 3600, 30 * 24, "60, 60, 0, 9, 80, 1200"),
        ("probe_days", 86_400, 365, "1440, 1439, 3, 9, 800, 28000"),
    ):
        query = _HISTORY.format(table=table, length_s=length_s, count=count, values=values)
        connection.execute(query, (now_s,))
