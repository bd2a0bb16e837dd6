"""Finding apps, boards, settings and actions: the page and its part for a script."""

from __future__ import annotations

import gzip
import html
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.many_apps import fill
from tests.web.visitor import Visitor


def found(page: str, group: str = "Apps") -> list[str]:
    """Return the names of the results of one group, as they are read."""
    part = page.partition(f'<div role="group" aria-label="{group}">')[2].partition("</div>")[0]
    names = re.findall(r"<b>(.*?)</b>", part)
    return [html.unescape(re.sub("<.*?>", "", name)) for name in names]


def detail(page: str, name: str) -> str:
    """Return what is said of the result `name`, marks included."""
    for each, said in re.findall(r"<b>(.*?)</b> <small>(.*?)</small>", page):
        if re.sub("<.*?>", "", each) == name:
            return html.unescape(said)
    raise AssertionError(f"{name} was not found")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("jelly", ["Jellyfin"]),
        ("FIN", ["Jellyfin"]),
        ("assist home", ["Home Assistant"]),
        ("films", ["Jellyfin"]),
        ("home", ["Home Assistant"]),
        ("10.0.0.3", ["Home Assistant"]),
        ("https://jellyfin.home.arpa/", ["Jellyfin"]),
        ("cloud", ["Nextcloud"]),
        ("git", ["Forgejo"]),
        ("яблоко", ["Яблоко"]),
        ("ЯБЛ", ["Яблоко"]),
        ("фрукт", ["Яблоко"]),
        ("diary", ["Diary"]),
        ("arpa", []),
        ("gitea", []),
        ("", ["Diary", "Home Assistant", "Jellyfin", "Nextcloud", "Sprinkler", "Яблоко"]),
    ],
)
def test_it_finds_apps_by_what_one_remembers(
    ben: Visitor, boards: None, words: str, names: list[str]
) -> None:
    ben.open(f"/find?q={words}")

    assert found(ben.page) == names


@pytest.mark.parametrize(
    "words", ["jelyfin", "jellifin", "jellyfinn", "ejllyfin", "jely", "homeassistant", "ащкпуощ"]
)
def test_a_typing_error_does_not_hide_an_app(ben: Visitor, boards: None, words: str) -> None:
    ben.open(f"/find?q={words}")

    (name,) = found(ben.page)
    assert name in {"Jellyfin", "Home Assistant", "Forgejo"}
    assert "<mark>" in ben.page


def test_what_begins_with_the_words_comes_first(ben: Visitor, boards: None) -> None:
    ben.open("/find?q=n")

    assert found(ben.page)[0] == "Nextcloud"


def test_boards_are_found_by_their_name_and_by_their_sections(ben: Visitor, boards: None) -> None:
    ben.open("/find?q=media")
    assert found(ben.page, "Boards") == ["Home"]
    assert detail(ben.page, "Home") == "section “<mark>Media</mark>”"
    assert re.search(r'href="/b/home#section-\d+"', ben.page)

    ben.open("/find?q=home")
    assert found(ben.page, "Boards") == ["Home"]
    assert detail(ben.page, "Home") == "4 apps"


def test_the_words_are_marked_and_the_reason_is_said(
    ben: Visitor, boards: None, data_dir: Path
) -> None:
    with closing(sqlite3.connect(data_dir / "launcher.db")) as database, database:
        database.execute("UPDATE apps SET name = 'Jéllyfin' WHERE name = 'Jellyfin'")
        database.execute("INSERT INTO tags (id, name) VALUES (7, 'fun')")
        database.execute(
            "INSERT INTO app_tags (app_id, tag_id) SELECT id, 7 FROM apps WHERE name = 'Sprinkler'"
        )

    ben.open("/find?q=jelly")
    assert "<b><mark>Jélly</mark>fin</b> <small>jellyfin.home.arpa</small>" in ben.page
    ben.open("/find?q=films")
    assert detail(ben.page, "Jéllyfin") == "<mark>Films</mark> and series"
    ben.open("/find?q=fun")
    assert detail(ben.page, "Sprinkler") == "tag “<mark>fun</mark>”"
    ben.open("/find?q=фрукт")
    assert detail(ben.page, "Яблоко") == "search word “<mark>фрукт</mark>”"
    ben.open("/find?q=8123")
    assert detail(ben.page, "Home Assistant") == "10.0.0.3:<mark>8123</mark>"


