"""The pages of failures: what happened, what is still safe, what to do next."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, make_response, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from markupsafe import Markup
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm.exc import ObjectDeletedError
from werkzeug.exceptions import HTTPException

from launcher.backup.catalogue import doubt_of_latest
from launcher.backup.errors import (
    OF_THE_VERSION,
    BackupError,
    OperationInProgressError,
    VerificationError,
)
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import Backup, Kind
from launcher.backup.records.ids import LATEST
from launcher.backup.records.operation import Progress, Verb
from launcher.current import current_backups
from launcher.db.faults import DatabaseFault, fault_of
from launcher.db.session import (
    DatabaseOfAnotherVersionError,
    DataBeingReplacedError,
    enter_at_once,
    resume,
)
from launcher.extensions import db
from launcher.http.places import RETRY_AFTER_S, TooManyTransfersError
from launcher.i18n.actors import actor_in_sentence
from launcher.i18n.formats import ago
from launcher.i18n.labels import (
    ERROR_WORDS,
    KIND_WORDS,
    VERB_WORDS,
    fault_words,
    live_words,
    warning,
)
from launcher.i18n.locale import gettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.models import Role
from launcher.web.contents import contents
from launcher.web.cookies import session_cookie_name
from launcher.web.forgery import ForeignFormError
from launcher.web.frame import current_viewer, do_without_database
from launcher.web.htmx import is_htmx, own_address
from launcher.web.server_commands import container_command, needs_data_dir, public_command
from launcher.web.unsaved.again import is_own_form, rows_to_copy, show_again, typed_entries
from launcher.web.unsaved.ended import answer_old_form
from launcher.web.unsaved.entries import Entries

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

log = logging.getLogger(__name__)

STATUS_OF: Mapping[str, int] = {
    "internal": 500,
    "operation_in_progress": 409,
    "store_unavailable": 503,
    "backup_not_found": 404,
    "backup_protected": 409,
    "insufficient_space": 507,
    "verification_failed": 422,
    "incompatible_backup": 422,
    "upload_rejected": 422,
    "check_stopped": 422,
    "not_opened": 422,
    "place_unusable": 502,
    "not_started": 503,
    "time_used_up": 503,
    "source_database": 503,
    "restore_failed": 500,
    "revert_failed": 500,
}
"""The HTTP status of every `BackupError`, by its code."""

HELD_STATUS = 503
_WITHOUT_FILE = {Reason.LIVE_MISSING, Reason.LIVE_LOST}
_SIGNED_OUT = {"auth", "setup", "setup_restore"}
_RETRY_AFTER_S = 2
_CHECK_DEADLINE_S = 3.0


@dataclass(frozen=True, slots=True)
class _Words:
    title: LazyString | str
    text: LazyString | str


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do now: a link, or a form that is sent with `fields`."""

    path: str
    words: LazyString | str
    icon: str = ""
    is_form: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)


_HTTP_WORDS: Mapping[int, _Words] = {
    400: _Words(
        _("The request is not valid"),
        _("Nothing was changed. Go back, reload the page and try again."),
    ),
    403: _Words(
        _("No access"),
        _("Your role does not allow this. An admin can change your role."),
    ),
    404: _Words(
        _("Page not found"),
        _("Check the address. The page may have been deleted, or it is not shared with you."),
    ),
    405: _Words(
        _("This address does not accept this request"),
        _("Nothing was changed. Go back and use the button on the page."),
    ),
    413: _Words(
        _("The request is too large"),
        _("Nothing was stored. An admin can raise the limit for uploads."),
    ),
}
_TRANSFERS_WORDS = _Words(
    _("Too many files are being transferred"),
    _("Nothing was changed. Wait a moment, then try again."),
)
_OTHER_WORDS = _Words(
    _("The request failed"), _("Nothing was changed. Go back, reload the page and try again.")
)
_CSRF_WORDS = _Words(
    _("This form is no longer valid"),
    _(
        "The form is from before you signed in or out, or cookies are off. Nothing was changed."
        " Go back, reload the page and send it again."
    ),
)
_FOREIGN_WORDS = _Words(
    _("This form came from another site"),
    _(
        "A header of the request says so. Nothing was changed. Open this site and send the form"
        " there. A reverse proxy has to pass on the Host header as it came."
    ),
)

