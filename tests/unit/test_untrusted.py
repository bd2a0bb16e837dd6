"""Files from strangers: each refused for its own reason, before anything is touched."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import random
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from launcher.backup.errors import (
    BackupError,
    DatabaseCorruptError,
    IncompatibleBackupError,
    InsufficientSpaceError,
    UploadRejectedError,
)
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Kind
from launcher.cli.hints import hint_for
from tests.support.damage import disagreeing_index
from tests.support.notebook import APPLICATION_ID, STEPS, digest, make_notebook
from tests.support.service import House, make_copy, run

Make = Callable[[Path], object]


def patch(path: Path, position: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        file.write(data)


def big(value: int) -> bytes:
    return value.to_bytes(4, "big")


def script(statements: str) -> Make:
    """Return what changes a copy by SQL."""

    def change(path: Path) -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.executescript(statements)
        connection.close()

    return change


def schema_script(statements: str) -> Make:
    """Return what changes the schema table itself."""
    return script(f"PRAGMA writable_schema=ON; {statements}; PRAGMA writable_schema=RESET")


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def cut_within_a_page(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def header_only(path: Path) -> None:
    os.truncate(path, 100)


def padded(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\0" * 4096)


def dangling(path: Path) -> None:
    run(path, "UPDATE note SET person_id = 99 WHERE id = 3")


def utf16(path: Path) -> None:
    """Make the same notebook with its text in UTF-16."""
    connection = sqlite3.connect(path)
    dump = "\n".join(connection.iterdump())
    connection.close()
    path.unlink()
    connection = sqlite3.connect(path)
    connection.executescript(f"PRAGMA encoding='UTF-16le'; PRAGMA application_id={APPLICATION_ID}")
    connection.executescript(dump)
    connection.close()


TRIGGER = "CREATE TRIGGER sneaky AFTER INSERT ON note BEGIN DELETE FROM person; END"
LOADER = (
    "CREATE TRIGGER sneaky AFTER UPDATE ON setting BEGIN SELECT load_extension('/tmp/x.so'); END"
)
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"

REJECTED, FOREIGN, CORRUPT = UploadRejectedError, IncompatibleBackupError, DatabaseCorruptError

CASES: list[tuple[str, Make, type[BackupError], str]] = [
    ("0 bytes", lambda p: p.write_bytes(b""), REJECTED, "the file is empty"),
    ("text", lambda p: p.write_text("Dear diary,\n" * 99), REJECTED, "not a SQLite database"),
    ("a short text", lambda p: p.write_text("x"), REJECTED, "not a SQLite database"),
    ("a picture", lambda p: p.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\1" * 999), REJECTED, "a PNG"),
    (
        "magic and garbage",
        lambda p: p.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 16),
        REJECTED,
        "header is damaged",
    ),
    ("only the magic", lambda p: p.write_bytes(b"SQLite format 3\0"), REJECTED, "not a SQLite"),
    ("header only", header_only, REJECTED, "cut off: it holds 100 bytes"),
    ("truncated", cut, REJECTED, "cut off"),
    ("a byte short", cut_within_a_page, REJECTED, "cut off"),
    ("huge page count", lambda p: patch(p, 28, big(0xFFFFFFFE)), REJECTED, "cut off"),
    ("no page count", lambda p: patch(p, 28, big(0)), REJECTED, "longer than"),
    ("a page more announced", lambda p: patch(p, 28, big(99)), REJECTED, "cut off"),
    ("wrong page size", lambda p: patch(p, 16, b"\x08\x00"), REJECTED, "longer than"),
    ("impossible page size", lambda p: patch(p, 16, b"\x10\x01"), REJECTED, "impossible"),
    ("no page size", lambda p: patch(p, 16, b"\0\0"), REJECTED, "impossible"),
    ("trailing page", padded, REJECTED, "longer than"),
    ("unsettled header", lambda p: patch(p, 24, big(0xDEAD)), REJECTED, "counters disagree"),
    ("garbage after the header", lambda p: patch(p, 100, b"\xa5" * 3996), CORRUPT, "damaged"),
    ("garbage in the middle", lambda p: patch(p, 4096 * 5, b"\xa5" * 4096), CORRUPT, "damaged"),
    ("a page of zeros", lambda p: patch(p, 4096 * 8, b"\0" * 4096), CORRUPT, "damaged"),
    (
        "another application",
        script("PRAGMA application_id=7"),
        FOREIGN,
        "belongs to another application",
    ),
    (
        "no application",
        script("PRAGMA application_id=0; DROP TABLE note"),
        FOREIGN,
        "belongs to another application",
    ),
    ("UTF-16", utf16, FOREIGN, "stores its text as UTF-16"),
    ("no revision table", script("DROP TABLE revision"), FOREIGN, "which schema it has"),
    ("no revision", script("UPDATE revision SET revision = ''"), FOREIGN, "which schema it has"),
    ("no revision row", script("DELETE FROM revision"), FOREIGN, "which schema it has"),
    (
        "newer",
        script("UPDATE revision SET revision = '0009'"),
        FOREIGN,
        "schema 0009, and this server runs Launcher 1.4.0 with schema 0003",
    ),
    ("an odd revision", script("UPDATE revision SET revision = x'ff00'"), FOREIGN, "schema"),
    ("a trigger", script(TRIGGER), REJECTED, "did not create: sneaky"),
    ("a trigger that loads code", script(LOADER), REJECTED, "did not create: sneaky"),
    ("a view", script("CREATE VIEW v AS SELECT 1"), REJECTED, "did not create: v"),
    (
        "a view in a table's place",
        script("DROP TABLE note; CREATE VIEW note AS SELECT 1 AS id"),
        REJECTED,
        "'note' is not one of ours",
    ),
    ("an endless view", script(f"CREATE VIEW v AS {ENDLESS}"), REJECTED, "did not create: v"),
    (
        "an endless view that says the revision",
        script(
            "DROP TABLE revision;"
            f"CREATE VIEW revision AS SELECT max(x) AS revision FROM ({ENDLESS})"
        ),
        REJECTED,
        "'revision' ",
    ),
    (
        "a virtual table",
        script("CREATE VIRTUAL TABLE v USING fts5(a)"),
        REJECTED,
        "did not create: v",
    ),
    ("a table more", script("CREATE TABLE more (x)"), REJECTED, "did not create: more"),
    ("an index more", script("CREATE INDEX i ON note (twin)"), REJECTED, "did not create: i"),
    ("a table less", script("DROP TABLE note"), REJECTED, "'note' is missing"),
    ("an index less", script("DROP INDEX note_body"), REJECTED, "'note_body' is missing"),
    (
        "a column more",
        script("ALTER TABLE person ADD COLUMN more TEXT"),
        REJECTED,
        "'person' differs from ours",
    ),
    (
        "an index over an expression",
        script("DROP INDEX note_body; CREATE INDEX note_body ON note (hex(body))"),
        REJECTED,
        "'note_body' differs from ours",
    ),
    (
        "broken schema SQL",
        schema_script("UPDATE sqlite_schema SET sql = 'CREATE TABLE note (' WHERE name = 'note'"),
        CORRUPT,
        "damaged",
    ),
    (
        "schema SQL as bytes",
        schema_script(
            "UPDATE sqlite_schema SET sql = CAST('CREATE INDEX note_body ON note (twin)' AS BLOB)"
            " WHERE name = 'note_body'"
        ),
        REJECTED,
        "'note_body' differs from ours",
    ),
    ("no settings", script("DELETE FROM setting"), CORRUPT, "it holds no setting"),
    ("FK violation", dangling, CORRUPT, "rows that do not exist: note \\(1\\)"),
]


@pytest.fixture
def upload(home: House) -> Path:
    """A good file from outside, for a test to spoil."""
    other = make_notebook(home.root / "other.db", notes=60, wal=False)
    return make_copy(other, home.root / "upload.db")


def refusals(
    home: House, path: Path, expected: type[BackupError], message: str
) -> list[BackupError]:
    """Offer a file at both doors, and return what was said."""
    said: list[BackupError] = []
    home.create()
    before = home.facts()
    for offer in (home.service.import_, home.service.restore, home.service.plan):
        with pytest.raises(expected, match=message) as refused:
            offer(path, by="ada")
        assert home.facts() == before
        assert home.staged() == []
        assert not list(home.data.glob("damaged"))
        said.append(refused.value)
    return said


@pytest.mark.parametrize(
    ("spoil", "expected", "message"),
    [pytest.param(*case[1:], id=case[0]) for case in CASES],
)
def test_it_is_refused_and_nothing_is_touched(
    home: House, upload: Path, spoil: Make, expected: type[BackupError], message: str
) -> None:
    spoil(upload)
    said = refusals(home, upload, expected, message)
    assert all((type(e), e.reason) == (type(said[0]), said[0].reason) for e in said)


def test_a_trigger_that_shares_a_tables_name_is_refused(home: House) -> None:
    upload = home.root / "upload.db"
    steps = [statement for _, step in STEPS.values() for statement in step]
    place = next(n for n, sql in enumerate(steps) if "CREATE TABLE note" in sql)
    steps.insert(place, "CREATE TRIGGER note AFTER INSERT ON person BEGIN DELETE FROM setting; END")
    script(f"PRAGMA application_id={APPLICATION_ID}; {';'.join(steps)}")(upload)
    run(upload, "UPDATE revision SET revision = '0003'")
    names = run(upload, "SELECT type FROM sqlite_schema WHERE name = 'note' ORDER BY rowid")
    assert names == [("trigger",), ("table",)]
    refusals(home, upload, UploadRejectedError, "'note' is not one of ours")


def test_an_index_that_disagrees_with_its_table_is_refused(home: House, upload: Path) -> None:
    disagreeing_index(upload)
    assert run(upload, "PRAGMA quick_check") == [("ok",)]
    refusals(home, upload, DatabaseCorruptError, "damaged")


# --- what is good --------------------------------------------------------------------------


def wal_header(path: Path) -> None:
    run(path, "PRAGMA journal_mode=WAL")
    assert path.read_bytes()[18:20] == b"\2\2"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _: None, id="a plain copy"),
        pytest.param(wal_header, id="a WAL header"),
        pytest.param(script("PRAGMA user_version=7"), id="a user version"),
        pytest.param(script("ANALYZE"), id="statistics"),
        pytest.param(script("PRAGMA auto_vacuum=FULL; VACUUM"), id="auto vacuum"),
        pytest.param(script("PRAGMA page_size=65536; VACUUM"), id="the largest page"),
        pytest.param(script("PRAGMA page_size=512; VACUUM"), id="the smallest page"),
        pytest.param(script("DELETE FROM note WHERE id > 9"), id="free pages"),
        pytest.param(lambda p: p.chmod(0o444), id="read only"),
    ],
)
def test_a_good_file_is_accepted_and_restored(home: House, upload: Path, change: Make) -> None:
    change(upload)
    expected = digest(upload)
    backup = home.service.import_(upload, by="ada")
    assert (backup.kind, backup.note, backup.is_good) == (Kind.UPLOAD, "upload.db", True)
    home.service.restore(backup.id, by="ada", keep_schedule=False)
    assert digest(home.live) == expected
    home.run("DELETE FROM note")
    home.service.restore(upload, by="ada", keep_schedule=False)
    assert digest(home.live) == expected
    assert home.staged() == []


def by_way_of_dump(upload: Path) -> Path:
    target = upload.with_name("dumped.db")
    command = f"sqlite3 '{upload}' .dump | sqlite3 '{target}'"
    subprocess.run(command, shell=True, check=True)
    assert run(target, "PRAGMA application_id") == [(0,)]
    return target


def test_a_copy_made_by_way_of_dump_is_ours(home: House, upload: Path) -> None:
    script("ANALYZE")(upload)
    copy = by_way_of_dump(upload)
    backup = home.service.import_(copy, by="ada")
    for source in (backup.id, copy):
        home.run("DELETE FROM note")
        home.service.restore(source, by="ada", keep_schedule=False)
        assert home.run("SELECT count(*) FROM note") == [(60,)]
        assert home.run("PRAGMA application_id") == [(APPLICATION_ID,)]
    assert home.create().is_good


def test_in_the_folder_a_copy_made_by_way_of_dump_is_ours(home: House, upload: Path) -> None:
    home.create()
    by_way_of_dump(upload).rename(home.backups / "dumped.db")
    [found] = [each for each in home.service.list() if each.kind is Kind.EXTERNAL]
    for _time in ("as a file", "as a backup with a manifest"):
        assert home.service.verify(found.id, by="ada").is_good
        home.run("DELETE FROM note")
        home.service.restore(found.id, by="ada", keep_schedule=False)
        assert home.run("SELECT count(*) FROM note") == [(60,)]
        assert home.run("PRAGMA application_id") == [(APPLICATION_ID,)]


@pytest.mark.parametrize(
    "statement",
    [
        "DROP INDEX note_body",
        "UPDATE revision SET revision = '0009'",
        "DROP TABLE revision",
    ],
)
def test_another_schema_without_an_application_is_another_applications(
    home: House, upload: Path, statement: str
) -> None:
    script(statement)(upload)
    copy = by_way_of_dump(upload)
    refusals(home, copy, IncompatibleBackupError, "belongs to another application")


@pytest.mark.parametrize("name", ["upload.db", "upload.txt", "upload", "x.zip"])
@pytest.mark.parametrize("packed", [False, True])
def test_the_name_of_a_file_does_not_matter(
    home: House, upload: Path, name: str, *, packed: bool
) -> None:
    path = home.root / "in" / name
    path.parent.mkdir()
    path.write_bytes(zstd(upload).read_bytes() if packed else upload.read_bytes())
    assert home.service.import_(path, by="ada").is_good


def test_a_file_with_a_name_that_is_no_text_is_accepted(home: House, upload: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(home.root) + b"/caf\xe9.db"))
    upload.rename(path)
    backup = home.service.import_(path, by="ada")
    assert backup.note.encode().startswith(b"caf")
    home.service.restore(path, by="ada")
    assert len(home.service.journal()) == 2


# --- compressed ----------------------------------------------------------------------------


def zstd(path: Path, *options: str) -> Path:
    """Compress with the system's own program."""
    target = path.with_name(path.name + ".zst")
    subprocess.run(["zstd", "-q", "-f", *options, path, "-o", target], check=True)
    return target


