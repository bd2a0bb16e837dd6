"""Languages: which one a request gets, how its numbers and moments look, and the words of the core.

The core speaks in codes and in members of enumerations; here each has its words. A test walks
every subclass and every member, so that nothing new goes without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING

import flask_babel
from babel import Locale
from babel.dates import (
    format_date,
    format_datetime,
    format_skeleton,
    format_timedelta,
    get_day_names,
)
from babel.lists import format_list
from babel.numbers import format_decimal
from flask import Flask, current_app, g, has_request_context, request
from flask_babel import force_locale, get_locale, get_timezone, refresh
from flask_babel.speaklater import LazyString
from flask_login import current_user
from markupsafe import Markup

from launcher import settings
from launcher.backup.records import KeepReason, Kind, Outcome, Stage, State, Verb
from launcher.config import ROOT
from launcher.extensions import babel
from launcher.models import Health, Role, Theme
from launcher.models.types import utc_now
from launcher.setting_kinds import SettingError, known_zone

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from babel.support import NullTranslations, Translations

LOCALES: Mapping[str, str] = {"en": "English", "de": "Deutsch", "ru": "Русский"}
"""Every shipped language by its tag, with the name that its own speakers give it."""

DEFAULT_LOCALE = "en"
LOCALE_COOKIE = "locale"

# Days before months and a clock of 24 hours: plain "en" would write dates the American way.
_FORMATS = {"en": "en_GB"}


def lazy_gettext(text: str, /, **facts: object) -> LazyString:
    """Return `text` with its facts put in, said in the reader's language whenever it is read.

    Flask-Babel's own asks for language and catalogue anew each time; a page reads a hundred.
    """
    return LazyString(lambda: gettext(text, **facts))


_ = lazy_gettext

_SIZE_UNITS = (
    _("%(number)s B"), _("%(number)s kB"), _("%(number)s MB"), _("%(number)s GB"),
    _("%(number)s TB"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ErrorWords:
    """A problem in a reader's words: what happened and still holds, and what to do next."""

    title: LazyString
    hint: LazyString


@dataclass(frozen=True, slots=True)
class StageWords:
    """A stage before, during and after it."""

    ahead: LazyString
    running: LazyString
    done: LazyString


ERROR_WORDS: Mapping[str, ErrorWords] = {
    "internal": ErrorWords(
        _("Something went wrong here"),
        _("It has been written to the log of the server, under this number."),
    ),
    "operation_in_progress": ErrorWords(
        _("Another operation is running"), _("Wait until it has ended, then try again.")
    ),
    "store_unavailable": ErrorWords(
        _("The folder of backups cannot be used"),
        _("See that its disk is mounted and that Launcher may write there."),
    ),
    "backup_not_found": ErrorWords(
        _("There is no such backup"),
        _("It may have been deleted since. The list shows those that are there."),
    ),
    "backup_protected": ErrorWords(
        _("This backup is protected"), _("Take its protection away first, then delete it.")
    ),
    "insufficient_space": ErrorWords(
        _("The disk is too full. Nothing was changed"),
        _("Make room: delete backups you do not need, or move the folder to a larger disk."),
    ),
    "verification_failed": ErrorWords(
        _("This backup is not what it was when it was made"),
        _("Use another one. Verifying all of them shows which are good."),
    ),
    "incompatible_backup": ErrorWords(
        _("This Launcher cannot take that backup. Nothing was changed"),
        _("It is newer, from another app, or has no admin inside. The details say which."),
    ),
    "upload_rejected": ErrorWords(
        _("This file cannot be taken. Nothing was changed"),
        _("Upload a backup that was made by Launcher, as it was downloaded."),
    ),
    "source_database": ErrorWords(
        _("The database could not be read, or stayed busy"),
        _("Try again in a moment. If it stays so, check the disk."),
    ),
    "time_used_up": ErrorWords(
        _("The time for it was used up before all of it was done"),
        _("It goes on with the next run, or run it now. If it stays so, keep fewer backups."),
    ),
    "restore_failed": ErrorWords(
        _("The restore stopped. Your data is as it was before"),
        _("Read the details, put right what they name, and start again from the plan."),
    ),
    "revert_failed": ErrorWords(
        _("The restore stopped, and the old data could not be put back"),
        _("Nothing is lost: the details say which files lie where. Restore the safety backup."),
    ),
}

