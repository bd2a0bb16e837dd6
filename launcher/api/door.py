"""What a call of the API is: declared once, for checking requests and for describing them.

A view gets a `Call` and returns a `msgspec.Struct`, an `Answer` around one, or a response.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from flask import Response

from launcher.models import ApiToken, TokenScope


@dataclass(frozen=True, slots=True)
class Answer:
    """A result with a status or headers of its own."""

    result: msgspec.Struct | msgspec.Raw | None
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, checked.

    Attributes:
        token: whose it is; None for a call that a follow token opens.
        path: the parts of the address, as text that matches the pattern of each.
        query, body: of the types that the door names.
        operation_id: the id of the operation that this call begins.
    """

    token: ApiToken | None
    path: Mapping[str, str]
    query: Any
    body: Any
    operation_id: str = ""


Result = msgspec.Struct | Answer | Response


@dataclass(frozen=True, slots=True)
class Door:
    """One call: what it takes, what it answers, what can go wrong.

    Attributes:
        path: with its parts in braces; `PARTS` has the pattern of each.
        name: the operation id of the description.
        scope: what the token must have.
        summary, about: what it does: a title, and sentences.
        query, body: the types of query string and JSON body, None for none.
        body_types: the media types of a body that is no JSON: the view reads it itself, and gets
            None for it.
        body_of_answer: takes the members of a JSON body, and returns those of `body`: for a call
            that also takes what another one answers. It may raise a `Problem`.
        result: the type of the answer; None for none, or one that is no JSON.
        result_types: the media types of an answer that is no JSON.
        status: of the answer.
        problems: the codes that can come besides those of every call.
        request_headers, response_headers: name → what it is for.
        begins_work: whether it takes an `Idempotency-Key`: the view begins its operation under
            `Call.operation_id`, and returns an `Answer`.
        is_ungated: whether the view needs no database, and finds out itself who calls.
    """

    method: str
    path: str
    name: str
    view: Callable[[Call], Result]
    scope: TokenScope
    summary: str
    about: str
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    body_types: Sequence[str] = ()
    body_of_answer: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    result: type[msgspec.Struct] | None = None
    result_types: Sequence[str] = ()
    status: int = 200
    problems: Sequence[str] = ()
    request_headers: Mapping[str, str] = field(default_factory=dict)
    response_headers: Mapping[str, str] = field(default_factory=dict)
    begins_work: bool = False
    is_ungated: bool = False

    @property
    def is_body_required(self) -> bool:
        """Whether there must be a body; without one, a POST has the defaults of its fields."""
        if self.body is None:
            return bool(self.body_types)
        return self.method != "POST" or any(
            each.required for each in msgspec.structs.fields(self.body)
        )


PARTS: Mapping[str, tuple[str, str]] = {
    "app": (r"[1-9][0-9]{0,17}", "The id of an app."),
    "backup": (r"[A-Za-z0-9-]{1,64}", "The id of a backup, or `latest`."),
    "destination": (r"[a-z0-9-]{1,64}", "The id of a destination."),
    "operation": (r"[A-Za-z0-9-]{1,64}", "The id of an operation."),
    "job": (r"[a-z-]{1,40}", "The id of a job: `backup`, `scrub` or `restore-test`."),
}
"""The pattern of each part of an address, and what it is."""

DOORS: list[Door] = []
"""Every call."""


def door(
    method: str, path: str, *, scope: TokenScope, summary: str, about: str, **more: Any
) -> Callable[[Callable[[Call], Result]], Callable[[Call], Result]]:
    """Declare a view as the call of this method and path; see `Door`."""

    def declare(view: Callable[[Call], Result]) -> Callable[[Call], Result]:
        DOORS.append(
            Door(
                method=method,
                path=path,
                name=view.__name__,
                view=view,
                scope=scope,
                summary=summary,
                about=about,
                **more,
            )
        )
        return view

    return declare
