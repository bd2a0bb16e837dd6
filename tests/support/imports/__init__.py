"""Sample files of browsers and of other dashboards, with nothing real in them."""

from __future__ import annotations

from pathlib import Path

from launcher.importing.draft import Source

SAMPLES = {
    "bookmarks.html": Source.BOOKMARKS,
    "services.yaml": Source.HOMEPAGE,
    "bookmarks.yaml": Source.HOMEPAGE,
    "homer.yml": Source.HOMER,
    "dashy.yml": Source.DASHY,
    "heimdall.json": Source.HEIMDALL,
    "apps.csv": Source.CSV,
}


def sample(name: str) -> bytes:
    """Return the content of a sample file."""
    return (Path(__file__).parent / name).read_bytes()
