"""The speed of an upload is kept, and a pause is not made up for."""

from __future__ import annotations

from launcher.offsite.limits import Limiter


class FakeTime:
    def __init__(self) -> None:
        self.s = 100.0

    def now(self) -> float:
        return self.s

    def sleep(self, s: float) -> None:
        self.s += s


def test_as_many_bytes_pass_in_a_second_as_the_limit_says() -> None:
    time = FakeTime()
    limiter = Limiter(1000, now=time.now, sleep=time.sleep)
    for _ in range(50):
        limiter.take(100)
    assert round(time.s, 6) == 105


def test_a_pause_is_not_made_up_for() -> None:
    time = FakeTime()
    limiter = Limiter(1000, now=time.now, sleep=time.sleep)
    limiter.take(100)
    time.s += 60
    limiter.take(1000)
    assert round(time.s, 6) == 161.1


def test_without_a_limit_nothing_waits() -> None:
    time = FakeTime()
    limiter = Limiter(0, now=time.now, sleep=time.sleep)
    limiter.take(1 << 40)
    assert (time.s, limiter.piece_bytes(1 << 16)) == (100.0, 1 << 16)


def test_a_low_limit_is_kept_by_small_pieces() -> None:
    limiter = Limiter(50_000)
    assert limiter.piece_bytes(1 << 16) == 5000
    assert Limiter(100).piece_bytes(1 << 16) == 1024
