"""Somebody with a cookie jar, who asks a real server for pages and sends forms."""

from __future__ import annotations

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field


class _Still(urllib.request.HTTPRedirectHandler):
    """Answers with the redirect itself."""

    def redirect_request(self, *_arguments: object) -> None:
        return None


@dataclass
class Visitor:
    """Somebody with a cookie jar."""

    address: str
    jar: http.cookiejar.CookieJar = field(default_factory=http.cookiejar.CookieJar)

    def __post_init__(self) -> None:
        self._opener = urllib.request.build_opener(
            _Still, urllib.request.HTTPCookieProcessor(self.jar), urllib.request.ProxyHandler({})
        )

    def get(self, path: str) -> tuple[int, str]:
        return self._send(urllib.request.Request(self.address + path))

    def post(self, path: str, **values: str) -> tuple[int, str]:
        data = urllib.parse.urlencode(values).encode()
        return self._send(urllib.request.Request(self.address + path, data=data))

    def token(self) -> str:
        """Open the sign-in form and return the token in it."""
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get("/login")[1])
        assert found
        return found[1]

    def sign_in(self, username: str, password: str, *, token: str = "") -> int:
        return self.post(
            "/login", username=username, password=password, csrf_token=token or self.token()
        )[0]

    def _send(self, request: urllib.request.Request) -> tuple[int, str]:
        try:
            with self._opener.open(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
