"""Whether the data is safe: the same verdict as the panel and `flask backup status`."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from flask_babel import force_locale
from markupsafe import Markup
from msgspec import UNSET, Meta, UnsetType

from launcher.api.destination_shapes import CopyTrouble
from launcher.api.door import Call, door
from launcher.api.moments import Moment
from launcher.api.shapes import Details, Reason, details_of
from launcher.backup.codec import encode
from launcher.backup.records.operation import Outcome
from launcher.current import current_application
from launcher.db.session import release
from launcher.i18n.problems import answer
from launcher.models import TokenScope
from launcher.monitoring.problems import Headline, ProblemKind, Severity, status_facts
from launcher.notifications.assessment import assess
from launcher.offsite.records import CopyState
from launcher.offsite.status import KitState


class StatusProblem(msgspec.Struct, kw_only=True):
    """One thing that is wrong. What does not apply to it is left out."""

    kind: ProblemKind
    severity: Severity
    count: Annotated[
        int, Meta(description="The number of failed attempts, backups, copies or recipients.")
    ]
    caused_by: Annotated[
        list[ProblemKind] | UnsetType, Meta(description="The other problems that explain it.")
    ] = UNSET
    since: Moment | UnsetType = UNSET
    code: Annotated[
        str | UnsetType, Meta(description="The code of the problem that an operation failed with.")
    ] = UNSET
    detail: Annotated[str | UnsetType, Meta(description="An English sentence.")] = UNSET
    reason: Reason | UnsetType = UNSET
    details: Details | UnsetType = UNSET
    operation_id: Annotated[
        str | UnsetType, Meta(description="The operation that found the problem.")
    ] = UNSET
    backup_ids: Annotated[
        list[str] | UnsetType, Meta(description="The backups with the problem, newest first.")
    ] = UNSET
    recipients: Annotated[
        list[str] | UnsetType, Meta(description="The recipients that cannot be reached.")
    ] = UNSET
    free_bytes: int | UnsetType = UNSET
    needed_bytes: Annotated[
        int | UnsetType, Meta(description="The space that the next backup needs.")
    ] = UNSET
    full_at: Annotated[
        Moment | UnsetType,
        Meta(description="The first scheduled backup that will not fit on the disk."),
    ] = UNSET
    destinations: Annotated[
        list[str] | UnsetType, Meta(description="The names of the destinations, the worst first.")
    ] = UNSET
    trouble: Annotated[
        CopyTrouble | UnsetType,
        Meta(description="Why the last attempts at the first destination failed."),
    ] = UNSET
    state: Annotated[CopyState | UnsetType, Meta(description="The state of the copies.")] = UNSET
    files: Annotated[
        list[str] | UnsetType,
        Meta(description="Files at the first destination that this site did not write."),
    ] = UNSET


class BackupCounts(msgspec.Struct, kw_only=True):
    """How many backups there are of each status."""

    verified: int
    unverified: int
    damaged: int


class CopyCounts(msgspec.Struct, kw_only=True):
    """In how many places a good backup is that is recent enough."""

    copies: Annotated[
        int, Meta(description="The backup here and one copy at each destination that has one.")
    ]
    places: Annotated[int, Meta(description="How many devices they are on.")]
    off_site: Annotated[int, Meta(description="How many of them are off-site.")]
    on_one_disk: Annotated[bool, Meta(description="Whether one broken disk would lose them all.")]
    newest_elsewhere_at: Annotated[
        Moment | None, Meta(description="The time of the newest backup with a good copy elsewhere.")
    ]
    kit: Annotated[KitState, Meta(description="The state of the recovery kit.")]


class StatusFacts(msgspec.Struct, kw_only=True):
    """What the verdict is made of; null for what is not known."""

    last_attempt_at: Moment | None
    last_attempt_outcome: Outcome | None
    last_attempt_error: Annotated[
        str, Meta(description="What went wrong, an English sentence, or empty.")
    ]
    last_success_at: Annotated[
        Moment | None, Meta(description="When the last good backup was created.")
    ]
    last_good_id: Annotated[str | None, Meta(description="The backup that `latest` is now.")]
    is_stale: Annotated[
        bool, Meta(description="Whether the last good backup is older than it may be.")
    ]
    next_run_at: Annotated[
        Moment | None,
        Meta(description="The next scheduled backup. null while scheduled backups are off."),
    ]
    is_led: Annotated[
        bool, Meta(description="Whether some process of this site runs the schedule.")
    ]
    counts: BackupCounts | None
    stored_bytes: Annotated[int | None, Meta(description="The size of all backups.")]
    free_bytes: Annotated[int | None, Meta(description="The free space in the backup folder.")]
    is_open_to_others: Annotated[
        bool,
        Meta(description="Whether every user of the server can read the newest backup."),
    ]
    live_problem: Annotated[str, Meta(description="What is wrong with the current data, or empty.")]
    copies: CopyCounts | None


class Status(msgspec.Struct, kw_only=True):
    """The verdict, and the facts behind it."""

    severity: Severity
    headline: Headline
    title: Annotated[
        str, Meta(description="The status that the page of backups shows, an English sentence.")
    ]
    problems: list[StatusProblem]
    facts: StatusFacts


@door(
    "GET",
    "/status",
    scope=TokenScope.STATUS,
    summary="Status",
    about=(
        "Returns whether the data is safe. `severity` is `ok`, `warn` or `bad`, and "
        "`title` is a sentence. `problems` lists what is wrong, the worst first."
    ),
    result=Status,
)
def get_status(_call: Call) -> Status:
    """Answer with what `flask backup status --json` prints."""
    release()  # a backup folder that does not answer must not delay a restore
    seen = assess(current_application())
    facts: Any = encode(status_facts(seen.snapshot, seen.findings))
    verdict = {name: facts.pop(name) for name in ("severity", "headline", "problems")}
    for each in verdict["problems"]:
        if "details" in each:
            each["details"] = details_of(each["details"])
    with force_locale("en"):
        words = answer(seen.findings, seen.snapshot)
        plain = words.striptags() if isinstance(words, Markup) else words
        verdict["title"] = f"{plain}."
    return msgspec.convert({**verdict, "facts": facts}, Status)
