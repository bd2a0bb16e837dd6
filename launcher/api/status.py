"""Whether the data is safe: the same verdict as the panel and `flask backup status`."""

from __future__ import annotations

from typing import Any

import msgspec

from launcher.api.door import Call, door
from launcher.backup.codec import encode
from launcher.current import current_application
from launcher.db.session import release
from launcher.models import TokenScope
from launcher.monitoring.problems import Headline, Severity, status_facts
from launcher.notifications.assessment import assess


class Status(msgspec.Struct, kw_only=True):
    """The verdict, and what it is made of."""

    severity: Severity
    headline: Headline
    problems: list[dict[str, Any]]
    facts: dict[str, Any]


@door(
    "GET",
    "/status",
    scope=TokenScope.STATUS,
    summary="Status",
    about=(
        "Says whether the data is safe: `severity` is `ok`, `warn` or `bad`, and `problems` lists "
        "what is wrong, the worst first."
    ),
    result=Status,
)
def get_status(_call: Call) -> Status:
    """Answer with what `flask backup status --json` prints."""
    release()  # a backup folder that does not answer must not delay a restore
    seen = assess(current_application())
    facts: Any = encode(status_facts(seen.snapshot, seen.findings))
    return Status(
        severity=facts.pop("severity"),
        headline=facts.pop("headline"),
        problems=facts.pop("problems"),
        facts=facts,
    )
