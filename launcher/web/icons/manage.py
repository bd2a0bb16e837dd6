"""The page of all icons: uploads with the apps that use them, the colour set, the licences.

Editors see it and upload; removing icons, and the colour set, are for admins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import abort, render_template, request, url_for

from launcher.catalogue.access import may_edit
from launcher.catalogue.uploads import known_uploads
from launcher.db.session import resume
from launcher.extensions import db
from launcher.i18n.formats import number, size
from launcher.i18n.locale import gettext as _
from launcher.i18n.locale import ngettext
from launcher.icons import colour_set, store
from launcher.icons.colour_set import SetRefusedError
from launcher.icons.drawn import Kind, drawn_set
from launcher.icons.uploads import LIMIT_BYTES, IconRefusedError, read_image
from launcher.web import toasts
from launcher.web.form_files import (
    FileTooLargeError,
    incoming_file,
    large_file,
    read_form_with_file,
)
from launcher.web.frame import current_viewer
from launcher.web.htmx import redirect_to
from launcher.web.icons.drawings import blueprint
from launcher.web.icons.words import refusal_words, set_refusal_words, too_large_words
from launcher.web.receiving import receives_file
from launcher.web.roles import acting_user, admin_required, editor_required, signed_in_user

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

_TARGET_BYTES = 1 << 30


@blueprint.get("/admin/icons")
@editor_required
def manage() -> ResponseReturnValue:
    """Show uploads, the colour set and the licences."""
    return _page()


@blueprint.post("/admin/icons")
@receives_file
@editor_required
def add() -> ResponseReturnValue:
    """Keep an image that is sent."""
    sent = read_form_with_file("file", limit_bytes=LIMIT_BYTES)
    if sent is None:
        resume(writes=False)
        return _page(refusal=_("Choose a file.")), 422
    try:
        image = read_image(sent.content, name=sent.name)
    except IconRefusedError as error:
        resume(writes=False)
        return _page(refusal=refusal_words(error)), 422
    resume()
    if not may_edit(current_viewer()):
        abort(403)
    store.keep(image, actor=acting_user())
    db.session.commit()
    toasts.show(toasts.make_toast(_("%(name)s uploaded.", name=image.name)))
    return redirect_to(url_for("icons.manage"))


@blueprint.post("/admin/icons/remove")
@admin_required
def remove() -> ResponseReturnValue:
    """Remove the unused icon of the field `sha256`; one that an app uses stays."""
    wanted = request.form.get("sha256", "")
    media = next((each for each in store.unused() if each.sha256 == wanted), None)
    if media is not None:
        name = media.name
        store.remove(media, actor=acting_user())
        db.session.commit()
        toasts.show(toasts.make_toast(_("%(name)s removed.", name=name)))
    return redirect_to(url_for("icons.manage"))


@blueprint.route("/admin/icons/remove-unused", methods=["GET", "POST"])
@admin_required
def remove_unused() -> ResponseReturnValue:
    """Ask whether to remove all icons that no app uses, and remove them."""
    found = store.unused()
    if request.method != "POST":
        return render_template(
            "admin/icons_remove.html",
            what="unused",
            number=len(found),
            size_bytes=sum(each.size_bytes for each in found),
        )
    for media in found:
        store.remove(media, actor=acting_user())
    db.session.commit()
    words = ngettext("%(num)s icon removed.", "%(num)s icons removed.", len(found))
    toasts.show(toasts.make_toast(words))
    return redirect_to(url_for("icons.manage"))


@blueprint.post("/admin/icons/set")
@receives_file
@admin_required
def replace_set() -> ResponseReturnValue:
    """Replace the colour set by the zip that is sent."""
    try:
        with large_file("file", limit_bytes=colour_set.LIMIT_BYTES) as sent:
            if sent is None:
                resume(writes=False)
                return _page(set_refusal=_("Choose a file.")), 422
            with incoming_file(limit_bytes=_TARGET_BYTES) as target:
                prepared = colour_set.prepare(sent.path, target.path)
                resume()
                if not signed_in_user().is_admin:
                    abort(403)
                kept = colour_set.replace_set(prepared, actor=acting_user())
                db.session.commit()
    except FileTooLargeError:
        resume(writes=False)
        return _page(set_refusal=too_large_words()), 413
    except SetRefusedError as error:
        resume(writes=False)
        return _page(set_refusal=set_refusal_words(error)), 422
    words = ngettext(
        "Colour set with %(number)s icon uploaded.",
        "Colour set with %(number)s icons uploaded.",
        kept.icons,
        number=number(kept.icons),
    )
    details = [_skipped(prepared.skipped)] if prepared.skipped else []
    toasts.show(toasts.make_toast(words, details=details))
    return redirect_to(url_for("icons.manage"))


@blueprint.route("/admin/icons/set/remove", methods=["GET", "POST"])
@admin_required
def remove_set() -> ResponseReturnValue:
    """Ask whether to remove the colour set, and remove it."""
    if request.method != "POST":
        found = colour_set.set_size()
        return render_template(
            "admin/icons_remove.html", what="set", number=found.icons, size_bytes=found.size_bytes
        )
    colour_set.remove_set(actor=acting_user())
    db.session.commit()
    toasts.show(toasts.make_toast(_("Colour set removed.")))
    return redirect_to(url_for("icons.manage"))


def _page(*, refusal: str = "", set_refusal: str = "") -> str:
    uploads = known_uploads(current_viewer())
    unused = [each for each in uploads if each.is_unused]
    return render_template(
        "admin/icons.html",
        uploads=uploads,
        unused=unused,
        unused_size=size(sum(each.media.size_bytes for each in unused)),
        set_size=colour_set.set_size(),
        symbols=len(drawn_set(Kind.SYMBOL).drawings),
        brands=len(drawn_set(Kind.BRAND).drawings),
        limit_bytes=LIMIT_BYTES,
        set_limit_bytes=colour_set.LIMIT_BYTES,
        refusal=refusal,
        set_refusal=set_refusal,
    )


def _skipped(skipped: int) -> str:
    return ngettext(
        "%(number)s file was not a valid image.",
        "%(number)s files were not valid images.",
        skipped,
        number=number(skipped),
    )
