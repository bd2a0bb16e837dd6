"""The words about an operation that has ended, by verb."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, cast

from flask import url_for

from launcher.backup.records.backup import Backup, State
from launcher.backup.records.operation import JournalEntry, Outcome
from launcher.current import current_backups
from launcher.i18n.actors import actor_in_sentence, actor_words
from launcher.i18n.formats import duration, isolated, size
from launcher.i18n.labels import (
    DAMAGE_WORDS,
    ERROR_WORDS,
    OUTCOME_WORDS,
    ErrorWords,
    failure_words,
    operation_words,
)
from launcher.i18n.locale import gettext, ngettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.web.admin.backups.file_verdict import verdict
from launcher.web.admin.backups.outcomes.page import OutcomePage, to_the_backups
from launcher.web.admin.backups.words import when
from launcher.web.contents import contents, contents_in_brief
from launcher.web.errors import NextStep, has_unjudged, latest_backup
from launcher.web.operations.following import Follower
from launcher.web.operations.stages import backup_of
from launcher.web.toasts import Toast, make_toast

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

    from launcher.backup.reasons import Reason


class Ended:
    """An operation that has ended, with the words for any verb.

    The words of a class may name `what` ended, `who` started it, and its backup (`when`) or `file`.

    Attributes:
        done, failed, interrupted: its toast; the reason of a failure follows.
        line_done, line_failed: its line in the history of a backup.
    """

    done = _("%(what)s: done")
    failed = _("%(what)s: failed")
    interrupted = _("%(what)s: interrupted, the process was stopped. No partial files remain.")
    line_done: LazyString | str = "%(what)s"
    line_failed: LazyString | str = "%(what)s"

    def __init__(self, entry: JournalEntry) -> None:
        self.entry = entry
        self.facts = entry.facts
        self.verb = operation_words(entry)
        self.error = failure_words(entry) or ERROR_WORDS["internal"]

    @property
    def is_good(self) -> bool:
        """Whether it succeeded and found nothing bad."""
        return self.entry.outcome is Outcome.SUCCEEDED and not self.is_damaged

    @property
    def is_damaged(self) -> bool:
        """Whether it found the backup damaged."""
        return self.facts.get("state") == State.DAMAGED

    @property
    def problem(self) -> str:
        """The core's sentence on what went wrong, in English, "" for nothing."""
        return "" if self.is_good else str(self.facts.get("problem") or self.entry.error)

    @cached_property
    def backup(self) -> Backup | None:
        """Its backup, None when that is gone."""
        return backup_of(self.entry.backup_id)

    @property
    def when(self) -> str:
        """The moment of its backup, gone or not."""
        return when(self.entry.backup_id)

    @property
    def took(self) -> str:
        """How long it took."""
        return duration((self.entry.ended_at - self.entry.started_at).total_seconds())

    # --- its page ------------------------------------------------------------------------

    def page(self, follower: Follower | None) -> OutcomePage:
        """Return its page, for a `follower` with a token or for an admin."""
        if self.entry.outcome is Outcome.SUCCEEDED:
            page = self.page_of_success(follower)
        else:
            is_failure = self.entry.outcome is Outcome.FAILED
            page = self.page_of_failure() if is_failure else self.page_of_interruption()
            page = replace(page, code=self.entry.error_code, operation_id=self.entry.operation_id)
        if follower and follower.setup_token:
            next_steps = self.steps_at_setup(follower.setup_token)
            return replace(page, next_steps=next_steps, fine="")
        return page

    def page_of_success(self, _follower: Follower | None) -> OutcomePage:
        return OutcomePage(
            "ok",
            f"{self.verb}: {OUTCOME_WORDS[self.entry.outcome]}",
            gettext("Duration: %(time)s.", time=self.took),
            next_steps=(to_the_backups(),),
        )

    def page_of_failure(self) -> OutcomePage:
        return OutcomePage(
            "warn",
            str(self.error.title),
            f"{self.verb}: {OUTCOME_WORDS[self.entry.outcome]}.",
            problem=self._problem(),
            advice=_with_next_good(self.error) if self.is_damaged else str(self.error.hint),
            next_steps=(to_the_backups(),),
        )

    def _problem(self) -> str:
        """Return what was wrong, in the language of the reader where there are words for it."""
        words = DAMAGE_WORDS.get(cast("Reason", self.entry.reason))
        return str(words) if words else self.entry.error

    def page_of_interruption(self) -> OutcomePage:
        return OutcomePage(
            "warn",
            f"{self.verb}: {OUTCOME_WORDS[self.entry.outcome]}",
            gettext("The process was stopped before it finished. Temporary files were removed."),
            problem=self._problem(),
            advice=gettext("Start the operation again."),
            next_steps=(to_the_backups(),),
        )

    def steps_at_setup(self, token: str) -> tuple[NextStep, ...]:
        """Return the next steps at the setup of a new server."""
        back = NextStep(url_for("setup.show", token=token), gettext("Back to setup"))
        if self.entry.outcome is Outcome.SUCCEEDED:
            return (NextStep(self.plan_at_setup(token), gettext("Restore…"), "rotate-ccw"), back)
        return (back,)

    def plan_at_setup(self, token: str, search: str = "") -> str:
        """Return the address of the plan at the setup of a new server.

        Args:
            search: the key of the search for copies that the plan leads back to, "" for none.
        """
        backup_id = self.entry.backup_id or "-"
        return url_for(
            "setup_restore.show_plan", backup_id=backup_id, token=token, search=search or None
        )

    def look_inside(self) -> tuple[NextStep, ...]:
        """Return the step to the backup, none when it is gone."""
        if self.backup is None:
            return ()
        return (
            NextStep(url_for("backup.show", backup_id=self.backup.id), gettext("Show details")),
        )

    def to_the_plan(self, words: str, icon: str = "") -> tuple[NextStep, ...]:
        """Return the step to the plan of its restore, none when the backup is gone."""
        if self.backup is None:
            return ()
        address = url_for("restores.show_plan", backup_id=self.backup.id)
        return (NextStep(address, words, icon),)

    # --- its toast, and its line in the history of a backup ---------------------------------

    def toast(self) -> Toast:
        """Return its toast."""
        if self.entry.outcome is Outcome.SUCCEEDED:
            return make_toast(self.toast_of_success())
        if self.entry.outcome is Outcome.INTERRUPTED:
            return make_toast(self.toast_of_interruption(), severity="bad")
        # The sentence of a bug is for the server log.
        sentence = self.entry.error if self.entry.error_code != "internal" else ""
        names_unknown = "%(when)s" in str(self.failed) and not self.entry.backup_id
        words = self.fill(Ended.failed if names_unknown else self.failed)
        details = [each for each in (str(self.error.title), sentence) if each not in {"", words}]
        return make_toast(words, severity="bad", details=details)

    def toast_of_success(self) -> str:
        return self.fill(self.done)

    def toast_of_interruption(self) -> str:
        return self.fill(self.interrupted)

    def line(self, backup: Backup) -> str:
        """Return its line in the history of `backup`."""
        is_success = self.entry.outcome is Outcome.SUCCEEDED
        return self.line_of_success(backup) if is_success else self.line_of_failure()

    def line_of_success(self, _backup: Backup) -> str:
        return self.fill(self.line_done)

    def line_of_failure(self) -> str:
        return self.fill(self.line_failed)

    def fill(self, words: LazyString | str) -> str:
        """Return `words` with their facts filled in."""
        is_first = str(words).startswith("%(who)s")
        file = source_of(self.entry) or gettext("The file")
        facts = {
            "what": self.verb,
            "who": (actor_words if is_first else actor_in_sentence)(self.entry.by),
            "when": self.when,
            "file": file,
        }
        return str(words) % facts


