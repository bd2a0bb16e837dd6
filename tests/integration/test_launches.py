"""How often a user opens each app: counted for them alone, cleared, switched off, forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher.accounts.users import delete_user
from launcher.audit import COMMAND_LINE, Actor
from launcher.catalogue import launches
from launcher.catalogue.apps import create_app
from launcher.catalogue.bulk import delete_apps
from launcher.catalogue.entries import AppEntries
from launcher.extensions import db
from launcher.models import App, AuditEvent, Launch, User
from launcher.models.types import utc_now


@dataclass
class Home:
    """Two users and two apps, which only editors know of."""

    ben: User
    chloe: User
    apps: list[App]

    def rows(self) -> int:
        return db.session.scalar(sa.select(sa.func.count()).select_from(Launch)) or 0


@pytest.fixture
def home(app: Flask, cast: object) -> Iterator[Home]:
    with app.app_context():
        users = {each.username: each for each in db.session.scalars(sa.select(User))}
        apps = [
            create_app(AppEntries(name=name, url="http://host"), None, actor=COMMAND_LINE)[0]
            for name in ("Jellyfin", "Grafana")
        ]
        yield Home(users["ben"], users["chloe"], apps)


def test_each_launch_counts_for_its_user_alone(home: Home) -> None:
    jellyfin, grafana = home.apps
    for app in (jellyfin, grafana, jellyfin):
        launches.count(home.ben, app.id)

    assert launches.usage(home.ben) == {jellyfin.id: 2, grafana.id: 1}
    assert launches.usage(home.chloe) == {}
    assert launches.usage(None) == {}
    assert home.rows() == 2


def test_an_app_that_one_may_not_know_of_is_not_counted(home: Home) -> None:
    launches.count(home.chloe, home.apps[0].id)
    launches.count(home.ben, 4711)

    assert home.rows() == 0


def test_no_line_of_the_audit_log_says_what_one_opened(home: Home) -> None:
    before = db.session.scalar(sa.select(sa.func.count()).select_from(AuditEvent))
    launches.count(home.ben, home.apps[0].id)

    assert db.session.scalar(sa.select(sa.func.count()).select_from(AuditEvent)) == before


def test_switched_off_nothing_is_counted_and_nothing_is_left(home: Home) -> None:
    launches.count(home.ben, home.apps[0].id)
    launches.set_counting(home.ben, is_on=False, actor=Actor.of(home.ben))
    launches.count(home.ben, home.apps[0].id)

    assert home.rows() == 0
    assert launches.usage(home.ben) == {}
    event = db.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert event
    assert event.action == "user.set_launches"
    assert event.changes == {"counts_launches": [True, False]}

    launches.set_counting(home.ben, is_on=True, actor=Actor.of(home.ben))
    launches.count(home.ben, home.apps[0].id)
    assert home.rows() == 1


def test_one_clears_what_is_ones_own(home: Home) -> None:
    for user in (home.ben, home.chloe):
        db.session.add(Launch(user_id=user.id, app_id=home.apps[0].id, day=_today(), count=3))
    db.session.commit()

    launches.clear(home.ben)

    assert home.rows() == 1
    assert launches.usage(home.chloe) == {home.apps[0].id: 3}


def test_after_90_days_a_launch_is_forgotten_and_deleted(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    jellyfin, grafana = home.apps
    launches.count(home.ben, jellyfin.id)
    later = utc_now() + timedelta(days=89)
    monkeypatch.setattr(launches, "utc_now", lambda: later)
    launches.count(home.ben, grafana.id)
    assert launches.usage(home.ben) == {jellyfin.id: 1, grafana.id: 1}

    later += timedelta(days=1)
    assert launches.usage(home.ben) == {grafana.id: 1}
    launches.count(home.ben, grafana.id)
    assert home.rows() == 2  # those of yesterday and of today


def test_they_go_with_the_app_and_with_the_user(home: Home) -> None:
    for app in home.apps:
        launches.count(home.ben, app.id)

    delete_apps([home.apps[0]], actor=Actor.of(home.ben))
    assert home.rows() == 1
    delete_user(home.ben, actor=COMMAND_LINE)
    assert home.rows() == 0


def test_odd_counts_of_a_file_from_outside_break_nothing(home: Home) -> None:
    ids = (home.ben.id, home.apps[0].id)
    query = "INSERT INTO launches (user_id, app_id, day, count) VALUES (?, ?, ?, ?)"
    connection = db.session.connection()
    for day, count in ((_today(), 2**62), (_today() - 1, 2**62), (2**53, 5), (-7, 5)):
        connection.exec_driver_sql(query, (*ids, day, count))
    connection.exec_driver_sql(query, (home.ben.id, home.apps[1].id, _today(), -(2**62)))
    launches.count(home.ben, home.apps[0].id)
    launches.count(home.ben, home.apps[1].id)

    usage = launches.usage(home.ben)

    assert 0 < usage[home.apps[0].id] < 2**53
    assert usage[home.apps[1].id] == 0


def _today() -> int:
    return int(utc_now().timestamp()) // 86_400
