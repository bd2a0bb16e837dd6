"""An admin sets name, look and rules of the site, and overwrites no other admin."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import asdict
from zoneinfo import available_timezones

import pytest
from flask import Flask

from launcher.accounts.users import find_user, set_role
from launcher.audit import COMMAND_LINE
from launcher.db.settings import current_settings
from launcher.extensions import db
from launcher.models import AuditEvent, Role
from launcher.settings.kinds import Choice, Line, Number, Switch
from launcher.web.admin.site.form import SHOWN
from tests.conftest import ADA
from tests.web.visitor import Visitor

PATH = "/admin/settings"
SCRIPT = {"HX-Request": "true"}
SetSite = Callable[..., None]


def saved(app: Flask) -> dict[str, object]:
    with app.app_context():
        return asdict(current_settings())


def text(page: str) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))


def fields_of(page: str) -> dict[str, str]:
    """Return what a browser would send of the form as the page shows it."""
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", page[page.index('id="settings"') :]):
        kind = (re.search(r'type="(\w+)"', tag) or ["", "text"])[1]
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and (kind not in {"checkbox", "radio"} or " checked" in tag):
            found[name[1]] = html.unescape(value[1] if value else "on")
    selects = re.compile(r'<select[^>]* name="(\w+)".*?>(.*?)</select>', re.DOTALL)
    for name, options in selects.findall(page):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[name] = html.unescape(chosen[1]) if chosen else ""
    areas = re.compile(r'<textarea[^>]* name="(\w+)"[^>]*>\n(.*?)</textarea>', re.DOTALL)
    found |= {name: html.unescape(lines) for name, lines in areas.findall(page)}
    found = {name: lines.replace("\n", "\r\n") for name, lines in found.items()}
    del found["csrf_token"]
    return found


def save(who: Visitor, *without: str, **changes: str) -> int:
    """Send the form as it stands on the open page, with `changes`; return the status."""
    fields = fields_of(who.page) | changes
    return who.send(PATH, **{k: v for k, v in fields.items() if k not in without}).status_code


@pytest.fixture
def settings(ada: Visitor) -> Visitor:
    """Ada, who has the page open."""
    ada.open(PATH)
    return ada


@pytest.fixture
def ben_too(app: Flask, ben: Visitor) -> Visitor:
    """Ben, an admin as well, who has the page open."""
    with app.app_context():
        set_role(find_user("ben"), Role.ADMIN, actor=COMMAND_LINE)
    ben.open(PATH)
    return ben


# --- saving ------------------------------------------------------------------------------------


def test_every_setting_is_saved_and_shown_again(app: Flask, settings: Visitor) -> None:
    wanted = {
        "site_name": "Heim & Hof", "default_locale": "de", "time_zone": "Asia/Tokyo",
        "accent_hue": 17, "guest_access": True, "fetch_enabled": False, "fetch_private": False,
        "home_networks": "192.168.1.0/24\nfd12::/64", "home_hosts": "start.lan\n.home.arpa",
    }  # fmt: skip
    assert save(
        settings, "fetch_enabled", "fetch_private", site_name="Heim & Hof", default_locale="de",
        time_zone="Asia/Tokyo", accent_hue="17", guest_access="on",
        home_networks="192.168.1.20/24\r\n\r\nfd12::/64", home_hosts=" start.lan\r\n.Home.arpa",
    ) == 303  # fmt: skip

    assert saved(app).items() >= wanted.items()
    settings.open(PATH)
    assert "Settings saved." in settings.page
    assert "<title>Settings · Heim &amp; Hof</title>" in settings.page
    assert "-17.css" in settings.page
    shown = fields_of(settings.page)
    assert shown["time_zone"] == "Asia/Tokyo"
    assert "fetch_enabled" not in shown
    assert "guest_access" in shown


def test_a_form_that_is_sent_as_it_was_shown_changes_nothing(app: Flask, settings: Visitor) -> None:
    before = saved(app)
    assert save(settings) == 303
    assert saved(app) == before
    settings.open(PATH)
    assert "No setting was changed." in settings.page
    with app.app_context():
        assert db.session.query(AuditEvent).filter_by(action="settings.update").count() == 0


def test_each_setting_of_the_page_is_a_field_with_its_limits(settings: Visitor) -> None:
    for setting in SHOWN:
        found = re.search(
            rf'<(?:input|select|textarea)[^>]* name="{setting.name}"[^>]*>', settings.page
        )
        assert found, setting.name
        match setting.kind:
            case Number(minimum, maximum):
                assert f'min="{minimum}"' in found[0]
                assert f'max="{maximum}"' in found[0]
            case Line(maximum):
                assert f'maxlength="{maximum}"' in found[0]
            case Choice(values):
                for value in values:
                    assert f'<option value="{value}"' in settings.page
            case Switch():
                assert 'role="switch"' in found[0]


def test_the_change_is_in_the_audit_log_with_both_values(settings: Visitor) -> None:
    save(settings, accent_hue="17", site_name="Heim")
    settings.open("/admin/audit")
    assert "Site name: Launcher → Heim" in text(settings.page)
    assert "Accent colour: 256 → 17" in text(settings.page)


# --- the colour --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hues", "fields"),
    [
        ((256, 130), {"accent": "130"}),  # a swatch, while the field still holds the hue before
        ((130, 250), {"accent": "250"}),
        ((130, 131), {"accent_hue": "131"}),  # without script the swatch stays selected
        ((130, 7), {"accent": "own", "accent_hue": "7"}),
        ((130, 130), {"accent": "own"}),
        ((256, 256), {}),
    ],
)
def test_the_swatch_or_the_exact_hue_counts_whichever_was_changed(
    app: Flask, set_site: SetSite, ada: Visitor, hues: tuple[int, int], fields: dict[str, str]
) -> None:
    before, after = hues
    set_site(accent_hue=before)
    ada.open(PATH)
    assert save(ada, **fields) == 303
    assert saved(app)["accent_hue"] == after


def test_a_swatch_is_selected_where_the_hue_is_one(set_site: SetSite, ada: Visitor) -> None:
    set_site(accent_hue=160)
    ada.open(PATH)
    assert fields_of(ada.page)["accent"] == "160"
    assert 'value="160" aria-label="Emerald" checked' in ada.page


# --- the time zone -----------------------------------------------------------------------------


def test_time_zones_are_grouped_by_region_with_the_time_there(settings: Visitor) -> None:
    groups = re.findall(r'<optgroup label="([^"]+)">', settings.page)
    assert groups == sorted(groups)
    assert {"Africa", "Europe", "Pacific Ocean"} <= set(groups)
    berlin = re.search(r'<option value="Europe/Berlin">([^<]+)<', settings.page)
    assert berlin
    assert re.fullmatch(r"Berlin, \d\d:\d\d \(UTC\+[12]\)", berlin[1])


def test_every_zone_that_is_offered_can_be_saved(settings: Visitor) -> None:
    offered = re.findall(r'<option value="(\w+/[^"]+)"', settings.page)
    assert len(offered) > 400
    assert set(offered) <= available_timezones()
    kind = next(each.kind for each in SHOWN if each.name == "time_zone")
    for name in offered:
        assert kind.read("time_zone", name) == name


def test_a_zone_that_is_not_offered_stays_chosen(
    app: Flask, set_site: SetSite, ada: Visitor
) -> None:
    set_site(time_zone="Etc/GMT+3")
    ada.open(PATH)
    assert fields_of(ada.page)["time_zone"] == "Etc/GMT+3"
    assert save(ada, site_name="Heim") == 303
    assert saved(app)["time_zone"] == "Etc/GMT+3"


# --- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"site_name": "  "}, "Enter a value."),
        ({"site_name": "x" * 61}, "Use at most 60 characters."),
        ({"site_name": "a\u202eb\x07"}, "one line without control characters"),
        ({"time_zone": "Europe/Atlantis"}, "Enter a time zone"),
        ({"default_locale": "tlh"}, "This language is not available."),
        ({"home_networks": "10.0.0.0/8\r\nhome"}, "Line 2 is not a network. Enter one like"),
        ({"home_hosts": "http://a.lan"}, "Line 1 is not a host name. Enter one like"),
        ({"home_hosts": "a.lan " * 51}, "Enter at most 50 lines."),
        ({"accent_hue": "360"}, "Enter a number from 0 to 359."),
        ({"accent_hue": "red"}, "Enter a whole number."),
        ({"accent": "999", "accent_hue": "5"}, "Enter a number from 0 to 359."),
    ],
)
def test_an_error_stands_beside_its_field_and_everything_typed_stays(
    app: Flask, settings: Visitor, fields: dict[str, str], words: str
) -> None:
    before = saved(app)
    assert save(settings, "fetch_enabled", **{"time_zone": "Asia/Tokyo"} | fields) == 422

    assert saved(app) == before
    (name,) = fields.keys() - {"accent"} & {*before} or {"accent_hue"}
    beside = re.search(rf'id="{name}-error".*?</p>', settings.page, re.DOTALL)
    assert beside
    assert words in text(beside[0])
    assert f'href="#{name}"' in settings.page
    shown = fields_of(settings.page)
    assert shown["time_zone"] == fields.get("time_zone", shown["time_zone"])
    assert "fetch_enabled" not in shown
    assert "3 changes: " in settings.page or "2 changes: " in settings.page

    assert save(settings, site_name="Heim", accent_hue="9", accent="own", time_zone="UTC",
                default_locale="en", home_networks="", home_hosts="") == 303  # fmt: skip
    assert saved(app)["site_name"] == "Heim"
    assert saved(app)["fetch_enabled"] is False


def test_a_script_gets_the_form_alone_and_then_the_whole_page(settings: Visitor) -> None:
    fields = fields_of(settings.page)
    answer = settings.send_with(SCRIPT, PATH, **fields | {"site_name": ""})
    assert answer.status_code == 422
    assert settings.page.lstrip().startswith('<form class="stack stack-l" id="settings"')

    answer = settings.send_with(SCRIPT, PATH, **fields | {"site_name": "Heim"})
    assert answer.headers["HX-Redirect"] == PATH


# --- what changed ------------------------------------------------------------------------------


def test_the_save_bar_names_what_changed_and_nothing_else(app: Flask, settings: Visitor) -> None:
    fields = fields_of(settings.page)
    token = html.unescape(re.findall(r'name="csrf_token" value="([^"]+)"', settings.page)[0])

    def changes(**typed: str) -> str:
        answer = settings.client.post(
            f"{PATH}/changes", data={"csrf_token": token} | fields | typed, headers=SCRIPT
        )
        return text(answer.text)

    assert changes().startswith("In UTC the time is ")
    assert changes(site_name="Heim").startswith("1 change: Site name")
    both = changes(accent="130", time_zone="Asia/Tokyo")
    assert both.startswith("2 changes: Time zone and Accent colour In Tokyo (UTC+9) the time is")
    home = changes(home_networks="127.0.0.1", home_hosts="localhost")
    assert "127.0.0.1, which is in a home network." in home
    assert "localhost, which is a home host name." in home
    assert "127.0.0.1, which is not in a home network." in changes(home_networks="127.0.0.1/99")
    assert saved(app)["accent_hue"] == 256


# --- two admins --------------------------------------------------------------------------------


def test_admins_who_change_different_settings_do_not_meet(
    app: Flask, settings: Visitor, ben_too: Visitor
) -> None:
    assert save(ben_too, site_name="Heim") == 303
    assert save(settings, time_zone="Asia/Tokyo") == 303
    assert saved(app)["site_name"] == "Heim"
    assert saved(app)["time_zone"] == "Asia/Tokyo"


def test_the_second_admin_sees_both_entries_and_nothing_is_saved_until_they_choose(
    app: Flask, settings: Visitor, ben_too: Visitor
) -> None:
    assert save(ben_too, site_name="Bens <Haus>", accent_hue="17") == 303
    assert save(settings, site_name="Adas Haus", accent_hue="99", time_zone="Asia/Tokyo") == 409

    assert saved(app)["site_name"] == "Bens <Haus>"
    assert saved(app)["time_zone"] == "UTC"
    page = text(settings.page)
    assert "Site name Adas Haus Your entry Bens <Haus> Saved by ben, today" in page
    assert "Accent colour 99 Your entry 17 Saved by ben, today" in page
    assert "Your other changes Time zone Asia/Tokyo" in page

    assert save(settings, **{"keep-site_name": "mine", "keep-accent_hue": "saved"}) == 303
    assert saved(app)["site_name"] == "Adas Haus"
    assert saved(app)["accent_hue"] == 17
    assert saved(app)["time_zone"] == "Asia/Tokyo"


def test_the_lines_of_two_admins_are_shown_side_by_side(
    app: Flask, settings: Visitor, ben_too: Visitor
) -> None:
    assert save(ben_too, home_hosts="start.lan\r\n.home.arpa") == 303
    assert save(settings, home_hosts="home\r\nstart.lan") == 409
    words = "Home host names home, start.lan Your entry start.lan, .home.arpa Saved by ben, today"
    assert words in text(settings.page)
    assert save(settings, **{"keep-home_hosts": "mine"}) == 303
    assert saved(app)["home_hosts"] == "home\nstart.lan"


def test_a_third_change_while_one_decides_is_asked_again(
    app: Flask, settings: Visitor, ben_too: Visitor, set_site: SetSite
) -> None:
    save(ben_too, site_name="Bens Haus")
    assert save(settings, site_name="Adas Haus") == 409
    set_site(site_name="Command line")
    assert save(settings) == 409
    assert "Command line Saved by the command line" in text(settings.page)
    assert save(settings) == 303
    assert saved(app)["site_name"] == "Adas Haus"


def test_the_same_change_twice_is_no_conflict(settings: Visitor, ben_too: Visitor) -> None:
    assert save(ben_too, site_name="Heim") == 303
    assert save(settings, site_name="Heim") == 303


def test_an_entry_in_conflict_that_is_not_valid_either_is_not_lost(
    app: Flask, settings: Visitor, ben_too: Visitor
) -> None:
    save(ben_too, site_name="Bens Haus")
    assert save(settings, site_name="x" * 61) == 409
    assert save(settings) == 422
    assert fields_of(settings.page)["site_name"] == "x" * 61
    assert saved(app)["site_name"] == "Bens Haus"


def test_lines_that_only_one_admin_changed_are_no_conflict(
    app: Flask, settings: Visitor, set_site: SetSite
) -> None:
    set_site(home_networks="10.0.0.0/8 fd12::/64")
    settings.open(PATH)
    assert save(settings, home_networks="10.0.0.0/8\r\nfd12::/64\r\n192.168.1.0/24") == 303
    assert saved(app)["home_networks"] == "10.0.0.0/8\nfd12::/64\n192.168.1.0/24"
    settings.open("/admin/audit")
    assert "Home networks: 10.0.0.0/8, fd12::/64 → 10.0.0.0/8, fd12::/64, 192" in text(
        settings.page
    )


# --- home networks -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("10.1.2.3", "visiting from 10.1.2.3, which is in a home network."),
        ("::ffff:10.1.2.3", "visiting from 10.1.2.3, which is in a home network."),
        ("192.168.1.20", "not in a home network. To include your network, add 192.168.1.0/24."),
        ("8.8.8.8", "not in a home network. To include your network, add 8.8.8.8/32."),
        ("2a00:1::7", "not in a home network. To include your network, add 2a00:1::/64."),
        ("fe80::1%eth0", "visiting from fe80::1, which is not in a home network. To include"),
        ("127.0.0.1", "visiting from 127.0.0.1, which is not in a home network. Host names"),
        ("", "Launcher does not know the address that you are visiting from."),
    ],
)
def test_the_page_says_where_one_visits_from_and_whether_that_is_home(
    set_site: SetSite, ada: Visitor, address: str, words: str
) -> None:
    set_site(home_networks="10.0.0.0/8")
    ada.client.environ_base["REMOTE_ADDR"] = address
    ada.open(PATH)
    assert words in text(ada.page)
    assert "You are using localhost, which is not a home host name." in text(ada.page)


def test_the_network_of_a_proxy_that_is_not_trusted_is_not_proposed(ada: Visitor) -> None:
    ada.client.environ_base["REMOTE_ADDR"] = "172.18.0.1"
    ada.open(PATH, X_Forwarded_For="192.168.1.20")
    assert "every visitor seems to come from 172.18.0.1. Set LAUNCHER_PROXY_HOPS" in text(ada.page)
    assert "add 172" not in ada.page
    assert "192.168.1.20" not in ada.page


# --- guests ------------------------------------------------------------------------------------


def test_letting_guests_in_asks_for_the_password_and_loses_nothing(
    app: Flask, tired: Visitor
) -> None:
    tired.open(PATH)
    assert save(tired, guest_access="on", site_name="Heim") == 422
    assert "Confirm password" in tired.page
    assert saved(app)["guest_access"] is False

    assert tired.confirm(ADA.password).status_code == 303
    assert saved(app)["guest_access"] is True
    assert saved(app)["site_name"] == "Heim"


def test_what_weakens_nothing_does_not_ask(app: Flask, tired: Visitor, set_site: SetSite) -> None:
    set_site(guest_access=True)
    tired.open(PATH)
    assert save(tired, "guest_access", site_name="Heim") == 303


def test_the_page_says_which_boards_guests_see(boards: None, ada: Visitor) -> None:
    ada.open(PATH)
    assert "1 board is shared with guests: Garden ." in text(ada.page)
    assert '<a href="/b/garden">Garden</a>' in ada.page


def test_the_page_says_when_guests_would_see_nothing(settings: Visitor) -> None:
    assert "No board is shared with guests." in settings.page


def test_settings_are_the_last_entry_of_the_navigation(settings: Visitor) -> None:
    groups = re.findall(r"<ul.*?</ul>", settings.page, re.DOTALL)
    assert re.findall(r'href="(/admin/[^"]+)"', groups[2])[-1] == PATH
