"""Compares what a person types with texts: case, accents and typing errors aside.

`folded` is the spelling that is compared. `Wanted` holds the words of one search; each of them has
to be found. How good a match is, is its `Rank`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import lru_cache

MOST_CHARACTERS = 100
_MOST_WORDS = 10

# Letters that Unicode does not take apart.
_PLAIN = str.maketrans({
    "ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "\u0131": "i", "æ": "ae", "œ": "oe",
    "þ": "th",
})  # fmt: skip

_TOKENS = re.compile(r"[^\W_]+")
# Thai to Myanmar, Korean, Khmer, Chinese and Japanese: a word may stand anywhere in these.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\uffff\U00020000-\U0003ffff]"
)

# The same keys of two keyboards: who types the name of an app while the other one is switched on.
_LATIN = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`"
_RUSSIAN = "йцукенгшщзхъфывапролджэячсмитьбюё"
_TO_RUSSIAN = str.maketrans(_LATIN, _RUSSIAN)
_TO_LATIN = str.maketrans(_RUSSIAN, _LATIN)

Parts = Sequence[tuple[str, bool]]
"""A text in parts, each with whether it is what was searched for."""


class Rank(IntEnum):
    """How a thing was found, the best first."""

    NAME_BEGINS = 0
    WORD_BEGINS = 1
    NAME_HAS = 2
    TAGGED = 3
    ABOUT = 4
    MISTYPED = 5


def folded(text: str) -> str:
    """Return `text` in lower case and without accents."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(each for each in plain if not unicodedata.combining(each)).translate(_PLAIN)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The words of a search.

    Attributes:
        words: folded; a scheme before and a slash behind are left out.
        near: the words of other texts that each may be a typing error of.
    """

    words: tuple[str, ...]
    near: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def phrase(self) -> str:
        """All words, with single spaces between them."""
        return " ".join(self.words)

    def tolerant(self, texts: Iterable[str]) -> Wanted:
        """Return the same words, which now may be typing errors of words of folded texts."""
        known = list(texts)
        tokens = {*_TOKENS.findall("\n".join(known)), *filter(None, map(_squeezed, known))}
        return replace(self, near={word: _near(word, tokens) for word in self.words})

    def may_be_in(self, word: str, about: str, urls: str) -> bool:
        """Whether a word can be found in folded texts and URLs: a quick look, which may be wrong.

        Where it says no, the word is not there.
        """
        if word in about or is_in_addresses(word, urls):
            return True
        near = self.near.get(word)
        if not near:
            return False
        squeezed = about.replace(" ", "")
        return any(token in squeezed for token in near)

    def rank_in_name(self, name: str) -> Rank | None:
        """Return how all words are found in a folded name, None where they are not.

        A name may be typed in one word: "backup now" begins "back up now".
        """
        if self.words and (
            name.startswith(self.phrase) or name.replace(" ", "").startswith("".join(self.words))
        ):
            return Rank.NAME_BEGINS
        worst = Rank.NAME_BEGINS
        for word in self.words:
            rank = rank_of_word(word, name)
            if rank is None:
                if not self.is_near(word, name):
                    return None
                rank = Rank.MISTYPED
            worst = max(worst, rank)
        return worst

    def is_near(self, word: str, text: str) -> bool:
        """Whether a word of a folded text is what `word` may be a typing error of."""
        near = self.near.get(word)
        return near is not None and bool(near) and not near.isdisjoint(tokens_of(text))

    def parts(self, text: str) -> Parts:
        """Return `text` in parts, where the words of the search are marked."""
        plain, places = _with_places(text)
        marked = [False] * len(text)
        for word in self.words:
            for start, end in self._spans(word, plain):
                # A letter of which a part was typed is marked whole, with its accents.
                for at in range(places[start], max(places[end - 1] + 1, places[end])):
                    marked[at] = True
        parts: list[tuple[str, bool]] = []
        for letter, is_marked in zip(text, marked, strict=True):
            if parts and parts[-1][1] == is_marked:
                parts[-1] = (parts[-1][0] + letter, is_marked)
            else:
                parts.append((letter, is_marked))
        return parts

    def _spans(self, word: str, plain: str) -> Iterator[tuple[int, int]]:
        found = _at_beginnings(word).search(plain)
        at = found.start() if found else plain.find(word)
        if at >= 0:
            yield at, at + len(word)
            return
        near = self.near.get(word, frozenset[str]())
        spans = [each.span() for each in _TOKENS.finditer(plain) if each[0] in near]
        if not spans and plain.replace(" ", "") in near:
            spans = [(0, len(plain))]
        yield from spans


def readings(text: str) -> Iterator[Wanted]:
    """Yield the words of `text` as they are, then as another keyboard would have written them."""
    text = text[:MOST_CHARACTERS]
    wanted = _read(text)
    yield wanted
    lower = text.lower()
    for table in (_TO_LATIN, _TO_RUSSIAN):
        swapped = lower.translate(table)
        # A text of both scripts is no slip of the keyboard.
        if swapped != lower and not any(each in lower for each in _letters(table.values())):
            yield _read(swapped)


def tokens_of(text: str) -> Collection[str]:
    """Return the words of a folded text, and all of its first field as one word."""
    return [*_TOKENS.findall(text), _squeezed(text)]


def rank_of_word(word: str, name: str) -> Rank | None:
    """Return how one word is found in a folded name, None where it is not."""
    at = name.find(word)
    if at <= 0:
        return None if at else Rank.NAME_BEGINS
    return Rank.WORD_BEGINS if _at_beginnings(word).search(name) else Rank.NAME_HAS


def begins_a_word(word: str, text: str) -> bool:
    """Whether a word of a folded text begins so; anywhere in scripts that write no spaces."""
    if word not in text:
        return False
    return _at_beginnings(word).search(text) is not None or _UNSPACED.match(word) is not None


def is_in_addresses(word: str, urls: str) -> bool:
    """Whether one of some folded URLs has `word`.

    Letters alone are sought where the host and a part of the path begin: "home" would find all of
    `home.arpa`.
    """
    if not word.isalpha():
        return word in urls
    return f"/{word}" in urls or f"/www.{word}" in urls


def _squeezed(text: str) -> str:
    """Return the first field of a text as one word, "" where it is one already."""
    first = text.partition("\x1f")[0]
    return first.replace(" ", "") if " " in first else ""


def _read(text: str) -> Wanted:
    words = (word.partition("://")[2] or word.removesuffix("://") for word in folded(text).split())
    return Wanted(tuple(dict.fromkeys(filter(None, (w.rstrip("/") for w in words))))[:_MOST_WORDS])


def _letters(codes: Collection[int]) -> str:
    return "".join(letter for letter in map(chr, codes) if letter.isalpha())


@lru_cache(maxsize=256)
def _at_beginnings(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_]){re.escape(word)}")


def _with_places(text: str) -> tuple[str, list[int]]:
    """Return `text` folded, and the place in `text` of each letter of that, its end included."""
    plain: list[str] = []
    places: list[int] = []
    for at, letter in enumerate(text):
        for each in folded(letter):
            plain.append(each)
            places.append(at)
    return "".join(plain), [*places, len(text)]


def _near(word: str, tokens: Collection[str]) -> frozenset[str]:
    """Return those of `tokens` that `word` may be a typing error of, also before it is complete.

    One error from 4 letters on, two from 8: a letter too many, too few, another one, two swapped.
    """
    length = len(word)
    if length < 4 or not word.isalnum() or word.isdecimal():
        return frozenset()
    from rapidfuzz.distance import OSA  # noqa: PLC0415 (few searches need it)
    from rapidfuzz.process import extract_iter  # noqa: PLC0415

    most = 1 if length < 8 else 2
    ends = range(length - most, length + most + 1)
    long_enough = [token for token in tokens if len(token) >= ends.start]
    beginnings = {token[:end] for token in long_enough for end in ends}
    found = extract_iter(word, beginnings, scorer=OSA.distance, score_cutoff=most)
    near = {beginning for beginning, _, _ in found}
    if not near:
        return frozenset()
    return frozenset(t for t in long_enough if any(t[:end] in near for end in ends))
