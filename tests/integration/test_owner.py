"""Root types the command, and the server runs as another user: its files stay its own."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from launcher.config import ROOT, Config, ConfigError, read_config
from launcher.owner import Owner, act_as_owner, owner_of
from tests.support.server import serving

THEM, OTHERS = 4242, 4343
COMMANDS = """
import json, sys
from launcher.app import create_app

app = create_app(has_pages=False)
ends = [app.test_cli_runner().invoke(args=words) for words in json.loads(sys.argv[1])]
print(json.dumps([[done.exit_code, done.stderr] for done in ends]))
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several users")


@dataclass(frozen=True, slots=True)
class Site:
    """A data directory that does not belong to root."""

    folder: Path
    python: str

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def config(self) -> Config:
        return read_config({"LAUNCHER_DATA_DIR": str(self.data)})

    def flask(self, *commands: str, **settings: str) -> list[tuple[int, str]]:
        """Run commands as root, in one process; return how each ended and what it said."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith("LAUNCHER_")}
        chosen = {f"LAUNCHER_{name.upper()}": value for name, value in settings.items()}
        done = subprocess.run(
            [self.python, "-c", COMMANDS, json.dumps([command.split() for command in commands])],
            cwd=ROOT, env=kept | {"LAUNCHER_DATA_DIR": str(self.data)} | chosen,
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [tuple(end) for end in json.loads(done.stdout)]

    def owners(self) -> dict[str, int]:
        """Return who owns each file and folder."""
        return {
            str(path.relative_to(self.folder)): path.lstat().st_uid
            for path in [self.data, *self.data.rglob("*")]
        }


@contextmanager
def being(uid: int) -> Iterator[None]:
    """Be another user for the block."""
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture(scope="module")
def python() -> Iterator[str]:
    """The program that runs Python for every user; that of the tests may be root's alone."""
    minor = f"python{sys.version_info.major}.{sys.version_info.minor}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", sysconfig.get_path("purelib"))
        for program in (sys.executable, f"/usr/bin/{minor}", f"/usr/local/bin/{minor}"):
            try:
                command = [program, "-c", "import flask, sqlalchemy, argon2.low_level"]
                subprocess.run(
                    command, cwd=ROOT, user=THEM, group=THEM, extra_groups=[], check=True
                )
            except (OSError, subprocess.CalledProcessError):
                continue
            yield program
            return
        pytest.skip("no Python here can be run by other users")


