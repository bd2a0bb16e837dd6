"""The words about a restore that has ended: the data now, who is signed out, the undo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import sqlalchemy as sa
from flask import g, url_for
from markupsafe import Markup, escape

from launcher.accounts.sessions import began_at
from launcher.backup.errors import RevertFailedError, VerificationError
from launcher.backup.records.backup import Backup, Kind
from launcher.backup.records.operation import Outcome
from launcher.backup.retention import RetentionPolicy
from launcher.db.settings import site_settings
from launcher.extensions import db
from launcher.i18n.actors import actor_in_sentence
from launcher.i18n.formats import clock_time, day_and_time, moment, weekday_and_time
from launcher.i18n.labels import fault_words
from launcher.i18n.locale import gettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.models import User
from launcher.models.types import utc_now
from launcher.web.admin.backups.outcomes.ended import Ended
from launcher.web.admin.backups.outcomes.interrupted import interrupted_words
from launcher.web.admin.backups.outcomes.page import OutcomePage, to_the_backups, viewer_now
from launcher.web.admin.backups.outcomes.waited import seen_facts, wait_facts
from launcher.web.admin.backups.outcomes.way_back import WayBack
from launcher.web.admin.backups.words import until_day
from launcher.web.admin.schedule.words import next_run, schedule_words
from launcher.web.contents import contents
from launcher.web.errors import NextStep
from launcher.web.operations.following import Follower
from launcher.web.operations.stages import (
    StageRow,
    backup_of,
    describe_stop,
    is_dated,
)
from launcher.web.operations.undoing import can_be_restored, had_no_data, undone_restore
from launcher.web.server_commands import server_command
from launcher.web.sessions import Holder, current_session_id
from launcher.web.toasts import Toast


class RestoreEnded(Ended):
    """A backup was restored."""

    failed = _("The restore failed")
    line_done = _("Restored by %(who)s")

    # --- its page ------------------------------------------------------------------------

    def page_of_success(self, follower: Follower | None) -> OutcomePage:
        matches = gettext(
            "Duration: %(time)s. All records match the plan: %(contents)s.",
            time=self.took,
            contents=contents(self.facts.get("rows")),
        )
        return OutcomePage(
            "ok",
            self._title(),
            f"{self._undone()} {matches}".strip(),
            facts=self._page_facts(follower),
            advice=self._way_back.loss,
            next_steps=(self._first_step(follower), *self._way_back.steps()),
            fine=self._way_back.fine,
        )

    def page_of_failure(self) -> OutcomePage:
        if self.entry.error_code == RevertFailedError.code:
            return OutcomePage(
                "bad",
                str(self.error.title),
                gettext("Nothing is lost. Do not change anything until this is fixed."),
                problem=self.entry.error,
                stages=describe_stop(self.entry, problem=""),
                facts={gettext("Previous data"): self._kept()},
                advice=gettext("To restore the previous data, run this on the server:"),
                command=server_command(f"backup restore {self.facts.get('safety_id') or 'ID'}"),
                next_steps=(to_the_backups(),),
            )
        title, text = self._words_of_failure()
        return OutcomePage(
            "warn",
            title,
            text,
            stages=self._stages_of_failure(),
            facts=seen_facts(self.entry),
            advice=self._advice_after_failure(),
            next_steps=(*self._back_to_the_plan(), to_the_backups()),
        )

    def _words_of_failure(self) -> tuple[str, str]:
        """Return the title, and how the data is."""
        if self.entry.visible_s is not None:
            return str(self.error.title), gettext("Your data is exactly as it was before.")
        title = (
            gettext("The undo stopped. Nothing was changed")
            if self.entry.is_undo
            else gettext("The restore stopped. Nothing was changed")
        )
        text = gettext(
            "Your data is exactly as it was at %(time)s. No one was signed out.",
            time=clock_time(self.entry.started_at),
        )
        return title, text

    def _stages_of_failure(self) -> Sequence[StageRow]:
        problem = fault_words(self.entry.fault)
        is_english = problem == self.entry.error
        return describe_stop(self.entry, problem=problem, language="en" if is_english else "")

    def _advice_after_failure(self) -> str:
        """Return what to do; where the safety backup is damaged, what helps instead of the undo."""
        undone = undone_restore(self.entry.backup_id) if self.entry.is_undo else None
        if undone and self.entry.error_code == VerificationError.code:
            return WayBack(undone).words_of_loss()
        return str(self.error.hint)

    def page_of_interruption(self) -> OutcomePage:
        """Return whether the process ended before or after the replacement."""
        stages = describe_stop(
            self.entry, problem=gettext("The process was stopped before it finished.")
        )
        words = interrupted_words(self.entry)
        title, text = str(words.title), str(words.text)
        match self.facts.get("data"):
            case "restored":
                return OutcomePage(
                    "warn",
                    title,
                    text,
                    facts={gettext("Previous data"): self._kept()},
                    stages=stages,
                    advice=self._advice_after_interruption(),
                    next_steps=(to_the_backups(), *self._way_back.steps()),
                    fine=self._way_back.fine,
                )
            case "unchanged":
                return OutcomePage(
                    "warn",
                    title,
                    text,
                    facts=seen_facts(self.entry),
                    stages=stages,
                    advice=gettext("Start again from the plan."),
                    next_steps=(*self._back_to_the_plan(), to_the_backups()),
                )
        return OutcomePage(
            "bad",
            title,
            text,
            facts={gettext("Previous data"): self._kept()} if self.facts.get("safety_id") else {},
            stages=stages,
            advice=gettext("To restore the previous data, run this on the server:"),
            command=server_command(f"backup restore {self._way_back.safety_id or 'latest'}"),
            next_steps=(to_the_backups(),),
        )

    def steps_at_setup(self, token: str) -> tuple[NextStep, ...]:
        if self.entry.outcome is Outcome.SUCCEEDED or self.facts.get("data") == "restored":
            return (to_the_backups(),)
        back = super().steps_at_setup(token)
        return (NextStep(self.plan_at_setup(token), gettext("Back to the plan")), *back)

    def _back_to_the_plan(self) -> tuple[NextStep, ...]:
        return self.to_the_plan(gettext("Back to the plan"))

    # --- its toast -----------------------------------------------------------------------

    def toast(self) -> Toast:
        if self.entry.visible_s is not None:
            self.failed = self.error.title
        elif self.entry.is_undo and self.entry.outcome is Outcome.FAILED:
            self.failed = _("The undo failed")
        return super().toast()

    def toast_of_success(self) -> str:
        if self.entry.is_undo:
            return gettext("Restore undone")
        if not self.entry.backup_id:
            return gettext("Data restored from %(source)s", source=self.facts.get("source", "?"))
        return gettext("Data restored from the backup of %(when)s", when=self.when)

    def toast_of_interruption(self) -> str:
        return str(interrupted_words(self.entry).toast)

    # --- its line in the history of a backup ---------------------------------------------

    def line(self, backup: Backup) -> str:
        if self.facts.get("safety_id") == backup.id != self.entry.backup_id:
            who = actor_in_sentence(self.entry.by)
            if self.entry.is_undo:
                return gettext("Created before %(who)s undid a restore", who=who)
            return gettext("Created before %(who)s restored another backup", who=who)
        return super().line(backup)

    def line_of_success(self, backup: Backup) -> str:
        if self.entry.is_undo:
            return gettext(
                "Used by %(who)s to undo a restore", who=actor_in_sentence(self.entry.by)
            )
        return super().line_of_success(backup)

    def line_of_failure(self) -> str:
        if self.entry.outcome is Outcome.INTERRUPTED:
            return str(interrupted_words(self.entry).line)
        if self.entry.error_code == RevertFailedError.code:
            return gettext("A restore stopped, and the previous data could not be returned")
        if self.entry.visible_s is not None and self.entry.is_undo:
            return gettext("The undo of a restore failed. The previous data was returned")
        if self.entry.visible_s is not None:
            return gettext("A restore failed. The previous data was returned")
        if self.entry.is_undo:
            return gettext("The undo of a restore stopped. The data was not changed")
        return gettext("A restore stopped. The data was not changed")

    # --- what is there now ---------------------------------------------------------------

    def _title(self) -> str:
        """Return the title, with the moment that the data is from."""
        source = self.backup
        if self.entry.is_undo:
            return gettext("Restore undone")
        if source is None:
            return gettext("Backup restored")
        if not is_dated(source):
            if source.kind is not Kind.UPLOAD:
                return gettext("Restored from a file in the backup folder")
            return gettext(
                "Restored from the file uploaded %(moment)s", moment=day_and_time(source.created_at)
            )
        return gettext("Restored to %(moment)s", moment=weekday_and_time(source.created_at))

    def _undone(self) -> str:
        """Return which data an undo brought back, "" for another restore."""
        if not (self.entry.is_undo and self.backup):
            return ""
        moment_ = day_and_time(self.backup.created_at)
        return gettext("Your data is as it was before the restore, %(moment)s.", moment=moment_)

    def _advice_after_interruption(self) -> str:
        if self._way_back.loss:
            return " ".join((gettext("Check your data."), self._way_back.loss))
        return gettext("Check your data. If anything is missing, undo this restore.")

    def _first_step(self, follower: Follower | None) -> NextStep:
        """Return the first step; who was signed out returns to this page, which has the undo."""
        if viewer_now() or follower is None or g.get("is_without_database"):
            return to_the_backups()
        outcome = url_for("operations.show", operation_id=self.entry.operation_id)
        return NextStep(url_for("auth.sign_in", next=outcome), gettext("Sign in"))

    def _kept(self) -> Markup:
        """Return where the data from before the restore is."""
        if safety := backup_of(str(self.facts.get("safety_id", ""))):
            words = _kept_words(safety)
            if not can_be_restored(safety):
                words = gettext("The safety backup of %(moment)s is damaged.")
            link = Markup('<a href="{}">{}</a>').format(
                url_for("backup.show", backup_id=safety.id), moment(safety.created_at)
            )
            kept = escape(words) % {"moment": link}
            if folder := self.facts.get("kept_beside"):
                where = gettext(
                    "The safety backup is kept in %(folder)s, because the backup folder"
                    " cannot be written."
                )
                path = Markup("<code>{}</code>").format(folder)
                kept = Markup(" ").join([kept, escape(where) % {"folder": path}])
            return kept
        if raw_copy := self.facts.get("raw_copy"):
            words = gettext("The previous files are kept in %(folder)s.")
            return escape(words) % {"folder": Markup("<code>{}</code>").format(raw_copy)}
        if had_no_data(self.entry):
            return escape(gettext("There was no data before this restore."))
        return escape(gettext("The safety backup was deleted."))

    def _page_facts(self, follower: Follower | None) -> Mapping[str, str | Markup]:
        facts: dict[str, str | Markup] = {
            gettext("You"): self._you(follower),
            gettext("Previous data"): self._kept(),
        }
        if not g.get("is_without_database"):
            facts[gettext("Schedule")] = _schedule()
        if follower and follower.search:
            facts[gettext("Off-site")] = gettext(
                "Add the destination again, and save its new recovery kit. Keep the old kit as long"
                " as you need the old copies."
            )
        return facts | wait_facts(self.facts)

    def _you(self, follower: Follower | None) -> str:
        """Return who is signed in, and with which password to sign in."""
        holder = follower.holder if follower else None
        viewer = viewer_now()
        if viewer and self._is_continued(holder):
            return gettext("You are still signed in. Everyone else was signed out.")
        if viewer:
            return self._signed_in_since(viewer)
        if follower and follower.setup_token:
            return gettext("Sign in with an account from the backup.")
        everyone = gettext("Everyone was signed out, including you.")
        return (
            everyone
            if g.get("is_without_database")
            else f"{everyone} {self._password_words(holder)}"
        )

    def _is_continued(self, holder: Holder | None) -> bool:
        """Whether the session of this browser is from before the restore."""
        if holder:
            return holder.session_id == current_session_id()
        # A page that does not follow the restore. No other session could continue.
        return began_at(current_session_id()) <= self.entry.started_at.replace(microsecond=0)

    def _signed_in_since(self, viewer: User) -> str:
        """Return who was signed out, for a session from after the restore.

        Whether the session that restored was continued then is not known any more.
        """
        since = gettext("You have signed in since.")
        if viewer.username == self.entry.by:
            return " ".join((gettext("Everyone else was signed out."), since))
        is_user = sa.exists().where(User.username == self.entry.by)
        if db.session.scalar(sa.select(is_user)):
            return since
        return " ".join((gettext("Everyone was signed out."), since))

    def _password_words(self, holder: Holder | None) -> str:
        """Return the account and password to sign in with."""
        if holder is None:
            return gettext("Sign in with an account from the backup.")
        user = db.session.scalar(sa.select(User).where(User.username == holder.username))
        if user is None or not user.is_active:
            return gettext(
                "The restored data has no active account %(name)s. Sign in with another account.",
                name=holder.username,
            )
        if holder.is_same_account(user):
            return gettext("Your password has not changed.")
        source = self.backup
        if source is None or not is_dated(source):
            return gettext("Sign in with the password from the backup.")
        return gettext(
            "Sign in with your password from %(moment)s.",
            moment=weekday_and_time(source.created_at),
        )

    @cached_property
    def _way_back(self) -> WayBack:
        return WayBack(self.entry)


def _kept_words(safety: Backup) -> str:
    until = safety.created_at + RetentionPolicy().keep_before
    if safety.protected or until < utc_now():
        return gettext("Kept as the safety backup of %(moment)s until you delete it.")
    return gettext(
        "Kept as the safety backup of %(moment)s, until %(day)s at the latest.",
        moment="%(moment)s",  # the caller's link
        day=until_day(until, now=utc_now()),
    )


def _schedule() -> Markup:
    words, run = schedule_words(site_settings()), next_run()
    if run is None:
        return words
    return Markup("{}. {}").format(
        words, gettext("Next backup: %(moment)s.", moment=weekday_and_time(run))
    )
