"""Fixtures of the tests with real files and real SQLite."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask.testing import FlaskCliRunner

from tests.support.offsite import Offsite
from tests.support.service import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A house without a live notebook yet."""
    return House(tmp_path)


@pytest.fixture
def home(house: House) -> House:
    """A house with a filled live notebook."""
    return house.fill()


@pytest.fixture
def offsite(home: House) -> Offsite:
    """A house with a filled live notebook, and no copies elsewhere yet."""
    return Offsite(home)


@pytest.fixture
def flask(runner: FlaskCliRunner, cast: object) -> Callable[..., Result]:
    """Run `flask backup …` in a site that has an admin."""

    def run(*arguments: str, expect: int = 0) -> Result:
        result = runner.invoke(args=["backup", *arguments])
        assert result.exit_code == expect, result.output
        return result

    return run
