"""Bring a copy back from a place, on a machine that may know nothing of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

from launcher.backup.errors import BackupError, VerificationError
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Backup
from launcher.cli.backup.group import backup
from launcher.cli.backup.plan import say_plan
from launcher.cli.backup.restore import say_consequences, say_outcome
from launcher.cli.backup.show import contents
from launcher.cli.exits import handle_backup_errors
from launcher.cli.output import moment, print_json, print_result, print_table, say, size
from launcher.cli.place_options import place_options, read_place
from launcher.cli.progress import bars
from launcher.cli.shell import json_option, require_word, typist, yes_option
from launcher.current import current_backups, current_config
from launcher.offsite.age import Identity, read_identities
from launcher.offsite.errors import OffsiteError
from launcher.offsite.files import OffsiteFiles
from launcher.offsite.found import Doubt, FoundCopy, FoundPlace, FoundSite, keys_of, look, place_of
from launcher.offsite.keys import KeyFile
from launcher.offsite.records import Destination
from launcher.offsite.recover import bring
from launcher.offsite.troubles import RemoteError, Trouble

_DOUBTS: Mapping[Doubt | None, str] = {
    Doubt.NOT_PROVED: "not confirmed to come from the holder of this key",
    Doubt.NOT_READ: "not read yet",
    Doubt.NOT_ENCRYPTED: "not encrypted, although the others are",
    Doubt.FROM_FUTURE: "dated in the future by the clock here",
}
_NAMED = 5
"""So many incomplete copies, or sites, are named: a stranger may have added thousands."""
_MOST_KEY_BYTES = 64 << 10
_NONE_CONFIRMED = "no copy there is confirmed to come from the holder of this key"
_CONFIRMED_BY = (
    "The key of an additional recipient opens copies and cannot confirm them. Use the recovery kit"
    " of the site, or choose a copy that you trust with --copy ID."
)


@backup.command()
@click.argument("address")
@place_options
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    help="Recovery kit, or a file with its key. Asked for if needed.",
)
@click.option("--list", "only_lists", is_flag=True, help="List the copies and stop.")
@click.option("--copy", "copy_id", metavar="ID", default="", help="Copy to restore.")
@click.option(
    "--site", "site_id", metavar="SITE", default="", help="Site, where there are several."
)
@yes_option
@json_option
@partial(handle_backup_errors, creates_database=False)  # the restore creates it
def recover(
    address: str,
    key_file: Path | None,
    *,
    only_lists: bool,
    copy_id: str,
    site_id: str,
    yes: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Restore the newest good copy from another place.

    ADDRESS is s3://BUCKET/FOLDER, /a/folder or rclone:TYPE:FOLDER. Needs no database and no
    destination, only the access to the place and the recovery kit. Nothing is changed there.

    On an empty data directory it does not ask. Otherwise it shows the plan, asks, and creates a
    safety backup, as `flask backup restore` does.

    \b
    Examples:
      flask backup recover /mnt/usb/launcher --list
      flask backup recover s3://ada-launcher/home --key-file kit.txt \\
        --endpoint https://s3.eu-central-003.backblazeb2.com
    """
    with _place_errors():
        place, identities = _place(address, given), _identities(key_file)
        find = partial(look, place, site_id=site_id, backup_id=copy_id)
        say("Looking for copies.")
        found = find(identities, are_given=key_file is not None)
        if not (only_lists or key_file or _opens(found, copy_id)) and found.needed:
            identities = (*identities, *_asked_key(found))
            found = find(identities)
        if only_lists:
            _show(found, as_json=as_json)
            return
        is_bare = _is_bare()
        brought = _bring(place, identities, found, copy_id)
    say(f"Contents: {contents(brought) or 'not known'}.")
    service = current_backups()
    if not (yes or is_bare):
        with bars() as on_progress:
            plan = service.plan(brought.id, by=typist(), on_progress=on_progress)
        say_plan(plan)
        say_consequences(plan)
        require_word("restore")
    with bars() as on_progress:
        outcome = service.restore(
            brought.id,
            by=typist(),
            keep_schedule=not is_bare,
            expected_live="" if is_bare else None,  # another recovery may have ended meanwhile
            on_progress=on_progress,
        )
    say_outcome(outcome)
    say("Sign in with an account from the copy.")
    say("Then add the destination again: `flask destination add NAME ADDRESS`.")
    print_result(outcome, outcome.plan.source, as_json=as_json)


