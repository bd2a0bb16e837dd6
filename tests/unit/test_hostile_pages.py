"""Pages, manifests, headers and addresses made to break what reads them, as a property.

The answers are made up here: each run asks for hundreds of pages.
"""

from __future__ import annotations

import json
import logging
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from launcher.fetching import proposal
from launcher.fetching.addresses import AddressRules
from launcher.fetching.connection import Answer
from launcher.fetching.problems import Problem
from launcher.fetching.proposal import propose
from launcher.fetching.target import Target

URL = "http://app.example/"
RULES = AddressRules(allow_private=True)

_odd = st.sampled_from(
    [
        "http://[::1", "http://[", "//[v1.x]/", "http://a:b/", "http://a:99999999/", "http://a:-1/",
        "http://\u2100.example", "http://" + "a." * 200, "http://xn--\udc80/", "data:", "data:,",
        "data:image/png,\ud800", "data:image/png;base64,=", "data:image/png;base64,\u00e9",
        "\ud800",
        "&#xd800;", "&#0;", "\0", "javascript:1", "file:///etc/passwd", "?", "#", "..", "%", "%ff",
        "http://a/\udcff", "http:", "https://", "///", "\\\\a\\b", "http://1.2.3.4.5", "http://%31/",
        "http://a b/", "http://[fe80::1%25eth0]/", "http://\u202ea", "x" * 5000, "http://@:/",
    ]
)  # fmt: skip
_address = _odd | st.text(max_size=40) | st.builds("http://{}".format, st.text(max_size=20))
_encoding = st.sampled_from(
    [
        "utf-8", "utf-7", "utf-16", "utf_32", "punycode", "idna", "unicode_escape", "undefined",
        "raw_unicode_escape", "hex", "rot13", "zlib", "iso-2022-jp", "iso-8859-99", "cp1252", "gbk",
        "x-user-defined", "mbcs", "shift_jis", "cp0",
    ]
)  # fmt: skip


@st.composite
def _markup(draw: st.DrawFn) -> bytes:
    pieces = [
        lambda text: f'<base href="{text}">',
        lambda text: f'<link rel="icon" href="{text}" sizes="{text}" type="{text}">',
        lambda text: f'<link rel="manifest" href="{text}">',
        lambda text: f'<meta name="application-name" content="{text}">',
        lambda text: f"<title>{text}</title>",
        lambda text: text,
    ]
    parts = [f"<meta charset={draw(_encoding)}>"]
    number = draw(st.integers(0, 5))
    parts += [draw(st.sampled_from(pieces))(draw(_address)) for _ in range(number)]
    raw = draw(st.binary(max_size=20))
    return "".join(parts).encode("utf-8", "surrogatepass") + raw


_entry = st.fixed_dictionaries(
    {},
    optional={
        "src": _address | st.none() | st.integers(),
        "type": st.text(max_size=12) | st.booleans(),
        "sizes": st.text(max_size=12) | st.lists(st.integers(), max_size=1),
        "purpose": st.sampled_from(["any", "maskable", "", "any maskable"]) | st.floats(),
    },
)
_manifest = st.binary(max_size=20) | st.builds(
    lambda *values: json.dumps(
        dict(zip(("name", "short_name", "icons"), values, strict=True))
    ).encode(),
    _address | st.none(),
    _address | st.integers(),
    st.lists(_entry | st.none(), max_size=3) | st.integers(),
)
_header = st.text(st.characters(max_codepoint=255), max_size=30)


@settings(max_examples=60)
@given(
    _markup(),
    _manifest,
    st.fixed_dictionaries(
        {"content-type": st.builds("text/html; charset={}".format, _encoding) | _header},
        optional={"location": _address, "content-encoding": _header},
    ),
    st.sampled_from([200, 200, 200, 302, 404, 999]),
)
@example(b'<base href="http://[::1"><title>App</title>', b"", {"content-type": "text/html"}, 200)
@example(
    b"<link rel=manifest href=m><title>",
    b'{"icons": [{"src": "data:image/png,\\ud800"}]}',
    {"content-type": "text/html"},
    200,
)
@example(b"<title>\\ud800</title>", b"", {"content-type": "text/html; charset=unicode_escape"}, 200)
def test_whatever_a_server_answers_a_proposal_is_made(
    page: bytes, manifest: bytes, headers: dict[str, str], status: int
) -> None:
    answers = iter([Answer(status, headers, page, is_whole=True)])

    def answer(_target: Target, **_limits: object) -> Answer:
        return next(answers, Answer(200, {}, manifest, is_whole=True))

    with (
        patch("launcher.fetching.requests.request", answer),
        patch.object(proposal, "_log", logging.getLogger("tests.proposal")) as log,
        patch.object(log, "exception", side_effect=AssertionError("caught at the last moment")),
    ):
        propose(URL, rules=RULES)


@settings(max_examples=60)
@given(_address)
def test_whatever_is_pasted_a_proposal_is_made(url: str) -> None:
    with patch(
        "launcher.fetching.requests.request",
        lambda _target, **_limits: Answer(404, {}, b"", is_whole=True),
    ):
        propose(url, rules=RULES)


def test_a_page_whose_base_is_no_url_is_read_as_if_it_had_none() -> None:
    asked = []

    def answer(target: Target, **_limits: object) -> Answer:
        asked.append(target.path)
        page = b'<base href="http://[::1"><link rel=icon href="i.png"><title>Photos</title>'
        return Answer(200, {"content-type": "text/html"}, page, is_whole=True)

    with patch("launcher.fetching.requests.request", answer):
        assert propose(URL, rules=RULES).name == "Photos"
    assert asked == ["/", "/i.png", "/favicon.ico"]


def test_a_bug_in_reading_a_page_is_logged_and_costs_only_the_proposal(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(_target: Target, **_limits: object) -> Answer:
        raise ZeroDivisionError

    monkeypatch.setattr("launcher.fetching.requests.request", answer)

    assert propose(URL, rules=RULES).problem is Problem.NOT_A_PAGE
    assert "name and icon of app.example: unexpected" in caplog.text
