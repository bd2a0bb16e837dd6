"""One view for all of `/api/v1`: it finds the call, checks who calls and what is sent, and answers.

Cookies count nothing here, so no form of another site can use them. Whatever goes wrong is answered
as a problem; the pages of errors are never shown.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import msgspec
from flask import Blueprint, Response, request, url_for
from sqlalchemy.exc import DBAPIError, NoResultFound
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.routing import PathConverter, Rule

from launcher.api import idempotency, openapi, reference
from launcher.api.authentication import authenticate, refuse_token_in_address
from launcher.api.backup_problems import problem_of
from launcher.api.door import DOORS, PARTS, Answer, Call, Door, Result
from launcher.api.problems import Problem
from launcher.api.sent import MEDIA_TYPE, body_of, is_stream, query_of, read_body, refuse_body
from launcher.api.shapes import sentence
from launcher.backup.errors import BackupError
from launcher.db.faults import DatabaseFault, fault_of
from launcher.db.session import (
    DatabaseOfAnotherVersionError,
    DataBeingReplacedError,
    enter_for_data,
    ungated,
)
from launcher.extensions import csrf, db
from launcher.http.hosts import HOST_IS_NONE, is_served_host
from launcher.http.places import RETRY_AFTER_S, TooManyTransfersError

PREFIX = "/api/v1"
_log = logging.getLogger(__name__)

blueprint = Blueprint("api", __name__)
csrf.exempt(blueprint)


class _Anything(PathConverter):
    """Any text. A plain path has no line break, so that one would be no address of ours."""

    regex = "(?s:.+)"
    part_isolating = False  # a slash is part of it


def add_rules(state: Any) -> None:
    """Send every method at every address below `PREFIX` here, so that each answer is JSON."""
    state.app.url_map.converters["anything"] = _Anything
    for rule in (f"{PREFIX}/", f"{PREFIX}/<anything:rest>"):
        # Without `methods` a rule takes any, which `add_url_rule` cannot say.
        # Without its slash, the root is served too: a redirect would be a page of HTML.
        state.app.url_map.add(Rule(rule, endpoint="api.dispatch", strict_slashes=False))
    state.app.view_functions["api.dispatch"] = dispatch


blueprint.record(add_rules)


@ungated
def dispatch(rest: str = "") -> Response:
    """Answer any request below `PREFIX`."""
    try:
        response = _answer(f"/{rest}")
    except Problem as problem:
        response = _refuse(problem)
    except BackupError as error:
        response = _refuse(problem_of(error))
    except DataBeingReplacedError:
        response = _refuse(Problem("data_being_replaced", headers={"Retry-After": "2"}))
    except TooManyTransfersError:
        wait = {"Retry-After": str(RETRY_AFTER_S)}
        response = _refuse(Problem("too_many_transfers", headers=wait))
    except DatabaseOfAnotherVersionError as error:
        response = _refuse(Problem("database_version", sentence(str(error.problem))))
    except (DBAPIError, NoResultFound) as error:
        response = _refuse(_problem_of_database(error))
    except RequestEntityTooLarge:
        response = _refuse(Problem("too_large"))
    except HTTPException:
        response = _refuse(Problem("bad_request"))
    except Exception:  # noqa: BLE001 (the API answers every error as a problem)
        response = _refuse(_internal())
    return response


def _answer(path: str) -> Response:
    _refuse_other_hosts()
    refuse_token_in_address()
    if path in _ABOUT:
        return _about(path)
    door, parts = _find(path)
    if request.method == "OPTIONS":
        return _options(_methods(path))
    _check_accept(door)
    content = read_body(door)
    if door.is_ungated:
        token = None
    else:
        enter_for_data()
        token = authenticate(door.scope)
    call = Call(token, parts, query_of(door), body_of(door, content))
    if door.begins_work and not is_stream(door):
        view = cast("Callable[[Call], Answer]", door.view)
        return _respond(door, idempotency.once(call, idempotency.digest_of(content), view))
    return _respond(door, door.view(call))


def _refuse_other_hosts() -> None:
    if request.environ.get(HOST_IS_NONE):
        raise Problem("bad_request", "The header Host names no host.")
    if not is_served_host():
        raise Problem("host_not_served")


_ABOUT = {"/": reference.response, "/openapi.json": openapi.response}
"""What describes the API, and needs no token."""


def _about(path: str) -> Response:
    allowed = {"Allow": "GET, HEAD, OPTIONS"}
    if request.method == "OPTIONS":
        return _options(["GET", "HEAD", "OPTIONS"])
    if request.method not in {"GET", "HEAD"}:
        raise Problem("method_not_allowed", headers=allowed)
    refuse_body()
    return _ABOUT[path]()


def _options(methods: Sequence[str]) -> Response:
    refuse_body()
    response = Response(status=204, headers={"Allow": ", ".join(methods)})
    response.headers.pop("Content-Type", None)
    return response


dispatch.ignores_cookies = True  # type: ignore[attr-defined]  # see `launcher.web.forgery`


# Which call

_PATTERNS: dict[str, re.Pattern[str]] = {}


def _match(door: Door, path: str) -> Mapping[str, str] | None:
    pattern = _PATTERNS.get(door.path)
    if pattern is None:
        source = re.sub(r"\{(\w+)\}", lambda m: f"(?P<{m[1]}>{PARTS[m[1]][0]})", door.path)
        pattern = _PATTERNS[door.path] = re.compile(source, re.ASCII)
    found = pattern.fullmatch(path)
    return found.groupdict() if found else None


def _methods(path: str) -> list[str]:
    found = {each.method for each in DOORS if _match(each, path) is not None}
    return sorted(found | ({"HEAD"} if "GET" in found else set()) | {"OPTIONS"})


def _find(path: str) -> tuple[Door, Mapping[str, str]]:
    method = "GET" if request.method == "HEAD" else request.method
    here = [(each, parts) for each in DOORS if (parts := _match(each, path)) is not None]
    if not here:
        raise Problem("not_found")
    for door, parts in here:
        if method in {door.method, "OPTIONS"}:
            return door, parts
    raise Problem("method_not_allowed", headers={"Allow": ", ".join(_methods(path))})


# The answer


def _check_accept(door: Door) -> None:
    offered = [*door.result_types] or [MEDIA_TYPE]
    if request.accept_mimetypes and not request.accept_mimetypes.best_match(offered):
        raise Problem("not_acceptable", f"It is available as {', '.join(offered)}.")


def _respond(door: Door, result: Result) -> Response:
    if isinstance(result, Response):
        return result
    answer = result if isinstance(result, Answer) else Answer(result)
    content = b"" if answer.result is None else msgspec.json.encode(answer.result)
    status = answer.status or door.status
    response = Response(content, status, dict(answer.headers), content_type=MEDIA_TYPE)
    if answer.result is None:
        response.headers.pop("Content-Type", None)
    return response


def _refuse(problem: Problem) -> Response:
    db.session.rollback()
    return problem.response(url_for("api.dispatch"))


def _problem_of_database(error: DBAPIError | NoResultFound) -> Problem:
    fault = fault_of(error)
    if fault is DatabaseFault.BUSY:
        return Problem("database_busy", headers={"Retry-After": "2"})
    if fault is DatabaseFault.DAMAGED:
        return Problem("database_damaged")
    if fault in {DatabaseFault.FULL, DatabaseFault.READ_ONLY}:
        return Problem("disk_full")
    return _internal()


def _internal() -> Problem:
    number = secrets.token_hex(4)
    _log.exception("internal error %s at %s %s", number, request.method, request.path)
    return Problem("internal", f"The number of the log entry is {number}.", number=number)
