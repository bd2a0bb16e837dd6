"""*Test now* beside the form of a check: what is typed is tried on a real server, nothing saved."""

from __future__ import annotations

import html
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from launcher.checks import trial
from launcher.checks.outcome import Outcome, Phases
from launcher.checks.spec import CheckSpec
from launcher.checks.turns import Turn
from launcher.current import current_gate
from launcher.extensions import db
from launcher.models import App, AuditEvent, HealthCheck, User
from launcher.models.health import CheckKind, Health
from launcher.models.types import utc_now
from launcher.web.check_form.tested import shown_test
from tests.support.checked import Authority, behave, refusing_port, until
from tests.support.odd_servers import Server, serving
from tests.web.test_check_form import CHECK, SECRET, fields_of, header
from tests.web.visitor import Visitor

TEST = f"{CHECK}/test"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(behave) as server:
        yield server


@pytest.fixture
def form(app: Flask, boards: None, ben: Visitor, server: Server) -> dict[str, str | list[str]]:
    """The fields of the form of an app of that server."""
    server.heads.clear()
    with app.app_context():
        found = db.session.get_one(App, 1)
        found.url, found.check = f"{server.url}/page", HealthCheck()
        db.session.commit()
    return fields_of(ben.open(CHECK).text)


def text_of(page: str) -> str:
    """Return what a person reads of the results."""
    start = page.index('name="test_before"')
    part = page[start : page.index("</aside>", start)] if "</aside>" in page else page[start:]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", part)).split())


def test_what_is_typed_is_tested_and_nothing_is_saved(
    app: Flask, ben: Visitor, form: dict[str, str | list[str]]
) -> None:
    answer = ben.send(TEST, **form | {"keyword": "Paperless", "method": "GET", "tries": "7"})
    assert answer.status_code == 200
    shown = text_of(ben.page)
    assert re.search(r"Up 200 OK in \d+ ms Tested today, \d\d:\d\d:\d\d, not saved", shown)
    for words in ("Name", "Connect", "First byte", "127.0.0.1", "“Paperless” found", "Method GET"):
        assert words in shown
    again = fields_of(ben.page)
    assert (again["keyword"], again["tries"]) == ("Paperless", "7")
    with app.app_context():
        check = db.session.get_one(HealthCheck, 1)
        assert (check.keyword, check.retries) == ("", 2)


def test_a_script_gets_the_result_alone(ben: Visitor, form: dict[str, str | list[str]]) -> None:
    answer = ben.send_with({"HX-Request": "true"}, TEST, **form)
    assert "<html" not in answer.text
    assert "200 OK" in text_of(answer.text)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (
            "/502",
            "502 Bad Gateway: the proxy answers, the app behind it does not . Start",
        ),
        ("/on/0", "More than 10 redirects . Enter the final URL."),
        (
            "/circle",
            "The redirects lead in a circle . Check the redirects of the app and of its proxy.",
        ),
        (
            "/to-metadata",
            "Redirect to an address that is not allowed . Launcher does not request this address."
            " Enter another URL, or switch off “Follow redirects”.",
        ),
        ("/banner", "The answer is not HTTP . Check the port, or choose a TCP check."),
    ],
)
def test_the_reason_is_said_with_its_way_out(
    ben: Visitor, form: dict[str, str | list[str]], server: Server, path: str, words: str
) -> None:
    other = {"target": "other", "url": server.url + path, "timeout_s": "20"}
    ben.send(TEST, **form | other)
    assert f"Down {words}" in text_of(ben.page)


def test_a_port_at_which_nothing_listens_is_refused(
    ben: Visitor, form: dict[str, str | list[str]]
) -> None:
    with refusing_port() as port:
        other = {"kind": "tcp", "target": "other", "url": f"127.0.0.1:{port}"}
        ben.send(TEST, **form | other)
    shown = text_of(ben.page)
    assert f"Connection refused: nothing listens on port {port}" in shown
    assert "Connect failed" in shown
    assert "not tried" not in shown  # neither TLS nor a first byte belongs to a TCP check


def test_a_ping_has_a_reply_and_no_first_byte(app: Flask) -> None:
    outcome = Outcome(Health.UP, ms=3, phases=Phases(name_ms=1, first_byte_ms=2))
    with app.test_request_context():
        shown = shown_test(CheckSpec(1, CheckKind.PING, "nas"), outcome, at=utc_now())
    assert [each.name for each in shown.phases] == ["Name", "Reply"]


def test_a_refused_redirect_has_no_failed_phase(
    ben: Visitor, form: dict[str, str | list[str]], server: Server
) -> None:
    ben.send(TEST, **form | {"target": "other", "url": f"{server.url}/to-metadata"})
    shown = text_of(ben.page)
    assert "First byte" in shown
    assert not re.search("failed|not tried|TLS", shown)


