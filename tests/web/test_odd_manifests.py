"""A manifest that somebody wrote and sealed by hand: no page and no command fails for it."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from launcher.backup.records.backup import Backup
from launcher.config import ROOT
from launcher.current import current_backups
from tests.conftest import MakeApp
from tests.web.visitor import Visitor

TOKEN = "a token of more than 32 characters, certainly"

TEXTS = (
    "", " ", "x" * 3000, "a\r\nSet-Cookie: b=c", "\x1b[2J\x1b]0;title\x07", "\x9b31m", "\u202egpj",
    "a\0b", "<script>alert(1)</script>", "%(name)s %s {x}", "../../etc/passwd", "ü" * 64, "٣" * 64,
    "0" * 64, "9999-12-31T23:59:59Z", "1969-12-31T23:59:59Z", "2026-01-01", "not_a_member",
    "manual", "damaged", "\ud800", "launcher-x.db",
)  # fmt: skip
NUMBERS = (0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 10**399, -(10**399), 1e308, 0.5)
OTHERS = (
    None,
    True,
    False,
    [],
    {},
    [1],
    {"a": {"b": [None]}},
    {"\x1b[2J\r\n": 10**18},
    {"apps": -5},
)
ODD = (*TEXTS, *NUMBERS, *OTHERS)


def places(facts: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the path of each field, and of one that is new in each part."""
    for key, value in facts.items():
        yield (key,)
        if isinstance(value, dict):
            yield from ((key, *rest) for rest in places(value))
            yield (key, "new")


def sealed(facts: dict[str, Any]) -> bytes:
    canonical = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    seal = hashlib.sha256(canonical.encode()).hexdigest()
    text = json.dumps({**facts, "seal": seal}, indent=2, ensure_ascii=False)
    return (text + "\n").encode(errors="surrogatepass")


@pytest.fixture
def app(new_data: Path, data_dir: Path, make_app: MakeApp) -> Flask:
    """One whose metrics may be read."""
    shutil.copytree(new_data, data_dir)
    return make_app(scheduler="off", metrics_token=TOKEN)


@pytest.fixture
def backup(app: Flask, ada: Visitor) -> Backup:
    with app.app_context():
        return current_backups().create(by="ada", note="as it was")


class Odd:
    """The manifest of one backup, that can be made to say anything."""

    def __init__(self, folder: Path, backup: Backup) -> None:
        assert backup.file
        self.path = folder / f"launcher-{backup.id}.json"
        self.data = folder / backup.file.name
        self.facts = json.loads(self.path.read_bytes())
        self.facts.pop("seal")
        self.facts["verification"] |= {"reason": "checksum", "error": "e", "details": {"name": "n"}}

    def say(self, place: tuple[str, ...], value: object) -> None:
        facts = json.loads(json.dumps(self.facts))
        part = facts
        for key in place[:-1]:
            part = part[key]
        part[place[-1]] = value
        if len(place) > 1 and place[0] == "verification" and place[1] != "state":
            facts["verification"]["state"] = "damaged"  # only then are the others looked at
        self.path.unlink()
        self.path.write_bytes(sealed(facts))


def fits_a_terminal(text: str) -> bool:
    return all(c.isprintable() or c in "\n\t" for c in text)


def try_all(
    visitor: Visitor, runner: FlaskCliRunner, folder: Path, backup: Backup,
    cases: list[tuple[tuple[str, ...], object]],
) -> None:  # fmt: skip
    odd = Odd(folder, backup)
    one = f"/admin/backups/{backup.id}"
    pages = ("/admin/backups", one, f"{one}/download", f"{one}/download?encoding=stored",
        f"{one}/delete", "/admin/backups/schedule", "/admin/jobs")  # fmt: skip
    commands = (
        ["list"],
        ["show", backup.id],
        ["status"],
        ["list", "--json"],
        ["show", backup.id, "--json"],
    )
    for place, value in cases:
        odd.say(place, value)
        what = f"{'.'.join(place)} = {str(value)[:80]!r}"
        for address in pages:
            answer = visitor.client.get(address, buffered=False)
            assert answer.status_code < 500, f"{what}: {address}"
            answer.close()
        metrics = visitor.client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert metrics.status_code == 200, what
        for arguments in commands:
            done = runner.invoke(args=["backup", *arguments], color=True)
            assert done.exception is None or isinstance(done.exception, SystemExit), what
            assert fits_a_terminal(_without_our_colours(done.output)), f"{what}: {arguments}"


def _without_our_colours(text: str) -> str:
    for code in ("\x1b[0m", "\x1b[31m", "\x1b[32m", "\x1b[33m"):
        text = text.replace(code, "")
    return text


def some_cases(
    folder: Path, backup: Backup, *, seed: int, count: int
) -> list[tuple[tuple[str, ...], object]]:
    facts = Odd(folder, backup).facts
    cases = [(place, value) for place in places(facts) for value in ODD]
    return random.Random(seed).sample(cases, count)


def test_no_door_fails_for_an_odd_manifest(
    ada: Visitor, runner: FlaskCliRunner, data_dir: Path, backup: Backup
) -> None:
    folder = data_dir / "backups"
    try_all(ada, runner, folder, backup, some_cases(folder, backup, seed=1, count=40))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 16))
def test_no_door_fails_for_many_odd_manifests(
    ada: Visitor, runner: FlaskCliRunner, data_dir: Path, backup: Backup, seed: int
) -> None:
    folder = data_dir / "backups"
    try_all(ada, runner, folder, backup, some_cases(folder, backup, seed=seed, count=250))


def test_every_command_prints_through_what_cleans_text() -> None:
    for path in (ROOT / "launcher" / "cli").rglob("*.py"):
        if path.name not in {"output.py", "progress.py", "failures.py"}:
            text = path.read_text()
            assert "click.echo(" not in text, path
            assert "click.secho(" not in text, path
