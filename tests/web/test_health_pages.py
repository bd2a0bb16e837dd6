"""The health of one app, and of all apps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher.checks.pauses import Pause, PauseKind
from launcher.checks.plan import WindowRow
from launcher.config import Config
from launcher.db.settings import site_settings
from launcher.extensions import db
from launcher.models import (
    App,
    ChecksRun,
    CheckState,
    CheckTarget,
    Health,
    HealthCheck,
    MaintenanceWindow,
    Outage,
    Probe,
    ProbeDay,
    ProbeHour,
    User,
)
from launcher.models.types import utc_now
from launcher.notifications import recipients, sender
from launcher.notifications.app_records import AppAlert, AppAlerts
from launcher.notifications.memory import Memory, save_memory
from launcher.settings.kinds import known_zone
from launcher.web.checks.words import pause_words
from tests.web.visitor import Visitor

HOUR = timedelta(hours=1)


@pytest.fixture
def ids(app: Flask, boards: None) -> Mapping[str, int]:
    """The apps by name. Home Assistant is down, and checked at an address for editors."""
    with app.app_context():
        ids = dict(db.session.execute(sa.select(App.name, App.id)).all())
        now, down = utc_now().replace(microsecond=0), ids["Home Assistant"]
        check = db.session.get_one(HealthCheck, down)
        check.target, check.url = CheckTarget.OTHER, "http://secret.internal:48999"
        check.headers = {"Authorization": "Bearer hush"}
        state = db.session.get_one(CheckState, down)
        state.error, state.facts = "refused", {"host": "secret.internal", "port": 48999}
        state.certificate = {"issuer": "Home CA", "names": ["secret.internal"]}
        state.certificate_until = now + timedelta(days=9)
        this_hour = now.replace(minute=0, second=0)
        tier = {"probes": 60, "up": 59, "ms_sum": 1200, "ms_max": 20}
        db.session.add_all([
            Outage(app_id=down, started_at=now - HOUR, error="refused", facts=state.facts),
            Probe(app_id=down, at=now - 3 * HOUR, is_up=True, ms=20, code=200),
            Probe(app_id=down, at=now - HOUR, is_up=False),
            ProbeHour(app_id=down, at=this_hour - 2 * HOUR, **tier),
            ProbeDay(app_id=down, at=this_hour.replace(hour=0), **tier),
        ])  # fmt: skip
        db.session.commit()
    return ids


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.partition("<main")[2]))


def test_a_viewer_sees_how_an_app_is_and_not_where_it_is_checked(
    chloe: Visitor, ids: Mapping[str, int]
) -> None:
    page = chloe.open(f"/apps/{ids['Home Assistant']}/health").text

    assert "Down" in words(page)
    assert "Connection refused." in words(page)
    assert "98.3 %" in words(page).replace("\N{NO-BREAK SPACE}", " ")
    assert "1 outage in the last year" in words(page)
    for secret in ("secret.internal", "48999", "hush", "Home CA"):
        assert secret not in page


def test_an_editor_sees_where_it_is_checked_and_the_way_out_and_no_header(
    ben: Visitor, ids: Mapping[str, int]
) -> None:
    page = ben.open(f"/apps/{ids['Home Assistant']}/health").text

    assert "nothing listens on port 48999. Check the port" in words(page)
    assert "http://secret.internal:48999" in page
    assert "Home CA" in page
    assert "hush" not in page


def test_the_health_of_an_app_that_one_may_not_see_is_not_there(
    chloe: Visitor, ids: Mapping[str, int]
) -> None:
    assert chloe.open(f"/apps/{ids['Diary']}/health").status_code == 404


@pytest.mark.parametrize("period", ["24h", "7d", "30d", "1y", "none such"])
def test_each_period_has_a_chart_and_the_same_as_a_table(
    ada: Visitor, ids: Mapping[str, int], period: str
) -> None:
    answer = ada.open(f"/apps/{ids['Home Assistant']}/health?period={period}")

    assert answer.status_code == 200
    assert 'class="chart" role="img"' in answer.text
    assert "20 ms on average" in answer.text
    assert "Show as table" in answer.text


@pytest.mark.parametrize("period", ["24h", "7d", "30d", "1y"])
def test_a_chart_of_a_young_app_starts_with_its_history_and_says_so(
    ada: Visitor, ids: Mapping[str, int], app: Flask, period: str
) -> None:
    app_id, begun = ids["Jellyfin"], utc_now() - timedelta(hours=2)
    hour, day = (
        begun.replace(minute=0, second=0, microsecond=0).replace(**each)
        for each in ({}, {"hour": 0})
    )
    tier = {"probes": 60, "up": 60, "slow": 0, "ms_min": 20, "ms_max": 20, "ms_sum": 1200}
    with app.app_context():
        db.session.add_all(
            Probe(app_id=app_id, at=begun + timedelta(minutes=n), is_up=True, ms=20, code=200)
            for n in range(120)
        )
        db.session.add_all(
            [ProbeHour(app_id=app_id, at=hour, **tier), ProbeDay(app_id=app_id, at=day, **tier)]
        )
        db.session.commit()

    page = words(ada.open(f"/apps/{app_id}/health?period={period}").text)

    assert f"History starts on {begun.day} {begun:%B at %H:%M}." in page
    if period == "24h":
        assert "No data" not in page.partition("Slowest")[2].partition("outage")[0]
        assert page.count(f"{begun:%H:%M}") >= 3, "at the axis, in the sentence and in the table"


def test_what_was_not_measured_is_no_data_and_no_uptime(
    ada: Visitor, ids: Mapping[str, int]
) -> None:
    page = words(ada.open(f"/apps/{ids['Jellyfin']}/health").text)

    assert page.count("No data ") >= 4
    assert "Nothing was measured in this time." in page
    assert "100 %" not in page


def test_an_app_whose_check_is_off_has_no_state(
    ada: Visitor, ids: Mapping[str, int], app: Flask
) -> None:
    with app.app_context():
        db.session.execute(sa.update(HealthCheck).values(is_enabled=False))
        db.session.commit()

    page = words(ada.open(f"/apps/{ids['Home Assistant']}/health").text)

    assert "The check of this app is switched off." in page
    assert "Down" not in page


def test_the_list_has_the_worst_first_with_its_reason(ada: Visitor, ids: Mapping[str, int]) -> None:
    page = ada.open("/admin/health").text

    names = re.findall(r'class="self"[^>]*>([^<]+)<', page)
    assert "Jellyfin" in names
    assert names == ["Home Assistant", "Nextcloud", "Яблоко", *names[3:]]
    assert "Home Assistant is down" in page
    assert "nothing listens on port 48999. Certificate until" in words(page)
    assert "No data on 29 days." in page


def test_of_several_apps_that_are_down_the_first_is_named(
    ada: Visitor, ids: Mapping[str, int], app: Flask
) -> None:
    with app.app_context():
        down = sa.update(CheckState).values(state=Health.DOWN, last_at=utc_now())
        db.session.execute(down.where(CheckState.app_id.in_((ids["Jellyfin"], ids["Nextcloud"]))))
        db.session.commit()

    said = "Home Assistant and 2 more are down"
    assert f'<h2 id="answer">{said}</h2>' in ada.open("/admin/health").text
    overview = ada.open("/admin").text
    assert said in words(overview)
    assert said not in overview.partition('id="answer"')[2].partition("</section>")[0]


def test_the_list_can_be_filtered_by_certificates_that_expire_soon(
    ada: Visitor, ids: Mapping[str, int]
) -> None:
    assert "Certificate soon 1" in words(ada.open("/admin/health").text)
    (link,) = re.findall(r'href="([^"]*state=certificate)"', ada.page)

    assert re.findall(r'class="self"[^>]*>([^<]+)<', ada.open(link).text) == ["Home Assistant"]


def test_the_list_can_be_filtered_by_state_and_name(ada: Visitor, ids: Mapping[str, int]) -> None:
    ada.open("/admin/health")
    (link,) = re.findall(r'href="([^"]*state=slow)"', ada.page)

    assert re.findall(r'class="self"[^>]*>([^<]+)<', ada.open(link).text) == ["Nextcloud"]
    assert "No apps match" in ada.open(f"{link}&q=jelly").text
    found = ada.open("/admin/health?q=JELLY").text
    assert re.findall(r'class="self"[^>]*>([^<]+)<', found) == ["Jellyfin"]


def test_admins_see_who_was_notified_and_when_and_no_one_else_does(
    app: Flask, ada: Visitor, ben: Visitor, ids: Mapping[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "check", lambda _url: sender.Delivery(shown="json://host/…"))
    config: Config = app.extensions["launcher.config"]
    made = [
        recipients.add_recipient(config, name=name, url="json://host").id
        for name in ("Ada", "Cleo's phone", "Late")
    ]
    down, now = ids["Home Assistant"], utc_now()
    alert = AppAlert(
        down, "", now - HOUR, now, now, sent_to=tuple(made), reached=dict.fromkeys(made[:2], now)
    )
    save_memory(config, Memory(apps=AppAlerts({down: alert})))

    said = f"Ada and Cleo&#39;s phone were notified ({now:%H:%M})."
    for path in ("/admin/health", f"/apps/{down}/health"):
        assert said in ada.open(path).text
    assert "notified" not in words(ben.open(f"/apps/{down}/health").text)


def test_an_app_that_goes_up_and_down_is_named_so(
    ada: Visitor, ids: Mapping[str, int], app: Flask
) -> None:
    with app.app_context():
        now = utc_now().replace(microsecond=0)
        for hours in (2, 5, 9):
            began = now - hours * HOUR
            outage = Outage(app_id=ids["Jellyfin"], started_at=began, ended_at=began + HOUR)
            db.session.add(outage)
        db.session.commit()

    page = ada.open("/admin/health").text

    assert "Was down 3 times since yesterday (flapping)" in page
    assert re.findall(r'class="self"[^>]*>([^<]+)<', page)[2] == "Jellyfin"
    assert "flapping" in ada.open(f"/apps/{ids['Jellyfin']}/health").text


def test_a_site_without_checks_says_what_to_do(ada: Visitor, boards: None, app: Flask) -> None:
    with app.app_context():
        db.session.execute(sa.delete(HealthCheck))
        db.session.commit()

    assert "No checks yet" in ada.open("/admin/health").text


def test_a_viewer_sees_the_health_of_an_app_in_short_and_not_where_it_is_checked(
    chloe: Visitor, ids: Mapping[str, int]
) -> None:
    path = f"/apps/{ids['Home Assistant']}/health"

    page = chloe.open(f"{path}/brief").text

    said = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace("\xa0", " ")
    assert "Home Assistant Down Since" in said
    assert "Connection refused." in said
    assert "Uptime, 24 h 98.3 %" in said
    assert "Response no response" in said
    assert f'href="{path}"' in page
    for secret in ("secret.internal", "48999", "hush", "Home CA"):
        assert secret not in page
    assert chloe.open(f"/apps/{ids['Diary']}/health/brief").status_code == 404


def test_an_app_whose_check_is_off_has_no_short_form(
    ada: Visitor, ids: Mapping[str, int], app: Flask
) -> None:
    with app.app_context():
        db.session.execute(sa.update(HealthCheck).values(is_enabled=False))
        db.session.commit()

    assert ada.open(f"/apps/{ids['Jellyfin']}/health/brief").status_code == 404


def test_an_open_page_does_not_keep_its_viewer_signed_in(
    chloe: Visitor, ids: Mapping[str, int], app: Flask
) -> None:
    """It asks every 30 seconds: a browser that is left open would never be signed out."""
    board = "/b/home"
    chloe.open(board)
    with app.app_context():
        before = db.session.execute(sa.select(User.__table__)).all()
    with chloe.client.session_transaction() as cookie:
        cookie["renewed_on"] = "2026-01-01"

    for path in (f"{board}/health", f"/apps/{ids['Jellyfin']}/health/brief"):
        answer = chloe.client.get(path)
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
    assert "Set-Cookie" in chloe.client.get(board).headers, "a visit does"

    with app.app_context():
        assert db.session.execute(sa.select(User.__table__)).all() == before


def test_an_app_that_was_never_checked_says_when_it_is(
    ada: Visitor, ids: Mapping[str, int], app: Flask
) -> None:
    with app.app_context():
        db.session.execute(sa.update(CheckState).values(state=Health.UNKNOWN, last_at=None))
        db.session.execute(sa.update(ChecksRun).values(written_at=utc_now()))
        db.session.commit()
    path = f"/apps/{ids['Jellyfin']}/health"

    said = re.search(r"First check in (\d) s", words(ada.open(path).text).replace("\xa0", " "))
    assert said
    assert 5 <= int(said[1]) <= 9
    assert "First check in" in ada.open("/admin/health").text

    with app.app_context():
        db.session.execute(sa.update(ChecksRun).values(written_at=utc_now() - HOUR))
        db.session.commit()
    assert "First check" not in ada.open(path).text, "nothing checks now"


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("0123456", "Maintenance all week."),
        ("", "Maintenance, every {today} 00:00 to 00:00."),
    ],
)
def test_maintenance_is_shown_with_its_days_and_times(
    ada: Visitor, ids: Mapping[str, int], app: Flask, days: str, expected: str
) -> None:
    with app.app_context():
        zone = known_zone(site_settings().time_zone)
        today = utc_now().astimezone(zone)
        db.session.add(
            MaintenanceWindow(
                app_id=ids["Jellyfin"],
                days=days or str(today.weekday()),
                starts_at_min=0,
                minutes=1440,
            )
        )
        db.session.commit()

    page = words(ada.open(f"/apps/{ids['Jellyfin']}/health").text)

    assert expected.format(today=f"{today:%A}") in page


def test_only_maintenance_without_an_end_is_all_week(app: Flask) -> None:
    with app.test_request_context():
        for minutes, expected in (
            (1439, "Maintenance, every day 02:00 to 01:59"),
            (1440, "Maintenance all week"),
        ):
            window = WindowRow("0123456", 120, minutes)
            pause = Pause(PauseKind.MAINTENANCE, utc_now() + HOUR, window=window)
            assert pause_words(pause, utc_now()) == expected


def test_states_of_all_kinds_have_a_row(ada: Visitor, ids: Mapping[str, int], app: Flask) -> None:
    with app.app_context():
        db.session.execute(sa.update(CheckState).values(state=Health.UNKNOWN, last_at=None))
        db.session.commit()

    assert "Not checked yet" in ada.open("/admin/health").text


@pytest.mark.parametrize(
    ("days", "said"),
    [(8, 'data-state="slow"'), (8, "8 days left"), (-1, 'data-state="down"'), (-1, "Expired")],
)
def test_a_certificate_that_expires_soon_is_marked(
    chloe: Visitor, ids: Mapping[str, int], app: Flask, days: int, said: str
) -> None:
    with app.app_context():
        found = db.session.get_one(CheckState, ids["Home Assistant"])
        found.certificate_until = utc_now() + timedelta(days=days, hours=1)
        db.session.commit()

    page = chloe.open(f"/apps/{ids['Home Assistant']}/health").text
    row = page.partition("Valid until</dt>")[2].partition("</div>")[0]

    assert said in row


def test_the_page_says_that_a_certificate_is_self_signed(
    ben: Visitor, chloe: Visitor, ids: Mapping[str, int], app: Flask
) -> None:
    with app.app_context():
        found = db.session.get_one(CheckState, ids["Home Assistant"])
        found.certificate = {"is_verified": False, "is_self_signed": True}
        db.session.commit()

    said = "Self-signed, not verified"
    assert said in ben.open(f"/apps/{ids['Home Assistant']}/health").text
    assert said not in chloe.open(f"/apps/{ids['Home Assistant']}/health").text


def test_an_uptime_of_30_days_is_not_said_after_an_hour(
    ada: Visitor, ids: Mapping[str, int], app: Flask
) -> None:
    def row() -> str:
        page = ada.open("/admin/health?q=Home+Assistant").text
        return words("<main>" + page.partition('data-label="30 days">')[2].partition("</td>")[0])

    assert "Less than a day of data" in row()

    with app.app_context():
        at = utc_now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=3)
        hour = {"probes": 60, "up": 59, "ms_sum": 1200, "ms_max": 20}
        db.session.add(ProbeHour(app_id=ids["Home Assistant"], at=at, **hour))
        db.session.commit()

    assert "98.3" in row()


def test_a_chart_without_an_answer_has_no_scale_and_a_single_answer_is_a_dot(
    ada: Visitor, ids: Mapping[str, int], app: Flask
) -> None:
    address = f"/apps/{ids['Home Assistant']}/health"
    assert 'class="dot"' in ada.open(address).text

    with app.app_context():
        db.session.execute(sa.delete(Probe).where(Probe.is_up))
        db.session.commit()

    page = ada.open(address).text
    assert 'class="gap"' in page
    assert 'class="dot"' not in page
    assert 'y="75"' not in page
