"""The SSH server of a destination, and the options by which rclone accepts no other one."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from launcher.offsite.host_keys import fingerprint, host_key, kinds
from launcher.offsite.troubles import RemoteError, Trouble


class SshServer:
    """A server whose key was entered, or is found once.

    Attributes:
        found: lines of `known_hosts` that were found because none were entered, else "".
    """

    def __init__(self, options: Mapping[str, str]) -> None:
        """
        Args:
            options: `host`, `port` and `known_hosts` of a destination.
        """
        self._options = options
        self.found = ""

    def known_hosts(self) -> str:
        """Return the lines by which the server is known; it is asked where none were entered.

        Raises:
            RemoteError: `WRONG_OPTIONS`, and of the connection where the key is asked for.
        """
        lines = self._options.get("known_hosts", "").strip()
        if not lines:
            lines = self.found = self._ask()
        return lines

    def other_key(self) -> dict[str, str | int]:
        """Return the fingerprint of the key that the server has now, for a person to compare."""
        with contextlib.suppress(RemoteError):
            return {"fingerprint": fingerprint(self._ask())}
        return {}

    def _ask(self) -> str:
        port = self._options.get("port", "") or "22"
        if not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
            raise RemoteError(Trouble.WRONG_OPTIONS, option="port")
        return host_key(self._options.get("host", ""), int(port))


def insisting_on(lines: str, path: Path) -> dict[str, str]:
    """Return the options of rclone by which it refuses any other server.

    Args:
        lines: of `known_hosts`.
        path: of a new file with them, which has to stay as long as rclone runs.

    Raises:
        RemoteError: `WRONG_OPTIONS`.
    """
    path.write_text(f"{lines}\n", encoding="utf-8")
    try:
        algorithms = " ".join(dict.fromkeys(" ".join(map(kinds, lines.splitlines())).split()))
    except IndexError:
        raise RemoteError(Trouble.WRONG_OPTIONS, option="known_hosts") from None
    return {"known_hosts_file": str(path), "host_key_algorithms": algorithms}
