"""What a deployment decides, from the environment: one table.

Each field of `Config` is a variable: `data_dir` is read from `LAUNCHER_DATA_DIR`, and so on. A
secret may be in a file named by `LAUNCHER_…_FILE`. What an admin may change while the site runs is
in `launcher.settings`.
"""

# ruff: noqa: RUF009 (each call returns a field)

from __future__ import annotations

import logging
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from launcher.backup.files import is_readable_by_all, put_new

ROOT = Path(__file__).parent.parent
PREFIX = "LAUNCHER_"

FORM_LIMIT_BYTES = 512 << 10
"""The largest form but for an upload; the longest one deletes ten thousand selected backups."""

_KEY_MIN_LENGTH = 32
_log = logging.getLogger(__name__)


class ConfigError(Exception):
    """A variable has a value that is not allowed; the message names both."""


@dataclass(frozen=True, slots=True)
class ValueKind:
    """A kind of value: what is allowed, in words, and how to read it from text."""

    allowed: str
    read: Callable[[str], object]
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class Variable:
    """One row of the table. `variable` is the name in the environment."""

    name: str
    variable: str
    default: str
    kind: ValueKind
    help: str


def _path(text: str) -> Path:
    if "\0" in text or not text.strip():
        raise ValueError(text)
    path = Path(text).expanduser().absolute()
    return path.resolve() if ".." in path.parts else path


def _switch(text: str) -> bool:
    return {"on": True, "off": False}[text.lower()]


