"""What is read of a browser's bookmark file."""

from __future__ import annotations

import base64
from contextlib import suppress

import pytest

from launcher.importing.draft import (
    MAX_ICON_BYTES,
    MAX_LEFT_OUT,
    MAX_LINKS,
    Draft,
    LeaveReason,
    Source,
    Unreadable,
    UnreadableFileError,
)
from launcher.importing.reading import read
from tests.support.imports import sample

SAMPLE = sample("bookmarks.html")
BEGINNING = "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL><p>\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def read_links(markup: str) -> Draft:
    return read(Source.BOOKMARKS, f"{BEGINNING}{markup}</DL>".encode())


def names(draft: Draft) -> dict[str, list[str]]:
    return {section.name: [app.name for app in section.apps] for section in draft.sections}


def test_folders_become_sections_without_the_name_of_the_bookmarks_bar() -> None:
    assert names(read(Source.BOOKMARKS, SAMPLE)) == {
        "": ["Wiki & notes", "Grafana"],
        "Bookmarks Toolbar": ["Mail"],
        "Media": ["Jellyfin"],
        "Media › Films": ["Radarr"],  # noqa: RUF001
    }


def test_a_bookmark_brings_its_url_description_tags_and_line() -> None:
    wiki, _, mail, *_ = apps = list(read(Source.BOOKMARKS, SAMPLE).apps)
    assert wiki.url == "https://wiki.home.arpa/index.php?a=1&b=2"
    assert wiki.description == "Recipes, repairs and rules"
    assert wiki.tags == ("docs", "family", "how to")
    assert next(each for each in apps if each.name == "Jellyfin").keywords == "jf"
    assert (wiki.line, mail.line) == (9, 17)


def test_a_bookmark_brings_its_icon_and_the_address_of_another() -> None:
    mail = list(read(Source.BOOKMARKS, SAMPLE).apps)[2]
    assert mail.icon_data.startswith(b"\x89PNG")
    assert mail.icon_url == "https://mail.example.org/favicon.ico"


def test_each_link_that_is_left_out_is_named_with_its_line_and_the_reason() -> None:
    draft = read(Source.BOOKMARKS, SAMPLE)
    assert [(each.line, each.name, each.reason, each.detail) for each in draft.left_out] == [
        (8, "Recent tags", LeaveReason.SCHEME, "place:"),
        (12, "Dark mode for any page", LeaveReason.SCHEME, "javascript:"),
        (21, "Notes", LeaveReason.SCHEME, "file:"),
        (25, "Radarr again", LeaveReason.REPEATED, "Radarr"),
        (32, "News", LeaveReason.FEED, ""),
        (33, "Nothing behind it", LeaveReason.NO_URL, ""),
        (34, "Wiki", LeaveReason.URL_INCOMPLETE, "http://"),
    ]
    assert draft.left_out_count == 7
    assert draft.found_count == 12
    assert not draft.is_cut_off


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_without_its_mark_is_read(encoding: str) -> None:
    markup = f"{BEGINNING}<DT><A HREF=http://a/>Книги</A></DL>"
    assert names(read(Source.BOOKMARKS, markup.encode(encoding))) == {"": ["Книги"]}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_however_they_end(end: str) -> None:
    (app,) = read(Source.BOOKMARKS, f"<DL>{end}{end}<DT><A HREF=http://a/>A</A></DL>".encode()).apps
    assert app.line == 3


def test_a_link_in_a_description_is_no_bookmark() -> None:
    draft = read_links(
        '<DT><A HREF="http://a/">A</A><DD>See <a href="http://b/">here</a>.<DT><A HREF="http://c/">C</A>'
    )
    assert names(draft) == {"": ["A", "C"]}


@pytest.mark.parametrize("markup", ["<A HREF=http://a/>A", "<a href='http://a/'><b>A</b></a>"])
def test_tags_are_read_as_browsers_read_them(markup: str) -> None:
    assert names(read_links(f"<DT>{markup}")) == {"": ["A"]}


