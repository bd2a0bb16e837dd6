"""A program that calls the API, and compares each answer with the description of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import jsonschema_rs
from flask import Flask
from werkzeug.test import TestResponse

from launcher.accounts import tokens, users
from launcher.audit import COMMAND_LINE
from launcher.models import TokenScope

ROOT = "/api/v1"
_DECLARED = (
    "Allow", "Content-Range", "ETag", "Link", "Location", "Retry-After", "WWW-Authenticate",
)  # fmt: skip
"""Headers that the description names wherever they are sent."""

_LIKE_A_MOMENT = r'"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][^"]*)"'
_MOMENT = re.compile(r"[0-9-]{10}T[0-9:]{8}\.[0-9]{3}Z")


def new_token(
    app: Flask, *, username: str = "ada", scopes: Collection[TokenScope] = tuple(TokenScope)
) -> str:
    """Return the text of a new token of this user."""
    with app.app_context():
        owner = users.find_user(username)
        made = tokens.create_token(owner, "script", scopes, expires_at=None, actor=COMMAND_LINE)
        return made[1]


class Program:
    """Calls the API with a token. Every answer is as the description says, or the test fails."""

    def __init__(self, app: Flask, secret: str = "") -> None:
        self._client = app.test_client(use_cookies=False)
        self.secret = secret
        self._description: Mapping[str, Any] = {}

    def __call__(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> TestResponse:
        """Call `path`, below the root of the API."""
        own = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        answer = self._client.open(
            ROOT + path, method=method, headers=own | dict(headers or {}), **more
        )
        compare(self.description, method, path.partition("?")[0], answer)
        return answer

    def get(self, path: str, **more: Any) -> Any:
        """Return what a call answers that succeeds."""
        answer = self("GET", path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json

    @property
    def description(self) -> Mapping[str, Any]:
        """What `openapi.json` says."""
        if not self._description:
            self._description = self._client.get(f"{ROOT}/openapi.json").json
        return self._description


def compare(description: Mapping[str, Any], method: str, path: str, answer: TestResponse) -> None:
    """Fail where an answer is not among those that the description names for its call."""
    operation = _operation(description, method, path)
    if operation is None or method in {"HEAD", "OPTIONS"}:
        if answer.status_code >= 400 and method != "HEAD":
            _check_body(description, {"$ref": "#/components/schemas/Problem"}, answer)
        return
    where = f"{method} {path} {answer.status_code}"
    responses = operation["responses"]
    assert str(answer.status_code) in responses, f"{where} is not described: {answer.text}"
    described = responses[str(answer.status_code)]
    content = described.get("content", {})
    if content:
        assert answer.mimetype in content, f"{where}: {answer.mimetype} is not described"
        if answer.mimetype.endswith("json"):
            _check_body(description, content[answer.mimetype]["schema"], answer)
    else:
        assert not answer.data, where
    for name in _DECLARED:
        if name in answer.headers:
            assert name in described.get("headers", ()), f"{where}: {name} is not described"


def _operation(description: Mapping[str, Any], method: str, path: str) -> Any:
    for template, operations in description["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return operations.get(method.lower())
    return None


def _check_body(
    description: Mapping[str, Any], schema: Mapping[str, Any], answer: TestResponse
) -> None:
    whole = {"components": description["components"], **schema}
    try:
        jsonschema_rs.validator_for(whole, validate_formats=True).validate(answer.json)
    except jsonschema_rs.ValidationError as error:
        raise AssertionError(f"{answer.text} is not as described: {error}") from None
    odd = [each for each in re.findall(_LIKE_A_MOMENT, answer.text) if not _MOMENT.fullmatch(each)]
    assert not odd, f"{answer.text} has moments of another shape: {odd}"