def _with_next_good(error: ErrorWords) -> str:
    """Return the hint of an error, and the backup that a restore of `latest` takes now."""
    if (latest := latest_backup()) is None:
        return str(error.hint) if has_unjudged() else gettext("Back up now, and check the disk.")
    said = gettext("The next good backup is %(id)s.", id=latest.id)
    return f"{error.hint} {said}"


def of_the_others() -> str:
    """Return what is known of the backups beside one that is damaged."""
    listing = current_backups().listing()
    counts = listing.counts_by_state
    if len(listing.backups) == 1:
        return gettext("There is no other backup.")
    damaged, unverified = counts[State.DAMAGED] - 1, counts[State.UNVERIFIED]
    if damaged > 0:
        return ngettext(
            "%(num)s other backup is damaged too. The disk may be failing.",
            "%(num)s other backups are damaged too. The disk may be failing.",
            damaged,
        )
    if unverified:
        return ngettext(
            "No other backup is known to be damaged, but %(num)s is not verified yet.",
            "No other backup is known to be damaged, but %(num)s are not verified yet.",
            unverified,
        )
    return gettext("No other backup is known to be damaged.")


class CreateEnded(Ended):
    """A backup was created."""

    failed = _("No backup created")
    interrupted = _(
        "The backup was interrupted, because the process was stopped. No partial files remain."
    )

    def page_of_success(self, _follower: Follower | None) -> OutcomePage:
        text, backup = gettext("Duration: %(time)s.", time=self.took), self.backup
        if backup and backup.contents and backup.file:
            held, size_ = contents(backup.contents), size(backup.file.size_bytes)
            text += " " + gettext(
                "Contents: %(contents)s. Size: %(size)s.", contents=held, size=size_
            )
        return OutcomePage(
            "ok",
            gettext("Backup created and verified"),
            text,
            next_steps=(to_the_backups(), *self.look_inside()),
        )

    def toast_of_success(self) -> str:
        size_bytes = self.facts.get("size_bytes")
        if not isinstance(size_bytes, int):
            return gettext("Backup created in %(time)s", time=self.took)
        return gettext(
            "Backup created: %(size)s in %(time)s", size=size(size_bytes), time=self.took
        )

    def line_of_success(self, _backup: Backup) -> str:
        if took := took_s(self.entry):
            return gettext("Created in %(duration)s", duration=duration(took))
        return gettext("Created")


