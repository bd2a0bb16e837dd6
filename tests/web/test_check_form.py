"""The form of the check of an app: what is saved, what is refused, two editors, and rights."""

from __future__ import annotations

import html
import io
import re
from typing import Any

import pytest
from flask import Flask
from itsdangerous import URLSafeTimedSerializer

from launcher.extensions import db
from launcher.models import App, AuditEvent, HealthCheck
from tests.web.visitor import Visitor

CHECK = "/apps/1/check"
_KEY = "This is a private key. Enter the certificate of the authority."
SECRET = "Bearer 7f3a-secret"


def fields_of(page: str, form: str = "check-form") -> dict[str, str | list[str]]:
    """Return the fields that the form of a check would send as it stands."""
    text = page[page.index(f'id="{form}"') :]
    text = text[: text.index("</form>")]
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input [^>]*>", text):
        attributes = dict(re.findall(r'([a-z_-]+)="([^"]*)"', tag))
        kind = attributes.get("type")
        if (kind in {"radio", "checkbox"} and " checked" not in tag) or kind == "file":
            continue
        found.setdefault(attributes["name"], []).append(html.unescape(attributes.get("value", "")))
    for name, options in re.findall(
        r'<select [^>]*name="(\w+)"[^>]*>(.*?)</select>', text, re.DOTALL
    ):
        if chosen := re.search(r'value="([^"]*)" selected', options):
            found[name] = [chosen[1]]
    for name, content in re.findall(
        r'<textarea [^>]*name="(\w+)"[^>]*>\n(.*?)</textarea>', text, re.DOTALL
    ):
        found[name] = [html.unescape(content)]
    del found["csrf_token"]
    return {name: texts if len(texts) > 1 else texts[0] for name, texts in found.items()}


def header(fields: dict[str, str | list[str]], name: str, value: str) -> dict[str, list[str]]:
    """Return the fields of headers with one more in the last empty row."""
    names = fields["header_name"]
    assert isinstance(names, list)
    at = names.index("")
    return {
        "header_name": [*names[:at], name, *names[at + 1 :]],
        "header_secret": ["" for _ in names[:at]] + [value, *["" for _ in names[at + 1 :]]],
    }


def stored(app: Flask, app_id: int = 1) -> HealthCheck:
    with app.app_context():
        check = db.session.get(HealthCheck, app_id)
        assert check is not None
        db.session.expunge(check)
        return check


def logged(app: Flask) -> list[tuple[str, dict[str, object]]]:
    """Return actions and changes of checks, the newest last."""
    with app.app_context():
        query = db.select(AuditEvent).where(AuditEvent.target_kind == "check")
        events = db.session.scalars(query.order_by(AuditEvent.id)).all()
        return [(each.action, each.changes) for each in events]


@pytest.fixture
def apps(app: Flask, boards: None) -> Flask:
    with app.app_context():
        for each in db.session.scalars(db.select(App)):
            each.check = each.check or HealthCheck()
        db.session.commit()
    return app


def test_every_field_of_a_check_is_saved_and_in_the_audit_log(apps: Flask, ben: Visitor) -> None:
    ben.open(CHECK)
    fields = fields_of(ben.page) | {
        "target": "other", "url": "https://jellyfin.home.arpa:8443/health", "method": "GET",
        "accept": "200-299, 401", "keyword": "Jellyfin", "is_keyword_absent": "on",
        "verify": "always", "interval_s": "120", "timeout_s": "2,5", "tries": "1",
        "slow_ms": "750", "notify_after_min": "0",
    }  # fmt: skip
    del fields["follow_redirects"]
    answer = ben.send(CHECK, **fields)
    assert (answer.status_code, answer.location) == (303, CHECK)
    assert "Check of Jellyfin saved." in ben.open(CHECK).text
    check = stored(apps)
    assert (check.target, check.url, check.method) == (
        "other", "https://jellyfin.home.arpa:8443/health", "GET",
    )  # fmt: skip
    assert (check.accept, check.keyword, check.is_keyword_absent) == (
        "200-299,401", "Jellyfin", True,
    )  # fmt: skip
    assert (check.verify, check.follow_redirects, check.interval_s) == ("always", False, 120)
    assert (check.timeout_ms, check.retries, check.slow_ms) == (2500, 0, 750)
    assert (check.is_notifying, check.notify_after_min, check.is_enabled) == (True, 0, True)
    ((action, changes),) = logged(apps)
    assert action == "check.update"
    assert changes["interval_s"] == [None, "120"]
    assert changes["is_keyword_absent"] == [False, True]
    assert set(changes) >= {"target", "url", "method", "accept", "timeout_s", "tries"}


