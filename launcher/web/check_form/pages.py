"""The page of the check of one app: shown, saved, tried before it is saved, and run at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from babel.dates import format_date
from flask import request, url_for

from launcher.catalogue.check_edits import (
    CheckEditedByTwoError,
    record_test,
    save_check,
    target_of_check,
    try_spec,
)
from launcher.catalogue.check_entries import CheckEntries, CheckRefusedError
from launcher.catalogue.check_headers import (
    address_of,
    names_of,
    new_headers,
    stored_headers,
)
from launcher.checks.asked import ask_for_check
from launcher.checks.certificates import Authority, authorities_in
from launcher.checks.fields import MAX_PEM_LENGTH, FieldError, authorities_of
from launcher.checks.ping import can_ping
from launcher.checks.trial import TooManyTrialsError, TrialReplacedError, test_now
from launcher.checks.turns import Turn
from launcher.current import current_config
from launcher.db.session import release, resume
from launcher.db.settings import site_settings
from launcher.fetching.addresses import AddressRules
from launcher.i18n import check_labels
from launcher.i18n.formats import clock_time, isolated, number
from launcher.i18n.locale import format_locale
from launcher.i18n.locale import gettext as _
from launcher.models import App
from launcher.models.health import CheckKind, CheckTarget
from launcher.models.types import utc_now
from launcher.web.apps.proposals import own_ports_of, own_site_of
from launcher.web.apps.returning import next_path
from launcher.web.apps.unsaved import app_to_edit
from launcher.web.check_form import words
from launcher.web.check_form.blueprint import CHECK, back_to, blueprint
from launcher.web.check_form.entries import NEW_HEADERS, SEEN, Sent, mark_of, mark_of_pem
from launcher.web.check_form.folds import open_parts
from launcher.web.check_form.pausing import pause_facts
from launcher.web.check_form.tested import ShownTest, is_failed, seal, shown_test, unseal
from launcher.web.checks.words import tries_words
from launcher.web.editing.rights import editing_required
from launcher.web.form_files import read_form_with_file
from launcher.web.htmx import redirect_to, render
from launcher.web.receiving import receives_file
from launcher.web.roles import acting_user, signed_in_user
from launcher.web.toasts import make_toast, show
from launcher.web.unsaved.again import carries_entries

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

_FILE = "ca_file"


@dataclass(frozen=True, slots=True)
class Conflict:
    """One field that two edited: what is stored, and what was typed."""

    label: str
    theirs: str
    mine: str


@dataclass(frozen=True, slots=True)
class Tests:
    """The tests beside the form: the newest, the failed one before it, and that one sealed.

    Attributes:
        is_busy: whether other tests left no place for one.
        is_replaced: whether a newer test of the same user ended this one.
    """

    newest: ShownTest | None = None
    before: ShownTest | None = None
    sealed: str = ""
    is_busy: bool = False
    is_replaced: bool = False


@blueprint.get(CHECK)
@editing_required
def edit(app_id: int) -> ResponseReturnValue:
    """Show the form of the check of an app."""
    app = app_to_edit(app_id)
    return _page(app, Sent.of(app.check))


@blueprint.post(CHECK)
@receives_file
@carries_entries
@editing_required
def save(app_id: int) -> ResponseReturnValue:
    """Save the edited fields of a check; on refusal show the form with all that was entered."""
    app_to_edit(app_id)
    pem = _read_form()
    app = app_to_edit(app_id)
    sent = Sent.read(request.form, app.check, pem=pem)
    try:
        changes = save_check(
            app,
            sent.entries,
            actor=acting_user(),
            headers=sent.headers,
            seen=sent.seen,
            are_headers_seen=sent.are_headers_seen,
        )
    except CheckRefusedError as error:
        return _page(app, sent, errors=words.error_words(error.fields, unkept=sent.unkept)), 422
    except CheckEditedByTwoError as error:
        return _page(app, sent, conflict=error), 409
    name = isolated(app.name)
    said = _("Check of %(app)s saved.", app=name) if changes else _("No field was changed.")
    show(make_toast(said))
    return redirect_to(back_to(app))


@blueprint.post(f"{CHECK}/test")
@receives_file
@carries_entries
@editing_required
def test(app_id: int) -> ResponseReturnValue:
    """Try what was entered, once; nothing is saved but a line in the audit log.

    Neither the database nor the gate is held meanwhile.
    """
    app_to_edit(app_id)
    pem = _read_form()
    app = app_to_edit(app_id)
    sent = Sent.read(request.form, app.check, pem=pem)
    before, sealed = _before(app), request.form.get("test_before", "")
    try:
        spec, headers = try_spec(app, sent.entries, site_settings(), sent.headers)
    except CheckRefusedError as error:
        errors = words.error_words(error.fields, unkept=sent.unkept)
        return _tested(app, sent, Tests(before=before, sealed=sealed), errors=errors), 422
    config = current_config()
    rules = AddressRules(
        allow_private=True, own_ports=own_ports_of(config), own_site=own_site_of(config)
    )
    origin = app.check.headers_for if app.check else ""
    target, turn = target_of_check(app), Turn.take(config.lock_dir, signed_in_user().id)
    outcome, is_busy = None, False
    release()
    try:
        outcome = test_now(spec, rules, turn)
    except TooManyTrialsError:
        is_busy = True
    except TrialReplacedError:
        pass
    finally:
        resume()
    if not is_busy:
        record_test(target, spec, outcome, actor=acting_user())
    app = app_to_edit(app_id)
    if is_busy:
        tests = Tests(before=before, sealed=sealed, is_busy=True)
        return _tested(app, sent, tests), 429, {"Retry-After": "5"}
    if outcome is None:
        return _tested(app, sent, Tests(before=before, sealed=sealed, is_replaced=True)), 409
    newest = shown_test(spec, outcome, at=utc_now(), withheld=headers.withheld, of=origin)
    if is_failed(newest):
        sealed = seal(newest, owner=_owner(app))
    return _tested(app, sent, Tests(newest, before, sealed))


@blueprint.post(f"{CHECK}/now")
@editing_required
def check_now(app_id: int) -> ResponseReturnValue:
    """Have an app checked at once, by the process that checks."""
    app = app_to_edit(app_id)
    ask_for_check(current_config().lock_dir, app.id)
    show(make_toast(_("Check of %(app)s requested.", app=isolated(app.name))))
    return redirect_to(back_to(app))


def _read_form() -> str:
    """Read the form; return the text of a file with certificates, "" where none was sent."""
    file = read_form_with_file(_FILE, limit_bytes=MAX_PEM_LENGTH)
    resume()
    return file.content.decode("latin-1") if file else ""


def _owner(app: App) -> tuple[int, int]:
    return signed_in_user().id, app.id


def _before(app: App) -> ShownTest | None:
    return unseal(request.form.get("test_before", ""), owner=_owner(app))


def _tested(app: App, sent: Sent, tests: Tests, *, errors: Mapping[str, str] | None = None) -> str:
    return render(
        "checks/edit.html", part="checks/_tests.html", **_context(app, sent, errors or {}, tests)
    )


def _page(
    app: App,
    sent: Sent,
    *,
    errors: Mapping[str, str] | None = None,
    conflict: CheckEditedByTwoError | None = None,
) -> str:
    text = request.form.get("test_before", "")
    before = _before(app) if text else None
    context = _context(app, sent, errors or {}, Tests(None, before, text if before else ""))
    if conflict:
        context |= _conflict(app, sent, conflict)
        context["opened"] = _opened(app, sent, conflict.names)
    return render("checks/edit.html", part="checks/edit.html", **context)


def _conflict(app: App, sent: Sent, conflict: CheckEditedByTwoError) -> dict[str, object]:
    """Return what the form shows of a conflict: saving once more keeps what was typed."""
    theirs, since = conflict.theirs, conflict.since
    rows = [
        Conflict(
            str(words.LABELS[name]), words.entry_words(name, theirs),
            words.entry_words(name, sent.entries),
        )
        for name in conflict.names
        if name != "headers"
    ]  # fmt: skip
    if "headers" in conflict.names:
        mine = names_of([name for name, _value in sent.headers.values])
        stored = names_of(stored_headers(app.check)) or _("none")
        rows.append(Conflict(str(words.LABELS["headers"]), stored, mine or _("Removed")))
    return {
        "conflicts": rows,
        "who": isolated(since.by) if since.by else _("Another editor"),
        "when": clock_time(since.at) if since.at else "",
    }


def _context(app: App, sent: Sent, errors: Mapping[str, str], tests: Tests) -> dict[str, object]:
    check, stored = app.check, CheckEntries.of(app.check)
    address = address_of(app, sent.entries.target, sent.entries.url.strip())
    headers = new_headers(
        check,
        sent.headers,
        kind=sent.entries.kind,
        address=address,
        keyword=sent.entries.keyword.strip(),
    )
    rows = [*sent.new_names, *[""] * NEW_HEADERS]
    return {
        "app": app,
        "sent": sent,
        "entries": sent.entries,
        "stored": stored,
        "seen": {name: getattr(stored, name) for name in SEEN},
        "seen_ca": mark_of_pem(stored.ca_pem),
        "seen_headers": mark_of(check),
        "errors": errors,
        "opened": _opened(app, sent, errors),
        "labels": words.LABELS,
        "kinds": _kinds(stored.kind),
        "can_ping": can_ping(),
        "targets": check_labels.TARGETS,
        "addresses": {
            CheckTarget.OWN: app.url, CheckTarget.LOCAL: app.url_local or "",
        },
        "methods": check_labels.METHODS,
        "verify": check_labels.VERIFY,
        "authorities": _authorities(stored.ca_pem),
        "new_authorities": _authorities(sent.new_pem) if "ca_pem" not in errors else (),
        "header_names": sorted(map(str, stored_headers(check)), key=str.lower),
        "withheld": headers.withheld,
        "headers_for": check.headers_for if check else "",
        "new_rows": rows,
        "interval_s": number(site_settings().check_interval_s),
        "tries_words": tries_words(
            int(stored.tries),
            interval_s=int(stored.interval_s or site_settings().check_interval_s),
            limit_s=float(stored.timeout_s),
        ),
        "checks_enabled": site_settings().checks_enabled,
        "tests": tests,
        "next_path": next_path(),
        "back": url_for("apps.edit", app_id=app.id),
        **pause_facts(app),
    }  # fmt: skip


def _opened(app: App, sent: Sent, named: Collection[str]) -> frozenset[str]:
    has_headers = bool(stored_headers(app.check) or sent.new_names or sent.headers.values)
    return open_parts(sent.entries, named, has_headers=has_headers)


def _kinds(stored: str) -> Mapping[str, object]:
    return {
        kind: label
        for kind, label in check_labels.KINDS.items()
        if kind != CheckKind.SAMPLE or stored == CheckKind.SAMPLE
    }


def _authorities(pem: str) -> Sequence[tuple[str, str]]:
    """Return whose each certificate is and when it expires; the text itself is not shown."""
    try:
        found = authorities_in(authorities_of(pem))
    except FieldError:
        return ()
    return [(each.name or _("Unnamed certificate"), _expiry_words(each)) for each in found]


def _expiry_words(authority: Authority) -> str:
    on = format_date(authority.until, "long", locale=format_locale())
    if authority.until < utc_now():
        return _("expired on %(day)s", day=on)
    return _("valid until %(day)s", day=on)
