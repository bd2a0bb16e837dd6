"""Fixtures of the core's own tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.service import House

# A function-scoped tmp_path is fine for properties that only read it; slow disks are no failure.
settings.register_profile(
    "unit",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("unit")


@pytest.fixture(autouse=True)
def _no_waiting_for_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether bytes survive a crash is no question here, and each answer takes milliseconds."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A house without a live notebook yet."""
    return House(tmp_path)


@pytest.fixture
def home(house: House) -> House:
    """A house with a filled live notebook."""
    return house.fill()
