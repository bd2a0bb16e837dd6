"""The first start of a new server with a copy from another place.

The one-time setup link allows to look for copies in a place, and to download one. What was entered
is in a file of this server, with its secrets, until the setup is over, and for an hour after the
last attempt at most. No page and no address has them, but for a key with a typing error, which its
page shows again to be compared. So another copy can be chosen after a download. From there on it is
a restore like that of an upload.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from flask import Blueprint, Flask, Response, redirect, render_template, request, url_for

from launcher.background import follow_tokens
from launcher.background.uploads import KEEP_PREVIEW_S, remove_older
from launcher.backup.files import disk_errors
from launcher.backup.locks import locked
from launcher.current import current_backups, current_config
from launcher.db.session import release, resume
from launcher.i18n.labels import KIND_WORDS
from launcher.i18n.locale import gettext as _
from launcher.i18n.offsite import SERVICE_WORDS, short_key, trouble_words
from launcher.offsite.bringing import CopyWanted, start_bringing
from launcher.offsite.errors import OffsiteError
from launcher.offsite.found import Doubt, FoundPlace, place_of
from launcher.offsite.looking import look_in_child
from launcher.offsite.records import Destination, Service
from launcher.offsite.troubles import RemoteError, Trouble
from launcher.web.admin.backups.words import in_shared_minutes
from launcher.web.admin.offsite import fields
from launcher.web.admin.offsite.draft import Draft
from launcher.web.errors import NextStep, show_refusal
from launcher.web.form_files import read_form_with_file
from launcher.web.frame import current_appearance
from launcher.web.operations.following import Follower, begun_before, followed
from launcher.web.operations.submission import read_submission
from launcher.web.receiving import receives_file
from launcher.web.setup_restore import BY, setup_token_required

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

T = TypeVar("T")

SHOWN = 4
"""So many copies are shown before the others are folded."""
_KIT_BYTES = 64 << 10
_IN_TIME_S = 45.0

blueprint = Blueprint("setup_elsewhere", __name__, url_prefix="/setup/elsewhere")


@dataclass(frozen=True, slots=True)
class _Typed:
    """The secrets that were typed, by the name of the control, and the key: no page has them.

    `type` is the type of service in the form, whose controls they are.
    """

    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    key: str = field(default="", repr=False)
    type: str = ""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was entered and found, until a copy is chosen."""

    place: Destination
    typed: _Typed = field(default_factory=_Typed)
    found: FoundPlace = field(default_factory=lambda: FoundPlace(()))


@dataclass(frozen=True, slots=True)
class _Problem:
    """Why no copies are shown, and what to do."""

    title: str
    advice: str


def init_app(app: Flask) -> None:
    """Remove what was entered before the start."""
    remove_older(current_config(app).recovering_dir, age_s=KEEP_PREVIEW_S)


@blueprint.get("")
@setup_token_required
def show(token: str) -> ResponseReturnValue:
    """Show the form of a place, as it was sent where one comes back from a search."""
    if kept := _read_kept(request.args.get("search", "")):
        draft = Draft.of(kept.place)
        has_types = draft.service == Service.RCLONE
        has_other_fields = has_types and draft.type != kept.typed.type
        return _form(token, draft, typed=None if has_other_fields else kept.typed)
    return _form(token, Draft.empty(request.args.get("service", "s3")))


@blueprint.post("")
@receives_file
@setup_token_required
def look(token: str) -> ResponseReturnValue:
    """Look for copies in the place, and show what was found."""
    kit = read_form_with_file("kit", limit_bytes=_KIT_BYTES)
    resume()
    draft = Draft.read(request.form)
    before = _read(request.form.get("typed", ""), _Typed) or _Typed()
    secrets = {name: text or before.secrets.get(name, "") for name, text in draft.secrets.items()}
    draft = replace(draft, secrets=secrets)
    key = kit.content.decode(errors="replace") if kit else request.form.get("secret_kit", "")
    typed = _Typed(secrets, key if key.strip() else before.key, draft.type)
    # The form of a destination has also a name and types of backups.
    entered, errors = replace(draft, name=_("Copies"), kinds=Draft().kinds).check()
    if entered is None:
        return _form(token, draft, typed=typed, errors=errors), 422
    place = place_of(entered.service, entered.options, entered.secrets)
    release()
    try:
        with _one_at_a_time():
            found = look_in_child(place, typed.key, deadline_s=_IN_TIME_S)
    except RemoteError as error:
        resume()
        return _form(token, draft, typed=typed, problem=_problem_of_place(error)), 422
    except OffsiteError as error:
        resume()
        problem, is_mistyped = _problem_of(error, draft), error.code == "mistyped_key"
        if error.code in {"invalid_key", "mistyped_key"}:
            typed = replace(typed, key="")
        wrong = key if is_mistyped and not kit else ""
        return _form(token, draft, typed=typed, problem=problem, wrong_key=wrong), 422
    address = url_for("setup_elsewhere.choose", key=_keep(_Kept(place, typed, found)), token=token)
    return redirect(address, 303)


