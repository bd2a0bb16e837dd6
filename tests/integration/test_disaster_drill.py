"""The disaster drill: fill, copy, destroy the machine's directory, recover, every row equal.

It needs the commands as people type them, each in a process of its own, and a real S3: a smaller
one would not show that nothing but the kit and the place is needed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from launcher.config import ROOT
from tests.support.storage_servers import KEY_ID, SECRET, create_bucket, seaweed

_PATIENCE_S = 600  # a limit, for a busy machine


def test_a_lost_site_comes_back_from_a_folder_and_from_s3_with_the_kit_alone(
    tmp_path: Path,
) -> None:
    (tmp_path / "s3").mkdir()
    with seaweed(tmp_path / "s3") as server:
        create_bucket(server, "ada")
        done = subprocess.run(
            [
                sys.executable, ROOT / "deploy" / "disaster_drill.py", tmp_path / "drill",
                "--s3", "s3://ada/launcher", "--endpoint", server.url,
            ],
            env={**os.environ, "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET},
            capture_output=True, text=True, check=False, timeout=_PATIENCE_S,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    results = json.loads(done.stdout)
    assert set(results) == {"disk", "s3"}
    for result in results.values():
        assert result["differing_tables"] == []
        assert result["tables"] > 20
        assert result["signed_in"]
    assert SECRET not in (tmp_path / "drill" / "kit.txt").read_text()
