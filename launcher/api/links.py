"""What leads from an answer to the next call: the links of the description (OpenAPI 3.1).

An expression like `$response.body#/id` takes its value from the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_ID = "$response.body#/id"
_BACKUP_OF_PATH = "$request.path.backup"
_TAG = "$response.header.ETag"


@dataclass(frozen=True, slots=True)
class Link:
    """A next call: its name, and what of this answer goes into its parameters and its body."""

    to: str
    about: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: Any = None

    def described(self) -> Mapping[str, Any]:
        """Return the link as the description has it."""
        given = {"operationId": self.to, "description": self.about}
        body = {} if self.body is None else {"requestBody": self.body}
        parameters = {"parameters": self.parameters} if self.parameters else {}
        return {**given, **parameters, **body}


_FOLLOW = Link("get_operation", "Follow it to its end.", {"operation": _ID})
_OF_BACKUP = (
    Link("get_plan", "What a restore would do.", {"backup": _ID}),
    Link("download_backup", "Its file.", {"backup": _ID}),
    Link("verify_backup", "Verify it.", {"backup": _ID}),
    Link("test_restore", "Try its restore on a copy.", {"backup": _ID}),
    Link("change_backup", "Change it.", {"backup": _ID, "If-Match": _TAG}),
    Link("delete_backup", "Delete it.", {"backup": _ID, "If-Match": _TAG}),
)

LINKS: Mapping[str, tuple[Link, ...]] = {
    "create_backup": (_FOLLOW,),
    "verify_backup": (_FOLLOW,),
    "test_restore": (_FOLLOW,),
    "restore_backup": (_FOLLOW,),
    "undo_restore": (_FOLLOW,),
    "list_backups": (
        Link("list_backups", "The next page.", {"cursor": "$response.body#/next_cursor"}),
        Link("get_backup", "The newest of them.", {"backup": "$response.body#/backups/0/id"}),
    ),
    "get_backup": _OF_BACKUP,
    "change_backup": (Link("get_backup", "Get it again.", {"backup": _ID}),),
    "delete_backup": (Link("get_backup", "It is not found.", {"backup": _BACKUP_OF_PATH}),),
    "get_plan": (
        Link(
            "restore_backup",
            "Restore it, if nothing has changed since.",
            {"backup": "$response.body#/backup_id", "If-Match": _TAG},
            {"confirm": "$response.body#/backup_id"},
        ),
    ),
    "list_operations": (
        Link("list_operations", "The next page.", {"cursor": "$response.body#/next_cursor"}),
        Link("get_operation", "The newest.", {"operation": "$response.body#/operations/0/id"}),
    ),
    "get_operation": (
        Link("get_backup", "The backup it is about.", {"backup": "$response.body#/backup_id"}),
        Link(
            "undo_restore",
            "Undo a restore.",
            body={"confirm": "$response.body#/safety_backup_id"},
        ),
    ),
    "get_schedule": (
        Link(
            "put_schedule",
            "Send the settings, with changes.",
            {"If-Match": _TAG},
            "$response.body#/settings",
        ),
    ),
    "list_app_checks": (
        Link("list_app_checks", "The next page.", {"cursor": "$response.body#/next_cursor"}),
        Link("get_app_check", "The first of them.", {"app": "$response.body#/apps/0/id"}),
    ),
    "get_app_check": (Link("get_app_history", "Its response times.", {"app": _ID}),),
    "list_destinations": (
        Link(
            "copy_to_destination",
            "Copy to the first of them now.",
            {"destination": "$response.body#/destinations/0/id"},
        ),
    ),
    "list_jobs": (Link("get_job", "The first of them.", {"job": "$response.body#/jobs/0/id"}),),
    "get_job": (Link("run_job", "Run it now.", {"job": _ID}),),
    "run_job": (Link("get_job", "The job with its runs.", {"job": "$response.body#/job"}),),
}
"""The next calls after each call that succeeded."""
