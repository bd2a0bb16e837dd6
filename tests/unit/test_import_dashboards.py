"""What is read of the files of other dashboards, and which files are refused."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
import yaml

from launcher.catalogue import entries
from launcher.importing import draft as limits
from launcher.importing import yaml_tree
from launcher.importing.draft import (
    Draft,
    DraftApp,
    LeaveReason,
    Source,
    Unreadable,
    UnreadableFileError,
)
from launcher.importing.reading import guess, read
from tests.support.imports import SAMPLES, sample


def draft_of(name: str) -> Draft:
    return read(SAMPLES[name], sample(name), name)


def names(draft: Draft) -> dict[str, list[str]]:
    return {section.name: [app.name for app in section.apps] for section in draft.sections}


def app(draft: Draft, name: str) -> DraftApp:
    return next(each for each in draft.apps if each.name == name)


def left_out(draft: Draft) -> list[tuple[int, str, LeaveReason, str]]:
    return [(each.line, each.name, each.reason, each.detail) for each in draft.left_out]


def refusal(source: Source, content: bytes, filename: str = "") -> UnreadableFileError:
    with pytest.raises(UnreadableFileError) as refused:
        read(source, content, filename)
    return refused.value


def test_groups_of_homepage_become_sections_and_a_group_that_stands_twice_is_one() -> None:
    assert names(draft_of("services.yaml")) == {
        "Media": ["Jellyfin", "Photos", "Kavita"],
        "Networking": ["Router", "no"],
        "Networking › Outside": ["Cloud", "Status page"],  # noqa: RUF001
    }


def test_a_service_of_homepage_brings_what_it_says_and_leaves_its_widget_there() -> None:
    jellyfin = app(draft_of("services.yaml"), "Jellyfin")
    assert (jellyfin.url, jellyfin.description) == ("http://192.168.1.64:8096/", "Films & series")
    assert (jellyfin.keywords, jellyfin.icon, jellyfin.line) == ("video tv", "jellyfin", 4)
    assert [(note.reason, note.detail) for note in jellyfin.notes] == [
        (LeaveReason.PASSWORD, ""),
        (LeaveReason.WIDGET_DROPPED, "jellyfin"),
    ]


def test_what_homepage_alone_can_show_is_left_out_with_the_reason() -> None:
    assert left_out(draft_of("services.yaml")) == [
        (23, "Unpackerr", LeaveReason.NO_URL, ""),
        (35, "Calendar", LeaveReason.WIDGET, "calendar"),
        (39, "Key vault", LeaveReason.VARIABLE, "{{HOMEPAGE_VAR_VAULT_URL}}"),
        (42, "Proxy", LeaveReason.VARIABLE, "{{HOMEPAGE_VAR_HOST}}"),
    ]


def test_words_that_yaml_takes_for_values_stay_words() -> None:
    assert app(draft_of("services.yaml"), "no").description == "22:22"


def test_of_a_key_that_stands_twice_the_last_counts_and_it_is_noted() -> None:
    draft = draft_of("services.yaml")
    assert app(draft, "Kavita").url == "https://books.home.arpa"
    assert [(note.reason, note.name, note.line) for note in draft.notes] == [
        (LeaveReason.REPEATED_KEY, "href", 50)
    ]


def test_bookmarks_of_homepage_are_read_too() -> None:
    draft = draft_of("bookmarks.yaml")
    assert names(draft) == {"Developer": ["Forge", "Manual"]}
    assert left_out(draft) == [(12, "Chat", LeaveReason.NO_URL, "")]


def test_groups_of_homer_become_sections_and_links_of_its_bar_stand_outside() -> None:
    draft = draft_of("homer.yml")
    assert names(draft) == {
        "Media": ["Jellyfin", "Radarr", "Radarr: Queue"],
        "": ["Pi-hole", "Wiki"],
    }
    jellyfin = app(draft, "Jellyfin")
    assert (jellyfin.description, jellyfin.tags) == ("Films and series", ("family",))
    assert (jellyfin.keywords, jellyfin.icon) == ("video tv", "jellyfin")
    assert app(draft, "Wiki").icon == "fa:book"
    assert app(draft, "Radarr").icon_url == "https://icons.example.org/radarr.svg"
    assert left_out(draft) == [
        (34, "Clock", LeaveReason.WIDGET, "Clock"),
        (36, "Soon", LeaveReason.NO_URL, ""),
        (13, "Second page", LeaveReason.URL_INCOMPLETE, "#page2"),
    ]


def test_items_of_dashy_and_those_inside_of_them_become_apps() -> None:
    draft = draft_of("dashy.yml")
    assert names(draft) == {
        "Media": ["Jellyfin", "Forge", "Converter", "Clock"],
        "Hosts": ["Server"],
        "": ["Handbook"],
    }
    jellyfin = app(draft, "Jellyfin")
    assert (jellyfin.tags, jellyfin.icon) == (("family", "video"), "jellyfin")
    assert left_out(draft) == [
        (42, "Later", LeaveReason.NO_URL, ""),
        (45, "Outside", LeaveReason.WIDGET, "weather"),
        (8, "Second page", LeaveReason.URL_INCOMPLETE, "/second"),
    ]


def test_a_password_is_noted_of_the_item_that_has_it() -> None:
    text = """
