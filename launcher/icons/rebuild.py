"""Write the sets of symbols and brands from the packages that they come from.

    npm pack lucide-static simple-icons     (unpack both)
    python -m launcher.icons.rebuild LUCIDE_FOLDER SIMPLE_ICONS_FOLDER

`sets/brands.txt` names the brands to take, one a line. The same packages give the same files.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from launcher.icons.search import folded

_SETS = Path(__file__).parent / "sets"
_SPELLINGS = {word.lower(): word for word in (
    "3D", "AI", "API", "CCTV", "CD", "CPU", "DNA", "EV", "FM", "GPS", "GPU", "HD", "HDMI",
    "ID", "IP", "LED", "NAS", "NFC", "PC", "PDF", "QR", "RSS", "SD", "SIM", "SSD", "TV", "USB",
    "VR", "Wi-Fi",
)} | {"wifi": "Wi-Fi"}  # fmt: skip
_PATH = re.compile(r'<path d="([^"]+)"/>')
# Licences that allow a copy with a notice; brands under any other are left out.
_ALLOWED = re.compile(
    r"Apache-2\.0|BSD-3-Clause|CC0-1\.0|CC-BY(-SA)?-\d\.\d|MIT|MPL-2\.0|Unlicense"
)


def main(lucide: Path, simple_icons: Path) -> None:
    """Write both sets and the licences of brands, from the folders of the unpacked packages."""
    _write("symbols.tsv", _symbols(lucide))
    brands = _brands(simple_icons)
    rows = ((slug, *_drawn(simple_icons, slug, each)) for slug, each in brands.items())
    _write("brands.tsv", rows)
    lines = [
        f"{each['title']}: {licence['type']}, {licence.get('url') or each['source']}"
        for each in brands.values()
        if (licence := each.get("license"))
    ]
    (_SETS / "brands-LICENSES.txt").write_text(
        "The collection simple-icons is in the public domain (CC0 1.0). These drawings of it have a"
        "\nlicence of their own. All brands are trademarks of their owners.\n\n"
        + "\n".join(lines)
        + "\n"
    )
    wanted = set(_wanted())
    for slug in sorted(wanted - brands.keys()):
        print(f"left out: {slug}")  # noqa: T201


def _symbols(folder: Path) -> Iterable[Sequence[str]]:
    nodes = json.loads((folder / "icon-nodes.json").read_text())
    tags = json.loads((folder / "tags.json").read_text())
    for name in sorted(nodes):
        markup = "".join(_element(tag, attributes) for tag, attributes in nodes[name])
        title = _title(name)
        words = sorted({folded(tag) for tag in tags.get(name, ())})
        yield name, title, " ".join(words), markup


def _title(name: str) -> str:
    """Return "hard-drive" as "Hard drive", and "tv" as "TV"."""
    first, *rest = (_SPELLINGS.get(word, word) for word in name.split("-"))
    return " ".join((first[:1].upper() + first[1:], *rest))


def _element(tag: str, attributes: Mapping[str, str]) -> str:
    written = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    return f"<{tag}{written}/>"


def _wanted() -> list[str]:
    return (_SETS / "brands.txt").read_text().split()


def _brands(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    listed = json.loads((folder / "data" / "simple-icons.json").read_text())
    by_slug = {each["slug"]: each for each in listed}
    return {
        slug: by_slug[slug]
        for slug in sorted(_wanted())
        if slug in by_slug
        and _ALLOWED.fullmatch(by_slug[slug].get("license", {}).get("type", "CC0-1.0"))
    }


def _drawn(folder: Path, slug: str, brand: Mapping[str, Any]) -> Sequence[str]:
    match = _PATH.search((folder / "icons" / f"{slug}.svg").read_text())
    if match is None:
        raise ValueError(slug)
    aliases = brand.get("aliases", {})
    words = {folded(each) for each in (*aliases.get("aka", ()), *aliases.get("old", ()))}
    return brand["title"], " ".join(sorted(words)), f'<path d="{match[1]}"/>'


def _write(name: str, rows: Iterable[Sequence[str]]) -> None:
    text = "".join("\t".join(row) + "\n" for row in rows)
    (_SETS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
