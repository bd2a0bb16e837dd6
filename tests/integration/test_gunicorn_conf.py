"""What gunicorn is told."""

from __future__ import annotations

import runpy
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from flask import Flask

from launcher.backup.errors import StoreUnavailableError
from launcher.config import ROOT


class Service:
    """Stands in for the backup service of a worker."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.asked_by: threading.Thread | None = None
        self.asked = threading.Event()
        self._problem = problem

    def listing(self) -> None:
        self.asked_by = threading.current_thread()
        self.asked.set()
        if self._problem:
            raise self._problem


@pytest.mark.parametrize("problem", [None, StoreUnavailableError("not mounted")])
def test_a_new_worker_reads_the_manifests_beside_its_work(
    app: Flask, problem: Exception | None
) -> None:
    service = Service(problem)
    conf = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    no_jobs = replace(app.extensions["launcher.config"], scheduler=False)
    extensions = {"launcher.config": no_jobs, "launcher.backups": service}
    conf["post_worker_init"](SimpleNamespace(wsgi=SimpleNamespace(extensions=extensions)))
    assert service.asked.wait(10)
    assert service.asked_by is not None
    assert service.asked_by is not threading.current_thread()
    service.asked_by.join(10)
    assert not service.asked_by.is_alive()
