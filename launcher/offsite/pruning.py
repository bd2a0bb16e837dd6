"""Remove the copies at a destination that retention there no longer keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from launcher.backup.store.names import manifest_name
from launcher.offsite.records import CopyState, Ledger, StoredCopy
from launcher.offsite.remote import Remote
from launcher.offsite.troubles import RemoteError, Trouble

_AT_ONCE = 20


class DeleteDeniedError(Exception):
    """This access may not delete: that is a strength, and no failure."""


def remove_copies(
    remote: Remote,
    ledger: Ledger,
    going: Sequence[StoredCopy],
    *,
    keep: Callable[[Ledger], None],
    may_go_on: Callable[[], object],
) -> None:
    """Remove copies, the manifest of each before its data, and keep the ledger without them.

    They are kept as missing first, so that a killed process leaves none in the ledger as good that
    is gone. What it leaves there, data without a manifest, the next run removes.

    Raises:
        DeleteDeniedError, RemoteError: what was removed before is in the ledger no more.
    """
    for start in range(0, len(going), _AT_ONCE):
        ledger = _remove_some(
            remote, ledger, going[start : start + _AT_ONCE], keep=keep, may_go_on=may_go_on
        )


def _remove_some(
    remote: Remote,
    ledger: Ledger,
    going: Sequence[StoredCopy],
    *,
    keep: Callable[[Ledger], None],
    may_go_on: Callable[[], object],
) -> Ledger:
    ids = {each.id for each in going}
    keep(_with(ledger, lambda copy: _missing(copy) if copy.id in ids else copy))
    gone: set[str] = set()
    begun: set[str] = set()

    def removed(copy: StoredCopy) -> StoredCopy | None:
        if copy.id in gone:
            return None
        return _missing(copy) if copy.id in begun else copy

    try:
        for copy in going:
            may_go_on()
            remote.delete(manifest_name(copy.id))
            begun.add(copy.id)
            remote.delete(copy.name)
            gone.add(copy.id)
    except RemoteError as error:
        if error.trouble is Trouble.DENIED:
            raise DeleteDeniedError from error
        raise
    finally:
        ledger = _with(ledger, removed)
        keep(ledger)
    return ledger


def _with(ledger: Ledger, change: Callable[[StoredCopy], StoredCopy | None]) -> Ledger:
    """Return a ledger with each copy changed; those of which nothing is left are out of it."""
    changed = (change(each) for each in ledger.copies)
    return replace(ledger, copies=tuple(each for each in changed if each is not None))


def _missing(copy: StoredCopy) -> StoredCopy:
    return replace(copy, state=CopyState.MISSING)
