"""Why a page was not fetched, as data."""

from __future__ import annotations

import time
from enum import StrEnum


class Problem(StrEnum):
    """What was wrong. `NOT_A_PAGE` is any answer that is not a web page, or none before the end."""

    NO_ANSWER = "no_answer"
    REFUSED_ADDRESS = "refused_address"
    OWN_ADDRESS = "own_address"
    PRIVATE_OFF = "private_off"
    TOO_LARGE = "too_large"
    NOT_HTTP = "not_http"
    UNKNOWN_NAME = "unknown_name"
    NOT_REACHED = "not_reached"
    TLS = "tls"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    NOT_A_PAGE = "not_a_page"
    DISABLED = "disabled"
    BUSY = "busy"


class FetchError(Exception):
    """A request that did not succeed, and why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.value)
        self.problem = problem


class Deadline:
    """The moment at which everything that shares it has ended."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def left_s(self) -> float:
        """Return the seconds that are left, more than 0.

        Raises:
            FetchError: none are left; `NO_ANSWER`.
        """
        left = self._at - time.monotonic()
        if left <= 0:
            raise FetchError(Problem.NO_ANSWER)
        return left
