"""What every parser fills: sections and what was left out, within the limits of a draft."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from launcher.fetching.naming import name_of_host
from launcher.importing.draft import (
    MAX_LEFT_OUT,
    MAX_LEVELS,
    MAX_LINKS,
    NAME_MAX,
    TAG_MAX,
    TAGS_MAX,
    TEXT_MAX,
    TITLE_MAX,
    URL_MAX,
    Draft,
    DraftApp,
    DraftSection,
    LeaveReason,
    LeftOut,
    Source,
)
from launcher.importing.icon_names import Icon
from launcher.importing.text import name_line, one_line
from launcher.importing.urls import host_of, refusal_of, same_url_key
from launcher.importing.yaml_tree import Tree

BETWEEN_LEVELS = " \u203a "
_DETAIL_MAX = 100
_NO_NAME = "?"


@dataclass(frozen=True, slots=True)
class Found:
    """An entry of a file, with texts as they stand there."""

    name: str = ""
    url: str = ""
    url_local: str = ""
    description: str = ""
    keywords: str = ""
    tags: Iterable[str] = ()
    icon: Icon = field(default_factory=Icon)
    line: int = 0
    notes: tuple[LeftOut, ...] = ()


class Collector:
    """Collects the entries of one file."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._sections: dict[str, list[DraftApp]] = {}
        self._names: dict[str, str] = {}
        self._count = 0
        self._left_out: list[LeftOut] = []
        self._left_out_count = 0
        self._beyond_limit = 0
        self._notes: dict[tuple[LeaveReason, str], LeftOut] = {}

    def add(self, section: str, found: Found) -> None:
        """Add an app to a section, or say why it is left out."""
        if self._count == MAX_LINKS:
            self._beyond_limit += 1
            return
        refused = refusal_of(found.url.strip())
        if refused is not None:
            reason, detail = refused
            self.leave_out(reason, name=found.name, line=found.line, detail=detail)
            return
        url = found.url.strip()
        key = same_url_key(url)
        if key in self._names:
            self.leave_out(
                LeaveReason.REPEATED, name=found.name, line=found.line, detail=self._names[key]
            )
            return
        app = _as_app(found, url)
        self._count += 1
        self._names[key] = app.name
        self._sections.setdefault(section, []).append(app)

    def leave_out(
        self, reason: LeaveReason, *, name: str = "", line: int = 0, detail: str = ""
    ) -> None:
        """Say of an entry that it is not in the draft."""
        self._left_out_count += 1
        if len(self._left_out) < MAX_LEFT_OUT:
            self._left_out.append(_left_out(reason, name, line, detail))

    def note(self, reason: LeaveReason, *, name: str = "", line: int = 0) -> None:
        """Say once of `name` what was changed that concerns no single app."""
        if len(self._notes) < MAX_LEFT_OUT:
            note = _left_out(reason, name, line, "")
            self._notes.setdefault((reason, note.name), note)

    def section_of(self, path: Sequence[str], line: int = 0) -> str:
        """Return the name of the section for a group inside of others, the outermost first.

        It has the names of all of them, or of as many of the innermost as fit into a name.
        """
        names = [name for each in path[:MAX_LEVELS] if (name := _title(each))]
        while len(names) > 1 and len(BETWEEN_LEVELS.join(names)) > TITLE_MAX:
            del names[0]
        section = BETWEEN_LEVELS.join(names)
        if len(path) > MAX_LEVELS:
            self.note(LeaveReason.FOLDERS_JOINED, name=section, line=line)
        if len(self._sections) < MAX_LINKS:
            self._sections.setdefault(section, [])
        return section

    def draft_of(self, tree: Tree) -> Draft:
        """Return what was collected of a tree, with a note for each key that stood twice."""
        for key, line in tree.repeated:
            self.note(LeaveReason.REPEATED_KEY, name=key, line=line)
        return self.draft(ends_in_line=tree.ends_in_line)

    def draft(self, *, ends_in_line: int = 0, is_cut_off: bool = False) -> Draft:
        """Return what was collected."""
        return Draft(
            source=self._source,
            sections=tuple(
                DraftSection(name, tuple(apps)) for name, apps in self._sections.items() if apps
            ),
            left_out=tuple(self._left_out),
            left_out_count=self._left_out_count,
            beyond_limit=self._beyond_limit,
            notes=tuple(self._notes.values()),
            is_cut_off=is_cut_off,
            ends_in_line=ends_in_line,
        )


@lru_cache(maxsize=1_000)
def _title(text: str) -> str:
    return name_line(text, TITLE_MAX)[0]


def _as_app(found: Found, url: str) -> DraftApp:
    notes = [*found.notes, *found.icon.notes]
    name, is_cut = name_line(found.name, NAME_MAX)
    if is_cut:
        notes.append(LeftOut(LeaveReason.NAME_TOO_LONG))
    if not name:
        host = host_of(url)
        name = name_line(name_of_host(host) or host, NAME_MAX)[0] or _NO_NAME
    texts = [one_line(text, TEXT_MAX) for text in (found.description, found.keywords)]
    notes += [LeftOut(LeaveReason.TEXT_TOO_LONG)] if any(is_cut for _, is_cut in texts) else []
    tags, dropped = _tags(found.tags)
    notes += [LeftOut(LeaveReason.TAGS, detail=str(dropped))] if dropped else []
    url_local = found.url_local.strip()
    if url_local and refusal_of(url_local) is not None:
        notes.append(LeftOut(LeaveReason.URL_LOCAL, detail=one_line(url_local, _DETAIL_MAX)[0]))
        url_local = ""
    description, keywords = (text for text, _ in texts)
    return DraftApp(
        name=name,
        url=url,
        url_local="" if url_local == url else url_local,
        description="" if description == name else description,
        keywords=keywords,
        tags=tags,
        icon=found.icon.name,
        icon_url=found.icon.url if len(found.icon.url) <= URL_MAX else "",
        icon_data=found.icon.data,
        line=found.line,
        notes=tuple(replace(note, name=name, line=found.line) for note in notes),
    )


def _tags(found: Iterable[str]) -> tuple[tuple[str, ...], int]:
    """Return the tags that an app can have, each once, and how many were dropped."""
    tags: dict[str, str] = {}
    dropped = 0
    for each in found:
        tag, is_cut = one_line(each.replace(",", " "), TAG_MAX)
        if not tag or tag.casefold() in tags:
            continue
        if is_cut or len(tags) == TAGS_MAX:
            dropped += 1
        else:
            tags[tag.casefold()] = tag
    return tuple(tags.values()), dropped


def _left_out(reason: LeaveReason, name: str, line: int, detail: str) -> LeftOut:
    return LeftOut(reason, one_line(name, NAME_MAX)[0], line, one_line(detail, _DETAIL_MAX)[0])
