"""The stages of an operation in words, while it runs and after it stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from launcher.backup.errors import BackupError
from launcher.backup.records.backup import Backup, Kind
from launcher.backup.records.ids import parse_backup_id
from launcher.backup.records.operation import JournalEntry, Progress, Stage, Verb
from launcher.backup.restore import STAGES_RESTORE
from launcher.current import current_backups
from launcher.db.connect import GATE_TIMEOUT_S
from launcher.http.waits import Wait, replacing_s, wait_of
from launcher.i18n.formats import duration, size, weekday_and_time
from launcher.i18n.labels import STAGE_WORDS, VERB_WORDS
from launcher.i18n.locale import gettext as _
from launcher.web.operations.undoing import undo_id


@dataclass(frozen=True, slots=True)
class StageRow:
    """One line of a list of stages.

    Attributes:
        state: "done", "running", "failed" or "" for not started.
        figure: how long it took, or how far it is.
        percent: None when unknown.
        note: one more sentence, in `note_language` if that is not the reader's.
    """

    state: str
    words: str
    figure: str = ""
    percent: int | None = None
    note: str = ""
    note_language: str = ""


def describe_progress(progress: Progress) -> dict[str, object]:
    """Return a running operation in words."""
    rows = [_row(progress, stage) for stage in progress.stages]
    return {
        "title": _title(progress),
        "by": progress.by,
        "started_at": progress.started_at,
        "is_restore": progress.verb is Verb.RESTORE,
        "rows": rows,
        "at": next((row.words for row in rows if row.state == "running"), ""),
    }


def describe_stop(entry: JournalEntry, *, problem: str, language: str = "") -> Sequence[StageRow]:
    """Return the stages of an operation that did not finish; `problem` says why."""
    took = entry.took_s
    stopped = str(entry.facts.get("stage") or "")
    names = [*took]
    if entry.verb is Verb.RESTORE:
        names = [str(stage) for stage in STAGES_RESTORE]
    if stopped and stopped not in names:
        names.insert(sum(name in took for name in names), stopped)
    known = [Stage(name) for name in names if name in set(Stage)]
    rows = []
    for stage in known:
        words = STAGE_WORDS[stage]
        figure = duration(took[stage]) if stage in took else ""
        if stage == stopped:
            rows.append(StageRow("failed", str(words.ahead), figure, None, problem, language))
        elif stage in took:
            rows.append(StageRow("done", str(words.done), figure))
        else:
            rows.append(StageRow("", _("%(stage)s: not started", stage=words.ahead)))
    return rows


def backup_of(backup_id: str) -> Backup | None:
    """Return the backup with an id from the journal, None when it is gone."""
    try:
        return current_backups().get(parse_backup_id(backup_id))
    except BackupError:
        return None


def is_undoing(progress: Progress) -> bool:
    """Whether a running operation is the undo of the last restore."""
    return progress.verb is Verb.RESTORE and progress.backup_id == (undo_id() or None)


def is_dated(backup: Backup) -> bool:
    """Whether the time of a backup is that of its data, and not that of an upload."""
    return backup.is_of_unknown_origin or backup.kind not in {Kind.UPLOAD, Kind.EXTERNAL}


def wait_words(size_bytes: int, *, shows_pages: bool) -> str:
    """Return what a restore of a database of this size means for the pages of the site.

    Args:
        shows_pages: whether only requests that write wait, as `launcher.http.waits` says.
    """
    wait = wait_of(size_bytes)
    limit = duration(GATE_TIMEOUT_S)
    if not shows_pages:
        if wait is not Wait.TOO_LONG:
            return _("Pages pause for a moment.")
        return _(
            "Pages pause. A request that waits longer than %(limit)s fails and can be sent again.",
            limit=limit,
        )
    match wait:
        case Wait.MOMENT:
            return _("Pages remain available. Changes wait for a moment.")
        case Wait.SECONDS:
            return _(
                "Pages remain available. Changes wait for about %(time)s.",
                time=duration(replacing_s(size_bytes)),
            )
    return _(
        "Pages remain available. A change that waits longer than %(limit)s fails and can be sent"
        " again.",
        limit=limit,
    )


def _title(progress: Progress) -> str:
    if is_undoing(progress):
        return _("Undoing the last restore")
    backup = backup_of(progress.backup_id) if progress.verb is Verb.RESTORE else None
    if backup and is_dated(backup):
        return _("Restoring to %(moment)s", moment=weekday_and_time(backup.created_at))
    return str(VERB_WORDS[progress.verb])


def _row(progress: Progress, stage: Stage) -> StageRow:
    words = STAGE_WORDS[stage]
    if stage == progress.stage:
        return StageRow(
            "running",
            str(words.running),
            _bytes(progress.done, progress.total),
            min(100, progress.done * 100 // progress.total) if progress.total else None,
            wait_words(progress.total, shows_pages=not progress.holds_readers)
            if stage is Stage.REPLACE and progress.total
            else "",
        )
    if stage in progress.took_s:
        return StageRow("done", str(words.done), duration(progress.took_s[stage]))
    return StageRow("", str(words.ahead))


def _bytes(done: int, total: int) -> str:
    if total:
        return _("%(done)s of %(total)s", done=size(done), total=size(total))
    return size(done) if done else ""