KIND_WORDS: Mapping[Kind, LazyString] = {
    Kind.MANUAL: _("By hand"),
    Kind.SCHEDULED: _("Scheduled"),
    Kind.SAFETY: _("Before a restore"),
    Kind.UPGRADE: _("Before an upgrade"),
    Kind.UPLOAD: _("Uploaded"),
    Kind.EXTERNAL: _("Found in the folder"),
}

STATE_WORDS: Mapping[State, LazyString] = {
    State.VERIFIED: _("Verified"),
    State.UNVERIFIED: _("Not verified yet"),
    State.DAMAGED: _("Damaged"),
}

DAMAGE_WORDS: Mapping[str, LazyString] = {
    "the file is missing": _("its file is missing"),
    "the size it was written with": _("its file does not have the size it was written with"),
    "never followed": _("it is a link or no regular file"),
    "altered after": _("its manifest was altered"),
    "manifest": _("its manifest cannot be read"),
    "when it was made": _("its checksum is not what it was"),
    "backed up": _("its checksum is not what it was"),
    "compressed data": _("its compressed data is damaged"),
    "database is damaged": _("the database inside is damaged"),
    "rows point to rows": _("rows inside point to rows that do not exist"),
}
"""What was found on a damaged backup, by a piece of what the core says of it, the first wins."""

KEEP_WORDS: Mapping[KeepReason, LazyString] = {
    KeepReason.PROTECTED: _("Protected: stays until you delete it"),
    KeepReason.NOT_SCHEDULED: _("Kept until you delete it"),
    KeepReason.LAST_GOOD: _("The last good one: never removed"),
    KeepReason.RECENT: _("One of the newest"),
    KeepReason.DAILY: _("Kept as daily"),
    KeepReason.WEEKLY: _("Kept as weekly"),
    KeepReason.MONTHLY: _("Kept as monthly"),
    KeepReason.BEFORE: _("Kept for a while, to go back to"),
    KeepReason.NOT_REPLACED: _("Kept until newer good ones have taken its place"),
}

VERB_WORDS: Mapping[Verb, LazyString] = {
    Verb.CREATE: _("Making a backup"),
    Verb.VERIFY: _("Verifying backups"),
    Verb.PLAN: _("Planning a restore"),
    Verb.REHEARSE: _("Rehearsing a restore"),
    Verb.RESTORE: _("Restoring a backup"),
    Verb.EXPORT: _("Exporting a backup"),
    Verb.UPLOAD: _("Taking in a file"),
    Verb.PROTECT: _("Protecting a backup"),
    Verb.UNPROTECT: _("Taking a protection away"),
    Verb.DELETE: _("Deleting backups"),
    Verb.PRUNE: _("Clearing out old backups"),
    Verb.INITIALISE: _("Making a new database"),
    Verb.MIGRATE: _("Upgrading the database"),
}