@pytest.fixture
def new_site(python: str) -> Iterator[Site]:
    """A site whose server runs as another user, before its first start."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        (folder / "data").mkdir(mode=0o700)
        os.chown(folder / "data", THEM, THEM)
        yield Site(folder, python)
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def site(new_site: Site, new_data: Path) -> Site:
    """The same, after its first start."""
    shutil.copytree(new_data, new_site.data, dirs_exist_ok=True)
    for path in new_site.owners():
        os.chown(new_site.folder / path, THEM, THEM)
    return new_site


def test_what_root_does_leaves_the_files_to_their_owner(new_site: Site) -> None:
    """From the very first start on."""
    ends = new_site.flask(
        "database upgrade", "backup create", "jobs run scrub", "backup verify latest",
        "backup restore latest --yes --carry-account nobody",
    )  # fmt: skip
    assert [code for code, _said in ends] == [0, 0, 0, 0, 15], ends
    owners = new_site.owners()
    assert {Path(path).name for path in owners} > {
        "launcher.db", "secret_key", "journal.jsonl", "jobs.json",
        "operation", "setup_token", "staging",
    }  # fmt: skip
    assert set(owners.values()) == {THEM}


def test_what_root_left_before_is_handed_over(site: Site) -> None:
    elsewhere = site.folder / "of root"
    elsewhere.write_text("root's")
    for path in (site.data / "secret_key", site.data / "locks", site.data / "locks" / "operation"):
        os.chown(path, 0, 0)
    (site.data / "link").symlink_to(elsewhere)
    (site.data / "second name").hardlink_to(elsewhere)

    assert site.flask("backup create")[0][0] == 0

    assert elsewhere.stat().st_uid == 0, "neither through a link nor by a second name"
    others = {path for path, owner in site.owners().items() if owner != THEM}
    assert others == {"data/second name"}


def test_in_a_shared_backup_folder_root_leaves_others_what_is_theirs(site: Site) -> None:
    disk = site.folder / "disk"
    (disk / "staging").mkdir(parents=True)
    for name in ("launcher-old.db", "letter.txt"):
        (disk / name).touch()
    disk.chmod(0o777)
    assert site.flask("backup create", backup_dir=str(disk))[0][0] == 0
    owners = {path.name: path.lstat().st_uid for path in disk.iterdir()}
    assert owners.pop("letter.txt") == 0
    assert set(owners.values()) == {THEM}
    assert disk.stat().st_uid == 0


def test_files_in_a_volume_of_root_say_who_their_owner_is(site: Site) -> None:
    """As in Kubernetes, where the volume belongs to root and to a group."""
    os.chown(site.data, 0, THEM)
    site.data.chmod(0o2775)
    assert site.flask("backup create")[0][0] == 0
    owners = site.owners()
    assert owners.pop("data") == 0
    assert set(owners.values()) == {THEM}
    with being(THEM):
        assert act_as_owner(site.config) == site.config


def test_a_folder_of_the_host_that_everybody_may_write_has_the_owner_of_its_files(
    site: Site,
) -> None:
    """As with a bind mount into a container, after `chmod 777`."""
    os.chown(site.data, OTHERS, OTHERS)
    site.data.chmod(0o777)
    with being(THEM):
        assert act_as_owner(site.config) == site.config
    assert site.flask("backup create")[0][0] == 0
    owners = site.owners()
    assert owners.pop("data") == OTHERS
    assert set(owners.values()) == {THEM}


@pytest.mark.parametrize("mode", [0o700, 0o777])
def test_another_user_is_refused_and_the_one_to_be_is_named(site: Site, mode: int) -> None:
    site.data.chmod(mode)
    before = site.owners()
    said = f"{site.data} belongs to user {THEM}, and this process runs as user {OTHERS}"
    with being(OTHERS), pytest.raises(ConfigError, match=said) as refused:
        act_as_owner(site.config)
    assert f"sudo -u '#{THEM}'" in str(refused.value)
    assert site.owners() == before


def test_a_directory_without_files_of_ours_may_belong_to_anybody(new_site: Site) -> None:
    new_site.data.chmod(0o777)
    with being(OTHERS):
        assert act_as_owner(new_site.config) == new_site.config


def test_a_disk_that_shows_one_owner_for_all_files_is_no_other_user(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a share of Windows does, or one of NFS that maps all users to one."""
    site.data.chmod(0o777)
    facts = site.data.stat()
    monkeypatch.setattr(os, "fstat", lambda _descriptor: facts)
    with being(OTHERS):
        assert act_as_owner(site.config) == site.config


def test_a_file_that_only_root_can_read_is_named_with_the_user_that_cannot(site: Site) -> None:
    hidden = site.folder / "hidden"
    hidden.mkdir(mode=0o700)
    (hidden / "copy.db").touch()
    ends = site.flask(
        f"backup import {hidden}/copy.db", f"backup restore {hidden}/copy.db --yes",
        "backup create", f"backup export latest {hidden}/new.db",
    )  # fmt: skip
    assert [code for code, _said in ends] == [17, 17, 0, 10]
    for number in (0, 1):
        assert "copy.db cannot be read: Permission denied" in ends[number][1]
    for number in (0, 1, 3):
        assert "Permission denied" in ends[number][1]
        assert f"The command runs as user {THEM}." in ends[number][1]


def test_root_is_shown_how_to_give_the_owner_a_file_to_read(site: Site) -> None:
    secret = site.folder / "secret.db"
    assert site.flask("backup create", f"backup export latest {site.data}/copy.db")[1][0] == 0
    shutil.copyfile(site.data / "copy.db", secret)
    secret.chmod(0o600)
    # The site has no admin yet, so a restore of the copy is refused for that.
    for command, end in (("backup import", 0), ("backup restore --yes", 15)):
        [(code, said)] = site.flask(f"{command} {secret}")
        assert code == 17
        assert "secret.db cannot be read: Permission denied" in said
        assert f"The command runs as user {THEM}." in said
        named = re.search(r"`(install [^`]*)`", said)
        assert named, said
        readable = site.folder / "readable.db"
        steps = named[1].replace("FILE", str(secret)).split()
        subprocess.run([*steps[:-1], readable], check=True)
        assert site.flask(f"{command} {readable}")[0][0] == end

    site.data.joinpath("copy.db").unlink()
    (site.folder / "taken.db").touch(mode=0o600)
    site.folder.chmod(0o777)
    [(code, said)] = site.flask(f"backup export latest {site.folder}/taken.db")
    assert (code, "exists" in said) == (17, True), said


