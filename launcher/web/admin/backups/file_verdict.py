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
            gettext("It is not in the list, and nothing was restored."),
            gettext("Send it once more."),
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
            "Needs a newer Launcher: this one knows schemas up to %(ours)s", ours=content.head
        )
    if not pending:
        return gettext("Fits this server as it is")
    return ngettext(
        "A restore migrates it by one step", "A restore migrates it by %(num)s steps", len(pending)
    )


def _good(backup: Backup | None) -> FileVerdict:
    title = gettext("It is a backup of Launcher, and whole")
    if backup is None:
        return FileVerdict(
            "ok", title, gettext("It was put in the list, and has been removed since.")
        )
    facts = [
        gettext("Schema %(schema)s. %(fit)s.", schema=backup.schema_revision, fit=fit(backup)),
        gettext("Inside: %(contents)s.", contents=contents_in_brief(backup.contents)),
        gettext("It is in the list now; nothing was restored."),
    ]
    if made_at := _named(backup):
        facts.insert(0, gettext("Of %(when)s, going by its name.", when=day_and_time(made_at)))
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


_UNTOUCHED = _("It was not put in the list, and nothing was changed.")
_OURS_ALONE = _("Only a backup that was made by Launcher can be restored.")
_NOT_OURS = FileWords(
    "warn",
    _("It is not a backup of Launcher"),
    (_("It does not hold what a Launcher of any version would."), _UNTOUCHED),
    _OURS_ALONE,
)
_NO_DATABASE = FileWords(
    "warn",
    _("It is not a database"),
    (_UNTOUCHED,),
    _("Take the .db file that Launcher gave you, or its .db.zst."),
)
_SEND_AGAIN = _("Download or copy it again, and wait until the transfer has ended.")
_DECRYPT = _("Decrypt it with the program that encrypted it, then upload the result.")
_INCOMPLETE = FileWords(
    "bad",
    _("It is incomplete"),
    (_("The end of the file is missing: a download or a copy broke off."), _UNTOUCHED),
    _SEND_AGAIN,
)
_DAMAGED = FileWords(
    "bad",
    _("It is damaged"),
    (_("It is not whole any more, or never was."), _UNTOUCHED),
    _("Copy or send it once more. If that does not help, take another backup."),
)

_STOPPED = _("Its check was stopped")
_STOPPED_ADVICE = ERROR_WORDS["check_stopped"].hint

FILE_WORDS: Mapping[Reason, FileWords] = {
    Reason.NEWER_SCHEMA: FileWords(
        "warn",
        _("It was made by a newer Launcher"),
        (
            _(
                "Its schema is %(theirs)s, and this server, Launcher %(version)s, knows schemas up"
                " to %(ours)s. The file itself may well be good; nothing was changed."
            ),
        ),
        _("Update this server, then bring the file in again."),
    ),
    Reason.OTHER_APPLICATION: FileWords(
        "warn", _("It is the database of another application"), (_UNTOUCHED,), _OURS_ALONE
    ),
    Reason.OTHERS_INSIDE: FileWords(
        "warn",
        _("It also holds what Launcher did not create"),
        (_("Not from Launcher: %(names)s."), _UNTOUCHED),
        _("If the file is your own, remove that in a copy: %(command)s. Then upload copy.db."),
    ),
    Reason.NOT_ALONE: FileWords(
        "warn",
        _("Its newest changes are in a second file"),
        (_("%(beside)s lies beside it in the backup folder."), _("Nothing was changed.")),
        _("Run “flask backup import” with this file on the server: it takes both in."),
    ),
    **dict.fromkeys(
        (Reason.LOG_UNREADABLE, Reason.JOURNAL_BESIDE, Reason.KEEPS_CHANGING),
        FileWords(
            "warn",
            _("Another program is changing it, or was interrupted"),
            (_UNTOUCHED,),
            _("Stop that program, then copy the file again with all files beside it."),
        ),
    ),
    Reason.BOMB: FileWords(
        "bad",
        _("It claims to unpack to far more than it can hold"),
        (_("No backup looks like that, so it was not unpacked."), _UNTOUCHED),
        _OURS_ALONE,
    ),
    Reason.CHECK_TIME: FileWords(
        "warn",
        _STOPPED,
        (_("It was not done within its limit of %(seconds)s seconds."), _UNTOUCHED),
        _STOPPED_ADVICE,
    ),
    Reason.CHECK_PROCESSOR: FileWords(
        "warn",
        _STOPPED,
        (_("It used its limit of %(seconds)s seconds of processor time."), _UNTOUCHED),
        _STOPPED_ADVICE,
    ),
    Reason.CHECK_MEMORY: FileWords(
        "warn", _STOPPED, (_("It used its limit of memory."), _UNTOUCHED), _STOPPED_ADVICE
    ),
    Reason.CHECK_ENDED: FileWords(
        "warn",
        _("Its check ended without a result"),
        (_("Something inside may have made it crash."), _UNTOUCHED),
        _STOPPED_ADVICE,
    ),
    Reason.NO_SPACE_TO_UNPACK: FileWords(
        "warn",
        _("The disk has no room to unpack it"),
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
    Reason.EMPTY: FileWords("warn", _("It is empty"), (_UNTOUCHED,), _SEND_AGAIN),
    Reason.ONLY_ZEROS: FileWords(
        "bad", _("It has no content"), (_("It begins with zeros alone."), _UNTOUCHED), _SEND_AGAIN
    ),
    Reason.PACKED: FileWords(
        "warn",
        _("It must be unpacked first"),
        (_("This is a %(format)s file."), _UNTOUCHED),
        _("Unpack it, then upload the .db or .db.zst file that is in it."),
    ),
    Reason.WINDOW_TOO_LARGE: FileWords(
        "warn",
        _("Unpacking it would take too much memory"),
        (
            _("It was compressed with --long or --ultra, for more memory than is used here."),
            _UNTOUCHED,
        ),
        _("Unpack it with “zstd -d --memory=4GB”, then upload the .db file."),
    ),
    Reason.ENCRYPTED: FileWords(
        "warn",
        _("It is encrypted"),
        (_("This is a file of %(format)s."), _UNTOUCHED),
        _DECRYPT,
    ),
    Reason.LOOKS_ENCRYPTED: FileWords(
        "warn",
        _("It is not a database"),
        (_("It looks encrypted, or compressed in an unknown format."), _UNTOUCHED),
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
        _("It is a web page"),
        (_("A sign-in page was probably saved in place of the backup."), _UNTOUCHED),
        _("Sign in to the Launcher that has the backup, and download it again."),
    ),
    Reason.MANIFEST_ALONE: FileWords(
        "warn",
        _("It is the manifest of a backup"),
        (_("The manifest describes a backup and does not contain it."), _UNTOUCHED),
        _("Upload the .db.zst or .db file of the same name, which lies beside it."),
    ),
    Reason.JSON_TEXT: FileWords(
        "warn", _("It is a JSON file"), (_UNTOUCHED,), _NO_DATABASE.advice
    ),
    Reason.SQL_TEXT: FileWords(
        "warn",
        _("It is an SQL script"),
        (_("The statements in an uploaded file are never executed."), _UNTOUCHED),
        _("Make a database of it with “sqlite3 new.db < FILE”, then upload new.db."),
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
