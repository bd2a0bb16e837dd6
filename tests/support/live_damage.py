"""Damage to the live database as disks, memory and hands do it, drawn from a seed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

NAME = "launcher.db"
_HEADER_BYTES = 100
_WEIGHTY_TABLES = ("system_settings", "users", "alembic_version")


@dataclass(frozen=True, slots=True)
class Damage:
    """One damage: which it is, in words that find it again, and what it does to a folder."""

    words: str
    is_in_schema: bool
    apply: Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Scene:
    """The files of one live database, and what damage may be made from.

    Attributes:
        now: the database, its log folded in.
        older: the same file of an earlier moment.
        logged: name → bytes of the same database with a log that is not folded yet.
        schema_pages, weighty_pages: pages, from 0, of the schema and of what every page reads.
    """

    now: bytes
    older: bytes
    logged: dict[str, bytes]
    page_size: int
    schema_pages: tuple[int, ...]
    weighty_pages: tuple[int, ...]

    def put_into(self, folder: Path, *, with_log: bool = False) -> None:
        """Write the files of the live database, and no others."""
        for left in folder.glob(f"{NAME}*"):
            left.unlink()
        for name, data in (self.logged if with_log else {NAME: self.now}).items():
            (folder / name).write_bytes(data)


def make_scene(live: Path, *, change: str) -> Scene:
    """Return the files of the database at `live`, which nobody has open, before a change and after.

    Args:
        change: a statement that changes rows, and so the file.
    """
    _fold(live)
    older = live.read_bytes()
    with closing(sqlite3.connect(live, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute(change)
        # As a killed server leaves them: the last connection would fold the log in.
        names = (NAME, f"{NAME}-wal", f"{NAME}-shm")
        logged = {name: (live.parent / name).read_bytes() for name in names}
    _fold(live)
    with closing(sqlite3.connect(live)) as connection:
        page_size = connection.execute("PRAGMA page_size").fetchone()[0]
        schema = _pages_of(connection, "sqlite_schema")
        weighty = tuple(page for name in _WEIGHTY_TABLES for page in _pages_of(connection, name))
    return Scene(live.read_bytes(), older, logged, page_size, schema, weighty)


def _fold(live: Path) -> None:
    with closing(sqlite3.connect(live, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _pages_of(connection: sqlite3.Connection, table: str) -> tuple[int, ...]:
    try:
        rows = connection.execute("SELECT pageno FROM dbstat WHERE name = ?", (table,)).fetchall()
    except sqlite3.OperationalError:  # a SQLite without dbstat
        query = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
        rows = connection.execute(query, (table,)).fetchall() or [(1,)]
    return tuple(page - 1 for (page,) in rows)


def draw(scene: Scene, *, seed: str) -> Damage:
    """Return the damage of one seed."""
    random = Random(seed)
    kinds = [_bit, _bit, _garbage, _zeros, _copied_page, _older_page, _length, _header, _log]
    return random.choice(kinds)(scene, random)


def _bytes_damage(
    words: str, position: int, change: Callable[[bytearray], None], scene: Scene
) -> Damage:
    def apply(folder: Path) -> None:
        scene.put_into(folder)
        data = bytearray(scene.now)
        change(data)
        (folder / NAME).write_bytes(data)

    return Damage(words, position // scene.page_size in scene.schema_pages, apply)


def _bit(scene: Scene, random: Random) -> Damage:
    position, bit = _position(scene, random), random.randrange(8)

    def change(data: bytearray) -> None:
        data[position] ^= 1 << bit

    return _bytes_damage(f"bit {bit} of byte {position}", position, change, scene)


def _garbage(scene: Scene, random: Random) -> Damage:
    position = _position(scene, random)
    run = random.randbytes(random.randint(1, 60))[: len(scene.now) - position]

    def change(data: bytearray) -> None:
        data[position : position + len(run)] = run

    return _bytes_damage(f"{len(run)} bytes of garbage at {position}", position, change, scene)


def _zeros(scene: Scene, random: Random) -> Damage:
    length = random.choice((512, scene.page_size))
    position = _position(scene, random) // length * length

    def change(data: bytearray) -> None:
        data[position : position + length] = bytes(length)

    return _bytes_damage(f"{length} zeros at {position}", position, change, scene)


def _copied_page(scene: Scene, random: Random) -> Damage:
    size = scene.page_size
    position = _position(scene, random) // size * size
    other = random.randrange(len(scene.now) // size) * size

    def change(data: bytearray) -> None:
        data[position : position + size] = scene.now[other : other + size]

    return _bytes_damage(f"the page at {other} also at {position}", position, change, scene)


def _older_page(scene: Scene, random: Random) -> Damage:
    size = scene.page_size
    position = min(_position(scene, random), len(scene.older) - 1) // size * size

    def change(data: bytearray) -> None:
        data[position : position + size] = scene.older[position : position + size]

    return _bytes_damage(f"the page at {position} of before", position, change, scene)


def _length(scene: Scene, random: Random) -> Damage:
    if random.random() < 0.3:
        more = random.randbytes(random.choice((1, 100, scene.page_size, 3 * scene.page_size)))
        words, position = f"{len(more)} bytes at the end", len(scene.now)

        def change(data: bytearray) -> None:
            data.extend(more)
    else:
        position = random.randrange(len(scene.now))
        words = f"cut off at {position}"

        def change(data: bytearray) -> None:
            del data[position:]

    return _bytes_damage(words, position, change, scene)


def _header(scene: Scene, random: Random) -> Damage:
    position = random.randrange(_HEADER_BYTES)
    value = random.choice((0, 1, 2, 3, 4, 127, 128, 255, random.randrange(256)))

    def change(data: bytearray) -> None:
        data[position] = value

    return _bytes_damage(f"byte {position} of the header is {value}", position, change, scene)


def _log(scene: Scene, random: Random) -> Damage:
    name = random.choice((f"{NAME}-wal", f"{NAME}-wal", f"{NAME}-shm"))
    kind = random.choice(("bit", "garbage", "cut", "gone", "empty"))
    length = len(scene.logged[name])
    position, run = random.randrange(length), random.randbytes(random.randint(1, 60))

    def apply(folder: Path) -> None:
        scene.put_into(folder, with_log=True)
        path, data = folder / name, bytearray(scene.logged[name])
        match kind:
            case "bit":
                data[position] ^= 1 << run[0] % 8
            case "garbage":
                data[position : position + len(run)] = run
            case "cut":
                del data[position:]
            case "empty":
                data.clear()
        path.write_bytes(data)
        if kind == "gone":
            path.unlink()

    return Damage(f"{name}: {kind} at {position}", False, apply)


def _position(scene: Scene, random: Random) -> int:
    """Return a byte: of the schema, of what every page reads, or of any page."""
    pages = random.choice((scene.schema_pages, scene.weighty_pages, None))
    if pages is None:
        return random.randrange(len(scene.now))
    return random.choice(pages) * scene.page_size + random.randrange(scene.page_size)