STAGE_WORDS: Mapping[Stage, StageWords] = {
    Stage.COPY: StageWords(
        _("Copy the database"), _("Copying the database"), _("Database copied")
    ),
    Stage.CHECK: StageWords(_("Check the copy"), _("Checking the copy"), _("Copy checked")),
    Stage.COMPRESS: StageWords(
        _("Compress and sum"), _("Compressing and summing"), _("Compressed and summed")
    ),
    Stage.PUBLISH: StageWords(
        _("Put it in the list"), _("Putting it in the list"), _("In the list")
    ),
    Stage.UNPACK: StageWords(
        _("Unpack the backup"), _("Unpacking the backup"), _("Backup unpacked")
    ),
    Stage.PREPARE: StageWords(
        _("Prepare on a copy"), _("Preparing on a copy"), _("Prepared on a copy")
    ),
    Stage.SAFETY: StageWords(
        _("Safety backup of now"), _("Making a safety backup of now"), _("Safety backup made")
    ),
    Stage.REPLACE: StageWords(
        _("Replace the data"), _("Replacing the data"), _("Data replaced")
    ),
    Stage.CONFIRM: StageWords(
        _("Compare with the plan"), _("Comparing with the plan"), _("Compared with the plan")
    ),
    Stage.PRUNE: StageWords(
        _("Clear out old backups"), _("Clearing out old backups"), _("Old backups cleared out")
    ),
}  # fmt: skip

OUTCOME_WORDS: Mapping[Outcome, LazyString] = {
    Outcome.SUCCEEDED: _("Succeeded"),
    Outcome.FAILED: _("Failed"),
    Outcome.INTERRUPTED: _("Interrupted"),
}

JOB_WORDS: Mapping[str, LazyString] = {
    "backup": _("Back up"),
    "scrub": _("Verify older backups"),
    "rehearsal": _("Rehearse a restore"),
}
"""By the id of the job."""

JOB_PURPOSES: Mapping[str, LazyString] = {
    "backup": _(
        "Makes the scheduled backup, so that none depends on a person, and then removes those that"
        " are not kept any more."
    ),
    "scrub": _(
        "Reads a few backups through each day, so that damage is found within a month and not on"
        " the day of a restore."
    ),
    "rehearsal": _(
        "Takes the newest good backup through a whole restore on a scratch copy, so that it is"
        " known to work before it is needed."
    ),
}
"""What a job does, and why."""

RUN_WORDS: Mapping[str, LazyString] = {
    "running": _("Running"),
    "succeeded": _("Succeeded"),
    "partly": _("Done, but some parts failed"),
    "failed": _("Failed"),
    "put_off": _("Put off"),
    "interrupted": _("Interrupted"),
}
"""By the outcome of a run; `running` while it has none."""

HEALTH_WORDS: Mapping[Health, LazyString] = {
    Health.UP: _("Up"),
    Health.SLOW: _("Slow"),
    Health.DOWN: _("Down"),
    Health.PAUSED: _("Paused"),
    Health.UNKNOWN: _("Not checked yet"),
}

ROLE_WORDS: Mapping[Role, LazyString] = {
    Role.ADMIN: _("Admin"),
    Role.EDITOR: _("Editor"),
    Role.VIEWER: _("Viewer"),
}

RIGHTS_WORDS: Mapping[Role, LazyString] = {
    Role.ADMIN: _("Everything: apps, boards, accounts, settings and backups."),
    Role.EDITOR: _("Apps and boards: to add, change and arrange them."),
    Role.VIEWER: _("To look, and to open apps."),
}
"""What a role may do, or change."""

ACCOUNT_WORDS: Mapping[str, LazyString] = {
    "account": _("This account cannot be changed like that."),
    "username_invalid": _("Use 1 to 64 of these: letters a to z, digits, and . _ @ - in between."),
    "username_taken": _("Somebody has this name already."),
    "display_name_unfit": _("Use one line of at most 60 characters."),
    "password_unfit": _("This password is too short, or absurdly long."),
    "user_not_found": _("Nobody has this name."),
    "last_admin": _("This is the last active admin. Make somebody else an admin first."),
    "account_changed": _("Somebody else has changed this account meanwhile."),
    "setup_refused": _("This setup link is not valid, or was used"),
    "sign_in_refused": _("Name and password do not match."),
    "sign_in_throttled": _("Too many failed attempts. Wait a minute, then try again."),
}