def test_the_form_and_the_page_say_how_many_tries_fit_into_the_interval(
    apps: Flask, ben: Visitor
) -> None:
    ben.open(CHECK)
    assert "into the interval" not in ben.page
    fields = fields_of(ben.page) | {"interval_s": "30", "timeout_s": "10", "tries": "10"}
    assert ben.send(CHECK, **fields).status_code == 303
    words = "Without an answer, only 2 tries fit into the interval."
    assert words in html.unescape(ben.open(CHECK).text).replace("\N{NO-BREAK SPACE}", " ")
    page = html.unescape(ben.open("/apps/1/health").text)
    assert words in page.replace("\N{NO-BREAK SPACE}", " ")


def test_a_check_is_switched_off_and_that_is_said_in_the_form_of_the_app(
    apps: Flask, ben: Visitor
) -> None:
    assert "Checked every 1 min" in ben.open("/apps/1/edit").text
    ben.open(CHECK)
    fields = fields_of(ben.page)
    del fields["is_enabled"]
    ben.send(CHECK, **fields)
    assert stored(apps).is_enabled is False
    assert "Not checked" in ben.open("/apps/1/edit").text


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("accept", "all", "Enter codes from 100 to 599, for example 200-399,401."),
        ("interval_s", "5", "Enter a number from 10 to 86,400."),
        ("timeout_s", "0", "Enter a number from 1 to 60."),
        ("timeout_s", "1e3", "Enter a number from 1 to 60."),
        ("timeout_s", "60", "Enter a limit shorter than the interval of 60 seconds."),
        ("interval_s", "10", "Enter a limit shorter than the interval of 10 seconds."),
        ("tries", "0", "Enter a number from 1 to 10."),
        ("slow_ms", "fast", "Enter a number from 1 to 60,000."),
        ("notify_after_min", "-1", "Enter a number from 0 to 10,080."),
        ("keyword", "x" * 501, "Shorten this to 500 characters."),
        ("kind", "gopher", "Choose one of the options."),
        ("kind", "sample", "Choose one of the options."),
        ("method", "DELETE", "Choose one of the options."),
        ("ca_new", "hello", "This is no certificate in PEM format. Enter it again."),
    ],
)
def test_a_wrong_entry_is_named_beside_its_field_and_nothing_is_saved(
    apps: Flask, ben: Visitor, field: str, typed: str, words: str
) -> None:
    ben.open(CHECK)
    answer = ben.send(CHECK, **fields_of(ben.page) | {"keyword": "Kept"} | {field: typed})
    assert answer.status_code == 422
    assert html.escape(words) in ben.page
    assert "Check not saved" in ben.page
    assert re.search(r'id="check-errors"[^>]* autofocus', ben.page)
    is_kept = field not in {"kind", "method", "ca_new"}  # what is no certificate may be a key
    assert (typed in html.unescape(ben.page)) is is_kept or field in {"kind", "method"}
    assert stored(apps).keyword == ""
    assert logged(apps) == []


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("-----BEGIN PRIVATE KEY-----\nMIIkey\n-----END PRIVATE KEY-----", _KEY),
        ("-----BEGIN EC PRIVATE KEY-----\nMIIkey", _KEY),
        ("MIIkey\n-----END RSA PRIVATE KEY-----", _KEY),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
            "-----begin encrypted private key-----\nMIIkey",
            _KEY,
        ),
        ("PuTTY-User-Key-File-3: ssh-ed25519\nMIIkey", _KEY),
        ("MIIkey", "This is no certificate in PEM format. Enter it again."),
    ],
)
@pytest.mark.parametrize("is_file", [False, True])
def test_a_private_key_is_refused_and_never_shown_again(
    apps: Flask, ben: Visitor, typed: str, words: str, is_file: bool
) -> None:
    fields: dict[str, Any] = {**fields_of(ben.open(CHECK).text)}
    if is_file:
        fields["ca_file"] = (io.BytesIO(typed.encode()), "key.pem")
    else:
        fields["ca_new"] = typed
    assert ben.send(CHECK, **fields).status_code == 422
    assert words in " ".join(ben.page.split())
    assert "MIIkey" not in ben.page
    ben.send(f"{CHECK}/test", **fields_of(ben.page) | {"ca_new": typed})
    assert "MIIkey" not in ben.page
    assert stored(apps).ca_pem == ""