def keep(count: int) -> Make:
    return lambda path: os.truncate(path, path.stat().st_size + count if count < 0 else count)


def append(data: bytes) -> Make:
    def change(path: Path) -> None:
        with path.open("ab") as file:
            file.write(data)

    return change


def flip(where: float) -> Make:
    def change(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[int(len(data) * where)] ^= 0x10
        path.write_bytes(data)

    return change


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(keep(-1), "cut off", id="a byte short"),
        pytest.param(keep(-1000), "cut off", id="cut off"),
        pytest.param(keep(9), "cut off|empty", id="only its header"),
        pytest.param(keep(4), "cut off|empty", id="only its magic"),
        pytest.param(append(b"\0"), "after the end", id="a byte more"),
        pytest.param(append(b"garbage" * 999), "after the end", id="trailing garbage"),
        pytest.param(append(b"\0" * (3 << 20)), "after the end", id="much after the end"),
        pytest.param(flip(0.3), "damaged", id="a bit flipped early"),
        pytest.param(flip(0.9), "damaged", id="a bit flipped late"),
    ],
)
def test_a_damaged_compressed_file_is_refused(
    home: House, upload: Path, spoil: Make, message: str
) -> None:
    packed = zstd(upload)
    spoil(packed)
    refusals(home, packed, UploadRejectedError, message)