def _address(text: str) -> str:
    if text.startswith("unix:") and len(text) > len("unix:"):
        return text
    host, colon, port = text.rpartition(":")
    if not (host and colon and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(text)
    return text


def _prefix(text: str) -> str:
    if not re.fullmatch(r"(/(?!\.\.?(/|$))[A-Za-z0-9._~-]+)+", text):
        raise ValueError(text)
    return text


def _hosts(text: str) -> tuple[str, ...]:
    names = tuple(name.strip().lower() for name in text.split(","))
    if not all(re.fullmatch(r"\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*", name) for name in names):
        raise ValueError(text)
    return names


def _secret(text: str) -> str:
    if len(text) < _KEY_MIN_LENGTH:
        raise ValueError(text)
    return text


def _number(minimum: int, maximum: int) -> ValueKind:
    def read(text: str) -> int:
        number = int(text) if text.isascii() and text.isdigit() else -1
        if not minimum <= number <= maximum:
            raise ValueError(text)
        return number

    return ValueKind(f"a whole number from {minimum} to {maximum}", read)


def _choice(*choices: str) -> ValueKind:
    def read(text: str) -> str:
        if text.upper() not in choices:
            raise ValueError(text)
        return text.upper()

    return ValueKind(" or ".join(choices), read)


PATH = ValueKind("the path of a directory", _path)
SWITCH = ValueKind("on or off", _switch)
ADDRESS = ValueKind("host:port, [ipv6]:port or unix:/path", _address)
PATH_PREFIX = ValueKind("a path like /launcher, without a slash at its end", _prefix)
HOSTS = ValueKind("host names without ports, like home.example, separated by commas", _hosts)
SECRET = ValueKind(f"at least {_KEY_MIN_LENGTH} characters", _secret, is_secret=True)


def _setting(default: object, kind: ValueKind, help_: str) -> Any:
    return field(metadata={"default": str(default), "kind": kind, "help": help_})


@dataclass(frozen=True, slots=True)
class Config:
    """The configuration, read and checked."""

    data_dir: Path = _setting(ROOT / "data", PATH, "Where the database and the secret key lie.")
    backup_dir: Path = _setting(
        "",
        PATH,
        "Where backups lie; may be a mounted disk. Empty: `backups` in the data directory.",
    )
    secret_key: str = _setting(
        "",
        SECRET,
        "Signs sessions. Empty: created at the first start and kept in the data directory.",
    )
    bind: str = _setting("127.0.0.1:8000", ADDRESS, "The address to serve at.")
    workers: int = _setting(2, _number(1, 64), "Processes that answer requests.")
    threads: int = _setting(8, _number(1, 256), "Threads in each of them.")
    proxy_hops: int = _setting(
        0,
        _number(0, 10),
        "Reverse proxies in front whose X-Forwarded-For and -Proto are to be trusted.",
    )
    prefix: str = _setting(
        "", PATH_PREFIX, "The path prefix of the site, like /launcher. Empty: none."
    )
    hosts: tuple[str, ...] = _setting(
        "", HOSTS, "The host names that the site is served under. Empty: any."
    )
    hsts_days: int = _setting(
        30, _number(0, 730), "Days for which browsers insist on TLS after a visit over TLS."
    )
    upload_limit_mb: int = _setting(
        512, _number(1, 102400), "The largest backup that may be uploaded, in megabytes."
    )
    scheduler: bool = _setting("on", SWITCH, "Whether this server runs the scheduled work.")
    compression: bool = _setting("on", SWITCH, "Whether new backups are compressed with zstd.")
    metrics_token: str = _setting(
        "", SECRET, "What Prometheus sends to read /metrics. Empty: there are no metrics."
    )
    log_level: str = _setting(
        "INFO", _choice("DEBUG", "INFO", "WARNING", "ERROR"), "How much is logged."
    )

    @property
    def address(self) -> str:
        """Where a browser reaches the site, as far as the variables say; it ends with a slash.

        The host is the first exact name of `hosts`, which takes no other. Where no variable has a
        name, it is what the server listens at, or `<your host>` for a socket.
        """
        is_socket = self.bind.startswith("unix:")
        if self.hosts:
            name = next((name for name in self.hosts if name[0] != "."), self.hosts[0][1:])
            port = "" if self.proxy_hops or is_socket else f":{self.bind.rpartition(':')[2]}"
            root = f"{'https' if self.proxy_hops else 'http'}://{name}{port}"
        else:
            root = f"http://{'<your host>' if is_socket else self.bind}"
        return f"{root}{self.prefix}/"

    @property
    def database_path(self) -> Path:
        """The live database."""
        return self.data_dir / "launcher.db"

    @property
    def lock_dir(self) -> Path:
        """The folder of the kernel locks that all processes share."""
        return self.data_dir / "locks"

    @property
    def incoming_dir(self) -> Path:
        """The folder of uploads that are being received."""
        return self.data_dir / "incoming"

    @property
    def importing_dir(self) -> Path:
        """The folder with what was read of files between their preview and the import."""
        return self.data_dir / "importing"

    @property
    def recovering_dir(self) -> Path:
        """The folder with what was entered at the setup until a copy is downloaded."""
        return self.data_dir / "recovering"

    @property
    def following_dir(self) -> Path:
        """The folder with what is known of the browsers that follow an operation."""
        return self.data_dir / "following"

    @property
    def idempotency_dir(self) -> Path:
        """The folder with what was begun under an Idempotency-Key, for a day."""
        return self.data_dir / "idempotency"

    @property
    def upload_limit_bytes(self) -> int:
        """The largest backup that may be uploaded."""
        return self.upload_limit_mb * 1_000_000

    @property
    def setup_token_path(self) -> Path:
        """The one-time token of the first start; removed when there is an admin."""
        return self.data_dir / "setup_token"


SETTINGS = tuple(
    Variable(name=entry.name, variable=PREFIX + entry.name.upper(), **entry.metadata)
    for entry in fields(Config)
)


def read_config(environ: Mapping[str, str]) -> Config:
    """Return the configuration from `environ`, with defaults; nothing is written.

    An empty value counts as absent.

    Raises:
        ConfigError: a value is not allowed; the first one found is named.
    """
    values = {setting.name: _value(setting, environ) for setting in SETTINGS}
    if values["backup_dir"] == "":
        values["backup_dir"] = Path(str(values["data_dir"])) / "backups"
    values["hosts"] = values["hosts"] or ()
    return Config(**values)  # type: ignore[arg-type]


def _value(setting: Variable, environ: Mapping[str, str]) -> object:
    text = environ.get(setting.variable, "")
    if setting.kind.is_secret:
        text = _secret_text(setting, environ)
    if not (text or setting.default):
        return ""
    try:
        return setting.kind.read(text or setting.default)
    except (ValueError, KeyError):
        shown = "a value that is not shown" if setting.kind.is_secret else repr(text)
        raise ConfigError(
            f"{setting.variable} is {shown}, but must be {setting.kind.allowed}"
        ) from None


def _secret_text(setting: Variable, environ: Mapping[str, str]) -> str:
    """Return a secret from its variable or from the file that the `_FILE` variable names."""
    variable = f"{setting.variable}_FILE"
    text, path = environ.get(setting.variable, ""), environ.get(variable, "")
    if text and path:
        raise ConfigError(f"{setting.variable} and {variable} are both set; keep one of them")
    if not path:
        return text
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{variable} is {path!r}, which cannot be read: {error}") from error


def prepare_data_dir(config: Config) -> Config:
    """Create the data directory and the secret key if missing; return the config with the key.

    Processes that start at once all get the same key. The backup folder is left to the store, so
    that an unplugged disk does not stop the site. Where no folder for temporary files can be
    written, this process and those that it starts use one in the data directory.

    Raises:
        ConfigError: the directory cannot be created or written, or the key in it is unusable.
    """
    try:
        config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        config.lock_dir.mkdir(mode=0o700, exist_ok=True)
        key = config.secret_key or _kept_key(config.data_dir / "secret_key")
        if not config.secret_key and is_readable_by_all(config.data_dir / "secret_key"):
            _log.warning(
                "every user of this machine can read the secret key in %s: its disk keeps no file"
                " modes; set %sSECRET_KEY_FILE to a file on another one",
                config.data_dir,
                PREFIX,
            )
        _ensure_temp_dir(config.data_dir / "tmp")
    except OSError as error:
        raise ConfigError(
            f"{PREFIX}DATA_DIR is {str(config.data_dir)!r}, which cannot be used: {error}"
        ) from error
    return replace(config, secret_key=key)


def _ensure_temp_dir(fallback: Path) -> None:
    """Provide a folder for temporary files: a read-only container may have no writable `/tmp`."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        fallback.mkdir(mode=0o700, exist_ok=True)
        os.environ["TMPDIR"] = tempfile.tempdir = str(fallback)


def _kept_key(path: Path) -> str:
    key = keep_once(path, secrets.token_hex(32))
    if len(key) < _KEY_MIN_LENGTH:
        raise ConfigError(
            f"{path} contains no usable key. Remove the file to create a new one "
            "(everyone has to sign in again)"
        )
    return key


def keep_once(path: Path, text: str) -> str:
    """Return the text of the secret file at `path`, which is created with `text` if missing.

    The file is never seen half written, and is readable by its owner alone. Of several processes
    that create it at once, one wins, and all return its text. `text` is ASCII.
    """
    if not path.exists():
        private = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(private, flags, 0o600), "w", encoding="ascii") as file:
                file.write(f"{text}\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                put_new(private, path)
        finally:
            private.unlink(missing_ok=True)
    return path.read_text("ascii", errors="replace").strip()