@pytest.mark.parametrize(
    ("kind", "url", "words"),
    [
        ("http", "", "Enter an address."),
        ("http", "nas.home.arpa", "Enter a full URL that starts with http:// or https://."),
        ("http", "http://nas:99999/", "Enter a port from 1 to 65535, or leave it out."),
        ("http", "https://ada:x@nas/", "Remove the user name and password from the address."),
        ("tcp", "nas.home.arpa", "Enter a host and a port, for example nas.home.arpa:22."),
        ("tcp", "nas.home.arpa:70000", "Enter a host and a port, for example nas.home.arpa:22."),
    ],
)
def test_another_address_fits_the_kind_of_the_check(
    apps: Flask, ben: Visitor, kind: str, url: str, words: str
) -> None:
    ben.open(CHECK)
    other = {"kind": kind, "target": "other", "url": url}
    assert ben.send(CHECK, **fields_of(ben.page) | other).status_code == 422
    assert words in ben.page
    assert ben.send(CHECK, **fields_of(ben.page) | {"url": "https://nas.home.arpa:22"}).location


def test_ping_says_why_it_cannot_be_chosen(
    apps: Flask, ben: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.web.check_form.pages.can_ping", lambda: False)
    monkeypatch.setattr("launcher.catalogue.check_entries.can_ping", lambda: False)
    page = ben.open(CHECK).text
    assert "Ping is not available: this server may not send ping packets." in page
    assert re.search(r'name="kind" value="ping" disabled', page)
    assert ben.send(CHECK, **fields_of(page) | {"kind": "ping"}).status_code == 422


def test_the_value_of_a_header_is_never_shown_again(apps: Flask, ben: Visitor) -> None:
    fields = fields_of(ben.open(CHECK).text)
    refused = ben.send(CHECK, **fields | header(fields, "X-Key", SECRET) | {"tries": "0"})
    assert refused.status_code == 422
    assert SECRET not in ben.page
    assert "Enter the header values again" in ben.page
    assert 'value="X-Key"' in ben.page
    ben.send(CHECK, **fields | header(fields, "X-Key", SECRET))
    check = stored(apps)
    assert (check.headers, check.headers_for) == (
        {"X-Key": SECRET}, "https://jellyfin.home.arpa:443",
    )  # fmt: skip
    page = ben.open(CHECK).text
    assert "X-Key" in page
    assert SECRET not in page
    assert logged(apps) == [("check.update", {"headers": ["", "X-Key"]})]


def test_a_header_is_kept_replaced_and_removed(apps: Flask, ben: Visitor) -> None:
    fields = fields_of(ben.open(CHECK).text)
    ben.send(CHECK, **fields | header(fields, "X-Key", SECRET))
    ben.send(CHECK, **fields_of(ben.open(CHECK).text) | {"interval_s": "90"})
    assert stored(apps).headers == {"X-Key": SECRET}
    fields = fields_of(ben.open(CHECK).text)
    ben.send(CHECK, **fields | {"header_secret": ["new", "", ""]})
    assert stored(apps).headers == {"X-Key": "new"}
    fields = fields_of(ben.open(CHECK).text)
    ben.send(CHECK, **fields | {"header_remove": "X-Key"})
    assert stored(apps).headers == {}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("X Key", "1", "Enter a header name of letters, digits and hyphens."),
        (
            "Connection", "close",
            "Remove Connection. It would change where or how the request is sent.",
        ),
        (
            "Host", "vault.home.arpa",
            "Remove Host. It would change where or how the request is sent.",
        ),
        ("X-Key", "a\nb", "The value of X-Key has characters that a header cannot have."),
        ("X-Key", "", "Enter a value for X-Key."),
        ("X-Key", "a" * 4097, "Shorten the value of X-Key to 4,096 characters."),
    ],
)  # fmt: skip
def test_a_header_that_cannot_be_sent_is_refused(
    apps: Flask, ben: Visitor, name: str, value: str, words: str
) -> None:
    fields = fields_of(ben.open(CHECK).text)
    assert ben.send(CHECK, **fields | header(fields, name, value)).status_code == 422
    assert words in ben.page


