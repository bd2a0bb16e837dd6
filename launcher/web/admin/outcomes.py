"""What became of an operation of any kind, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from flask import url_for

from launcher.backup.records import JournalEntry, Outcome, State, Verb
from launcher.i18n import ERROR_WORDS, OUTCOME_WORDS, VERB_WORDS, clock_time, duration, size
from launcher.i18n import gettext as _
from launcher.web.admin.outcome import OutcomeWords, WayOn, to_the_backups
from launcher.web.admin.restored import kept, restored, undo, undo_words
from launcher.web.admin.toast_words import source_of
from launcher.web.admin.verdicts import verdict
from launcher.web.inside import inside
from launcher.web.operations.following import Follower
from launcher.web.operations.stages import backup_of, describe_stop


def describe_outcome(entry: JournalEntry, follower: Follower | None) -> OutcomeWords:
    """Return what became of an operation, for who followed it with a token or for any admin."""
    words = _describe(entry, follower)
    if follower and follower.setup_token:
        return replace(words, ways_on=_at_setup(entry, follower.setup_token), fine="")
    return words


def _describe(entry: JournalEntry, follower: Follower | None) -> OutcomeWords:
    if entry.outcome is Outcome.SUCCEEDED:
        if entry.verb is Verb.RESTORE:
            return restored(entry, follower)
        return _SUCCEEDED.get(entry.verb, _done)(entry)
    words = _FAILED.get(entry.verb, _failed)(entry)
    if entry.outcome is Outcome.INTERRUPTED:
        words = _INTERRUPTED.get(entry.verb, _interrupted)(entry)
    return replace(words, code=entry.error_code, operation_id=entry.operation_id)


# --- succeeded ---------------------------------------------------------------------------


def _done(entry: JournalEntry) -> OutcomeWords:
    return OutcomeWords(
        "ok",
        f"{VERB_WORDS[entry.verb]}: {OUTCOME_WORDS[entry.outcome]}",
        _took(entry),
        ways_on=(to_the_backups(),),
    )


def _created(entry: JournalEntry) -> OutcomeWords:
    return OutcomeWords(
        "ok",
        _("The backup is made and verified"),
        f"{_took(entry)} {_inside(entry)}".strip(),
        ways_on=(to_the_backups(), *_look_inside(entry)),
    )


def _verified(entry: JournalEntry) -> OutcomeWords:
    if entry.facts.get("state") == State.DAMAGED:
        return OutcomeWords(
            "bad",
            _("This backup is damaged"),
            _("It cannot be restored. The others are not affected."),
            problem=str(entry.facts.get("problem", "")),
            advice=str(ERROR_WORDS["verification_failed"].hint),
            ways_on=(to_the_backups(), *_look_inside(entry)),
        )
    return OutcomeWords(
        "ok",
        _("This backup is good"),
        _("Every byte is as it was when it was made."),
        ways_on=(to_the_backups(), *_look_inside(entry)),
    )


def _rehearsed(entry: JournalEntry) -> OutcomeWords:
    return OutcomeWords(
        "ok",
        _("A restore of this backup would work"),
        _(
            "It was tried on a copy and would bring back %(inside)s. Nothing was changed.",
            inside=inside(entry.facts.get("rows")),
        ),
        ways_on=(to_the_backups(), *_restore_it(entry)),
    )


def _taken_in(entry: JournalEntry) -> OutcomeWords:
    found = verdict(entry, backup_of(entry.backup_id))
    return OutcomeWords(
        found.tone,
        found.title,
        found.text,
        facts=_file(entry),
        ways_on=(*_look_inside(entry), *_restore_it(entry), to_the_backups()),
    )


def _not_taken_in(entry: JournalEntry) -> OutcomeWords:
    found = verdict(entry, None)
    return OutcomeWords(
        found.tone,
        found.title,
        found.text,
        facts=_file(entry),
        problem=found.problem,
        advice=found.advice,
        ways_on=(to_the_backups(),),
    )


# --- failed ------------------------------------------------------------------------------


def _failed(entry: JournalEntry) -> OutcomeWords:
    words = ERROR_WORDS.get(entry.error_code, ERROR_WORDS["internal"])
    return OutcomeWords(
        "warn",
        str(words.title),
        f"{VERB_WORDS[entry.verb]}: {OUTCOME_WORDS[entry.outcome]}.",
        problem=entry.error,
        advice=str(words.hint),
        ways_on=(to_the_backups(),),
    )


def _restore_failed(entry: JournalEntry) -> OutcomeWords:
    words = ERROR_WORDS.get(entry.error_code, ERROR_WORDS["internal"])
    if entry.error_code == "revert_failed":
        safety_id = entry.facts.get("safety_id") or "ID"
        return OutcomeWords(
            "bad",
            str(words.title),
            _("Nothing is lost. Do not make changes until it is put right."),
            problem=entry.error,
            stages=describe_stop(entry, problem=""),
            facts={_("Before this"): kept(entry)},
            advice=_("To bring the data from before back, run this on the server:"),
            command=f"flask backup restore {safety_id}",
            ways_on=(to_the_backups(),),
        )
    return OutcomeWords(
        "warn",
        _("The restore stopped. Nothing was changed"),
        _(
            "Launcher is exactly as it was at %(time)s. Nobody was signed out.",
            time=clock_time(entry.started_at),
        ),
        stages=describe_stop(entry, problem=entry.error, language="en"),
        advice=str(words.hint),
        ways_on=(*_back_to_the_plan(entry), to_the_backups()),
    )


# --- interrupted -------------------------------------------------------------------------


def _interrupted(entry: JournalEntry) -> OutcomeWords:
    return OutcomeWords(
        "warn",
        f"{VERB_WORDS[entry.verb]}: {OUTCOME_WORDS[entry.outcome]}",
        _("Its process was ended from outside. What it had begun was cleared away."),
        problem=entry.error,
        advice=_("Nothing is half done. Start it again."),
        ways_on=(to_the_backups(),),
    )


def _restore_interrupted(entry: JournalEntry) -> OutcomeWords:
    """Say on which side of the replacement the process ended: there is nothing in between."""
    stages = describe_stop(entry, problem=_("Its process was ended from outside."))
    data = entry.facts.get("data")
    if data == "restored":
        return OutcomeWords(
            "warn",
            _("The restore was interrupted, after the data had been replaced"),
            _("The restored data is there as a whole. Only counting it again was left out."),
            facts={_("Before this"): kept(entry)},
            stages=stages,
            advice=_("See that all is there. If not, undo this restore."),
            ways_on=(to_the_backups(), *undo(entry)),
            fine=undo_words(entry),
        )
    if data == "unchanged":
        return OutcomeWords(
            "warn",
            _("The restore was interrupted. Nothing was changed"),
            _("The data is replaced in one step, which had not been taken. Nobody was signed out."),
            stages=stages,
            advice=_("Start again from the plan."),
            ways_on=(*_back_to_the_plan(entry), to_the_backups()),
        )
    safety_id = str(entry.facts.get("safety_id") or "latest")
    return OutcomeWords(
        "bad",
        _("The restore was interrupted, and the database cannot be read"),
        _("Your backups are whole. The data from before is in the newest of them."),
        facts={_("Before this"): kept(entry)} if entry.facts.get("safety_id") else {},
        stages=stages,
        advice=_("To bring the data from before back, run this on the server:"),
        command=f"flask backup restore {safety_id}",
        ways_on=(to_the_backups(),),
    )


# --- at the setup of a new server, where nobody can sign in yet -------------------------------


def _at_setup(entry: JournalEntry, token: str) -> tuple[WayOn, ...]:
    plan = url_for("setup_restore.show_plan", backup_id=entry.backup_id or "-", token=token)
    back = WayOn(url_for("setup.show", token=token), _("Back to the first start"))
    if entry.verb is Verb.RESTORE:
        is_done = entry.outcome is Outcome.SUCCEEDED or entry.facts.get("data") == "restored"
        return (to_the_backups(),) if is_done else (WayOn(plan, _("Back to the plan")), back)
    if entry.outcome is Outcome.SUCCEEDED:
        return (WayOn(plan, _("Look inside")), back)
    return (back,)


# --- pieces ------------------------------------------------------------------------------


def _took(entry: JournalEntry) -> str:
    return _(
        "It took %(time)s.", time=duration((entry.ended_at - entry.started_at).total_seconds())
    )


def _inside(entry: JournalEntry) -> str:
    backup = backup_of(entry.backup_id)
    if backup is None or not backup.contents or backup.file is None:
        return ""
    return _(
        "It holds %(inside)s in %(size)s.",
        inside=inside(backup.contents),
        size=size(backup.file.size_bytes),
    )


def _file(entry: JournalEntry) -> Mapping[str, str]:
    source = source_of(entry)
    return {_("File"): source} if source else {}


def _look_inside(entry: JournalEntry) -> tuple[WayOn, ...]:
    if backup_of(entry.backup_id) is None:
        return ()
    return (WayOn(url_for("backup.show", backup_id=entry.backup_id), _("Look inside")),)


def _restore_it(entry: JournalEntry) -> tuple[WayOn, ...]:
    if backup_of(entry.backup_id) is None:
        return ()
    address = url_for("restores.show_plan", backup_id=entry.backup_id)
    return (WayOn(address, _("Restore…"), "rotate-ccw"),)


def _back_to_the_plan(entry: JournalEntry) -> tuple[WayOn, ...]:
    if backup_of(entry.backup_id) is None:
        return ()
    address = url_for("restores.show_plan", backup_id=entry.backup_id)
    return (WayOn(address, _("Back to the plan")),)


_Describe = Callable[[JournalEntry], OutcomeWords]

_SUCCEEDED: Mapping[Verb, _Describe] = {
    Verb.CREATE: _created,
    Verb.VERIFY: _verified,
    Verb.REHEARSE: _rehearsed,
    Verb.UPLOAD: _taken_in,
}
_FAILED: Mapping[Verb, _Describe] = {
    Verb.RESTORE: _restore_failed,
    Verb.UPLOAD: _not_taken_in,
}
_INTERRUPTED: Mapping[Verb, _Describe] = {
    Verb.RESTORE: _restore_interrupted,
    Verb.UPLOAD: _not_taken_in,
}
