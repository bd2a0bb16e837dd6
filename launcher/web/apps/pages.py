"""The form of an app: a page, and a part that an edit page loads into its dialog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from flask import abort, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict

from launcher.catalogue.access import find_app, may_edit_app
from launcher.catalogue.apps import create_app, save_app
from launcher.catalogue.bulk import archive_app, unarchive_apps
from launcher.catalogue.entries import NAME_MAX, AppEntries
from launcher.catalogue.errors import FieldsRefusedError, Refusal, Unfit
from launcher.catalogue.history import last_change
from launcher.catalogue.merge import EditedByTwoError, Merge
from launcher.models import App, Board, Section
from launcher.web.apps import conflict, steps
from launcher.web.apps.blueprint import APP, blueprint
from launcher.web.apps.check_line import check_line
from launcher.web.apps.entries import (
    LABELS,
    NAMES,
    OPENS,
    Shown,
    error_words,
    icon_words,
    picture_of_entries,
    read_entries,
    read_shown,
    require_visible_icon,
)
from launcher.web.apps.placing import Place, Places, places_for, section_of
from launcher.web.apps.proposals import ShownProposal
from launcher.web.apps.returning import (
    back_path,
    board_of,
    done,
    next_path,
    path_of_page,
    places_of,
)
from launcher.web.apps.unsaved import (
    app_to_edit,
    keeps_entries,
    proof_of,
    show_gone,
    show_withdrawn,
)
from launcher.web.change_words import show_change
from launcher.web.editing.rights import editing_required
from launcher.web.htmx import is_htmx, render
from launcher.web.roles import acting_user, signed_in_user

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


@blueprint.get("/apps/new")
@editing_required
def new() -> ResponseReturnValue:
    """Show the form for a new app; its address may hold entries, the board and the section."""
    return _new_form(read_entries(request.args, AppEntries()), _places())


@blueprint.post("/apps/new")
@keeps_entries
def create() -> ResponseReturnValue:
    """Add an app; on refusal show the form with all that was entered."""
    proposal = steps.fetched()
    entries, places = read_entries(request.form, AppEntries()), _places()
    if step := steps.step_of(entries, proposal):
        return _new_form(step.entries, places, proposal=step.proposal)
    twin = None if "again" in request.form else _twin(entries, places.chosen)
    if twin:
        return _new_form(entries, places, twin=twin), 409
    try:
        board, section = _add(entries, places.chosen)
    except FieldsRefusedError as error:
        return _new_form(entries, places, errors=error_words(error, entries)), 422
    return _next_form(section) if "next_app" in request.form else done(board)


@blueprint.get(f"{APP}/edit")
@editing_required
def edit(app_id: int) -> ResponseReturnValue:
    """Show the form of an app; its address may hold entries that are not saved yet."""
    app = app_to_edit(app_id)
    now = Shown(AppEntries.of(app), app.revision)
    entries = read_entries(request.args, now.entries)
    shown = read_shown(request.args, now)
    return _edit_form(app, entries, shown, is_unsaved=entries != now.entries)


@blueprint.post(f"{APP}/edit")
@keeps_entries
def save(app_id: int) -> ResponseReturnValue:
    """Save an app; on refusal show the form, and both entries where another has saved meanwhile."""
    proposal = steps.fetched()
    app = find_app(app_id, signed_in_user())
    if app is None:
        return show_gone(app_id) if "seen_name" in request.form else abort(404)
    if not may_edit_app(signed_in_user(), app):
        return show_withdrawn()
    now = Shown(AppEntries.of(app), app.revision)
    shown = read_shown(request.form, now)
    entries = read_entries(request.form, now.entries)
    entries = conflict.decide(entries, shown.entries, request.form)
    if step := steps.step_of(entries, proposal):
        return _edit_form(app, step.entries, shown, proposal=step.proposal)
    try:
        require_visible_icon(entries, signed_in_user())
        change = save_app(
            app, entries, actor=acting_user(), seen=shown.entries, seen_revision=shown.revision
        )
    except FieldsRefusedError as error:
        return _edit_form(app, entries, shown, errors=error_words(error, entries)), 422
    except EditedByTwoError as error:
        if error.merge.merged != error.merge.theirs:
            return _conflict(app, error.merge, shown.entries), 409
        change = save_app(app, error.merge.theirs, actor=acting_user())
    show_change(change)
    if "archive" in request.form:
        show_change(archive_app(app, actor=acting_user()))
    elif "unarchive" in request.form:
        show_change(unarchive_apps([app], actor=acting_user()))
    return done(board_of(app))


# What the views share


def _places() -> Places:
    return places_for(signed_in_user(), request.values)


def _add(entries: AppEntries, place: Place | None) -> tuple[Board | None, Section | None]:
    """Add an app; return where it is.

    Raises:
        FieldsRefusedError: nothing was added.
    """
    viewer, actor = signed_in_user(), acting_user()
    checked = entries.checked()
    require_visible_icon(checked, viewer)
    if place is None:
        raise FieldsRefusedError({"section": Refusal(Unfit.CHOICE)})
    section = section_of(place, owner=viewer, actor=actor)
    app, change = create_app(checked, section, actor=actor)
    show_change(change)
    placed = app.placements[0].section if app.placements else None
    return (placed.board if placed else None), placed


def _twin(entries: AppEntries, place: Place | None) -> App | None:
    """Return the app of the same name and URL that is in that section already."""
    name, url = entries.name.strip(), entries.url.strip()
    placements = place.section.placements if place and place.section else []
    apps = (each.app for each in placements)
    return next((each for each in apps if (each.name, each.url) == (name, url)), None)


def _next_form(section: Section | None) -> ResponseReturnValue:
    """Show an empty form for the next app, of the same section."""
    place = str(section.id) if section else "none"
    if not is_htmx():
        return redirect(url_for("apps.new", section=place, next=next_path() or None), 303)
    places = places_for(signed_in_user(), MultiDict({"section": place}))
    response = make_response(_new_form(AppEntries(), places) + render_template("_toasts_oob.html"))
    response.headers["Launcher-Changed"] = path_of_page(section.board if section else None)
    return response


def _new_form(
    entries: AppEntries,
    places: Places,
    *,
    errors: Mapping[str, str] | None = None,
    twin: App | None = None,
    proposal: ShownProposal | None = None,
) -> str:
    board = places.chosen.board if places.chosen else None
    return render(
        "app_new.html",
        part="_app_form.html",
        app=None,
        action=url_for("apps.new"),
        places=places,
        twin=twin,
        shown=None,
        is_unsaved=False,
        **_form(entries, errors or {}, board, proposal),
    )


def _edit_form(
    app: App,
    entries: AppEntries,
    shown: Shown,
    *,
    errors: Mapping[str, str] | None = None,
    is_unsaved: bool = False,
    proposal: ShownProposal | None = None,
) -> str:
    return render(
        "app_edit.html",
        part="_app_form.html",
        app=app,
        action=url_for("apps.save", app_id=app.id),
        places=None,
        twin=None,
        shown=shown,
        proof=proof_of(app),
        check_line=check_line(app),
        is_unsaved=is_unsaved,
        on_boards=places_of(app),
        since=last_change(app),
        **_form(entries, errors or {}, board_of(app), proposal),
    )


def _form(
    entries: AppEntries,
    errors: Mapping[str, str],
    board: Board | None,
    proposal: ShownProposal | None,
) -> dict[str, object]:
    return {
        "entries": entries,
        "errors": errors,
        "labels": LABELS,
        "opens": OPENS,
        "picture": picture_of_entries(entries),
        "icon_words": icon_words(entries),
        "note": entries.url.strip().partition("://")[2].rstrip("/"),
        "name_max": NAME_MAX,
        "board": board,
        "back": back_path(board),
        "next_path": next_path(),
        "is_dialog": is_htmx(),
        "names": NAMES,
        "can_propose": steps.can_fetch(),
        "proposal": proposal,
        "proposed_name": proposal.name if proposal else request.form.get("proposed_name", ""),
        "proposed_icon": proposal.icon_value if proposal else request.form.get("proposed_icon", ""),
    }


def _conflict(app: App, merge: Merge, seen: AppEntries) -> str:
    board = board_of(app)
    return render(
        "app_conflict.html",
        part="_app_conflict.html",
        app=app,
        action=url_for("apps.save", app_id=app.id),
        merge=merge,
        proof=proof_of(app),
        names=NAMES,
        versus=conflict.versus(merge, seen),
        taken=conflict.taken(merge),
        board=board,
        back=back_path(board),
        next_path=next_path(),
        is_dialog=is_htmx(),
    )
