"""What the start page costs, however many apps are on it. `make bench` takes its times."""

from __future__ import annotations

import gzip
import html
import re
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher.accounts.groups import create_group
from launcher.accounts.users import find_user
from launcher.audit import COMMAND_LINE
from launcher.catalogue.boards import create_board
from launcher.catalogue.entries import BoardEntries
from launcher.extensions import db
from tests.support.many_apps import fill
from tests.web.visitor import Visitor

_QUERIES = 6
_REQUESTS = 6
_BYTES = 35_000


@pytest.fixture
def database(app: Flask) -> Path:
    with app.app_context():
        return Path(str(db.engine.url.database))


@pytest.fixture
def queries(app: Flask) -> list[str]:
    """What the database is asked, in order."""
    asked: list[str] = []
    with app.app_context():
        sa.event.listen(
            db.engine, "before_cursor_execute", lambda *facts: asked.append(str(facts[2]))
        )
    return asked


@pytest.fixture(params=["ada", "guest"])
def visitor(request: pytest.FixtureRequest) -> Visitor:
    """A person who is signed in, then one who is not."""
    return request.getfixturevalue(request.param)


def test_as_many_queries_are_made_for_five_hundred_apps_as_for_twenty_four(
    visitor: Visitor, database: Path, queries: list[str]
) -> None:
    made: dict[int, list[str]] = {}
    for apps in (24, 50, 500):
        fill(database, apps=apps, slug=f"with-{apps}")
        queries.clear()
        visitor.open(f"/b/with-{apps}")
        assert visitor.page.count('class="tile"') == apps
        made[apps] = [query for query in queries if query.startswith("SELECT")]

    assert 0 < len(made[24]) == len(made[50]) == len(made[500]) <= _QUERIES, "\n".join(made[500])


def test_forty_shared_boards_need_the_queries_of_one(
    app: Flask, chloe: Visitor, database: Path, queries: list[str]
) -> None:
    """Every other one is shared with a group of hers."""
    made: list[int] = []
    with app.app_context():
        chloe_id = find_user("chloe").id
        group_id = create_group("Family", [chloe_id], actor=COMMAND_LINE).id
    shares = (f"user:{chloe_id}:view", f"group:{group_id}:edit")
    for numbers in (range(1), range(1, 40)):
        with app.app_context():
            for number in numbers:
                fields = BoardEntries(f"Board {number}", visibility="private")
                shared = replace(fields, shared_with=shares[number % 2])
                create_board(shared, owner=None, actor=COMMAND_LINE)
        chloe.open("/")  # the first visit fills what a worker keeps
        queries.clear()
        assert chloe.open("/").status_code == 200
        assert chloe.page.count('href="/b/board-') == numbers.stop
        made.append(sum(query.startswith("SELECT") for query in queries))
    assert 0 < made[0] == made[1] <= _QUERIES + 1, made


def test_a_year_of_history_is_not_read(
    visitor: Visitor, database: Path, queries: list[str]
) -> None:
    fill(database, apps=3, with_history=True)
    visitor.open("/")

    assert visitor.page.count('class="state"') == 2
    assert "check_states" in "".join(queries)
    assert [query for query in queries if re.search(r"\bprobe", query)] == []


def test_an_open_page_with_fifty_apps_is_renewed_with_about_a_kilobyte(
    visitor: Visitor, database: Path, queries: list[str]
) -> None:
    fill(database, apps=50, with_history=True)
    visitor.open("/b/many")
    queries.clear()

    answer = visitor.client.get("/b/many/health", headers={"Accept-Encoding": "gzip"})

    assert answer.status_code == 200
    assert len(answer.data) <= 1400
    assert sum(query.startswith("SELECT") for query in queries) <= _QUERIES
    assert [query for query in queries if re.search(r"\bprobe", query)] == []


def test_a_browser_with_nothing_yet_gets_little(visitor: Visitor, database: Path) -> None:
    fill(database, apps=24)
    visitor.open("/")

    # The icon of the home screen is only fetched for it.
    links = set(
        re.findall(
            r'<(?!link rel="apple-touch-icon")[^>]+ (?:href|src)="(/assets/[^"#]+)', visitor.page
        )
    )
    assert 1 + len(links) <= _REQUESTS
    weights = {link: _weight(visitor, link) for link in ("/", *sorted(links))}
    assert sum(weights.values()) <= _BYTES, weights


def _weight(visitor: Visitor, address: str) -> int:
    answer = visitor.client.get(html.unescape(address), headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    head = sum(len(name) + len(value) + 4 for name, value in answer.headers)
    body = answer.data if answer.content_encoding else gzip.compress(answer.data)
    return head + len(body)
