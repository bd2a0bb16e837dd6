"""Reading what was recorded: newest first, narrowed, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher import audit
from launcher.audit import Actor, Cursor, Search, Target
from launcher.extensions import db
from launcher.models import AuditEvent

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
ADA, BEN = Actor("ada", 1, "10.0.0.21"), Actor("ben", 2, "2001:db8::1")


@pytest.fixture
def contents(app: Flask) -> Iterator[None]:
    with app.app_context():
        db.session.execute(db.delete(AuditEvent))
        yield


def note(
    action: str = "app.update", *, actor: Actor = ADA, name: str = "", minutes: int = 0
) -> None:
    target = Target("app", 1, name)
    audit.record(action, actor=actor, target=target, at=NOON + timedelta(minutes=minutes))
    db.session.commit()


def names(search: Search | None = None) -> list[str]:
    found, _older = audit.events(search or Search())
    return [event.target_name for event in found]


def test_the_newest_comes_first_whatever_the_order_of_writing(contents: None) -> None:
    for name, minutes in (("second", 2), ("first", 1), ("third", 3)):
        note(name=name, minutes=minutes)

    assert names() == ["third", "second", "first"]


def test_pages_meet_without_a_gap_even_within_one_moment(contents: None) -> None:
    for number in range(25):
        note(name=str(number), minutes=number // 10)

    seen: list[str] = []
    place: Cursor | None = None
    for _ in range(4):
        found, older = audit.events(Search(), before=place, limit=7)
        seen += [event.target_name for event in found]
        note(name="came meanwhile", minutes=99)
        place = Cursor.read(str(older)) if older else None
        if not place:
            break

    assert seen == [str(number) for number in reversed(range(25))]


@pytest.mark.parametrize(
    "text",
    ["", "x", "20261122T120000.123456", "20261322T120000.123456-1", "20261122T120000.123456-x",
     "20261122T120000.123456-1 ", "٢0261122T120000.123456-1"],
)  # fmt: skip
def test_what_is_no_place_is_none(text: str) -> None:
    assert Cursor.read(text) is None


def test_one_asks_by_person_kind_and_time(contents: None) -> None:
    note("app.update", name="hers")
    note("user.create", actor=BEN, name="his", minutes=1)
    note("user_agent.create", actor=BEN, name="another kind", minutes=2)

    assert names(Search(who="ada")) == ["hers"]
    assert names(Search(who="ad")) == []
    assert names(Search(kind="user")) == ["his"]
    since = NOON + timedelta(minutes=1)
    assert names(Search(since=since, until=since + timedelta(minutes=1))) == ["his"]


@pytest.mark.parametrize(
    ("text", "found"),
    [("jelly", True), ("JELLY", True), ("яблоко", True), ("ЯБЛОКО", True), ("сад", True),
     ("0.0.21", True), ("ada", True), ("%", False), ("_", False), ("kiwi", False)],
)  # fmt: skip
def test_a_piece_of_a_name_or_address_is_found_in_any_capitals(
    contents: None, text: str, found: bool
) -> None:
    note(name="Jellyfin и Яблоко в САДУ")

    assert bool(names(Search(text=text))) is found


def test_who_acted_lately_is_known_though_their_account_is_gone(contents: None) -> None:
    note(actor=BEN)
    note(actor=ADA)
    note(actor=ADA)

    assert audit.actors() == ["ada", "ben"]


@pytest.mark.parametrize("place", [None, Cursor(NOON, 7)])
def test_a_page_of_a_long_log_costs_no_more_than_of_a_short_one(
    contents: None, place: Cursor | None
) -> None:
    asked: list[tuple[str, object]] = []
    listener = db.engine, "before_cursor_execute", lambda *a: asked.append((a[2], a[3]))
    sa.event.listen(*listener)
    audit.events(Search(), before=place)
    sa.event.remove(*listener)

    statement, values = asked[-1]
    plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
    steps = str(plan.all())
    assert "audit_events_at" in steps
    assert "TEMP B-TREE" not in steps
