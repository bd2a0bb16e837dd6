"""The manifest of a copy: what it shows in clear, and what is noticed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from launcher.backup.manifest import seal_of
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
from launcher.offsite.age import Identity, make_identity
from launcher.offsite.copy_manifest import (
    copy_of,
    object_name,
    open_copy_manifest,
    read_copy_manifest,
    write_copy_manifest,
)
from launcher.offsite.errors import OffsiteError
from launcher.offsite.records import StoredCopy

ADA, BEN = make_identity(), make_identity()
ID = BackupId("20261122T030000Z-k3q9f2")
AT = datetime(2026, 11, 22, 3, tzinfo=UTC)
NAME = f"launcher-{ID}.json"


def copy(*, is_encrypted: bool = True) -> StoredCopy:
    backup = Backup(
        id=ID,
        kind=Kind.SCHEDULED,
        created_at=AT,
        created_by="ada",
        note="before the move to Käthe",
        database=DatabaseFacts(4096, "1" * 64, 4096),
        file=StoredFile(f"launcher-{ID}.db.zst", 1000, "2" * 64, Encoding.ZSTD),
        contents={"apps": 42},
        verification=Verification(State.VERIFIED, AT),
    )
    return StoredCopy(
        backup,
        object_name(backup, is_encrypted=is_encrypted),
        1234,
        "3" * 64,
        AT,
        frozenset({ADA.public_key}) if is_encrypted else frozenset(),
    )


def written(which: StoredCopy, identity: Identity | None = None) -> bytes:
    return write_copy_manifest(
        which, site="abcd1234", site_name="Home", writer="w" * 12, identity=identity
    )


@pytest.mark.parametrize("is_encrypted", [True, False])
def test_all_of_a_copy_comes_back(is_encrypted: bool) -> None:
    manifest = read_copy_manifest(written(copy(is_encrypted=is_encrypted)), name=NAME)
    backup, site_name = open_copy_manifest(manifest, [ADA])
    assert (manifest.site, site_name, manifest.writer) == ("abcd1234", "Home", "w" * 12)
    assert copy_of(manifest, backup, is_ours=True) == copy(is_encrypted=is_encrypted)


def test_how_it_was_confirmed_comes_back() -> None:
    unsure = replace(copy(), is_confirmed=False)
    assert not copy_of(read_copy_manifest(written(unsure), name=NAME)).is_confirmed
    assert copy_of(read_copy_manifest(written(copy()), name=NAME)).is_confirmed


def test_an_encrypted_one_shows_no_names() -> None:
    text = written(copy()).decode()
    for secret in ("Home", "before the move", "ada", "apps", "2" * 64, "scheduled"):
        assert secret not in text
    manifest = read_copy_manifest(text.encode(), name=NAME)
    with pytest.raises(OffsiteError) as refused:
        open_copy_manifest(manifest, [BEN])
    assert refused.value.code == "not_opened"
    closed = copy_of(manifest)
    assert (closed.id, closed.backup.created_at, closed.size_bytes) == (ID, AT, 1234)


def altered(**changes: object) -> bytes:
    return json.dumps({**json.loads(written(copy())), **changes}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[1]",
        written(copy())[:-20],
        altered(created_at="2026-11-23T03:00:00.000Z"),
        altered(format=2),
        altered(id="20261122T030000Z-aaaaaa"),
        altered(object={"name": "../x", "size_bytes": 1, "sha256": "3" * 64}),
    ],
)
def test_an_altered_one_is_noticed(data: bytes) -> None:
    with pytest.raises(OffsiteError) as refused:
        read_copy_manifest(data, name=NAME)
    assert refused.value.code == "copy_damaged"


def test_one_that_was_given_the_name_of_another_is_noticed() -> None:
    with pytest.raises(OffsiteError) as refused:
        read_copy_manifest(written(copy()), name="launcher-20261123T030000Z-k3q9f2.json")
    assert refused.value.code == "copy_damaged"


# --- where a copy comes from ------------------------------------------------------------


def prover(data: bytes, *identities: Identity) -> str:
    return read_copy_manifest(data, name=NAME, identities=identities).proved_by


@pytest.mark.parametrize("is_encrypted", [True, False])
def test_the_holder_of_the_secret_key_proves_a_copy(is_encrypted: bool) -> None:
    data = written(copy(is_encrypted=is_encrypted), ADA)
    assert prover(data, BEN, ADA) == ADA.public_key
    assert prover(data, BEN) == prover(data) == ""
    assert ADA.secret_key not in data.decode()
    assert list(json.loads(data))[-2:] == ["proof", "seal"]


def test_who_encrypts_for_the_public_key_proves_nothing() -> None:
    """The public key is in each manifest, and the seal is no secret."""
    intruder = replace(ADA, secret_key=BEN.secret_key)
    assert prover(written(copy()), ADA) == ""
    assert prover(written(copy(), intruder), ADA) == ""
    # The owner of another key, which opens copies as well, proves for himself alone.
    assert prover(written(copy(), BEN), ADA) == ""
    assert prover(written(copy(), BEN), ADA, BEN) == BEN.public_key


def resealed(data: bytes, **changes: object) -> bytes:
    """Change a manifest as one can who has no key: the seal is right again."""
    facts = {**json.loads(data), **changes}
    facts.pop("seal")
    return json.dumps({**facts, "seal": seal_of(facts)}).encode()


LATER = "2026-11-22T04:00:00.000Z"
OTHER_DATA = {"name": f"launcher-{ID}.db.zst.age", "size_bytes": 9, "sha256": "4" * 64}


@pytest.mark.parametrize(
    "changes",
    [
        {"created_at": LATER},
        {"copied_at": LATER},
        {"site": "efgh5678"},
        {"writer": "x" * 12},
        {"object": OTHER_DATA},
        {"recipients": [BEN.public_key]},
        {"manifest": "-----BEGIN AGE ENCRYPTED FILE-----"},
        {"added": 1},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_proof_is_of_every_fact(changes: dict[str, object]) -> None:
    data = written(copy(), ADA)
    assert prover(resealed(data), ADA) == ADA.public_key
    assert prover(resealed(data, **changes), ADA) == ""


def test_a_proof_of_another_copy_proves_nothing() -> None:
    other = replace(copy(), copied_at=AT + timedelta(days=1))
    moved = json.loads(written(other, ADA))["proof"]
    assert prover(resealed(written(copy(), ADA), proof=moved), ADA) == ""


@pytest.mark.parametrize(
    "proof",
    [None, 1, "x", [], {}, {ADA.public_key: None}, {ADA.public_key: "é"}, {BEN.public_key: "0"}],
)
def test_whatever_stands_in_place_of_a_proof_is_none(proof: object) -> None:
    data = resealed(written(copy(), ADA), proof=proof, proved_by=ADA.public_key)
    assert prover(data, ADA) == ""
