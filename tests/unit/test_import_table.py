"""What is read of a CSV file."""

from __future__ import annotations

import pytest

from launcher.importing import table
from launcher.importing.draft import Draft, LeaveReason, Source, Unreadable, UnreadableFileError
from launcher.importing.reading import read
from tests.support.imports import sample


def read_table(text: str) -> Draft:
    return read(Source.CSV, text.encode(), "apps.csv")


def test_each_column_is_read_by_its_heading() -> None:
    draft = read(Source.CSV, sample("apps.csv"))
    jellyfin, kavita, wiki = draft.apps
    assert [section.name for section in draft.sections] == ["Media", ""]
    assert (jellyfin.url, jellyfin.url_local) == (
        "https://jellyfin.example.org",
        "http://192.168.1.64:8096",
    )
    assert (jellyfin.description, jellyfin.keywords) == ("Films; series and music", "video tv")
    assert (jellyfin.tags, jellyfin.icon) == (("family", "video"), "jellyfin")
    assert (kavita.name, kavita.line) == ("Kavita", 6)
    assert (wiki.name, wiki.icon) == ('The "Wiki"', "mdi:book")


def test_what_cannot_be_imported_is_said_with_its_line() -> None:
    draft = read(Source.CSV, sample("apps.csv"))
    wiki = list(draft.apps)[-1]
    assert [(note.reason, note.detail) for note in wiki.notes] == [
        (LeaveReason.URL_LOCAL, "not a url")
    ]
    assert [(each.line, each.name, each.detail) for each in draft.left_out] == [
        (7, "Phone", "tel:")
    ]
    assert [(note.reason, note.line) for note in draft.notes] == [(LeaveReason.ROW, 7)]


@pytest.mark.parametrize(
    "text",
    [
        "A,http://a/\n",
        "http://a/;A",
        "A\thttp://a/\tmore\n\n",
        '"A",http://a/,"b;c;d;e"\n',
        "\n\nA,http://a/",
    ],
)
def test_without_headings_the_first_two_columns_are_name_and_url(text: str) -> None:
    (app,) = read_table(text).apps
    assert (app.name, app.url) == ("A", "http://a/")


@pytest.mark.parametrize(
    "heading", ["Titel;Link;Ordner", "Название;Ссылка;Папка", '"title";"url";"group"']
)
def test_headings_may_be_in_other_languages(heading: str) -> None:
    (section,) = read_table(f"{heading}\nA;http://a/;Media\n").sections
    assert section.name == "Media"


@pytest.mark.parametrize(
    "heading",
    [
        "local_url", "local-url", "Local URL", "home_url", "internal_url", "home network url",
        "Home network URL", "URL im Heimnetz", "URL в домашней сети",
    ],
)  # fmt: skip
def test_the_home_network_url_has_many_headings(heading: str) -> None:
    draft = read_table(f"name,url,{heading}\nA,http://a/,http://10.0.0.1/\n")
    (app,) = draft.apps
    assert app.url_local == "http://10.0.0.1/"
    assert draft.notes == ()


def test_each_column_that_is_not_read_is_named() -> None:
    draft = read_table("sep=,\nname,url,Colour,title,,port\nA,http://a/,red,B,,80\n")
    assert [(each.reason, each.name, each.line) for each in draft.notes] == [
        (LeaveReason.COLUMN, "Colour", 2),
        (LeaveReason.COLUMN, "title", 2),
        (LeaveReason.COLUMN, "port", 2),
    ]


@pytest.mark.parametrize(
    ("encoding", "heading", "name"),
    [
        ("cp1251", "Название;Ссылка", "Домашний сервер"),
        ("cp1252", "Titel;Link", "Bücher für Zuhause"),
        ("cp1252", "Title;Link", "Médiathèque"),
    ],
)
def test_the_encodings_that_spreadsheets_write_are_distinguished(
    encoding: str, heading: str, name: str
) -> None:
    (app,) = read(Source.CSV, f"{heading}\r\n{name};http://a/\r\n".encode(encoding)).apps
    assert app.name == name


def test_a_table_of_two_hundred_columns_is_read() -> None:
    heading = ",".join(["url", *(f"column {number}" for number in range(198)), "name"])
    (app,) = read_table(f"{heading}\nhttp://a/{',' * 199}A\n").apps
    assert app.name == "A"


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ('name,url\nA,"http://a/\nB,http://b/\n', Unreadable.SYNTAX, 2),
        ('name,url\n"A"x,http://a/\n', Unreadable.SYNTAX, 2),
        ("name,url\nA," + "x" * 200_000, Unreadable.SYNTAX, 2),
        ("name,url\n" + "A,b\n" * 101, Unreadable.TOO_MANY_VALUES, 101),
        ("some words, and more words\n", Unreadable.FORMAT, None),
        ("- href: http://a/\n", Unreadable.FORMAT, None),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_with_the_line(
    text: str, code: Unreadable, line: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "MAX_ROWS", 100)
    with pytest.raises(UnreadableFileError) as refused:
        read_table(text)
    assert (refused.value.code, refused.value.facts.get("line")) == (code, line)


def test_the_address_of_an_icon_that_is_too_long_is_not_kept() -> None:
    (app,) = read_table(f"name,url,icon\nA,http://a/,http://b/{'x' * 2_000}\n").apps
    assert app.icon_url == ""


def test_what_a_row_says_twice_is_taken_once() -> None:
    (app,) = read_table("name,url,description,home network url\nA,http://a/,A,http://a/\n").apps
    assert (app.description, app.url_local) == ("", "")
