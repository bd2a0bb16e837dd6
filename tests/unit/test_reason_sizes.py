"""Sizes in the sentences of reasons: what is there never reads as nothing."""

from __future__ import annotations

import pytest

from launcher.backup.reasons import Fault, Reason


@pytest.mark.parametrize(
    ("required", "available", "said"),
    [
        (61_440, 49_152, "needs 62 kB in /data, and 49 kB are free"),
        (1_000_001, 999_999, "needs 1.1 MB in /data, and 999 kB are free"),
        (20_000_000, 12_345_678, "needs 20.0 MB in /data, and 12.3 MB are free"),
        (61_440, 0, "needs 62 kB in /data, and 0 kB are free"),
    ],
)
def test_less_than_a_megabyte_is_written_in_kilobytes(
    required: int, available: int, said: str
) -> None:
    facts = {
        "what": "the upload",
        "path": "/data",
        "required_bytes": required,
        "available_bytes": available,
    }
    assert said in str(Fault(Reason.NO_SPACE, facts))
