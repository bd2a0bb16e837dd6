"""A table: CSV with a row of headings, or with a name and a URL in the first two columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence

from launcher.importing.collector import Collector, Found
from launcher.importing.draft import Draft, LeaveReason, Source, Unreadable, UnreadableFileError
from launcher.importing.icon_names import icon_of

MAX_ROWS = 100_000
_DELIMITERS = ",;\t"
_SEPARATOR = re.compile(r"(?i)sep=([,;\t])\n")
# In the languages of Launcher, and as other programs call them. `_heading` says how they are read.
_HEADINGS = {
    "name": {"name", "title", "app", "titel", "название", "имя"},
    "url": {"url", "link", "address", "href", "website", "adresse", "ссылка", "адрес"},
    "url_local": {
        "home network url", "url in the home network", "local url", "url local", "home url",
        "internal url", "lan url", "url im heimnetz", "lokale url", "url в домашней сети",
        "локальная ссылка",
    },
    "section": {
        "section", "folder", "group", "category", "abschnitt", "ordner", "gruppe", "kategorie",
        "раздел", "папка", "группа", "категория",
    },
    "description": {"description", "note", "notes", "beschreibung", "notiz", "описание"},
    "tags": {"tags", "tag", "labels", "теги", "метки"},
    "keywords": {"search words", "keywords", "suchwörter", "слова для поиска", "поисковые слова"},
    "icon": {"icon", "logo", "значок"},
}  # fmt: skip
_FIELD_OF = {heading: name for name, headings in _HEADINGS.items() for heading in headings}


def has_headings(text: str) -> bool:
    """Whether the first row of a text names a column for URLs."""
    _, body = _after_separator(text[:10_000])
    first = body.lstrip("\n").partition("\n")[0]
    cells = re.split(f"[{_DELIMITERS}]", first)
    return "url" in _columns(cells) and len(cells) > 1


def read_table(text: str) -> Draft:
    """Return what a table holds; commas, semicolons or tabs stand between its cells.

    Raises:
        UnreadableFileError: it is none, or a quotation mark in it is not closed.
    """
    if text.lstrip()[:1] in {"<", "{", "["}:
        raise UnreadableFileError(Unreadable.FORMAT)
    delimiter, body = _after_separator(text)
    lines_before = text[: len(text) - len(body)].count("\n")
    collector = Collector(Source.CSV)
    columns: Mapping[str, int] | None = None
    width = 0
    for count, (line, row) in enumerate(_rows(body, delimiter or _delimiter_of(body))):
        if count == MAX_ROWS:
            raise UnreadableFileError(Unreadable.TOO_MANY_VALUES, line=line, limit=MAX_ROWS)
        if columns is None:
            columns, width = _columns(row), len(row)
            if columns:
                _note_others(collector, columns, row, line + lines_before)
                continue
        if columns and any(cell.strip() for cell in row[width:]):
            collector.note(LeaveReason.ROW, line=line + lines_before)
        _read_row(collector, columns, row, line + lines_before)
    draft = collector.draft(ends_in_line=text.rstrip().count("\n") + 1)
    if not columns and not draft.app_count:
        raise UnreadableFileError(Unreadable.FORMAT)
    return draft


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, each with the line that it begins in."""
    lines = (found[0] for found in re.finditer(r"[^\n]*\n|[^\n]+", text))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise UnreadableFileError(Unreadable.SYNTAX, line=line) from None
        if any(cell.strip() for cell in row):
            yield line, row


def _read_row(
    collector: Collector, columns: Mapping[str, int], row: Sequence[str], line: int
) -> None:
    def cell(name: str) -> str:
        at = columns.get(name, len(row))
        return row[at].strip() if at < len(row) else ""

    if not columns:
        first, second = (*(each.strip() for each in row[:2]), "", "")[:2]
        name, url = (second, first) if "://" in first else (first, second)
        collector.add("", Found(name=name, url=url, line=line))
        return
    section = cell("section")
    collector.add(
        collector.section_of([section], line) if section else "",
        Found(
            name=cell("name"),
            url=cell("url"),
            url_local=cell("url_local"),
            description=cell("description"),
            keywords=cell("keywords"),
            tags=re.split("[,;]", cell("tags")),
            icon=icon_of(cell("icon")),
            line=line,
        ),
    )


def _columns(row: Sequence[str]) -> Mapping[str, int]:
    """Return which column has which field; nothing when the row is not one of headings."""
    columns: dict[str, int] = {}
    for number, cell in enumerate(row[:1_000]):
        if name := _FIELD_OF.get(_heading(cell)):
            columns.setdefault(name, number)
    return columns if "url" in columns else {}


def _heading(cell: str) -> str:
    """Return a heading as it is compared: `Local-URL`, `local_url` and `local url` are the same."""
    return re.sub(r"[\s_-]+", " ", cell.strip(' "\t')).casefold()


def _note_others(
    collector: Collector, columns: Mapping[str, int], headings: Sequence[str], line: int
) -> None:
    """Say of each column with a name that none of its cells is read."""
    read = set(columns.values())
    for number, heading in enumerate(headings):
        if number not in read and heading.strip():
            collector.note(LeaveReason.COLUMN, name=heading, line=line)


def _after_separator(text: str) -> tuple[str, str]:
    """Return the delimiter that Excel names in a line of its own, and the text after it."""
    found = _SEPARATOR.match(text)
    return (found[1], text[found.end() :]) if found else ("", text)


def _delimiter_of(text: str) -> str:
    """Return what stands most often between the cells of the first row that has any."""
    for line in text[:10_000].split("\n"):
        bare = re.sub(r'"[^"]*"', "", line)
        if counts := {each: bare.count(each) for each in _DELIMITERS if each in bare}:
            return max(counts, key=lambda each: counts[each])
    return ","
