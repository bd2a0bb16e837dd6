"""The scene of the fault tests: one filled place, copied for every fault."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
def scenery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the places that tests copy."""
    return tmp_path_factory.mktemp("scenery")


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


@dataclass(slots=True)
class SmallDisk:
    """A disk of its own in memory, which can be filled, made read-only and taken away."""

    path: Path
    is_mounted: bool = False

    def mount(self, size_bytes: int) -> None:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(self.path)],
            check=True,
            capture_output=True,
        )
        self.is_mounted = True

    def change(self, options: str) -> None:
        """Mount it anew with other options: `ro`, `rw`, `size=…`.

        The kernel may call a disk busy for a moment after its last file was closed by a process
        that has ended; where one is open for good, it stays so.
        """
        command = ["mount", "-o", f"remount,{options}", str(self.path)]
        for _ in range(100):
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            if "busy" not in done.stderr:
                break
            time.sleep(0.05)
        assert done.returncode == 0, done.stderr

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", str(self.path)], check=True)
        self.is_mounted = False

    def fill(self, *, but_for_bytes: int = 0) -> None:
        """Leave so many bytes free, while others write."""
        while (size := free_bytes(self.path) - but_for_bytes) > 0:
            with self._filler().open("ab") as file, contextlib.suppress(OSError):
                os.posix_fallocate(file.fileno(), file.tell(), size)

    def clear(self) -> None:
        """Take what `fill` put there away."""
        self._filler().unlink(missing_ok=True)

    def _filler(self) -> Path:
        return self.path / "filler"


@pytest.fixture
def small_disk() -> Iterator[SmallDisk]:
    """A disk of 40 MB; skips the test where mounting is not permitted."""
    folder = Path(tempfile.mkdtemp())
    disk = SmallDisk(folder)
    try:
        disk.mount(40 << 20)
    except (OSError, subprocess.CalledProcessError) as error:
        folder.rmdir()
        pytest.skip(f"a small disk needs the right to mount one: {error}")
    yield disk
    if disk.is_mounted:
        disk.unmount()
    folder.rmdir()
