"""Imports point inward: app → doors → rooms → models → foundations → the core."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / "launcher"

DOORS = {"web", "api", "cli"}
RANKS = [
    {"backup"},
    {"config", "connection", "cron", "current", "extensions", "setting_kinds", "setting_table"},
    {"models", "migrations"},
    {
        "i18n",
        "database",
        "accounts",
        "settings",
        "audit",
        "content",
        "demo",
        "backups",
        "detached",
        "leader",
        "rules",
        "situation",
        "watch",
        "alarms",
        "messenger",
        "notices",
        "targets",
        "notice_trail",
        "notice_words",
        "problem_words",
        "incoming",
    },
    {"jobs"},
    DOORS,
    {"app"},
]
RANK = {part: rank for rank, parts in enumerate(RANKS) for part in parts}
CORE_MAY_USE = set(sys.stdlib_module_names) | {"launcher", "backports", "compression"}


def sources() -> Iterator[Path]:
    return (path for path in sorted(HOUSE.rglob("*.py")) if path != HOUSE / "__init__.py")


def part_of(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """Yield the full dotted name of everything a file imports, wherever in the file."""
    package = list(path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def parts_imported(path: Path) -> set[str]:
    names = (name.split(".") for name in imported(path))
    return {name[1] for name in names if name[0] == "launcher" and len(name) > 1}


def test_every_part_of_the_house_has_its_rank() -> None:
    assert {part_of(path) for path in sources()} <= set(RANK)


def test_imports_point_inward() -> None:
    for path in sources():
        part = part_of(path)
        for other in parts_imported(path) - {part}:
            assert RANK[other] <= RANK[part], f"{path}: {part} must not know of {other}"
            assert not {part, other} <= DOORS, f"{path}: {part} must not use the door {other}"


def test_what_other_pages_share_with_administration_lies_outside_it() -> None:
    web, admin = HOUSE / "web", HOUSE / "web" / "admin"
    assemblers = {web / "__init__.py", web / "patterns.py"}
    others = [p for p in sources() if p.is_relative_to(web) and not p.is_relative_to(admin)]
    for path in set(others) - assemblers:
        reached = [name for name in imported(path) if name.startswith("launcher.web.admin.")]
        assert not reached, path


def test_the_core_uses_the_standard_library_and_zstd_alone() -> None:
    for path in (HOUSE / "backup").rglob("*.py"):
        assert {name.partition(".")[0] for name in imported(path)} <= CORE_MAY_USE, path


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


def test_a_relative_import_is_followed_to_where_it_leads() -> None:
    path = HOUSE / "cli" / "user.py"
    assert "launcher.cli.failures.using_database" in set(imported(path))
