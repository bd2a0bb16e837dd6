"""Whether this server is well, for whatever watches it: no login, no secrets, nothing slow."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, current_app, jsonify, session
from sqlalchemy.exc import SQLAlchemyError

from launcher.current import current_application, current_backups
from launcher.database import enter_at_once, ungated
from launcher.models import Role
from launcher.notices import see
from launcher.watch import facts
from launcher.web.frame import current_viewer
from launcher.web.metrics import knows_token

CACHED_FOR_S = 1.0

blueprint = Blueprint("health", __name__)


@dataclass(slots=True)
class _Verdict:
    """What was last found, so that no crowd of watchers opens the database."""

    is_well: bool = False
    looked_at: float = float("-inf")


@blueprint.get("/healthz")
@ungated
def healthz() -> Response:
    """Answer `ok`, or 503 while the database is damaged; at most a second old.

    An admin, and whoever knows the token of the metrics, gets every trouble as JSON; the status
    is the same, because trouble with backups is no reason to restart the server.
    """
    is_well = _look(now=time.monotonic())
    status = 200 if is_well else 503
    if knows_token() or (is_well and _is_admin()):
        answer = jsonify(_detail(is_well=is_well))
        answer.status_code = status
        answer.headers["Cache-Control"] = "no-store"
        return answer
    return Response("ok\n" if is_well else "damaged\n", status, mimetype="text/plain")


def _look(*, now: float) -> bool:
    verdict: _Verdict = current_app.extensions.setdefault("launcher.health", _Verdict())
    if now - verdict.looked_at >= CACHED_FOR_S:
        verdict.is_well = not current_backups().live_problem()
        verdict.looked_at = now
    return verdict.is_well


def _is_admin() -> bool:
    """Whether an admin asks; asked of the database only for a session, and never waited for."""
    if "_user_id" not in session or not enter_at_once():
        return False
    try:
        viewer = current_viewer()
    except SQLAlchemyError:
        return False
    return viewer is not None and viewer.role is Role.ADMIN


def _detail(*, is_well: bool) -> dict[str, object]:
    seen = see(current_application())
    situation = seen.situation
    good, attempt = situation.last_good, situation.last_attempt
    return {
        "status": "ok" if is_well else "damaged",
        "last_attempt_at": _text(attempt.started_at if attempt else None),
        "last_attempt_outcome": attempt.outcome.value if attempt else None,
        "last_success_at": _text(good.created_at if good else None),
        "last_good_id": good.id if good else None,
        "next_run_at": _text(situation.next_run_at),
        "is_led": situation.leader is not None,
        "troubles": [_plain(facts(trouble)) for trouble in seen.findings.troubles],
        "alarms": [
            {"concern": alarm.concern.value, "told_at": _text(alarm.told_at)}
            for alarm in seen.alarms.told
        ],
    }


def _plain(values: Mapping[str, object]) -> dict[str, object]:
    return {
        name: _text(value) if isinstance(value, datetime) else value
        for name, value in values.items()
    }


def _text(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