_NOT_UPGRADED_WORDS = _Words(
    _("The database could not be upgraded"),
    _(
        "Nothing was changed. To continue, start the previous version of Launcher. Or remove the"
        " cause and run this on the server:"
    ),
)
_READ_ONLY_WORDS = _Words(
    _("The database cannot be written"),
    _(
        "Nothing was changed. Check that the disk is not mounted read-only and that Launcher may"
        " write to its data directory. If both are right, restore the newest backup."
    ),
)
_FULL_SIGNED_OUT = _("Free space on the disk of the server, or delete a backup with this command:")
_FULL_NO_ADMIN = _("An admin has to free space on the disk of the server.")
_VERSION_WORDS: Mapping[Reason, _Words] = {
    Reason.LIVE_NEWER: _Words(
        _("The database is from a newer version of Launcher"),
        _(
            "Nothing was changed. Start the newer version again, or restore a backup that was"
            " created before it."
        ),
    ),
    Reason.LIVE_OLDER: _Words(
        _("The database is not upgraded yet"),
        _("Run this on the server. It creates a backup first."),
    ),
    Reason.LIVE_NOT_MADE: _Words(
        _("There is no database yet"), _("Run this on the server to create it:")
    ),
}


def init_app(app: Flask) -> None:
    """Answer every failure with a page that shows no internals."""
    handlers: Mapping[type[Exception], Callable[[Any], Response]] = {
        CSRFError: _show_csrf_error,
        HTTPException: _show_http_error,
        BackupError: show_backup_error,
        ObjectDeletedError: lambda _error: show_gone(),
        SQLAlchemyError: _show_database_error,
        DatabaseOfAnotherVersionError: lambda error: show_damaged(error.problem),
        DataBeingReplacedError: lambda _error: show_held(can_read=enter_at_once()),
        TooManyTransfersError: _show_too_many_transfers,
        Exception: _show_internal_error,
    }
    for kind, show in handlers.items():
        app.register_error_handler(kind, partial(_answer, show))


def _answer(show: Callable[[Any], Response], error: Exception) -> Response:
    """Show a failure; the language, the viewer and the name on its page are in the database."""
    try:
        return show(error)
    except SQLAlchemyError as of_the_page:
        do_without_database()
        return _show_database_error(of_the_page)


def _may_pass(
    status: int,
    words: _Words,
    *,
    can_read: bool = True,
    waits: bool = False,
    command: str = "",
) -> Response:
    """Answer that the database could not be used for now: a form again, with all its entries.

    Args:
        can_read: whether a page of the site can be shown.
        waits: whether the page reloads automatically.
    """
    is_form = not is_htmx() and is_own_form()
    if is_form and can_read:
        again = show_again(typed_entries(), status=status, title=words.title, text=words.text)
        if again:
            return again
    do_without_database()
    typed = typed_entries() if is_form else None
    return _problem(status, words, waits=waits, command=command, again=typed)


def show_backup_error(error: BackupError, *, next_step: NextStep | None = None) -> Response:
    """Answer with the words of the error's code; its own sentence is a detail."""
    if isinstance(error, OperationInProgressError):
        return _show_busy(error, next_step)
    words = ERROR_WORDS[error.code]
    said = fault_words(Fault(error.reason, error.facts))
    facts, hint = {gettext("Details"): said, gettext("Code"): error.code}, words.hint
    if isinstance(error, VerificationError) and _is_inside():
        if next_good := latest_backup():
            facts[gettext("Next good backup")] = f"{next_good.id} · {KIND_WORDS[next_good.kind]}"
        elif not has_unjudged():
            hint = _("No backup can be restored now. Back up now, and check the disk.")
    return _problem(
        413 if error.reason is Reason.TOO_LARGE else STATUS_OF[error.code],
        _Words(words.title, hint),
        severity="bad" if error.code == "revert_failed" else "warn",
        facts=facts,
        next_step=next_step or _to_the_backups(),
    )


def _show_busy(error: OperationInProgressError, next_step: NextStep | None) -> Response:
    """Answer who does what since when, and where to follow it."""
    words = ERROR_WORDS[error.code]
    text = str(words.hint)
    # This needs the time zone and the viewer, which the database has.
    with suppress(DataBeingReplacedError, SQLAlchemyError):
        resume(writes=False)
        text = Markup("{} {}").format(busy_words(error), words.hint)
        next_step = _watch_step() or next_step
    facts = {gettext("Code"): error.code}
    return _problem(
        STATUS_OF[error.code], _Words(words.title, text), facts=facts, next_step=next_step
    )


def busy_words(error: OperationInProgressError) -> Markup:
    """Return who does what since when, in a sentence."""
    is_known = error.verb in set(Verb)
    what = VERB_WORDS[Verb(error.verb)] if is_known else gettext("An operation")
    who = actor_in_sentence(error.by)
    if error.since is None:
        return Markup(gettext("%(what)s, started by %(who)s.")) % {"what": what, "who": who}  # noqa: S704
    facts = {"what": what, "who": who, "ago": ago(error.since)}
    return Markup(gettext("%(what)s, started by %(who)s %(ago)s.")) % facts  # noqa: S704


