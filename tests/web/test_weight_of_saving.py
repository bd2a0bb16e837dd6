"""What it costs to save one step, however many apps are on the board."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher.extensions import db
from tests.support.many_apps import fill
from tests.web.visitor import Visitor


@pytest.mark.parametrize("step", ["move", "remove"])
def test_a_section_of_two_hundred_apps_takes_no_more_queries_than_one_of_ten(
    app: Flask, ben: Visitor, step: str
) -> None:
    asked: list[str] = []
    with app.app_context():
        database = Path(str(db.engine.url.database))
        sa.event.listen(
            db.engine, "before_cursor_execute", lambda *facts: asked.append(str(facts[2]))
        )
    made: list[list[str]] = []
    for apps in (10, 200):
        fill(database, apps=apps, slug=f"with-{apps}", per_section=apps)
        ben.open(f"/b/with-{apps}/edit")
        found = re.search(rf"/b/with-{apps}/apps/\d+/", ben.page)
        assert found
        asked.clear()
        assert ben.send(f"{found[0]}{step}", position="3").status_code == 303
        made.append([query for query in asked if query.startswith("SELECT")])

    assert 0 < len(made[0]) == len(made[1]), "\n".join(made[1])