def test_head_that_is_refused_is_said(
    ben: Visitor, form: dict[str, str | list[str]], server: Server
) -> None:
    ben.send(TEST, **form | {"target": "other", "url": f"{server.url}/head-405"})
    assert "GET, since HEAD was refused (405)" in text_of(ben.page)


def test_the_last_failed_test_stays_below_until_the_form_is_saved(
    ben: Visitor, form: dict[str, str | list[str]], server: Server
) -> None:
    ben.send(TEST, **form | {"target": "other", "url": f"{server.url}/500"})
    ben.send(TEST, **fields_of(ben.page) | {"url": f"{server.url}/page"})
    shown = text_of(ben.page)
    assert shown.index("200 OK") < shown.index("Test before") < shown.index("500 Internal")
    ben.send(TEST, **fields_of(ben.page))
    assert "Test before" in ben.page
    assert ben.send(CHECK, **fields_of(ben.page)).status_code == 303
    assert "Test before" not in ben.open(CHECK).text


def test_another_text_is_no_test_before(ben: Visitor, form: dict[str, str | list[str]]) -> None:
    ben.send(TEST, **form | {"test_before": "WyJub3RoaW5nIl0.x"})
    assert "Test before" not in ben.page


def test_a_wrong_entry_is_named_and_nothing_is_requested(
    ben: Visitor, form: dict[str, str | list[str]], server: Server
) -> None:
    answer = ben.send_with({"HX-Request": "true"}, TEST, **form | {"accept": "all"})
    assert answer.status_code == 422
    shown = text_of(answer.text)
    assert "Not tested Accepted codes : Enter codes from 100 to 599" in shown
    assert server.heads == []


def test_a_limit_that_does_not_fit_into_the_interval_is_not_tested(
    ben: Visitor, form: dict[str, str | list[str]], server: Server
) -> None:
    answer = ben.send(TEST, **form | {"timeout_s": "60"})
    assert answer.status_code == 422
    assert "Enter a limit shorter than the interval of 60 seconds." in text_of(ben.page)
    assert server.heads == []


def test_headers_are_tested_before_they_are_saved_and_not_shown(
    ben: Visitor, form: dict[str, str | list[str]], server: Server
) -> None:
    ben.send(TEST, **form | header(form, "X-Key", SECRET))
    assert f"X-Key: {SECRET}".encode() in server.heads[-1]
    assert SECRET not in ben.page


def test_a_stored_header_is_sent_to_its_own_origin_alone(
    ben: Visitor, form: dict[str, str | list[str]], server: Server
) -> None:
    ben.send(CHECK, **form | header(form, "X-Key", SECRET))
    saved = fields_of(ben.open(CHECK).text)
    ben.send(TEST, **saved)
    assert SECRET.encode() in server.heads[-1]
    with serving(behave) as mine:
        ben.send(TEST, **saved | {"target": "other", "url": f"{mine.url}/page"})
        assert len(mine.heads) == 1
        assert SECRET.encode() not in b"".join(mine.heads)
    shown = text_of(ben.page)
    assert "Headers not sent X-Key. Launcher sends the stored value to http://127.0.0.1:" in shown


def test_a_stored_header_is_not_sent_while_another_text_is_looked_for(
    ben: Visitor, form: dict[str, str | list[str]], server: Server
) -> None:
    ben.send(CHECK, **form | header(form, "X-Key", SECRET))
    saved = fields_of(ben.open(CHECK).text)
    guess = {"target": "other", "url": f"{server.url}/echo", "keyword": SECRET[:8]}
    ben.send(TEST, **saved | guess)
    assert SECRET.encode() not in server.heads[-1]
    shown = text_of(ben.page)
    assert "only, and only with the saved text. Enter the value again to send it." in shown
    ben.send(TEST, **saved | guess | {"header_secret": ["typed", "", ""]})
    assert b"X-Key: typed" in server.heads[-1]
    assert "Headers not sent" not in text_of(ben.page)


