"""The owner of the data directory: no process leaves files there that the server cannot use.

The files of a data directory belong to one user, the one that the server runs as. Root acts as that
user from the start, and hands over files that root left there before. Any other user is refused;
the refusal names the user to run as.
"""

from __future__ import annotations

import atexit
import os
import pwd
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click

from launcher.backup.store.names import PREFIX
from launcher.config import ROOT, Config, ConfigError

# https://man7.org/linux/man-pages/man7/user_namespaces.7.html
_UID_MAP = Path("/proc/self/uid_map")
_OVERFLOW_UID = Path("/proc/sys/kernel/overflowuid")
_ALL_UIDS = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Owner:
    """The user that the files of a data directory belong to; `name` is "" where it has none."""

    uid: int
    gid: int
    name: str

    @property
    def shown(self) -> str:
        """The name, or the number where there is none."""
        return self.name or f"user {self.uid}"

    @property
    def sudo(self) -> str:
        """The beginning of a command that sudo runs as this user."""
        return f"sudo -u {self.name}" if self.name else f"sudo -u '#{self.uid}'"


def owner_of(config: Config) -> Owner | None:
    """Return the owner of the data directory, None where there is none.

    A volume often belongs to root or to a user of the host, and what is in it to the user of the
    server: so the files say who the owner is, and the directory where they are missing or root's.
    """
    found, unmapped = None, _unmapped_uid()
    for path in (*_own_files(config), config.data_dir):
        with suppress(OSError):
            facts = path.stat()
            if facts.st_uid != unmapped:
                found = _user(facts.st_uid, facts.st_gid)
                if found.uid:
                    break
    return found


def act_as_owner(config: Config) -> Config:
    """Make this process act as the owner of the data directory from now on, and return `config`.

    Does nothing in a process that is the owner, and while there is no data directory. For root,
    every file that root left there belongs to the owner afterwards. Where the owner cannot read
    this program, root stays root, and hands its files over once more when the process ends; not
    when it is killed.

    Raises:
        ConfigError: this user is another one; the sentence names both.
    """
    owner = owner_of(config)
    if owner is None or os.geteuid() == owner.uid:
        return config
    if os.geteuid() == 0:
        try:
            can_run = _can_run(owner)
            _hand_over_all(config, owner)
            if can_run:
                _become(owner)
            else:
                atexit.register(_hand_over_all, config, owner)
        except OSError as error:  # root without its capabilities, as in a container
            if any(_belongs_to(owner, path) for path in _own_files(config)):
                raise ConfigError(_refusal(owner, config)) from error
    elif _is_another_user(owner, config):
        raise ConfigError(_refusal(owner, config))
    return config


def this_user() -> Owner:
    """Return the user that this process acts as."""
    return _user(os.geteuid(), os.getegid())


def _can_run(owner: Owner) -> bool:
    """Whether `owner` can read this program, which may lie in the home of root.

    Raises:
        OSError: root may not become another user.
    """
    groups, group = os.getgroups(), os.getegid()
    _take_groups(owner)
    try:
        os.setegid(owner.gid)
        os.seteuid(owner.uid)
        needed = (sys.executable, os.__file__, click.__file__, ROOT / "wsgi.py")
        return all(os.access(path, os.R_OK, effective_ids=True) for path in needed)
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def _become(owner: Owner) -> None:
    _take_groups(owner)
    os.setgid(owner.gid)
    os.setuid(owner.uid)
    with suppress(KeyError):
        os.environ["HOME"] = pwd.getpwuid(owner.uid).pw_dir


def _take_groups(owner: Owner) -> None:
    if owner.name:
        os.initgroups(owner.name, owner.gid)
    else:
        os.setgroups([owner.gid])


def _hand_over_all(config: Config, owner: Owner) -> None:
    _hand_over(config.data_dir, owner)
    if not config.backup_dir.is_relative_to(config.data_dir):
        _hand_over(config.backup_dir, owner, is_shared=True)


def _hand_over(folder: Path, owner: Owner, *, is_shared: bool = False) -> None:
    """Give what belongs to root in a folder to `owner`; in a shared one, only what is ours.

    Links are not followed, and a file with a second name elsewhere is left alone.
    """
    with suppress(OSError):
        for path, folders, names, descriptor in os.fwalk(folder, follow_symlinks=False):
            ours = {*folders, *names} - {"lost+found"}
            if is_shared and path == str(folder):
                ours = {name for name in ours if _is_our_name(name)}
            folders[:] = [name for name in folders if name in ours]
            for name in ours:
                with suppress(OSError):
                    facts = os.lstat(name, dir_fd=descriptor)
                    if facts.st_uid == 0 and (facts.st_nlink == 1 or name in folders):
                        os.chown(
                            name, owner.uid, owner.gid, dir_fd=descriptor, follow_symlinks=False
                        )


def _is_our_name(name: str) -> bool:
    return name == "staging" or name.lstrip(".").startswith(PREFIX)


def _own_files(config: Config) -> tuple[Path, Path]:
    return config.data_dir / "secret_key", config.database_path


def _belongs_to(owner: Owner, path: Path) -> bool:
    try:
        return path.stat().st_uid == owner.uid
    except OSError:
        return False


def _is_another_user(owner: Owner, config: Config) -> bool:
    """Whether the files there belong to `owner`, and new ones would belong to this user.

    A directory without Launcher's files may belong to any user, and some disks show one owner for
    all their files.
    """
    try:
        if not any(path.exists() for path in _own_files(config)):
            return False
        with tempfile.TemporaryFile(dir=config.data_dir) as probe:
            return os.fstat(probe.fileno()).st_uid != owner.uid
    except OSError:
        return True


def _refusal(owner: Owner, config: Config) -> str:
    return (
        f"{config.data_dir} belongs to {owner.shown}, and this process runs as"
        f" {this_user().shown}; run it as {owner.shown}, for a command: {owner.sudo} …"
    )


def _unmapped_uid() -> int | None:
    """Return what the kernel shows for users without a number here, None where all have one.

    Outside of a user namespace that maps only some users, that number is `nobody`'s.
    """
    try:
        counts = [int(line.split()[2]) for line in _UID_MAP.read_text("ascii").splitlines()]
        return None if sum(counts) >= _ALL_UIDS else int(_OVERFLOW_UID.read_text("ascii"))
    except (OSError, ValueError, IndexError):
        return None


def _user(uid: int, gid: int) -> Owner:
    with suppress(KeyError):
        entry = pwd.getpwuid(uid)
        return Owner(uid, entry.pw_gid, entry.pw_name)
    return Owner(uid, gid, "")
