"""Words that a person types, compared with texts."""

from __future__ import annotations

import pytest

from launcher.catalogue.matching import (
    Rank,
    Wanted,
    begins_a_word,
    folded,
    is_in_addresses,
    readings,
)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Jellyfin", "jellyfin"),
        ("Küche", "kuche"),
        ("Straße", "strasse"),
        ("STRASSE", "strasse"),
        ("Łódź", "lodz"),
        ("Smørrebrød", "smorrebrod"),
        ("Đorđe", "dorde"),
        ("I\u0307stanbul, Diyarbak\u0131r", "istanbul, diyarbakir"),
        ("Ёлка и Йод", "елка и иод"),
        ("Ωμέγα", "ωμεγα"),
        ("مُحَمَّد", "محمد"),
        ("サーバー", "サーハー"),
        ("\ufb01le \u210c", "file h"),
    ],
)
def test_case_and_accents_do_not_count(text: str, plain: str) -> None:
    assert folded(text) == plain
    assert folded(plain) == plain


@pytest.mark.parametrize(
    ("words", "name", "rank"),
    [
        ("home as", "home assistant", Rank.NAME_BEGINS),
        ("as", "home assistant", Rank.WORD_BEGINS),
        ("ass hom", "home assistant", Rank.WORD_BEGINS),
        ("sis", "home assistant", Rank.NAME_HAS),
        ("home x", "home assistant", None),
        ("服务", "家庭服务器", Rank.NAME_HAS),
        ("ذكرات", "مذكرات", Rank.NAME_HAS),
    ],
)
def test_the_better_a_name_fits_the_higher_it_ranks(
    words: str, name: str, rank: Rank | None
) -> None:
    wanted = next(readings(words))

    assert wanted.rank_in_name(folded(name)) is rank


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("jelyfin", "Jellyfin"),  # one too few
        ("jelllyfin", "Jellyfin"),  # one too many
        ("jellyfim", "Jellyfin"),  # another one
        ("jlelyfin", "Jellyfin"),  # two swapped
        ("jelyf", "Jellyfin"),  # not complete yet
        ("vautwardn", "Vaultwarden"),  # two errors in a long word
        ("homeasistant", "Home Assistant"),
        ("kueche", "Küche"),
        ("яболко", "Яблоко"),
    ],
)
def test_a_typing_error_is_tolerated(typed: str, name: str) -> None:
    wanted = next(readings(typed))
    assert wanted.rank_in_name(folded(name)) is None

    tolerant = wanted.tolerant([folded(name), "something else"])

    assert tolerant.rank_in_name(folded(name)) is Rank.MISTYPED
    assert tolerant.rank_in_name("something else") is None


@pytest.mark.parametrize("typed", ["backup", "backup now", "back upn", "Back Up Now"])
def test_a_name_may_be_typed_in_one_word(typed: str) -> None:
    assert next(readings(typed)).rank_in_name("back up now") is Rank.NAME_BEGINS
    assert next(readings(typed)).rank_in_name("now back up") is not Rank.NAME_BEGINS


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("hme", "Home"),  # three letters are too few to guess from
        ("jlyfn", "Jellyfin"),  # two errors in a short word
        ("10.0.0.4", "10.0.0.3"),
        ("8124", "8123"),
        ("graf", "Gitea"),
    ],
)
def test_what_is_no_typing_error_is_not_guessed(typed: str, name: str) -> None:
    tolerant = next(readings(typed)).tolerant([folded(name)])

    assert tolerant.rank_in_name(folded(name)) is None


def test_the_other_keyboard_is_tried() -> None:
    assert [each.words for each in readings("оуддн")] == [("оуддн",), ("jelly",)]
    assert [each.words for each in readings(",fpf")] == [(",fpf",), ("база",)]
    assert [each.words for each in readings("дом home")] == [("дом", "home")]


def test_a_url_is_sought_without_its_scheme() -> None:
    wanted = next(readings("https://Jellyfin.home.arpa/"))

    assert wanted.words == ("jellyfin.home.arpa",)


@pytest.mark.parametrize(
    ("word", "is_there"),
    [
        ("jelly", True),
        ("arpa", False),
        ("home", False),
        ("home.arpa", True),
        ("8096", True),
        ("web", True),
        ("eb", False),
        ("wiki", True),
    ],
)
def test_letters_alone_are_sought_where_an_address_begins(word: str, is_there: bool) -> None:
    urls = "https://jellyfin.home.arpa:8096/web\x1fhttps://www.wiki.home.arpa"

    assert is_in_addresses(word, urls) is is_there


def test_words_begin_anywhere_in_scripts_without_spaces() -> None:
    assert begins_a_word("器", "家庭服务器")
    assert not begins_a_word("lab", "collaboration")
    assert begins_a_word("lab", "home-lab")


@pytest.mark.parametrize(
    ("words", "text", "marked"),
    [
        ("elly", "Jéllyfin", "J[élly]fin"),
        ("stras", "Straße 7", "[Straß]e 7"),
        ("as home", "Home Assistant", "[Home] [As]sistant"),
        ("lab", "Collab lab", "Collab [lab]"),
        ("jel", "Je\u0301llyfin", "[Je\u0301l]lyfin"),
        ("服务", "家庭服务器", "家庭[服务]器"),
        ("x", "Home", "Home"),
        ("", "Home", "Home"),
    ],
)
def test_what_was_typed_is_marked_in_the_spelling_of_the_name(
    words: str, text: str, marked: str
) -> None:
    parts = next(readings(words)).parts(text)

    assert "".join(f"[{each}]" if is_marked else each for each, is_marked in parts) == marked


def test_of_a_typing_error_the_whole_word_is_marked() -> None:
    wanted = Wanted(("jelyfin",)).tolerant(["jellyfin"])

    assert wanted.parts("My Jellyfin") == [("My ", False), ("Jellyfin", True)]
