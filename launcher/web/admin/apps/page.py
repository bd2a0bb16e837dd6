"""The list of apps."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import url_for

from launcher.catalogue.access import visible_boards, visible_tags
from launcher.catalogue.listing import NO_BOARD, Entry, list_apps
from launcher.models import App
from launcher.web import htmx
from launcher.web.admin.apps.asked import Asked
from launcher.web.pictures import picture_of
from launcher.web.roles import signed_in_user


def render_apps(notice: str = "") -> str:
    """Return the list that the query string asks for, as a page or as a part."""
    asked, viewer = Asked.read(), signed_in_user()
    sheet = list_apps(asked.search, viewer, page=asked.page)
    asked = Asked(asked.search, sheet.number)
    back = asked.address(sheet.number)
    return htmx.render(
        "admin/apps.html",
        part="admin/_apps.html",
        asked=asked,
        sheet=sheet,
        rows=[_row(entry, back) for entry in sheet.entries],
        tags=[(tag.name, count) for tag, count in visible_tags(viewer)],
        boards=visible_boards(viewer),
        NO_BOARD=NO_BOARD,
        notice=notice,
        add_url=url_for("apps.new"),
        is_part=htmx.is_htmx(),
    )


def host_of(app: App) -> str:
    """Return the host and port of an app, its whole URL when it has none."""
    try:
        return urlsplit(app.url).netloc.rpartition("@")[2] or app.url
    except ValueError:
        return app.url


def _row(entry: Entry, back: str) -> dict[str, object]:
    app = entry.app
    return {
        "app": app,
        "picture": picture_of(app, app.icon_media.sha256 if app.icon_media else None),
        "host": host_of(app),
        "boards": ", ".join(entry.boards),
        "edit_url": url_for("apps.edit", app_id=app.id, next=back),
        "may_edit": entry.may_edit,
    }
