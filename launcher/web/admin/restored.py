"""A restore that succeeded: what is there now, who is signed out, and how to undo it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from flask import g, url_for
from markupsafe import Markup, escape

from launcher.backup.errors import BackupError
from launcher.backup.records import Backup, JournalEntry, RetentionPolicy
from launcher.current import current_backups
from launcher.extensions import db
from launcher.i18n import day_and_time, duration, moment, weekday_and_time
from launcher.i18n import gettext as _
from launcher.models import User
from launcher.models.types import utc_now
from launcher.web.admin.outcome import (
    OutcomeWords,
    WayOn,
    to_the_backups,
    viewer_now,
)
from launcher.web.admin.schedule_words import next_run, schedule_words
from launcher.web.admin.words import until_day
from launcher.web.frame import site_settings
from launcher.web.inside import inside
from launcher.web.operations.following import Follower
from launcher.web.operations.stages import backup_of, is_dated
from launcher.web.sessions import Holder


def restored(entry: JournalEntry, follower: Follower | None) -> OutcomeWords:
    """Tell of a restore that succeeded, to who began it or to any admin."""
    return OutcomeWords(
        "ok",
        restored_title(entry),
        _(
            "It took %(time)s. Everything was counted again and is as planned: %(inside)s.",
            time=duration((entry.ended_at - entry.started_at).total_seconds()),
            inside=inside(entry.facts.get("rows")),
        ),
        facts=_facts(entry, follower),
        ways_on=(_onwards(entry, follower), *undo(entry)),
        fine=undo_words(entry),
    )


def _onwards(entry: JournalEntry, follower: Follower | None) -> WayOn:
    """Return the way on; who was signed out comes back to this page, where the undo is."""
    if viewer_now() or follower is None or g.get("is_without_database"):
        return to_the_backups()
    outcome = url_for("operations.show", operation_id=entry.operation_id)
    return WayOn(url_for("auth.sign_in", next=outcome), _("Sign in"))


def restored_title(entry: JournalEntry) -> str:
    """Return to which moment the data went back."""
    source = backup_of(entry.backup_id)
    if source is None:
        return _("The backup is restored")
    if not is_dated(source):
        return _(
            "Restored from the file brought in: %(moment)s",
            moment=weekday_and_time(source.created_at),
        )
    return _("Restored to %(moment)s", moment=weekday_and_time(source.created_at))


def undo(entry: JournalEntry) -> Sequence[WayOn]:
    """Return the way to the plan that undoes this restore, none when another came after it."""
    safety = _undoable(entry)
    if safety is None:
        return ()
    address = url_for("restores.show_plan", backup_id=safety.id)
    return (WayOn(address, _("Undo this restore"), "undo-2"),)


def undo_words(entry: JournalEntry) -> str:
    """Say what the undo would do."""
    safety = _undoable(entry)
    if safety is None:
        return ""
    return _(
        "Undo goes back to %(moment)s, the same way. It can be undone in turn.",
        moment=day_and_time(safety.created_at),
    )


def kept(entry: JournalEntry) -> Markup:
    """Say where the data from before the restore is."""
    if safety := backup_of(str(entry.facts.get("safety_id", ""))):
        words = _kept_words(safety)
        link = Markup('<a href="{}">{}</a>').format(
            url_for("backup.show", backup_id=safety.id), moment(safety.created_at)
        )
        return escape(words) % {"moment": link}
    if raw_copy := entry.facts.get("raw_copy"):
        words = _("The damaged files were kept in %(folder)s.")
        return escape(words) % {"folder": Markup("<code>{}</code>").format(raw_copy)}
    return escape(_("Its safety backup was deleted since."))


def _kept_words(safety: Backup) -> str:
    until = safety.created_at + RetentionPolicy().keep_before
    if safety.protected or until < utc_now():
        return _("Kept as the safety backup of %(moment)s, until somebody deletes it.")
    return _(
        "Kept as the safety backup of %(moment)s, until %(day)s at the latest.",
        moment="%(moment)s",  # the caller's link
        day=until_day(until, now=utc_now()),
    )


def _facts(entry: JournalEntry, follower: Follower | None) -> Mapping[str, str | Markup]:
    facts: dict[str, str | Markup] = {
        _("You"): _you(entry, follower),
        _("Before this"): kept(entry),
    }
    if not g.get("is_without_database"):
        facts[_("Schedule")] = _schedule()
    held_s = entry.facts.get("held_s")
    if isinstance(held_s, int | float):
        facts[_("Pages")] = _("Waited for at most %(time)s. None failed.", time=duration(held_s))
    return facts


def _you(entry: JournalEntry, follower: Follower | None) -> str:
    """Say who is signed in, and with which password to sign in."""
    holder = follower.holder if follower else None
    viewer = viewer_now()
    if viewer and holder and holder.is_same_account(viewer):
        return _("You are still signed in. Everyone else is signed out.")
    if viewer:
        return _("You have signed in since. Everyone was signed out.")
    if follower and follower.setup_token:
        return _("Sign in with an account from the backup.")
    everyone = _("You are signed out, as is everyone.")
    return everyone if g.get("is_without_database") else f"{everyone} {_key(entry, holder)}"


def _key(entry: JournalEntry, holder: Holder | None) -> str:
    """Say with what to sign in."""
    if holder is None:
        return _("Sign in with an account from the backup.")
    user = db.session.scalar(sa.select(User).where(User.username == holder.username))
    if user is None or not user.is_active:
        return _(
            "There is no active account %(name)s in the restored data: sign in with another.",
            name=holder.username,
        )
    if holder.is_same_account(user):
        return _("Your password is the one you had.")
    source = backup_of(entry.backup_id)
    if source is None or not is_dated(source):
        return _("The password that counts now is the one from the backup.")
    return _(
        "The password that counts now is the one you had on %(moment)s.",
        moment=weekday_and_time(source.created_at),
    )


def _schedule() -> Markup:
    words, run = schedule_words(site_settings()), next_run()
    if run is None:
        return words
    return Markup("{}. {}").format(
        words, _("Next backup: %(moment)s.", moment=weekday_and_time(run))
    )


def _undoable(entry: JournalEntry) -> Backup | None:
    try:
        undo_id = current_backups().undo_id()
    except BackupError:
        return None
    return backup_of(undo_id) if undo_id == entry.facts.get("safety_id") else None