SETTING_WORDS: Mapping[str, LazyString] = {
    "unknown": _("There is no such setting."),
    "switch": _("This must be on or off."),
    "number": _("This must be a whole number."),
    "range": _("This must be from %(minimum)s to %(maximum)s."),
    "empty": _("This must not be empty."),
    "too_long": _("Use at most %(maximum)s characters."),
    "control_characters": _("This must be one line without control characters."),
    "locale": _("This language is not among those shipped: %(allowed)s."),
    "choice": _("This must be one of %(allowed)s."),
    "time_zone": _("This is no time zone. One looks like Europe/Berlin."),
    "cron_fields": _(
        "Write five fields (minute, hour, day, month, weekday) or one of %(allowed)s."
    ),
    "cron_seconds": _(
        "These are %(count)s fields. Leave the seconds and the year out: a minute is the "
        "shortest step."
    ),
    "cron_never": _("This never comes due: no month it names has such a day (%(day)s)."),
    "cron": _("This is no cron expression: %(detail)s"),
}

REHEARSAL_WORDS: Mapping[str, LazyString] = {
    "off": _("no rehearsals"),
    "daily": _("a rehearsal every day"),
    "weekly": _("a rehearsal every week"),
    "monthly": _("a rehearsal every month"),
}
"""By the value of the setting `backup_rehearsal`, as a part of a sentence."""

THEME_WORDS: Mapping[Theme, LazyString] = {
    Theme.SYSTEM: _("As the device has it"),
    Theme.LIGHT: _("Light"),
    Theme.DARK: _("Dark"),
}


def init_app(app: Flask) -> None:
    """Bind Babel to `app` and offer the formats of this module to templates, as filters."""
    babel.init_app(
        app,
        default_translation_directories=str(ROOT / "translations"),
        locale_selector=select_locale,
        timezone_selector=select_time_zone,
    )
    formats: tuple[Callable[..., object], ...] = (
        ago, moment, clock_time, day_and_time, weekday_and_time, listing, duration, number, size,
    )  # fmt: skip
    app.jinja_env.filters.update({each.__name__: each for each in formats})
    app.context_processor(_template_words)


def _template_words() -> dict[str, Callable[..., Markup]]:
    """Return what translates in one template: bound once, for a page says hundreds of words.

    As with the functions that Jinja itself offers, every text is a format, and what is put
    into it is escaped; the texts are the project's own.
    """
    translations = _catalogue()

    def gettext(text: str, /, **facts: object) -> Markup:
        return Markup(translations.ugettext(text)) % facts  # noqa: S704 (from a catalogue)

    def ngettext(one: str, many: str, num: int, /, **facts: object) -> Markup:
        words = translations.ungettext(one, many, num)
        return Markup(words) % {"num": num, **facts}  # noqa: S704 (from a catalogue)

    return {"_": gettext, "gettext": gettext, "ngettext": ngettext}


def select_locale() -> str:
    """Return what Babel is to format by: the user's language, the browser's, or the site's."""
    language = _select_language()
    return _FORMATS.get(language, language)


def select_time_zone() -> ZoneInfo:
    """Return the site's time zone; while the database cannot be asked, the one remembered.

    By a name alone Flask-Babel would make a zone of pytz, which is another thing: attached to a
    time on the wall it is minutes off, and cron has no use for it.
    """
    if spoken := g.get("spoken_zone"):
        return known_zone(spoken)
    if _is_without_database():
        return known_zone(g.get("known_time_zone", "UTC") if has_request_context() else "UTC")
    return settings.current().zone


