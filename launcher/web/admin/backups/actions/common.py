"""What the actions share: the page to return to, the selection, refusals."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Response, request, url_for

from launcher.backup.errors import BackupError
from launcher.backup.records.backup import Backup
from launcher.backup.records.ids import parse_backup_id
from launcher.current import current_backups
from launcher.i18n.locale import gettext, ngettext
from launcher.web.auth import safe_path
from launcher.web.errors import NextStep, show_backup_error, show_refusal
from launcher.web.htmx import current_page, is_htmx, split_address

blueprint = Blueprint("backup_actions", __name__, url_prefix="/admin/backups")

MAX_SELECTED = 1000
# So many lines fit into a toast.
_MAX_NAMES = 10
LIST_CHANGED = {"HX-Trigger": "backups-changed"}


@blueprint.errorhandler(BackupError)
def _refuse(error: BackupError) -> Response:
    """Answer with the error, and let the page reload its list."""
    response = show_backup_error(error, next_step=None if is_htmx() else to_the_list())
    if is_htmx():
        response.headers.extend(LIST_CHANGED)
    return response


def get_backup(backup_id: str) -> Backup:
    """Return the backup of the address, or raise `BackupNotFoundError`."""
    return current_backups().get(parse_backup_id(backup_id))


def first_lines(lines: list[str]) -> list[str]:
    """Return the lines that fit into a toast, and how many more there are."""
    if len(lines) <= _MAX_NAMES:
        return lines
    more = len(lines) - _MAX_NAMES
    return [*lines[:_MAX_NAMES], ngettext("and %(num)s more", "and %(num)s more", more)]


def way_back() -> str:
    """Return where to go afterwards: `next` of the form, or the list with its filter."""
    if wanted := request.form.get("next", ""):
        return safe_path(wanted)
    list_path = url_for("backups.show")
    page = split_address(current_page() or request.referrer or "")
    is_filtered = page.path == list_path and page.query
    return f"{list_path}?{page.query}" if is_filtered else list_path


def to_the_list() -> NextStep:
    """Return the step to the list."""
    return NextStep(url_for("backups.show"), gettext("Go to backups"))


def selected_ids(ids: Sequence[str]) -> list[str] | Response:
    """Return the ids, each once, or the refusal of a selection of none or too many."""
    selected = list(dict.fromkeys(ids))
    if not selected:
        return refuse_to_change(
            gettext("No backups selected"),
            gettext("Select backups first, then choose an action."),
        )
    if len(selected) > MAX_SELECTED:
        return refuse_to_change(
            gettext("Too many backups selected"),
            ngettext(
                "Nothing was changed. Select at most %(num)s backup.",
                "Nothing was changed. Select at most %(num)s backups.",
                MAX_SELECTED,
            ),
        )
    return selected


def refuse_to_change(title: str, text: str) -> Response:
    """Answer that nothing was done, with the step to the list on a whole page."""
    return show_refusal(422, title, text, next_step=None if is_htmx() else to_the_list())