@blueprint.get("/<key>")
@setup_token_required
def choose(token: str, key: str) -> ResponseReturnValue:
    """Show the copies that were found, the newest good one selected."""
    kept = _read_kept(key)
    if kept is None:
        return _too_old(token)
    newest = kept.found.newest
    copies = [each for site in kept.found.sites for each in site.copies]
    return render_template(
        "setup_found.html",
        token=token,
        key=key,
        sites=kept.found.sites,
        newest=newest[1] if newest else None,
        can_choose=any(site.usable for site in kept.found.sites),
        is_unproved=kept.found.is_unproved,
        has_unproved=any(
            each.doubt is Doubt.NOT_PROVED for site in kept.found.sites for each in site.usable
        ),
        has_unread=any(site.unread for site in kept.found.sites),
        close=in_shared_minutes(copies),
        needed=[short_key(each) for each in kept.found.needed.split(" or ") if each],
        kind_words=KIND_WORDS,
        shown=SHOWN,
    )


@blueprint.post("/<key>")
@setup_token_required
def fetch(token: str, key: str) -> ResponseReturnValue:
    """Start the download of a copy and redirect to its progress."""
    kept = _read_kept(key)
    if kept is None:
        return _too_old(token)
    site_id, _slash, backup_id = request.form.get("copy", "").partition("/")
    try:
        site, copy = kept.found.find(backup_id, site_id)
    except OffsiteError:
        return redirect(url_for("setup_elsewhere.choose", key=key, token=token), 303)
    submission = read_submission(copy.id)
    if address := begun_before(submission):
        return redirect(address, 303)
    here = current_backups().listing().by_id.get(copy.id)
    if here and here.is_good and not (copy.is_proved and here.is_of_unknown_origin):
        address = url_for("setup_restore.show_plan", backup_id=copy.id, token=token, search=key)
        return redirect(address, 303)
    follower = Follower(current_appearance(), holder=None, setup_token=token, search=key)
    wanted = CopyWanted(
        kept.place, site.id, copy.id, kept.typed.key, bool(copy.is_proved), copy.is_doubted
    )
    release()
    with followed(submission, follower) as address:
        start_bringing(current_config(), wanted, by=BY, operation_id=submission.operation_id)
    return redirect(address, 303)


def _read_kept(key: str) -> _Kept | None:
    """Return what was found under a key, None where that is older than an hour."""
    return _read(key, _Kept)


def _read(key: str, kind: type[T]) -> T | None:
    folder = current_config().recovering_dir
    remove_older(folder, age_s=KEEP_PREVIEW_S)
    return follow_tokens.read(folder, key, kind)


def _keep(record: object) -> str:
    folder = current_config().recovering_dir
    remove_older(folder, age_s=KEEP_PREVIEW_S)
    with disk_errors("store the upload"):
        return follow_tokens.keep(folder, record)


def _too_old(token: str) -> Response:
    again = NextStep(url_for("setup_elsewhere.show", token=token), _("Look for copies"))
    return show_refusal(
        404,
        _("This search is over"),
        _("What you entered is kept for an hour. Enter it again."),
        next_step=again,
    )


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let one search run at a time, however often the form is sent."""
    with locked(current_config().lock_dir / "setup-elsewhere", timeout_s=0.5) as is_ours:
        if not is_ours:
            raise RemoteError(Trouble.BUSY)
        yield


def _problem_of_place(error: RemoteError) -> _Problem:
    title, advice = trouble_words(error.trouble, error.facts)
    if error.trouble is Trouble.NOT_THERE:  # this server has no backup that it could copy again
        advice = _("Check the folder. A disk or a share may not be mounted.")
    return _Problem(title, advice)


def _problem_of(error: OffsiteError, draft: Draft) -> _Problem:
    if error.code == "invalid_key":
        return _Problem(
            _("This is no key of a recovery kit"),
            _("The key starts with AGE-SECRET-KEY-1. Type it again, or choose the kit file."),
        )
    if error.code == "mistyped_key":
        return _Problem(
            _("A character of the key is wrong or missing"),
            _("Compare the key with the recovery kit, or choose the kit file."),
        )
    is_s3 = draft.service == Service.S3
    advice = _("Check bucket and folder.") if is_s3 else _("Check the folder.")
    return _Problem(_("No copies found in this folder"), advice)


def _form(
    token: str,
    draft: Draft,
    *,
    typed: _Typed | None = None,
    errors: Mapping[str, str] | None = None,
    problem: _Problem | None = None,
    wrong_key: str = "",
) -> str:
    has_typed = typed is not None and bool(typed.key.strip() or any(typed.secrets.values()))
    return render_template(
        "setup_elsewhere.html",
        token=token,
        draft=draft,
        errors=errors or {},
        problem=problem,
        typed=_keep(typed) if has_typed else "",
        wrong_key=wrong_key,
        fields=fields,
        services=SERVICE_WORDS,
    )
