"""YAML as a tree of texts, each with its line.

Every scalar stays the text that it is: `no`, `22:22` and `010` are names as good as others, and a
tag of another language is not followed. The tree is built from events, and what grows is counted as
it comes: values, depth, and what aliases stand for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import yaml

from launcher.importing.draft import Unreadable, UnreadableFileError

MAX_VALUES = 300_000
"""5,000 apps with 25 fields each have less."""
MAX_ALIASED = 10_000
MAX_DEPTH = 100

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_VARIABLE = re.compile(r"\{\{([^{}\n]{1,100})\}\}")
_MOST_VARIABLES = 50_000
# Characters that are not assigned: YAML takes braces for a mapping where they begin a value.
_OPEN, _CLOSE = "\ue000", "\ue001"
_NOTHING = {"", "~", "null", "Null", "NULL"}


@dataclass(slots=True)
class Text:
    """A scalar; the line of this and of the others is that of its key, where it has one."""

    text: str
    line: int
    size: int = 1


@dataclass(slots=True)
class Items:
    """A sequence; `size` counts the values in it, those behind aliases too."""

    line: int
    items: list[Node] = field(default_factory=list)
    size: int = 1


@dataclass(slots=True)
class Fields:
    """A mapping, with keys that are texts; of a key that stands twice the last counts."""

    line: int
    fields: dict[str, Node] = field(default_factory=dict)
    size: int = 1

    def text(self, *keys: str) -> str:
        """Return the text of the first of the keys that has one, "" where none has."""
        for key in keys:
            node = self.fields.get(key)
            if isinstance(node, Text) and node.text.strip() not in _NOTHING:
                return node.text.strip()
        return ""

    def texts(self, key: str) -> list[str]:
        """Return the texts of a list, or of one text with commas."""
        node = self.fields.get(key)
        if isinstance(node, Items):
            return [each.text for each in node.items if isinstance(each, Text)]
        return self.text(key).split(",")

    def items(self, key: str) -> list[Node]:
        """Return what is in a list, nothing where there is none."""
        node = self.fields.get(key)
        return node.items if isinstance(node, Items) else []

    def nested(self, key: str) -> Fields:
        """Return the mapping of a key, an empty one where there is none."""
        node = self.fields.get(key)
        return node if isinstance(node, Fields) else Fields(self.line)


Node = Text | Items | Fields


@dataclass(frozen=True, slots=True)
class Tree:
    """A document: its root, keys that stand twice in a mapping with their line, its last line."""

    root: Node
    repeated: tuple[tuple[str, int], ...]
    ends_in_line: int


@dataclass(slots=True)
class _Open:
    """A sequence or a mapping whose end has not come."""

    node: Items | Fields
    anchor: str | None
    key: str | None = None  # of a mapping, once it was read
    key_line: int = 0
    awaits_value: bool = False
    merged: list[Node] = field(default_factory=list)


def read_tree(text: str) -> Tree:
    """Return the tree of the one document in `text`; `{{VARIABLES}}` are texts wherever they stand.

    Raises:
        UnreadableFileError: it is empty, not well-formed, or larger than the limits.
    """
    marked = _VARIABLE.sub(rf"{_OPEN}\1{_CLOSE}", text, count=_MOST_VARIABLES)
    builder = _Builder()
    try:
        for event in yaml.parse(marked, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        code = Unreadable.TAB if _begins_with_tab(text, line) else Unreadable.SYNTAX
        raise UnreadableFileError(code, line=line) from None
    except (yaml.YAMLError, RecursionError):
        raise UnreadableFileError(Unreadable.SYNTAX, line=0) from None
    root = builder.root
    if root is None or (isinstance(root, Text) and root.text in _NOTHING):
        raise UnreadableFileError(Unreadable.EMPTY)
    return Tree(root, tuple(builder.repeated.items()), text.rstrip().count("\n") + 1)


def walk(entry: Fields, *, without: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """Yield all texts in `entry`, each with the nearest key above it.

    What stands in it under the keys `without` is left out.
    """
    open_nodes: list[tuple[str, Node]] = [
        each for each in entry.fields.items() if each[0] not in without
    ]
    while open_nodes:
        key, node = open_nodes.pop()
        if isinstance(node, Fields):
            open_nodes += node.fields.items()
        elif isinstance(node, Items):
            open_nodes += ((key, each) for each in node.items)
        else:
            yield key, node.text


class _Builder:
    def __init__(self) -> None:
        self.root: Node | None = None
        self.repeated: dict[str, int] = {}
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}  # those whose end has come
        self._count = 0
        self._aliased = 0

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.ScalarEvent):
            value = event.value
            if _OPEN in value:
                value = value.replace(_OPEN, "{{").replace(_CLOSE, "}}")
            self._add(Text(value, line), event.anchor)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._begin(Items(line), event.anchor)
        elif isinstance(event, yaml.MappingStartEvent):
            self._begin(Fields(line), event.anchor)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._add_alias(str(event.anchor), line)
        elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise UnreadableFileError(Unreadable.SYNTAX, line=line)

    def _begin(self, node: Items | Fields, anchor: str | None) -> None:
        if len(self._open) == MAX_DEPTH:
            raise UnreadableFileError(Unreadable.TOO_DEEP, line=node.line, limit=MAX_DEPTH)
        self._open.append(_Open(node, anchor))

    def _end(self) -> None:
        ended = self._open.pop()
        if isinstance(ended.node, Fields):
            for each in ended.merged:
                self._merge(ended.node, each)
        self._add(ended.node, ended.anchor)

    def _merge(self, into: Fields, node: Node) -> None:
        # https://yaml.org/type/merge.html
        for each in node.items if isinstance(node, Items) else [node]:
            if isinstance(each, Fields):
                for key, value in each.fields.items():
                    into.fields.setdefault(key, value)

    def _add_alias(self, anchor: str, line: int) -> None:
        node = self._anchors.get(anchor)
        if node is None:
            raise UnreadableFileError(Unreadable.ALIAS_LOOP, line=line)
        self._aliased += node.size
        if self._aliased > MAX_ALIASED:
            raise UnreadableFileError(Unreadable.ALIASES, line=line, limit=MAX_ALIASED)
        self._add(node, None)

    def _add(self, node: Node, anchor: str | None) -> None:
        self._count += 1
        if self._count > MAX_VALUES:
            raise UnreadableFileError(Unreadable.TOO_MANY_VALUES, line=node.line, limit=MAX_VALUES)
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        parent.node.size += node.size
        if isinstance(parent.node, Items):
            parent.node.items.append(node)
        elif not parent.awaits_value:
            parent.key = node.text if isinstance(node, Text) else None
            parent.key_line = node.line
            parent.awaits_value = True
        else:
            parent.awaits_value = False
            self._add_field(parent, parent.node, node)

    def _add_field(self, parent: _Open, fields: Fields, node: Node) -> None:
        key = parent.key
        if key is None:
            return
        if key == "<<":
            parent.merged.append(node)
            return
        node.line = min(node.line, parent.key_line)
        if key in fields.fields and len(self.repeated) < 100:
            self.repeated.setdefault(key, parent.key_line)
        fields.fields[key] = node


def _begins_with_tab(text: str, line: int) -> bool:
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
    return re.compile(r" *\t").match(text, start) is not None
