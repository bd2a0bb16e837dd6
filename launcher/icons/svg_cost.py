"""How much a drawing draws: a short file may draw one of its elements a billion times.

What an element refers to is drawn again at each place that refers to it. No browser counts, so a
page with such an icon stands still. Here elements are nodes and references are edges, and what lies
behind each node is counted once.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

MOST_DRAWN = 10_000
"""Elements, each counted as often as it is drawn: several thousand in icons with many details."""

_MOST_REFERENCES = 100_000
_PAINTS = {"linearGradient", "radialGradient", "stop"}
# Each step of a filter computes every pixel; the slow ones, more of them the further they reach.
_OF_FILTERS = 50
_OF_SLOW_FILTERS = {"feMorphology": 1000}
_OF_MASKS = 5
_NUMBER = re.compile(r"\d{1,6}")
_AN_ELEMENT = 50
"""The vertices of a path, or the letters of a text, that take as long as one element."""
_TEXTS = {"text", "tspan", "textPath", "tref", "flowPara", "flowSpan"}
_FOR_EACH_INSIDE = {"pattern", "marker"}  # which all elements inside of a group inherit
_BY_URL = re.compile(r"url\(\s*[\"']?\s*#([^\"')\s]+)", re.IGNORECASE)
_RULE = re.compile(r"([^{}]*)\{([^{}]*)\}")
_SIMPLE = re.compile(r"([\w-]*)(?:([.#])([\w-]+))?(?:[.#:][\w-]+)*")
_VERTEX = re.compile(r"\d+|[zZ]")

Key = tuple[str, str]
"""What a rule of a style sheet is about: a class, an id, or a tag, or everything."""
_EVERYTHING: Key = ("", "")


class TooMuchDrawnError(Exception):
    """A drawing draws more than `MOST_DRAWN` elements, or one of them inside itself."""


@dataclass(slots=True)
class _Node:
    name: str
    keys: tuple[Key, ...]
    names: tuple[str, ...]  # the ids that its attributes refer to
    own_vertices: int
    reach: int  # of a blur, in units of the drawing
    letters: int = 0
    edges: list[int] = field(default_factory=list)
    cost: int = 0
    vertices: int = 0


class Drawing:
    """The elements of one drawing, in the order in which they come."""

    def __init__(self) -> None:
        self._nodes: list[_Node] = []
        self._ids: dict[str, int] = {}
        self._rules: dict[Key, dict[str, None]] = defaultdict(dict)
        self._open: list[int] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Add an element inside of the open ones; its attributes by their local names."""
        number = len(self._nodes)
        shape = attributes.get("d", "") + " " + attributes.get("points", "")
        reach = max(map(int, _NUMBER.findall(attributes.get("stdDeviation", ""))), default=0)
        node = _Node(name, (), (), len(_VERTEX.findall(shape)), min(reach, 1000))
        if name not in _PAINTS:
            node.keys = tuple(_keys_of(name, attributes))
            node.names = tuple(_names_in(attributes))
            if self._open:
                self._nodes[self._open[-1]].edges.append(number)
        self._nodes.append(node)
        self._ids.setdefault(attributes.get("id", ""), number)
        self._open.append(number)

    def text(self, text: str) -> None:
        """Add text to the element that was opened last."""
        if self._open and (node := self._nodes[self._open[-1]]).name in _TEXTS:
            node.letters += len(text)

    def end(self) -> None:
        """Close the element that was opened last."""
        self._open.pop()

    def style(self, text: str) -> None:
        """Add the rules of a style sheet."""
        for selectors, declarations in _RULE.findall(text):
            if names := dict.fromkeys(_BY_URL.findall(declarations)):
                for selector in selectors.split(","):
                    if "@" not in selector:  # a font, which refers to nothing that is drawn
                        self._rules[_key_of(selector.strip())] |= names

    def require_little(self) -> None:
        """Count what is drawn. The time is that of the file's length.

        Raises:
            TooMuchDrawnError
        """
        references = self._references()
        done, waiting = set[int](), set[int]()
        stack = [0]
        while stack:
            number = stack[-1]
            if number in done:
                stack.pop()
                continue
            node = self._nodes[number]
            behind = [*node.edges, *references[number]]
            if number in waiting:
                stack.pop()
                waiting.remove(number)
                done.add(number)
                self._count(node, behind)
                continue
            waiting.add(number)
            if waiting.intersection(behind):
                raise TooMuchDrawnError
            stack += behind

    def _references(self) -> list[list[int]]:
        """Return the elements that each element refers to, or inherits of a style sheet.

        Raises:
            TooMuchDrawnError
        """
        found, number = list[list[int]](), 0
        for node in self._nodes:
            names = [*node.names, *(name for key in node.keys for name in self._rules.get(key, ()))]
            number += len(names)
            if number > _MOST_REFERENCES:
                raise TooMuchDrawnError
            found.append([self._ids[name] for name in names if name in self._ids])
        return found

    def _count(self, node: _Node, behind: list[int]) -> None:
        nodes = [self._nodes[number] for number in behind]
        once = [each for each in nodes if each.name not in _FOR_EACH_INSIDE]
        node.cost = _own_cost(node) + sum(each.cost for each in once)
        node.vertices = node.own_vertices + sum(each.vertices for each in once)
        inside = node.cost
        for each in nodes:
            if each.name in _FOR_EACH_INSIDE:
                node.cost += each.cost * (node.vertices if each.name == "marker" else inside)
        if node.cost > MOST_DRAWN:
            raise TooMuchDrawnError


def _own_cost(node: _Node) -> int:
    cost = 1 + (node.own_vertices + node.letters) // _AN_ELEMENT
    if node.name.startswith("fe"):
        cost += _OF_SLOW_FILTERS.get(node.name, _OF_FILTERS) + node.reach // 5
    return cost + (_OF_MASKS if node.name == "mask" else 0)


def _names_in(attributes: Mapping[str, str]) -> Iterator[str]:
    target = attributes.get("href", "").strip()
    if target.startswith("#"):
        yield target[1:]
    for value in attributes.values():
        yield from _BY_URL.findall(value)


def _keys_of(name: str, attributes: Mapping[str, str]) -> Iterator[Key]:
    yield _EVERYTHING
    yield "", name
    if "id" in attributes:
        yield "#", attributes["id"]
    for each in dict.fromkeys(attributes.get("class", "").split()):
        yield ".", each


def _key_of(selector: str) -> Key:
    """Return which elements a selector may match, at least those that it does."""
    found = _SIMPLE.fullmatch(selector)
    if found is None:
        return _EVERYTHING
    return (found[2], found[3]) if found[2] else ("", found[1])