@contextmanager
def speaking(language: str, zone_name: str) -> Iterator[None]:
    """Speak like a site of this language and zone, where there is no request to ask.

    Needs an application's context; Babel is bound to the application if it is not yet.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    if "babel" not in app.extensions:
        init_app(app)
    before = g.get("spoken_zone")
    with force_locale(_FORMATS.get(language, language)):
        g.spoken_zone = zone_name
        refresh()
        try:
            yield
        finally:
            g.spoken_zone = before
    refresh()


def current_language() -> str:
    """Return the tag of the language of this request, as `<html lang>` wants it."""
    return str(get_locale().language)


def chosen_language() -> str:
    """Return the language that this person chose, or "" when the browser decides."""
    if not has_request_context():
        return ""
    if not _is_without_database() and current_user.is_authenticated:
        chosen = str(current_user.locale)
    else:
        chosen = g.get("known_language", "") or request.cookies.get(LOCALE_COOKIE, "")
    return chosen if chosen in LOCALES else ""


def setting_words(error: SettingError) -> str:
    """Return why a value cannot be, in the reader's words."""
    return str(SETTING_WORDS[error.code]) % error.data


def gettext(text: str, /, **facts: object) -> str:
    """Return `text` in the reader's language with its facts put in."""
    words = str(_catalogue().ugettext(text))
    return words % facts if facts else words


def ngettext(one: str, many: str, num: int, /, **facts: object) -> str:
    """Return the form that goes with `num`, in the reader's language; `num` is among its facts."""
    return str(_catalogue().ungettext(one, many, num)) % {"num": num, **facts}


def number(value: float, *, digits: int = 0) -> str:
    """Return `value` with at most `digits` decimals, in the reader's figures."""
    return _number_words(value, digits, str(_locale()))


def size(size_bytes: int) -> str:
    """Return a number of bytes as a person says it: `11.8 MB`, in steps of a thousand."""
    value, step = float(size_bytes), 0
    while value >= 999.5 and step < len(_SIZE_UNITS) - 1:
        value, step = value / 1000, step + 1
    digits = 1 if step and value < 99.95 else 0
    return str(_SIZE_UNITS[step]) % {"number": number(value, digits=digits)}


