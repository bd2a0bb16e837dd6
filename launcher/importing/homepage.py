"""Homepage: `services.yaml` and `bookmarks.yaml`.

Both are lists of mappings with one key, the name of a group. A group is a list of the same kind, of
services and of groups; a bookmark is a list with its fields inside, where a service is a mapping.
"""

from __future__ import annotations

from collections.abc import Sequence

from launcher.importing.collector import Collector, Found
from launcher.importing.draft import Draft, LeaveReason, Source, Unreadable, UnreadableFileError
from launcher.importing.dropped import dropped_from, widget_kinds
from launcher.importing.icon_names import icon_of
from launcher.importing.yaml_tree import Fields, Items, Node, Text, Tree

_OF_BOOKMARKS = ("href", "abbr", "icon")


def is_homepage(tree: Tree) -> bool:
    """Whether a tree has the shape of one of the two files."""
    root = tree.root
    return isinstance(root, Items) and (not root.items or any(map(_is_group, root.items)))


def read_homepage(tree: Tree) -> Draft:
    """Return what a file of Homepage holds; each group with services is a section.

    Raises:
        UnreadableFileError: it is none.
    """
    if not is_homepage(tree) or not isinstance(tree.root, Items):
        raise UnreadableFileError(Unreadable.FORMAT)
    collector = Collector(Source.HOMEPAGE)
    _read_group(collector, (), tree.root)
    return collector.draft_of(tree)


def _is_group(node: Node) -> bool:
    """Whether a node has no text of its own, as the objects of other lists do."""
    return isinstance(node, Fields) and not any(
        isinstance(each, Text) and each.text for each in node.fields.values()
    )


def _read_group(collector: Collector, path: Sequence[str], group: Items) -> None:
    section = collector.section_of(path, group.line)
    for item in group.items:
        if not isinstance(item, Fields):
            name = item.text if isinstance(item, Text) else ""
            collector.leave_out(LeaveReason.NOT_AN_ENTRY, name=name, line=item.line)
            continue
        for name, value in item.fields.items():
            if isinstance(value, Items) and not _is_bookmark(value):
                _read_group(collector, (*path, name), value)
            else:
                _read_service(collector, section, name, value)


def _is_bookmark(node: Items) -> bool:
    return any(
        isinstance(each, Fields) and any(each.text(key) for key in _OF_BOOKMARKS)
        for each in node.items
    )


def _read_service(collector: Collector, section: str, name: str, node: Node) -> None:
    service = Fields(node.line)
    for each in node.items if isinstance(node, Items) else [node]:
        if isinstance(each, Fields):
            service.fields.update(each.fields)
    url = service.text("href")
    kinds = [
        kind for key in ("widget", "widgets") for kind in widget_kinds(service.fields.get(key))
    ]
    if not url and kinds:
        collector.leave_out(LeaveReason.WIDGET, name=name, line=node.line, detail=", ".join(kinds))
        return
    collector.add(
        section,
        Found(
            name=name,
            url=url,
            description=service.text("description"),
            keywords=" ".join(each.strip() for each in service.texts("keywords")),
            icon=icon_of(service.text("icon")),
            line=node.line,
            notes=dropped_from(service, ("widget", "widgets")),
        ),
    )
