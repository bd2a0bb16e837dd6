"""The picker: one search over every kind of icon, uploads, and the choice of one.

It is a page without script, and with it a part for a dialog. It changes nothing but uploads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import abort, request, url_for
from werkzeug.datastructures import MultiDict

from launcher.catalogue.access import knows_media, may_edit
from launcher.catalogue.uploads import known_uploads
from launcher.db.session import resume
from launcher.extensions import db
from launcher.icons import search, store
from launcher.icons.choice import Choice, ChoiceKind, ChoiceRefusedError, read_choice
from launcher.icons.drawn import Kind
from launcher.icons.uploads import LIMIT_BYTES, IconRefusedError, Image, read_image
from launcher.models import SetIcon, hue_of, letters_of
from launcher.web import htmx
from launcher.web.admin.site.words import SWATCH_WORDS
from launcher.web.editing.rights import editing_required
from launcher.web.form_files import read_form_with_file
from launcher.web.frame import current_viewer
from launcher.web.icons.drawings import blueprint
from launcher.web.icons.picking import carried, checked_return
from launcher.web.icons.words import KIND_WORDS, PART_WORDS, refusal_words
from launcher.web.pictures import Picture, drawing_address
from launcher.web.receiving import receives_file
from launcher.web.roles import acting_user
from launcher.web.unsaved.again import carries_entries

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from flask_babel.speaklater import LazyString

_FEW = 32
_MANY = 180
_LABEL_CHARACTERS = 200
_PAGE = re.compile(r"[1-9]\d{0,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the picker is asked to show.

    Attributes:
        words: what is searched for.
        part: a key of `PART_WORDS`.
        label: the name of the app, "" for a new one.
        choice: the icon chosen so far.
        before: the fields `icon` and `letters` when the picker was opened.
        fields: those of the form, to send back.
    """

    words: str
    part: str
    page: int
    label: str
    choice: Choice
    before: tuple[str, str]
    return_to: str
    fields: Iterable[tuple[str, str]]

    @classmethod
    def read(cls, form: MultiDict[str, str]) -> Asked:
        """Return what a form or an address asks for; what makes no sense is as not asked."""
        part = form.getlist("in")[-1:]
        page = form.get("page", "")
        icon, letters = form.get("icon", ""), form.get("letters", "")
        return cls(
            words=form.get("q", "").strip(),
            part=part[0] if part and part[0] in PART_WORDS else "all",
            page=int(page) if _PAGE.fullmatch(page) else 1,
            label=(form.get("for") or form.get("name", ""))[:_LABEL_CHARACTERS],
            choice=_choice(icon, letters),
            before=(form.get("icon_before", icon), form.get("letters_before", letters)),
            return_to=checked_return(form.get("return_to", "")),
            fields=carried(form),
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """One icon to choose."""

    choice: str
    title: str
    picture: Picture


@dataclass(frozen=True, slots=True)
class Results:
    """What was found of one part; `first` is the number of the first that is shown."""

    part: str
    name: LazyString
    cells: Sequence[Cell]
    first: int
    total: int
    has_more: bool


@blueprint.get("/icons")
@editing_required
def show() -> ResponseReturnValue:
    """Show the picker."""
    return _page(Asked.read(request.args))


@blueprint.post("/icons")
@carries_entries
@receives_file
@editing_required
def upload() -> ResponseReturnValue:
    """Show the picker with the fields of a form, and keep the image that is sent, if any."""
    sent = read_form_with_file("file", limit_bytes=LIMIT_BYTES)
    asked = Asked.read(request.form)
    if sent is None:
        resume(writes=False)
        return _page(asked)
    try:
        image = read_image(sent.content, name=sent.name)
    except IconRefusedError as error:
        resume(writes=False)
        return _page(asked, refusal=refusal_words(error)), 422
    return _page(_chosen(asked, image))


def _chosen(asked: Asked, image: Image) -> Asked:
    resume()
    if not may_edit(current_viewer()):
        abort(403)
    media = store.keep(image, actor=acting_user())
    db.session.commit()
    choice = Choice(ChoiceKind.MEDIA, media.sha256, asked.choice.letters)
    return replace(asked, choice=choice, words="", part="uploads", page=1)


def _page(asked: Asked, *, refusal: str = "") -> str:
    results = [each for part in _parts(asked) if (each := _results(asked, part))]
    shown = {cell.choice for each in results for cell in each.cells}
    return htmx.render(
        "icon_picker.html",
        part="_icon_picker.html",
        asked=asked,
        parts=PART_WORDS,
        results=results,
        found=sum(each.total for each in results),
        current=_current(asked),
        current_kind=KIND_WORDS[asked.choice.kind],
        is_current_shown=str(asked.choice) in shown or asked.choice.kind is ChoiceKind.LETTERS,
        letters=asked.choice.letters or letters_of(asked.label),
        own_hue=hue_of(asked.label),
        tints=SWATCH_WORDS,
        is_part=htmx.is_htmx(),
        refusal=refusal,
        limit_bytes=LIMIT_BYTES,
    )


def _choice(icon: str, letters: str) -> Choice:
    try:
        return read_choice(icon, letters)
    except ChoiceRefusedError:
        return read_choice("", letters)


def _parts(asked: Asked) -> Sequence[str]:
    kinds = [part for part in PART_WORDS if part not in {"all", "letters"}]
    return kinds if asked.part == "all" else [part for part in kinds if part == asked.part]


def _results(asked: Asked, part: str) -> Results | None:
    """Return a page of one part; None where all are asked for and this one has nothing."""
    is_alone = asked.part == part
    limit = _MANY if is_alone else _FEW
    start = (asked.page - 1) * limit if is_alone else 0
    found = search.find(asked.words, _candidates(part), limit=limit, start=start)
    if not found.total and not is_alone:
        return None
    return Results(
        part=part,
        name=PART_WORDS[part],
        cells=[_cell(each.choice, each.title) for each in found.icons],
        first=start + 1,
        total=found.total,
        has_more=start + len(found.icons) < found.total,
    )


def _candidates(part: str) -> Iterable[search.Candidate]:
    if part == "brands":
        return search.drawings(Kind.BRAND)
    if part == "symbols":
        return search.drawings(Kind.SYMBOL)
    if part == "set":
        rows = db.session.execute(sa.select(SetIcon.id, SetIcon.name).order_by(SetIcon.name))
        return [search.candidate(f"set:{id_}", name) for id_, name in rows]
    uploads = known_uploads(current_viewer())
    return [search.candidate(f"media:{each.media.sha256}", each.media.name) for each in uploads]


def _cell(choice: str, title: str) -> Cell:
    return Cell(choice, title, _picture(Choice(*_split(choice))))


def _split(choice: str) -> tuple[ChoiceKind, str]:
    kind, _, value = choice.partition(":")
    return ChoiceKind(kind), value


def _picture(choice: Choice, *, label: str = "") -> Picture:
    letters, hue = choice.letters or letters_of(label), hue_of(label)
    match choice.kind:
        case ChoiceKind.MEDIA:
            return Picture(letters, hue, image_url=url_for("start.media", sha256=choice.value))
        case ChoiceKind.SET:
            return Picture(letters, hue, image_url=url_for("icons.set_icon", icon_id=choice.value))
        case ChoiceKind.LETTERS:
            return Picture(letters, int(choice.value) if choice.value else hue)
        case _:
            return Picture(letters, hue, drawing_url=drawing_address(str(choice)))


def _current(asked: Asked) -> Cell:
    """Return the icon chosen so far, which may be none of those shown."""
    choice = asked.choice
    title = _title(choice) or asked.label or choice.letters
    return Cell(str(choice), title, _picture(choice, label=asked.label))


def _title(choice: Choice) -> str:
    if choice.kind in {ChoiceKind.SYMBOL, ChoiceKind.BRAND}:
        icons = search.drawings(Kind(choice.kind.value))
        return next(each.title for each in icons if each.choice == str(choice))
    if choice.kind is ChoiceKind.MEDIA:
        is_known = knows_media(current_viewer(), choice.value)
        media = store.find_media(choice.value) if is_known else None
        return media.name if media else ""
    if choice.kind is ChoiceKind.SET:
        icon = db.session.get(SetIcon, int(choice.value))
        return icon.name if icon else ""
    return ""
