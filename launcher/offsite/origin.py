"""The proof that a copy comes from the holder of a secret key.

Public keys stand in each manifest, so anyone who can write at a destination can encrypt for them.
The secret key is in the data directory and in the kit alone: what is made with it, no one else
makes. Other recipients open copies, and can prove none.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping

from launcher.backup.manifest import canonical
from launcher.offsite.age import Identity

_USE = b"launcher copy manifest 1"
"""What the key is derived for, so that age and the proof never use the same one."""


def proof_of(facts: Mapping[str, object], identity: Identity) -> dict[str, str]:
    """Return the proof of all facts of a manifest: the public key, and the code made with its pair.

    The code is the HMAC-SHA256 of the facts, with a key that is derived from the secret one.
    """
    key = hmac.digest(identity.secret_key.encode(), _USE, "sha256")
    return {identity.public_key: hmac.digest(key, canonical(facts), "sha256").hex()}


def prover_of(facts: Mapping[str, object], proof: object, identities: Iterable[Identity]) -> str:
    """Return the public key of the identity that made `proof` of these facts, "" for none of them.

    `proof` is what a manifest says, of whatever type.
    """
    claims = proof if isinstance(proof, dict) else {}
    for identity in identities:
        claim = claims.get(identity.public_key)
        if not isinstance(claim, str) or not claim.isascii():
            continue
        if hmac.compare_digest(claim, proof_of(facts, identity)[identity.public_key]):
            return identity.public_key
    return ""
