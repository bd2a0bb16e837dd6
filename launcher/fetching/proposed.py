"""What a proposal is, apart from how it is made: that needs libraries which few processes do."""

from __future__ import annotations

from dataclasses import dataclass

from launcher.fetching.problems import Problem

DEADLINE_S = 5.0


@dataclass(frozen=True, slots=True)
class Proposal:
    """What to call an app and which icon to give it.

    Attributes:
        name: "" when there is nothing to propose.
        icon: the bytes of an image as they came, None without one.
        icon_name: what it is called: the app, or its host.
        problem: why the page was not read; the name is then that of the host.
        host: what was asked, in words for a sentence.
    """

    name: str = ""
    icon: bytes | None = None
    icon_name: str = ""
    problem: Problem | None = None
    host: str = ""
