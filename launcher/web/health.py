"""Whether this server is well, for whatever watches it: no login, no secrets, nothing slow."""

from __future__ import annotations

import time
from dataclasses import dataclass

from flask import Blueprint, Response, current_app

from launcher.current import current_backups
from launcher.database import ungated

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
    """Answer `ok`, or 503 while the database is damaged; at most a second old."""
    is_well = _look(now=time.monotonic())
    return Response(
        "ok\n" if is_well else "damaged\n", 200 if is_well else 503, mimetype="text/plain"
    )


def _look(*, now: float) -> bool:
    verdict: _Verdict = current_app.extensions.setdefault("launcher.health", _Verdict())
    if now - verdict.looked_at >= CACHED_FOR_S:
        verdict.is_well = not current_backups().live_problem()
        verdict.looked_at = now
    return verdict.is_well
