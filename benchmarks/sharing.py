"""The start page of a person by the number of boards that are shared with them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.panel import Admin
from benchmarks.sample import PASSWORD, run_flask
from benchmarks.site import serving
from benchmarks.start_page import run_tool
from benchmarks.timing import Row
from tests.support.many_apps import fill

_APPS = 24
_WAYS = (
    ("board_users", "user_id", "users", "username"),
    ("board_groups", "group_id", "user_groups", "name"),
)
_COUNTS = {"reader1": 1, "reader40": 40}


def measure_sharing(data_dir: Path, *, runs: int) -> Iterator[Row]:
    """A viewer with one shared board and one with forty, every other one by way of a group."""
    for number in range(max(_COUNTS.values())):
        fill(data_dir / "launcher.db", apps=_APPS, slug=f"shared-{number}")
    for name in _COUNTS:
        run_flask(
            data_dir, "user", "create", name, "--role", "viewer", "--password-stdin",
            typed=PASSWORD,
        )  # fmt: skip
    with closing(sqlite3.connect(data_dir / "launcher.db")) as connection, connection:
        connection.execute("UPDATE boards SET visibility = 'private'")
        connection.execute(
            "INSERT INTO user_groups (name, created_at)"
            " SELECT username, created_at FROM users WHERE username LIKE 'reader%'"
        )
        connection.execute(
            "INSERT INTO group_members (group_id, user_id)"
            " SELECT user_groups.id, users.id FROM user_groups"
            " JOIN users ON users.username = user_groups.name"
        )
        for name, count in _COUNTS.items():
            for number in range(count):
                table, key, of, column = _WAYS[number % 2]
                connection.execute(
                    f"INSERT INTO {table} (board_id, {key}, access)"
                    f" SELECT boards.id, {of}.id, 'view' FROM boards, {of}"
                    f" WHERE boards.slug = ? AND {of}.{column} = ?",
                    (f"shared-{number}", name),
                )
    with serving(data_dir, workers=1, LAUNCHER_SCHEDULER="off") as port:
        cookies = {name: Admin(port, name).cookie for name in _COUNTS}
    took: dict[str, float] = {}
    for name, count in _COUNTS.items():
        path, cookie = "/b/shared-0", cookies[name]
        (line,) = run_tool(data_dir, "inside", str(runs * 10), cookie, path)
        statements = len(run_tool(data_dir, "statements", path, cookie))
        took[name] = float(line.split()[1])
        ratio = took[name] / took["reader1"]
        yield Row(
            "start page, shared boards, processor time", f"{count} shared boards, {_APPS} apps",
            took[name], "ms", f"{statements} statements, BEGIN included; {ratio:.2f} times one",
        )  # fmt: skip
