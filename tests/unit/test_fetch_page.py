"""What a page calls its app, and which icon is taken."""

from __future__ import annotations

import time

import pytest

from launcher.fetching.images import data_of, is_image
from launcher.fetching.naming import name_of, name_of_host
from launcher.fetching.page import read_manifest, read_page


@pytest.mark.parametrize(
    ("title", "host", "name"),
    [
        ("Grafana", "grafana.home.arpa", "Grafana"),
        ("Sign in · Grafana", "10.0.0.3", "Grafana"),
        ("Login - Jellyfin", "10.0.0.3", "Jellyfin"),
        ("Sign in to Vaultwarden", "10.0.0.3", "Vaultwarden"),
        ("Jellyfin Login", "10.0.0.3", "Jellyfin"),
        ("Anmelden \u2013 Nextcloud", "10.0.0.3", "Nextcloud"),
        ("Вход | Gitea", "10.0.0.3", "Gitea"),
        ("Home - Paperless-ngx", "10.0.0.3", "Paperless-ngx"),
        ("Forgejo: Beyond coding. We forge.", "10.0.0.3", "Forgejo"),
        ("pve - Proxmox Virtual Environment", "10.0.0.3", "Proxmox Virtual Environment"),
        ("Immich \u2013 My photos", "immich.home.arpa", "Immich"),
        ("Unraid", "tower.local", "Unraid"),
        ("UniFi Network", "10.0.0.3", "UniFi Network"),
        ("Home Assistant", "10.0.0.3", "Home Assistant"),
        ("Login", "navidrome.home.arpa", "Navidrome"),
        ("Loading...", "navidrome.home.arpa", "Navidrome"),
        ("", "navidrome.home.arpa", "Navidrome"),
        ("a very long title " * 20, "navidrome.home.arpa", "Navidrome"),
        ("Login", "10.0.0.3", ""),
    ],
)
def test_a_title_becomes_the_name_of_the_app(title: str, host: str, name: str) -> None:
    assert name_of([], title, host) == name


def test_what_a_page_calls_its_app_comes_before_its_title() -> None:
    assert name_of(["Nextcloud"], "Files - cloud.example", "cloud.example") == "Nextcloud"


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("navidrome.home.arpa", "Navidrome"),
        ("home-assistant", "Home Assistant"),
        ("www.example.org", "Example"),
        ("xn--bcher-kva.example", "Bücher"),
        ("192.168.1.10", ""),
        ("0x7f.1", ""),
        ("2130706433", ""),
        ("fd00::1", ""),
        ("localhost", ""),
    ],
)
def test_a_host_name_becomes_a_name(host: str, name: str) -> None:
    assert name_of_host(host) == name


def test_the_title_is_not_that_of_a_drawing_comment_or_script() -> None:
    page = read_page(
        b"<html><head><!-- <title>Old</title> --><script>'<title>No</title>'</script>"
        b"<svg><title>Drawing</title></svg><title> My\n <!-- -->App &amp; more </title></head>"
    )
    assert page.title == "My App & more"


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        ("<title>Фото</title>".encode(), "text/html"),
        ("<title>Фото</title>".encode("cp1251"), "text/html; charset=windows-1251"),
        ('<meta charset="koi8-r"><title>Фото</title>'.encode("koi8-r"), "text/html"),
        ("<title>Фото</title>".encode("utf-16"), "text/html"),
        ('<meta charset="base64"><title>Фото</title>'.encode(), "text/html; charset=no-such"),
    ],
)
def test_a_title_is_read_in_the_encoding_of_its_page(content: bytes, content_type: str) -> None:
    assert read_page(content, content_type).title == "Фото"


def test_characters_that_are_not_shown_are_left_out_of_a_title() -> None:
    assert (
        read_page("<title>\u202eevil\u0000\u200b app\u0007</title>".encode()).title
        == "evil\ufffd app"
    )


