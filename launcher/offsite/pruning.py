"""Remove the copies at a destination that retention there no longer keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from launcher.backup.store.names import manifest_name
from launcher.offsite.records import Ledger, StoredCopy
from launcher.offsite.remote import Remote
from launcher.offsite.troubles import RemoteError, Trouble

_KEPT_EVERY = 20


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

    A process that is killed in between leaves data without a manifest. The ledger still has that
    copy, as missing, so the next run removes the rest.

    Raises:
        DeleteDeniedError, RemoteError: what was removed before is in the ledger no more.
    """
    for count, copy in enumerate(going, start=1):
        try:
            may_go_on()
            remote.delete(manifest_name(copy.id))
            remote.delete(copy.name)
        except RemoteError as error:
            keep(ledger)
            if error.trouble is Trouble.DENIED:
                raise DeleteDeniedError from error
            raise
        except BaseException:
            keep(ledger)
            raise
        ledger = replace(ledger, copies=tuple(each for each in ledger.copies if each is not copy))
        if count % _KEPT_EVERY == 0 or count == len(going):
            keep(ledger)
