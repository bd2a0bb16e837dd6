"""Measure everything, print it, and write it to a file.

python -m benchmarks                       10 MB and 200 MB
python -m benchmarks --megabytes 1000      one size only
python -m benchmarks --only restoring      10 MB, 200 MB and 1 GB; with --large, 4 GB as well
python -m benchmarks --only pocketbase     create and restore beside PocketBase, if it is installed
python -m benchmarks --only memory         commands, and gunicorn with its workers
python -m benchmarks --only panel          the backup panel, with 10, 1,000 and 10,000 backups
python -m benchmarks --only start          the start page with 24, 50 and 500 apps, and saving
python -m benchmarks --only sharing        the start page with 1 and with 40 shared boards
python -m benchmarks --only find           Find over 500 and 5,000 apps
python -m benchmarks --only import         5,000 bookmarks: previewed, imported, undone
python -m benchmarks --only api            the API with 10,000 backups, and with a file of 1 GB
python -m benchmarks --only checks         500 health checks a minute, 50 of them hanging
python -m benchmarks --only history        a year of history: its size, and pages with it
python -m benchmarks --only offsite        copies in another place: upload, memory, recovery, list
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import platform
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

from benchmarks.api import measure_api
from benchmarks.checks import measure_checks
from benchmarks.core import (
    filled_copy,
    measure_create,
    measure_levels,
    measure_memory,
    measure_writer,
)
from benchmarks.find import measure_find
from benchmarks.history import measure_history
from benchmarks.idle import measure_idle
from benchmarks.importing import measure_import
from benchmarks.memory import measure_workers
from benchmarks.panel import measure_panel
from benchmarks.pocketbase import measure_pocketbase
from benchmarks.restoring import measure_restoring
from benchmarks.sample import make_data_dir, make_demo, make_site
from benchmarks.sharing import measure_sharing
from benchmarks.site import measure_page
from benchmarks.start_page import measure_start
from benchmarks.timing import ROOT, Row

_MEGABYTES = [10, 200]
_RESTORED_MEGABYTES = [10, 200, 1000]
_LARGE_MEGABYTES = 4000
_COPIED_MEGABYTES = 200

RESULTS = ROOT / "benchmarks" / "results"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, nargs="*", default=[])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--only",
        choices=(
            "create",
            "levels",
            "writer",
            "memory",
            "page",
            "pocketbase",
            "restoring",
            "pocketbase",
            "panel",
            "start",
            "sharing",
            "find",
            "import",
            "api",
            "idle",
            "checks",
            "history",
            "offsite",
        ),
    )
    parser.add_argument("--large", action="store_true", help="restore 4 GB as well")
    parser.add_argument("--seconds", type=float, default=60, help="how long to watch what is idle")
    parser.add_argument("--requests", type=int, default=10_000, help="between two weighings")
    parser.add_argument("--directory", type=Path, help="where to work; a disk, not memory")
    arguments = parser.parse_args()
    # As the image has it: else each process that is measured compiles what it imports.
    compileall.compile_dir(ROOT / "launcher", quiet=1)
    rows: list[Row] = []
    table = ""
    with tempfile.TemporaryDirectory(dir=arguments.directory, prefix="launcher-bench-") as folder:
        for row in _measure(Path(folder), arguments):
            if row.table != table:
                table = row.table
                print(f"\n{table}")
            print(f"  {row.what:<50}{row.value:>10.3f} {row.unit:<4}{row.note}", flush=True)
            rows.append(row)
    RESULTS.mkdir(exist_ok=True)
    target = RESULTS / "latest.json"
    machine = {
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }
    target.write_text(
        json.dumps({"machine": machine, "rows": [asdict(row) for row in rows]}, indent=2) + "\n"
    )
    print(f"\nWritten to {target.relative_to(ROOT)}")


def _measure(folder: Path, arguments: argparse.Namespace) -> Iterator[Row]:
    wanted = arguments.only
    for megabytes in (
        arguments.megabytes or _MEGABYTES
        if wanted
        not in {
            "page",
            "pocketbase",
            "restoring",
            "panel",
            "start",
            "sharing",
            "find",
            "import",
            "api",
            "idle",
            "checks",
            "history",
            "offsite",
        }
        else ()
    ):
        runs = max(1, arguments.runs if megabytes <= 200 else arguments.runs // 2)
        template = folder / f"template-{megabytes}"
        make_data_dir(template, megabytes=megabytes)
        for name, measure in (
            ("create", partial(measure_create, megabytes=megabytes, runs=runs)),
            ("levels", partial(measure_levels, megabytes=megabytes, runs=runs)),
            ("writer", partial(measure_writer, megabytes=megabytes, runs=runs)),
            ("memory", partial(measure_memory, megabytes=megabytes)),
        ):
            if wanted in {None, name}:
                data_dir = filled_copy(template, folder / f"{name}-{megabytes}")
                yield from measure(data_dir)
                shutil.rmtree(data_dir)
        shutil.rmtree(template)
    yield from _measure_restoring(folder, arguments)
    if wanted in {None, "page"}:
        yield from measure_page(make_demo(folder / "demo"))
    if wanted in {None, "panel"}:
        yield from measure_panel(make_demo(folder / "demo-with-backups"))
    if wanted in {None, "start"}:
        yield from measure_start(
            make_demo(folder / "without-history"), runs=arguments.runs, requests=arguments.requests
        )
    if wanted in {None, "sharing"}:
        yield from measure_sharing(make_demo(folder / "shared"), runs=arguments.runs)
    if wanted in {None, "find"}:
        yield from measure_find(make_demo(folder / "demo-to-search"), runs=arguments.runs)
    if wanted in {None, "import"}:
        yield from measure_import(make_demo(folder / "demo-to-import"), runs=arguments.runs)
    if wanted in {None, "api"}:
        yield from measure_api(
            make_demo(folder / "demo-for-programs"), folder, runs=arguments.runs, megabytes=1000
        )
    if wanted in {None, "idle"}:
        template = folder / "idle"
        make_data_dir(template, megabytes=1)
        yield from measure_idle(template, folder, seconds=arguments.seconds)
    if wanted in {None, "memory"}:
        yield from _measure_workers(folder, arguments)
    yield from _measure_checks(folder, arguments)
    yield from _measure_offsite(folder, arguments)


def _measure_offsite(folder: Path, arguments: argparse.Namespace) -> Iterator[Row]:
    if arguments.only not in {None, "offsite"}:
        return
    # Its services of storage come from the tests, with their packages.
    from benchmarks.offsite import measure_offsite  # noqa: PLC0415

    for megabytes in arguments.megabytes or [_COPIED_MEGABYTES]:
        yield from measure_offsite(
            folder / f"offsite-{megabytes}", megabytes=megabytes, runs=arguments.runs
        )


def _measure_workers(folder: Path, arguments: argparse.Namespace) -> Iterator[Row]:
    for workers in (1, 2):
        data_dir = make_demo(folder / f"shared-by-{workers}")
        yield from measure_workers(data_dir, workers=workers, requests=arguments.requests)


def _measure_restoring(folder: Path, arguments: argparse.Namespace) -> Iterator[Row]:
    sizes = arguments.megabytes or _RESTORED_MEGABYTES
    for megabytes in [*sizes, *([_LARGE_MEGABYTES] if arguments.large else [])]:
        runs = max(1, arguments.runs if megabytes <= 200 else arguments.runs // 2)
        for name, measure in (
            ("restoring", measure_restoring),
            ("pocketbase", measure_pocketbase),
        ):
            if arguments.only in {None, name}:
                data_dir = make_site(folder / f"{name}-{megabytes}", megabytes=megabytes)
                yield from measure(data_dir, megabytes=megabytes, runs=runs)
                shutil.rmtree(data_dir)


def _measure_checks(folder: Path, arguments: argparse.Namespace) -> Iterator[Row]:
    wanted = arguments.only
    if wanted in {None, "checks"}:
        template = folder / "checks"
        make_data_dir(template, megabytes=1)
        yield from measure_checks(template, folder, seconds=arguments.seconds)
    if wanted in {None, "history"}:
        template = folder / "history"
        make_data_dir(template, megabytes=1)
        yield from measure_history(template, runs=arguments.runs)


if __name__ == "__main__":
    main()
