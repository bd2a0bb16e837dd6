"""Errors of places, copies and keys on a terminal: one line, a next step, an exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from launcher.audit import Actor
from launcher.backup.errors import BackupError, PlaceUnusableError
from launcher.cli.exits import EXIT_CODES, fail
from launcher.cli.failures import Failure, FullDiskFailure, using_database
from launcher.cli.offsite_words import fill, trouble_words
from launcher.cli.output import say
from launcher.cli.shell import typist
from launcher.extensions import db
from launcher.offsite.errors import OffsiteError
from launcher.offsite.troubles import RemoteError, Trouble

_WORDS: Mapping[str, tuple[str, str]] = {
    "destination_not_found": (
        "there is no destination {destination}",
        "`flask destination list` lists them.",
    ),
    "name_taken": ("a destination has this name", "`flask destination list` lists them."),
    "place_taken": (
        "{name} is the same place",
        "Change that destination: `flask destination list` lists them. Or choose another folder.",
    ),
    "copy_not_found": (
        "there is no copy of {backup_id} at this destination",
        "`flask destination copies ID` lists the copies.",
    ),
    "wrong_characters": (
        "these are not the last 4 characters",
        "Read them from the paper or the saved file.",
    ),
    "no_key": (
        "there is no key yet",
        "`flask destination add` creates it with the first encrypted destination.",
    ),
    "invalid_key": (
        "this is no key of age",
        "A secret key starts with AGE-SECRET-KEY-1, a public one with age1.",
    ),
    "mistyped_key": (
        "a character of this key is wrong or missing",
        "Compare it with the recovery kit, or give the file of the kit.",
    ),
    "too_many_keys": (
        "copies can be encrypted for {most} keys",
        "Remove another key first: `flask recovery-kit remove-key`.",
    ),
    "last_recipient": (
        "this is the last key, and copies need one",
        "`flask recovery-kit new-key` replaces it.",
    ),
    "outdated": (
        "the destination was changed at the same time",
        "Run the command again.",
    ),
    "user_in_url": (
        "the option {option} contains a user or a password",
        "Leave them out: the password is asked for, or read from --secret-file.",
    ),
    "secret_option": (
        "{option} is a secret",
        "Give it in --secret-file as {option}=VALUE, or when asked.",
    ),
    "secrets_needed": (
        "the stored secrets are for another server",
        "Give new ones with --new-secret or --secret-file.",
    ),
    "invalid_option": (
        "the option {option} has a value that is not allowed",
        "`flask destination add --help` lists the options.",
    ),
    "key_unreadable": (
        "the recovery key cannot be read",
        "Restore data/recovery_key from the recovery kit, or run `flask recovery-kit new-key`.",
    ),
    "no_copies": (
        "no copies were found there",
        "Check the bucket and the folder. `flask backup recover --help` shows the forms.",
    ),
    "not_opened": (
        "no key that was given opens the copies{keys}",
        "Use the recovery kit of the site that created them.",
    ),
    "invalid_type": (
        "rclone:TYPE: cannot have this type",
        "It has to be a service that stores files. `alias`, `crypt` and others wrap a destination.",
    ),
    "no_key_given": (
        "the copies are encrypted, and no key was given{keys}",
        "Give the recovery kit of the site that created them: --key-file kit.txt.",
    ),
    "copy_damaged": (
        "the copy {backup_id} is damaged",
        "Use another copy: --list shows them, --copy selects one.",
    ),
    "copies_damaged": (
        "the copies there are damaged or incomplete",
        "Check that the place returns the files unchanged. --list shows the copies.",
    ),
    "file_unreadable": (
        "the destinations cannot be read{detail}",
        "Repair {path}, or move it away and add the destinations again.",
    ),
}


class PlaceFailure(Failure):
    """A place cannot be reached or used."""

    exit_code = EXIT_CODES["place_unusable"]


class NotFoundFailure(Failure):
    """There is no such destination or copy."""

    exit_code = EXIT_CODES["backup_not_found"]


class NotOpenedFailure(Failure):
    """The key does not open the copies."""

    exit_code = EXIT_CODES["not_opened"]


class DamagedFailure(Failure):
    """A copy is not what was written."""

    exit_code = EXIT_CODES["verification_failed"]


_KINDS: Mapping[str, type[Failure]] = {
    "destination_not_found": NotFoundFailure,
    "copy_not_found": NotFoundFailure,
    "no_copies": NotFoundFailure,
    "not_opened": NotOpenedFailure,
    "no_key_given": NotOpenedFailure,
    "invalid_key": NotOpenedFailure,
    "mistyped_key": NotOpenedFailure,
    "copy_damaged": DamagedFailure,
    "copies_damaged": DamagedFailure,
    "file_unreadable": PlaceFailure,
}


@contextmanager
def offsite_errors() -> Iterator[None]:
    """Raise the errors of places, copies and keys as failures of a command."""
    try:
        yield
    except OffsiteError as error:
        is_type = error.code == "invalid_option" and error.facts.get("option") == "type"
        code = "invalid_type" if is_type else error.code
        sentence, hint = (fill(words, error.facts) for words in _WORDS[code])
        raise _KINDS.get(error.code, Failure)(sentence, hint=hint) from error
    except RemoteError as error:
        raise place_failure(error.trouble, error.facts, error.answer) from error
    except TimeoutError as error:
        raise Failure("someone else is changing the destinations", hint="Try again.") from error
    except PlaceUnusableError as error:
        trouble, answer = Trouble(str(error.facts["cause"])), str(error.facts.get("answer", ""))
        raise place_failure(trouble, error.facts, answer) from error
    except BackupError as error:
        fail(error)


def place_failure(trouble: Trouble, facts: Mapping[str, object], answer: str = "") -> Failure:
    """Return the failure for what a place could not do."""
    is_type = trouble is Trouble.WRONG_OPTIONS and facts.get("option") == "type"
    sentence, hint = _WORDS["invalid_type"] if is_type else trouble_words(trouble, facts)
    kind = FullDiskFailure if trouble is Trouble.FULL else PlaceFailure
    return kind(f"{sentence} (answer: {answer})" if answer else sentence, hint=hint)


def keep_entry(record: Callable[..., None], *facts: object, **more: object) -> None:
    """Add an entry of a change to the audit log; the change stands, even where it takes none."""
    try:
        with using_database():
            record(*facts, actor=Actor(typist()), **more)
            db.session.commit()
    except Failure as failure:
        say(f"No entry was added to the audit log: {failure.message}.")
    except SQLAlchemyError as error:
        first_line = str(error).partition("\n")[0]
        say(f"No entry was added to the audit log: {first_line}.")
