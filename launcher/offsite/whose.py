"""Whose the copies at a destination are: which manifests this site wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from launcher.backup.records.backup import Backup
from launcher.offsite.age import Identity
from launcher.offsite.copy_manifest import CopyManifest, describes
from launcher.offsite.keys import OwnKey
from launcher.offsite.records import StoredCopy


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose copies these are.

    Attributes:
        site: the name of this installation.
        writer: the name of this data directory.
        keys: the secret keys that are here, newest first.
        backups: the backups that are here; a copy of one of them holds the same.
    """

    site: str
    writer: str
    keys: Sequence[OwnKey] = ()
    backups: Sequence[Backup] = ()

    @property
    def identities(self) -> Sequence[Identity]:
        """The keys as age takes them."""
        return [each.identity for each in self.keys]

    @property
    def public_keys(self) -> set[str]:
        """The public keys of the secret ones that are here."""
        return {each.public_key for each in self.keys}

    def wrote(self, manifest: CopyManifest, known: StoredCopy | None) -> bool:
        """Whether this site wrote a manifest, as far as its keys can say.

        Without a key here nothing can be said. With one, a copy is proved by it, or was written
        without a proof when there could be none: while the secret key was away, so that the ledger
        has the bytes, or before the first key, and not encrypted. Anyone can date a copy back to
        before the key: it counts until a newer backup is copied.

        Args:
            manifest: read with these keys.
            known: the copy of the same id in the ledger.
        """
        if manifest.site != self.site:
            return False
        if manifest.proved_by or not self.keys:
            return True
        return _wrote_without_key(known, manifest, self.public_keys) or self._is_before(manifest)

    def _is_before(self, manifest: CopyManifest) -> bool:
        """Whether a manifest says that it is older than the first key."""
        since = self.keys[-1].created_at
        is_older = since is not None and max(manifest.created_at, manifest.copied_at) < since
        return is_older and not manifest.recipients

    def may_open(self, copy: StoredCopy) -> bool:
        """Whether a copy of which only the clear part is known can be opened by now."""
        return copy.backup.file is None and not self.public_keys.isdisjoint(copy.recipients)


def _wrote_without_key(
    known: StoredCopy | None, manifest: CopyManifest, public_keys: set[str]
) -> bool:
    """Whether the ledger has the bytes of a manifest that none of these keys proved."""
    return (
        known is not None
        and known.is_ours
        and known.proved_by not in public_keys
        and known.backup.file is not None
        and describes(manifest, known)
    )
