"""`/healthz`: whether this server is well. No login, no secrets, nothing slow."""

from __future__ import annotations

import time
from dataclasses import dataclass

from flask import Blueprint, Response, current_app, jsonify, session
from sqlalchemy.exc import SQLAlchemyError

from launcher.backup.codec import encode
from launcher.current import current_application, current_backups
from launcher.db.session import enter_at_once, ungated
from launcher.models import Role, TokenScope
from launcher.monitoring.problems import ProblemKind, status_facts
from launcher.notifications.assessment import assess
from launcher.web.frame import current_viewer
from launcher.web.metrics import has_scope, knows_token

CACHED_FOR_S = 1.0

blueprint = Blueprint("health", __name__)


@dataclass(slots=True)
class _LastAnswer:
    """The last answer, so that many requests open the database once."""

    is_well: bool = False
    checked_at: float = float("-inf")


@blueprint.get("/healthz")
@ungated
def healthz() -> Response:
    """Answer `ok`, or 503 while the database is damaged; at most a second old.

    An admin, and a client with the token of the metrics or an API token of scope `status`, gets
    every problem as JSON. Problems with backups do not change the status: they are no reason to
    restart the server.
    """
    is_well = _is_well(now=time.monotonic())
    if knows_token() or (is_well and (has_scope(TokenScope.STATUS) or _is_admin())):
        return _detail()
    text, status = ("ok\n", 200) if is_well else ("damaged\n", 503)
    return Response(text, status, mimetype="text/plain")


def _is_well(*, now: float) -> bool:
    last: _LastAnswer = current_app.extensions.setdefault("launcher.health", _LastAnswer())
    if now - last.checked_at >= CACHED_FOR_S:
        last.is_well = not current_backups().live_problem()
        last.checked_at = now
    return last.is_well


def _is_admin() -> bool:
    """Whether the viewer is an admin; reads the database only for a session, and never waits."""
    if "_user_id" not in session or not enter_at_once():
        return False
    try:
        viewer = current_viewer()
    except SQLAlchemyError:
        return False
    return viewer is not None and viewer.role is Role.ADMIN


def _detail() -> Response:
    found = assess(current_application())
    is_well = not found.findings.find(ProblemKind.LIVE_DAMAGED)
    facts = status_facts(found.snapshot, found.findings) | {
        "status": "ok" if is_well else "damaged",
        "alerts": [
            {"kind": alert.kind, "notified_at": alert.notified_at}
            for alert in found.alerts.notified
        ],
    }
    answer = jsonify(encode(facts))
    answer.status_code = 200 if is_well else 503
    answer.headers["Cache-Control"] = "no-store"
    return answer
