"""What a file of another program would add, checked without a query: entries and refusals.

What the form of an app would refuse of a name or a URL leaves the app out, with the same reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from launcher.catalogue.entries import AppEntries, without_unshown
from launcher.catalogue.errors import FieldsRefusedError, Unfit
from launcher.importing.draft import Draft, DraftApp, LeaveReason, LeftOut
from launcher.importing.urls import same_url_key

TEXT = "text"
"""The reason of a text that has characters which cannot be shown."""

_MOST_PICTURES = 20


@dataclass(frozen=True, slots=True)
class Left:
    """An app, or a part of one, that is left out.

    Attributes:
        reason: a `LeaveReason`, an `Unfit` of its URL, or one of this file.
        line: 0 when unknown.
        detail, limit: as the reason has them.
    """

    reason: str
    name: str = ""
    line: int = 0
    detail: str = ""
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """One app of a file. `number` names it in forms; `icon` is what the file calls its icon."""

    number: int
    entries: AppEntries
    line: int = 0
    icon: str = ""
    icon_url: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """Apps that the file has together; the name is "" for those in none."""

    name: str
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class CheckedDraft:
    """A file, read and checked.

    Attributes:
        left: apps that are left out, by line; `left_count` counts those that are not named, too.
        notes: parts of apps that are left out.
        pictures: how many icons inside the file are not taken over; 0 where the notes name them, as
            they do unless nearly each bookmark of a browser has one.
        found_count: how many entries the file has.
        beyond_limit: how many apps there are beyond those that are read.
        ends_in_line: where it is cut off, 0 where it is whole.
    """

    source: str
    folders: tuple[Folder, ...]
    left: tuple[Left, ...] = ()
    notes: tuple[Left, ...] = ()
    left_count: int = 0
    pictures: int = 0
    found_count: int = 0
    beyond_limit: int = 0
    ends_in_line: int = 0


def check_draft(draft: Draft) -> CheckedDraft:
    """Return what a draft would add. Of several apps with the same URL, the first one counts."""
    refused: list[Left] = []
    notes = [_of_file(each) for each in draft.notes]
    pictures: list[Left] = []
    seen: dict[str, str] = {}
    folders: list[Folder] = []
    number = 0
    for section in draft.sections:
        links: list[Link] = []
        for app in section.apps:
            try:
                entries, lost = _entries(app)
            except FieldsRefusedError as error:
                refused.append(_refusal(app, error))
                continue
            key = url_key(entries.url)
            if key in seen:
                refused.append(Left(LeaveReason.REPEATED, entries.name, app.line, seen[key]))
                continue
            seen[key] = entries.name
            notes.extend(_of_file(each) for each in app.notes)
            notes.extend(Left(each, entries.name, app.line) for each in lost)
            if app.icon_data:
                pictures.append(Left(LeaveReason.ICON_IN_FILE, entries.name, app.line))
            links.append(Link(number, entries, app.line, app.icon, app.icon_url))
            number += 1
        if links:
            folders.append(Folder(without_unshown(section.name), tuple(links)))
    if len(pictures) <= _MOST_PICTURES:
        notes.extend(pictures)
        pictures.clear()
    left = [*(_of_file(each) for each in draft.left_out), *refused]
    return CheckedDraft(
        source=draft.source,
        folders=tuple(folders),
        left=tuple(sorted(left, key=lambda each: each.line)),
        notes=tuple(notes),
        pictures=len(pictures),
        left_count=draft.left_out_count + len(refused),
        found_count=draft.found_count,
        beyond_limit=draft.beyond_limit,
        ends_in_line=draft.ends_in_line if draft.is_cut_off else 0,
    )


def url_key(url: str) -> str:
    """Return a text that is equal for URLs of the same app: a slash at the end does not count."""
    return same_url_key(url).rstrip("/")


def _of_file(each: LeftOut) -> Left:
    return Left(each.reason, each.name, each.line, each.detail)


def _refusal(app: DraftApp, error: FieldsRefusedError) -> Left:
    refusal = error.fields.get("url") or next(iter(error.fields.values()))
    return Left(refusal.reason, app.name, app.line, limit=refusal.limit)


def _entries(app: DraftApp) -> tuple[AppEntries, list[str]]:
    """Return the entries of an app as they are stored, and why some of it is lost.

    Raises:
        FieldsRefusedError: its name or its URL is not allowed.
    """
    entries = AppEntries(
        name=app.name,
        url=app.url,
        url_local=app.url_local,
        description=app.description,
        keywords=app.keywords,
        tags=", ".join(each.replace(",", " ") for each in app.tags),
    )
    lost: list[str] = []
    try:
        return entries.checked(), lost
    except FieldsRefusedError as error:
        reasons = {name: each.reason for name, each in error.fields.items()}
    cleaned = {
        name: without_unshown(getattr(entries, name))
        for name, reason in reasons.items()
        if reason is Unfit.CHARACTERS and name not in {"url", "url_local"}
    }
    if "url_local" in reasons:
        cleaned["url_local"] = ""
        lost.append(LeaveReason.URL_LOCAL)
    if cleaned.keys() - {"url_local"}:
        lost.append(TEXT)
    return replace(entries, **cleaned).checked(), lost
