"""The lock files say what to install, and not from where."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*(?:\[[a-z,]+\])?)==(\S+)(.*)$", re.MULTILINE)


def pins(path: Path) -> dict[str, str]:
    return {name: version for name, version, _ in PIN.findall(path.read_text())}


def test_there_are_two() -> None:
    assert [path.name for path in LOCKS] == ["requirements-dev.lock", "requirements.lock"]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_it_names_no_host_and_no_index(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"https?:|file:|git\+|-index-url|--find-links|--trusted-host| @ ", text)


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_package_is_pinned_with_its_hashes(path: Path) -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", path.read_text().split("\n", 2)[2])
    assert len(blocks) > 10
    for block in blocks:
        assert PIN.match(block), block
        assert "--hash=sha256:" in block, block


def test_developers_run_what_is_shipped() -> None:
    developers, shipped = map(pins, LOCKS)
    assert shipped.items() <= developers.items()