class MigrateEnded(Ended):
    """The database was upgraded, after a backup."""

    line_done = _("Created before a database upgrade")


class VerifyEnded(Ended):
    """A backup was verified."""

    done = _("Backup of %(when)s verified: good")
    failed = _("The backup of %(when)s could not be verified")
    line_failed = _("Checked and rejected")

    def page_of_success(self, _follower: Follower | None) -> OutcomePage:
        page = OutcomePage(
            "ok",
            gettext("This backup is good"),
            gettext("Every byte matches its checksum."),
            next_steps=(to_the_backups(), *self.look_inside()),
        )
        if not self.is_damaged:
            return replace(page, text=self._with_doubt(page.text))
        return replace(
            page,
            severity="bad",
            title=gettext("This backup is damaged"),
            text=self._with_doubt(
                " ".join((gettext("This backup cannot be restored."), of_the_others()))
            ),
            problem=self.problem,
            advice=_with_next_good(ERROR_WORDS["verification_failed"]),
        )

    def _with_doubt(self, text: str) -> str:
        """Return `text`, and that the status could not be recorded, if so."""
        if not self.facts.get("not_recorded"):
            return text
        said = gettext(
            "The backup folder cannot be written, so this result is only in the history."
        )
        return f"{text} {said}"

    def toast_of_success(self) -> str:
        return self._with_doubt(f"{super().toast_of_success()}.").removesuffix(".")

    def toast(self) -> Toast:
        if self.entry.outcome is Outcome.SUCCEEDED and self.is_damaged:
            text = gettext("The backup of %(when)s is damaged", when=self.when)
            return make_toast(text, severity="bad", details=[self.problem] if self.problem else ())
        return super().toast()

    def line_of_success(self, _backup: Backup) -> str:
        if self.is_damaged:
            return gettext("Verified: damaged")
        return gettext("Verified: checksum, structure and references are correct")


