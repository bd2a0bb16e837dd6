"""What cannot be done with destinations, keys and copies."""

from __future__ import annotations


class OffsiteError(Exception):
    """Something that was asked of destinations, keys or copies cannot be done.

    Attributes:
        code: `destination_not_found`, `name_taken`, `copy_not_found`, `wrong_characters`, `no_key`,
            `invalid_key`, `mistyped_key`, `secrets_needed`, `outdated` (it is not as it was seen),
            `place_taken` (another destination is the same place; fact `name`), `last_recipient`,
            `invalid_option`, `file_unreadable`, `key_unreadable`, `not_opened` (none of the keys
            opens it), `no_key_given`, `copy_damaged`, `copies_damaged` (all of them),
            `test_running` (try again in a minute), `user_in_url` (a user or a password in a URL or
            host), `secret_option` (a secret among the options), `too_many_keys` (fact `most`).
        facts: what its words need.
    """

    def __init__(self, code: str, **facts: str | int) -> None:
        super().__init__(code, *(f"{name}={fact}" for name, fact in facts.items()))
        self.code = code
        self.facts = facts
