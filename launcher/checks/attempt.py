"""One try while it runs: its deadline, the phase it is in, and what it has seen so far."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from launcher.checks.outcome import Certificate, Outcome, Phase, Phases, Reason
from launcher.checks.resolver import RESOLVER, Resolver
from launcher.fetching.addresses import AddressRules
from launcher.fetching.problems import Problem
from launcher.models.health import Health

_NOT_REQUESTED = {Reason.REDIRECT_REFUSED, Reason.ADDRESS_REFUSED, Reason.OWN_ADDRESS}


class CheckFailedError(Exception):
    """A check found its app down, and why."""

    def __init__(self, reason: Reason, **facts: object) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.facts = facts


@dataclass(slots=True)
class Attempt:
    """What one try knows. Its fields are those of `Outcome`, as far as it has come."""

    limit_s: float
    rules: AddressRules
    resolver: Resolver = RESOLVER
    began_at: float = field(default_factory=time.monotonic)
    phase: Phase = Phase.NAME
    has_answer_begun: bool = False
    host: str = ""
    port: int = 0
    address: str = ""
    connected_port: int = 0
    certificate: Certificate | None = None
    code: int | None = None
    method: str = ""
    head_code: int | None = None
    redirects: list[str] = field(default_factory=list)
    spent_s: dict[Phase, float] = field(default_factory=dict)

    @property
    def left_s(self) -> float:
        """The seconds until the deadline."""
        return self.began_at + self.limit_s - time.monotonic()

    @contextmanager
    def during(self, phase: Phase) -> Iterator[None]:
        """Be in `phase` inside the block; its time counts if the block succeeds."""
        self.phase = phase
        began = time.monotonic()
        yield
        self.spent_s[phase] = self.spent_s.get(phase, 0.0) + time.monotonic() - began

    def head_towards(self, host: str, port: int) -> None:
        """Note what is requested next: reasons name it."""
        self.host, self.port = host, port
        self.has_answer_begun = False

    def judge(self, address: str) -> CheckFailedError | None:
        """Return why `address` must not be connected to, or None."""
        problem = self.rules.problem_of(address, self.port)
        if problem is None:
            return None
        if problem is Problem.OWN_ADDRESS:
            return CheckFailedError(Reason.OWN_ADDRESS)
        reason = Reason.REDIRECT_REFUSED if self.redirects else Reason.ADDRESS_REFUSED
        return CheckFailedError(reason, address=address)

    def out_of_time(self) -> CheckFailedError:
        """Return the reason when the deadline came in this phase."""
        match self.phase:
            case Phase.NAME:
                reason = Reason.NAME_SLOW
            case Phase.BODY:
                reason = Reason.BODY_SLOW
            case Phase.ANSWER if self.has_answer_begun:
                reason = Reason.HEAD_SLOW
            case _:
                return CheckFailedError(Reason.NO_ANSWER, phase=self.phase.value, **self._limit())
        return CheckFailedError(reason, **self._limit())

    def _limit(self) -> dict[str, float]:
        return {"limit_s": int(self.limit_s) if self.limit_s.is_integer() else self.limit_s}

    def succeeded(self, *, slow_ms: int) -> Outcome:
        """Return the outcome of an app that is up, or slow."""
        phases = self._phases(None)
        is_slow = phases.total_ms >= slow_ms
        return self._outcome(Health.SLOW if is_slow else Health.UP, phases, phases.total_ms)

    def failed(self, error: CheckFailedError) -> Outcome:
        """Return the outcome of an app that is down."""
        has_answered = self.code is not None
        is_ours = error.reason in _NOT_REQUESTED
        phases = self._phases(None if has_answered or is_ours else self.phase)
        ms = phases.total_ms if has_answered else None
        facts = {"host": self.host, "port": self.port, **error.facts}
        return self._outcome(Health.DOWN, phases, ms, error.reason, facts)

    def _outcome(
        self,
        state: Health,
        phases: Phases,
        ms: int | None,
        reason: Reason | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> Outcome:
        return Outcome(
            state=state,
            reason=reason,
            facts=facts or {},
            ms=ms,
            code=self.code,
            phases=phases,
            certificate=self.certificate,
            address=self.address,
            port=self.connected_port,
            method=self.method,
            head_code=self.head_code,
            redirects=tuple(self.redirects),
        )

    def _phases(self, failed: Phase | None) -> Phases:
        def ms(phase: Phase) -> int | None:
            spent_s = self.spent_s.get(phase)
            return None if spent_s is None else round(spent_s * 1000)

        return Phases(ms(Phase.NAME), ms(Phase.CONNECT), ms(Phase.TLS), ms(Phase.ANSWER), failed)