class RestoreTestEnded(Ended):
    """A restore test was run."""

    failed = _("Restore test of the backup of %(when)s failed")
    line_failed = _("Restore test failed")

    def page_of_success(self, _follower: Follower | None) -> OutcomePage:
        return OutcomePage(
            "ok",
            gettext("Restore test passed"),
            self._text_of_success(),
            next_steps=(to_the_backups(), *self.to_the_plan(gettext("Restore…"), "rotate-ccw")),
        )

    def _text_of_success(self) -> str:
        found = contents(self.facts.get("rows"))
        if name := self.facts.get("destination"):
            return gettext(
                "The copy at %(name)s was restored to a temporary copy: %(contents)s. Your data was"
                " not changed.",
                name=isolated(str(name)),
                contents=found,
            )
        return gettext(
            "The backup was restored to a temporary copy: %(contents)s. Your data was not changed.",
            contents=found,
        )

    def toast_of_success(self) -> str:
        return gettext(
            "Restore test of the backup of %(when)s passed: %(contents)s. Your data"
            " was not changed.",
            when=self.when,
            contents=contents(self.facts.get("rows")),
        )

    def line_of_success(self, backup: Backup) -> str:
        if contents := contents_in_brief(backup.contents):
            return gettext("Restore test passed: %(contents)s", contents=contents)
        return gettext("Restore test passed")


class UploadEnded(Ended):
    """A file was uploaded."""

    done = _("%(file)s added to the list")
    failed = _("%(file)s was rejected")
    line_done = _("Uploaded by %(who)s and verified")

    def page_of_success(self, _follower: Follower | None) -> OutcomePage:
        to_the_plan = self.to_the_plan(gettext("Restore…"), "rotate-ccw")
        return self._page((*self.look_inside(), *to_the_plan, to_the_backups()))

    def page_of_failure(self) -> OutcomePage:
        return self._page((to_the_backups(),))

    page_of_interruption = page_of_failure

    def _page(self, next_steps: tuple[NextStep, ...]) -> OutcomePage:
        found, source = verdict(self.entry, self.backup), source_of(self.entry)
        return OutcomePage(
            found.severity,
            found.title,
            found.text,
            facts={gettext("File"): source} if source else {},
            problem=found.problem,
            advice=found.advice,
            next_steps=next_steps,
        )


class ExportEnded(Ended):
    """A backup was written as a plain file."""

    done = _("Backup of %(when)s exported")
    line_done = _("Exported by %(who)s")
    line_failed = _("Export failed")


class ProtectEnded(Ended):
    """A backup was exempted from retention."""

    done = _("%(who)s protected the backup of %(when)s")
    line_done = _("Protected by %(who)s")


class UnprotectEnded(Ended):
    """A backup was returned to retention."""

    done = _("%(who)s stopped protecting the backup of %(when)s")
    line_done = _("Protection removed by %(who)s")


class NoteEnded(Ended):
    """The note of a backup was changed."""

    done = _("%(who)s changed the note of the backup of %(when)s")
    line_done = _("Note changed by %(who)s")


class DeleteEnded(Ended):
    """Backups were deleted by a person."""

    done = _("%(who)s deleted the backup of %(when)s")

    def toast_of_success(self) -> str:
        if self.entry.backup_id:
            return super().toast_of_success()
        return ngettext(
            "%(who)s deleted %(num)s backup",
            "%(who)s deleted %(num)s backups",
            _removed(self.entry),
            who=actor_words(self.entry.by),
        )


class PruneEnded(Ended):
    """Backups were removed by retention."""

    def toast_of_success(self) -> str:
        return ngettext(
            "%(num)s old backup removed by retention",
            "%(num)s old backups removed by retention",
            _removed(self.entry),
        )


def source_of(entry: JournalEntry) -> str:
    """Return the name that an uploaded file had in the browser, "" when unknown."""
    return str(entry.facts.get("note") or entry.facts.get("source") or "")


def took_s(entry: JournalEntry) -> float:
    """Return how long the stages of an operation took, 0 when unknown."""
    return sum(entry.took_s.values())


def _removed(entry: JournalEntry) -> int:
    removed = entry.facts.get("removed")
    return len(removed) if isinstance(removed, list) else 0
