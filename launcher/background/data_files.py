"""Files of the data directory that an earlier version wrote, under the names and keys of today.

No other module knows the old ones.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from launcher.backup.codec import DecodeError, parse
from launcher.backup.files import put_new, write_atomic
from launcher.backup.locks import locked
from launcher.config import keep_once

_RENAMED_FILES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "notices.json": ("notifications.json", {"targets": "recipients", "tells_start": "pings_start"}),
    "alarms.json": (
        "alerts.json",
        {
            "alarms": "alerts",
            "concern": "kind",
            "excused": "acknowledged",
            "told_at": "notified_at",
            "told_of": "notified_of",
            "told_tone": "notified_severity",
            "lines": "deliveries",
            "mark": "version",
            "rules": "settings",
            "is_scheduled": "backup_enabled",
            "cron_expression": "backup_cron_expression",
            "stale_after_h": "backup_stale_after_h",
            "keep_count": "backup_max_count",
            "keep_daily": "backup_keep_daily",
            "keep_weekly": "backup_keep_weekly",
            "keep_monthly": "backup_keep_monthly",
            "rehearsal": "backup_restore_test",
            "zone_name": "time_zone",
            "language": "default_locale",
        },
    ),
}
"""Each old name of a file, its name now, and what its keys are called now."""

_RENAMED_VALUES: Mapping[str, Mapping[str, str]] = {
    "concern": {
        "rehearsal_failed": "restore_test_failed",
        "notices_failing": "notifications_failing",
        "nobody_told": "no_recipients",
    },
    "outcome": {"put_off": "postponed"},
}
"""What the values of some keys are called now, by the old key."""

_log = logging.getLogger(__name__)


def upgrade_data_files(data_dir: Path) -> None:
    """Convert the files that an earlier version left; does nothing where there are none.

    A file that already has its new name wins, and one that cannot be read is renamed as it is. Of
    several processes that start at once, one converts each file. Raises nothing: a file that could
    not be written keeps its old name until the next start.
    """
    for old, (new, keys) in _RENAMED_FILES.items():
        try:
            _convert(data_dir / old, data_dir / new, keys)
        except OSError as error:
            _log.warning("%s cannot be renamed to %s: %s", data_dir / old, new, error)
    with suppress(OSError, DecodeError, RecursionError):
        _convert_jobs(data_dir / "jobs.json", data_dir / "locks" / "jobs")


def unconverted(path: Path) -> Path | None:
    """Return the file that an earlier version wrote in place of `path`, while it is still there."""
    olds = (path.with_name(old) for old, (new, _) in _RENAMED_FILES.items() if new == path.name)
    return next((old for old in olds if old.exists()), None)


def _convert(old: Path, new: Path, keys: Mapping[str, str]) -> None:
    if new.exists() or not old.exists():
        return
    try:
        text = json.dumps(_renamed(parse(old.read_bytes()), keys))
    except FileNotFoundError:  # another process was faster
        return
    except (OSError, DecodeError, RecursionError):
        with suppress(FileExistsError):
            put_new(old, new)
    else:
        keep_once(new, text)
    old.unlink(missing_ok=True)


def _convert_jobs(path: Path, lock_path: Path) -> None:
    if not _has_old_jobs(path):
        return
    with locked(lock_path) as is_locked:
        # Where it is not, another process converts the file at this moment.
        if is_locked and _has_old_jobs(path):
            facts = _renamed(parse(path.read_bytes()), {"rehearsal": "restore-test"})
            write_atomic(path, json.dumps(facts).encode())


def _has_old_jobs(path: Path) -> bool:
    data = path.read_bytes()
    return b'"rehearsal"' in data or b'"put_off"' in data


def _renamed(facts: object, keys: Mapping[str, str]) -> object:
    """Return parsed JSON with other keys, and with other values where they have a new name."""
    if isinstance(facts, list):
        return [_renamed(each, keys) for each in facts]
    if not isinstance(facts, dict):
        return facts
    return {
        keys.get(key, key): _RENAMED_VALUES.get(key, {}).get(value, value)
        if isinstance(value, str)
        else _renamed(value, keys)
        for key, value in facts.items()
    }
