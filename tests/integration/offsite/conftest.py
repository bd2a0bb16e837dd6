"""Fixtures of the tests with real services."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.offsite.records import Destination, Place, Service
from tests.integration.offsite.places import FarPlace


def folder_place(tmp_path: Path) -> FarPlace:
    path = tmp_path / "far"
    path.mkdir()
    destination = Destination(
        "nas", "NAS", Service.FOLDER, place=Place.THIS_SERVER, options={"path": str(path)}
    )
    return FarPlace(destination, many=30)


@pytest.fixture(params=["folder"])
def far(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FarPlace]:
    """A place at each service in turn, which the test has for itself."""
    place = {"folder": lambda: folder_place(tmp_path)}[request.param]()
    yield place
    place.close()
