"""The scene of the fault tests: one filled place, copied for every fault."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from launcher.backup.files import free_bytes
from tests.fault.place import Place, damage, first_backup, make_used_place, state_of
from tests.fault.worker import Worker, spare_workers


@pytest.fixture(scope="session")
def lend() -> Iterator[Callable[[], Worker]]:
    with spare_workers() as lend_one:
        yield lend_one


@pytest.fixture(scope="session")
def scenery() -> Iterator[Path]:
    """A folder for the places that tests copy."""
    with tempfile.TemporaryDirectory(dir=_quick_disk()) as folder:
        yield Path(folder)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder of this test's own, in memory where there is some.

    Hundreds of killed processes would otherwise wait for a real disk, which proves nothing: a
    kill does not lose what the kernel already has.
    """
    with tempfile.TemporaryDirectory(dir=_quick_disk()) as folder:
        yield Path(folder)


def _quick_disk() -> str | None:
    memory = Path("/dev/shm")
    is_roomy = memory.is_dir() and os.access(memory, os.W_OK)
    return str(memory) if is_roomy and free_bytes(memory) > 200_000_000 else None


@pytest.fixture(scope="session")
def used(scenery: Path) -> Place:
    """A place with backups; only to be copied."""
    return make_used_place(scenery / "used")


@pytest.fixture(scope="session")
def broken(used: Place, scenery: Path) -> Place:
    """The same with a live database that only a new file can mend; only to be copied."""
    place = used.copy_to(scenery / "broken")
    damage(place)
    return place


@pytest.fixture(scope="session")
def restored(used: Place, scenery: Path) -> Place:
    """The same after a restore, which can be undone; only to be copied."""
    place = used.copy_to(scenery / "restored")
    place.service().restore(first_backup(place).id, by="ada")
    return place


@pytest.fixture(scope="session")
def first_state(used: Place) -> str:
    """What the live data is after a restore of the first backup."""
    return state_of(used.root / "outside.db")