def test_an_archived_app_is_found_by_who_may_know_of_it_and_said_to_be_archived(
    ben: Visitor, chloe: Visitor, boards: None
) -> None:
    ben.open("/find?q=forgejo")
    assert detail(ben.page, "Forgejo") == "git.home.arpa, archived"

    chloe.open("/find?q=forgejo")
    assert found(chloe.page) == []


def test_it_finds_only_what_one_may_see(
    chloe: Visitor, guest: Visitor, boards: None, set_site: Callable[..., None]
) -> None:
    for words in ("diary", "dairy", "attic", "trunk"):
        chloe.open(f"/find?q={words}")
        assert found(chloe.page) == []
        assert found(chloe.page, "Boards") == []
        assert "Diary" not in chloe.page
    set_site(guest_access=True)
    guest.open("/find?q=")
    assert found(guest.page) == ["Jellyfin", "Sprinkler"]
    assert found(guest.page, "Boards") == ["Garden"]


def test_a_guest_who_is_not_let_in_finds_nothing(guest: Visitor, boards: None) -> None:
    assert guest.open("/find?q=jelly").status_code == 302


@pytest.mark.parametrize(
    ("words", "place", "address"),
    [
        ("time zone", "Settings: Time zone", "/admin/settings#time_zone"),
        ("audit", "Settings: Audit log", "/admin/audit"),
        ("tags", "Settings: Tags", "/admin/tags"),
        ("password", "Settings: Password", "/account#password-title"),
        ("back up", "Actions: Back up now", "/admin/backups#create-now"),
        ("backup", "Actions: Back up now", "/admin/backups#create-now"),
        ("dark", "Settings: Language and appearance", "/account#appearance-title"),
        ("add app", "Actions: Add app", "/apps/new"),
        ("edit garden", "Actions: Edit board Garden", "/b/garden/edit"),
    ],
)
def test_settings_and_actions_lead_to_their_place(
    ada: Visitor, boards: None, words: str, place: str, address: str
) -> None:
    group, name = place.split(": ")
    ada.open(f"/find?q={words}")

    assert name in found(ada.page, group)
    assert f'href="{address}"' in ada.page


@pytest.mark.parametrize(
    ("language", "words", "name"),
    [
        ("en", "back up", "Back up now"),
        ("en", "backup now", "Back up now"),
        ("en", "backup", "Back up now"),
        ("en", "ba", "Back up now"),
        ("en", "backups", "Backups"),
        ("en", "sichern", "Back up now"),
        ("en", "jetzt sichern", "Back up now"),
        ("en", "создать копию", "Back up now"),
        ("de", "sichern", "Jetzt sichern"),
        ("de", "jetzt sichern", "Jetzt sichern"),
        ("ru", "создать копию", "Создать копию"),
        ("ru", "настр", "Настройки"),
        ("en", "jelly", "Jellyfin"),
        ("en", "home", "Home Assistant"),
        ("en", "users", "Users"),
    ],
)
def test_the_best_of_all_results_is_the_first_one(
    ada: Visitor, boards: None, language: str, words: str, name: str
) -> None:
    ada.language = language
    ada.open(f"/find?q={words}")

    first = re.search(r'id="hit-1".*?<b>(.*?)</b>', ada.page)
    assert first
    assert html.unescape(re.sub("<.*?>", "", first[1])) == name


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("sicherung", "Backups"),
        ("резервная", "Back up now"),
        ("группы", "Groups"),
        ("zeitzone", "Time zone"),
        ("тема", "Language and appearance"),
        ("garden bearbeiten", "Edit board Garden"),
    ],
)
def test_settings_and_actions_are_found_in_every_language(
    ada: Visitor, boards: None, words: str, name: str
) -> None:
    ada.open(f"/find?q={words}")

    assert name in found(ada.page, "Settings") + found(ada.page, "Actions")


@pytest.mark.parametrize("words", ["settings", "einstellungen", "настр", "profil"])
def test_everyone_finds_their_account_when_they_look_for_settings(
    chloe: Visitor, boards: None, words: str
) -> None:
    chloe.open(f"/find?q={words}")

    assert found(chloe.page, "Settings")[0] == "Your account"


def test_every_setting_and_action_that_is_found_opens(
    ada: Visitor, ben: Visitor, chloe: Visitor, boards: None
) -> None:
    for visitor in (ada, ben, chloe):
        places: set[str] = set()
        for letter in "aeiouy":
            visitor.open(f"/find?q={letter}")
            places |= set(re.findall(r'role="option" id="[^"]*" href="(/[^"#]*)', visitor.page))
        assert len(places) > 2
        assert {place: visitor.open(place).status_code for place in places} == dict.fromkeys(
            places, 200
        )


