"""A program that keeps the last answer, whatever it was."""

from __future__ import annotations

from typing import Any

from werkzeug.test import TestResponse

from tests.support.api import Program


class Caller(Program):
    """A program whose calls may be refused. Each answer is compared with the description."""

    answer: TestResponse

    def get(self, path: str, **headers: Any) -> Any:
        """Return what the call answers, as JSON; see `answer` for the rest."""
        return self._send("GET", path, headers)

    def post(self, path: str, body: object, **headers: Any) -> Any:
        """Send a body as JSON; return what is answered."""
        return self._send("POST", path, headers, json=body)

    @property
    def problem(self) -> tuple[int, str]:
        """The status and the code of the last answer."""
        return self.answer.status_code, self.answer.json["code"]

    def _send(self, method: str, path: str, headers: dict[str, str], **more: Any) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer = self(method, path, headers=named, **more)
        return self.answer.json if self.answer.data else None