def test_a_description_may_be_an_attribute_and_tags_count_once() -> None:
    (app,) = read_links('<DT><A HREF="http://a/" TAGS="x, y,X,," DESCRIPTION="1 &lt; 2">A</A>').apps
    assert (app.description, app.tags) == ("1 < 2", ("x", "y"))


def test_a_url_that_is_too_long_is_left_out_and_not_cut() -> None:
    draft = read_links(f'<DT><A HREF="http://a/?{"&amp;" * 2_000}">A</A>')
    assert [each.reason for each in draft.left_out] == [LeaveReason.URL_TOO_LONG]


def test_a_sign_in_a_quoted_attribute_does_not_end_the_tag() -> None:
    (app,) = read_links('<DT><A TITLE="1 > 0" HREF="http://a/?x=%3E&gt;">A</A>').apps
    assert (app.name, app.url) == ("A", "http://a/?x=%3E>")


def test_folders_nested_by_the_thousand_are_joined_after_the_tenth_and_said_so() -> None:
    inside = '<DT><A HREF="http://deep/">Deep</A>'
    folders = "".join(f"<DT><H3>{number}</H3><DL><p>" for number in range(3_000))
    draft = read_links(folders + inside + "</DL>" * 3_000)
    (section,) = draft.sections
    assert section.name == " › ".join(str(number) for number in range(10))  # noqa: RUF001
    assert [(note.reason, note.name) for note in draft.notes] == [
        (LeaveReason.FOLDERS_JOINED, section.name)
    ]


def test_of_a_path_that_is_too_long_for_a_name_the_innermost_folders_stay() -> None:
    markup = f'<H3>{"a" * 70}</H3><DL><H3>b</H3><DL><H3>{"c" * 9}</H3><DL><A HREF="http://a/">A</A>'
    assert list(names(read_links(markup + "</DL>" * 3))) == [f"b › {'c' * 9}"]  # noqa: RUF001