def test_a_header_value_is_asked_for_again_when_the_address_changes(
    apps: Flask, ben: Visitor
) -> None:
    fields = fields_of(ben.open(CHECK).text)
    ben.send(CHECK, **fields | header(fields, "X-Key", SECRET))
    fields = fields_of(ben.open(CHECK).text)
    other = {"target": "other", "url": "https://evil.example/"}
    assert ben.send(CHECK, **fields | other).status_code == 422
    assert "Enter the value of X-Key again, or remove it." in ben.page
    assert stored(apps).target == "own"
    assert ben.send(CHECK, **fields | other | {"header_secret": ["new", "", ""]}).location
    assert stored(apps).headers_for == "https://evil.example:443"
    assert stored(apps).headers == {"X-Key": "new"}


def test_a_text_to_look_for_is_saved_only_with_the_header_values_entered_again(
    apps: Flask, ben: Visitor
) -> None:
    fields = fields_of(ben.open(CHECK).text)
    ben.send(CHECK, **fields | header(fields, "X-Key", SECRET))
    fields = fields_of(ben.open(CHECK).text)
    guesses: list[dict[str, str | list[str]]] = [
        {"keyword": "Bearer 7"},
        {"keyword": "Bearer 7", "kind": "tcp", "target": "other", "url": "nas.home.arpa:22"},
        {
            "keyword": "Bearer 7", "kind": "tcp", "target": "other", "url": "nas.home.arpa:22",
            "header_secret": ["new", "", ""],
        },
    ]  # fmt: skip
    for guess in guesses:
        assert ben.send(CHECK, **fields | guess).status_code == 422
        assert "Enter the value of X-Key again, or remove it." in ben.page
        assert stored(apps).keyword == ""
    again: dict[str, str | list[str]] = {"keyword": "Photos", "header_secret": ["new", "", ""]}
    assert ben.send(CHECK, **fields | again).status_code == 303
    assert (stored(apps).keyword, stored(apps).headers) == ("Photos", {"X-Key": "new"})
    assert ben.send(CHECK, **fields_of(ben.open(CHECK).text) | {"keyword": ""}).status_code == 303
    assert stored(apps).headers == {"X-Key": "new"}


def test_a_header_value_does_not_follow_the_url_of_the_app(apps: Flask, ben: Visitor) -> None:
    fields = fields_of(ben.open(CHECK).text)
    ben.send(CHECK, **fields | header(fields, "X-Key", SECRET))
    with apps.app_context():
        db.session.get_one(App, 1).url = "https://evil.example/"
        db.session.commit()
    page = ben.open(CHECK).text
    assert "X-Key: the value is sent to https://jellyfin.home.arpa:443 only" in page


