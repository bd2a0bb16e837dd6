"""What a file turned out to be, once it was looked into: in words, with what to do next.

The core says in one English sentence why it refused. Here each of its reasons has words of a
reader's own; the sentence stays beside them as a detail.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from launcher.backup.records import Backup, JournalEntry, Outcome, moment_of
from launcher.content import LauncherContent
from launcher.i18n.formats import day_and_time
from launcher.i18n.labels import ERROR_WORDS
from launcher.i18n.locale import gettext as _
from launcher.i18n.locale import ngettext
from launcher.web.inside import inside_briefly

_OUR_NAME = re.compile(r"launcher-(\d{8}T\d{6}Z-[a-z0-9]{6})\.db(?:\.zst)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """What a file is.

    Attributes:
        tone: "ok", "warn" (not for this Launcher) or "bad" (damaged).
        title: the verdict.
        text: what of it, and what still holds.
        advice: what to do next, "" when there is nothing to do.
        problem: the reason in the core's own words, in English, "" for a good file.
    """

    tone: str
    title: str
    text: str
    advice: str = ""
    problem: str = ""


def verdict(entry: JournalEntry, backup: Backup | None) -> FileVerdict:
    """Return what became of an uploaded file.

    Args:
        entry: its operation, ended.
        backup: what was made of it, None when it was refused, or when that is gone by now.
    """
    if entry.outcome is Outcome.SUCCEEDED:
        return _good(backup)
    if entry.outcome is Outcome.INTERRUPTED:
        return FileVerdict(
            "warn",
            _("The check of this file was interrupted"),
            _("It is not in the list, and nothing was restored."),
            _("Send it once more."),
        )
    return refusal(entry.error_code, entry.error)


def refusal(code: str, problem: str) -> FileVerdict:
    """Return why a file was not taken, by the code and the sentence of the core's error."""
    for pattern, words in _REASONS.items():
        if found := re.search(pattern, problem, re.ASCII):
            return words(found)
    known = ERROR_WORDS.get(code, ERROR_WORDS["internal"])
    return FileVerdict("warn", str(known.title), "", str(known.hint), problem)


def fit(backup: Backup) -> str:
    """Return whether this server can take a backup: as it is, by migrating it, or not at all."""
    if not backup.schema_revision:
        return ""
    content = LauncherContent()
    pending = content.pending(backup.schema_revision)
    if pending is None:
        return _("Needs a newer Launcher: this one knows schemas up to %(ours)s", ours=content.head)
    if not pending:
        return _("Fits this server as it is")
    return ngettext(
        "A restore migrates it by one step",
        "A restore migrates it by %(num)s steps",
        len(pending),
    )


def _good(backup: Backup | None) -> FileVerdict:
    title = _("It is a backup of Launcher, and whole")
    if backup is None:
        return FileVerdict("ok", title, _("It was put in the list, and has been removed since."))
    facts = [
        _("Schema %(schema)s. %(fit)s.", schema=backup.schema_revision, fit=fit(backup)),
        _("Inside: %(inside)s.", inside=inside_briefly(backup.contents)),
        _("It is in the list now; nothing was restored."),
    ]
    if made_at := _named(backup):
        facts.insert(0, _("Of %(when)s, going by its name.", when=day_and_time(made_at)))
    return FileVerdict("ok", title, " ".join(facts))


def _named(backup: Backup) -> datetime | None:
    """Return when an uploaded backup was made, where its name still says so."""
    found = _OUR_NAME.search(backup.note)
    return moment_of(found[1]) if found else None


def _untouched() -> str:
    return _("It was not put in the list, and nothing was changed.")


def _and_untouched(sentence: str) -> str:
    return f"{sentence} {_untouched()}"


def _newer(found: re.Match[str]) -> FileVerdict:
    return FileVerdict(
        "warn",
        _("It was made by a newer Launcher"),
        _(
            "Its schema is %(theirs)s, and this server, Launcher %(version)s, knows schemas up to"
            " %(ours)s. The file itself may well be good; nothing was changed.",
            theirs=found[1],
            version=found[2],
            ours=found[3],
        ),
        _("Update this server, then bring the file in again."),
        found.string,
    )


def _other_app(found: re.Match[str]) -> FileVerdict:
    return FileVerdict(
        "warn",
        _("It is the database of another application"),
        _untouched(),
        _("Only a backup that was made by Launcher can be restored."),
        found.string,
    )


def _not_ours(found: re.Match[str]) -> FileVerdict:
    return FileVerdict(
        "warn",
        _("It is not a backup of Launcher"),
        _and_untouched(_("It does not hold what a Launcher of any version would.")),
        _("Only a backup that was made by Launcher can be restored."),
        found.string,
    )


def _no_database(found: re.Match[str]) -> FileVerdict:
    return FileVerdict(
        "warn",
        _("It is not a database"),
        _untouched(),
        _("Take the .db file that Launcher gave you, or its .db.zst."),
        found.string,
    )


def _bomb(found: re.Match[str]) -> FileVerdict:
    return FileVerdict(
        "bad",
        _("It claims to unpack to far more than it can hold"),
        _and_untouched(_("No backup looks like that, so it was not unpacked.")),
        _("Only a backup that was made by Launcher can be restored."),
        found.string,
    )


def _too_large(found: re.Match[str]) -> FileVerdict:
    return FileVerdict(
        "warn",
        _("The disk has no room to unpack it"),
        _untouched(),
        str(ERROR_WORDS["insufficient_space"].hint),
        found.string,
    )


def _damaged(found: re.Match[str]) -> FileVerdict:
    return FileVerdict(
        "bad",
        _("It is damaged"),
        _and_untouched(_("It is not whole any more, or never was.")),
        _("Copy or send it once more. If that does not help, take another backup."),
        found.string,
    )


_REASONS: Mapping[str, Callable[[re.Match[str]], FileVerdict]] = {
    r"with schema (\S+); this is Launcher (\S+) with schema (\S+)": _newer,
    r"belongs to another application": _other_app,
    r"does not say which schema|as UTF-16|schema is not Launcher's": _not_ours,
    r"not a SQLite database|the file is empty": _no_database,
    r"claims to unpack to": _bomb,
    r"needs .* once unpacked": _too_large,
    r"damaged|cut off|longer than|after the end|do not exist|took too long|is not what": _damaged,
}