@pytest.mark.parametrize(
    ("spoil", "expected", "message"),
    [
        pytest.param(cut, UploadRejectedError, "cut off", id="cut off"),
        pytest.param(padded, UploadRejectedError, "longer", id="padded"),
        pytest.param(lambda p: p.write_bytes(b""), UploadRejectedError, "empty", id="empty"),
        pytest.param(
            lambda p: p.write_text("text"), UploadRejectedError, "not a SQLite", id="text"
        ),
        pytest.param(script(TRIGGER), UploadRejectedError, "sneaky", id="a trigger"),
    ],
)
def test_a_bad_database_is_refused_inside_a_good_envelope(
    home: House, upload: Path, spoil: Make, expected: type[BackupError], message: str
) -> None:
    spoil(upload)
    refusals(home, zstd(upload), expected, message)


def test_a_compressed_file_in_a_compressed_file_is_refused(home: House, upload: Path) -> None:
    refusals(home, zstd(zstd(upload)), UploadRejectedError, "this is a zstd file")


def in_two_frames(upload: Path) -> Path:
    half = upload.stat().st_size // 2
    data = upload.read_bytes()
    parts = []
    for number, part in enumerate((data[:half], data[half:])):
        piece = upload.with_name(f"part{number}")
        piece.write_bytes(part)
        parts.append(zstd(piece).read_bytes())
    target = upload.with_name("joined.zst")
    target.write_bytes(b"".join(parts))
    return target