def test_two_editors_of_different_fields_are_both_saved(
    apps: Flask, ada: Visitor, ben: Visitor
) -> None:
    of_ada, of_ben = fields_of(ada.open(CHECK).text), fields_of(ben.open(CHECK).text)
    ada.send(CHECK, **of_ada | {"interval_s": "300"})
    assert ben.send(CHECK, **of_ben | {"keyword": "Jellyfin"}).status_code == 303
    assert (stored(apps).interval_s, stored(apps).keyword) == (300, "Jellyfin")


def test_two_editors_of_one_field_see_both_values_and_decide(
    apps: Flask, ada: Visitor, ben: Visitor
) -> None:
    of_ada, of_ben = fields_of(ada.open(CHECK).text), fields_of(ben.open(CHECK).text)
    ada.send(CHECK, **of_ada | {"interval_s": "300"})
    assert ben.send(CHECK, **of_ben | {"interval_s": "30"}).status_code == 409
    assert "ada saved this check at" in ben.page
    assert "Saved: 300. Your entry: 30." in ben.page
    assert stored(apps).interval_s == 300
    assert ben.send(CHECK, **fields_of(ben.page)).status_code == 303
    assert stored(apps).interval_s == 30


def test_two_editors_of_headers_are_asked(apps: Flask, ada: Visitor, ben: Visitor) -> None:
    of_ada, of_ben = fields_of(ada.open(CHECK).text), fields_of(ben.open(CHECK).text)
    ada.send(CHECK, **of_ada | header(of_ada, "X-Key", SECRET))
    assert ben.send(CHECK, **of_ben | header(of_ben, "X-Mine", "1")).status_code == 409
    assert "Saved: X-Key. Your entry: X-Mine." in ben.page
    assert SECRET not in ben.page


def test_a_duplicate_of_an_app_has_its_check(apps: Flask, ben: Visitor) -> None:
    ben.send(CHECK, **fields_of(ben.open(CHECK).text) | {"keyword": "Jellyfin"})
    ben.send("/apps/1/duplicate", board="home")
    with apps.app_context():
        copy = db.session.scalars(db.select(App).order_by(App.id.desc())).first()
        assert copy is not None
        assert copy.check is not None
        assert copy.check.keyword == "Jellyfin"


def test_what_was_typed_is_kept_without_secrets_when_the_session_ends(
    apps: Flask, ben: Visitor
) -> None:
    fields = fields_of(ben.open(CHECK).text)
    ben.client.delete_cookie(ben.session_cookie[0])
    key = "-----BEGIN PRIVATE KEY-----\nMIIkey"
    answer = ben.send(
        CHECK, **fields | header(fields, "X-Key", SECRET) | {"keyword": "Kept", "ca_new": key}
    )
    sealed = re.findall(r'value="([\w.-]{80,})"', answer.text)
    kept = str([URLSafeTimedSerializer("any").loads_unsafe(each) for each in sealed])
    assert "Kept" in kept
    for text in (answer.text, kept):
        assert SECRET not in text
        assert "MIIkey" not in text


def test_viewers_and_guests_have_no_form(apps: Flask, chloe: Visitor, guest: Visitor) -> None:
    assert chloe.open(CHECK).status_code == 403
    assert guest.open(CHECK).status_code in {302, 303}
    assert chloe.open("/admin/health/settings").status_code == 403


def test_a_header_value_that_was_not_kept_is_asked_for_again(apps: Flask, ben: Visitor) -> None:
    fields = fields_of(ben.open(CHECK).text)
    ben.send(CHECK, **fields | header(fields, "X-Key", SECRET) | {"tries": "many"})
    assert SECRET not in ben.page
    assert "Your other entries are still here." in ben.page

    fields = fields_of(ben.page) | {"tries": "2"}
    assert ben.send(CHECK, **fields).status_code == 422

    assert "Header values are not kept. Enter the value for X-Key again." in ben.page
