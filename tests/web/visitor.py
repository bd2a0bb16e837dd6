"""Somebody at a browser: opens pages and sends their forms, token and all."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from flask import Flask, session
from werkzeug.test import TestResponse

from launcher.accounts import users
from launcher.web.cookies import session_cookie_name
from launcher.web.sessions import begin_session

if TYPE_CHECKING:
    from tests.conftest import Person

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Visitor:
    """One browser with its cookies. `page` is the text of what was opened last."""

    def __init__(self, app: Flask, *, language: str = "en") -> None:
        self.client = app.test_client()
        self.language = language
        self.page = ""

    def open(self, path: str, **headers: str) -> TestResponse:
        """Go to an address."""
        asked = {"Accept-Language": self.language} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return self._read(self.client.get(path, headers=asked))

    def send(self, path: str, **fields: str | list[str]) -> TestResponse:
        """Send a form, with the token of the page that is open, or of the sign-in page."""
        return self.send_with({}, path, **fields)

    def send_with(
        self, headers: dict[str, str], path: str, **fields: str | list[str]
    ) -> TestResponse:
        """Send a form as a script does, with `headers` of its own."""
        if not _TOKEN.search(self.page):
            self.open("/login", Accept="text/html")
        found = _TOKEN.search(self.page) or _TOKEN.search(self._any_form())
        assert found, "no page with a form is open"
        return self._read(
            self.client.post(
                path,
                data={"csrf_token": found[1]} | fields,
                headers={"Accept-Language": self.language} | headers,
            )
        )

    def confirm(self, password: str) -> TestResponse:
        """Answer the question for the password that is open, with all that it carries."""
        action = re.search(r'id="confirm" method="post" action="([^"]+)"', self.page)
        assert action, self.page
        hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', self.page)
        fields: dict[str, list[str]] = {}
        for name, value in hidden:
            fields.setdefault(name, []).append(html.unescape(value))
        del fields["csrf_token"]
        return self.send(html.unescape(action[1]), password_again=password, **fields)

    def sign_in(self, person: Person) -> TestResponse:
        """Sign in as `person`."""
        self.open("/login")
        answer = self.send("/login", username=person.username, password=person.password)
        self.page = ""
        return answer

    @property
    def session_cookie(self) -> tuple[str, str]:
        """The name and the value of the cookie of the session; the value is "" without one."""
        app = self.client.application
        with app.test_request_context():
            name = session_cookie_name()
        cookie = self.client.get_cookie(name)
        return name, cookie.value if cookie else ""

    def hold_session(self, person: Person) -> None:
        """Get a session as the sign-in form gives it; that form has its own tests."""
        with self.client.application.test_request_context():
            begin_session(users.find_user(person.username))
            given = dict(session)
        with self.client.session_transaction() as kept:
            kept.clear()
            kept.update(given)

    def take_session(self, of: Visitor) -> None:
        """Hold a copy of the session that another browser has."""
        self.client.set_cookie(*of.session_cookie)

    @property
    def is_signed_in(self) -> bool:
        """Whether this browser may see an account."""
        return self.client.get("/account").status_code == 200

    def _any_form(self) -> str:
        return self.client.get("/account").get_data(as_text=True)

    def _read(self, answer: TestResponse) -> TestResponse:
        is_readable = answer.mimetype == "text/html" and not answer.content_encoding
        self.page = answer.get_data(as_text=True) if is_readable else ""
        return answer