@contextmanager
def _place_errors() -> Iterator[None]:
    """Raise the errors of places, copies and keys as failures of a command.

    Their words are imported once there is one: with SQLAlchemy they take half a second.
    """
    try:
        yield
    except (OffsiteError, RemoteError, TimeoutError, BackupError):
        from launcher.cli.offsite_failures import offsite_errors  # noqa: PLC0415 (SQLAlchemy)

        with offsite_errors():
            raise


def _place(address: str, given: Mapping[str, Any]) -> Destination:
    given_place = read_place(address, **given)
    return place_of(given_place.service, given_place.options, given_place.secrets)


def _identities(key_file: Path | None) -> tuple[Identity, ...]:
    """Return the keys of the file, and those of this data directory, if it has any."""
    own = tuple(each.identity for each in KeyFile(OffsiteFiles(current_config().data_dir)).read())
    if key_file is None:
        return own
    try:
        with key_file.open("rb") as file:
            text = file.read(_MOST_KEY_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{key_file} cannot be read: {error}") from error
    return (*read_identities(text), *own)


def _opens(found: FoundPlace, copy_id: str) -> bool:
    """Whether a copy that may be taken opens with the keys that are here."""
    copies = [each for site in found.sites for each in site.copies]
    is_any_trusted = any(each.trusted for each in found.sites)
    return is_any_trusted or any(each.id == copy_id and each.opens for each in copies)


def _asked_key(found: FoundPlace) -> tuple[Identity, ...]:
    """Return the key that the person types for copies that are encrypted."""
    if not sys.stdin.isatty():
        raise OffsiteError("no_key_given", keys=found.needed)
    text = click.prompt("Secret key from the recovery kit", hide_input=True, err=True)
    return read_identities(str(text))


def _bring(
    place: Destination, identities: Sequence[Identity], found: FoundPlace, copy_id: str
) -> Backup:
    """Return the backup that was asked for, or the newest that is good, once it is listed here.

    A damaged copy is named, and the next older one is taken, unless one was asked for.
    """
    site, candidates = _candidates(found, copy_id)
    if not copy_id:
        for passed in site.doubted:
            say(f"Passing over {passed.id}: {_DOUBTS[passed.doubt]}. --copy {passed.id} takes it.")
        if ids := [str(each.id) for each in site.incomplete]:
            say(f"Passing over {_shortened(ids)}: incomplete or damaged.")
        if site.closed and candidates:
            raise _older(site)
        if site.unread:
            raise _unread(site)
    for each in candidates:
        if each.doubt:
            say(f"The copy {each.id} is {_DOUBTS[each.doubt]}.")
        facts = f"{each.kind or 'type not known'}, {moment(each.created_at)}"
        say(f"Downloading {each.id} of {site.name or site.id}: {facts}, {size(each.size_bytes)}.")
        try:
            with bars() as on_progress:
                return bring(
                    place, site.id, each.id, identities,
                    must_be_proved=bool(each.is_proved), is_doubted=each.is_doubted,
                    backups=current_backups(), data_dir=current_config().data_dir,
                    by=typist(), on_progress=on_progress,
                )  # fmt: skip
        except VerificationError:
            if each is candidates[-1]:
                raise
            say(f"The copy {each.id} is damaged. Taking the next older one.")
    if site.is_unproved:
        raise _refused(_NONE_CONFIRMED, _CONFIRMED_BY)
    if site.doubted:
        raise _refused("no other copy can be taken", "Choose one of these with --copy.")
    if not any(each.opens is False for each in site.copies):
        raise OffsiteError("copies_damaged")  # no other key would help
    raise OffsiteError("not_opened", keys=found.needed)


def _candidates(found: FoundPlace, copy_id: str) -> tuple[FoundSite, Sequence[FoundCopy]]:
    if copy_id:
        site, copy = found.find(copy_id)
        return site, (copy,)
    site = _site(found)
    return site, site.trusted


def _site(found: FoundPlace) -> FoundSite:
    """Return the only site, or the only one of which the key confirms a copy."""
    if len(found.sites) == 1:
        return found.sites[0]
    proved = [each for each in found.sites if each.is_proved]
    if len(proved) == 1:
        (site,) = proved
        others = _shortened([each.id for each in found.sites if each is not site])
        say(f"Taking the site {site.id} ({_site_words(site)}), and not {others}.")
        return site
    names = _shortened([f"{each.id} ({_site_words(each)})" for each in found.sites])
    raise _refused("several sites have copies there", f"Give one with --site: {names}.")


def _shortened(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _site_words(site: FoundSite) -> str:
    name = site.name or "not opened"
    return f"{name}, origin confirmed" if site.is_proved else name


def _older(site: FoundSite) -> Exception:
    """Return why none is taken: the newest that can be opened is not the newest there."""
    from launcher.cli.offsite_failures import NotOpenedFailure  # noqa: PLC0415  (SQLAlchemy)

    id_, at = site.trusted[0].id, moment(site.trusted[0].created_at)
    hint = f"Use the newer recovery kit, or take the copy of {at} with --copy {id_}."
    return NotOpenedFailure(_newer_closed(site), hint=hint)


def _unread(site: FoundSite) -> Exception:
    """Return why none is taken: it is not known whether a newer one is good."""
    from launcher.cli.offsite_failures import PlaceFailure  # noqa: PLC0415  (SQLAlchemy)
    from launcher.cli.offsite_words import trouble_words  # noqa: PLC0415  (only for an error)

    newest = site.unread[0]
    sentence, hint = trouble_words(newest.trouble or Trouble.NO_ANSWER_KNOWN, {})
    if site.trusted:
        id_, at = site.trusted[0].id, moment(site.trusted[0].created_at)
        hint = f"{hint} Or take the copy of {at} with --copy {id_}."
    return PlaceFailure(f"the copy {newest.id} cannot be read: {sentence}", hint=hint)


def _newer_closed(site: FoundSite) -> str:
    count = len(site.closed)
    needing = "1 newer copy needs" if count == 1 else f"{count} newer copies need"
    newest = moment(site.closed[0].created_at)
    return f"{needing} the secret key of {keys_of(site.closed)} (newest: {newest})"


def _refused(message: str, hint: str) -> Exception:
    from launcher.cli.failures import UsageFailure  # noqa: PLC0415  (SQLAlchemy)

    return UsageFailure(message, hint=hint)


def _is_bare() -> bool:
    """Whether there is no data here that a restore would replace."""
    problem = current_backups().live_problem()
    return problem is not None and problem.reason is Reason.LIVE_NOT_MADE


def _show(found: FoundPlace, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    newest = found.newest[1] if found.newest else None
    rows = [("SITE", "NAME", "ID", "CREATED", "TYPE", "SIZE", "STATUS")]
    for site in found.sites:
        for each in site.copies:
            is_newest_open = site.closed and each in site.trusted[:1]
            mark = ", newest" if each is newest else ", newest that opens" if is_newest_open else ""
            status = _status(each) + mark
            rows.append(
                (
                    site.id,
                    site.name or "?",
                    each.id,
                    moment(each.created_at),
                    each.kind or "?",
                    size(each.size_bytes) if each.size_bytes else "?",
                    status,
                )
            )
    print_table(rows)
    if found.is_unproved:
        say(f"{_NONE_CONFIRMED.capitalize()}. {_CONFIRMED_BY}")
    elif newest is None and any(each.trusted for each in found.sites):
        for site in found.sites:
            if site.closed and site.trusted:
                say(f"{_newer_closed(site)}. Give the newer recovery kit with --key-file.")
    elif newest is None and found.needed:
        say(f"No key opens these copies. They need the secret key of {found.needed}.")
        say("Give the recovery kit with --key-file.")


def _status(copy: FoundCopy) -> str:
    if copy.trouble:
        return "cannot be read"
    if not copy.is_whole:
        return "incomplete"
    if copy.opens is None:
        return "not read"
    if not copy.opens:
        return "encrypted" if copy.is_proved is None else "needs another key"
    if copy.is_proved is False:
        return "opens, origin not confirmed"
    words = _DOUBTS[copy.doubt] if copy.doubt else "opens"
    return f"{words}, origin confirmed" if copy.is_proved else words