def test_each_test_is_in_the_audit_log_with_host_port_and_result(
    app: Flask, ada: Visitor, ben: Visitor, form: dict[str, str | list[str]]
) -> None:
    with refusing_port() as port:
        ben.send(
            TEST,
            **form
            | header(form, "X-Key", SECRET)
            | {"target": "other", "url": f"http://localhost:{port}/{SECRET[7:]}?{SECRET[7:]}"},
        )
    with app.app_context():
        event = db.session.scalars(db.select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert event is not None
        assert (event.action, event.actor_name) == ("check.test", "ben")
        assert event.changes["tested"] == [None, f"localhost:{port}"]
        assert event.changes["result"] == [None, "down"]
        assert SECRET[7:] not in str(event.changes)
    page = " ".join(re.sub(r"<[^>]+>", " ", ada.open("/admin/audit").text).split())
    assert "Tested a check of Jellyfin" in page
    assert f"Tested address: none → localhost:{port}" in page
    assert "Result: none → Down" in page


def test_neither_the_database_nor_the_gate_is_held_while_a_test_waits(
    app: Flask, ben: Visitor, form: dict[str, str | list[str]], server: Server
) -> None:
    answers = []
    fields = form | {"target": "other", "url": f"{server.url}/silent", "timeout_s": "3"}
    thread = threading.Thread(target=lambda: answers.append(ben.send(TEST, **fields)))
    thread.start()
    until(lambda: bool(server.heads))
    with app.app_context(), current_gate().closed():  # as a restore does
        assert thread.is_alive()
    thread.join()
    assert answers[0].status_code == 200
    assert "No answer within 3 s" in text_of(ben.page)


def test_too_many_tests_at_once_are_refused_with_what_to_do(
    ben: Visitor, form: dict[str, str | list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "_places", threading.BoundedSemaphore(1))
    trial._places.acquire()
    answer = ben.send(TEST, **form)
    assert answer.status_code == 429
    assert "Other tests are running. Your entries are still here." in ben.page
    trial._places.release()
    assert ben.send(TEST, **fields_of(ben.page)).status_code == 200


def test_a_test_that_another_replaced_says_so_and_keeps_what_was_typed(
    app: Flask,
    ben: Visitor,
    form: dict[str, str | list[str]],
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trial, "LOOK_EVERY_S", 0.01)
    answers = []
    fields = form | {"target": "other", "url": f"{server.url}/silent", "timeout_s": "30"}
    thread = threading.Thread(target=lambda: answers.append(ben.send(TEST, **fields)))
    thread.start()
    until(lambda: bool(server.heads))
    with app.app_context():
        user_id = db.session.scalars(db.select(User.id).where(User.username == "ben")).one()
    Turn.take(app.extensions["launcher.config"].lock_dir, user_id)
    thread.join(timeout=60)
    assert answers[0].status_code == 409
    assert "You started another test, which replaced this one." in ben.page
    assert fields_of(ben.page)["url"] == f"{server.url}/silent"
    with app.app_context():
        logged = db.session.scalars(db.select(AuditEvent).filter_by(action="check.test")).one()
        assert logged.changes["tested"] == [None, server.url.removeprefix("http://")]
        assert logged.changes["result"] == [None, "replaced"]


@pytest.mark.parametrize("is_absent", [False, True])
def test_a_text_is_looked_for_on_pages_alone(
    ben: Visitor, form: dict[str, str | list[str]], server: Server, *, is_absent: bool
) -> None:
    host = server.url.removeprefix("http://")
    fields = form | {"kind": "tcp", "target": "other", "url": host, "keyword": "hello"}
    ben.send(TEST, **fields | ({"is_keyword_absent": "on"} if is_absent else {}))
    assert "hello" not in text_of(ben.page)


def test_an_app_that_is_deleted_during_its_test_is_not_found(
    app: Flask, ben: Visitor, form: dict[str, str | list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def test_and_delete(*arguments: object) -> object:
        with app.app_context():
            db.session.delete(db.session.get_one(App, 1))
            db.session.commit()
        return trial.test_now(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("launcher.web.check_form.pages.test_now", test_and_delete)
    assert ben.send(TEST, **form).status_code == 404


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not there")
def test_a_private_authority_is_trusted_once_its_certificate_is_given(
    app: Flask, ben: Visitor, form: dict[str, str | list[str]], tmp_path: Path
) -> None:
    ca = Authority(tmp_path)
    context = ca.issue("localhost", alternative="DNS:localhost,IP:127.0.0.1")
    with serving(behave, tls=context) as secure:
        url = f"https://127.0.0.1:{secure.port}/page"
        fields = form | {"target": "other", "url": url}
        ben.send(TEST, **fields)
        assert "Not verified, issued by Home CA, 29 days left" in text_of(ben.page)
        ben.send(TEST, **fields | {"verify": "always"})
        shown = text_of(ben.page)
        assert "The certificate is not trusted" in shown
        assert "issued by Home CA, which this server does not know" in shown
        assert "TLS failed" in shown
        ben.send(TEST, **fields | {"verify": "always", "ca_new": ca.pem})
        assert "Trusted, issued by Home CA, 29 days left" in text_of(ben.page)
        assert "Issued for localhost and 127.0.0.1" in text_of(ben.page)
        ben.send(CHECK, **fields_of(ben.page))
    page = ben.open(CHECK).text
    assert "Home CA" in page
    assert "valid until" in page
    assert "BEGIN CERTIFICATE" not in page
    with app.app_context():
        assert db.session.get_one(HealthCheck, 1).ca_pem.startswith("-----BEGIN CERTIFICATE")
    ben.send(CHECK, **fields_of(page) | {"ca_remove": "on"})
    with app.app_context():
        assert db.session.get_one(HealthCheck, 1).ca_pem == ""
