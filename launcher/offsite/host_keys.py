"""The key of an SSH server, asked for once so that every later connection can insist on it.

A server sends its key before anyone signs in (RFC 4253, sections 7 and 8). Here the exchange is
begun with a public number that anyone may use, and is left once the key came: nothing is secret,
and whether the server has the key is checked by the first real connection.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import socket
import struct
from typing import IO

from launcher.offsite.connecting import trouble_of_connection
from launcher.offsite.troubles import RemoteError, Trouble

_CONNECT_S = 10.0
_SILENT_S = 30.0
_LARGEST_PACKET = 64 * 1024

_POINT_OF_P256 = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)  # SEC 2: the generator, a valid public key
_EXCHANGES = {
    "curve25519-sha256": bytes([9]) + bytes(31),
    "curve25519-sha256@libssh.org": bytes([9]) + bytes(31),
    "ecdh-sha2-nistp256": _POINT_OF_P256,
    "diffie-hellman-group14-sha256": b"\x04",
    "diffie-hellman-group14-sha1": b"\x04",
}
_KEYS = "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256"
_KINDS = {"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp521", "ssh-rsa"}
_CIPHERS = "aes128-ctr,aes256-ctr,aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-cbc"
_MACS = "hmac-sha2-256,hmac-sha2-512,hmac-sha1"
_KEXINIT, _INIT, _REPLY = 20, 30, 31


def host_key(host: str, port: int) -> str:
    """Return a line of `known_hosts` with the key of a server, of the best kind that it has.

    Raises:
        RemoteError
    """
    try:
        with socket.create_connection((host, port), timeout=_CONNECT_S) as connection:
            connection.settimeout(_SILENT_S)
            with connection.makefile("rb") as read, connection.makefile("wb") as write:
                key = _exchange(read, write)
        kind = _kind_of(key)
    except OSError as error:
        raise (
            trouble_of_connection(error, host=host, port=port) or RemoteError(Trouble.BROKEN_OFF)
        ) from error
    except (EOFError, struct.error, ValueError) as error:
        raise RemoteError(Trouble.WRONG_ADDRESS, detail=host) from error
    name = host if port == 22 else f"[{host}]:{port}"
    return f"{name} {kind} {base64.b64encode(key).decode()}"


def fingerprint(line: str) -> str:
    """Return the fingerprint of a line of `known_hosts` as `ssh` shows it, "SHA256:…"."""
    digest = hashlib.sha256(base64.b64decode(line.split()[2])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def kinds(line: str) -> str:
    """Return the algorithms by which a server may prove the key of a line, the best first."""
    kind = line.split()[1]
    return "rsa-sha2-512 rsa-sha2-256 ssh-rsa" if kind == "ssh-rsa" else kind


def _exchange(read: IO[bytes], write: IO[bytes]) -> bytes:
    write.write(b"SSH-2.0-Launcher\r\n")
    _write(write, bytes([_KEXINIT]) + secrets.token_bytes(16) + _proposal())
    for _ in range(50):  # a server may greet before it says who it is
        line = read.readline(1024)
        if not line:
            raise EOFError
        if line.startswith((b"SSH-2.0", b"SSH-1.99")):
            break
    else:
        raise ValueError("no SSH server")
    theirs = _read(read, _KEXINIT)
    offered = _string(theirs[17:])[0].decode("ascii").split(",")
    name = next((each for each in _EXCHANGES if each in offered), None)
    if name is None:
        raise ValueError("no common key exchange")
    _write(write, bytes([_INIT]) + _packed(_EXCHANGES[name]))
    return _string(_read(read, _REPLY)[1:])[0]


def _kind_of(key: bytes) -> str:
    """Return the kind of a key, one of those that were asked for: it becomes part of a line."""
    kind = _string(key)[0].decode("ascii")
    if kind not in _KINDS:
        raise ValueError("a kind of key that was not asked for")
    return kind


def _proposal() -> bytes:
    lists = [",".join(_EXCHANGES), _KEYS, _CIPHERS, _CIPHERS, _MACS, _MACS, "none", "none", "", ""]
    return b"".join(_packed(each.encode()) for each in lists) + bytes(5)


def _packed(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def _string(data: bytes) -> tuple[bytes, bytes]:
    (length,) = struct.unpack_from(">I", data)
    if len(data) < 4 + length:
        raise ValueError("a string that is cut off")
    return data[4 : 4 + length], data[4 + length :]


def _write(stream: IO[bytes], payload: bytes) -> None:
    padding = 8 - (len(payload) + 5) % 8
    padding += 8 if padding < 4 else 0
    stream.write(struct.pack(">IB", 1 + len(payload) + padding, padding) + payload + bytes(padding))
    stream.flush()


def _read(stream: IO[bytes], wanted: int) -> bytes:
    """Return the next packet of a kind; others in between say nothing of the key."""
    for _ in range(20):
        length, padding = struct.unpack(">IB", _exactly(stream, 5))
        if not 1 < length <= _LARGEST_PACKET:
            raise ValueError("no packet of SSH")
        payload = _exactly(stream, length - 1)[: length - 1 - padding]
        if payload[:1] == bytes([wanted]):
            return payload
        if payload[:1] == b"\x01":
            break
    raise ValueError("the server ended the exchange")


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data
