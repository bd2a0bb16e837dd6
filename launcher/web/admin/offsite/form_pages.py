"""The form of a destination: a new one and a stored one, tested before it is saved.

A secret is never shown again: its field stays empty, and an empty one keeps what is stored. What is
reached in another way than before is tested when it is saved; where that fails, a second button
saves it all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flask import flash, make_response, redirect, request, url_for

from launcher.backup.errors import BackupError
from launcher.current import current_backups, current_offsite
from launcher.db.session import release, resume
from launcher.db.settings import site_settings
from launcher.extensions import db
from launcher.i18n.formats import isolated
from launcher.i18n.labels import KIND_WORDS
from launcher.i18n.locale import gettext as _
from launcher.i18n.offsite import (
    KEEP_RULE_WORDS,
    PLACE_WORDS,
    SERVICE_MEANINGS,
    SERVICE_WORDS,
    trouble_words,
)
from launcher.models.types import utc_now
from launcher.offsite import audit
from launcher.offsite.owed import Rules, owed
from launcher.offsite.records import Destination, Service
from launcher.offsite.service import OffsiteError
from launcher.offsite.status import KitState
from launcher.offsite.trial import as_tested
from launcher.offsite.troubles import RemoteError
from launcher.web.admin.offsite import fields
from launcher.web.admin.offsite.blueprint import (
    blueprint,
    error_words,
    find_destination,
    version_of,
)
from launcher.web.admin.offsite.cost import cost_facts
from launcher.web.admin.offsite.draft import KINDS, MAX_NAME, Draft
from launcher.web.admin.offsite.tested import (
    ShownTrial,
    has_same_access,
    read_proof,
    seal_failed,
    seal_proof,
    shown_trial,
    unseal_failed,
)
from launcher.web.htmx import is_htmx, render
from launcher.web.reauthentication import confirm_in_form, has_recent_password
from launcher.web.roles import acting_user, admin_required, signed_in_user

if TYPE_CHECKING:
    from datetime import datetime

    from flask import Response
    from flask.typing import ResponseReturnValue

    from launcher.audit import Actor
    from launcher.settings.table import SiteSettings

_FIELD_OF = {"name_taken": "name"}


@dataclass(frozen=True, slots=True)
class Tests:
    """The tests beside the form: the newest, the failed one before it, and that one sealed.

    `proof` says that what is entered was tested, "" where it was not. `is_busy`: another test runs,
    so none was made.
    """

    newest: ShownTrial | None = None
    before: ShownTrial | None = None
    sealed: str = ""
    proof: str = ""
    is_busy: bool = False


@blueprint.get("/new")
@admin_required
def new() -> ResponseReturnValue:
    """Show the form of a new destination."""
    return _page(Draft.empty(request.args.get("service", "")), None)


@blueprint.post("/new")
@admin_required
def create() -> ResponseReturnValue:
    """Add a destination that works, or one that an admin adds without a test."""
    return _save(None)


@blueprint.get("/<destination_id>/edit")
@admin_required
def edit(destination_id: str) -> ResponseReturnValue:
    """Show the form of a destination."""
    known = find_destination(destination_id)
    return _page(Draft.of(known), known)


@blueprint.post("/<destination_id>/edit")
@admin_required
def change(destination_id: str) -> ResponseReturnValue:
    """Save a destination."""
    return _save(find_destination(destination_id))


@blueprint.post("/new/test")
@admin_required
def test_new() -> ResponseReturnValue:
    """Test what is entered, before anything is saved."""
    return _test(None)


@blueprint.post("/<destination_id>/edit/test")
@admin_required
def test_edited(destination_id: str) -> ResponseReturnValue:
    """Test what is entered for a stored destination; an empty secret is the stored one."""
    return _test(find_destination(destination_id))


def _test(known: Destination | None) -> ResponseReturnValue:
    draft, actor = Draft.read(request.form, known), acting_user()
    made, errors = _checked(draft, known)
    if made is None:
        return _page(draft, known, errors=errors, tests=_kept_tests(), status=422)
    tests = _try_out(draft, known, made, actor)
    return _page(draft, known, tests=tests, status=429 if tests.is_busy else 200)


def _save(known: Destination | None) -> ResponseReturnValue:
    draft, actor = Draft.read(request.form, known), acting_user()
    if known and request.form.get("seen") != version_of(known):
        return _page(draft, known, tests=_kept_tests(), is_outdated=True, status=409)
    made, errors = _checked(draft, known)
    if made is None:
        return _page(draft, known, errors=errors, tests=_kept_tests(), status=422)
    if problem := confirm_in_form():
        return _page(draft, known, errors={"password": problem}, tests=_kept_tests(), status=422)
    is_tested = known is not None and has_same_access(known, made)
    if not is_tested:
        proof, tests = request.form.get("proof", ""), Tests()
        is_wanted = "untested" not in request.form
        if is_wanted and read_proof(proof, made, now=utc_now()) is None:
            tests = _try_out(draft, known, made, actor)
            proof = tests.proof
        found = read_proof(proof, made, now=utc_now())
        if tests.is_busy:
            return _page(draft, known, tests=tests, status=429)
        if is_wanted and found is None:
            return _page(draft, known, tests=tests, is_refused=True, status=422)
        is_tested = found is not None
        made = (
            as_tested(made, found.trial, at=found.at)
            if found
            else replace(made, tested_at=None, may_delete=None)
        )
    return _write(draft, known, made, actor, is_tested=is_tested)


def _checked(
    draft: Draft, known: Destination | None
) -> tuple[Destination | None, Mapping[str, str]]:
    """Return the destination, or None and what is wrong: all that is known without a test."""
    made, errors = draft.check(known)
    if made is None:
        return None, errors
    try:
        current_offsite().require_valid(made)
    except OffsiteError as error:
        return None, {_FIELD_OF.get(error.code, "service"): error_words(error)}
    except RemoteError as error:
        return None, {"folder_path": trouble_words(error.trouble, error.facts)[0]}
    return made, {}


def _write(
    draft: Draft, known: Destination | None, made: Destination, actor: Actor, *, is_tested: bool
) -> ResponseReturnValue:
    service = current_offsite()
    try:
        entered = service.settings()
        after = (
            service.change(made, by=actor.name, seen=known, cleared=draft.cleared_secrets(known))
            if known
            else service.add(made, by=actor.name)
        )
    except OffsiteError as error:
        if error.code == "outdated":
            now = find_destination(made.id)
            return _page(draft, now, tests=_kept_tests(), is_outdated=True, status=409)
        errors = {_FIELD_OF.get(error.code, "service"): error_words(error)}
        return _page(draft, known, errors=errors, tests=_kept_tests(), status=422)
    if known:
        audit.record_changed(known, after, actor=actor)
        said = _("Destination %(name)s saved", name=isolated(after.name))
    else:
        audit.record_added(after, actor=actor, is_tested=is_tested)
        said = _("Destination %(name)s added", name=isolated(after.name))
    audit.record_first_key(entered, service.settings(), actor=actor)
    db.session.commit()
    flash(said)
    is_kit_missing = service.status(site_settings()).kit is KitState.UNCONFIRMED
    if known is None and after.encrypt and is_kit_missing:
        return redirect(url_for("offsite.kit"), 303)
    return redirect(url_for("offsite.index"), 303)


def _try_out(draft: Draft, known: Destination | None, made: Destination, actor: Actor) -> Tests:
    """Test a destination while neither database nor gate is held; note that in the audit log.

    Where another test runs, none is made.
    """
    service, settings, user_id = current_offsite(), site_settings(), signed_in_user().id
    release()
    try:
        trial = service.try_out(made, user_id=user_id, cleared=draft.cleared_secrets(known))
    except OffsiteError as error:
        if error.code != "test_running":
            raise
        trial = None
    finally:
        resume()
    if trial is None:
        return replace(_kept_tests(), is_busy=True)
    audit.record_test(made, is_passed=trial.is_passed, actor=actor)
    db.session.commit()
    now = utc_now()
    place = (_("Place"), str(PLACE_WORDS[made.place]))
    newest = shown_trial(trial, at=now, facts=[place, *_cost(made, settings, now=now)])
    text = request.form.get("test_before", "")
    before = unseal_failed(text, user_id=user_id)
    if not newest.is_passed:
        text = seal_failed(newest, user_id=user_id)
    return Tests(newest, before, text if before or not newest.is_passed else "",
                 seal_proof(made, trial, at=now))  # fmt: skip


def _kept_tests() -> Tests:
    """Return the tests of the form as it was sent, for a form that is shown again."""
    text = request.form.get("test_before", "")
    before = unseal_failed(text, user_id=signed_in_user().id)
    proof = request.form.get("proof", "")
    return Tests(before=before, sealed=text if before else "", proof=proof)


def _cost(made: Destination, settings: SiteSettings, *, now: datetime) -> Sequence[tuple[str, str]]:
    """Return what copying there would cost; nothing while the backup folder cannot be read."""
    try:
        backups = current_backups().list()
    except BackupError:
        return ()
    known = current_offsite().status(settings).find(made.id) if made.id else None
    copies = known.ledger.copies if known else ()
    missing = owed(backups, copies, made, Rules(settings.policy, settings.zone, now))
    return cost_facts(made, missing, backups, settings, now=now)


def _page(
    draft: Draft,
    known: Destination | None,
    *,
    errors: Mapping[str, str] | None = None,
    tests: Tests | None = None,
    is_outdated: bool = False,
    is_refused: bool = False,
    status: int = 200,
) -> Response:
    """Draw the form.

    Args:
        is_outdated: another admin has changed the destination meanwhile.
        is_refused: it was not saved, because its test failed.
    """
    errors = errors or {}
    page = render(
        "admin/destination.html",
        part="admin/_destination_tests.html" if request.path.endswith("/test") else
        "admin/destination.html",
        is_part=is_htmx(),
        draft=draft,
        known=known,
        seen=version_of(known) if known else "",
        errors=errors,
        can_clear=draft.can_clear(known),
        labels=_labels(),
        tests=tests or Tests(),
        is_outdated=is_outdated,
        is_refused=is_refused,
        has_changed=request.method == "POST",
        asks_password=not has_recent_password(),
        fields=fields,
        name_maximum=MAX_NAME,
        services={each: SERVICE_WORDS[each] for each in Service},
        meanings=SERVICE_MEANINGS,
        places=PLACE_WORDS,
        rules=KEEP_RULE_WORDS,
        kinds={each: KIND_WORDS[each] for each in KINDS},
        action=url_for("offsite.change", destination_id=known.id)
        if known
        else url_for("offsite.create"),
        test_url=url_for("offsite.test_edited", destination_id=known.id)
        if known
        else url_for("offsite.test_new"),
    )  # fmt: skip
    response = make_response(page, status)
    # The form may hold what the length of a compressed page could reveal.
    response.headers["Cache-Control"] = "no-store, no-transform"
    return response


def _labels() -> Mapping[str, str]:
    """Return the names of all fields, for the list of those with an error."""
    labels = {each.name: str(each.label) for each in fields.ALL}
    return labels | {
        "name": _("Name"),
        "service": _("Kind"),
        "kind": _("Copied backups"),
        "limit": _("Upload limit in Mbit/s"),
        "stale": _("Alert after hours without a new copy"),
        "password": _("Current password"),
        "keep_count": _("Keep last"),
        "keep_daily": _("Keep daily"),
        "keep_weekly": _("Keep weekly"),
        "keep_monthly": _("Keep monthly"),
    }
