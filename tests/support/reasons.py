"""Each reason with facts to say it with, and each place of the code that gives one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from string import Formatter

from launcher.backup.reasons import Fault, Reason
from launcher.cli.hints import HINTS
from launcher.config import ROOT

FACTS = {
    "since": "2026-11-22T12:03:00+00:00", "required_bytes": 3, "available_bytes": 2,
    "database_bytes": 3, "announced_bytes": 3, "size_bytes": 2, "window_bytes": 3, "limit_bytes": 2,
    "visible_ms": 47,
}  # fmt: skip


def named(sentence: str) -> set[str]:
    return {name for _text, name, _spec, _how in Formatter().parse(sentence) if name}


def fault_of(reason: Reason) -> Fault:
    names = named(reason.sentence) | named(HINTS.get(reason, ""))
    return Fault(reason, {name: FACTS.get(name, f"<{name}>") for name in names})


def raised() -> Iterator[tuple[str, Reason, set[str]]]:
    """Yield each place that makes an error: its class, the reason, the names of its facts."""
    for path in (ROOT / "launcher").rglob("*.py"):
        text = path.read_text()
        if "launcher.backup.reasons import" not in text:
            continue  # checks of apps have reasons of their own
        for call in ast.walk(ast.parse(text)):
            if isinstance(call, ast.Call) and call.args and isinstance(call.func, ast.Name):
                for node in ast.walk(call.args[0]):
                    if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "Reason":
                        facts = {each.arg for each in call.keywords if each.arg}
                        yield call.func.id, Reason[node.attr], facts


RAISED = [each for each in raised() if each[0].endswith("Error")]