def test_a_drawing_comes_before_pictures_and_of_those_the_smallest_that_is_sharp() -> None:
    page = read_page(
        b'<link rel="shortcut icon" href="/favicon.ico">'
        b'<link rel="ICON" sizes="16x16" href="16.png">'
        b'<link rel="icon" sizes="512x512" href="512.png"><link rel="mask-icon" href="mask.svg">'
        b'<link rel="icon" sizes="96x96 48x48" href="96.png"><link rel="stylesheet" href="x.css">'
        b'<link rel="apple-touch-icon" href="touch.png"><link rel=icon type=image/svg+xml href=a>'
    )
    urls = [icon.url for icon in page.icons]
    assert urls == ["a", "96.png", "touch.png", "512.png", "16.png", "/favicon.ico"]


def test_an_icon_may_be_inside_the_page() -> None:
    page = read_page(
        b"<link rel=icon href='data:image/svg+xml,<svg xmlns=\"a\"><g></g></svg>'>"
        b'<link rel="icon" href="data:image/png;base64,iVBORw0KGgo=">'
    )
    drawing, picture = (data_of(icon.url, max_bytes=1000) for icon in page.icons)
    assert drawing == b'<svg xmlns="a"><g></g></svg>'
    assert picture == b"\x89PNG\r\n\x1a\n"
    assert data_of(page.icons[0].url, max_bytes=10) == b""


@pytest.mark.parametrize("text", ["data:,", "data:image/png;base64,%%%", "data:", "http://a/,b"])
def test_what_is_no_image_inside_a_page_is_none(text: str) -> None:
    assert not is_image(data_of(text, max_bytes=100))


def test_a_manifest_has_a_name_and_icons_and_may_hold_anything() -> None:
    read = read_manifest(
        b'{"short_name": "Photos", "name": "My Photos",'
        b'"icons": [{"src": "a.png", "sizes": "192x192"},'
        b'{"src": "m.png", "purpose": "monochrome"}, {"src": 5}, 7, {"src": "b.svg"}]}'
    )
    assert (read.name, [icon.url for icon in read.icons]) == ("Photos", ["b.svg", "a.png"])
    for content in (
        b"",
        b"[]",
        b"[" * 90000,
        b'{"icons": {}}',
        b'{"name": []}',
        b"\xff\xfe",
        b"1" * 9000,
    ):
        assert not read_manifest(content).icons


@pytest.mark.parametrize(
    "piece",
    [
        "<a ", '<a b="', "<!--", "<div>", "<b>", "<svg><title>", "<link rel=icon href=a>",
        "<title>",
        "<table><tr><td>", "<script>", "<meta content=", "<link href='data:", "<!-- -->", "</p>",
        "<link a ", "<base href>", "&#x;", "\0",
    ],
)  # fmt: skip
def test_markup_made_to_hurt_a_parser_does_not(piece: str) -> None:
    content = (piece * (1_000_000 // len(piece))).encode()
    began = time.process_time()
    read_page(content)
    # Not a measure of speed: a parser that is hurt takes minutes.
    assert time.process_time() - began < 2


def test_a_tag_with_a_hundred_thousand_attributes_does_not_hurt_either() -> None:
    attributes = " ".join(f"a{number}" for number in range(100_000))
    began = time.process_time()
    assert read_page(f"<title>App</title><link rel=icon {attributes}>".encode()).title == "App"
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        (b"\x89PNG\r\n\x1a\n...", True),
        (b"<svg xmlns='a'>", True),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a --><!DOCTYPE svg>\n<svg>", True),
        (b"RIFF\0\0\0\0WEBPVP8 ", True),
        (b"\0\0\0\x1cftypavif", True),
        (b"<!DOCTYPE html><html><svg>", False),
        (b"<!-- -->" * 2000, False),
        (b"", False),
    ],
)
def test_an_image_is_known_by_its_beginning(content: bytes, verdict: bool) -> None:
    assert is_image(content) is verdict