sections:
  - items:
      - title: A
        url: http://a
        subItems: [{ title: B, url: http://b, token: x }]
"""
    draft = read(Source.DASHY, text.encode())
    assert [(each.name, len(each.notes)) for each in draft.apps] == [("A", 0), ("B", 1)]


def test_items_of_heimdall_come_without_their_passwords_and_it_is_said_of_each() -> None:
    draft = draft_of("heimdall.json")
    assert names(draft) == {"": ["Jellyfin", "Radarr", "Wiki"]}
    assert app(draft, "Jellyfin").description == "Films and series"
    assert app(draft, "Jellyfin").tags == ("Media",)
    assert {each.name: [note.reason for note in each.notes] for each in draft.apps} == {
        "Jellyfin": [LeaveReason.PASSWORD],
        "Radarr": [LeaveReason.PASSWORD],
        "Wiki": [],
    }


@pytest.mark.parametrize("name", SAMPLES)
def test_no_password_or_key_of_a_file_is_in_the_draft(name: str) -> None:
    assert "not-a-real" not in repr(draft_of(name))


@pytest.mark.parametrize("name", SAMPLES)
def test_the_source_of_a_file_is_guessed_from_its_content(name: str) -> None:
    assert guess(sample(name)) is SAMPLES[name]


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("source", Source)
def test_a_file_of_one_source_sent_as_another_is_refused_with_its_own(
    name: str, source: Source
) -> None:
    if SAMPLES[name] is source:
        return
    error = refusal(source, sample(name), name)
    assert (error.code, error.facts) == (
        Unreadable.FORMAT,
        {"filename": name, "source": source, "looks_like": SAMPLES[name]},
    )


@pytest.mark.parametrize("source", Source)
def test_a_file_of_no_source_is_refused(source: Source) -> None:
    error = refusal(source, b"Hello.", "x.bin")
    assert error.code in {Unreadable.FORMAT, Unreadable.SYNTAX}


@pytest.mark.parametrize("source", Source)
@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04" + bytes(60), b"\x89PNG\r\n\x1a\n\xff\xfe", bytes(range(256)) * 3],
)
def test_a_file_that_is_no_text_is_refused_whatever_its_source(
    source: Source, content: bytes
) -> None:
    error = refusal(source, content, "x.bin")
    assert (error.code, error.facts) == (Unreadable.BINARY, {"filename": "x.bin"})


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("- A:\n\t- B:\n", Unreadable.TAB, 2),
        ("- A:\n    - B: [\n", Unreadable.SYNTAX, 3),
        ("- A: 'x\n", Unreadable.SYNTAX, 2),
        ("- A: x\n---\n- B: x\n", Unreadable.SYNTAX, 2),
        ("---\n# Nothing yet.\n", Unreadable.EMPTY, None),
        ("- &a [*a]\n", Unreadable.ALIAS_LOOP, 1),
        ("- A\n- *nobody\n", Unreadable.ALIAS_LOOP, 2),
        ("\n" + "[" * 3_000, Unreadable.TOO_DEEP, 2),
        ("- a\n" * 1_001, Unreadable.TOO_MANY_VALUES, 1_001),
    ],
)
def test_yaml_that_cannot_be_read_is_refused_with_the_line(
    text: str, code: Unreadable, line: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_tree, "MAX_VALUES", 1_000)
    error = refusal(Source.HOMEPAGE, text.encode())
    assert (error.code, error.facts.get("line")) == (code, line)


def test_aliases_that_multiply_are_refused_with_the_line() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in pairwise("abcdefghi")]
    error = refusal(Source.HOMER, "\n".join([*lines, "services: *i"]).encode())
    assert (error.code, error.facts) == (Unreadable.ALIASES, {"line": 5, "limit": 10_000})


def test_aliases_and_merged_mappings_are_followed() -> None:
    text = """
x: &base { tag: family, subtitle: For all }
services:
  - name: Media
    items:
      - { <<: *base, name: A, url: http://a, subtitle: Mine }
"""
    (found,) = read(Source.HOMER, text.encode()).apps
    assert (found.tags, found.description) == (("family",), "Mine")


@pytest.mark.parametrize("name", ["services.yaml", "homer.yml", "dashy.yml"])
def test_yaml_is_read_the_same_without_the_library_in_c(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = draft_of(name)
    monkeypatch.setattr(yaml_tree, "_LOADER", yaml.BaseLoader)
    assert draft_of(name) == expected
    assert refusal(Source.HOMEPAGE, b"[" * 3_000).code is Unreadable.TOO_DEEP
    assert refusal(Source.HOMEPAGE, b"- A:\n\t- B:\n").code is Unreadable.TAB


def test_a_tag_of_another_language_is_not_followed() -> None:
    text = "- A:\n    - B: { href: !!python/object/apply:os.getcwd [], description: !secret x }\n"
    assert left_out(read(Source.HOMEPAGE, text.encode())) == [(2, "B", LeaveReason.NO_URL, "")]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('[{"title": "A", "url": "http://a"}', Unreadable.CUT_OFF),
        ('[{"title": "A", "url": "htt', Unreadable.CUT_OFF),
        ('[{"title": "A" "url": None}]', Unreadable.SYNTAX),
        ("[" * 10_000, Unreadable.TOO_DEEP),
        ("[" + "[]," * 400_000 + "1]", Unreadable.TOO_MANY_VALUES),
        ('{"title": "A"}', Unreadable.FORMAT),
        ("[1, null]", Unreadable.FORMAT),
    ],
    ids=lambda value: value[:30],
)
def test_json_that_cannot_be_read_is_refused(text: str, code: Unreadable) -> None:
    assert refusal(Source.HEIMDALL, text.encode()).code is code


def test_json_with_values_of_other_kinds_is_read_without_them() -> None:
    items = [
        {"title": ["A"], "url": "http://a", "tags": [None, "x"], "description": {"token": "t"}},
        {"title": "B\ud800", "url": None},
        7,
    ]
    draft = read(Source.HEIMDALL, json.dumps(items).encode())
    (found,) = draft.apps
    assert (found.name, found.tags) == ("A", ("x",))
    assert [note.reason for note in found.notes] == [LeaveReason.PASSWORD]
    assert left_out(draft) == [
        (0, "B", LeaveReason.NO_URL, ""),
        (0, "", LeaveReason.NOT_AN_ENTRY, ""),
    ]


def test_what_is_too_long_for_an_app_is_cut_or_dropped_with_a_note() -> None:
    item = {
        "title": "A", "url": "http://a", "appdescription": "d" * 600,
        "tags": ["t" * 51, *(f"tag {number}" for number in range(25))],
    }  # fmt: skip
    (found,) = read(Source.HEIMDALL, json.dumps([item]).encode()).apps
    assert found.description == "d" * 499 + "…"
    assert found.tags == tuple(f"tag {number}" for number in range(20))
    assert [(note.reason, note.detail) for note in found.notes] == [
        (LeaveReason.TEXT_TOO_LONG, ""),
        (LeaveReason.TAGS, "6"),
    ]


def test_the_limits_of_a_draft_are_those_of_the_forms() -> None:
    for name in ("NAME_MAX", "TITLE_MAX", "TEXT_MAX", "URL_MAX", "TAG_MAX", "TAGS_MAX"):
        assert getattr(limits, name) == getattr(entries, name)
