"""The application on a server whose operations stop where `operations.paused` wants it.

Read as `tests.support.pausable:app` it is the application; run as a module it is the process of an
operation. A look from outside would come too late for a stage that takes milliseconds.
"""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from launcher.backup.operations import Operation
from launcher.backup.records.operation import Stage
from tests.support.operations import pause_path, stopped_path


def _start(command: list[str], **options: Any) -> subprocess.Popen[str]:
    python, _, module = command
    return subprocess.Popen([python, "-m", __name__, module], **options)


def _run_stopping(module: str) -> None:
    begin = Operation.stage

    def begin_and_stop(self: Operation, stage: Stage, total: int = 0) -> None:
        begin(self, stage, total)
        _stop_if_wanted(Path(os.environ["LAUNCHER_DATA_DIR"]), stage)

    Operation.stage = begin_and_stop  # type: ignore[method-assign]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _stop_if_wanted(data_dir: Path, stage: Stage) -> None:
    wanted, stopped = pause_path(data_dir), stopped_path(data_dir)
    with suppress(FileNotFoundError):
        if wanted.read_text() == stage:
            wanted.rename(stopped)  # from here on the test waits for this process
            stopped.write_text(f"{os.getpid()}\n")
            os.kill(os.getpid(), signal.SIGSTOP)


if __name__ == "__main__":
    _run_stopping(sys.argv[1])
else:
    from launcher.background import process

    process.subprocess = SimpleNamespace(Popen=_start, PIPE=subprocess.PIPE)  # type: ignore[assignment]

    from wsgi import app

    __all__ = ["app"]