def _watch_step() -> NextStep | None:
    viewer = current_viewer()
    if viewer is None or viewer.role is not Role.ADMIN:
        return None
    running = current_backups().progress()
    if (running is None or running.verb is Verb.PLAN) and _is_repeatable():
        # It ends at once, or has ended: there is nothing to follow.
        return NextStep(own_address(), gettext("Try again"))
    return NextStep(watch_path(running), gettext("Show progress"))


def _to_the_backups() -> NextStep | None:
    return NextStep(url_for("backups.show"), gettext("Go to backups")) if _is_inside() else None


def _is_inside() -> bool:
    return request.path.startswith("/admin/backups")


def watch_path(running: Progress | None) -> str:
    """Return where an admin follows an operation: a restore has a page of its own."""
    if running is not None and running.verb is Verb.RESTORE:
        return url_for("operations.show", operation_id=running.operation_id)
    return url_for("backups.show")


def show_held(*, can_read: bool = False) -> Response:
    """Answer that the data is being replaced, and when to try again.

    Args:
        can_read: whether it can be read meanwhile.
    """
    title = _("One moment: the data is being replaced")
    text = (
        _("A restore takes a few seconds. This page reloads automatically.")
        if _is_repeatable()
        else _("What you sent was not stored. Send it again in a moment.")
    )
    words = _Words(title, text)
    response = _may_pass(HELD_STATUS, words, can_read=can_read, waits=_is_repeatable())
    response.headers["Retry-After"] = str(_RETRY_AFTER_S)
    return response


def show_damaged(problem: Fault) -> Response:
    """Answer with the page that needs no database: the damage, and how to restore."""
    do_without_database()
    if problem.reason in OF_THE_VERSION:
        return _show_other_version(problem)
    newest = latest_backup()
    doubt = doubt_of_latest(newest) if newest else None
    needs_verdicts = newest is None and has_unjudged()
    commands = [f"backup restore {LATEST if newest or needs_verdicts else 'FILE'}"]
    if needs_verdicts:
        commands.insert(0, "backup verify --all")
    page = render_template(
        "damaged.html",
        problem=live_words(problem),
        is_missing=problem.reason in _WITHOUT_FILE,
        newest=newest,
        age=Markup("<b>{}</b>").format(ago(newest.created_at)) if newest else "",
        contents=contents(newest.contents) if newest else "",
        kind=KIND_WORDS[newest.kind] if newest else "",
        doubt=warning(doubt) if doubt else "",
        needs_verdicts=needs_verdicts,
        commands=[public_command(each) for each in commands],
        in_container=[container_command(each) for each in commands],
        needs_data_dir=needs_data_dir(),
        newer_safety=_newer_safety(newest) if newest else None,
        list_command=public_command("backup list"),
        verify_command=public_command("backup verify --all"),
        waits=_is_repeatable(),
    )
    response = make_response(page, 503)
    response.headers["Retry-After"] = "30"
    return response


def _show_other_version(problem: Fault) -> Response:
    is_newer = problem.reason is Reason.LIVE_NEWER
    response = _problem(
        503,
        _VERSION_WORDS.get(problem.reason, _NOT_UPGRADED_WORDS),
        facts={gettext("What is wrong"): live_words(problem)},
        command="" if is_newer else public_command("database upgrade"),
        waits=_is_repeatable(),
    )
    response.headers["Retry-After"] = "30"
    return response


def show_refusal(
    status: int,
    title: LazyString | str,
    text: str,
    *,
    command: str = "",
    next_step: NextStep | None = None,
    facts: Mapping[str, str] | None = None,
    has_links: bool = True,
) -> Response:
    """Answer that something was refused, with a command or a next step.

    Args:
        facts: what goes with it, by name.
        has_links: False where every page of the site would answer the same.
    """
    words = _Words(title, text)
    return _problem(
        status, words, facts=facts, command=command, next_step=next_step, has_links=has_links
    )


def _show_csrf_error(error: CSRFError) -> Response:
    """Name the header that is wrong or missing, on the page and in the log."""
    if isinstance(error, ForeignFormError):
        log.warning("refused %s %s: %s", request.method, request.path, error.description)
        return _problem(400, _FOREIGN_WORDS, facts=error.headers)
    cookie = session_cookie_name()
    if cookie in request.cookies:
        log.warning("refused %s %s: %s", request.method, request.path, error.description)
        return answer_old_form() or _problem(400, _CSRF_WORDS)
    log.warning("refused %s %s: no cookie %s came with it", request.method, request.path, cookie)
    facts = {gettext("Missing header"): f"Cookie: {cookie}=…"}
    return answer_old_form() or _problem(400, _CSRF_WORDS, facts=facts)


