"""Dashy: `conf.yml`, a mapping with items and widgets under `sections` and the links of its bar."""

from __future__ import annotations

from launcher.importing.collector import Collector, Found
from launcher.importing.draft import Draft, LeaveReason, Source, Unreadable, UnreadableFileError
from launcher.importing.dropped import dropped_from
from launcher.importing.icon_names import icon_of
from launcher.importing.yaml_tree import Fields, Items, Node, Tree


def is_dashy(tree: Tree) -> bool:
    """Whether a tree has the shape of the file."""
    root = tree.root
    return isinstance(root, Fields) and isinstance(root.fields.get("sections"), Items)


def read_dashy(tree: Tree) -> Draft:
    """Return what a file of Dashy holds; links of the bar are outside of sections.

    Raises:
        UnreadableFileError: it is none.
    """
    if not is_dashy(tree) or not isinstance(tree.root, Fields):
        raise UnreadableFileError(Unreadable.FORMAT)
    collector = Collector(Source.DASHY)
    for each in tree.root.items("sections"):
        if not isinstance(each, Fields):
            collector.leave_out(LeaveReason.NOT_AN_ENTRY, line=each.line)
            continue
        section = collector.section_of([each.text("name")], each.line)
        for item in each.items("items"):
            _read_item(collector, section, item)
        for widget in each.items("widgets"):
            _leave_out_widget(collector, widget)
    for link in tree.root.nested("pageInfo").items("navLinks"):
        if isinstance(link, Fields):
            name, url = link.text("title"), link.text("path")
            collector.add("", Found(name=name, url=url, line=link.line))
    return collector.draft_of(tree)


def _read_item(collector: Collector, section: str, item: Node) -> None:
    if not isinstance(item, Fields):
        collector.leave_out(LeaveReason.NOT_AN_ENTRY, line=item.line)
        return
    inner = item.items("subItems")
    url = item.text("url")
    if url or not inner:
        collector.add(
            section,
            Found(
                name=item.text("title"),
                url=url,
                description=item.text("description"),
                tags=item.texts("tags"),
                icon=icon_of(item.text("icon")),
                line=item.line,
                notes=dropped_from(item),
            ),
        )
    for each in inner:
        _read_item(collector, section, each)


def _leave_out_widget(collector: Collector, widget: Node) -> None:
    fields = widget if isinstance(widget, Fields) else Fields(widget.line)
    collector.leave_out(
        LeaveReason.WIDGET, name=fields.text("label"), line=widget.line, detail=fields.text("type")
    )
