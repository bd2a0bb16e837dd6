"""Several apps of the list changed at once: tagged, moved, archived, deleted.

What needs an answer first is asked in a dialog, or on a page of its own that carries the selection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from flask import redirect, request

from launcher.catalogue import bulk
from launcher.catalogue.access import editable_boards, visible_tags
from launcher.catalogue.errors import FieldsRefusedError
from launcher.catalogue.listing import boards_seen, known_apps
from launcher.catalogue.undo import Change
from launcher.i18n.locale import gettext as _
from launcher.models import App, Section
from launcher.web import htmx
from launcher.web.admin.apps.asked import Asked
from launcher.web.admin.apps.blueprint import blueprint
from launcher.web.admin.apps.page import render_apps
from launcher.web.change_words import show_change
from launcher.web.numbers import read_number
from launcher.web.refusal_words import refusal_words
from launcher.web.roles import acting_user, editor_required, signed_in_user

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

MOST = 500
"""The most apps that are changed at once."""


@blueprint.get("/apps", endpoint="apps")
@editor_required
def show_apps() -> ResponseReturnValue:
    """Show the apps that the viewer knows of, narrowed by the query string.

    Or the question about those that it selects, with what was typed.
    """
    do, typed = request.args.get("do", ""), request.args.get("tags", "")
    chosen = known_apps(_ids(request.args.getlist("app"))[:MOST], signed_in_user())
    return _ask(do, chosen, typed=typed) if do in _ASKED and chosen else render_apps()


@blueprint.post("/apps")
@editor_required
def change_apps() -> ResponseReturnValue:
    """Do one thing with the selected apps: all of them or none.

    Fields: `do` and the ids `app`, or `one` with both of a single app, as `archive:7`.
    """
    do, _colon, only = request.form.get("one", "").partition(":")
    texts = [only] if only else request.form.getlist("app")
    do = do or request.form.get("do", "")
    ids = _ids(texts)
    if len(ids) > MOST:
        return render_apps(_("Select at most %(limit)s apps.", limit=MOST)), 422
    chosen = known_apps(ids, signed_in_user(), to_edit=True)
    if do not in _WAYS or not ids:
        return render_apps(_("No apps selected.")), 422
    if not chosen:
        return render_apps(_("The selected apps are gone, or you may not change them.")), 422
    return _WAYS[do](chosen)


def _ids(texts: Sequence[str]) -> list[int]:
    return [number for text in texts if (number := read_number(text)) is not None]


def _archive(chosen: Sequence[App]) -> ResponseReturnValue:
    return _done(bulk.archive_apps(chosen, actor=acting_user()))


def _unarchive(chosen: Sequence[App]) -> ResponseReturnValue:
    return _done(bulk.unarchive_apps(chosen, actor=acting_user()))


def _tag(chosen: Sequence[App]) -> ResponseReturnValue:
    typed = request.form.get("tags")
    if typed is None:
        return _ask("tag", chosen)
    try:
        return _done(bulk.tag_apps(chosen, typed, actor=acting_user()))
    except FieldsRefusedError as error:
        words = refusal_words("tags", error.fields["tags"])
        return _ask("tag", chosen, error=words, typed=typed), 422


def _move(chosen: Sequence[App]) -> ResponseReturnValue:
    wanted = request.form.get("section")
    if wanted is None:
        return _ask("move", chosen)
    sections = _sections()
    if wanted not in sections:
        return _ask("move", chosen, error=_("Choose a section.")), 422
    return _done(bulk.move_apps(chosen, sections[wanted], actor=acting_user()))


def _delete(chosen: Sequence[App]) -> ResponseReturnValue:
    if request.form.get("confirmed") != "1":
        return _ask("delete", chosen)
    return _done(bulk.delete_apps(chosen, actor=acting_user()))


_WAYS: Mapping[str, Callable[[Sequence[App]], ResponseReturnValue]] = {
    "tag": _tag,
    "move": _move,
    "archive": _archive,
    "unarchive": _unarchive,
    "delete": _delete,
}


_ASKED = {"tag", "move", "delete"}


def _done(change: Change) -> ResponseReturnValue:
    show_change(change)
    if htmx.is_htmx():
        return render_apps()
    return redirect(_here(), 303)


def _ask(do: str, chosen: Sequence[App], *, error: str = "", typed: str = "") -> str:
    viewer = signed_in_user()
    return htmx.render(
        "admin/apps_ask.html",
        part=f"admin/_apps_{do}.html",
        do=do,
        chosen=chosen,
        action=Asked.read().bulk_address(),
        back=_here(),
        error=error,
        typed=typed,
        tags=[tag.name for tag, _count in visible_tags(viewer)] if do == "tag" else (),
        boards=[each for each in editable_boards(viewer) if each.sections] if do == "move" else (),
        boards_count=boards_seen(chosen, viewer) if do == "delete" else 0,
    )


def _sections() -> Mapping[str, Section]:
    boards = editable_boards(signed_in_user())
    return {str(section.id): section for board in boards for section in board.sections}


def _here() -> str:
    asked = Asked.read()
    return asked.address(asked.page)
