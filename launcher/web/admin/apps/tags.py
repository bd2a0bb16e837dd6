"""The tags: how many apps have each, renamed, merged by renaming, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import abort, redirect, render_template, request, url_for

from launcher.catalogue import tags as changes
from launcher.catalogue.access import visible_tags
from launcher.catalogue.errors import FieldsRefusedError
from launcher.models import Tag
from launcher.web import htmx
from launcher.web.admin.apps.blueprint import blueprint
from launcher.web.change_words import show_change
from launcher.web.refusal_words import refusal_words
from launcher.web.roles import acting_user, editor_required, signed_in_user

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

_TAG = "/tags/<id:tag_id>"


@blueprint.get("/tags")
@editor_required
def tags() -> ResponseReturnValue:
    """Show the tags that the viewer knows of, by name."""
    return render_template("admin/tags.html", tags=visible_tags(signed_in_user()))


@blueprint.get(f"{_TAG}/rename")
@editor_required
def ask_tag_name(tag_id: int) -> ResponseReturnValue:
    """Ask for the new name of a tag."""
    tag = _tag_or_404(tag_id)
    return _form(tag, tag.name)


@blueprint.post(f"{_TAG}/rename")
@editor_required
def rename_tag(tag_id: int) -> ResponseReturnValue:
    """Rename a tag; before two become one, say so and ask."""
    tag, typed = _tag_or_404(tag_id), request.form.get("name", "")
    other = _other_with_name(tag, typed)
    if other is not None and request.form.get("merge") != str(other.id):
        return _form(tag, typed, other=other)
    try:
        change = changes.rename_tag(tag, typed, actor=acting_user())
    except FieldsRefusedError as error:
        return _form(tag, typed, error=refusal_words("tag", error.fields["name"])), 422
    show_change(change)
    return _back()


@blueprint.post(f"{_TAG}/delete")
@editor_required
def delete_tag(tag_id: int) -> ResponseReturnValue:
    """Delete a tag; its apps stay."""
    show_change(changes.delete_tag(_tag_or_404(tag_id), actor=acting_user()))
    return _back()


def _tag_or_404(tag_id: int) -> Tag:
    found = (tag for tag, _count in visible_tags(signed_in_user()) if tag.id == tag_id)
    return next(found, None) or abort(404)


def _other_with_name(tag: Tag, typed: str) -> Tag | None:
    """Return another tag of this name that the viewer knows of."""
    name = typed.strip().casefold()
    known = (each for each, _count in visible_tags(signed_in_user()))
    return next((each for each in known if each is not tag and each.name.casefold() == name), None)


def _form(tag: Tag, typed: str, *, other: Tag | None = None, error: str = "") -> str:
    return htmx.render(
        "admin/tag_rename.html",
        part="admin/_tag_rename.html",
        tag=tag,
        typed=typed,
        other=other,
        error=error,
    )


def _back() -> ResponseReturnValue:
    address = url_for("catalogue.tags")
    return htmx.redirect_script(address) if htmx.is_htmx() else redirect(address, 303)
