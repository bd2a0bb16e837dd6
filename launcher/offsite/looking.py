"""The search of a place in a process of its own, for a page that may not wait for ever.

A process that serves pages imports no adapter, and a place that never answers ends with the child.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace

from launcher.background.child import answering, started
from launcher.backup.codec import DecodeError, decode, encode, parse
from launcher.offsite.age import Identity, read_identities
from launcher.offsite.errors import OffsiteError
from launcher.offsite.found import FoundPlace, look
from launcher.offsite.records import Destination
from launcher.offsite.troubles import RemoteError, Trouble

_NEEDED_VARIABLES = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "VIRTUAL_ENV",
    "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE")  # fmt: skip
_MOST_OF_A_SITE, _MOST = 200, 1_500  # what a child may answer is limited


@dataclass(frozen=True, slots=True)
class _Search:
    place: Destination
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class _Result:
    """What was found, or why nothing was: a trouble of the place, or the code of an error."""

    found: FoundPlace | None = None
    trouble: Trouble | None = None
    code: str = ""
    facts: dict[str, str | int] = field(default_factory=dict)
    answer: str = ""


def look_in_child(place: Destination, key: str, *, deadline_s: float = 45.0) -> FoundPlace:
    """Return what `found.look` finds, with the keys in the text `key`, in a process of its own.

    Of each site only the newest 200 copies are returned, fewer where there are many sites.

    Raises:
        RemoteError: `TIMED_OUT` where the deadline came first.
        OffsiteError: `no_copies`, `invalid_key`, `mistyped_key`.
    """
    environment = {name: os.environ[name] for name in _NEEDED_VARIABLES if name in os.environ}
    with started("launcher.offsite.looking", environment=environment) as child:
        answer = child.ask(json.dumps(encode(_Search(place, key))), timeout_s=deadline_s)
    if answer.is_late:
        raise RemoteError(Trouble.TIMED_OUT)
    try:
        result = decode(_Result, parse(answer.output))
    except DecodeError as error:
        raise RemoteError(Trouble.NO_ANSWER_KNOWN, detail=f"exit {answer.code}") from error
    if result.trouble is not None:
        raise RemoteError(result.trouble, answer=result.answer, **result.facts)
    if result.found is None:
        raise OffsiteError(result.code, **result.facts)
    return result.found


# --- in the other process ----------------------------------------------------------------


def main() -> None:
    """Answer the search on standard input."""
    with answering() as (request, stream):
        stream.write(json.dumps(encode(_answer(request))))


def _answer(request: str) -> _Result:
    search = decode(_Search, parse(request))
    identities: tuple[Identity, ...] = ()
    try:
        if search.key.strip():
            identities = read_identities(search.key)
        return _Result(found=_newest(look(search.place, identities)))
    except RemoteError as error:
        return _Result(trouble=error.trouble, facts=dict(error.facts), answer=error.answer)
    except OffsiteError as error:
        return _Result(code=error.code, facts=dict(error.facts))


def _newest(found: FoundPlace) -> FoundPlace:
    most = min(_MOST_OF_A_SITE, max(1, _MOST // len(found.sites)))
    sites = (replace(each, copies=each.copies[:most]) for each in found.sites[:_MOST])
    return FoundPlace(tuple(sites))


if __name__ == "__main__":
    main()
