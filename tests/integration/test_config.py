"""Settings from the environment: read once, refused with the reason."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from pathlib import Path

import pytest

from launcher.config import (
    ROOT,
    SETTINGS,
    ConfigError,
    keep_once,
    prepare_data_dir,
    read_config,
)
from tests.support.folders import refuse_modes_and_links

KEY = "k" * 40


def test_it_needs_nothing_to_be_set() -> None:
    config = read_config({})
    assert config.data_dir == ROOT / "data"
    assert config.backup_dir == ROOT / "data" / "backups"
    assert (config.bind, config.workers, config.threads) == ("127.0.0.1:8000", 2, 8)
    assert (config.scheduler, config.compression, config.proxy_hops) == (True, True, 0)
    assert config.upload_limit_mb == 512


def test_backups_lie_in_the_data_directory_unless_set_otherwise() -> None:
    assert read_config({"LAUNCHER_DATA_DIR": "/srv/l"}).backup_dir == Path("/srv/l/backups")
    both = {"LAUNCHER_DATA_DIR": "/srv/l", "LAUNCHER_BACKUP_DIR": "/mnt/b"}
    assert read_config(both).backup_dir == Path("/mnt/b")


def test_an_empty_value_counts_as_absent() -> None:
    assert read_config({"LAUNCHER_WORKERS": "", "LAUNCHER_BIND": ""}) == read_config({})


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("LAUNCHER_WORKERS", "0", "a whole number from 1 to 64"),
        ("LAUNCHER_WORKERS", "two", "a whole number from 1 to 64"),
        ("LAUNCHER_WORKERS", "²", "a whole number from 1 to 64"),
        ("LAUNCHER_THREADS", "-1", "a whole number from 1 to 256"),
        ("LAUNCHER_PROXY_HOPS", "11", "a whole number from 0 to 10"),
        ("LAUNCHER_UPLOAD_LIMIT_MB", "1.5", "a whole number from 1 to 102400"),
        ("LAUNCHER_BIND", "8000", "host:port, [ipv6]:port or unix:/path"),
        ("LAUNCHER_BIND", "host:99999", "host:port, [ipv6]:port or unix:/path"),
        ("LAUNCHER_SCHEDULER", "perhaps", "on or off"),
        ("LAUNCHER_COMPRESSION", "1", "on or off"),
        ("LAUNCHER_LOG_LEVEL", "loud", "DEBUG or INFO or WARNING or ERROR"),
        ("LAUNCHER_DATA_DIR", " ", "the path of a directory"),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(variable: str, value: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_config({variable: value})
    assert str(refused.value) == f"{variable} is {value!r}, but must be {allowed}"


@pytest.mark.parametrize("bind", ["0.0.0.0:80", "[::1]:8000", "unix:/run/launcher.sock"])
def test_it_binds_to_hosts_and_sockets(bind: str) -> None:
    assert read_config({"LAUNCHER_BIND": bind}).bind == bind


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    config = read_config({"LAUNCHER_SECRET_KEY_FILE": str(tmp_path / "key")})
    assert config.secret_key == KEY


def test_a_secret_is_not_given_twice(tmp_path: Path) -> None:
    both = {"LAUNCHER_SECRET_KEY_FILE": str(tmp_path / "key"), "LAUNCHER_SECRET_KEY": KEY}
    with pytest.raises(ConfigError, match=r"LAUNCHER_SECRET_KEY and .*_FILE are both set"):
        read_config(both)


def test_a_secret_file_that_is_missing_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "none")
    with pytest.raises(ConfigError, match=f"LAUNCHER_SECRET_KEY_FILE is '{re.escape(path)}'"):
        read_config({"LAUNCHER_SECRET_KEY_FILE": path})


def test_a_weak_secret_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigError) as refused:
        read_config({"LAUNCHER_SECRET_KEY": "hunter2"})
    assert "hunter2" not in str(refused.value)
    assert "LAUNCHER_SECRET_KEY" in str(refused.value)


def test_the_first_start_makes_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    config = read_config({"LAUNCHER_DATA_DIR": str(tmp_path / "data")})
    key = prepare_data_dir(config).secret_key
    kept = tmp_path / "data" / "secret_key"
    assert kept.read_text().strip() == key
    assert len(key) == 64
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert prepare_data_dir(config).secret_key == key


def test_workers_that_start_at_once_agree_on_the_key(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from launcher.config import keep_once\n"
        "sys.stdin.readline(); print(keep_once(Path(sys.argv[1]), sys.argv[2]))"
    )
    path = str(tmp_path / "key")
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", program, path, f"key of worker {number}"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number in range(6)
    ]  # fmt: skip
    with ThreadPoolExecutor(6) as pool:
        said = set(pool.map(lambda worker: worker.communicate("go\n")[0], workers))
    assert len(said) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["key"]


def test_a_given_key_leaves_nothing_on_disk(tmp_path: Path) -> None:
    config = read_config({"LAUNCHER_DATA_DIR": str(tmp_path), "LAUNCHER_SECRET_KEY": KEY})
    assert prepare_data_dir(config).secret_key == KEY
    assert not (tmp_path / "secret_key").exists()


def test_an_emptied_key_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("")
    with pytest.raises(ConfigError, match="secret_key contains no usable key"):
        prepare_data_dir(read_config({"LAUNCHER_DATA_DIR": str(tmp_path)}))


def test_a_data_directory_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    config = read_config({"LAUNCHER_DATA_DIR": str(tmp_path / "file" / "data")})
    with pytest.raises(ConfigError, match=r"LAUNCHER_DATA_DIR is .* cannot be used: "):
        prepare_data_dir(config)


def test_what_is_kept_once_stays(tmp_path: Path) -> None:
    assert keep_once(tmp_path / "token", "first") == "first"
    assert keep_once(tmp_path / "token", "second") == "first"


def test_a_disk_without_modes_and_links_keeps_a_key_and_says_who_can_read_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        config = read_config({"LAUNCHER_DATA_DIR": str(folder / "data")})
        with monkeypatch.context() as patch:
            refuse_modes_and_links(patch)
            key = prepare_data_dir(config).secret_key
        assert len(key) == 64
        assert prepare_data_dir(config).secret_key == key
        assert caplog.messages == []
        (folder / "data" / "secret_key").chmod(0o755)
        prepare_data_dir(config)
        assert caplog.messages == [], "the folder above is closed"
        (folder / "data").chmod(0o755)
        assert prepare_data_dir(config).secret_key == key
        assert "every user of this machine can read the secret key" in caplog.messages[0]


def test_every_setting_explains_itself() -> None:
    for setting in SETTINGS:
        assert setting.variable == f"LAUNCHER_{setting.name.upper()}"
        assert setting.help.endswith(".")
        assert setting.kind.allowed


def test_the_server_does_not_start_with_a_bad_value(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--check-config", "wsgi:app"],
        cwd=ROOT, env={"LAUNCHER_DATA_DIR": str(tmp_path), "LAUNCHER_WORKERS": "many"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "launcher: LAUNCHER_WORKERS is 'many', but must be a whole number" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def nowhere_for_temporary_files(tmp_path: Path) -> dict[str, str]:
    """An environment in which Python can write to none of the usual folders."""
    patch = "import os, tempfile\ntempfile._candidate_tempdir_list = lambda: {}\n"
    here = "[os.environ.get('TMPDIR', '/nowhere')]"
    (tmp_path / "sitecustomize.py").write_text(patch.format(here))
    kept = {name: value for name, value in os.environ.items() if name != "TMPDIR"}
    return kept | {"PYTHONPATH": str(tmp_path), "LAUNCHER_DATA_DIR": str(tmp_path / "data")}


# A server, since gunicorn itself is the first to need the folder.
def test_the_server_starts_where_no_folder_for_temporary_files_can_be_written(
    nowhere_for_temporary_files: dict[str, str], tmp_path: Path
) -> None:
    settings = {"LAUNCHER_BIND": f"unix:{tmp_path}/socket", "LAUNCHER_WORKERS": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "wsgi:app"],
        cwd=ROOT, env=nowhere_for_temporary_files | settings,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as server:  # fmt: skip
        assert server.stdout
        lines = list(takewhile(lambda line: "Booting worker" not in line, server.stdout))
        server.terminate()
        lines += server.stdout
    assert server.returncode == 0, "".join(lines)
    assert (tmp_path / "data/tmp").stat().st_mode & 0o777 == 0o700
