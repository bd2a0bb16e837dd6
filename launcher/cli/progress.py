"""The progress of an operation on a terminal: one bar for each stage."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from launcher.backup.ports import OnProgress
from launcher.backup.records.operation import Progress, Stage
from launcher.cli.output import size

_BAR_CELLS = 24

STAGES = {
    Stage.DOWNLOAD: "Download",
    Stage.COPY: "Copy",
    Stage.CHECK: "Check",
    Stage.COMPRESS: "Compress",
    Stage.PUBLISH: "Publish",
    Stage.UNPACK: "Unpack and check",
    Stage.WAIT: "Wait for another operation",
    Stage.PREPARE: "Try on a copy",
    Stage.SAFETY: "Safety backup",
    Stage.REPLACE: "Replace",
    Stage.CONFIRM: "Count again",
    Stage.PRUNE: "Clean up",
}


@contextmanager
def bars() -> Iterator[OnProgress | None]:
    """Yield what draws the progress of an operation; None where stderr is no terminal."""
    drawn = _Bars() if sys.stderr.isatty() else None
    try:
        yield drawn
    finally:
        if drawn and drawn.stage:
            click.echo(err=True)


class _Bars:
    def __init__(self) -> None:
        self.stage: Stage | None = None

    def __call__(self, progress: Progress) -> None:
        if progress.stage is None:
            return
        if self.stage not in {None, progress.stage}:
            click.echo(err=True)
        self.stage = progress.stage
        self._draw(progress, progress.stage)

    def _draw(self, progress: Progress, stage: Stage) -> None:
        share = progress.done / progress.total if progress.total else 0.0
        filled = round(share * _BAR_CELLS)
        bar = f"[{'#' * filled}{'-' * (_BAR_CELLS - filled)}]" if progress.total else ""
        amount = f"{size(progress.done)} of {size(progress.total)}" if progress.total else "…"
        step = progress.stages.index(stage) + 1 if stage in progress.stages else 1
        click.echo(
            f"\r\033[K{step}/{len(progress.stages)}  {STAGES[stage]:<18}{bar} {amount}",
            nl=False,
            err=True,
        )
