"""What a checked file is, in words, with what to do next.

Every reason to refuse a file has words here; the core's English sentence is shown as a detail.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import Backup
from launcher.backup.records.ids import moment_of
from launcher.backup.records.operation import JournalEntry, Outcome
from launcher.db.content import LauncherContent
from launcher.i18n.formats import day_and_time
from launcher.i18n.labels import ERROR_WORDS, warning
from launcher.i18n.locale import gettext, ngettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.web.contents import contents_in_brief

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

_OUR_NAME = re.compile(r"launcher-(\d{8}T\d{6}Z-[a-z0-9]{6})\.db(?:\.zst)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """What a file is.

    Attributes:
        severity: "ok", "warn" (not for this Launcher) or "bad" (damaged).
        title: the verdict.
        text: more about it, and what is still safe.
        advice: what to do next, "" for nothing.
        fault: the reason, None for a good file.
    """

    severity: str
    title: str
    text: str
    advice: str = ""
    fault: Fault | None = None

    @property
    def problem(self) -> str:
        """The reason in the core's own words, in English, "" for a good file."""
        return str(self.fault or "")


def verdict(entry: JournalEntry, backup: Backup | None) -> FileVerdict:
    """Return the verdict on an uploaded file; `backup` was made of it, None when it is gone."""
    if entry.outcome is Outcome.SUCCEEDED:
        return _good(backup)
    if entry.outcome is Outcome.INTERRUPTED:
        return FileVerdict(
            "warn",
            gettext("The check of this file was interrupted"),
            gettext("The file is not in the list, and nothing was restored."),
            gettext("Upload the file again."),
        )
    return refusal(entry.error_code, entry.fault)


def refusal(code: str, fault: Fault | None) -> FileVerdict:
    """Return why a file was refused, by the code of the error and its reason."""
    words = FILE_WORDS.get(fault.reason) if fault else None
    if fault is None or words is None:
        known = ERROR_WORDS.get(code, ERROR_WORDS["internal"])
        return FileVerdict("warn", str(known.title), "", str(known.hint), fault)
    text = " ".join(str(sentence) % fault.facts for sentence in words.sentences)
    advice = str(words.advice) % fault.facts
    return FileVerdict(words.severity, str(words.title), text, advice, fault)


def fit(backup: Backup) -> str:
    """Return whether this server can restore a backup: as it is, migrated, or not at all."""
    if not backup.schema_revision:
        return ""
    content = LauncherContent()
    pending = content.pending(backup.schema_revision)
    if pending is None:
        return gettext(
            "Requires a newer version of Launcher (this site supports database"
            " versions up to %(ours)s)",
            ours=content.head,
        )
    if not pending:
        return gettext("Compatible with this version")
    return ngettext(
        "A restore will upgrade it by %(num)s step",
        "A restore will upgrade it by %(num)s steps",
        len(pending),
    )


def _good(backup: Backup | None) -> FileVerdict:
    title = gettext("This is a good backup of Launcher")
    if backup is None:
        return FileVerdict(
            "ok", title, gettext("The backup was added to the list and has been removed since.")
        )
    facts = [
        gettext(
            "Database version %(schema)s. %(fit)s.", schema=backup.schema_revision, fit=fit(backup)
        ),
        gettext("Contents: %(contents)s.", contents=contents_in_brief(backup.contents)),
        gettext("The backup is now in the list. Nothing was restored."),
    ]
    if made_at := _named(backup):
        facts.insert(
            0, gettext("Created %(when)s, according to its name.", when=day_and_time(made_at))
        )
    warnings = backup.verification.warnings
    advice = " ".join(map(warning, warnings))
    return FileVerdict("warn" if warnings else "ok", title, " ".join(facts), advice)


