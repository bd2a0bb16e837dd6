"""Whether one backup is good, in a sentence, and what can be done with it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from launcher.backup.errors import VerificationError
from launcher.backup.reasons import Fault
from launcher.backup.records.backup import Backup, Kind, State
from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.backup.records.text import readable
from launcher.i18n.formats import day_and_time, duration
from launcher.i18n.labels import warning
from launcher.i18n.locale import gettext as _
from launcher.web.admin.backups.file_verdict import FileVerdict, refusal
from launcher.web.admin.backups.outcomes.ended import of_the_others, took_s
from launcher.web.admin.backups.words import why
from launcher.web.errors import has_unjudged, latest_backup
from launcher.web.operations.undoing import can_be_restored, is_of_known_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from launcher.backup.service import BackupService

# A running copy writes at least this often.
_STILL = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The file of a backup in the store."""

    name: str
    size_bytes: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is known of a backup.

    Attributes:
        is_checked: whether it was verified or refused.
        can_restore: whether a restore can be planned.
        can_download: whether the plain database can be sent, verified.
    """

    verdict: FileVerdict
    file: FileFacts | None
    is_checked: bool
    can_restore: bool
    can_download: bool


def inspect(
    backup: Backup,
    entries: Sequence[JournalEntry],
    *,
    service: BackupService,
    names: Mapping[str, str],
    now: datetime,
) -> Inspection:
    """Return what is known of `backup`, without unpacking it; its `entries` are newest first."""
    file = _file_facts(service, backup)
    is_damaged = backup.verification.state is State.DAMAGED
    if is_damaged:
        found = _damaged(backup, has_file=file is not None)
    elif backup.file is None:
        found = _found_in_the_folder(entries, file, now=now)
    else:
        found = _listed(backup, entries, names=names)
    is_refused = backup.file is None and found.fault is not None
    return Inspection(
        verdict=found,
        file=file,
        is_checked=backup.verification.state is not State.UNVERIFIED or is_refused,
        can_restore=can_be_restored(backup),
        can_download=not is_damaged and backup.file is not None,
    )


def _file_facts(service: BackupService, backup: Backup) -> FileFacts | None:
    try:
        name, file = service.open_file(backup)
    except VerificationError:
        return None
    with file:
        facts = os.fstat(file.fileno())
    changed_at = datetime.fromtimestamp(facts.st_mtime, UTC)
    return FileFacts(readable(name), facts.st_size, changed_at)


def _listed(
    backup: Backup, entries: Sequence[JournalEntry], *, names: Mapping[str, str]
) -> FileVerdict:
    facts = [_origin(backup, names)]
    if not backup.is_good:
        advice = _("Verify the backup: every byte is read and compared with its checksum.")
        return FileVerdict("warn", _("Not verified yet"), " ".join(facts), advice)
    if verified_at := backup.verification.at:
        facts.append(_("Verified %(when)s.", when=day_and_time(verified_at)))
    facts += map(warning, backup.verification.warnings)
    tried = next((e for e in entries if _is_try_of(e, backup)), None)
    if not is_of_known_version(backup):
        advice = _("Update Launcher to the version that created this backup before you restore it.")
        title = _("Good, but created by a newer version of Launcher")
        return FileVerdict("warn", title, " ".join(facts), advice)
    if tried is None:
        severity = "warn" if backup.verification.warnings else "ok"
        return FileVerdict(severity, _("Good"), " ".join(facts))
    when = day_and_time(tried.ended_at)
    if tried.outcome is not Outcome.SUCCEEDED:
        facts.append(_("Last tried %(when)s. See the history below for what happened.", when=when))
        title = _("Good, but its last restore failed")
        return FileVerdict("warn", title, " ".join(facts))
    if tried.verb is Verb.RESTORE:
        facts.append(_("Restored %(when)s.", when=when))
        return FileVerdict("ok", _("Good, restored before"), " ".join(facts))
    took = duration(took_s(tried))
    facts.append(
        _("Restore tested %(when)s on a temporary copy. It took %(took)s.", when=when, took=took)
    )
    return FileVerdict("ok", _("Good, restore test passed"), " ".join(facts))


def _is_try_of(entry: JournalEntry, backup: Backup) -> bool:
    """Whether `backup` was restored: not a copy of it in another place, nor for a safety backup."""
    is_try = entry.verb in {Verb.TEST_RESTORE, Verb.RESTORE} and entry.backup_id == backup.id
    return is_try and "destination" not in entry.facts


def _origin(backup: Backup, names: Mapping[str, str]) -> str:
    when = day_and_time(backup.created_at)
    if backup.kind is Kind.SCHEDULED:
        return _("Created automatically %(when)s.", when=when)
    return _("%(why)s, %(when)s.", why=why(backup, names), when=when)


def _damaged(backup: Backup, *, has_file: bool) -> FileVerdict:
    fault = backup.verification.fault
    of_others = of_the_others()
    if backup.file is None and has_file:
        return FileVerdict(
            "bad",
            _("Damaged: its manifest cannot be read"),
            " ".join((_("The file may be fine, but it can no longer be verified."), of_others)),
            _("Download the file and upload it again. It will be checked as a new backup."),
            fault,
        )
    if not has_file:
        return FileVerdict(
            "bad",
            _("Damaged: its file is missing"),
            " ".join((_("It cannot be restored."), of_others)),
            _("If you moved the file, return it under the same name. Otherwise delete this entry."),
            fault,
        )
    return FileVerdict(
        "bad",
        _("Damaged: the file has changed since it was created"),
        " ".join((_("It cannot be restored."), of_others)),
        _what_instead(),
        fault,
    )


def _what_instead() -> str:
    """Return what to do about a damaged file, which depends on what else can be restored."""
    if latest_backup():
        step = _("Use another backup if you need one, and check the disk.")
    elif has_unjudged():
        step = _("Verify the other backups, and check the disk.")
    else:
        step = _("Back up now, and check the disk.")
    return " ".join((step, _("If you have an undamaged copy of the file, upload it again.")))


def _found_in_the_folder(
    entries: Sequence[JournalEntry], file: FileFacts | None, *, now: datetime
) -> FileVerdict:
    looked = next((entry for entry in entries if entry.verb is Verb.VERIFY), None)
    if looked and file and looked.ended_at >= file.changed_at and (fault := _refused(looked)):
        found = refusal(looked.error_code or VerificationError.code, fault)
        text = _("The file is in the backup folder and cannot be restored. Nothing was changed.")
        return FileVerdict(found.severity, found.title, text, found.advice, found.fault)
    if file and timedelta() <= now - file.changed_at < _STILL:
        return FileVerdict(
            "warn",
            _("This file may still be being copied"),
            _("The file changed less than a minute ago."),
            _("Wait until copying has finished, then check the file."),
        )
    return FileVerdict(
        "warn",
        _("File found in the folder, not checked yet"),
        _(
            "A check shows whether the file is a good backup of Launcher and what it"
            " contains. A good backup is then added to the list."
        ),
        _("Check the file. Nothing will be restored."),
    )


def _refused(looked: JournalEntry) -> Fault | None:
    """Return why a check refused a file, None when it did not refuse it."""
    return looked.fault if looked.outcome is Outcome.FAILED else looked.damage
