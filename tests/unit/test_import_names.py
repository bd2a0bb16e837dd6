"""What files call icons, and which URLs of a file are those of apps."""

from __future__ import annotations

import pytest

from launcher.importing.draft import LeaveReason
from launcher.importing.icon_names import Icon, icon_of
from launcher.importing.urls import refusal_of, same_url_key


@pytest.mark.parametrize(
    ("text", "icon"),
    [
        ("jellyfin", Icon("jellyfin")),
        ("Jellyfin.PNG", Icon("jellyfin")),
        ("home-assistant-light.svg", Icon("home-assistant")),
        ("/icons/pi_hole.webp", Icon("pi-hole")),
        ("assets/tools/uptime kuma.png", Icon("uptime-kuma")),
        ("hl-jellyfin", Icon("jellyfin")),
        ("sh-immich.svg", Icon("immich")),
        ("mdi-server", Icon("mdi:server")),
        ("mdi-server-network-#f0d453", Icon("mdi:server-network")),
        ("si-github", Icon("si:github")),
        ("fas fa-server", Icon("fa:server")),
        ("fa-brands fa-github-alt", Icon("fa:github-alt")),
        ("fa-server", Icon("fa:server")),
        ("https://a.example/x.png", Icon("", "https://a.example/x.png")),
        (
            "https://cdn.example/gh/homarr-labs/dashboard-icons/svg/kavita.svg?v=1",
            Icon("kavita", "https://cdn.example/gh/homarr-labs/dashboard-icons/svg/kavita.svg?v=1"),
        ),
        ("favicon", Icon()),
        ("favicon-duckduckgo", Icon()),
        ("generative", Icon()),
        ("", Icon()),
        ("🚀", Icon()),
        ("a" * 5_000, Icon()),
        ("data:image/png;base64,?", Icon()),
    ],
)
def test_an_icon_is_called_as_its_collection_calls_it(text: str, icon: Icon) -> None:
    assert icon_of(text) == icon


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://a", None),
        ("HTTPS://a:8443/x?y#z", None),
        ("http://[fd00::1]/", None),
        ("", LeaveReason.NO_URL),
        ("#", LeaveReason.NO_URL),
        ("http://", LeaveReason.URL_INCOMPLETE),
        ("http:///x", LeaveReason.URL_INCOMPLETE),
        ("http://[::1", LeaveReason.URL_INCOMPLETE),
        ("http://a:99999/", LeaveReason.URL_INCOMPLETE),
        ("jellyfin.home.arpa:8096", LeaveReason.URL_INCOMPLETE),
        ("/x", LeaveReason.URL_INCOMPLETE),
        ("JavaScript:alert(1)", LeaveReason.SCHEME),
        ("chrome://settings", LeaveReason.SCHEME),
        ("about:config", LeaveReason.SCHEME),
        ("data:text/html,x" + "x" * 9_000, LeaveReason.SCHEME),
        ("http://a/" + "x" * 2_000, LeaveReason.URL_TOO_LONG),
        ("https://{{ HOST }}/", LeaveReason.VARIABLE),
        ("https://${HOST}/", LeaveReason.VARIABLE),
    ],
)
def test_a_url_that_is_none_of_an_app_has_a_reason(url: str, reason: LeaveReason | None) -> None:
    refused = refusal_of(url)
    assert (refused[0] if refused else None) == reason


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("http://a", "HTTP://A:80/", True),
        ("https://a:443/x", "https://a/x", True),
        ("https://a./", "https://a", True),
        ("http://a", "https://a", False),
        ("http://a/x", "http://a/X", False),
        ("http://a/x", "http://a/x/", False),
        ("http://a:8080", "http://a", False),
        ("http://a/?x", "http://a/", False),
    ],
)
def test_two_urls_are_the_same_when_they_open_the_same_page(
    first: str, second: str, is_same: bool
) -> None:
    assert (same_url_key(first) == same_url_key(second)) is is_same
