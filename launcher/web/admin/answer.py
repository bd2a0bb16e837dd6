"""What the one primary button of the panel does."""

from __future__ import annotations

from enum import StrEnum

from launcher.watch import Concern, Findings, Headline, Tone


class PrimaryAction(StrEnum):
    """What helps most."""

    BACK_UP = "back_up"
    MAKE_ROOM = "make_room"
    LOOK_AGAIN = "look_again"


def primary_action(findings: Findings) -> PrimaryAction:
    """Return what helps most against what is wrong."""
    bad = {trouble.concern for trouble in findings.troubles if trouble.tone is Tone.BAD}
    if findings.headline is Headline.STORE_AWAY or Concern.READ_ONLY in bad:
        return PrimaryAction.LOOK_AGAIN
    if Concern.LOW_SPACE in bad:
        return PrimaryAction.MAKE_ROOM
    return PrimaryAction.BACK_UP
