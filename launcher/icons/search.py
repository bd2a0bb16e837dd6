"""Finds icons of every kind by words, as people type them: without case and accents.

The best come first: the name itself, then what begins with it, then what has a word that does, then
what has it inside, then what is found by a search word alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from launcher.icons.drawn import Kind, drawn_set

_WORDS = re.compile(r"[\W_]+")
_MOST_CHARACTERS = 100

# What is shown first while nothing is searched for.
_COMMON = {
    Kind.BRAND: (
        "jellyfin plex emby kodi immich audiobookshelf sonarr radarr homeassistant nodered"
        " paperlessngx nextcloud owncloud forgejo gitea vaultwarden bitwarden proxmox truenas"
        " unraid docker portainer syncthing pihole adguard wireguard tailscale openwrt grafana"
        " prometheus uptimekuma traefikproxy nginx caddy"
    ),
    Kind.SYMBOL: (
        "tv film music camera book-open calendar mail cloud server hard-drive router printer wifi"
        " globe house lightbulb thermometer car shopping-cart gamepad-2 git-branch key star cctv"
        " users file-text image shield heart wrench bell rss"
    ),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One icon to find.

    Attributes:
        choice: the text that chooses it.
        title: what is shown below it.
        name: what it is found by, folded.
        words: what it is also found by, folded.
    """

    choice: str
    title: str
    name: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what was found, best first, and the number of all."""

    icons: Sequence[Candidate]
    total: int


def candidate(choice: str, title: str) -> Candidate:
    """Return an icon that is found by its title."""
    return Candidate(choice, title, plain(title))


@cache
def drawings(kind: Kind) -> Sequence[Candidate]:
    """Return every drawing of a kind, common ones first."""
    known = drawn_set(kind).drawings
    common = [name for name in _COMMON[kind].split() if name in known]
    order = dict.fromkeys((*common, *known))
    return tuple(
        Candidate(
            f"{kind}:{name}",
            known[name].title,
            plain(known[name].title),
            f"{name.replace('-', ' ')} {known[name].words}",
        )
        for name in order
    )


def find(words: str, icons: Iterable[Candidate], *, limit: int, start: int = 0) -> Found:
    """Return the icons that every word of `words` is found in; all in their order without words."""
    wanted = plain(words[:_MOST_CHARACTERS])
    found = list(icons)
    if wanted:
        ranked = [(_rank(wanted, each), each) for each in found]
        hits = [(rank, each) for rank, each in ranked if rank is not None]
        hits.sort(key=lambda hit: (hit[0], len(hit[1].name), hit[1].name))
        found = [each for _, each in hits]
    return Found(found[start : start + limit], len(found))


def folded(text: str) -> str:
    """Return `text` in lower case and without accents, the spelling that is searched."""
    plain_ = unicodedata.normalize("NFKD", text.casefold())
    return "".join(each for each in plain_ if not unicodedata.combining(each))


def plain(text: str) -> str:
    """Return the words of `text`, folded, with single spaces between them."""
    return " ".join(_WORDS.split(folded(text))).strip()


def _rank(wanted: str, icon: Candidate) -> int | None:
    """Return 0 for the best match, None for no match."""
    squeezed, name = wanted.replace(" ", ""), icon.name.replace(" ", "")
    if squeezed == name:
        return 0
    if name.startswith(squeezed):
        return 1
    words = wanted.split()
    if all(f" {word}" in f" {icon.name}" for word in words):
        return 2
    if all(word in icon.name for word in words) or squeezed in name:
        return 3
    about = f" {icon.name} {icon.words}"
    return 4 if all(f" {word}" in about for word in words) else None
