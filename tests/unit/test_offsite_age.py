"""Encryption: keys as people type them, and streams that end early."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyrage
import pytest

from launcher.offsite.age import (
    MOST_RECIPIENTS,
    Identity,
    decrypt,
    decrypt_text,
    encrypt,
    encrypt_text,
    make_identity,
    read_identities,
)
from launcher.offsite.errors import OffsiteError

AGE = shutil.which("age") or shutil.which("age", path=Path(sys.executable).parent)
ADA, BEN, EVE = make_identity(), make_identity(), make_identity()
DATA = os.urandom(300_000)


def encrypted(data: bytes = DATA, *keys: Identity) -> bytes:
    target = io.BytesIO()
    encrypt(io.BytesIO(data), target, [each.public_key for each in keys or (ADA, BEN)])
    return target.getvalue()


def decrypted(data: bytes, *keys: Identity) -> bytes:
    target = io.BytesIO()
    decrypt(io.BytesIO(data), target, keys)
    return target.getvalue()


def test_each_recipient_opens_it_and_no_one_else() -> None:
    data = encrypted()
    assert decrypted(data, ADA) == decrypted(data, EVE, BEN) == DATA
    for keys in ((EVE,), ()):
        with pytest.raises(OffsiteError) as refused:
            decrypted(data, *keys)
        assert refused.value.code == "not_opened"


@pytest.mark.parametrize("size", [0, 1, 100, 350, 65_536, 200_000])
def test_bytes_that_are_missing_are_noticed(size: int) -> None:
    with pytest.raises(OffsiteError) as refused:
        decrypted(encrypted()[:size], ADA)
    assert refused.value.code == "copy_damaged"


def test_a_header_of_thousands_of_recipients_is_refused_unopened() -> None:
    """Each takes as long as a try to open it: thirty such manifests stopped a recovery."""
    many = [pyrage.x25519.Recipient.from_str(ADA.public_key)] * (MOST_RECIPIENTS + 1)
    for is_armored in (False, True):
        most, more = (pyrage.encrypt(DATA, many[at:], armored=is_armored) for at in (1, 0))
        assert decrypted(most, ADA) == DATA
        with pytest.raises(OffsiteError) as refused:
            decrypted(more, ADA)
        assert refused.value.code == "copy_damaged"
    with pytest.raises(OffsiteError):
        encrypt_text("", [ADA.public_key] * (MOST_RECIPIENTS + 1))


def test_a_flipped_bit_is_noticed() -> None:
    data = bytearray(encrypted())
    data[200_000] ^= 1
    with pytest.raises(OffsiteError) as refused:
        decrypted(bytes(data), ADA)
    assert refused.value.code == "copy_damaged"


def test_a_key_is_read_as_people_type_it() -> None:
    spaced = " ".join(ADA.secret_key[at : at + 4] for at in range(0, 74, 4))
    for text in (ADA.secret_key, spaced, spaced.lower(), f"\n {spaced[:40]}\n{spaced[40:]}\n"):
        assert read_identities(text) == (ADA,)
    kit = f"# Kit\n# public key: {ADA.public_key}\n{ADA.secret_key}\n\n# old\n{BEN.secret_key}\n"
    assert read_identities(kit) == (ADA, BEN)


@pytest.mark.parametrize(
    "text",
    ["", "key", ADA.public_key],
    ids=["nothing", "a word", "a public key"],  # each process makes keys of its own
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(OffsiteError) as refused:
        read_identities(text)
    assert refused.value.code == "invalid_key"


def test_a_key_with_one_wrong_character_is_refused() -> None:
    other = "Q" if ADA.secret_key[-1] != "Q" else "P"
    for last in (other, "B", ""):  # another one, one that no key has, none
        with pytest.raises(OffsiteError) as refused:
            read_identities(ADA.secret_key[:-1] + last)
        assert refused.value.code == "mistyped_key"


def test_nothing_is_encrypted_for_no_one() -> None:
    for recipients in ([], ["age1nobody"]):
        with pytest.raises(OffsiteError):
            encrypt(io.BytesIO(DATA), io.BytesIO(), recipients)


def test_text_is_encrypted_as_letters() -> None:
    armored = encrypt_text("grün", [ADA.public_key])
    assert armored.isascii()
    assert decrypt_text(armored, [ADA]) == "grün"


def test_an_error_of_a_stream_is_the_one_that_is_raised() -> None:
    class Full(io.BytesIO):
        def write(self, _: object, /) -> int:
            raise OSError(28, "No space left on device")

    for act in (
        lambda: encrypt(io.BytesIO(DATA), Full(), [ADA.public_key]),
        lambda: decrypt(io.BytesIO(encrypted()), Full(), [ADA]),
    ):
        with pytest.raises(OSError, match="No space left") as raised:
            act()
        assert raised.value.errno == 28


@pytest.mark.skipif(not AGE, reason="age is not installed; tests/install-tools does")
def test_the_real_program_opens_it(tmp_path: Path) -> None:
    (tmp_path / "kit.txt").write_text(f"# Kit\n{BEN.secret_key}\n")
    (tmp_path / "copy.age").write_bytes(encrypted())
    done = subprocess.run(
        [str(AGE), "-d", "-i", "kit.txt", "copy.age"], cwd=tmp_path, capture_output=True, check=True
    )
    assert done.stdout == DATA
