"""Imports point inward: app → doors → rooms → models → foundations → the core, without circles."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "launcher"

DOORS = {"web", "api", "cli"}
RANKS = [
    {"backup"},
    {"config", "extensions", "fetching", "schedule"},
    {"current", "importing", "master", "memory", "owner", "serving", "settings"},
    {"models", "migrations"},
    {"audit"},
    {"db"},
    {"accounts", "background", "checks"},
    {"offsite"},
    {"icons"},
    {"catalogue", "monitoring"},
    {"i18n"},
    {"demo", "notifications"},
    {"demo_removal"},
    {"http", "jobs"},
    DOORS,
    {"app"},
]
RANK = {room: rank for rank, rooms in enumerate(RANKS) for room in rooms}
CORE_MAY_USE = set(sys.stdlib_module_names) | {"launcher", "backports", "compression"}

SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in SOURCES}


def imported(path: Path) -> Iterator[str]:
    """Yield the full dotted name of everything a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules_imported(path: Path) -> Iterator[str]:
    """Yield the modules of ours that a file imports."""
    for name in imported(path):
        found = name if name in MODULES else name.rpartition(".")[0]
        if found in MODULES and found != module_of(path):
            yield found


def room_of(module: str) -> str:
    return module.split(".")[1]


def test_every_room_has_its_rank() -> None:
    assert {room_of(module) for module in MODULES} <= set(RANK)


def test_imports_point_inward_and_no_door_uses_another() -> None:
    for module, path in MODULES.items():
        room = room_of(module)
        names = {*modules_imported(path)}
        if room == "current":
            names -= {"launcher.offsite.service"}  # the type of what it returns, no more
        for other in {room_of(name) for name in names} - {room}:
            assert RANK[other] < RANK[room], f"{module} must not know of {other}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module: {*modules_imported(path)} for module, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_every_room_says_what_it_is_for() -> None:
    for package in (path.parent for path in PACKAGE.rglob("__init__.py")):
        text = (package / "__init__.py").read_text("utf-8")
        assert ast.get_docstring(ast.parse(text)), package


def test_the_core_uses_the_standard_library_and_zstd_alone() -> None:
    for path in (PACKAGE / "backup").rglob("*.py"):
        assert {name.partition(".")[0] for name in imported(path)} <= CORE_MAY_USE, path
        others = {room_of(name) for name in modules_imported(path)}
        assert others <= {"backup"}, path


def test_importing_the_core_brings_in_no_framework() -> None:
    program = (
        "import sys, launcher.backup\n"
        "found = {'flask', 'sqlalchemy', 'babel', 'click', 'alembic'} & set(sys.modules)\n"
        "print(sorted(found))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
