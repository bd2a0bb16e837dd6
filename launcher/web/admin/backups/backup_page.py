"""The page of one backup: its verdict, contents and history, and its download."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from flask import Blueprint, abort, redirect, request, url_for

from launcher.backup.records.backup import Backup, State
from launcher.backup.records.ids import parse_backup_id
from launcher.current import current_backups, current_offsite
from launcher.db.session import release, resume
from launcher.db.settings import site_settings
from launcher.extensions import db
from launcher.http.download import open_stored, record_download, send_plain, send_stored
from launcher.i18n.formats import exact
from launcher.i18n.labels import VERB_WORDS, damage
from launcher.i18n.locale import gettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.models import User
from launcher.models.types import utc_now
from launcher.web.admin.backups import comparison, history
from launcher.web.admin.backups.backup_verdict import inspect
from launcher.web.admin.backups.file_verdict import fit
from launcher.web.admin.backups.retention_labels import periods, retention_label
from launcher.web.admin.backups.words import note, page_title, why
from launcher.web.admin.offsite.of_backup import copies_of_backup, nearest_copy
from launcher.web.errors import show_refusal
from launcher.web.htmx import render
from launcher.web.reauthentication import has_recent_password
from launcher.web.roles import acting_user, admin_required

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response
    from flask.typing import ResponseReturnValue

PLAIN, STORED = "plain", "stored"

blueprint = Blueprint("backup", __name__, url_prefix="/admin/backups")


@blueprint.get("/<backup_id>")
@admin_required
def show(backup_id: str) -> ResponseReturnValue:
    """Show one backup. The page polls during an operation on it."""
    service, id_ = current_backups(), parse_backup_id(backup_id)
    status = current_offsite().status(site_settings())
    if place := nearest_copy(id_, status):  # it is no longer here
        return redirect(
            url_for("offsite.ask_to_fetch", destination_id=place.id, backup_id=id_), 303
        )
    backup = service.get(id_)
    now, names = utc_now(), _names()
    entries = history.entries_of(backup, service.journal(limit=None))
    running = service.progress()
    if running and running.backup_id != backup.id:
        running = None
    found = inspect(backup, entries, service=service, names=names, now=now)
    return render(
        "admin/backup.html",
        part="admin/_backup.html",
        backup=backup,
        name=page_title(backup, now=now),
        found=found,
        problem=damage(found.verdict.fault),
        counts=comparison.compare(backup) if backup.contents else [],
        taken_at=exact(backup.created_at),
        why=why(backup, names),
        note=note(backup, names, now=now),
        kept=_kept(backup),
        fit=fit(backup),
        copies=copies_of_backup(backup, status, now=now),
        history=history.report(backup, entries),
        running=running,
        running_words=VERB_WORDS[running.verb] if running else "",
        download=_wanted_download(),
    )


@blueprint.get("/<backup_id>/download")
@admin_required
def download(backup_id: str) -> ResponseReturnValue:
    """Send the plain database, verified on the way, or with `?encoding=stored` the file as kept.

    A damaged backup and a file without a manifest are sent as kept only.
    """
    encoding = request.args.get("encoding", PLAIN)
    if encoding not in {PLAIN, STORED}:
        abort(404)
    backup = current_backups().get(parse_backup_id(backup_id))
    if not has_recent_password():
        # Back to the page, which starts the download; the password form would stay visible.
        back = url_for("backup.show", backup_id=backup.id, download=encoding)
        return redirect(url_for("recent.ask", next=back), 303)
    is_damaged = backup.verification.state is State.DAMAGED
    if is_damaged and encoding == PLAIN:
        return _refuse_damaged(backup)
    stored = open_stored(backup)
    on_damage = partial(current_backups().report_damage, backup, by=acting_user().name)
    try:
        if request.method == "GET":
            record_download(backup, encoding, actor=acting_user())
        release()
        if encoding == STORED or backup.file is None:
            return send_stored(backup, stored)
        return send_plain(backup, stored, on_damage=on_damage)
    except BaseException:
        stored.close()
        resume(writes=False)
        raise


def _refuse_damaged(backup: Backup) -> Response:
    text = gettext(
        "%(problem)s. You can still download the compressed file on the page of"
        " the backup, to examine it.",
        problem=backup.verification.error,
    )
    return show_refusal(422, _("This backup is damaged and cannot be downloaded"), text)


def _wanted_download() -> str:
    """Return the encoding of the download that this page starts, "" for none."""
    wanted = request.args.get("download", "")
    return wanted if wanted in {PLAIN, STORED} and has_recent_password() else ""


def _names() -> Mapping[str, str]:
    users = db.session.execute(db.select(User.username, User.display_name))
    return {username: display_name or username for username, display_name in users}


def _kept(backup: Backup) -> str:
    settings = site_settings()
    plan = current_backups().plan_prune(settings.policy, zone=settings.zone)
    stays = periods(plan, settings.policy, settings.zone)
    own = next((each for each in plan if each.backup.id == backup.id), None)
    return (
        retention_label(own, stays, settings.policy, now=utc_now().astimezone(settings.zone))
        if own
        else ""
    )