def duration(seconds: float) -> str:
    """Return a length of time in its largest fitting unit: `12 ms`, `2.4 s`, `45 min`, `4 days`."""
    if seconds < 0.9995:
        return gettext("%(number)s ms", number=number(seconds * 1000))
    if seconds < 59.95:
        return gettext("%(number)s s", number=number(seconds, digits=1))
    if seconds < 3600:
        return gettext("%(number)s min", number=number(max(1, seconds // 60)))
    if seconds < 2 * 86400:
        return gettext("%(number)s h", number=number(seconds // 3600))
    return ngettext("%(num)s day", "%(num)s days", int(seconds // 86400))


def day(at: datetime) -> str:
    """Return the day of a moment without its year: `3 November`."""
    return _day_words(at.astimezone(_zone()).date(), str(_locale()))


def weekday(at: datetime) -> str:
    """Return the day of the week of a moment, to stand by itself: `Wednesday`."""
    return format_datetime(at, "cccc", tzinfo=_zone(), locale=_locale())


def clock_time(at: datetime) -> str:
    """Return the time of day of a moment: `14:07`."""
    return format_skeleton("Hm", at, tzinfo=_zone(), locale=_locale())


def day_and_time(at: datetime, *, now: datetime | None = None) -> str:
    """Return a moment as one speaks of it: `today, 12:03`, or `3 November, 12:03`."""
    zone = _zone()
    days = ((now or utc_now()).astimezone(zone).date() - at.astimezone(zone).date()).days
    if days == 0:
        return gettext("today, %(time)s", time=clock_time(at))
    if days == 1:
        return gettext("yesterday, %(time)s", time=clock_time(at))
    return gettext("%(day)s, %(time)s", day=day(at), time=clock_time(at))


def weekday_and_time(at: datetime, *, now: datetime | None = None) -> str:
    """Return a moment as one looks it up in a calendar: `Wednesday, 18 November, 03:00`.

    Today and yesterday go by their names, and another year is told.
    """
    zone = _zone()
    today, on = (now or utc_now()).astimezone(zone).date(), at.astimezone(zone).date()
    if 0 <= (today - on).days <= 1:
        return day_and_time(at, now=now)
    locale = _locale()
    weekday = get_day_names(locale=locale)[on.weekday()]
    words = day(at) if on.year == today.year else format_date(on, "long", locale=locale)
    return gettext(
        "%(weekday)s, %(day)s, %(time)s", weekday=weekday, day=words, time=clock_time(at)
    )


def span(length: timedelta) -> str:
    """Return a length of time in its two largest units: `4 days and 11 hours`."""
    minutes = max(1, round(length.total_seconds() / 60))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    units = (
        (days, ngettext("%(num)s day", "%(num)s days", days)),
        (hours, ngettext("%(num)s hour", "%(num)s hours", hours)),
        (minutes, ngettext("%(num)s minute", "%(num)s minutes", minutes)),
    )
    first = next(at for at, (count, _) in enumerate(units) if count)
    return listing([words for count, words in units[first : first + 2] if count])


def listing(names: Sequence[str], *, most: int = 0) -> str:
    """Return names as a sentence lists them, and how many more when `most` leaves some out."""
    if most and len(names) > most:
        left = len(names) - most
        names = [*names[:most], ngettext("%(num)s more", "%(num)s more", left)]
    return format_list(names, locale=_locale())


def exact(at: datetime) -> str:
    """Return a moment in full, with its year, seconds and zone: the site's."""
    local = at.astimezone(_zone())
    on = _long_day_words(local.date(), str(_locale()))
    return f"{on}, {local:%H:%M:%S} {local.tzname()}"


def moment(at: datetime, *, now: datetime | None = None) -> Markup:
    """Return `<time>` with the day and time to read and the exact moment on hover."""
    return _time_element(at, day_and_time(at, now=now))


def ago(at: datetime, *, now: datetime | None = None) -> Markup:
    """Return `<time>` that says how long ago, or in how long, with the exact moment on hover."""
    delta: timedelta = at - (now or utc_now())
    # Babel would say "1 day" from the twentieth hour on, beside a moment of today.
    words = format_timedelta(delta, threshold=1, add_direction=True, locale=_locale())
    return _time_element(at, words)


# A start page says a few dozen numbers and days, each time the same ones.
@lru_cache(maxsize=2048)
def _number_words(value: float, digits: int, locale: str) -> str:
    pattern = "#,##0." + "#" * digits if digits else "#,##0"
    return format_decimal(value, format=pattern, locale=locale)


@lru_cache(maxsize=512)
def _day_words(on: date, locale: str) -> str:
    return format_skeleton("MMMMd", on, locale=locale)


@lru_cache(maxsize=512)
def _long_day_words(on: date, locale: str) -> str:
    return format_date(on, "long", locale=locale)


def _time_element(at: datetime, words: str) -> Markup:
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(timespec="seconds"), exact(at), words
    )


def _select_language() -> str:
    if not has_request_context():
        return DEFAULT_LOCALE
    asked = chosen_language() or request.accept_languages.best_match(LOCALES)
    if asked or _is_without_database():
        return asked or DEFAULT_LOCALE
    return settings.current().default_locale


def _is_without_database() -> bool:
    """Whether this request must do without: it could not enter, or the data is damaged."""
    return not has_request_context() or bool(g.get("is_without_database"))


def _catalogue() -> Translations | NullTranslations:
    """Return the words of this language, looked for once as long as it stays the same."""
    locale = get_locale()
    kept = g.get("catalogue") if locale else None
    if kept and kept[0] is locale:
        known: Translations = kept[1]
        return known
    found: Translations | NullTranslations = flask_babel.get_translations()
    if locale:
        g.catalogue = (locale, found)
    return found


def _locale() -> Locale:
    return get_locale() or Locale.parse(_FORMATS[DEFAULT_LOCALE])


def _zone() -> tzinfo:
    zone: tzinfo = get_timezone()
    return zone
