"""Text for people and JSON for programs.

Results go to stdout, everything else to stderr, so that `ID=$(flask backup create)` works.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import click

from launcher.backup.codec import encode
from launcher.backup.reasons import Fault
from launcher.backup.records import text as text_records
from launcher.backup.records.backup import State

_COLOURS = {State.VERIFIED: "green", State.UNVERIFIED: "yellow", State.DAMAGED: "red"}


def print_json(value: object) -> None:
    """Print records as JSON: times in ISO 8601 and UTC, sizes in bytes."""
    text = json.dumps(encode(value), indent=2, ensure_ascii=False)
    click.echo("".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text))


def print_result(value: object, text: object, *, as_json: bool) -> None:
    """Print `value` for programs, or the `text` of it that a person and a script can use."""
    if as_json:
        print_json(value)
    else:
        put(text)


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows as columns; the first row is the heading."""
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def say(text: str = "") -> None:
    """Print what is not the result to stderr."""
    put(text, err=True)


def put(text: object = "", *, lead: str = "", err: bool = False, fg: str | None = None) -> None:
    """Print `text`, made printable, after `lead`, which may hold colours."""
    plain = lead + printable(text)
    click.echo(click.style(plain, fg=fg) if fg else plain, err=err)


def say_warnings(warnings: Iterable[Fault]) -> None:
    """Print the warnings about a good backup, a plan or a restore to stderr."""
    for warning in warnings:
        say(f"Warning: {warning}.")


def printable(text: object) -> str:
    """Return text that a terminal can show, with its lines."""
    return text_records.printable(str(text), keep="\n\t")


def one_line(text: object) -> str:
    """Return `printable` text on one line."""
    return " ".join(printable(text).splitlines())


def _escaped(character: str) -> str:
    """Return a character as JSON spells it in ASCII."""
    return json.dumps(character)[1:-1]


def size(size_bytes: int) -> str:
    """Return a size in the largest fitting decimal unit: `4.4 MB`."""
    amount = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def moment(value: datetime | None) -> str:
    """Return a moment in this machine's zone, to the second."""
    return f"{value.astimezone():%Y-%m-%d %H:%M:%S %Z}" if value else "never"


def long(length: timedelta) -> str:
    """Return a length in its largest whole unit: `2 hours`."""
    seconds = max(0, int(length.total_seconds()))
    for unit, unit_s in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if (count := seconds // unit_s) > 0:
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return "less than a minute"


def coloured(state: State) -> str:
    """Return a state as a word in its colour."""
    return click.style(state.value, fg=_COLOURS[state])