def with_frames_to_skip(upload: Path) -> Path:
    def skipped(size: int) -> bytes:
        return b"\x53\x2a\x4d\x18" + size.to_bytes(4, "little") + b"x" * size

    packed = in_two_frames(upload)
    packed.write_bytes(skipped(0) + skipped(2 << 20) + packed.read_bytes() + skipped(7))
    return packed


def from_a_pipe(upload: Path) -> Path:
    target = upload.with_name("piped.zst")
    command = f"cat '{upload}' | zstd -q -19 --no-check > '{target}'"
    subprocess.run(command, shell=True, check=True)
    return target


def by_pzstd(upload: Path) -> Path:
    if not shutil.which("pzstd"):
        pytest.skip("pzstd is not there; Debian has it in the package of zstd, others apart")
    target = upload.with_name("pzstd.zst")
    subprocess.run(["pzstd", "-q", "-p", "2", "-o", target, upload], check=True)
    return target


@pytest.mark.parametrize(
    "pack",
    [
        pytest.param(in_two_frames, id="two frames"),
        pytest.param(with_frames_to_skip, id="frames to skip"),
        pytest.param(from_a_pipe, id="no content size, no checksum"),
        pytest.param(by_pzstd, id="pzstd"),
        pytest.param(lambda upload: zstd(upload, "--long=27"), id="a long window"),
        pytest.param(lambda upload: zstd(upload, "--ultra", "-22"), id="the highest level"),
    ],
)
def test_what_zstd_reads_is_read(home: House, upload: Path, pack: Callable[[Path], Path]) -> None:
    packed = pack(upload)
    subprocess.run(["zstd", "-q", "-t", packed], check=True)
    backup = home.service.import_(packed, by="ada")
    home.service.restore(backup.id, by="ada", keep_schedule=False)
    assert digest(home.live) == digest(upload)


