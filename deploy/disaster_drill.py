"""Lose a site and restore it from its copies, all in a new folder.

    python deploy/disaster_drill.py /tmp/drill
    python deploy/disaster_drill.py /tmp/drill --s3 s3://bucket/drill --endpoint URL

It fills a site with the demo, copies a backup to a folder and to S3, deletes the data directory,
restores it on an empty one with the recovery kit alone, compares every row, and signs in. The
access key of S3 is in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Your own site is not touched.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "a long and winding password"  # noqa: S105 (of a site that is deleted)
OF_A_RESTORE = {"audit_events", "sign_in_failures", "user_sessions"}
"""Tables that a restore itself writes to, or ends."""
EPOCH = "session_epoch"


def main() -> None:
    """Run the drill, and print how long each recovery took; end with 1 where a row differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="A folder that is not there yet.")
    parser.add_argument("--s3", default="", help="Address of a place in S3.")
    parser.add_argument("--endpoint", default="", help="Its endpoint.")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True)
    (asked.folder / "disk").mkdir()
    places = {"disk": [str(asked.folder / "disk" / "launcher")]}
    if asked.s3:
        places["s3"] = [asked.s3, *(["--endpoint", asked.endpoint] if asked.endpoint else [])]
    drill = Drill(asked.folder)
    drill.fill(places)
    before = digests(drill.database)
    results = {name: drill.lose_and_recover(place, before) for name, place in places.items()}
    sys.stdout.write(json.dumps(results, indent=2) + "\n")
    if any(result["differing_tables"] or not result["signed_in"] for result in results.values()):
        raise SystemExit(1)


class Drill:
    """A site in a folder of its own, with its kit beside it."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.kit = folder / "kit.txt"

    @property
    def database(self) -> Path:
        """The current database."""
        return self.data / "launcher.db"

    def fill(self, places: dict[str, list[str]]) -> None:
        """Create a site with content, and a copy of it in each place."""
        self.flask("database", "upgrade")
        self.flask("demo")
        self.flask("user", "create", "drill", "--role", "admin", "--password-stdin", said=PASSWORD)
        for name, place in places.items():
            here = ["--place", "this-server"] if place[0].startswith("/") else []
            self.flask("destination", "add", name, *place, "--encrypt", *here)
        self.flask("recovery-kit", "save", str(self.kit))
        self.flask("backup", "create")
        for name in places:
            self.flask("destination", "copy", name, "--wait")

    def lose_and_recover(self, place: list[str], before: dict[str, str]) -> dict[str, object]:
        """Delete the data directory, restore it from a place, and say what differs."""
        shutil.rmtree(self.data)
        start = time.monotonic()
        self.flask("backup", "recover", *place, "--key-file", str(self.kit))
        recovered_s = time.monotonic() - start
        after = digests(self.database)  # to sign in changes a row
        signed_in = self.signs_in()
        ready_s = time.monotonic() - start
        differing = sorted(
            name for name in {*before, *after} if before.get(name) != after.get(name)
        )
        return {
            "recovered_s": round(recovered_s, 2),
            "signed_in_after_s": round(ready_s, 2),
            "signed_in": signed_in,
            "tables": len(after),
            "differing_tables": differing,
        }

    def signs_in(self) -> bool:
        """Whether the site answers, and lets its admin sign in."""
        sys.path.insert(0, str(ROOT))
        from launcher.app import create_app  # noqa: PLC0415  (after the arguments were read)

        client = create_app({"LAUNCHER_DATA_DIR": str(self.data)}).test_client()
        page = client.get("/login").text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        answer = client.post(
            "/login",
            data={
                "csrf_token": token[1] if token else "",
                "username": "drill",
                "password": PASSWORD,
            },
        )
        return answer.status_code == 303 and client.get("/account").status_code == 200

    def flask(self, *words: str, said: str = "") -> None:
        """Run a command on the data directory of the drill."""
        sys.stderr.write(f"$ flask {' '.join(words)}\n")
        environment = {**os.environ, "LAUNCHER_DATA_DIR": str(self.data)}
        subprocess.run(
            [sys.executable, "-m", "flask", *words],
            cwd=ROOT, env=environment, input=f"{said}\n", text=True, check=True,
            stdout=sys.stderr,
        )  # fmt: skip


def digests(database: Path) -> dict[str, str]:
    """Return a digest of the rows of each table; the epoch of sessions is left out."""
    found = {}
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        for (name,) in connection.execute(names).fetchall():
            if name in OF_A_RESTORE:
                continue
            columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{name}")')]
            shown = ", ".join(f'"{each}"' for each in columns if each != EPOCH)
            rows = sorted(map(repr, connection.execute(f'SELECT {shown} FROM "{name}"')))  # noqa: S608
            found[name] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


if __name__ == "__main__":
    main()
