"""Runs a command as systemd confines a unit, where there is no systemd to do it: root is needed.

`python -m tests.support.confined UNIT WRITABLE COMMAND…`. What the unit says about system calls is
read from it, and what `systemd-analyze` says its groups are. The rest is what systemd.exec(5)
does for `deploy/*.service`: another user without capabilities, `/proc` with its own processes
alone, and every folder read-only but WRITABLE; `/tmp` as well, as in a read-only container.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

NOBODY = 65534

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS = 0x20000
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_EPERM, _ENOSYS = 1, 38
_ALLOW, _ERRNO = 0x7FFF0000, 0x50000
_EQUAL, _MASKED_EQUAL = 4, 7
_WRITE, _EXECUTE, _SHM_EXEC = 2, 4, 0o100000
_NAMESPACES = 0x7E020080
_FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}


def can_confine() -> bool:
    """Whether this machine has what it takes."""
    programs = all(map(shutil.which, ("systemd-analyze", "unshare")))
    tools = programs and ctypes.util.find_library("seccomp")
    return os.name == "posix" and os.geteuid() == 0 and bool(tools) and _may_unshare()


def confined(unit: Path, writable: Path, *command: str) -> list[str]:
    """Return the command that runs `command` as `unit` confines it."""
    return [sys.executable, "-m", "tests.support.confined", str(unit), str(writable), *command]


def _may_unshare() -> bool:
    done = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return done.returncode == 0


def main() -> None:
    unit, writable, *command = sys.argv[1:]
    lines = Path(unit).read_text().splitlines()
    calls = _allowed_calls(lines)
    families = [_FAMILIES[each] for each in _values(lines, "RestrictAddressFamilies")]
    _hide_and_protect(Path(writable), [Path(sys.base_prefix), Path(sys.prefix), Path.cwd()])
    _become_no_one()
    _filter_calls(calls, families)
    os.environ |= {"HOME": "/nonexistent"}
    os.execvp(command[0], command)


def _values(lines: Sequence[str], name: str) -> list[str]:
    return [
        each for line in lines if line.startswith(f"{name}=") for each in line.split("=")[1].split()
    ]


def _allowed_calls(lines: Sequence[str]) -> set[str]:
    calls: set[str] = set()
    for value in (line.split("=", 1)[1] for line in lines if line.startswith("SystemCallFilter=")):
        named = {call for each in value.lstrip("~").split() for call in _members(each)}
        calls = calls - named if value.startswith("~") else calls | named
    return calls


def _members(name: str) -> Iterator[str]:
    if not name.startswith("@"):
        yield name
        return
    told = subprocess.check_output(["systemd-analyze", "syscall-filter", name], text=True)
    for line in told.splitlines()[1:]:
        if line.strip() and not line.strip().startswith("#"):
            yield from _members(line.strip())


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    arguments = (text.encode() for text in (source, target, kind))
    _check(_LIBC.mount(*arguments, ctypes.c_ulong(flags), options.encode()), f"mount {target}")


def _hide_and_protect(writable: Path, needed: Sequence[Path]) -> None:
    """Make everything read-only but `writable`, and let another user reach what is `needed`."""
    _check(_LIBC.unshare(_CLONE_NEWNS), "unshare")
    _mount("none", "/", flags=_MS_REC | _MS_PRIVATE)
    held = {path: os.open(path, os.O_PATH) for path in (writable, *needed)}
    closed = {
        next((each for each in reversed(path.parents) if not each.stat().st_mode & 1), path)
        for path in held
    } - set(held)
    for folder in closed:
        _mount("tmpfs", str(folder), "tmpfs", options="mode=0755")
    for path, number in held.items():
        path.mkdir(parents=True, exist_ok=True)
        _mount(f"/proc/self/fd/{number}", str(path), flags=_MS_BIND)
        os.close(number)
    places = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for place in places:
        name = re.sub(r"\\(\d{3})", lambda found: chr(int(found[1], 8)), place)
        if name != str(writable) and not name.startswith("/proc"):
            try:
                _mount("none", name, flags=_MS_REMOUNT | _MS_BIND | _MS_RDONLY)
            except FileNotFoundError:
                continue  # covered by another
    _mount("proc", "/proc", "proc", options="hidepid=invisible,subset=pid")


def _become_no_one() -> None:
    for capability in range(64):
        _LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    os.umask(0o077)
    _check(_LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")


class _Comparison(ctypes.Structure):
    _fields_ = [
        ("argument", ctypes.c_uint), ("kind", ctypes.c_int),
        ("first", ctypes.c_uint64), ("second", ctypes.c_uint64),
    ]  # fmt: skip


def _filter_calls(calls: set[str], families: Sequence[int]) -> None:
    """Allow these calls, and of some only what does no harm, as systemd's options do."""
    library = ctypes.CDLL(ctypes.util.find_library("seccomp"))
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(_ERRNO | _EPERM))

    def rule(name: str, *when: tuple[int, int, int, int], action: int = _ALLOW) -> None:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            array = (_Comparison * len(when))(*when)
            _check(library.seccomp_rule_add_array(context, action, number, len(when), array), name)

    for name in calls - {"clone", "clone3", "mmap", "mprotect", "pkey_mprotect", "shmat",
                         "socket", "personality", "unshare", "setns"}:  # fmt: skip
        rule(name)
    rule("clone", (0, _MASKED_EQUAL, _NAMESPACES, 0))  # RestrictNamespaces
    rule("clone3", action=_ERRNO | _ENOSYS)  # so that the C library takes `clone`
    rule("mmap", (2, _MASKED_EQUAL, _EXECUTE, 0))  # MemoryDenyWriteExecute
    rule("mmap", (2, _MASKED_EQUAL, _EXECUTE | _WRITE, _EXECUTE))
    for name in ("mprotect", "pkey_mprotect"):
        rule(name, (2, _MASKED_EQUAL, _EXECUTE, 0))
    rule("shmat", (2, _MASKED_EQUAL, _SHM_EXEC, 0))
    for family in families:
        rule("socket", (0, _EQUAL, family, 0))
    _check(library.seccomp_load(context), "seccomp_load")


if __name__ == "__main__":
    main()
