"""What a file is that is not a database, by its first bytes, so that a refusal can name it."""

from __future__ import annotations

from launcher.backup.errors import UploadRejectedError
from launcher.backup.reasons import Reason

KIND_BYTES = 4096
"""How many of the first bytes are read."""

_PACKED = (
    (0, b"\x1f\x8b", "gzip", "gunzip FILE"),
    (0, b"BZh", "bzip2", "bunzip2 FILE"),
    (0, b"\xfd7zXZ\0", "xz", "unxz FILE"),
    (0, b"\x04\x22\x4d\x18", "lz4", "unlz4 FILE"),
    (0, b"(\xb5/\xfd", "zstd", "unzstd FILE"),
    (0, b"PK\x03\x04", "zip", "unzip FILE"),
    (0, b"PK\x05\x06", "zip", "unzip FILE"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z", "7z x FILE"),
    (0, b"Rar!\x1a\x07", "rar", "unrar x FILE"),
    (257, b"ustar", "tar", "tar -xf FILE"),
)
"""Offset, magic bytes, name and command of each packed format."""

_ENCRYPTED = (
    (b"age-encryption.org/", "age"),
    (b"-----BEGIN AGE ENCRYPTED FILE", "age"),
    (b"-----BEGIN PGP MESSAGE", "PGP"),
    (b"Salted__", "OpenSSL"),
)
_OTHERS = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"GIF8", "GIF"),
    (8, b"WEBP", "WebP"),
    (8, b"WAVE", "WAV"),
    (8, b"AVI ", "AVI"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftypqt", "QuickTime"),
    (4, b"ftyp", "MP4"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"\x1aE\xdf\xa3", "Matroska"),
    (0, b"OggS", "Ogg"),
    (0, b"fLaC", "FLAC"),
    (0, b"ID3", "MP3"),
    (0, b"%PDF-", "PDF"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Microsoft Office"),
    (0, b"\x7fELF", "ELF"),
    (0, b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", "SQLite journal"),
    (0, b"\x37\x7f\x06\x82", "SQLite WAL"),
    (0, b"\x37\x7f\x06\x83", "SQLite WAL"),
)
"""Place, mark and name of what is neither a database nor holds one.

Their content looks as random as that of an encrypted file. SQLite's are from
https://www.sqlite.org/fileformat.html.
"""

_TEXTS = (
    ((b"<!doctype html", b"<html"), Reason.WEB_PAGE),
    ((b"{", b"["), Reason.JSON_TEXT),
    (
        (b"pragma ", b"begin", b"create ", b"insert ", b"drop ", b"set ", b"--", b"/*"),
        Reason.SQL_TEXT,
    ),
)
"""How a text begins, in lower case."""

_BOM = b"\xef\xbb\xbf"
# Random bytes, of this many, hardly ever have fewer different ones; text and programs do.
_RANDOM_BYTES = 1024
_RANDOM_VALUES = 230


def refusal_of(start: bytes) -> UploadRejectedError:
    """Return the refusal of a file that begins with `start` and is not a database."""
    for place, mark, name, command in _PACKED:
        if start.startswith(mark, place):
            return UploadRejectedError(Reason.PACKED, format=name, command=command)
    for mark, name in _ENCRYPTED:
        if start.startswith(mark):
            return UploadRejectedError(Reason.ENCRYPTED, format=name)
    for place, mark, name in _OTHERS:
        if start.startswith(mark, place):
            return UploadRejectedError(Reason.OTHER_FILE, format=name)
    return UploadRejectedError(_reason_of(start))


def _reason_of(start: bytes) -> Reason:
    if not start.strip(b"\0"):
        return Reason.ONLY_ZEROS if start else Reason.EMPTY
    # First, since one file of random bytes in a hundred begins as JSON does.
    if len(set(start[:_RANDOM_BYTES])) >= _RANDOM_VALUES:
        return Reason.LOOKS_ENCRYPTED
    text = start.removeprefix(_BOM).lstrip().lower()
    for marks, reason in _TEXTS:
        if text.startswith(marks):
            is_manifest = reason is Reason.JSON_TEXT and b'"format"' in text and b'"kind"' in text
            return Reason.MANIFEST_ALONE if is_manifest else reason
    return Reason.NOT_SQLITE
