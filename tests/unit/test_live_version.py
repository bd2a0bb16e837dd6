"""The mark of the live data: another one exactly when a plan would tell another story by name."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.backup.comparison import version_of
from launcher.backup.records.survey import Survey
from tests.support.service import House

names = st.text(max_size=3)
tuples = st.lists(names, max_size=3).map(tuple)
schedules = st.dictionaries(names, st.integers(0, 1) | names, max_size=2)
surveys = st.builds(
    Survey,
    rows=st.dictionaries(names, st.integers(0, 3), max_size=2),
    names=st.dictionaries(names, tuples, max_size=2),
    admins=tuples,
    password_versions=st.dictionaries(names, names, max_size=2),
    api_tokens=st.dictionaries(names, names, max_size=2),
    schedule=st.none() | schedules,
    site_name=names,
    epoch=names,
)


@given(surveys, surveys)
def test_two_marks_are_equal_exactly_when_all_but_the_rows_is(one: Survey, other: Survey) -> None:
    assert (version_of(one) == version_of(other)) == (
        replace(one, rows={}) == replace(other, rows={})
    )


@given(surveys, surveys, st.sampled_from([field.name for field in fields(Survey)]))
def test_every_fact_but_the_rows_counts_alone(one: Survey, other: Survey, name: str) -> None:
    changed = replace(one, **{name: getattr(other, name)})
    is_same = name == "rows" or getattr(one, name) == getattr(other, name)
    assert (version_of(one) == version_of(changed)) == is_same


@given(surveys)
def test_the_order_in_which_a_database_answers_does_not_count(one: Survey) -> None:
    def backwards(mapping: Any) -> Any:
        return dict(reversed(mapping.items()))

    turned = replace(
        one, names=backwards(one.names), password_versions=backwards(one.password_versions)
    )
    assert version_of(turned) == version_of(one)


def test_what_is_no_text_has_a_mark_too() -> None:
    odd: Any = {b"\xff": "a", "ada": "b", "\ud800": "c"}
    survey = Survey({}, {}, (), odd, {}, None, "", "")
    assert len(version_of(survey)) == 16


def test_a_plan_carries_the_mark_of_the_data_it_is_about(home: House) -> None:
    home.create()
    plan = home.service.plan("latest", by="ada")
    assert plan.live_version == home.service.live_version() != ""


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO person (name, password, is_admin) VALUES ('eve', 'x', 0)",
        "UPDATE person SET name = 'bert' WHERE name = 'ben'",
        "UPDATE person SET password = 'new' WHERE name = 'ada'",
        "UPDATE person SET is_admin = 1",
        "UPDATE setting SET site_name = 'Another'",
        "UPDATE setting SET cron = '@weekly'",
        "UPDATE setting SET epoch = 'new'",
    ],
)
def test_the_mark_of_live_data_changes_with_it(home: House, statement: str) -> None:
    before = home.service.live_version()
    assert home.service.live_version() == before
    home.run(statement)
    assert home.service.live_version() != before


def test_more_rows_alone_leave_the_mark_alone(home: House) -> None:
    before = home.service.live_version()
    home.run("DELETE FROM note WHERE id > 5")
    assert home.service.live_version() == before


def test_a_restore_changes_the_mark(home: House) -> None:
    home.create()
    before = home.service.live_version()
    home.service.restore("latest", by="ada")
    assert home.service.live_version() != before


def test_data_that_cannot_be_read_has_no_mark(home: House) -> None:
    home.create()
    home.live.write_bytes(b"garbage" * 999)
    assert home.service.live_version() == ""
    home.live.unlink()
    assert home.service.live_version() == ""
    assert home.service.plan("latest", by="ada").live_version == ""
