"""What is said of a file that is imported: where it comes from, why something is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from launcher.catalogue.errors import Unfit
from launcher.catalogue.import_draft import TEXT, CheckedDraft, Left
from launcher.i18n.formats import isolated, number, size
from launcher.i18n.locale import gettext, ngettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.importing.draft import LeaveReason, Source, Unreadable, UnreadableFileError

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString


@dataclass(frozen=True, slots=True)
class SourceWords:
    """A source as one chooses it: which file it is, and how to get that."""

    icon: str
    name: LazyString | str
    file: LazyString | str
    way: LazyString | str


SOURCES: Mapping[Source, SourceWords] = {
    Source.BOOKMARKS: SourceWords(
        "bookmark",
        _("Browser bookmarks"),
        _("HTML file, folders become sections"),
        _(
            "In Firefox: Bookmarks, Manage bookmarks, Import and Backup, Export."
            " In Chrome: Bookmark manager, Export."
        ),
    ),
    Source.HOMEPAGE: SourceWords(
        "house",
        "Homepage",
        _("services.yaml or bookmarks.yaml"),
        _("In the config folder of Homepage."),
    ),
    Source.HOMER: SourceWords(
        "layout-grid", "Homer", "config.yml", _("In the assets folder of Homer.")
    ),
    Source.DASHY: SourceWords(
        "panels-top-left", "Dashy", "conf.yml", _("In the user-data folder of Dashy.")
    ),
    Source.HEIMDALL: SourceWords(
        "star",
        "Heimdall",
        _("JSON export, without passwords"),
        _("In Heimdall: Settings, Export."),
    ),
    Source.CSV: SourceWords(
        "table",
        "CSV",
        _("Table with the columns name and url"),
        _(
            "Save a table as CSV. Optional columns: section, description, tags, search words, icon,"
            " home network URL."
        ),
    ),
}

_OTHER_FORMAT: Mapping[Source, LazyString] = {
    Source.BOOKMARKS: _(
        "%(filename)s is not a bookmark file of a browser. Choose the source that matches the file."
    ),
    Source.HOMEPAGE: _(
        "%(filename)s is not a Homepage services.yaml or bookmarks.yaml. Choose the source that"
        " matches the file."
    ),
    Source.HOMER: _(
        "%(filename)s is not a Homer config.yml. Choose the source that matches the file."
    ),
    Source.DASHY: _(
        "%(filename)s is not a Dashy conf.yml. Choose the source that matches the file."
    ),
    Source.HEIMDALL: _(
        "%(filename)s is not a Heimdall export. Choose the source that matches the file."
    ),
    Source.CSV: _(
        "%(filename)s is not a CSV file with a column url. Choose the source that matches the file."
    ),
}

_UNREADABLE: Mapping[Unreadable, LazyString] = {
    Unreadable.EMPTY: _("The file is empty."),
    Unreadable.BINARY: _(
        "%(filename)s is not a file that Launcher reads. Choose an HTML, YAML, JSON or CSV file."
    ),
    Unreadable.CUT_OFF: _("The file ends in line %(line)s. Export it again."),
    Unreadable.SYNTAX: _("Line %(line)s is not valid in a file of this format."),
    Unreadable.TAB: _("Line %(line)s: YAML does not allow tabs here. Use spaces."),
    Unreadable.ALIASES: _("Line %(line)s: aliases expand to more than %(limit)s values."),
    Unreadable.ALIAS_LOOP: _("Line %(line)s: an alias refers to itself, or to nothing."),
    Unreadable.TOO_DEEP: _("The file is nested deeper than %(limit)s levels."),
    Unreadable.TOO_MANY_VALUES: _("The file has more than %(limit)s values."),
}
_SYNTAX = _("The file is not valid in this format.")


def unreadable_words(error: UnreadableFileError, source: Source) -> str:
    """Return why nothing of a file can be read."""
    facts = error.facts
    if error.code is Unreadable.TOO_LARGE:
        return too_large_words(_whole(facts["size_bytes"]), _whole(facts["limit_bytes"]))
    if error.code is Unreadable.FORMAT:
        words = str(_OTHER_FORMAT[source]) % {"filename": isolated(str(facts.get("filename", "")))}
        looks_like = facts.get("looks_like")
        if looks_like not in SOURCES:
            return words
        name = SOURCES[Source(str(looks_like))].name
        hint = gettext("The file looks like this source: %(name)s.", name=name)
        return f"{words} {hint}"
    if error.code is Unreadable.SYNTAX and not facts.get("line"):
        return str(_SYNTAX)
    shown = {name: number(_whole(facts.get(name, 0))) for name in ("line", "limit")}
    shown["filename"] = isolated(str(facts.get("filename", "")))
    return str(_UNREADABLE[error.code]) % shown


def too_large_words(size_bytes: int, limit_bytes: int) -> str:
    """Return that a file is larger than allowed."""
    return gettext(
        "The file is %(size)s. The limit is %(limit)s.",
        size=size(size_bytes),
        limit=size(limit_bytes),
    )


_LEFT: Mapping[str, LazyString] = {
    LeaveReason.SCHEME: _("The URL starts with %(detail)s, which Launcher does not open."),
    LeaveReason.NO_URL: _("The link has no URL."),
    LeaveReason.URL_INCOMPLETE: _("The URL is not complete: %(detail)s"),
    LeaveReason.URL_TOO_LONG: _("The URL has more than 2,000 characters."),
    LeaveReason.VARIABLE: _(
        "The URL has a variable that only the other dashboard knows: %(detail)s"
    ),
    LeaveReason.WIDGET: _("Widget, not an app."),
    LeaveReason.FEED: _("Feed, not an app."),
    LeaveReason.REPEATED: _("The file has the same URL for %(detail)s, which is imported."),
    LeaveReason.NOT_AN_ENTRY: _("This entry is not an app."),
    LeaveReason.PASSWORD: _("Password dropped: Launcher does not store passwords of apps."),
    LeaveReason.WIDGET_DROPPED: _("Widget dropped. The app is imported."),
    LeaveReason.NAME_TOO_LONG: _("Name shortened to 200 characters."),
    LeaveReason.TEXT_TOO_LONG: _("Description or search words shortened to 500 characters."),
    LeaveReason.TAGS: _("Tags left out: %(detail)s. An app has up to 20 tags of 50 characters."),
    LeaveReason.URL_LOCAL: _("Home network URL left out, as it is not complete."),
    LeaveReason.ICON_TOO_LARGE: _("Icon left out, as it is too large."),
    LeaveReason.ICON_IN_FILE: _(
        "The icon in the file is not imported. Launcher uses a matching icon or letters."
    ),
    LeaveReason.FOLDERS_JOINED: _("Folders deeper than 10 levels are joined."),
    LeaveReason.REPEATED_KEY: _("The file has this key twice. The last one is used."),
    LeaveReason.ROW: _("The row has more cells than the header. The others are left out."),
    LeaveReason.COLUMN: _("Launcher does not import this column."),
    TEXT: _("Characters that cannot be shown are left out."),
    Unfit.URL_PASSWORD: _("The URL contains a user name or a password."),
    Unfit.CHARACTERS: _("The URL has spaces or control characters."),
    Unfit.URL_PORT: _("The port of the URL is not a number from 1 to 65535."),
    Unfit.URL_SCHEME: _("Launcher opens http:// and https:// URLs only."),
    Unfit.TOO_LONG: _("The URL has more than 2,000 characters."),
    Unfit.EMPTY: _("The name has no letters or digits."),
}
_HEIMDALL_PASSWORD = _("Password dropped: Launcher does not store passwords from Heimdall.")


def left_words(left: Left, source: str) -> str:
    """Return why something is left out."""
    if left.reason == LeaveReason.PASSWORD and source == Source.HEIMDALL:
        return str(_HEIMDALL_PASSWORD)
    words = _LEFT.get(left.reason) or _LEFT[LeaveReason.NOT_AN_ENTRY]
    return str(words) % {"detail": isolated(left.detail)}


def draft_words(draft: CheckedDraft) -> list[str]:
    """Return that a file is cut off or has too many links; nothing where it is whole."""
    words = [_cut_off(draft)] if draft.ends_in_line else []
    return [*words, _beyond_limit(draft.beyond_limit)] if draft.beyond_limit else words


def _cut_off(draft: CheckedDraft) -> str:
    read = sum(len(each.links) for each in draft.folders)
    if not read:
        return str(_UNREADABLE[Unreadable.CUT_OFF]) % {"line": number(draft.ends_in_line)}
    if read < draft.found_count:
        return gettext(
            "%(count)s of %(found)s links read. The file ends in line %(line)s."
            " Export it again for the rest.",
            count=number(read),
            found=number(draft.found_count),
            line=number(draft.ends_in_line),
        )
    return ngettext(
        "%(count)s link read. The file ends in line %(line)s. Export it again for the rest.",
        "%(count)s links read. The file ends in line %(line)s. Export it again for the rest.",
        read,
        count=number(read),
        line=number(draft.ends_in_line),
    )


def _beyond_limit(count: int) -> str:
    return ngettext(
        "%(count)s link not read. An import has up to 5,000 links.",
        "%(count)s links not read. An import has up to 5,000 links.",
        count,
        count=number(count),
    )


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
