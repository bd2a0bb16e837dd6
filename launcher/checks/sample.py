"""The checks of sample content: they request nothing, and their results stay near the last."""

from __future__ import annotations

import time
import zlib

from launcher.checks.outcome import Outcome, Phases, Reason
from launcher.checks.spec import CheckSpec
from launcher.models.health import Health

_SWING = 0.15


def sample_outcome(spec: CheckSpec, *, minute: int | None = None) -> Outcome:
    """Return a result like the last: of the same state, its time by up to 15 % another.

    It is the same for one minute. Times do not drift: half of each comes from the app's id.
    """
    minute = int(time.time() // 60) if minute is None else minute
    last = spec.sample
    if last.state is Health.DOWN:
        reason = Reason(last.error) if last.error in set(Reason) else Reason.HTTP_CODE
        facts = dict(last.facts) or (
            {"code": last.code or 502} if last.code or not last.error else {}
        )
        return Outcome(Health.DOWN, reason, facts, last.ms, last.code)
    is_slow = last.state is Health.SLOW
    usual = 8 + zlib.crc32(b"%d" % spec.app_id) % 90
    if is_slow:
        usual += spec.slow_ms
    swing = zlib.crc32(b"%d %d" % (spec.app_id, minute)) % 2001 / 1000 - 1
    ms = round(((last.ms or usual) + usual) / 2 * (1 + _SWING * swing))
    ms = max(ms, spec.slow_ms) if is_slow else min(max(ms, 1), spec.slow_ms - 1)
    return Outcome(
        Health.SLOW if is_slow else Health.UP, ms=ms, code=last.code or 200,
        phases=Phases(0, 0, None, ms),
    )  # fmt: skip
