"""What is said in a shell of a file that is imported."""

from __future__ import annotations

from collections.abc import Mapping

from launcher.catalogue.errors import Unfit
from launcher.catalogue.import_draft import TEXT, Left
from launcher.importing.draft import LeaveReason, Source, Unreadable, UnreadableFileError

SOURCE_NAMES: Mapping[Source, str] = {
    Source.BOOKMARKS: "bookmark file of a browser",
    Source.HOMEPAGE: "Homepage services.yaml or bookmarks.yaml",
    Source.HOMER: "Homer config.yml",
    Source.DASHY: "Dashy conf.yml",
    Source.HEIMDALL: "Heimdall export",
    Source.CSV: "CSV file with a column url",
}

_UNREADABLE: Mapping[Unreadable, str] = {
    Unreadable.TOO_LARGE: "the file has more than {limit_bytes:,} bytes",
    Unreadable.EMPTY: "the file is empty",
    Unreadable.BINARY: "the file is not one that Launcher reads",
    Unreadable.FORMAT: "the file is not a {source}",
    Unreadable.CUT_OFF: "the file ends in line {line}",
    Unreadable.SYNTAX: "line {line} is not valid in a file of this format",
    Unreadable.TAB: "line {line}: YAML does not allow tabs here",
    Unreadable.ALIASES: "line {line}: aliases expand to more than {limit:,} values",
    Unreadable.ALIAS_LOOP: "line {line}: an alias refers to itself, or to nothing",
    Unreadable.TOO_DEEP: "the file is nested deeper than {limit} levels",
    Unreadable.TOO_MANY_VALUES: "the file has more than {limit:,} values",
}

_LEFT: Mapping[str, str] = {
    LeaveReason.SCHEME: "URL starts with {detail}",
    LeaveReason.NO_URL: "no URL",
    LeaveReason.URL_INCOMPLETE: "URL not complete: {detail}",
    LeaveReason.URL_TOO_LONG: "URL has more than 2,000 characters",
    LeaveReason.VARIABLE: "URL has a variable: {detail}",
    LeaveReason.WIDGET: "widget, not an app",
    LeaveReason.FEED: "feed, not an app",
    LeaveReason.REPEATED: "same URL as {detail}",
    LeaveReason.NOT_AN_ENTRY: "not an app",
    LeaveReason.PASSWORD: "password dropped",
    LeaveReason.WIDGET_DROPPED: "widget dropped",
    LeaveReason.NAME_TOO_LONG: "name shortened to 200 characters",
    LeaveReason.TEXT_TOO_LONG: "description or search words shortened to 500 characters",
    LeaveReason.TAGS: "tags dropped: {detail}",
    LeaveReason.URL_LOCAL: "home network URL dropped: not complete",
    LeaveReason.ICON_TOO_LARGE: "icon dropped: too large",
    LeaveReason.ICON_IN_FILE: "icon in the file not imported: a matching icon or letters are used",
    LeaveReason.FOLDERS_JOINED: "folders deeper than 10 levels joined",
    LeaveReason.REPEATED_KEY: "key given twice, the last one counts",
    LeaveReason.ROW: "row has more cells than the header",
    LeaveReason.COLUMN: "column not imported",
    TEXT: "characters that cannot be shown dropped",
    Unfit.URL_PASSWORD: "URL contains a user name or a password",
    Unfit.CHARACTERS: "URL has spaces or control characters",
    Unfit.URL_PORT: "the port of the URL is not a number from 1 to 65535",
    Unfit.URL_SCHEME: "URL starts with something other than http:// or https://",
    Unfit.TOO_LONG: "URL has more than 2,000 characters",
    Unfit.EMPTY: "name has no letters or digits",
}


def unreadable_words(error: UnreadableFileError, source: Source | None) -> tuple[str, str]:
    """Return why nothing of a file can be read, without a full stop, and the next step.

    `source` is None for a file of any source.
    """
    source_name = SOURCE_NAMES[source] if source else "file of a known source"
    if error.code is Unreadable.SYNTAX and not error.facts.get("line"):
        return f"the file is not a valid {source_name}", ""
    facts = {**error.facts, "source": source_name}
    hint = ""
    if error.code is Unreadable.BINARY:
        hint = "Give an HTML, YAML, JSON or CSV file, not an archive or a picture."
    if error.code is Unreadable.CUT_OFF:
        hint = "Export it again."
    if error.code is Unreadable.FORMAT:
        looks_like = error.facts.get("looks_like")
        hint = f"Try `--source {looks_like}`." if looks_like else "Choose another --source."
    return _UNREADABLE[error.code].format(**facts), hint


def left_words(left: Left) -> str:
    """Return why something is left out."""
    words = _LEFT.get(left.reason, _LEFT[LeaveReason.NOT_AN_ENTRY])
    return words.replace("{detail}", left.detail)
