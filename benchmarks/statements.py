"""Ask an application of this process for a page; print its SQL statements, one a line."""

from __future__ import annotations

import sys

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from launcher.app import create_app

path, cookie = sys.argv[1:]
client = create_app().test_client(use_cookies=False)
statements: list[str] = []


@sa.event.listens_for(Engine, "before_cursor_execute")
def _note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
    statements.append(" ".join(statement.split()))


for _ in range(2):  # the first may fill what a worker keeps
    statements.clear()
    answer = client.get(path, headers={"Cookie": cookie})
if answer.status_code != 200:
    sys.exit(f"{path} answers {answer.status_code}")
print(*statements, sep="\n")
