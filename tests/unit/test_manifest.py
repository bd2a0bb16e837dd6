"""The manifest: whole, sealed, and believed in nothing it could not have said."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from launcher.backup.errors import ManifestError
from launcher.backup.manifest import read_manifest, write_manifest
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import (
    Backup,
    DatabaseFacts,
    Encoding,
    Kind,
    State,
    StoredFile,
    Verification,
)
from launcher.backup.records.ids import BackupId

NOON = datetime(2026, 11, 22, 17, 0, 0, 250_000, tzinfo=UTC)
BACKUP = Backup(
    id=BackupId("20261122T170000Z-k3f9q2"),
    kind=Kind.MANUAL,
    created_at=NOON,
    created_by="ada",
    note="before the move",
    protected=True,
    app_version="1.4.0",
    schema_revision="0003",
    sqlite_version="3.40.1",
    database=DatabaseFacts(8192, "a" * 64, 4096),
    file=StoredFile("launcher-20261122T170000Z-k3f9q2.db.zst", 512, "b" * 64, Encoding.ZSTD),
    contents={"note": 20, "person": 2},
    verification=Verification(State.VERIFIED, NOON + timedelta(seconds=1)),
)


def sealed(change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return a changed manifest that is as well sealed as a true one."""
    facts = json.loads(write_manifest(BACKUP))
    del facts["seal"]
    change(facts)
    canonical = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    facts["seal"] = hashlib.sha256(canonical.encode()).hexdigest()
    return (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode(errors="replace")


@pytest.mark.parametrize(
    "backup",
    [
        pytest.param(BACKUP, id="a usual one"),
        pytest.param(replace(BACKUP, note="", created_by="", contents={}), id="an empty one"),
        pytest.param(replace(BACKUP, note='"quotes" \\ and {braces}'), id="quotes"),
        pytest.param(replace(BACKUP, note="two\nlines\r\nand\ttabs\x00\x1f\x7f"), id="newlines"),
        pytest.param(replace(BACKUP, note="Überblick · Ночь · 夜 · 🗄️ · \u202e"), id="unicode"),
        pytest.param(replace(BACKUP, note="n" * 1000), id="a long note"),
        pytest.param(replace(BACKUP, contents={'odd "table"': 1, "ünï": 2}), id="odd tables"),
        pytest.param(replace(BACKUP, verification=Verification(State.UNVERIFIED)), id="unseen"),
        pytest.param(
            replace(BACKUP, verification=Verification(State.DAMAGED, NOON, "cut off")),
            id="damaged",
        ),
        pytest.param(
            replace(BACKUP, database=DatabaseFacts(1 << 60, "c" * 64, 65536)), id="a huge one"
        ),
        *[pytest.param(replace(BACKUP, kind=kind), id=kind) for kind in Kind],
    ],
)
def test_it_reads_back_what_was_written(backup: Backup) -> None:
    assert read_manifest(write_manifest(backup)) == backup


def test_it_writes_every_moment_in_utc() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    data = write_manifest(replace(BACKUP, created_at=elsewhere))
    assert json.loads(data)["created_at"] == "2026-11-22T17:00:00.250Z"
    assert read_manifest(data).created_at == NOON


def test_a_person_can_read_it() -> None:
    facts = json.loads(write_manifest(replace(BACKUP, note="Überblick")))
    assert list(facts) == [
        "format", "id", "kind", "created_at", "created_by", "note", "before", "protected",
        "app_version", "schema_revision", "sqlite_version", "database", "file", "contents",
        "verification", "seal",
    ]  # fmt: skip
    assert facts["format"] == 1
    assert "Überblick".encode() in write_manifest(replace(BACKUP, note="Überblick"))


def test_every_single_flipped_bit_is_noticed() -> None:
    data = write_manifest(BACKUP)
    unnoticed = []
    for position in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[position // 8] ^= 1 << position % 8
        try:
            read_manifest(bytes(flipped))
        except ManifestError:
            continue
        unnoticed.append(position)
    assert unnoticed == []


@pytest.mark.parametrize("keep", [0, 1, 100, -2, -1])
def test_a_manifest_that_is_cut_off_is_noticed(keep: int) -> None:
    with pytest.raises(ManifestError):
        read_manifest(write_manifest(BACKUP)[:keep])


@pytest.mark.parametrize("more", [b"\n", b" ", b"{}", b"\0", b"\xff"])
def test_a_manifest_that_goes_on_is_noticed(more: bytes) -> None:
    with pytest.raises(ManifestError):
        read_manifest(write_manifest(BACKUP) + more)


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(
        ManifestError, match="format 2, and this version of Launcher reads 1"
    ) as refused:
        read_manifest(sealed(lambda facts: facts.update(format=2)))
    assert refused.value.reason is Reason.MANIFEST_FORMAT


def test_a_change_without_a_new_seal_is_named() -> None:
    changed = write_manifest(BACKUP).replace(b"before the move", b"after the moves")
    with pytest.raises(ManifestError, match="altered after it was written"):
        read_manifest(changed)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda f: f["file"].update(name="../launcher.db"), id="a parent"),
        pytest.param(lambda f: f["file"].update(name="/etc/passwd"), id="an absolute path"),
        pytest.param(lambda f: f["file"].update(name="staging/x.db"), id="a folder"),
        pytest.param(lambda f: f["file"].update(name=".."), id="two dots"),
        pytest.param(lambda f: f["file"].update(name="."), id="a dot"),
        pytest.param(lambda f: f["file"].update(name=".hidden.db"), id="a hidden file"),
        pytest.param(lambda f: f["file"].update(name=""), id="no name"),
        pytest.param(lambda f: f["file"].update(name="a\0.db"), id="a NUL"),
        pytest.param(lambda f: f["file"].update(name="a" * 256), id="a name too long"),
        pytest.param(lambda f: f["file"].update(name=7), id="a number for a name"),
        pytest.param(lambda f: f["file"].update(name=["a"]), id="a list for a name"),
        pytest.param(lambda f: f["file"].update(encoding="gzip"), id="an unknown encoding"),
        pytest.param(lambda f: f["file"].update(size_bytes="x"), id="a size in words"),
        pytest.param(lambda f: f["file"].update(size_bytes=float("inf")), id="an endless size"),
        pytest.param(lambda f: f["file"].update(size_bytes=-1), id="a negative size"),
        pytest.param(lambda f: f["database"].update(size_bytes=float("nan")), id="no number"),
        pytest.param(lambda f: f["database"].update(size_bytes=None), id="no size"),
        pytest.param(lambda f: f["database"].update(size_bytes=-4096), id="less than nothing"),
        pytest.param(lambda f: f["file"].update(sha256="a" * 64 + "\r\n"), id="a line too many"),
        pytest.param(
            lambda f: f["database"].update(sha256="٣" * 64), id="digits of another script"
        ),
        pytest.param(lambda f: f["database"].update(page_size=10**400), id="400 digits"),
        pytest.param(lambda f: f["contents"].update(note=-1), id="fewer than no rows"),
        pytest.param(lambda f: f.update(created_at="2026-11-22T17:00:00"), id="a naive time"),
        pytest.param(lambda f: f.update(created_at="yesterday"), id="no time"),
        pytest.param(lambda f: f.update(created_at=7), id="a number for a time"),
        pytest.param(
            lambda f: f.update(created_at="0001-01-01T00:00:00+23:59"), id="a time before time"
        ),
        pytest.param(
            lambda f: f["verification"].update(at="2026-11-22T17:00:00"), id="a naive verdict"
        ),
        pytest.param(lambda f: f["verification"].update(state="fine"), id="an unknown state"),
        pytest.param(lambda f: f.update(kind="other"), id="an unknown kind"),
        pytest.param(lambda f: f.update(id="../x"), id="an id with a path"),
        pytest.param(lambda f: f.update(id=None), id="no id"),
        pytest.param(lambda f: f.update(contents=[]), id="a list for contents"),
        pytest.param(lambda f: f.update(contents={"a": "many"}), id="rows in words"),
        pytest.param(lambda f: f.update(file=None), id="no file"),
        pytest.param(lambda f: f.pop("database"), id="no database"),
        pytest.param(lambda f: f.pop("note"), id="no note"),
    ],
)
def test_a_sealed_lie_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(ManifestError):
        read_manifest(sealed(change))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"null", b"[]", b"7", b'"text"', b"{}", b'{"format": 1}', b"\xff\xfe\x00",
        b"\x00" * 99,
        b'{"format": 1, "seal": null}', b'{"format": ' + b"9" * 10_000 + b"}",
        b"[" * 100_000, b'{"a":' * 50_000, b'{"format": 1, "seal": "' + b"x" * 300_000 + b'"}',
        b'{"format": 1, "note": "\\ud800", "seal": ""}',
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(ManifestError):
        read_manifest(data)


def test_a_backup_without_a_file_has_no_manifest() -> None:
    with pytest.raises(ManifestError, match="nothing to describe"):
        write_manifest(replace(BACKUP, file=None))
