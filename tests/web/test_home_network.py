"""Which of its two URLs an app opens: by the network of the visitor, or the host name in use."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from launcher.extensions import db
from launcher.models import App
from launcher.web.home_network import cookie_name
from tests.web.visitor import Visitor

SetSite = Callable[..., None]

OUTSIDE, INSIDE = "https://jellyfin.home.arpa", "http://192.168.1.5:8096/"
ELSEWHERE, HOME = "203.0.113.7", "192.168.1.20"


@pytest.fixture
def two_urls(app: Flask, boards: None) -> None:
    """Jellyfin, on the boards Home and Garden, has a URL in the home network."""
    with app.app_context():
        db.session.execute(
            sa.update(App).where(App.name == "Jellyfin").values(url_local=INSIDE, description="")
        )
        db.session.commit()


@pytest.fixture
def site_behind(
    make_app: Callable[..., Flask], two_urls: None, set_site: SetSite
) -> Callable[[int], Visitor]:
    """A guest of the site behind so many trusted proxies; 192.168.1.0/24 is home."""
    set_site(guest_access=True, home_networks="192.168.1.0/24")
    return lambda hops: Visitor(make_app(scheduler="off", proxy_hops=str(hops)))


def url_of(page: str, name: str = "Jellyfin") -> str:
    """Return the URL that a tile or a result opens; the note of a tile says the same."""
    links = re.findall(r'<li id=.*?</li>|<a class="match".*?</a>', page, re.DOTALL)
    link = next(each for each in links if f">{name}<" in re.sub("</?mark>", "", each))
    url = html.unescape(re.findall(r'href="([^"]*)"', link)[0])
    if "tile-note" in link:
        assert f'tile-note">{url.partition("://")[2].rstrip("/")}<' in link
    return url


def visit(who: Visitor, path: str = "/b/home", *, address: str = ELSEWHERE, **headers: str) -> str:
    """Open a page from an address; return what Jellyfin opens there."""
    who.client.environ_base["REMOTE_ADDR"] = address
    who.open(path, **headers)
    return url_of(who.page)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (HOME, INSIDE),
        ("::ffff:192.168.1.20", INSIDE),
        ("fd12:3456::7", INSIDE),
        ("fe80::1%eth0", INSIDE),
        (ELSEWHERE, OUTSIDE),
        ("192.168.2.20", OUTSIDE),
        ("fd12:3457::7", OUTSIDE),
        ("127.0.0.1", OUTSIDE),
        ("", OUTSIDE),  # a Unix socket
        ("unix:", OUTSIDE),
        ("a stranger's header", OUTSIDE),
    ],
)
def test_a_visitor_from_a_home_network_opens_the_url_of_home(
    ada: Visitor, two_urls: None, set_site: SetSite, address: str, url: str
) -> None:
    set_site(home_networks="192.168.1.0/24 fd12:3456::/64 fe80::/10")
    assert visit(ada, address=address) == url


def test_no_network_is_home_until_an_admin_says_so(ada: Visitor, two_urls: None) -> None:
    assert visit(ada, address=HOME) == OUTSIDE
    assert visit(ada, address="127.0.0.1") == OUTSIDE


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("launcher.home.arpa", INSIDE),
        ("LAUNCHER.home.arpa.:8000", INSIDE),
        ("start.lan", INSIDE),
        ("[fd12::1]:8000", INSIDE),
        ("launcher.example.com", OUTSIDE),
        ("other.home.arpa", OUTSIDE),
        ("elan", OUTSIDE),
        ("", OUTSIDE),
    ],
)
def test_a_host_name_of_home_counts_from_everywhere(
    guest: Visitor, two_urls: None, set_site: SetSite, host: str, url: str
) -> None:
    set_site(guest_access=True, home_hosts="launcher.home.arpa .lan [fd12::1]")
    assert visit(guest, "/b/garden", Host=host) == url


def test_under_another_host_name_the_network_decides(
    guest: Visitor, two_urls: None, set_site: SetSite
) -> None:
    set_site(guest_access=True, home_hosts="start.lan", home_networks="192.168.1.0/24")
    assert visit(guest, "/b/garden", address=HOME, Host="start.example.com") == INSIDE
    assert visit(guest, "/b/garden", Host="start.lan") == INSIDE
    assert visit(guest, "/b/garden", Host="start.example.com") == OUTSIDE


@pytest.mark.parametrize(
    ("hops", "forwarded", "url"),
    [
        (0, HOME, OUTSIDE),
        (1, HOME, INSIDE),
        (1, f"{HOME}, {ELSEWHERE}", OUTSIDE),  # the visitor wrote the first one
        (2, f"{HOME}, 10.0.0.1", INSIDE),
        (1, "", OUTSIDE),
    ],
)
def test_the_address_is_taken_from_trusted_proxies_alone(
    site_behind: Callable[[int], Visitor], hops: int, forwarded: str, url: str
) -> None:
    assert visit(site_behind(hops), "/b/garden", X_Forwarded_For=forwarded) == url


def test_an_app_with_one_url_opens_it_everywhere(
    ada: Visitor, two_urls: None, set_site: SetSite
) -> None:
    set_site(home_networks="192.168.1.0/24")
    visit(ada, address=HOME)
    assert url_of(ada.page, "Nextcloud") == "https://cloud.home.arpa/"


def test_the_other_url_is_not_sent(guest: Visitor, two_urls: None, set_site: SetSite) -> None:
    set_site(guest_access=True, home_networks="192.168.1.0/24")
    for path in ("/b/garden", "/find?q=jelly"):
        assert visit(guest, path) == OUTSIDE
        assert "192.168.1" not in guest.page
        assert visit(guest, path, address=HOME) == INSIDE
        assert "jellyfin.home.arpa" not in guest.page


def test_an_app_is_found_by_both_urls(ada: Visitor, two_urls: None) -> None:
    for words in ("192.168.1.5", "jellyfin.home"):
        assert visit(ada, f"/find?q={words}") == OUTSIDE


def test_a_home_url_that_is_no_web_address_is_not_opened(
    app: Flask, ada: Visitor, two_urls: None, set_site: SetSite
) -> None:
    set_site(home_networks="192.168.1.0/24")
    with app.app_context():
        db.session.execute(sa.update(App).values(url_local="javascript:alert(1)"))
        db.session.commit()
    assert visit(ada, address=HOME) == OUTSIDE


# --- the switch in the bar ---------------------------------------------------------------------


def switch(page: str) -> tuple[str, list[str], str]:
    """Return the label of the switch, its choices, and the one that counts."""
    label = re.findall(r'popovertarget="network" aria-label="([^"]+)"', page)
    form = page.partition('id="network"')[2].partition("</form>")[0]
    buttons = re.findall(r'value="(\w+)"( aria-current="true")?>.*?</svg> ([^<]+)<', form)
    (current,) = [value for value, is_current, _words in buttons if is_current] or [""]
    return (label or [""])[0], [words.strip() for _value, _is, words in buttons], current


def choose(who: Visitor, choice: str, **more: str) -> TestResponse:
    return who.send("/home-network", network=choice, **more)


def test_the_switch_says_where_one_is_and_offers_the_rest(
    ada: Visitor, two_urls: None, set_site: SetSite
) -> None:
    set_site(home_networks="192.168.1.0/24")
    visit(ada, address=HOME)
    choices = ["Automatic, now home network", "Home network", "Elsewhere"]
    assert switch(ada.page) == ("Home network, automatic", choices, "automatic")
    visit(ada)
    choices = ["Automatic, now elsewhere", "Home network", "Elsewhere"]
    assert switch(ada.page) == ("Elsewhere, automatic", choices, "automatic")


@pytest.mark.parametrize("who", ["ada", "guest"])
def test_what_is_chosen_counts_in_this_browser_until_it_is_automatic_again(
    app: Flask, two_urls: None, set_site: SetSite, who: str, request: pytest.FixtureRequest
) -> None:
    set_site(guest_access=True, home_networks="192.168.1.0/24", home_hosts="localhost")
    visitor: Visitor = request.getfixturevalue(who)
    assert visit(visitor, "/b/garden", address=HOME) == INSIDE

    answer = choose(visitor, "elsewhere", next="/b/garden")
    assert (answer.status_code, answer.location) == (303, "/b/garden")
    assert visit(visitor, "/b/garden", address=HOME) == OUTSIDE
    assert switch(visitor.page)[0] == "Elsewhere, chosen in this browser"
    assert visit(Visitor(app), "/b/garden", address=HOME) == INSIDE, "another browser"

    set_site(home_networks="", home_hosts="")
    choose(visitor, "home")
    assert visit(visitor, "/b/garden") == INSIDE
    assert switch(visitor.page)[::2] == ("Home network, chosen in this browser", "home")

    choose(visitor, "automatic")
    assert visit(visitor, "/b/garden") == OUTSIDE
    assert switch(visitor.page)[::2] == ("Elsewhere, automatic", "automatic")


def test_a_choice_is_not_taken_from_a_cookie_that_is_none(
    app: Flask, ada: Visitor, two_urls: None
) -> None:
    with app.test_request_context():
        name = cookie_name()
    for value in ("", "HOME", "home;", "\x00", "x" * 3000):
        ada.client.set_cookie(name, value)
        assert visit(ada) == OUTSIDE
        assert switch(ada.page)[2] == "automatic"


def test_the_cookie_has_the_attributes_of_the_others(ada: Visitor, two_urls: None) -> None:
    visit(ada)
    cookie = choose(ada, "home", next="//evil.example").headers["Set-Cookie"]
    for part in ("launcher-network-", "=home;", "HttpOnly", "SameSite=Lax", "Path=/", "31536000"):
        assert part in cookie
    assert "Secure" not in cookie


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "\\\\evil", ""])
def test_the_switch_leads_to_no_other_site(ada: Visitor, two_urls: None, wanted: str) -> None:
    visit(ada)
    assert choose(ada, "home", next=wanted).location == "/"


def test_a_choice_without_the_token_of_the_page_is_refused(ada: Visitor, two_urls: None) -> None:
    visit(ada)
    assert choose(ada, "home", csrf_token="").status_code == 400
    assert visit(ada) == OUTSIDE


def test_a_board_without_two_urls_and_a_preview_have_no_switch(
    ada: Visitor, ben: Visitor, two_urls: None
) -> None:
    ben.open("/b/attic")
    assert switch(ben.page)[0] == ""
    visit(ada, "/admin/users/3/start/home")
    assert switch(ada.page)[0] == ""
    visit(ada)
    assert switch(ada.page)[0]


def test_the_start_page_is_kept_by_no_cache(
    guest: Visitor, two_urls: None, set_site: SetSite
) -> None:
    set_site(guest_access=True)
    assert guest.open("/b/garden").headers["Cache-Control"] == "no-store"
