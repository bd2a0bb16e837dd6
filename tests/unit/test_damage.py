"""Damage to what is stored: always noticed, never restored."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from launcher.backup.compression import unpack_known
from launcher.backup.errors import VerificationError
from launcher.backup.records.backup import Backup, Encoding, State
from tests.support.notebook import digest
from tests.support.service import House

Spoil = Callable[[bytearray], object]


@pytest.fixture(params=Encoding)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    """A house whose backups are kept in one encoding or the other."""
    return House(tmp_path, compress=request.param is Encoding.ZSTD).fill(notes=60)


def spoil(home: House, backup: Backup, how: Spoil) -> None:
    path = home.stored(backup)
    data = bytearray(path.read_bytes())
    how(data)
    path.chmod(0o600)
    path.write_bytes(data)


def put(data: bytearray, position: int, more: bytes) -> None:
    data[position : position + len(more)] = more


def zero(share: float, length: int) -> Spoil:
    def how(data: bytearray) -> None:
        start = int(len(data) * share) // length * length
        assert any(data[start : start + length])
        put(data, start, bytes(len(data[start : start + length])))

    return how


def flip(share: float) -> Spoil:
    def how(data: bytearray) -> None:
        data[min(int(len(data) * share), len(data) - 1)] ^= 1

    return how


def swap(data: bytearray) -> None:
    """Exchange two stretches of a page's length, or of a fourth of a shorter file."""
    length = min(4096, len(data) // 4)
    first, second = bytes(data[length : 2 * length]), bytes(data[2 * length : 3 * length])
    assert first != second
    put(data, length, second)
    put(data, 2 * length, first)


def cut(data: bytearray) -> None:
    del data[len(data) // 2 :]


@pytest.mark.parametrize(
    "how",
    [
        *[pytest.param(flip(share), id=f"a bit at {share:.0%}") for share in (0, 0.01, 0.5, 1)],
        *[pytest.param(zero(share, 512), id=f"a sector at {share:.0%}") for share in (0, 0.3, 0.6)],
        *[pytest.param(zero(share, 4096), id=f"a page at {share:.0%}") for share in (0, 0.3)],
        pytest.param(lambda data: put(data, len(data) // 3, b"\xa5" * 700), id="garbage"),
        pytest.param(swap, id="pages swapped"),
        pytest.param(cut, id="cut off"),
        pytest.param(bytearray.clear, id="emptied"),
        pytest.param(lambda data: data.append(0), id="a byte more"),
        pytest.param(lambda data: data.pop(), id="a byte less"),
    ],
)
def test_damage_is_noticed_by_verify_and_refused_by_restore(home: House, how: Spoil) -> None:
    backup = home.create()
    home.run("DELETE FROM note WHERE id > 30")
    before = digest(home.live)
    spoil(home, backup, how)
    with pytest.raises(VerificationError):
        home.service.restore(backup.id, by="ada")
    with pytest.raises(VerificationError):
        home.service.test_restore(backup.id, by="ada")
    with pytest.raises(VerificationError):
        home.service.export(backup.id, home.root / "out.db", by="ada")
    verdict = home.service.verify(backup.id, by="ada")
    assert verdict.verification.state is State.DAMAGED
    assert verdict.verification.error
    assert home.service.get(backup.id).verification.state is State.DAMAGED
    assert digest(home.live) == before
    assert home.staged() == []
    assert not (home.root / "out.db").exists()
    assert list(home.root.iterdir()) == [home.data]


def test_a_manifest_that_speaks_of_another_database_is_noticed(home: House) -> None:
    """A file that fits its own manifest, under the name of another."""
    first = home.create()
    home.run("DELETE FROM note WHERE id = 3")
    second = home.create()
    data = home.stored(second).read_bytes()
    home.stored(first).chmod(0o600)
    home.stored(first).write_bytes(data)
    with pytest.raises(VerificationError):
        home.service.restore(first.id, by="ada")


def test_a_good_file_that_comes_back_is_good_again(home: House) -> None:
    backup = home.create()
    whole = home.stored(backup).read_bytes()
    spoil(home, backup, flip(0.5))
    assert not home.service.verify(backup.id, by="ada").is_good
    spoil(home, backup, lambda data: put(data, 0, whole))
    assert home.service.verify(backup.id, by="ada").is_good
    assert home.service.get("latest").id == backup.id


def test_a_damaged_backup_is_not_the_latest(home: House) -> None:
    old = home.create()
    new = home.create()
    spoil(home, new, flip(0.5))
    home.service.verify(new.id, by="ada")
    assert home.service.get("latest").id == old.id


@pytest.fixture(scope="module", params=Encoding)
def kept(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[House, Backup, bytes]:
    """One backup for many flips; each test puts the good bytes back."""
    house = House(tmp_path_factory.mktemp("damage"), compress=request.param is Encoding.ZSTD).fill(
        notes=5
    )
    backup = house.create()
    house.stored(backup).chmod(0o600)
    return house, backup, house.stored(backup).read_bytes()


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 7))
@settings(max_examples=60)
def test_one_flipped_bit_anywhere_is_noticed(
    kept: tuple[House, Backup, bytes], share: float, bit: int
) -> None:
    house, backup, whole = kept
    data = bytearray(whole)
    data[int(share * len(data))] ^= 1 << bit
    house.stored(backup).write_bytes(data)
    before = digest(house.live)
    assert house.service.verify(backup.id, by="ada").verification.state is State.DAMAGED
    with pytest.raises(VerificationError):
        house.service.restore(backup.id, by="ada")
    house.stored(backup).write_bytes(whole)
    assert house.service.verify(backup.id, by="ada").is_good
    assert digest(house.live) == before
    assert house.staged() == []


def test_every_bit_at_both_ends_of_a_stored_file_counts(
    kept: tuple[House, Backup, bytes],
) -> None:
    """The header of a zstd frame has bits that its own checksum does not cover."""
    _, backup, whole = kept
    assert backup.file is not None
    assert backup.database is not None
    ends = [*range(64), *range(len(whole) - 32, len(whole))]
    unnoticed = []
    for position in (byte * 8 + bit for byte in ends for bit in range(8)):
        data = bytearray(whole)
        data[position // 8] ^= 1 << position % 8
        try:
            for _piece in unpack_known(
                BytesIO(data),
                file=backup.file,
                database=backup.database,
                on_bytes=lambda _done, _total: None,
            ):
                pass
        except VerificationError:
            continue
        unnoticed.append(position)
    assert unnoticed == []
