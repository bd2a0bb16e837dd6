"""Databases of a given size, with our schema: text, indexes, and about a fifth of free pages."""

from __future__ import annotations

import json
import random
import secrets
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from benchmarks.timing import ROOT, environment
from launcher.accounts.passwords import hasher
from launcher.backup.sqlite.copy import begin_wal
from launcher.db.content import LauncherContent
from launcher.models import TokenScope

ADMIN = "ada"
PASSWORD = "four-words-for-measuring"
_NOW = "2026-11-22 12:00:00.000000"


def make_data_dir(data_dir: Path, *, megabytes: int) -> Path:
    """Make a data directory whose database has about `megabytes` million bytes."""
    data_dir.mkdir(mode=0o700, parents=True)
    (data_dir / "locks").mkdir(mode=0o700)
    (data_dir / "secret_key").write_text(secrets.token_hex(32))
    path = data_dir / "launcher.db"
    sqlite3.connect(path).close()
    LauncherContent().migrate(path)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("BEGIN")
    connection.execute("UPDATE system_settings SET session_epoch = 'bench'")
    _add_admin(connection)
    _fill(connection, megabytes * 1_000_000)
    connection.execute("COMMIT")
    connection.close()
    begin_wal(path)
    return path


def make_site(data_dir: Path, *, megabytes: int) -> Path:
    """Make a data directory with the sample boards, open to guests, in a database of that size."""
    make_demo(data_dir)
    with closing(sqlite3.connect(data_dir / "launcher.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("BEGIN")
        _fill(connection, megabytes * 1_000_000)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return data_dir


def create_token(data_dir: Path) -> str:
    """Create an API token of the admin that may do everything; return it."""
    scopes = [word for scope in TokenScope for word in ("--scope", scope.value)]
    return subprocess.run(
        [sys.executable, "-m", "flask", "token", "create", "Bench", "--user", ADMIN, *scopes],
        cwd=ROOT,
        env=environment(data_dir),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def make_demo(data_dir: Path) -> Path:
    """Make a data directory with the sample boards, open to guests and to the admin above."""
    for words in (
        "database upgrade",
        "demo",
        "settings set guest_access on",
        f"user reset-password {ADMIN} --password-stdin",
    ):
        run_flask(data_dir, *words.split(), typed=PASSWORD)
    return data_dir


def run_flask(data_dir: Path, *words: str, typed: str = "") -> None:
    """Run a command of Launcher in a data directory, with one line on its stdin."""
    subprocess.run(
        [sys.executable, "-m", "flask", *words],
        cwd=ROOT,
        env=environment(data_dir),
        input=f"{typed}\n".encode(),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _add_admin(connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT INTO users (username, display_name, email, password_hash, role, locale, theme,"
        " open_new_tab, is_active, created_at)"
        " VALUES (?, '', '', ?, 'admin', '', 'system', 0, 1, ?)",
        (ADMIN, hasher.hash(PASSWORD), _NOW),
    )


def _fill(connection: sqlite3.Connection, size_bytes: int) -> None:
    chance = random.Random(1)
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(chance.choices(alphabet, k=chance.randint(2, 10))) for _ in range(5000)]
    weights = [1 / (rank + 1) for rank in range(len(words))]  # as words are in life
    first = 0
    while _size(connection) < size_bytes:
        rows = []
        for number in range(first, first + 500):
            text = " ".join(chance.choices(words, weights, k=120))
            rows.append(
                (
                    _NOW, f"user{number % 40}", "app.update", "app", str(number),
                    f"{words[number % 5000]} {chance.getrandbits(48):012x}",
                    json.dumps({"description": ["", text]}), "192.0.2.7",
                )
            )  # fmt: skip
        connection.executemany(
            "INSERT INTO audit_events (at, actor_name, action, target_kind, target_id, target_name,"
            " changes, address) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        first += 500
        connection.executemany(
            "INSERT INTO tags (name) VALUES (?)",
            [(f"{chance.getrandbits(64):016x}",) for _ in range(500)],
        )
    connection.execute("DELETE FROM audit_events WHERE id % 5 = 0")


def _size(connection: sqlite3.Connection) -> int:
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    return int(pages * connection.execute("PRAGMA page_size").fetchone()[0])