def _show_http_error(error: HTTPException) -> Response:
    if error.response is not None:
        return make_response(error.response)
    status = error.code or 500
    response = _problem(status, _HTTP_WORDS.get(status, _OTHER_WORDS))
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def _show_too_many_transfers(_error: TooManyTransfersError) -> Response:
    again = NextStep(own_address(), gettext("Try again")) if _is_repeatable() else None
    response = _problem(503, _TRANSFERS_WORDS, next_step=again)
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def show_gone() -> Response:
    """Answer that what the request is about is not there: another deleted it meanwhile.

    Between a change and the page about it lies its commit, and then the turn of another.
    """
    db.session.rollback()
    return _problem(404, _HTTP_WORDS[404])


def _show_database_error(error: SQLAlchemyError) -> Response:
    """Distinguish a full disk, a damaged and a busy database from a bug."""
    fault = fault_of(error) if isinstance(error, DBAPIError) else DatabaseFault.OTHER
    if fault is DatabaseFault.FULL:
        return _show_full_disk()
    # A database with a malformed page may still open: then SQLite's error is the reason.
    problem = current_backups().live_problem()
    if fault is DatabaseFault.DAMAGED and isinstance(error, DBAPIError):
        problem = problem or Fault(Reason.LIVE_UNREADABLE, {"detail": str(error.orig)})
    if problem:
        log.error("the database is damaged: %s", problem)
        return show_damaged(problem)
    if fault is DatabaseFault.BUSY:
        return show_held(can_read=True)
    if fault is DatabaseFault.READ_ONLY:
        log.error("the database cannot be written: %s", error)
        return _may_pass(503, _READ_ONLY_WORDS)
    return _show_internal_error(error)


def _show_full_disk() -> Response:
    """Answer that nothing can be stored, with what this person can do about that."""
    status, words = STATUS_OF["insufficient_space"], ERROR_WORDS["insufficient_space"]
    db.session.rollback()
    viewer = current_viewer()
    if viewer is None or request.blueprint in _SIGNED_OUT:
        command = public_command("backup delete ID")
        return _may_pass(
            status, _Words(words.title, _FULL_SIGNED_OUT), can_read=False, command=command
        )
    hint = words.hint if viewer.is_admin else _FULL_NO_ADMIN
    return _may_pass(status, _Words(words.title, hint))


def _show_internal_error(error: Exception) -> Response:
    # Damage may give values that no code expects, and no error of SQLite.
    if problem := current_backups().live_damage(deadline_s=_CHECK_DEADLINE_S):
        log.error("the database is damaged: %s", problem)
        return show_damaged(problem)
    error_id = secrets.token_hex(4)
    log.error("error %s on %s %s", error_id, request.method, request.path, exc_info=error)
    do_without_database()
    words = ERROR_WORDS["internal"]
    return _problem(
        500, _Words(words.title, words.hint), severity="bad", facts={gettext("Number"): error_id}
    )


def _problem(
    status: int,
    words: _Words,
    *,
    severity: str = "warn",
    facts: Mapping[str, str] | None = None,
    command: str = "",
    waits: bool = False,
    next_step: NextStep | None = None,
    has_links: bool = True,
    again: Entries | None = None,
) -> Response:
    if is_htmx() and request.method in {"GET", "HEAD"} and status == HELD_STATUS and waits:
        # A part that polls asks again in a moment.
        return Response("", status, {"HX-Reswap": "none"})
    draw = partial(
        render_template,
        "_problem.html" if is_htmx() else "problem.html",
        title=words.title,
        text=words.text,
        severity=severity,
        facts=facts,
        command=command,
        waits=waits,
        next_step=next_step,
        has_links=has_links,
        rows=rows_to_copy(),
        again=again,
    )
    try:
        resume(writes=False)
        page = draw()
    except DataBeingReplacedError:
        do_without_database()
        page = draw()
    response = make_response(page, status)
    if is_htmx():
        response.headers["HX-Retarget"] = "#problem"
        response.headers["HX-Reswap"] = "innerHTML show:top"
    return response


def latest_backup() -> Backup | None:
    """Return the backup that the command on the page would restore."""
    try:
        return current_backups().get(LATEST)
    except BackupError:
        return None


def _newer_safety(newest: Backup) -> Backup | None:
    """Return a good safety backup with an admin that is newer than the one that `latest` takes."""
    try:
        backups = current_backups().list()
    except BackupError:
        return None
    return next(
        (
            each
            for each in backups
            if each.kind is Kind.SAFETY
            and each.is_good
            and each.has_admin
            and each.created_at > newest.created_at
        ),
        None,
    )


def has_unjudged() -> bool:
    """Whether a verification may find a good backup."""
    try:
        return bool(current_backups().unjudged())
    except BackupError:
        return False


def _is_repeatable() -> bool:
    return request.method in {"GET", "HEAD"}