def test_root_leaves_nothing_of_its_own_where_the_owner_cannot_run_the_program(site: Site) -> None:
    """As from a virtual environment in the home of root."""
    home = site.folder / "root"
    home.mkdir(mode=0o700)
    (home / "python").symlink_to(site.python)
    disk = site.folder / "disk"
    disk.mkdir()
    os.chown(disk, THEM, THEM)
    roots = Site(site.folder, str(home / "python"))

    assert [code for code, _said in roots.flask("backup create", "backup show nothing")] == [0, 13]
    assert roots.flask("backup create", backup_dir=str(disk))[0][0] == 0

    assert len([*site.data.glob("backups/*.db.zst")]) == 1
    assert set(site.owners().values()) == {THEM}
    assert {path.lstat().st_uid for path in disk.rglob("*")} == {THEM}


def test_an_interrupted_command_of_root_leaves_nothing_of_its_own(site: Site) -> None:
    secret = site.folder / "python"
    secret.touch(mode=0o600)
    interrupted = f"""
import sys
from pathlib import Path
from launcher.config import read_config
from launcher.owner import act_as_owner

sys.executable = {str(secret)!r}
act_as_owner(read_config({{"LAUNCHER_DATA_DIR": {str(site.data)!r}}}))
Path({str(site.data)!r}, "of root").touch()
raise KeyboardInterrupt
"""
    done = subprocess.run(
        [site.python, "-c", interrupted], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "KeyboardInterrupt" in done.stderr
    assert site.owners()["data/of root"] == THEM


def test_data_may_belong_to_no_one(site: Site) -> None:
    nobody = pwd.getpwnam("nobody")
    for path in site.owners():
        os.chown(site.folder / path, nobody.pw_uid, nobody.pw_gid)
    assert site.flask("backup create")[0][0] == 0
    assert set(site.owners().values()) == {nobody.pw_uid}
    with being(OTHERS), pytest.raises(ConfigError, match=r"belongs to nobody.*sudo -u nobody"):
        act_as_owner(site.config)


@pytest.mark.skipif(not shutil.which("unshare"), reason="there is no unshare here")
def test_a_user_without_a_number_in_a_container_owns_nothing(site: Site) -> None:
    """The kernel shows the number of `nobody` for all users that a user namespace leaves out."""
    asked = f"""
from launcher.config import read_config
from launcher.owner import owner_of

print(owner_of(read_config({{"LAUNCHER_DATA_DIR": {str(site.data)!r}}})))
"""
    command = ["unshare", "--user", "--map-root-user", site.python, "-c", asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr:
        pytest.skip(f"no user namespaces here: {done.stderr}")
    assert done.stdout == "None\n", done.stderr


def test_root_without_the_right_to_become_the_owner_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container without capabilities."""

    def refuse(*_ids: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setgroups", refuse)
    assert owner_of(site.config) == Owner(THEM, THEM, "")
    with pytest.raises(ConfigError, match=f"run it as user {THEM}"):
        act_as_owner(site.config)
    for path in (site.data / "secret_key", site.data / "launcher.db"):
        os.chown(path, 0, 0)
    assert act_as_owner(site.config) == site.config, "a server of root, on a folder of the host"


@pytest.mark.slow
@pytest.mark.parametrize("preload", [False, True])
def test_gunicorn_of_root_works_as_the_owner(new_site: Site, preload: bool) -> None:
    """The real one: which of its processes becomes whom, and when, is between it and us."""
    with serving(new_site.data, preload=preload, python=new_site.python) as server:
        assert server.setup_link
        said = server.log_path.read_text()
    assert "Traceback" not in said
    assert set(new_site.owners().values()) == {THEM}
