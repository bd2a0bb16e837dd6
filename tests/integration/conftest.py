"""Fixtures of the tests with real files and real SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.service import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A house without a live notebook yet."""
    return House(tmp_path)


@pytest.fixture
def home(house: House) -> House:
    """A house with a filled live notebook."""
    return house.fill()