def test_folders_with_the_same_path_are_one_section() -> None:
    markup = "".join(f'<H3>Media</H3><DL><A HREF="http://{each}/">{each}</A></DL>' for each in "ab")
    assert names(read_links(markup)) == {"Media": ["a", "b"]}


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("Ж".encode(), "Ж"),
        ("Ж".encode("cp1251"), "Ж"),
        ("ü".encode("cp1252"), "ь"),  # what the page says counts
    ],
)
def test_the_encoding_is_that_of_the_file_or_what_it_says(content: bytes, name: str) -> None:
    head = b'<META CONTENT="text/html; charset=windows-1251"><DL>'
    draft = read(Source.BOOKMARKS, head + b"<DT><A HREF=http://a/>" + content + b"</A></DL>")
    assert names(draft) == {"": [name]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_a_file_without_a_word_on_its_encoding_is_read(encoding: str) -> None:
    markup = f"{BEGINNING}<DT><A HREF=http://a/>Bücher</A></DL>"
    assert names(read(Source.BOOKMARKS, markup.encode(encoding))) == {"": ["Bücher"]}


@pytest.mark.parametrize(
    ("end", "count"),
    [
        (b'<A HREF="https://radarr', 3),
        (b"Jellyfin</A>", 3),
        (b"    <DT><H3>Empty", 4),
    ],
)
def test_a_file_that_is_cut_off_is_read_up_to_there_and_says_so(end: bytes, count: int) -> None:
    content = SAMPLE[: SAMPLE.index(end) + len(end)]
    draft = read(Source.BOOKMARKS, content)
    assert draft.is_cut_off
    assert draft.app_count == count
    assert draft.ends_in_line == content.count(b"\n") + 1


def test_a_file_that_is_cut_off_before_its_first_link_is_refused() -> None:
    content = SAMPLE[: SAMPLE.index(b"<!-- This")] + b"<DL><!-- This"
    with pytest.raises(UnreadableFileError) as refused:
        read(Source.BOOKMARKS, content)
    assert refused.value.code is Unreadable.CUT_OFF
    assert refused.value.facts == {"line": content.count(b"\n") + 1}


def test_a_file_without_a_list_is_cut_off_where_a_tag_has_no_end() -> None:
    draft = read(Source.BOOKMARKS, b'<DT><A HREF="http://a/">A</A><DT><A HREF="http://b')
    assert (names(draft), draft.is_cut_off) == ({"": ["A"]}, True)


def test_names_lose_what_is_not_shown_and_are_cut_with_a_note() -> None:
    short, long = read_links(
        f"<DT><A HREF=http://a/>a\0\u202eb\n &#8238; c</A><DT><A HREF=http://b/>{'x' * 300}</A>"
    ).apps
    assert short.name == "ab c"
    assert long.name == "x" * 199 + "…"
    assert [note.reason for note in long.notes] == [LeaveReason.NAME_TOO_LONG]


def test_a_link_without_a_name_is_called_by_its_host() -> None:
    assert names(
        read_links("<A HREF=http://10.0.0.5:80/></A><A HREF=https://www.kavita.org/></A>")
    ) == {"": ["10.0.0.5", "Kavita"]}


def test_a_name_of_which_nothing_would_be_seen_is_none() -> None:
    markup = "<H3>\u200b</H3><DL><A HREF=http://kavita.test/>\u200b\u00a0</A></DL>"
    assert names(read_links(markup)) == {"": ["Kavita"]}


def test_an_icon_that_is_too_large_or_none_is_not_kept() -> None:
    large = base64.b64encode(PNG + bytes(3 * MAX_ICON_BYTES)).decode()
    first, second = read_links(
        f'<A HREF=http://a/ ICON="data:image/png;base64,{large}">A</A>'
        '<A HREF=http://b/ ICON="data:text/html,<script>">B</A>'
    ).apps
    assert (first.icon_data, second.icon_data) == (b"", b"")
    assert [note.reason for note in first.notes] == [LeaveReason.ICON_TOO_LARGE]


def test_links_after_the_first_thousands_are_counted() -> None:
    links = "".join(f"<DT><A HREF=http://{number}.test/>A</A>\n" for number in range(MAX_LINKS + 9))
    draft = read_links(links)
    assert (draft.app_count, draft.beyond_limit) == (MAX_LINKS, 9)


def test_of_many_that_are_left_out_the_first_are_named() -> None:
    draft = read_links("<DT><A HREF=javascript:1>A</A>" * (MAX_LEFT_OUT + 9))
    assert (len(draft.left_out), draft.left_out_count) == (MAX_LEFT_OUT, MAX_LEFT_OUT + 9)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", Unreadable.EMPTY),
        (b" \r\n\0", Unreadable.EMPTY),
        (b"services:\n  - name: A\n", Unreadable.FORMAT),
        (b"<html><a href='http://a/'>A web page</a>", Unreadable.FORMAT),
        (b"PK\x03\x04" + bytes(100), Unreadable.BINARY),
        (b"<DL>" + b" " * 10_000_000, Unreadable.TOO_LARGE),
        (b"<DL>" * 400_000, Unreadable.TOO_MANY_VALUES),
    ],
)
def test_a_file_that_is_no_bookmark_file_is_refused_with_the_reason(
    content: bytes, code: Unreadable
) -> None:
    with pytest.raises(UnreadableFileError) as refused:
        read(Source.BOOKMARKS, content, "x.html")
    assert refused.value.code is code


MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    "markup",
    [
        "<A " + "a=b " * (MEGABYTE // 4) + ">",
        "<A " * (MEGABYTE // 3),
        "<a b='" * (MEGABYTE // 6),
        "<a b=\"'" * (MEGABYTE // 7),
        "<A " + "a" * MEGABYTE + ">",
        "<A a" + " " * MEGABYTE + ">",
        "<A HREF=http://a/>" + "<" * MEGABYTE,
        "<!--" * (MEGABYTE // 4),
        "<A HREF='http://a/?" + "&#9" * (MEGABYTE // 3) + "'>A</A>",
        "<A HREF='http://a/' ICON='data:image/png;base64," + "A" * MEGABYTE + "'>A</A>",
    ],
    ids=lambda markup: markup[:12],
)
def test_no_markup_takes_a_time_that_grows_with_the_square(markup: str) -> None:
    with suppress(UnreadableFileError):  # some have no link at all
        read_links(markup)
