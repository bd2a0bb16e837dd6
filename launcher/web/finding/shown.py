"""What a result shows: its picture, its name with the words marked, and why it was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import sqlalchemy as sa
from flask import url_for
from markupsafe import Markup, escape

from launcher.catalogue.find import Field, Found, FoundApp, FoundBoard
from launcher.catalogue.matching import Parts, Rank, Wanted, folded
from launcher.extensions import db
from launcher.i18n.locale import gettext as _
from launcher.i18n.locale import ngettext
from launcher.models import App, Media, Placement, Section, User
from launcher.web.finding.destinations import Destination, Kind
from launcher.web.home_network import is_at_home
from launcher.web.pictures import Picture, picture_of
from launcher.web.tiles import address_of, is_new_tab, link_to, opened_url

_DETAIL_LENGTH = 80
_BEFORE_THE_MARK = 30


@dataclass(frozen=True, slots=True)
class Limits:
    """How many results each group has at most."""

    apps: int
    boards: int
    settings: int
    actions: int


@dataclass(frozen=True, slots=True)
class Hit:
    """One result: a link. `picture` is that of an app, else `icon` is shown."""

    number: int
    url: str
    name: Markup
    detail: Markup | str = ""
    app_id: int | None = None
    opens_new_tab: bool = False
    picture: Picture | None = None
    icon: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """The results under one heading."""

    name: str
    hits: Sequence[Hit]


def groups_of(found: Found[Destination], viewer: User | None, limits: Limits) -> Sequence[Group]:
    """Return the groups that have results, the numbers of which go through all groups.

    The group with the best result is the first one. Of equal ones, apps come before boards, these
    before actions and settings.
    """
    wanted, ranks, numbers = found.wanted, found.ranks, count(1)
    actions, action_rank = _of_kind(found, Kind.ACTION, limits.actions)
    settings, setting_rank = _of_kind(found, Kind.SETTING, limits.settings)
    apps, boards = found.apps[: limits.apps], found.boards[: limits.boards]
    groups: list[tuple[Rank, str, Callable[[], Iterator[Hit]]]] = [
        (ranks.app, _("Apps"), lambda: _apps(found, apps, viewer, numbers)),
        (ranks.board, _("Boards"), lambda: _boards(wanted, boards, numbers)),
        (action_rank, _("Actions"), lambda: _others(wanted, actions, numbers)),
        (setting_rank, _("Settings"), lambda: _others(wanted, settings, numbers)),
    ]
    groups.sort(key=lambda group: group[0])
    shown = (Group(name, list(hits())) for _rank, name, hits in groups)
    return [each for each in shown if each.hits]


def _of_kind(
    found: Found[Destination], kind: Kind, most: int
) -> tuple[Sequence[Destination], Rank]:
    """Return the first of one kind, and how the very first of them was found."""
    ranked = zip(found.ranks.others, found.others, strict=True)
    of_kind = [(rank, each) for rank, each in ranked if each.kind is kind]
    best = of_kind[0][0] if of_kind else Rank.NAME_BEGINS
    return [each for _rank, each in of_kind[:most]], best


def to_add(words: str) -> Group:
    """Return the one action for a viewer who may add the app that was not found."""
    form = url_for("apps.new", url=words) if "://" in words else url_for("apps.new", name=words)
    hit = Hit(1, form, escape(_("Add app “%(name)s”", name=words)), icon="plus")
    return Group(_("Actions"), [hit])


def _apps(
    found: Found[Destination], apps: Sequence[FoundApp], viewer: User | None, numbers: Iterator[int]
) -> Iterator[Hit]:
    rows = {row.id: row for row in db.session.execute(_columns([each.id for each in apps]))}
    chosen = viewer is not None and viewer.open_new_tab
    at_home = is_at_home()
    for each in apps:
        row = rows[each.id]
        url = opened_url(row, is_at_home=at_home)
        detail = _why(found.wanted, each, url)
        if row.archived_at is not None:
            detail = _markup(_("%(detail)s, archived"), detail=detail)
        yield Hit(
            next(numbers),
            link_to(url),
            _marked(found.wanted.parts(row.name)),
            detail,
            row.id,
            is_new_tab(row.opens, chosen=chosen),
            picture_of(row, row.sha256),
        )


def _columns(ids: Sequence[int]) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            App.id, App.name, App.url, App.url_local, App.icon, App.letters, App.hue, App.opens,
            App.archived_at, Media.sha256,
        )
        .outerjoin(Media, Media.id == App.icon_media_id)
        .where(App.id.in_(ids))
    )  # fmt: skip


def _why(wanted: Wanted, found: FoundApp, url: str) -> Markup:
    if found.field is Field.DESCRIPTION:
        return _marked(_cut(wanted.parts(found.text)))
    if found.field in {Field.TAG, Field.KEYWORD}:
        words = _("tag “%(text)s”") if found.field is Field.TAG else _("search word “%(text)s”")
        return _markup(words, text=_marked(_cut(wanted.parts(found.text))))
    if found.field is Field.URL:
        return _marked(_cut(wanted.parts(address_of(found.text))))
    return _marked(_cut([(address_of(url), False)]))


def _boards(wanted: Wanted, boards: Sequence[FoundBoard], numbers: Iterator[int]) -> Iterator[Hit]:
    apps = _numbers_of_apps([each.id for each in boards])
    for each in boards:
        if each.section_id is None:
            number = apps.get(each.id, 0)
            detail: Markup | str = ngettext("%(num)s app", "%(num)s apps", number)
        else:
            section = _marked(wanted.parts(each.section))
            detail = _markup(_("section “%(section)s”"), section=section)
        anchor = f"section-{each.section_id}" if each.section_id else None
        yield Hit(
            next(numbers),
            url_for("start.board", slug=each.slug, _anchor=anchor),
            _marked(wanted.parts(each.name)),
            detail,
            icon="panels-top-left",
        )


def _numbers_of_apps(ids: Sequence[int]) -> Mapping[int, int]:
    query = (
        sa.select(Section.board_id, sa.func.count(sa.distinct(App.id)).label("apps"))
        .join(Placement, Placement.section_id == Section.id)
        .join(App, App.id == Placement.app_id)
        .where(Section.board_id.in_(ids), App.archived_at.is_(None))
        .group_by(Section.board_id)
    )
    return {row.board_id: row.apps for row in db.session.execute(query)}


def _others(wanted: Wanted, others: Iterable[Destination], numbers: Iterator[int]) -> Iterator[Hit]:
    for each in others:
        names = (*each.names, *each.foreign_names)
        found_by = next(name for name in names if wanted.rank_in_name(folded(name)) is not None)
        name, *_others = each.names
        detail = each.detail if found_by == name else _marked(wanted.parts(found_by))
        yield Hit(next(numbers), each.url, _marked(wanted.parts(name)), detail, icon=each.icon)


def _marked(parts: Parts) -> Markup:
    return Markup("").join(
        Markup("<mark>{}</mark>").format(text) if is_marked else text for text, is_marked in parts
    )


def _markup(words: str, **facts: Markup) -> Markup:
    return Markup(words) % facts  # noqa: S704 (the words are ours, and facts are escaped)


def _cut(parts: Parts) -> Parts:
    """Return the parts of a long text around what is marked."""
    text = "".join(each for each, _marked in parts)
    if len(text) <= _DETAIL_LENGTH:
        return parts
    at, spans = 0, []
    for each, is_marked in parts:
        spans.append((at, each, is_marked))
        at += len(each)
    first = next((at for at, _each, is_marked in spans if is_marked), 0)
    start = max(0, min(first - _BEFORE_THE_MARK, len(text) - _DETAIL_LENGTH))
    end = start + _DETAIL_LENGTH
    cut = [
        (each[max(0, start - at) : max(0, end - at)], is_marked) for at, each, is_marked in spans
    ]
    before, after = ("…" if start else ""), ("…" if end < len(text) else "")
    return [(before, False), *cut, (after, False)]
