"""Read the icons out of a zip, as a process of its own.

The request on standard input names the zip and the file to write. Names in the zip never become
paths, and sizes in it are not believed: bytes are counted as they are unpacked.
"""

from __future__ import annotations

import json
import unicodedata
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from launcher.background.child import answering, limit
from launcher.icons.colour_set import MOST_ICONS, SetRefusal, SetRefusedError
from launcher.icons.raster import require_decodable
from launcher.icons.svg import check_svg

_MEMORY_BYTES = 512 << 20
_PROCESSOR_S = 150
_FILE_BYTES = 256 << 20
_MOST_KEPT_BYTES = 100_000_000
_MOST_ENTRIES = 50_000
_MOST_READ_BYTES = 512 << 20
_ICON_BYTES = 100_000
_NAME_CHARACTERS = 100
_BEST_FIRST = ("svg", "webp", "png")


def main() -> None:
    """Answer the request on standard input."""
    warnings.simplefilter("ignore")
    with answering() as (line, stream):
        limit(
            memory_bytes=_MEMORY_BYTES, alive_s=200, processor_s=_PROCESSOR_S,
            file_bytes=_FILE_BYTES,
        )  # fmt: skip
        request = json.loads(line)
        json.dump(_reply(Path(request["zip"]), Path(request["target"])), stream)


def _reply(source: Path, target: Path) -> Mapping[str, Any]:
    try:
        with target.open("wb") as file:
            kept, skipped = unpack(source, file)
    except SetRefusedError as error:
        return {"reason": error.reason}
    except MemoryError:
        return {"reason": SetRefusal.STOPPED}
    return {"kept": kept, "skipped": skipped}


def unpack(source: Path, target: IO[bytes]) -> tuple[int, int]:
    """Write every icon that is good to `target`; return how many, and how many names had none.

    Of the files of one name, the first that is good counts: SVG, then WebP, then PNG.

    Raises:
        SetRefusedError
    """
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise SetRefusedError(SetRefusal.TYPE) from error
    with archive:
        reader = _Reader(archive)
        names = _by_name(archive.infolist())
        if len(names) > MOST_ICONS:
            raise SetRefusedError(SetRefusal.LARGE)
        kept = sum(reader.keep(name, files, target) for name, files in sorted(names.items()))
    if not kept:
        raise SetRefusedError(SetRefusal.EMPTY)
    return kept, len(names) - kept


def _by_name(entries: Sequence[zipfile.ZipInfo]) -> Mapping[str, Sequence[zipfile.ZipInfo]]:
    """Return the files that may be icons by the name of the icon, the best first."""
    if len(entries) > _MOST_ENTRIES:
        raise SetRefusedError(SetRefusal.LARGE)
    found: dict[str, list[tuple[int, zipfile.ZipInfo]]] = {}
    for entry in entries:
        last = entry.filename.rpartition("/")[2]
        stem, _, ending = last.rpartition(".")
        name = _clean(stem)
        is_hidden = last.startswith(".") or entry.filename.startswith("__MACOSX/")
        if not name or is_hidden or ending.lower() not in _BEST_FIRST:
            continue
        found.setdefault(name, []).append((_BEST_FIRST.index(ending.lower()), entry))
    return {
        name: [entry for _, entry in sorted(files, key=lambda each: each[0])]
        for name, files in found.items()
    }


def _clean(stem: str) -> str:
    """Return the name of an icon: what can be shown of it, in lower case, as the names are."""
    text = unicodedata.normalize("NFC", stem.rpartition("\\")[2]).casefold()
    return "".join(each for each in text if each.isprintable()).strip()[:_NAME_CHARACTERS]


class _Reader:
    """Reads one zip, and counts what it has unpacked."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._left_bytes = _MOST_READ_BYTES
        self._room_bytes = _MOST_KEPT_BYTES

    def keep(self, name: str, files: Sequence[zipfile.ZipInfo], target: IO[bytes]) -> bool:
        """Write the first of `files` that is good; return whether one is."""
        for content in self._contents(files):
            mime = _mime_of(content)
            if mime:
                self._room_bytes -= len(content)
                if self._room_bytes < 0:
                    raise SetRefusedError(SetRefusal.LARGE)
                about = {"name": name, "mime": mime, "size_bytes": len(content)}
                target.write(json.dumps(about).encode() + b"\n" + content)
                return True
        return False

    def _contents(self, files: Sequence[zipfile.ZipInfo]) -> Iterator[bytes]:
        for entry in files:
            try:
                with self._archive.open(entry) as file:
                    content = file.read(_ICON_BYTES + 1)
            except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError):
                continue  # damaged, encrypted, or packed in another way
            self._left_bytes -= len(content)
            if self._left_bytes < 0:
                raise SetRefusedError(SetRefusal.LARGE)
            if len(content) <= _ICON_BYTES:
                yield content


def _mime_of(content: bytes) -> str:
    """Return the type of a good icon, "" for any other."""
    try:
        if content.lstrip()[:1] in {b"<", b"\xef"}:
            check_svg(content)
            return "image/svg+xml"
        return require_decodable(content)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  (a decoder may raise anything at a damaged file)
        return ""


if __name__ == "__main__":
    main()
