"""Homer: `config.yml`, a mapping with groups of items under `services` and the links of its bar."""

from __future__ import annotations

from launcher.importing.collector import Collector, Found
from launcher.importing.draft import Draft, LeaveReason, Source, Unreadable, UnreadableFileError
from launcher.importing.dropped import dropped_from
from launcher.importing.icon_names import Icon, icon_of
from launcher.importing.yaml_tree import Fields, Items, Tree


def is_homer(tree: Tree) -> bool:
    """Whether a tree has the shape of the file."""
    root = tree.root
    return isinstance(root, Fields) and isinstance(root.fields.get("services"), Items)


def read_homer(tree: Tree) -> Draft:
    """Return what a file of Homer holds; links of the bar are outside of sections.

    Raises:
        UnreadableFileError: it is none.
    """
    if not is_homer(tree) or not isinstance(tree.root, Fields):
        raise UnreadableFileError(Unreadable.FORMAT)
    collector = Collector(Source.HOMER)
    for group in tree.root.items("services"):
        if not isinstance(group, Fields):
            collector.leave_out(LeaveReason.NOT_AN_ENTRY, line=group.line)
            continue
        section = collector.section_of([group.text("name")], group.line)
        for item in group.items("items"):
            if isinstance(item, Fields):
                _read_item(collector, section, item)
            else:
                collector.leave_out(LeaveReason.NOT_AN_ENTRY, line=item.line)
    for link in tree.root.items("links"):
        if isinstance(link, Fields):
            _read_item(collector, "", link)
    return collector.draft_of(tree)


def _read_item(collector: Collector, section: str, item: Fields) -> None:
    name, url = item.text("name"), item.text("url")
    if not url and (kind := item.text("type")):
        collector.leave_out(LeaveReason.WIDGET, name=name, line=item.line, detail=kind)
        return
    collector.add(
        section,
        Found(
            name=name,
            url=url,
            description=item.text("subtitle"),
            keywords=item.text("keywords"),
            tags=item.texts("tag"),
            icon=_icon(item),
            line=item.line,
            notes=dropped_from(item),
        ),
    )
    for quick in item.items("quick"):
        if isinstance(quick, Fields):
            inner = ": ".join(each for each in (name, quick.text("name")) if each)
            found = Found(name=inner, url=quick.text("url"), icon=_icon(quick), line=quick.line)
            collector.add(section, found)


def _icon(item: Fields) -> Icon:
    """Return the logo, which is often that of a brand, else the icon."""
    logo = icon_of(item.text("logo") or item.nested("logo").text("light", "dark"))
    return logo if logo != Icon() else icon_of(item.text("icon"))
