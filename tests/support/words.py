"""The catalogues of words, read and compiled as `make translations` does."""

from __future__ import annotations

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from launcher.config import ROOT

FOLDER = ROOT / "translations"
LANGUAGES = ("de", "ru")


def catalogue_path(language: str) -> Path:
    return FOLDER / language / "LC_MESSAGES" / "messages.po"


def read_catalogue(path: Path, language: str | None = None) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=language)


def compile_words() -> None:
    """Write each compiled catalogue anew where the words are younger than it."""
    for language in LANGUAGES:
        source = catalogue_path(language)
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns > source.stat().st_mtime_ns:
            continue
        # Renamed into place: other workers of the same test run may be reading it.
        private = target.with_suffix(f".{id(target)}.tmp")
        with private.open("wb") as file:
            write_mo(file, read_catalogue(source, language))
        private.replace(target)