def test_they_have_their_english_names_too(ada: Visitor, boards: None) -> None:
    ada.language = "de"

    ada.open("/find?q=zeitzone")
    assert found(ada.page, "Einstellungen") == ["Zeitzone"]
    ada.open("/find?q=time+zone")
    assert found(ada.page, "Einstellungen") == ["Zeitzone"]
    assert detail(ada.page, "Zeitzone") == "<mark>Time</mark> <mark>zone</mark>"
    ada.open("/find?q=sicherung")
    assert "Jetzt sichern" in found(ada.page, "Aktionen")


def test_viewers_find_no_page_that_they_may_not_open(chloe: Visitor, boards: None) -> None:
    for words in ("users", "audit", "back up", "add app", "edit board", "time zone", "tags"):
        chloe.open(f"/find?q={words}")
        assert found(chloe.page, "Settings") + found(chloe.page, "Actions") == []


def test_nothing_found_says_so_and_offers_to_add_it(
    ben: Visitor, chloe: Visitor, boards: None
) -> None:
    ben.open("/find?q=paperless+ngx")
    assert "No results for “paperless ngx”" in ben.page
    assert found(ben.page, "Actions") == ["Add app “paperless ngx”"]
    (address,) = re.findall(r'href="(/apps/new[^"]+)"', ben.page)
    assert 'value="paperless ngx"' in ben.open(html.unescape(address)).text

    chloe.open("/find?q=<b>paperless</b>")
    assert "No results for “&lt;b&gt;paperless&lt;/b&gt;”" in chloe.page
    assert "/apps/new" not in chloe.page


def test_the_script_gets_the_part_alone(ada: Visitor, boards: None) -> None:
    answer = ada.open("/find?q=jelly", HX_Request="true")

    assert ada.page.lstrip().startswith('<div id="found">')
    assert '<p class="vh" role="status">1 result for jelly</p>' in ada.page
    assert "<html" not in ada.page
    assert "HX-Request" in answer.headers["Vary"]


def test_an_answer_is_short_however_much_is_found(
    ada: Visitor, boards: None, data_dir: Path
) -> None:
    fill(data_dir / "launcher.db", apps=300)
    part = {"HX-Request": "true", "Accept-Encoding": "gzip"}
    for words in ("", "a", "e", "number"):
        answer = ada.client.get("/find", query_string={"q": words}, headers=part)
        assert len(answer.data) <= 2048, words
        page = gzip.decompress(answer.data).decode()
        assert len(found(page)) == 8, words
        assert all(len(found(page, name)) <= 4 for name in ("Boards", "Settings", "Actions"))
        ids = re.findall(r'id="hit-(\d+)"', page)
        assert ids == [str(number + 1) for number in range(len(ids))]

    ada.open("/find?q=number")
    assert len(found(ada.page)) == 50


def test_a_long_url_is_cut_around_what_was_found(
    ben: Visitor, boards: None, data_dir: Path
) -> None:
    long = f"https://long.home.arpa/{'a' * 500}/needle/{'b' * 500}"
    with closing(sqlite3.connect(data_dir / "launcher.db")) as database, database:
        database.execute("UPDATE apps SET url = ? WHERE name = 'Jellyfin'", (long,))
        database.execute(
            "UPDATE apps SET keywords = ? WHERE name = 'Sprinkler'", ("needle" + "work" * 90,)
        )

    ben.open("/find?q=needle")
    said = detail(ben.page, "Jellyfin")
    assert re.fullmatch("…a+/<mark>needle</mark>/b+…", said)
    assert len(re.sub("<.*?>", "", said)) == 82
    assert f'href="{long}"' in ben.page
    assert re.fullmatch(
        "search word “<mark>needle</mark>(work)+w?o?…”", detail(ben.page, "Sprinkler")
    )
    assert len(detail(ben.page, "Sprinkler")) < 120
    ben.open("/find?q=jelly")
    assert detail(ben.page, "Jellyfin") == f"long.home.arpa/{'a' * 65}…"


def test_the_old_address_leads_here(ada: Visitor, boards: None) -> None:
    answer = ada.open("/?q=jelly+fin")

    assert answer.status_code == 302
    assert answer.headers["Location"] == "/find?q=jelly+fin"
