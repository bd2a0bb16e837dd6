"""Entries put into the form of a page of this site, as a browser would show them.

The page is copied as it is, but for the controls of the one form, and a notice before the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from urllib.parse import urlsplit

from launcher.web.unsaved.entries import is_secret

_AS_THEY_ARE = {"password", "file", "submit", "button", "image", "reset"}

Attributes = list[tuple[str, str | None]]


@dataclass(frozen=True, slots=True)
class Filled:
    """A page with the entries in its form.

    Attributes:
        form: the number of the form that has them, from 0; None where the page has no such form.
        missing: the entries that found no place.
    """

    page: str
    form: int | None
    missing: Sequence[tuple[str, str]]


def fill(page: str, address: str, fields: Sequence[tuple[str, str]], *, notice: str) -> Filled:
    """Return `page` with `fields` in its form that is sent to `address`.

    Args:
        notice: the markup that the main part of the page then begins with.
    """
    finder = _Finder(urlsplit(address).path, {name for name, _text in fields})
    finder.feed(page)
    filler = _Filler(finder.best, fields, notice)
    filler.feed(page)
    filler.close()
    return Filled("".join(filler.parts), finder.best, filler.missing())


class _Finder(HTMLParser):
    """Finds the form that is sent to a path: of several, the one with the most of the fields."""

    def __init__(self, path: str, names: set[str]) -> None:
        super().__init__(convert_charrefs=True)
        self._path = path
        self._names = names
        self._number = -1
        self._is_sent_there = False
        self._found: set[str] = set()
        self._score = 0
        self.best: int | None = None

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        given = dict(attrs)
        if tag == "form":
            self._number += 1
            is_post = (given.get("method") or "").lower() == "post"
            self._is_sent_there = is_post and self._leads_there(given.get("action"))
            self._found = set()
        elif self._number >= 0:
            if self._leads_there(given.get("formaction")):
                self._is_sent_there = True
            self._found.add(given.get("name") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag != "form" or not self._is_sent_there:
            return
        score = 1 + len(self._found & self._names)
        if score > self._score:
            self.best, self._score = self._number, score
        self._is_sent_there = False

    def _leads_there(self, address: str | None) -> bool:
        return bool(address) and urlsplit(address or "").path == self._path


class _Filler(HTMLParser):
    """Copies a page; in one of its forms, the controls get their entries."""

    def __init__(self, form: int | None, fields: Sequence[tuple[str, str]], notice: str) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []
        self._form = form
        self._fields = fields
        self._left: dict[str, list[str]] = {}
        for name, text in fields:
            self._left.setdefault(name, []).append(text)
        self._values = {name: set(texts) for name, texts in self._left.items()}
        self._placed: set[tuple[str, str]] = set()
        self._notice = notice
        self._number = -1
        self._is_within = False
        self._disabled = 0
        self._select = ""
        self._is_text_replaced = False

    def missing(self) -> list[tuple[str, str]]:
        """Return the entries that no control took."""
        return [each for each in self._fields if each not in self._placed]

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        given = dict(attrs)
        if tag == "form":
            self._number += 1
            self._is_within = self._number == self._form
        if self._is_within and not self._disabled:
            self._copy_control(tag, given)
        else:
            self._write(self.get_starttag_text() or "")
        if tag == "fieldset" and self._is_within and (self._disabled or "disabled" in given):
            self._disabled += 1
        if tag == "main":
            self.parts.append(self._notice)

    def _copy_control(self, tag: str, given: dict[str, str | None]) -> None:
        name = given.get("name") or ""
        source = self.get_starttag_text() or ""
        if tag == "select":
            self._select = name
        if tag == "option" and self._select in self._values:
            value = given.get("value") or ""
            self._write(_marked(tag, given, "selected", on=self._takes(self._select, value)))
        elif tag == "textarea" and self._left.get(name):
            text = self._take(name)
            self.parts.append(f"{source}\n{escape(text)}")
            self._is_text_replaced = True
        elif tag == "input" and name and not is_secret(name):
            self._write(self._input(given, name) or source)
        else:
            self._write(source)

    def _input(self, given: dict[str, str | None], name: str) -> str:
        kind = (given.get("type") or "text").lower()
        if kind in _AS_THEY_ARE or "disabled" in given:
            return ""
        if kind == "radio" and name not in self._values:
            return ""  # none of them was sent: a part of the form that the person did not see
        if kind in {"radio", "checkbox"}:
            is_on = self._takes(name, given.get("value") or "on")
            return _marked("input", given, "checked", on=is_on)
        if not self._left.get(name):
            return ""
        return _tag("input", given | {"value": self._take(name)})

    def _take(self, name: str) -> str:
        text = self._left[name].pop(0)
        self._placed.add((name, text))
        return text

    def _takes(self, name: str, value: str) -> bool:
        is_on = value in self._values.get(name, set())
        if is_on:
            self._placed.add((name, value))
        return is_on

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._is_text_replaced = False
        if tag == "select":
            self._select = ""
        if tag == "form":
            self._is_within = False
        if tag == "fieldset" and self._is_within and self._disabled:
            self._disabled -= 1
        self._write(f"</{tag}>")

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        self._write(data)

    def handle_entityref(self, name: str) -> None:
        self._write(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._write(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        self._write(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self._write(f"<!{decl}>")

    def _write(self, text: str) -> None:
        if not self._is_text_replaced or text == "</textarea>":
            self.parts.append(text)


def _marked(tag: str, given: dict[str, str | None], mark: str, *, on: bool) -> str:
    kept = {name: text for name, text in given.items() if name != mark}
    return _tag(tag, kept | ({mark: None} if on else {}))


def _tag(tag: str, given: dict[str, str | None]) -> str:
    texts = (
        name if text is None else f'{name}="{escape(text, quote=True)}"'
        for name, text in given.items()
    )
    return f"<{' '.join([tag, *texts])}>"
