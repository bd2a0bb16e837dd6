"""Compress a raw database into the file that the store keeps, and back; hash both on the way.

One pass over the bytes each way. Memory is bounded by the compressor's window, whatever the size
of the database.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import BinaryIO

from launcher.backup.errors import (
    ChecksumMismatchError,
    InsufficientSpaceError,
    UploadRejectedError,
)
from launcher.backup.file_kinds import KIND_BYTES, refusal_of
from launcher.backup.files import CHUNK_BYTES, create_new, free_bytes
from launcher.backup.ports import OnBytes
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import DatabaseFacts, Encoding, StoredFile
from launcher.backup.sqlite.header import (
    HEADER_BYTES,
    Header,
    check_size,
    is_database,
    parse_header,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Chosen by `make bench`: level 3 makes files an eighth smaller and takes 1.25 to 2 times as long;
# level 6 gains nothing more.
_LEVEL = 1
_WORKERS = min(2, os.cpu_count() or 1)
_MAX_WINDOW_LOG = 27  # as `zstd -d` without options; unpacking takes this much memory
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = (0x184D2A50, 0x184D2A5F)  # frames without content, such as pzstd writes
_FRAME_HEAD_BYTES = 18
# `pzstd` makes one for each few megabytes. Millions would take hours for nothing.
_MAX_FRAMES = 10_000

# A database that grows a thousandfold when it is unpacked is a decompression bomb.
_MAX_EXPANSION = 1000
_ALWAYS_ALLOWED_BYTES = 64 << 20
_SPARE_BYTES = 16 << 20


def pack(
    source: Path, target: Path, *, encoding: Encoding, on_bytes: OnBytes
) -> tuple[DatabaseFacts, StoredFile]:
    """Write the database at `source` to the new file `target`, durable when this returns.

    The caller removes `target` on failure.

    Returns:
        What the database is, and what the file is; both with their SHA-256.

    Raises:
        OSError: a disk error, for the caller to name.
    """
    raw_hash, stored_hash = hashlib.sha256(), hashlib.sha256()
    total = source.stat().st_size
    done = written = 0
    page_size = 0
    compress, flush = _compressor(encoding)
    with source.open("rb") as reader, create_new(target) as writer:
        while chunk := reader.read(CHUNK_BYTES):
            if not done:
                page_size = parse_header(chunk[:HEADER_BYTES]).page_size
            packed = compress(chunk)
            raw_hash.update(chunk)
            stored_hash.update(packed)
            writer.write(packed)
            done += len(chunk)
            written += len(packed)
            on_bytes(done, total)
        last = flush()
        stored_hash.update(last)
        writer.write(last)
        written += len(last)
        writer.flush()
        os.fsync(writer.fileno())
    return (
        DatabaseFacts(size_bytes=done, sha256=raw_hash.hexdigest(), page_size=page_size),
        StoredFile(
            name=target.name,
            size_bytes=written,
            sha256=stored_hash.hexdigest(),
            encoding=encoding,
        ),
    )


def _compressor(
    encoding: Encoding,
) -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    if encoding is Encoding.IDENTITY:
        return (lambda chunk: chunk), (lambda: b"")
    compressor = zstd.ZstdCompressor(
        options={
            zstd.CompressionParameter.compression_level: _LEVEL,
            zstd.CompressionParameter.checksum_flag: 1,
            zstd.CompressionParameter.nb_workers: _WORKERS,
        }
    )
    return compressor.compress, compressor.flush


def encoding_of(file: BinaryIO) -> Encoding:
    """Return how an open file holds its database, by its first bytes; leaves it at the start."""
    start = file.read(len(_ZSTD_MAGIC))
    file.seek(0)
    return Encoding.ZSTD if _is_frame(start) else Encoding.IDENTITY


def unpack_known(
    source: BinaryIO,
    *,
    file: StoredFile,
    database: DatabaseFacts,
    on_bytes: OnBytes,
) -> Iterator[bytes]:
    """Yield the raw database of a stored file, verifying every byte against its manifest.

    The last piece is yielded before the verification ends: the pieces may be used only when the
    iterator is exhausted without an error. Every single flipped bit is detected.

    Raises:
        ChecksumMismatchError: the file or its content differs from the manifest.
        OSError: the file cannot be read.
    """
    stored_hash, raw_hash = hashlib.sha256(), hashlib.sha256()
    stored_size = raw_size = 0

    def stored() -> Iterator[bytes]:
        nonlocal stored_size
        while chunk := source.read(CHUNK_BYTES):
            stored_hash.update(chunk)
            stored_size += len(chunk)
            yield chunk

    for piece in _decode(stored(), file.encoding):
        raw_size += len(piece)
        if raw_size > database.size_bytes:
            raise ChecksumMismatchError(Reason.CHECKSUM_LONGER, name=file.name)
        raw_hash.update(piece)
        on_bytes(raw_size, database.size_bytes)
        yield piece
    if stored_size != file.size_bytes or stored_hash.hexdigest() != file.sha256:
        raise ChecksumMismatchError(Reason.CHECKSUM, name=file.name)
    if raw_size != database.size_bytes or raw_hash.hexdigest() != database.sha256:
        raise ChecksumMismatchError(Reason.CHECKSUM_DATABASE, name=file.name)


def unpack_to(
    target: Path,
    source: BinaryIO,
    *,
    file: StoredFile,
    database: DatabaseFacts,
    on_bytes: OnBytes,
) -> None:
    """Write the raw database of a stored file to the new file `target`, verified byte for byte.

    The caller removes `target` on failure.

    Raises:
        ChecksumMismatchError: the file or its content differs from the manifest.
        OSError: a disk error, for the caller to name.
    """
    with create_new(target) as writer:
        for piece in unpack_known(source, file=file, database=database, on_bytes=on_bytes):
            writer.write(piece)


def unpack_unknown(source: BinaryIO, target: Path, *, on_bytes: OnBytes) -> Header:
    """Unpack a foreign file to the new file `target`, and not one byte more than it announces.

    The first hundred bytes say how large the database is; nothing beyond that is written, and
    nothing at all when it does not fit the disk. The caller removes `target` on failure.

    Raises:
        UploadRejectedError: not a database, cut off, padded, or a bomb.
        InsufficientSpaceError: the database does not fit the disk.
        OSError: a disk error, for the caller to name.
    """
    stored_size = os.fstat(source.fileno()).st_size
    encoding = encoding_of(source)
    pieces = _decode(iter(lambda: source.read(CHUNK_BYTES), b""), encoding)
    first = b""
    try:
        while len(first) < KIND_BYTES and (piece := next(pieces, b"")):
            first += piece
        if not is_database(first):
            raise refusal_of(first[:KIND_BYTES])
        header = parse_header(first[:HEADER_BYTES])
        if encoding is Encoding.IDENTITY:
            check_size(header, size_bytes=stored_size)
        _check_announcement(header, stored_size=stored_size, target=target)
        written = 0
        with create_new(target) as writer:
            piece = first
            while piece:
                written += len(piece)
                if written > header.size_bytes:
                    raise UploadRejectedError(Reason.LONGER_THAN_ANNOUNCED)
                writer.write(piece)
                on_bytes(written, header.size_bytes)
                piece = next(pieces, b"")
    except ChecksumMismatchError as error:
        raise UploadRejectedError(error.reason, **error.facts) from error
    return header


def _check_announcement(header: Header, *, stored_size: int, target: Path) -> None:
    announced = header.size_bytes
    if announced > _ALWAYS_ALLOWED_BYTES and announced > stored_size * _MAX_EXPANSION:
        raise UploadRejectedError(Reason.BOMB, announced_bytes=announced)
    available = free_bytes(target.parent)
    if announced + _SPARE_BYTES > available:
        raise InsufficientSpaceError(
            Reason.NO_SPACE_TO_UNPACK,
            database_bytes=announced,
            required_bytes=announced + _SPARE_BYTES,
            available_bytes=available,
        )


def _decode(chunks: Iterator[bytes], encoding: Encoding) -> Iterator[bytes]:
    """Yield raw bytes in pieces of bounded size, whatever the input expands to.

    Compressed data may have any number of frames, as for `zstd -d` (RFC 8878, section 3).
    """
    if encoding is Encoding.IDENTITY:
        yield from chunks
        return
    rest = b""
    for frame in range(_MAX_FRAMES):
        while len(rest) < _FRAME_HEAD_BYTES and (chunk := next(chunks, b"")):
            rest += chunk
        if frame and not rest:
            return
        if frame and not _is_frame(rest):
            raise ChecksumMismatchError(Reason.DATA_AFTER_END)
        rest = yield from _decode_frame(rest, chunks)
    raise ChecksumMismatchError(Reason.DATA_DAMAGED, detail=f"more than {_MAX_FRAMES} frames")


def _decode_frame(data: bytes, chunks: Iterator[bytes]) -> Generator[bytes, None, bytes]:
    """Yield the content of the frame that `data` begins with; return what follows the frame."""
    if (window_bytes := _window_bytes(data)) > 1 << _MAX_WINDOW_LOG:
        raise ChecksumMismatchError(
            Reason.WINDOW_TOO_LARGE, window_bytes=window_bytes, limit_bytes=1 << _MAX_WINDOW_LOG
        )
    decoder = zstd.ZstdDecompressor(
        options={zstd.DecompressionParameter.window_log_max: _MAX_WINDOW_LOG}
    )
    try:
        while data:
            piece = decoder.decompress(data, max_length=CHUNK_BYTES)
            while piece:
                yield piece
                if decoder.eof or decoder.needs_input:
                    break
                piece = decoder.decompress(b"", max_length=CHUNK_BYTES)
            if decoder.eof:
                return decoder.unused_data
            data = next(chunks, b"")
    except zstd.ZstdError as error:
        raise ChecksumMismatchError(Reason.DATA_DAMAGED, detail=error) from error
    raise ChecksumMismatchError(Reason.DATA_CUT_OFF)


def _is_frame(start: bytes) -> bool:
    first, last = _SKIPPABLE
    return start.startswith(_ZSTD_MAGIC) or first <= int.from_bytes(start[:4], "little") <= last


def _window_bytes(head: bytes) -> int:
    """Return how much memory a frame asks for (RFC 8878, section 3.1.1.1); 0 if unknown.

    A frame in one segment needs its whole content.
    """
    if not head.startswith(_ZSTD_MAGIC) or len(head) < _FRAME_HEAD_BYTES:
        return 0
    descriptor = head[4]
    if descriptor & 0x20:
        start = 5 + (0, 1, 2, 4)[descriptor & 3]
        length = (1, 2, 4, 8)[descriptor >> 6]
        return int.from_bytes(head[start : start + length], "little")
    base = 1 << (10 + (head[5] >> 3))
    return base + base // 8 * (head[5] & 7)
