"""A power cut while a backup is published: the disk has lost any rename that was not flushed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import pytest

from launcher.backup import files
from launcher.backup.records.backup import Backup
from launcher.backup.store import local
from launcher.backup.store.local import LocalStore
from tests.unit.test_store import describe, publish


@dataclass
class Recording:
    """What was renamed and which folders were flushed, in order; and every disk it may leave."""

    folder: Path
    before: dict[str, bytes] = field(default_factory=dict)
    steps: list[tuple[str, str] | str] = field(default_factory=list)
    written: dict[str, bytes] = field(default_factory=dict)

    def renamed(self, source: Path, target: Path) -> None:
        old, new = (str(path.relative_to(self.folder)) for path in (source, target))
        if old not in {step[1] for step in self.steps if isinstance(step, tuple)}:
            self.written[old] = source.read_bytes()
        self.steps.append((old, new))

    def flushed(self, folder: Path) -> None:
        self.steps.append(str(folder.relative_to(self.folder)))

    def disks(self, *, only_at_end: bool = False) -> Iterator[dict[str, bytes]]:
        """Yield name → content for each disk that a power cut after any step can leave."""
        for end in range(len(self.steps) if only_at_end else 0, len(self.steps) + 1):
            renames = [each for each in self.steps[:end] if isinstance(each, tuple)]
            unsure = [each for each in renames if not self._is_flushed(each, end)]
            for count in range(len(unsure) + 1):
                for lost in combinations(unsure, count):
                    yield self._disk([each for each in renames if each not in lost])

    def _is_flushed(self, rename: tuple[str, str], end: int) -> bool:
        folders = {str(Path(name).parent) for name in rename}
        return any(step in folders for step in self.steps[self.steps.index(rename) + 1 : end])

    def _disk(self, renames: list[tuple[str, str]]) -> dict[str, bytes]:
        disk = self.before | self.written
        for old, new in renames:
            if old in disk:
                disk[new] = disk.pop(old)
        return {name: disk[name] for name in disk if not name.endswith(".tmp")}


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Recording, Backup, Backup]:
    """Two backups in a folder, of which the second was recorded."""
    store = LocalStore(tmp_path / "backups")
    store.ensure()
    old = publish(store, describe("b"))
    made = Recording(store.path)
    made.before = {each.name: each.read_bytes() for each in store.path.glob("launcher-*")}
    rename, replace, flush = Path.rename, Path.replace, files.sync_directory

    def renaming(source: Path, target: Path) -> Path:
        made.renamed(source, target)
        return rename(source, target)

    def replacing(source: Path, target: Path) -> Path:
        made.renamed(source, target)
        return replace(source, target)

    def flushing(folder: Path) -> None:
        made.flushed(folder)
        flush(folder)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", renaming)
        patch.setattr(Path, "replace", replacing)
        for module in (files, local):
            patch.setattr(module, "sync_directory", flushing)
        new = publish(store, describe("c"))
    return made, old, new


def test_a_power_cut_leaves_the_whole_new_backup_or_none_of_it(
    published: tuple[Recording, Backup, Backup], tmp_path: Path
) -> None:
    recording, old, new = published
    found = [_left(disk, tmp_path) for disk in recording.disks()]
    assert all(each in ([old], [new, old]) for each in found)
    assert [old] in found
    assert [new, old] in found


def test_a_power_cut_after_publishing_loses_nothing(
    published: tuple[Recording, Backup, Backup], tmp_path: Path
) -> None:
    recording, old, new = published
    for disk in recording.disks(only_at_end=True):
        assert _left(disk, tmp_path) == [new, old]


def _left(disk: dict[str, bytes], folder: Path) -> list[Backup]:
    """Return what is listed of such a disk, all of it with its file, once it is swept."""
    number = len(list(folder.iterdir()))
    store = LocalStore(folder / f"disk-{number}")
    store.ensure()
    for name, content in disk.items():
        (store.path / name).write_bytes(content)
    store.sweep()
    listed = list(store.list())
    assert len([path for path in store.path.rglob("*") if path.is_file()]) == 2 * len(listed)
    for backup in listed:
        with store.open(backup) as file:
            assert file.read() == b"data"
    return listed
