"""A program that uses the notebook without a pause, in a process of its own.

`python -m tests.fault.writer DATABASE LOCKS MODE`, where MODE is

- `gated`: writes through the gate, a transaction a pass, as a request does;
- `free`: writes without asking the gate;
- `counting`: adds one row after another, without asking the gate and without patience;
- `reader`: reads through the gate, and looks for mixtures.

Prints "ready" after its first transaction. When its standard input closes, it prints what it did
as one line of JSON and ends.
"""

from __future__ import annotations

import json
import select
import sqlite3
import sys
import time
from contextlib import closing, nullcontext
from pathlib import Path

from launcher.backup.locks import Gate

_LONGEST_S = 240.0
_ROWS = 20


def main() -> None:
    database, locks, mode = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    gate = Gate(locks)
    done = {"turns": 0, "mixtures": 0, "refused": 0, "shut_out": 0, "errors": []}
    ends_at = time.monotonic() + _LONGEST_S
    is_ready = False
    while time.monotonic() < ends_at:
        try:
            with (
                nullcontext()
                if mode in {"free", "counting"}
                else gate.enter(writes=mode == "gated", timeout_s=60.0)
            ):
                _turn(database, mode, done)
        except TimeoutError:
            done["shut_out"] += 1
        except sqlite3.OperationalError as error:
            done["refused"] += 1
            done["errors"].append(str(error))
        if done["turns"] and not is_ready:
            is_ready = True
            print("ready", flush=True)
        if select.select([sys.stdin], [], [], 0)[0]:
            break
    print(json.dumps({**done, "errors": done["errors"][:3]}), flush=True)


def _turn(database: Path, mode: str, done: dict) -> None:
    uri = f"{database.absolute().as_uri()}?mode=rw"
    timeout_s = 0.01 if mode == "counting" else 60
    with closing(
        sqlite3.connect(uri, uri=True, timeout=timeout_s, isolation_level=None)
    ) as connection:
        if mode == "reader":
            connection.execute("BEGIN")
            strange = connection.execute("SELECT count(*) FROM note WHERE body <> twin").fetchone()[
                0
            ]
            one, two = connection.execute(
                "SELECT (SELECT count(*) FROM note), (SELECT count(*) FROM note WHERE twin <> '')"
            ).fetchone()
            done["mixtures"] += bool(strange) or one != two
            connection.execute("ROLLBACK")
        elif mode == "counting":
            text = f"counted {done['turns']}"
            connection.execute(
                "INSERT INTO note (person_id, body, twin) SELECT min(id), ?, ? FROM person",
                (text, text),
            )
        else:
            connection.execute("BEGIN IMMEDIATE")
            text = f"written {done['turns']} " + "word " * 20
            connection.execute(
                "UPDATE note SET body = ?, twin = ?"
                " WHERE id IN (SELECT id FROM note ORDER BY id LIMIT ?)",
                (text, text, _ROWS),
            )
            connection.execute(
                "UPDATE person SET password = ? WHERE name IN ('ada', 'ben')", (text,)
            )
            connection.execute("COMMIT")
        done["turns"] += 1


if __name__ == "__main__":
    main()
