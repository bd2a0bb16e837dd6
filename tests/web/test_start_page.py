"""Boards, and the apps on them."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher.accounts import users
from launcher.extensions import db
from launcher.models import (
    App,
    Board,
    ChecksRun,
    CheckState,
    Health,
    HealthCheck,
    MaintenanceWindow,
    Opening,
    User,
)
from launcher.models.types import utc_now
from tests.web.visitor import Visitor


def _tile(page: str, name: str) -> str:
    tiles = re.findall(r"<li id=.*?</li>", page, re.DOTALL)
    return next(tile for tile in tiles if f'tile-name">{name}<' in tile)


def test_the_first_board_shows_its_apps_by_section(ada: Visitor, boards: None) -> None:
    ada.open("/")

    names = re.findall(r'tile-name">([^<]+)<', ada.page)
    assert names == ["Jellyfin", "Home Assistant", "Nextcloud", "Яблоко"]
    assert re.findall(r'<h2 id="section-\d+">(?:<button[^>]*>)?([^<]+)<', ada.page) == [
        "Media",
        "Work",
    ]
    assert 'aria-current="page">Home<' in ada.page


def test_a_healthy_tile_shows_its_address_and_how_fast_it_answers(
    ada: Visitor, boards: None
) -> None:
    ada.open("/")

    tile = _tile(ada.page, "Jellyfin")
    assert 'href="https://jellyfin.home.arpa"' in tile
    assert 'tile-note">jellyfin.home.arpa<' in tile
    assert 'data-state="up"' in tile
    assert "12 ms" in tile
    assert "Up since" in tile
    assert 'data-hue="2"' in tile
    assert ">Je<" in tile


def test_a_sick_tile_says_what_is_wrong_with_it(ada: Visitor, boards: None) -> None:
    ada.open("/")

    assert "Down for 45 min" in _tile(ada.page, "Home Assistant")
    assert "Slow, 2.4 s" in _tile(ada.page, "Nextcloud")
    assert ">Nc<" in _tile(ada.page, "Nextcloud")
    assert "Paused" in _tile(ada.page, "Яблоко")


def test_the_last_line_counts_apps_and_problems(ada: Visitor, boards: None) -> None:
    ada.open("/")

    text = re.sub(r"<[^>]+>", "", ada.page.partition('id="summary">')[2].partition("</p>")[0])
    assert re.fullmatch(r"4 apps, checked \d+ seconds? ago\. 1 down\. 1 slow\.", text.strip())


def test_a_result_that_is_too_old_is_no_state(ada: Visitor, boards: None, app: Flask) -> None:
    with app.app_context():
        state = db.session.scalars(
            sa.select(CheckState).join(App).where(App.name == "Home Assistant")
        ).one()
        state.last_at = utc_now() - timedelta(minutes=19)
        db.session.commit()

    ada.open("/")

    tile = _tile(ada.page, "Home Assistant")
    assert 'data-state="unknown"' in tile
    assert "Not checked since" in tile
    assert "Down" not in tile
    assert "Not checked yet" not in tile
    assert "1 down" not in ada.page
    assert 'data-state="up"' in _tile(ada.page, "Jellyfin")


def test_without_a_network_the_page_says_so_once_and_no_app_is_down(
    ada: Visitor, boards: None, app: Flask
) -> None:
    with app.app_context():
        run = db.session.get_one(ChecksRun, 1)
        run.offline_since = utc_now() - timedelta(minutes=17)
        db.session.commit()

    ada.open("/")

    assert ada.page.count("This server is offline") == 1
    tile = _tile(ada.page, "Home Assistant")
    assert 'data-state="offline"' in tile
    assert "Not checked since" in tile
    assert 'data-state="paused"' in _tile(ada.page, "Яблоко")
    assert "1 down" not in ada.page


def test_the_health_of_what_is_down_or_slow_is_one_link_away_for_everyone(
    chloe: Visitor, boards: None
) -> None:
    chloe.open("/")

    for name in ("Home Assistant", "Nextcloud"):
        (link,) = re.findall(r'<a class="state" href="([^"]+)"', _tile(chloe.page, name))
        assert name in chloe.open(link).text
        chloe.open("/")


def test_a_paused_tile_says_until_when(ada: Visitor, boards: None, app: Flask) -> None:
    with app.app_context():
        run = db.session.get_one(ChecksRun, 1)
        # In an hour it may be tomorrow, which the tile says.
        run.paused_until = utc_now().replace(hour=23, minute=59, second=59)
        db.session.commit()

    ada.open("/")

    assert "Paused until 23:59" in _tile(ada.page, "Home Assistant")


def test_a_tile_that_is_paused_until_tomorrow_says_so(
    ada: Visitor, boards: None, app: Flask
) -> None:
    with app.app_context():
        run = db.session.get_one(ChecksRun, 1)
        morning = (utc_now() + timedelta(days=1)).replace(hour=8, minute=0, second=0)
        run.paused_until = morning
        db.session.commit()

    ada.open("/")

    assert "Paused until tomorrow, 08:00" in _tile(ada.page, "Home Assistant")


def test_an_app_in_maintenance_is_paused_and_the_others_are_not(
    ada: Visitor, boards: None, app: Flask
) -> None:
    with app.app_context():
        at = sa.select(App.id).where(App.name == "Home Assistant").scalar_subquery()
        window = {"app_id": at, "days": "0123456", "starts_at_min": 0, "minutes": 1440}
        db.session.execute(sa.insert(MaintenanceWindow).values(**window))
        db.session.commit()

    ada.open("/")

    assert "Paused until" in _tile(ada.page, "Home Assistant")
    assert 'data-state="slow"' in _tile(ada.page, "Nextcloud")


def test_an_open_page_is_renewed_with_one_small_request_and_with_none_of_the_rest(
    ada: Visitor, boards: None, app: Flask
) -> None:
    ada.open("/")
    (address,) = re.findall(r'data-refresh="([^"]*)"', ada.page)

    first = ada.open(address)
    assert len(re.findall(r'data-for="tile-\d+"', first.text)) == 4
    assert [
        first.text.count(f'data-state="{each}"') for each in ("up", "slow", "down", "paused")
    ] == [1, 1, 1, 1]
    assert "tile-name" not in first.text
    assert "4 apps, checked" in first.text

    etag = {"If-None-Match": first.headers["ETag"]}
    again = ada.client.get(address, headers=etag)
    assert (again.status_code, again.data) == (304, b"")

    with app.app_context():
        db.session.execute(sa.update(CheckState).values(state=Health.UP))
        db.session.commit()
    changed = ada.client.get(address, headers=etag)
    assert changed.status_code == 200
    assert changed.text.count('data-state="up"') == 3


def test_a_board_is_renewed_for_those_who_see_it_alone(
    ben: Visitor, chloe: Visitor, boards: None
) -> None:
    assert ben.open("/b/attic/health").status_code == 200
    assert chloe.open("/b/attic/health").status_code == 404


def test_a_folded_section_is_renewed_without_its_tiles(ada: Visitor, boards: None) -> None:
    ada.open("/")
    section = re.findall(r"/sections/(\d+)/fold", ada.page)[0]
    ada.send(f"/b/home/sections/{section}/fold", folded="1")

    page = ada.open("/b/home/health").text

    assert f'data-for="folded-{section}">2 apps, <span data-state="down">1 down</span>' in page
    assert 'data-state="up"' not in page


def test_a_check_that_is_switched_off_has_no_state(ada: Visitor, boards: None, app: Flask) -> None:
    with app.app_context():
        db.session.execute(sa.update(HealthCheck).values(is_enabled=False))
        db.session.commit()

    ada.open("/")

    assert "data-state" not in _tile(ada.page, "Home Assistant")
    assert "1 down" not in ada.page


def test_an_app_that_no_one_checks_has_no_state(ben: Visitor, boards: None) -> None:
    ben.open("/b/attic")

    assert "data-state" not in _tile(ben.page, "Diary")


@pytest.mark.parametrize("prefers_new_tab", [False, True])
def test_an_app_opens_where_it_says_else_where_its_visitor_likes(
    ada: Visitor, boards: None, app: Flask, prefers_new_tab: bool
) -> None:
    with app.app_context():
        db.session.execute(sa.update(User).values(open_new_tab=prefers_new_tab))
        for name, opens in (("Nextcloud", Opening.SAME_TAB), ("Home Assistant", Opening.NEW_TAB)):
            db.session.execute(sa.update(App).where(App.name == name).values(opens=opens))
        db.session.commit()

    ada.open("/")

    assert ('target="_blank"' in _tile(ada.page, "Jellyfin")) is prefers_new_tab
    assert 'target="_blank"' not in _tile(ada.page, "Nextcloud")
    assert 'target="_blank"' in _tile(ada.page, "Home Assistant")


def test_an_address_that_is_no_web_address_is_not_linked(
    ada: Visitor, boards: None, app: Flask
) -> None:
    with app.app_context():
        db.session.execute(
            sa.update(App).where(App.name == "Jellyfin").values(url="javascript:alert(1)")
        )
        db.session.commit()

    ada.open("/")

    assert re.search(r'<a title="[^"]*" class="tile-name">', _tile(ada.page, "Jellyfin"))


def test_a_name_cannot_smuggle_markup_in(ada: Visitor, boards: None, app: Flask) -> None:
    with app.app_context():
        db.session.execute(
            sa.update(App)
            .where(App.name == "Jellyfin")
            .values(name='<img src=x onerror="alert(1)">', description='"><script>')
        )
        db.session.commit()

    ada.open("/")

    assert "<img src=x" not in ada.page
    assert "<script>" not in ada.page


@pytest.mark.parametrize(
    ("who", "sees"),
    [
        ("ada", ["Home", "Garden", "Attic"]),
        ("ben", ["Home", "Garden", "Attic"]),
        ("chloe", ["Home", "Garden"]),
    ],
)
def test_the_bar_offers_the_boards_one_may_see(
    who: str, sees: list[str], boards: None, request: pytest.FixtureRequest
) -> None:
    visitor: Visitor = request.getfixturevalue(who)
    visitor.open("/")

    tabs = visitor.page.partition('class="tabs"')[2].partition("</nav>")[0]
    assert re.findall(r">([^<]+)</a>", tabs) == sees


def test_a_private_board_is_not_there_for_others(chloe: Visitor, boards: None) -> None:
    assert chloe.open("/b/attic").status_code == 404
    assert chloe.open("/b/never-was").status_code == 404


def test_a_guest_has_to_sign_in_where_guests_are_not_let_in(guest: Visitor, boards: None) -> None:
    assert guest.open("/").location == "/login"
    assert guest.open("/b/garden").location == "/login?next=/b/garden"
    assert guest.open("/b/attic").location == "/login?next=/b/attic"


def test_a_guest_sees_public_boards_where_they_are_let_in(
    guest: Visitor, boards: None, set_site: Callable[..., None]
) -> None:
    set_site(guest_access=True)

    guest.open("/")

    assert "Sprinkler" in guest.page
    assert "Home Assistant" not in guest.page
    assert guest.open("/b/home").location == "/login?next=/b/home"


def test_the_home_board_of_ones_own_comes_first(ben: Visitor, boards: None, app: Flask) -> None:
    with app.app_context():
        users.find_user("ben").home_board_id = 2
        db.session.commit()

    ben.open("/")

    assert 'aria-current="page">Garden<' in ben.page


def test_it_links_to_no_page_that_does_not_exist(ada: Visitor, boards: None) -> None:
    for start in ("/", "/account", "/admin/users", "/find", "/find?q=a"):
        ada.open(start)
        page = ada.page
        for address in set(re.findall(r'(?:href|src)="(/[^"#]*)', page)):
            answer = ada.client.get(html.unescape(address))
            assert answer.status_code in {200, 405}, f"{start} links to {address}"
        for address in set(re.findall(r'action="(/[^"#]*)', page)):
            # Whether there is such a door, without going through it.
            assert ada.client.options(address).status_code == 200, f"{start} sends to {address}"


def test_each_user_folds_sections_for_themselves(
    ada: Visitor, chloe: Visitor, boards: None
) -> None:
    chloe.open("/b/home")
    way = re.search(r'formaction="([^"]+/fold)" name="folded" value="1"[^>]*>Media<', chloe.page)
    assert way
    answer = chloe.send_with({"Referer": "http://localhost/b/home"}, way[1], folded="1")
    assert answer.headers["Location"] == "/b/home#section-1"

    assert "Jellyfin" not in chloe.open("/b/home").text
    assert '2 apps, <span data-state="down">1 down</span>' in chloe.page
    assert "Jellyfin" in ada.open("/b/home").text

    chloe.send(way[1], folded="0")
    assert "Jellyfin" in chloe.open("/b/home").text


def test_a_guest_cannot_fold_and_sees_all(
    guest: Visitor, set_site: Callable[..., None], boards: None
) -> None:
    set_site(guest_access=True)
    assert "/fold" not in guest.open("/b/garden").text
    assert "Sprinkler" in guest.page


def test_a_section_that_is_not_seen_is_not_folded(chloe: Visitor, boards: None) -> None:
    for path in ("/b/attic/sections/5/fold", "/b/home/sections/5/fold", "/b/home/sections/99/fold"):
        assert chloe.send(path).status_code == 404


def test_a_board_is_laid_out_as_it_says(app: Flask, ada: Visitor, boards: None) -> None:
    assert '<ul class="tiles">' in ada.open("/b/home").text
    with app.app_context():
        change = db.update(Board).where(Board.slug == "home").values(density="compact", columns=3)
        db.session.execute(change)
        db.session.commit()
    for path in ("/b/home", "/b/home/edit"):
        assert '<ul class="tiles" data-density="compact" data-columns="3">' in ada.open(path).text


def test_only_editors_get_the_pencil(
    ada: Visitor, ben: Visitor, chloe: Visitor, boards: None
) -> None:
    assert 'href="/b/home/edit"' in ada.open("/b/home").text
    assert 'href="/b/home/edit"' in ben.open("/").text
    assert "/edit" not in chloe.open("/b/home").text