def _named(backup: Backup) -> datetime | None:
    """Return when an uploaded backup was made, if its name says so."""
    found = _OUR_NAME.search(backup.note)
    return moment_of(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class FileWords:
    """The words about a refused file; the sentences name facts of the reason."""

    severity: str
    title: LazyString
    sentences: tuple[LazyString, ...]
    advice: LazyString


_UNTOUCHED = _("The file was not added to the list, and nothing was changed.")
_OURS_ALONE = _("Only a backup created by Launcher can be restored.")
_NOT_OURS = FileWords(
    "warn",
    _("This is not a backup of Launcher"),
    (_("This database was not created by Launcher."), _UNTOUCHED),
    _OURS_ALONE,
)
_NO_DATABASE = FileWords(
    "warn",
    _("This is not a database"),
    (_UNTOUCHED,),
    _("Use the .db or .db.zst file that you downloaded from Launcher."),
)
_SEND_AGAIN = _("Download or copy the file again, and wait until the transfer has ended.")
_DECRYPT = _("Decrypt the file with the program that encrypted it, then upload the result.")
_INCOMPLETE = FileWords(
    "bad",
    _("The file is incomplete"),
    (_("The end of the file is missing. A download or a copy was interrupted."), _UNTOUCHED),
    _SEND_AGAIN,
)
_DAMAGED = FileWords(
    "bad",
    _("The file is damaged"),
    (_("The file is incomplete or damaged."), _UNTOUCHED),
    _("Copy or upload the file again. If the error continues, use another backup."),
)

_STOPPED = _("Check stopped")
_STOPPED_ADVICE = ERROR_WORDS["check_stopped"].hint

FILE_WORDS: Mapping[Reason, FileWords] = {
    Reason.NEWER_SCHEMA: FileWords(
        "warn",
        _("This backup was created by a newer version of Launcher"),
        (
            _(
                "The backup has database version %(theirs)s. This site (Launcher"
" %(version)s) supports versions up to %(ours)s. The file itself may be"
" good. Nothing was changed."
            ),
        ),
        _("Update Launcher, then upload the file again."),
    ),
    Reason.OTHER_APPLICATION: FileWords(
        "warn", _("This is the database of another application"), (_UNTOUCHED,), _OURS_ALONE
    ),
    Reason.OTHERS_INSIDE: FileWords(
        "warn",
        _("The file also contains objects that Launcher did not create"),
        (_("Not from Launcher: %(names)s."), _UNTOUCHED),
        _("If the file is yours, remove these objects in a copy: %(command)s. Then"
" upload copy.db."),
    ),
    Reason.NOT_ALONE: FileWords(
        "warn",
        _("Its newest changes are in a second file"),
        (_("The backup folder also contains %(beside)s."), _("Nothing was changed.")),
        _("Run “flask backup import” with this file on the server. The command"
" imports both."),
    ),
    **dict.fromkeys(
        (Reason.LOG_UNREADABLE, Reason.JOURNAL_BESIDE, Reason.KEEPS_CHANGING),
        FileWords(
            "warn",
            _("Another program is changing the file, or was interrupted"),
            (_UNTOUCHED,),
            _("Stop that program, then copy the file again with all files beside it."),
        ),
    ),
    Reason.BOMB: FileWords(
        "bad",
        _("Unpacked size is not plausible"),
        (_("No backup has such a size, so the file was not unpacked."), _UNTOUCHED),
        _OURS_ALONE,
    ),
    Reason.CHECK_TIME: FileWords(
        "warn",
        _STOPPED,
        (_("The check did not finish within its limit of %(seconds)s seconds."), _UNTOUCHED),
        _STOPPED_ADVICE,
    ),
    Reason.CHECK_PROCESSOR: FileWords(
        "warn",
        _STOPPED,
        (_("The check reached its limit of %(seconds)s seconds of processor time."), _UNTOUCHED),
        _STOPPED_ADVICE,
    ),
    Reason.CHECK_MEMORY: FileWords(
        "warn", _STOPPED, (_("The check reached its memory limit."), _UNTOUCHED), _STOPPED_ADVICE
    ),
    Reason.CHECK_ENDED: FileWords(
        "warn",
        _("The check ended without a result"),
        (_("The contents of the file may have caused a crash."), _UNTOUCHED),
        _STOPPED_ADVICE,
    ),
    Reason.NO_SPACE_TO_UNPACK: FileWords(
        "warn",
        _("Not enough disk space to unpack the file"),
        (_UNTOUCHED,),
        ERROR_WORDS["insufficient_space"].hint,
    ),
    **dict.fromkeys(
        (
            Reason.NO_REVISION, Reason.UTF16,
            Reason.READ_ONLY_FORMAT, Reason.OBJECT_FOREIGN, Reason.OBJECT_MISSING,
            Reason.OBJECT_DIFFERENT,
        ),
        _NOT_OURS,
    ),
    Reason.NOT_SQLITE: _NO_DATABASE,
    Reason.EMPTY: FileWords("warn", _("The file is empty"), (_UNTOUCHED,), _SEND_AGAIN),
    Reason.ONLY_ZEROS: FileWords(
        "bad",
        _("The file has no content"),
        (_("The file starts with zeros."), _UNTOUCHED),
        _SEND_AGAIN,
    ),
    Reason.PACKED: FileWords(
        "warn",
        _("The file has to be unpacked first"),
        (_("This is a %(format)s file."), _UNTOUCHED),
        _("Unpack the file, then upload the .db or .db.zst file that it contains."),
    ),
    Reason.WINDOW_TOO_LARGE: FileWords(
        "warn",
        _("Unpacking the file would need too much memory"),
        (
            _("The file was compressed with --long or --ultra, which needs more memory"
" than is allowed here."),
            _UNTOUCHED,
        ),
        _("Unpack the file with “zstd -d --memory=4GB”, then upload the .db file."),
    ),
    Reason.ENCRYPTED: FileWords(
        "warn",
        _("The file is encrypted"),
        (_("This is a file of %(format)s."), _UNTOUCHED),
        _DECRYPT,
    ),
    Reason.LOOKS_ENCRYPTED: FileWords(
        "warn",
        _("This is not a database"),
        (_("The file seems to be encrypted, or compressed in an unknown format."), _UNTOUCHED),
        _DECRYPT,
    ),
    Reason.OTHER_FILE: FileWords(
        "warn",
        _NO_DATABASE.title,
        (_("This is a %(format)s file."), _UNTOUCHED),
        _NO_DATABASE.advice,
    ),
    Reason.WEB_PAGE: FileWords(
        "warn",
        _("This is a web page"),
        (_("A sign-in page was probably saved in place of the backup."), _UNTOUCHED),
        _("Sign in to the site that has the backup, and download it again."),
    ),
    Reason.MANIFEST_ALONE: FileWords(
        "warn",
        _("This is the manifest of a backup"),
        (_("The manifest describes a backup and does not contain it."), _UNTOUCHED),
        _("Upload the .db.zst or .db file of the same name from the same folder."),
    ),
    Reason.JSON_TEXT: FileWords(
        "warn", _("This is a JSON file"), (_UNTOUCHED,), _NO_DATABASE.advice
    ),
    Reason.SQL_TEXT: FileWords(
        "warn",
        _("This is an SQL script"),
        (_("The statements in an uploaded file are never executed."), _UNTOUCHED),
        _("Create a database from it with “sqlite3 new.db < FILE”, then upload"
" new.db."),
    ),
    **dict.fromkeys((Reason.CUT_OFF, Reason.DATA_CUT_OFF), _INCOMPLETE),
    **dict.fromkeys(
        (
            Reason.PAGE_SIZE, Reason.COUNTERS, Reason.PADDED, Reason.LONGER_THAN_ANNOUNCED,
            Reason.DATA_DAMAGED, Reason.DATA_AFTER_END, Reason.CHECKSUM, Reason.CHECKSUM_DATABASE,
            Reason.DATABASE_DAMAGED, Reason.DANGLING_ROWS, Reason.ROWS_BREAK_RULES,
        ),
        _DAMAGED,
    ),
}  # fmt: skip
"""What a refused file is, by reason."""