def test_a_window_that_needs_too_much_memory_is_named(home: House, upload: Path) -> None:
    command = f"cat '{upload}' | zstd -q --long=31 --ultra > '{upload}.zst'"
    subprocess.run(command, shell=True, check=True)
    said = refusals(home, upload.with_name("upload.db.zst"), UploadRejectedError, "2,147.5 MB")
    assert said[0].facts == {"window_bytes": 2 << 30, "limit_bytes": 128 << 20}


def test_endless_frames_without_content_are_refused(home: House, upload: Path) -> None:
    packed = zstd(upload)
    with packed.open("ab") as file:
        file.write(b"\x50\x2a\x4d\x18\0\0\0\0" * 10_000)
    refusals(home, packed, UploadRejectedError, "more than 10000 frames")


def noise(start: bytes = b"") -> bytes:
    """Return what an encrypted database looks like: the salt that it begins with is random, too."""
    return start + random.Random(1).randbytes(1 << 14)


def journal(path: Path) -> bytes:
    """Return what SQLite writes beside a database while it is changed."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(
        "PRAGMA journal_mode=DELETE; PRAGMA cache_size=1; BEGIN; CREATE TABLE more (x);"
        "INSERT INTO more WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 999)"
        " SELECT zeroblob(999) FROM c"
    )
    written = path.with_name(f"{path.name}-journal").read_bytes()
    connection.close()
    return written


def tar(path: Path) -> bytes:
    return subprocess.run(["tar", "-C", path.parent, "-c", path.name],
        capture_output=True, check=True).stdout  # fmt: skip


@pytest.mark.parametrize(
    ("make", "reason", "named"),
    [
        pytest.param(lambda p: gzip.compress(p.read_bytes()), Reason.PACKED, "gunzip", id="gzip"),
        pytest.param(lambda p: bz2.compress(p.read_bytes()), Reason.PACKED, "bunzip2", id="bzip2"),
        pytest.param(lambda p: lzma.compress(p.read_bytes()), Reason.PACKED, "unxz", id="xz"),
        pytest.param(tar, Reason.PACKED, "tar", id="tar"),
        pytest.param(lambda p: gzip.compress(tar(p)), Reason.PACKED, "gunzip", id="tar.gz"),
        pytest.param(lambda _: b"7z\xbc\xaf\x27\x1c" + b"x" * 99, Reason.PACKED, "7z", id="7z"),
        pytest.param(lambda _: b"Rar!\x1a\x07\x01\0" + b"x" * 9, Reason.PACKED, "rar", id="rar"),
        pytest.param(lambda _: b"PK\x03\x04" + b"x" * 99, Reason.PACKED, "unzip", id="zip"),
        pytest.param(lambda _: b"age-encryption.org/v1\n", Reason.ENCRYPTED, "Decrypt", id="age"),
        pytest.param(lambda _: b"Salted__" + b"x" * 99, Reason.ENCRYPTED, "Decrypt", id="openssl"),
        pytest.param(lambda _: noise(), Reason.LOOKS_ENCRYPTED, "", id="SQLCipher"),
        pytest.param(lambda _: noise(b"{"), Reason.LOOKS_ENCRYPTED, "", id="as JSON by chance"),
        pytest.param(lambda _: noise(b"--"), Reason.LOOKS_ENCRYPTED, "", id="as SQL by chance"),
        pytest.param(lambda _: noise(b"\xff\xd8\xff\xe0"), Reason.OTHER_FILE, "", id="JPEG"),
        pytest.param(lambda _: noise(b"\x89PNG\r\n\x1a\n"), Reason.OTHER_FILE, "", id="PNG"),
        pytest.param(lambda _: noise(b"GIF89a"), Reason.OTHER_FILE, "", id="GIF"),
        pytest.param(lambda _: noise(b"RIFF1234WEBP"), Reason.OTHER_FILE, "", id="WebP"),
        pytest.param(lambda _: noise(b"%PDF-1.7\n"), Reason.OTHER_FILE, "", id="PDF"),
        pytest.param(lambda _: noise(b"\0\0\0\x20ftypisom"), Reason.OTHER_FILE, "", id="MP4"),
        pytest.param(journal, Reason.OTHER_FILE, "", id="journal"),
        pytest.param(lambda _: b"\n <!DOCTYPE html><title>", Reason.WEB_PAGE, "", id="a page"),
        pytest.param(lambda _: b'{"apps": []}', Reason.JSON_TEXT, "", id="JSON"),
        pytest.param(lambda _: b"PRAGMA foreign_keys=OFF;", Reason.SQL_TEXT, "sqlite3", id="SQL"),
        pytest.param(lambda _: b"-- dump\nCREATE TABLE a (b);", Reason.SQL_TEXT, "", id="comment"),
        pytest.param(lambda _: b"\0" * 99, Reason.ONLY_ZEROS, "", id="zeros"),
        pytest.param(lambda _: b"Dear diary", Reason.NOT_SQLITE, "", id="text"),
        pytest.param(lambda p: p.read_bytes()[:5000], Reason.CUT_OFF, "", id="cut off"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_no_database_is_named(
    home: House, upload: Path, make: Callable[[Path], bytes], reason: Reason, named: str, *,
    packed: bool
) -> None:  # fmt: skip
    path = home.root / "brought"
    path.write_bytes(make(upload))
    if packed:
        path = zstd(path)
    with pytest.raises(UploadRejectedError) as refused:
        home.service.import_(path, by="ada")
    assert (refused.value.reason, named in hint_for(refused.value)) == (reason, True)


def test_a_manifest_in_place_of_its_backup_is_named(home: House) -> None:
    path = home.manifest(home.create())
    refusals(home, path, UploadRejectedError, "this is the manifest of a backup")


BLOCK_BYTES = 128 << 10


def bomb(path: Path, first: bytes, *, size_gb: int = 8) -> Path:
    """Write a zstd frame (RFC 8878) of `first` and then gigabytes of zeros, four bytes a block.

    Eight gigabytes take a quarter of a megabyte.
    """

    def block(kind: int, size: int, data: bytes, *, last: bool = False) -> bytes:
        return (last | kind << 1 | size << 3).to_bytes(3, "little") + data

    zeros = block(1, BLOCK_BYTES, b"\0")
    count = (size_gb << 30) // BLOCK_BYTES
    path.write_bytes(
        b"\x28\xb5\x2f\xfd\x00\x38"
        + block(0, len(first), first)
        + zeros * count
        + block(1, 0, b"\0", last=True)
    )
    return path


def header_of(upload: Path, *, pages: int) -> bytes:
    data = bytearray(upload.read_bytes()[:100])
    data[28:32] = big(pages)
    return bytes(data)


def test_the_bomb_is_one(tmp_path: Path) -> None:
    path = bomb(tmp_path / "bomb.zst", b"first", size_gb=1)
    assert path.stat().st_size < 40_000
    out = subprocess.run(
        f"zstd -dc < '{path}' | wc -c", shell=True, capture_output=True, check=True
    )
    assert int(out.stdout) == 5 + (1 << 30)


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        pytest.param(None, "starts with zeros", id="of zeros"),
        pytest.param(2 << 20, "claims to unpack to 8.6 GB", id="that announces its size"),
        pytest.param(0xFFFFFFFE, "claims to unpack", id="that announces more than it holds"),
        pytest.param(20, "longer than its header announces", id="that announces little"),
        pytest.param(0, "longer than its header announces", id="that announces nothing"),
    ],
)
def test_a_bomb_does_not_go_off(home: House, upload: Path, pages: int | None, message: str) -> None:
    first = b"" if pages is None else header_of(upload, pages=pages)
    path = bomb(home.root / "bomb.zst", first)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
    try:
        refusals(home, path, UploadRejectedError, message)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


def test_a_database_that_does_not_fit_the_disk_is_refused_before_it_is_unpacked(
    home: House, upload: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = zstd(upload)
    monkeypatch.setattr("launcher.backup.compression.free_bytes", lambda _path: 1 << 20)
    before = home.facts()
    with pytest.raises(InsufficientSpaceError) as refused:
        home.service.import_(packed, by="ada")
    assert refused.value.facts["available_bytes"] == 1 << 20
    assert "the rest is a reserve), and 1.0 MB are free" in str(refused.value)
    assert home.facts() == before
    assert home.staged() == []


# --- what is no file -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda *_: None, "No such file", id="a missing path"),
        pytest.param(lambda path, _: path.mkdir(), "is a folder", id="a folder"),
        pytest.param(lambda path, _: os.mkfifo(path), "not a regular file", id="a pipe"),
        pytest.param(lambda path, good: path.symlink_to(good), "symbolic link", id="a link"),
        pytest.param(lambda path, _: path.symlink_to("/dev/zero"), "symbolic", id="a device"),
        pytest.param(lambda path, _: path.symlink_to("nowhere"), "symbolic", id="a dead link"),
    ],
)
def test_what_is_no_file_is_refused(
    home: House, upload: Path, make: Callable[[Path, Path], object], message: str
) -> None:
    path = home.root / "odd.db"
    make(path, upload)
    refusals(home, path, UploadRejectedError, message)


def test_the_live_database_is_no_upload(home: House) -> None:
    refusals(home, home.live, UploadRejectedError, "the current database itself")
