"""The description of the API is true of a real server, for one that knows nothing else.

Schemathesis makes requests from it: each value at its limits, values of the wrong kind, parts that
are missing, unknown methods, no token and wrong ones, and calls that follow the links of an answer.
All its checks are on. Restores, undos and deletions are among the calls: the site is made for this.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from launcher.accounts import users
from launcher.app import create_app
from launcher.audit import COMMAND_LINE
from launcher.config import ROOT
from launcher.current import current_backups
from launcher.models import Role
from tests.support.api import new_token
from tests.support.server import serving

_SETTINGS = ROOT / "tests" / "support" / "schemathesis.toml"


def test_no_request_gets_an_answer_that_the_description_does_not_have(
    new_data: Path, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    shutil.copytree(new_data, data_dir)
    app = create_app({"LAUNCHER_DATA_DIR": str(data_dir)})
    with app.app_context():
        users.create_user("ada", "a long enough password", role=Role.ADMIN, actor=COMMAND_LINE)
    secret = new_token(app)
    with app.app_context():
        current_backups().create(by="test")  # it has the token, so a restore keeps it

    with serving(data_dir, scheduler="off", proxy_hops="1") as server:
        done = subprocess.run(
            [
                sys.executable, "-m", "schemathesis.cli", "--config-file", str(_SETTINGS),
                "--no-color", "run", f"{server.url}/api/v1/openapi.json", "--header",
                f"Authorization: Bearer {secret}", "--checks", "all", "--generation-deterministic",
            ],
            cwd=tmp_path, capture_output=True, text=True, check=False,
            env=os.environ
            | {"PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.support.description_hooks"},
        )  # fmt: skip

        log = server.log_path.read_text()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in log
    assert "internal error" not in log
