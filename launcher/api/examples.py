"""An example of what each call takes and answers, for the reference and the description.

They belong together: one backup, its operation, the restore that followed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Example = Mapping[str, Any]

_BACKUP_ID = "20261122T170000Z-k3f9q2"
_SAFETY_ID = "20261122T181204Z-m7c4xd"
_NIGHTLY_ID = "20261122T020000Z-p8w5hn"
_OPERATION_ID = "096ec5243de58d80"
_BY = "ada (token Nightly)"
_AT = "2026-11-22T17:00:00.250Z"
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_STORED_SHA256 = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"

PATH = {
    "app": "7",
    "backup": _BACKUP_ID,
    "destination": "backblaze",
    "operation": _OPERATION_ID,
    "job": "backup",
}
"""What the parts of an address hold in examples."""

_BACKUP: Example = {
    "id": _BACKUP_ID,
    "kind": "manual",
    "created_at": _AT,
    "created_by": _BY,
    "note": "Before the upgrade",
    "before": "",
    "protected": True,
    "app_version": "1.4.0",
    "schema_revision": "0010",
    "sqlite_version": "3.46.1",
    "database": {"size_bytes": 4_404_224, "sha256": _SHA256, "page_size": 4096},
    "file": {
        "name": f"launcher-{_BACKUP_ID}.db.zst",
        "size_bytes": 1_153_433,
        "sha256": _STORED_SHA256,
        "encoding": "zstd",
    },
    "contents": {"apps": 24, "boards": 3, "users": 2},
    "verification": {
        "state": "verified",
        "at": "2026-11-22T17:00:01.104Z",
        "error": "",
        "reason": "",
        "details": {},
        "cautions": [],
    },
    "copies": [
        {
            "destination": "backblaze",
            "place": "off_site",
            "state": "good",
            "size_bytes": 1_153_985,
            "is_encrypted": True,
            "is_origin_confirmed": True,
            "copied_at": "2026-11-22T17:00:09.412Z",
            "read_at": "2026-11-22T17:00:09.412Z",
            "tested_at": None,
        }
    ],
}

_RESTORE: Example = {
    "id": _OPERATION_ID,
    "verb": "restore",
    "state": "succeeded",
    "by": _BY,
    "started_at": "2026-11-22T18:12:03.900Z",
    "ended_at": "2026-11-22T18:12:05.316Z",
    "backup_id": _BACKUP_ID,
    "stage": None,
    "stages": ["unpack", "prepare", "safety", "replace", "confirm"],
    "done_bytes": 0,
    "total_bytes": 0,
    "stage_seconds": {
        "unpack": 0.351,
        "prepare": 0.092,
        "safety": 0.914,
        "replace": 0.041,
        "confirm": 0.018,
    },
    "error": None,
    "data": "restored",
    "safety_backup_id": _SAFETY_ID,
    "held_seconds": 0.012,
    "changes_held_seconds": 0.068,
    "visible_seconds": None,
}


def _started(verb: str, stages: Sequence[str], at: str, *, backup_id: str = _BACKUP_ID) -> Example:
    """Return the answer of a call that has begun an operation."""
    return {
        "id": _OPERATION_ID,
        "verb": verb,
        "state": "running",
        "by": _BY,
        "started_at": at,
        "ended_at": None,
        "backup_id": backup_id,
        "stage": stages[0],
        "stages": stages,
        "done_bytes": 0,
        "total_bytes": 4_404_224,
        "stage_seconds": {},
        "error": None,
        "data": None,
        "safety_backup_id": None,
        "held_seconds": None,
        "changes_held_seconds": None,
        "visible_seconds": None,
        "follow_token": "lcf_EXAMPLE6Yt1RbV8nQzWc3Hk5Jm2Ps7Xd",
    }


_CREATED = _started("create", ["copy", "compress", "check", "publish"], _AT)
_VERIFYING = _started("verify", ["unpack"], "2026-11-22T17:30:00.018Z")
_TESTING = _started("test_restore", ["unpack", "prepare"], "2026-11-22T17:40:00.031Z")
_RESTORING = _started("restore", _RESTORE["stages"], _RESTORE["started_at"])
_UNDOING = _started("restore", _RESTORE["stages"], "2026-11-22T18:20:00.007Z", backup_id=_SAFETY_ID)

_SETTINGS: Example = {
    "backup_enabled": True,
    "backup_cron_expression": "0 3 * * *",
    "backup_max_count": 10,
    "backup_keep_daily": 7,
    "backup_keep_weekly": 4,
    "backup_keep_monthly": 6,
    "backup_restore_test": "weekly",
    "backup_stale_after_h": 30,
}
_PLANNED = {name: each for name, each in _SETTINGS.items() if name != "backup_stale_after_h"}

_SCHEDULE: Example = {
    "settings": _SETTINGS,
    "time_zone": "Europe/Berlin",
    "next_runs": ["2026-11-23T02:00:00.000Z", "2026-11-24T02:00:00.000Z"],
    "retention": {
        "kept": [
            {
                "id": _NIGHTLY_ID,
                "kind": "scheduled",
                "created_at": "2026-11-22T02:00:00.412Z",
                "size_bytes": 1_152_960,
                "reasons": ["recent", "daily"],
            }
        ],
        "removed": [
            {
                "id": "20261112T020000Z-t6r2bv",
                "kind": "scheduled",
                "created_at": "2026-11-12T02:00:00.388Z",
                "size_bytes": 1_131_008,
                "reasons": [],
            }
        ],
        "freed_bytes": 1_131_008,
    },
}

_RUN: Example = {
    "id": "5f1c2a90d3b47e86",
    "by": "schedule",
    "started_at": "2026-11-22T02:00:00.401Z",
    "ended_at": "2026-11-22T02:00:01.377Z",
    "outcome": "succeeded",
    "error": "",
    "error_code": "",
    "facts": {
        "slot": "2026-11-22T02:00:00.000Z",
        "backup_id": _NIGHTLY_ID,
        "removed": ["20261111T020000Z-d9j4sz"],
    },
}
_JOB: Example = {
    "id": "backup",
    "schedule": "0 3 * * *",
    "time_zone": "Europe/Berlin",
    "next_run_at": "2026-11-23T02:00:00.000Z",
    "last_success_at": _RUN["started_at"],
    "runs": [_RUN],
}

_PLAN: Example = {
    "backup_id": _BACKUP_ID,
    "tag": "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9",
    "created_at": _AT,
    "app_version": "1.4.0",
    "schema_revision": "0010",
    "database_bytes": 4_404_224,
    "migrations": [],
    "live_readable": True,
    "live_problem": None,
    "rows": [{"table": "apps", "now": 25, "then": 24}],
    "names": [
        {
            "kind": "app",
            "appear": ["Jellyfin"],
            "vanish": ["Photos", "Music"],
            "changed": [
                {"name": "Wiki", "fields": [{"field": "name", "now": "Wiki", "then": "Notes"}]}
            ],
        }
    ],
    "keep_schedule": True,
    "schedule_now": _PLANNED,
    "schedule_then": _PLANNED,
    "signed_out": ["ada", "ben"],
    "password_changes": ["ben"],
    "tokens_lost": ["Upgrade (lch_4Qm8Zr…)"],
    "tokens_restored": ["Nightly (lch_8Kd3Wp…)"],
    "keeps_this_token": True,
    "admins": ["ada", "eve"],
    "admins_restored": ["eve"],
    "carried_account": "",
    "site_name_now": "Home",
    "site_name_then": "Home",
    "warnings": [],
}

_STATUS: Example = {
    "severity": "warn",
    "headline": "recent_good",
    "title": "Phone cannot be reached.",
    "problems": [
        {
            "kind": "notifications_failing",
            "severity": "warn",
            "count": 1,
            "since": "2026-11-22T02:00:02.120Z",
            "detail": "timed_out",
            "reason": "timed_out",
            "recipients": ["Phone"],
        }
    ],
    "facts": {
        "last_attempt_at": _AT,
        "last_attempt_outcome": "succeeded",
        "last_attempt_error": "",
        "last_success_at": _AT,
        "last_good_id": _BACKUP_ID,
        "is_stale": False,
        "next_run_at": "2026-11-23T02:00:00.000Z",
        "is_led": True,
        "counts": {"verified": 12, "unverified": 0, "damaged": 0},
        "stored_bytes": 13_841_196,
        "free_bytes": 24_338_980_864,
        "is_open_to_others": False,
        "live_problem": "",
        "copies": {
            "copies": 3,
            "places": 2,
            "off_site": 1,
            "on_one_disk": False,
            "newest_elsewhere_at": _AT,
            "kit": "confirmed",
        },
    },
}

_DESTINATION: Example = {
    "id": "backblaze",
    "name": "Backblaze",
    "service": "s3",
    "place": "off_site",
    "encrypts": True,
    "paused": False,
    "state": "behind",
    "newest_good_id": _NIGHTLY_ID,
    "newest_good_at": "2026-11-22T02:00:00.250Z",
    "stale_at": "2026-11-24T17:00:00.250Z",
    "waiting": 1,
    "waiting_bytes": 1_153_433,
    "waiting_since": _AT,
    "copies": 12,
    "copies_bytes": 13_841_196,
    "damaged": 0,
    "only_there": 2,
    "copied_at": "2026-11-22T02:00:09.412Z",
    "free_bytes": None,
    "trouble": {
        "code": "timed_out",
        "at": "2026-11-22T17:01:04.006Z",
        "since": "2026-11-22T17:01:04.006Z",
        "count": 1,
        "next_try_at": "2026-11-22T17:02:04.006Z",
    },
}

_RECIPIENTS: Example = {
    "recipients": [
        {
            "id": "7d02c4e9",
            "name": "Phone",
            "service": "ntfys",
            "events": ["apps", "failure", "recovery"],
            "language": "",
            "state": "down",
            "notified_at": "2026-11-21T02:00:01.733Z",
            "failed_since": "2026-11-22T02:00:02.120Z",
            "reason": "timed_out",
            "waiting": 1,
        }
    ],
    "heartbeat": {
        "pings_start": True,
        "state": "up",
        "notified_at": "2026-11-22T02:00:01.990Z",
        "failed_since": None,
        "reason": "",
    },
    "public_url": "https://launcher.home.arpa",
}

_APP: Example = {
    "id": 7,
    "name": "Wiki",
    "state": "down",
    "since": "2026-11-22T16:12:04.310Z",
    "paused_until": None,
    "paused_by": "",
    "last_at": "2026-11-22T16:59:04.388Z",
    "response_ms": None,
    "code": None,
    "reason": "refused",
    "detail": "Connection refused: nothing listens on port 8080.",
    "certificate_until": None,
    "uptime_24h": 0.9674,
    "uptime_30d": 0.9989,
    "interval_s": 60,
    "is_sample": False,
}
_APP_CHECK: Example = {
    **_APP,
    "uptime_7d": 0.9953,
    "uptime_1y": 0.9991,
    "certificate": None,
    "outages": [
        {
            "started_at": _APP["since"],
            "ended_at": None,
            "reason": _APP["reason"],
            "detail": _APP["detail"],
        }
    ],
}
_APP_HISTORY: Example = {
    "period": "24h",
    "step_s": 600,
    "steps": [
        {
            "at": "2026-11-22T16:00:00.000Z",
            "probes": 10,
            "uptime": 1.0,
            "response_ms": 48.2,
            "response_ms_max": 131,
        },
        {
            "at": "2026-11-22T16:10:00.000Z",
            "probes": 0,
            "uptime": None,
            "response_ms": None,
            "response_ms_max": None,
        },
    ],
}

RESULTS: Mapping[str, Example] = {
    "get_status": _STATUS,
    "list_app_checks": {
        "is_enabled": True,
        "paused_until": None,
        "offline_since": None,
        "apps": [_APP],
        "next_cursor": "7",
    },
    "get_app_check": _APP_CHECK,
    "get_app_history": _APP_HISTORY,
    "list_backups": {"backups": [_BACKUP], "next_cursor": f"1795366800250000_{_BACKUP_ID}"},
    "create_backup": _CREATED,
    "get_backup": _BACKUP,
    "change_backup": _BACKUP,
    "verify_backup": _VERIFYING,
    "test_restore": _TESTING,
    "get_plan": _PLAN,
    "restore_backup": _RESTORING,
    "undo_restore": _UNDOING,
    "list_operations": {"running": [], "operations": [_RESTORE], "next_cursor": _OPERATION_ID},
    "get_operation": _RESTORE,
    "get_schedule": _SCHEDULE,
    "put_schedule": _SCHEDULE,
    "list_jobs": {"is_led": True, "jobs": [_JOB]},
    "get_job": _JOB,
    "run_job": {
        "job": "backup",
        "run": {
            **_RUN,
            "by": _BY,
            "started_at": "2026-11-22T17:50:00.012Z",
            "ended_at": None,
            "outcome": None,
            "facts": {},
        },
    },
    "list_recipients": _RECIPIENTS,
    "list_destinations": {"destinations": [_DESTINATION], "kit": "confirmed"},
    "copy_to_destination": {**_DESTINATION, "state": "copying", "trouble": None},
}
"""What each call answers, by its name, where that is JSON."""

BODIES: Mapping[str, Example] = {
    "create_backup": {"note": "Before the upgrade", "protect": True},
    "change_backup": {"note": "Before the upgrade", "protected": True},
    "restore_backup": {"confirm": _BACKUP_ID, "keep_schedule": True, "carry_account": False},
    "undo_restore": {"confirm": _SAFETY_ID},
    "put_schedule": _SETTINGS,
}
"""What each call takes as JSON, by its name."""


def as_text(value: object) -> str:
    """Return a value as an indented JSON text."""
    return json.dumps(value, indent=2, ensure_ascii=False)
