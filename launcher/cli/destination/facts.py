"""Destinations and copies as JSON has them: never a secret."""

from __future__ import annotations

from launcher.backup.codec import encode
from launcher.backup.errors import BackupError
from launcher.cli.shell import read_current_settings
from launcher.current import current_offsite
from launcher.offsite.addresses import address_of
from launcher.offsite.records import Destination, StoredCopy
from launcher.offsite.status import DestinationStatus, OffsiteStatus
from launcher.settings.table import SiteSettings


def read_status() -> OffsiteStatus:
    """Return how all destinations stand; where the settings cannot be read, by the defaults."""
    current_offsite().settings()  # one that cannot be read is an error here
    try:
        site = read_current_settings()
    except BackupError:
        site = SiteSettings.of({})
    return current_offsite().status(site)


def facts_of(destination: Destination) -> dict[str, object]:
    """Return what was entered; of secrets only their names."""
    facts: dict[str, object] = encode(destination)
    facts["secrets"] = sorted(destination.secrets)
    return {**facts, "address": address_of(destination)}


def status_facts(status: DestinationStatus) -> dict[str, object]:
    """Return a destination as it stands."""
    ledger = status.ledger
    newest = status.newest_good
    return {
        **facts_of(status.destination),
        "standing": status.standing,
        "copies": len(ledger.copies),
        "copies_bytes": sum(copy.size_bytes for copy in ledger.copies),
        "owed": [backup.id for backup in status.owed],
        "owed_bytes": status.owed_bytes,
        "newest_good": newest and {"id": newest.id, "created_at": newest.backup.created_at},
        "stale_at": status.stale_at,
        "damaged": [copy.id for copy in status.damaged],
        "replaced": ledger.replaced,
        "only_here": [copy.id for copy in status.only_here],
        "needs_old_key": status.needs_old_key,
        "strange": list(ledger.strange),
        "strange_count": ledger.strange_count,
        "listed_at": ledger.listed_at,
        "copied_at": ledger.copied_at,
        "free_bytes": ledger.free_bytes,
        "trouble": ledger.trouble,
        "read_trouble": ledger.read_trouble,
        "progress": status.progress,
    }


def copy_facts(copy: StoredCopy) -> dict[str, object]:
    """Return a copy."""
    return {
        "id": copy.id,
        "created_at": copy.backup.created_at,
        "kind": copy.backup.kind,
        "state": copy.state,
        "name": copy.name,
        "size_bytes": copy.size_bytes,
        "sha256": copy.sha256,
        "copied_at": copy.copied_at,
        "recipients": sorted(copy.recipients),
        "proved_by": copy.proved_by,
        "read_at": copy.read_at,
        "tested_at": copy.tested_at,
        "is_ours": copy.is_ours,
    }
