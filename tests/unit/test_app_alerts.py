"""Apps that go down and up again: what is sent of them, by a clock in hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from launcher.notifications.app_alerts import record_reached, update_app_alerts
from launcher.notifications.app_records import (
    AppAlerts,
    AppSight,
    AppState,
    Sights,
    read_facts,
    write_facts,
)

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Watch:
    """Looks once a minute at one app that is checked once a minute, and keeps what is sent."""

    def __init__(self, *, after_min: int = 5) -> None:
        self.alerts = AppAlerts()
        self.now = NOW
        self.sent: list[str] = []
        self.sight = AppSight(
            1, "created", "Paperless", AppState.UP, ended_at=NOW - DAY,
            notify_after=timedelta(minutes=after_min),
        )  # fmt: skip

    def look(self, *, minutes: int = 1, is_checked: bool = True, **changed: object) -> Watch:
        """Let minutes pass, with one result a minute."""
        self.sight = replace(self.sight, **changed)  # type: ignore[arg-type]
        for _ in range(minutes):
            self.now += MINUTE
            if is_checked:
                self.sight = replace(self.sight, last_at=self.now)
            self.look_at(Sights((self.sight,), reached_at=self.now))
        return self

    def look_at(self, sights: Sights) -> None:
        """Look, with a memory that was in the file meanwhile."""
        self.alerts = read_facts(write_facts(self.alerts))
        self.alerts, events = update_app_alerts(self.alerts, sights, now=self.now, sent_to=["a"])
        self.sent += [f"{each.change} {each.days}" if each.days else each.change for each in events]

    def down(self, *, minutes: int = 1) -> Watch:
        return self.look(
            minutes=minutes, state=AppState.DOWN, started_at=self.now, ended_at=None,
            outages=self.sight.outages + 1, is_flapping=self.sight.outages + 1 >= 3,
        )  # fmt: skip

    def up(self, *, minutes: int = 1) -> Watch:
        return self.look(minutes=minutes, state=AppState.UP, ended_at=self.now)


def test_an_outage_is_sent_once_it_has_lasted_long_enough() -> None:
    watch = Watch(after_min=5).down(minutes=4)
    assert watch.sent == []

    watch.look(minutes=60)
    assert watch.sent == ["down"]


def test_a_check_that_waits_for_nothing_is_sent_at_once() -> None:
    assert Watch(after_min=0).down().sent == ["down"]


def test_up_again_is_sent_once_and_only_after_down() -> None:
    watch = Watch(after_min=5).down(minutes=3).up(minutes=30)
    assert watch.sent == []

    watch.down(minutes=6).up(minutes=30)
    assert watch.sent == ["down", "up"]


def test_an_app_that_flaps_is_sent_once_and_then_when_it_was_up_for_an_hour() -> None:
    watch = Watch(after_min=0)
    for _ in range(12):
        watch.down(minutes=2).up(minutes=10)
    assert watch.sent == ["down", "up", "down", "up", "flapping"]

    watch.look(minutes=61)
    assert watch.sent[5:] == ["stable"]

    watch.down(minutes=90)
    assert watch.sent[6:] == ["flapping"]


def test_outages_too_short_to_be_sent_are_flapping_all_the_same() -> None:
    watch = Watch(after_min=30)
    for _ in range(4):
        watch.down(minutes=2).up(minutes=10)

    assert watch.sent == ["flapping"]


def test_outages_that_no_round_ever_saw_are_flapping_too_but_no_old_ones() -> None:
    watch = Watch(after_min=5)
    flapped = {"outages": 4, "is_flapping": True, "started_at": NOW - MINUTE}
    watch.look(**flapped, ended_at=NOW - 2 * HOUR)
    assert watch.sent == []

    watch.look(**flapped, ended_at=NOW, minutes=20)
    assert watch.sent == ["flapping"]


def test_a_pause_sends_nothing_and_an_outage_that_ends_by_it_is_over_in_silence() -> None:
    watch = Watch(after_min=0).down(minutes=3)
    watch.look(state=AppState.PAUSED, is_checked=False, minutes=60)
    watch.up(minutes=5)
    assert watch.sent == ["down"]

    watch.down()
    assert watch.sent == ["down", "down"]


def test_an_app_that_is_down_after_its_maintenance_is_sent() -> None:
    watch = Watch(after_min=5).look(state=AppState.PAUSED, is_checked=False, minutes=60)
    watch.down(minutes=4)
    assert watch.sent == []

    assert watch.look(minutes=2).sent == ["down"]


def test_what_is_not_known_is_neither_down_nor_up() -> None:
    watch = Watch(after_min=0).down()
    watch.look(state=AppState.UNKNOWN, is_checked=False, minutes=30)
    assert watch.sent == ["down"]

    assert watch.up().sent == ["down", "up"]


def test_a_restore_to_older_results_repeats_nothing() -> None:
    watch = Watch(after_min=0).down(minutes=2)
    as_backed_up = watch.sight
    watch.up(minutes=3)
    assert watch.sent == ["down", "up"]

    watch.sight = as_backed_up
    watch.look(is_checked=False, minutes=3)
    assert watch.sent == ["down", "up"]
    assert watch.look(state=AppState.UP, ended_at=watch.now, minutes=3).sent == ["down", "up"]


def test_a_restore_to_before_the_outage_does_not_say_that_it_is_over() -> None:
    watch = Watch(after_min=0).look(minutes=2)
    as_backed_up = watch.sight
    watch.down(minutes=3)

    watch.sight = as_backed_up
    watch.look(is_checked=False, minutes=2)
    watch.down(minutes=3)
    assert watch.sent == ["down"]


def test_an_app_with_the_id_of_another_is_not_taken_for_it() -> None:
    watch = Watch(after_min=0).down()
    watch.look(created="later", name="Jellyfin", state=AppState.UP)

    assert watch.sent == ["down"]
    assert watch.alerts.apps == {}


def test_an_app_that_is_deleted_is_forgotten() -> None:
    watch = Watch(after_min=0).down()
    for _ in range(3):
        watch.now += DAY
        watch.look_at(Sights())

    assert watch.sent == ["down"]
    assert watch.alerts == AppAlerts()


@pytest.mark.parametrize(
    ("left", "sent"),
    [
        (timedelta(days=15), []),
        (timedelta(days=14), ["certificate 14"]),
        (timedelta(days=4), ["certificate 14"]),
        (timedelta(days=2), ["certificate 3"]),
        (timedelta(0), []),
        (timedelta(days=-3), []),
    ],
)
def test_a_certificate_is_sent_14_and_3_days_before(left: timedelta, sent: list[str]) -> None:
    watch = Watch()

    assert watch.look(certificate_until=NOW + MINUTE + left, minutes=30).sent == sent


def test_a_certificate_is_sent_twice_and_a_renewed_one_is_another() -> None:
    watch = Watch().look(certificate_until=NOW + 13 * DAY)
    for _ in range(12):
        watch.now += DAY
        watch.look(minutes=2)
    assert watch.sent == ["certificate 14", "certificate 3"]

    watch.look(certificate_until=NOW + 90 * DAY, minutes=2)
    watch.look(certificate_until=NOW + 13 * DAY, minutes=2)  # a restore
    assert len(watch.sent) == 2

    watch.now = NOW + 80 * DAY
    assert watch.look(certificate_until=NOW + 90 * DAY).sent[2:] == ["certificate 14"]
    assert [each.until for each in watch.alerts.certificates] == [NOW + 90 * DAY]


def test_no_certificate_is_sent_while_checks_are_paused() -> None:
    watch = Watch().look(state=AppState.PAUSED, certificate_until=NOW + 2 * DAY)

    assert watch.sent == []


def test_that_this_server_is_offline_is_sent_once_and_when_it_is_back() -> None:
    watch = Watch(after_min=0).down()
    gone = watch.now
    held = Sights((replace(watch.sight, state=AppState.UNKNOWN),), gone, reached_at=gone)
    for _ in range(4):
        watch.now += MINUTE
        watch.look_at(held)
    assert watch.sent == ["down"]

    for _ in range(60):
        watch.now += MINUTE
        watch.look_at(held)
    assert watch.sent == ["down", "offline"]

    watch.look_at(replace(held, offline_since=None))  # a restore: nothing was reached since
    assert watch.sent == ["down", "offline"]
    watch.look(minutes=3)
    assert watch.sent == ["down", "offline", "online"]


def test_a_clock_that_ran_ahead_stalls_nothing() -> None:
    watch = Watch(after_min=0)
    watch.now += 30 * DAY
    watch.down()
    watch.now = NOW

    assert watch.up().sent == ["down", "up"]


def test_several_apps_of_one_round_are_all_sent_the_worst_first() -> None:
    sights = [
        AppSight(n, "", f"App {n}", AppState.DOWN, last_at=NOW, started_at=NOW) for n in (1, 2, 3)
    ]
    known, _ = update_app_alerts(AppAlerts(), Sights(sights[:1]), now=NOW)
    up = replace(sights[0], state=AppState.UP, ended_at=NOW, last_at=NOW + MINUTE)
    known, events = update_app_alerts(known, Sights((up, *sights[1:])), now=NOW + MINUTE)

    assert [(each.change, each.sight and each.sight.name) for each in events] == [
        ("down", "App 2"),
        ("down", "App 3"),
        ("up", "App 1"),
    ]


def test_whom_a_message_reached_is_known_with_when_it_did() -> None:
    watch = Watch(after_min=0).down()
    sent_at, later = watch.now, watch.now + 20 * MINUTE
    alerts = record_reached(watch.alerts, {"a": None, "b": later})
    assert alerts.apps[1].reached == {}

    alerts = record_reached(alerts, {"a": sent_at - HOUR})
    assert alerts.apps[1].reached == {}
    alerts = record_reached(alerts, {"a": later})
    alerts = record_reached(alerts, {"a": later + HOUR})
    assert alerts.apps[1].reached == {"a": later}
