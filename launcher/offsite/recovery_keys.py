"""The keys that copies are encrypted for, and the recovery kit of the newest own one."""

from __future__ import annotations

from collections.abc import Sequence, Set
from contextlib import suppress
from dataclasses import replace

from launcher.backup.ports import Clock
from launcher.backup.records.text import clean_note, readable
from launcher.offsite.age import MOST_RECIPIENTS, read_public_key
from launcher.offsite.entering import MAX_NAME
from launcher.offsite.errors import OffsiteError
from launcher.offsite.files import SettingsFile
from launcher.offsite.keys import KeyFile
from launcher.offsite.kit import Kit, make_kit, not_in_kit, ways_of
from launcher.offsite.records import Destination, Destinations, Recipient
from launcher.offsite.standing import kit_state, newest_own
from launcher.offsite.status import KitState


class RecoveryKeys:
    """Own keys, keys of others, and the kit. What changes something raises as `OffsiteService`."""

    def __init__(self, entered: SettingsFile, file: KeyFile, *, clock: Clock) -> None:
        """
        Args:
            entered: the recipients, and which kit was confirmed.
            file: the secret keys.
            clock: gives the moment.
        """
        self._entered = entered
        self._file = file
        self._clock = clock

    def kit_state(self) -> KitState:
        """Return how the recovery kit stands. Cheaper than all of `status`."""
        with suppress(OffsiteError):
            return kit_state(self._entered.read(), self._file)
        return KitState.NONE

    def not_in_kit(self) -> Sequence[Destination]:
        """Return the destinations that the confirmed kit does not name as they are reached now.

        None while no kit is confirmed: its state says that.
        """
        with suppress(OffsiteError):
            entered = self._entered.read()
            if kit_state(entered, self._file) is KitState.CONFIRMED:
                return not_in_kit(entered)
        return ()

    def kit(self, *, site_name: str) -> Kit:
        """Return the recovery kit of the newest own key.

        Raises:
            OffsiteError: `no_key`: there is none, or its secret key is not in the data directory.
                `key_unreadable`.
        """
        entered = self._entered.read()
        newest = newest_own(entered)
        keys = self._file.read()
        own = next((each for each in keys if newest and each.public_key == newest.public_key), None)
        if newest is None or own is None:
            raise OffsiteError("no_key")
        return make_kit(
            [own, *(each for each in keys if each is not own)],
            entered.destinations,
            site=entered.site,
            site_name=site_name,
            created_at=own.created_at or newest.added_at or self._clock(),
        )

    def keys_of_kit(self) -> Set[str]:
        """Return the public keys of the kit: of the newest own key, and of each older one here."""
        keys: set[str] = set()
        with suppress(OffsiteError):
            keys |= {each.public_key for each in self._entered.read().recipients if each.is_own}
            keys |= {each.public_key for each in self._file.read()}
        return keys

    def confirm_kit(self, characters: str, *, by: str) -> None:
        """Record that someone has the kit, by the last four characters of its secret key.

        Raises:
            OffsiteError: `wrong_characters`, `no_key`, `key_unreadable`.
        """

        def change(entered: Destinations) -> Destinations:
            newest = newest_own(entered)
            known = {each.public_key: each for each in self._file.read()}
            if newest is None or newest.public_key not in known:
                raise OffsiteError("no_key")
            if not known[newest.public_key].ends_with(characters):
                raise OffsiteError("wrong_characters")
            return replace(
                entered,
                kit_confirmed_key=newest.public_key,
                kit_confirmed_at=self._clock(),
                kit_confirmed_by=readable(by),
                kit_confirmed_ways=ways_of(entered.destinations),
            )

        self._entered.change(change)

    def new_key(self, *, by: str) -> str:
        """Make a new key; copies from now on are for it and the other recipients, not the old.

        The old secret key stays in `recovery_key`, for the copies that need it. Returns the new
        public key.
        """
        del by  # the door records who
        made: list[str] = []

        def change(entered: Destinations) -> Destinations:
            with_new = self._with_new_key(entered)
            made.append(with_new.recipients[0].public_key)
            return with_new

        self._entered.change(change)
        return made[0]

    def add_recipient(self, public_key: str, label: str, *, by: str) -> None:
        """Encrypt new copies for this public key as well.

        Raises:
            OffsiteError: `invalid_key`, `name_taken` (there already), `too_many_keys`.
        """
        del by  # the door records who
        key = read_public_key(public_key)

        def change(entered: Destinations) -> Destinations:
            if any(each.public_key == key for each in entered.recipients):
                raise OffsiteError("name_taken", name=key)
            # One is for the key of the kit, also where it is not created yet.
            if sum(not each.is_own for each in entered.recipients) >= MOST_RECIPIENTS - 1:
                raise OffsiteError("too_many_keys", most=MOST_RECIPIENTS)
            new = Recipient(key, clean_note(label)[:MAX_NAME], added_at=self._clock())
            return replace(entered, recipients=(*entered.recipients, new))

        self._entered.change(change)

    def remove_recipient(self, public_key: str, *, by: str) -> None:
        """Encrypt new copies no longer for this key.

        Raises:
            OffsiteError: `invalid_key`: it is none of them. `last_recipient`: it is the last one,
                or the one of the kit, which a new key replaces.
        """
        del by  # the door records who

        def change(entered: Destinations) -> Destinations:
            going = [each for each in entered.recipients if each.public_key == public_key.strip()]
            if not going:
                raise OffsiteError("invalid_key")
            if going[0].is_own or len(entered.recipients) == 1:
                raise OffsiteError("last_recipient")
            rest = tuple(each for each in entered.recipients if each is not going[0])
            return replace(entered, recipients=rest)

        self._entered.change(change)

    def with_needed_key(self, entered: Destinations) -> Destinations:
        """Return the settings with an own key where something is encrypted and there is none."""
        needs_one = any(each.encrypt for each in entered.destinations)
        return self._with_new_key(entered) if needs_one and not newest_own(entered) else entered

    def _with_new_key(self, entered: Destinations) -> Destinations:
        now = self._clock()
        key = self._file.add(now=now)
        others = tuple(each for each in entered.recipients if not each.is_own)
        return replace(
            entered, recipients=(Recipient(key.public_key, is_own=True, added_at=now), *others)
        )
