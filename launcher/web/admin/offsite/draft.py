"""What the form of a destination holds, valid or not, and the destination that it makes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from launcher.backup.records.backup import Kind
from launcher.backup.retention import RetentionPolicy
from launcher.i18n.locale import gettext as _
from launcher.i18n.offsite import OFFSITE_ERROR_WORDS, trouble_words
from launcher.offsite.entering import check_access
from launcher.offsite.errors import OffsiteError
from launcher.offsite.kept_secrets import with_kept_secrets
from launcher.offsite.nearness import assumed_place
from launcher.offsite.records import BYTES_S_OF_MBIT, Destination, KeepRule, Place, Service
from launcher.offsite.secret_options import is_secret, without_user
from launcher.offsite.troubles import Trouble
from launcher.web.admin.offsite import fields
from launcher.web.admin.offsite.fields import MAX_SECRET, MAX_TEXT, OTHER, TYPES, fields_of

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

MAX_NAME = 60
KINDS = (Kind.SCHEDULED, Kind.MANUAL, Kind.UPGRADE, Kind.SAFETY, Kind.UPLOAD)
"""The kinds that can be copied, in the order of the form."""
NUMBERS = {"keep_count": (1, 500), "keep_daily": (0, 400), "keep_weekly": (0, 400),
           "keep_monthly": (0, 400)}  # fmt: skip
_MOST_MBIT, _MOST_HOURS = 100_000, 10_000
_LINES, _SECRET_LINES = "other_lines", "secret_other_lines"
_OPTION = re.compile(r"([a-z][a-z0-9_]{0,60})\s*=\s*(.*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Draft:
    """The fields of a form.

    Attributes:
        texts: what was typed, by the name of the control; never a secret.
        secrets: typed secrets, by the name of the control; never shown again.
        place: "" for what the address says.
        limit, stale: typed numbers, "" for none.
        cleared: the controls of stored secrets that are to be forgotten.
    """

    service: str = Service.FOLDER.value
    type: str = "sftp"
    name: str = ""
    place: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    encrypt: bool = True
    kinds: frozenset[str] = frozenset({Kind.SCHEDULED, Kind.MANUAL})
    keep: str = KeepRule.SAME_RULES.value
    numbers: Mapping[str, str] = field(default_factory=dict)
    limit: str = ""
    stale: str = ""
    cleared: frozenset[str] = frozenset()

    @classmethod
    def empty(cls, service: str = "") -> Draft:
        """Return a new form; only a folder is not encrypted unless someone asks for it."""
        chosen = Service(service) if service in set(Service) else Service.FOLDER
        is_folder = chosen is Service.FOLDER
        place = Place.OTHER_DEVICE.value if is_folder else ""
        return cls(chosen.value, place=place, encrypt=not is_folder, numbers=_numbers(None))

    @classmethod
    def of(cls, known: Destination) -> Draft:
        """Return the form of what is stored, without its secrets."""
        type_ = _shown_type(known)
        texts = {
            each.name: known.options.get(each.option, "")
            for each in fields_of(known.service, type_)
            if not each.is_secret
        }
        if type_ == OTHER:
            texts |= {
                "other_type": known.options.get("type", ""),
                "other_lines": "\n".join(
                    f"{name}={text}"
                    for name, text in known.options.items()
                    if name not in {"type", "folder"}
                ),
            }
        limit = known.limit_bytes_s / BYTES_S_OF_MBIT
        return cls(
            service=known.service.value,
            type=type_,
            name=known.name,
            place=known.place.value,
            texts=texts,
            encrypt=known.encrypt,
            kinds=frozenset(known.kinds),
            keep=known.keep.value,
            numbers=_numbers(known.policy),
            limit=f"{limit:g}" if limit else "",
            stale=str(known.stale_after_h or ""),
        )

    @classmethod
    def read(cls, form: MultiDict[str, str], known: Destination | None = None) -> Draft:
        """Return what was entered; the kind of a stored destination stays."""
        start = cls.of(known) if known else cls.empty()
        service = known.service.value if known else form.get("service", start.service)
        type_ = start.type if known else form.get("type", start.type)
        lines = _apart(form.get(_LINES, ""), form.get(_SECRET_LINES, ""))
        return cls(
            service=service,
            type=type_ if type_ in TYPES else OTHER,
            name=form.get("name", start.name)[: 4 * MAX_NAME],
            place=form.get(f"place{_of(service)}", known.place.value if known else ""),
            texts={each.name: lines.get(each.name, form.get(each.name, ""))[: MAX_TEXT * 5]
                   for each in fields.ALL if not each.is_secret},
            secrets={each.name: lines.get(each.name, form.get(each.name, ""))[:MAX_SECRET]
                     for each in fields.ALL if each.is_secret},
            encrypt=f"encrypt{_of(service)}" in form,
            kinds=frozenset(form.getlist("kind")),
            keep=form.get("keep", start.keep),
            numbers={name: form.get(name, text) for name, text in start.numbers.items()},
            limit=form.get("limit", ""),
            stale=form.get("stale", ""),
            cleared=frozenset(form.getlist("clear")),
        )  # fmt: skip

    @property
    def has_secrets(self) -> bool:
        """Whether secrets were typed, which the form cannot show again."""
        return any(self.secrets.values())

    def shown(self, name: str) -> str:
        """Return what was typed into a control, without a password in an address."""
        text = self.texts.get(name, "")
        if name == _LINES:
            pairs = (line.partition("=") for line in text.splitlines())
            return "\n".join(f"{key}{sign}{without_user(key.strip(), value)}"
                             for key, sign, value in pairs)  # fmt: skip
        option = next((each.option for each in fields.ALL if each.name == name), name)
        return without_user(option, text)

    def can_clear(self, known: Destination | None) -> Collection[str]:
        """Return the controls whose stored secret can be forgotten alone, one that is optional."""
        if known is None:
            return ()
        return [
            each.name
            for each in fields_of(known.service, self.type)
            if each.is_secret
            and not each.is_required
            and (each.option in known.secrets or (each.option == "lines" and known.secrets))
        ]

    def cleared_secrets(self, known: Destination | None) -> Collection[str]:
        """Return the names of the stored secrets that are to be forgotten."""
        controls = self.cleared & {*self.can_clear(known)}
        found = {each.option for each in fields.ALL if each.name in controls}
        return {*known.secrets} if known and "lines" in found else found

    def check(
        self, known: Destination | None = None
    ) -> tuple[Destination | None, Mapping[str, str]]:
        """Return the destination, or None and what is wrong by the name of the field.

        Its secrets are complete: at the same server an empty one is the stored one.
        """
        errors: dict[str, str] = {}
        name = " ".join(self.name.split())
        if not name or len(name) > MAX_NAME:
            errors["name"] = _("Enter a name of at most %(number)s characters.", number=MAX_NAME)
        if self.service not in set(Service) or self.place not in {"", *Place}:
            errors["service"] = _("Choose one of these.")
            return None, errors
        service = Service(self.service)
        options, secrets = self._options(service, known, errors)
        kinds = frozenset(Kind(each) for each in self.kinds if each in KINDS)
        if not kinds:
            errors["kind"] = _("Choose at least one type of backup.")
        keep = KeepRule(self.keep) if self.keep in set(KeepRule) else KeepRule.SAME_RULES
        policy = self._policy(errors) if keep is KeepRule.OWN else None
        limit = _number(self.limit, _MOST_MBIT, "limit", errors, is_whole=False)
        stale = _number(self.stale, _MOST_HOURS, "stale", errors)
        if errors:
            return None, errors
        made = replace(known, secrets={}) if known else Destination("", name, service)
        return replace(
            made,
            name=name,
            place=Place(self.place) if self.place else assumed_place(service, options),
            options=options,
            secrets=secrets,
            encrypt=self.encrypt,
            kinds=kinds,
            keep=keep,
            policy=policy or (known.policy if known else None),
            limit_bytes_s=round(limit * BYTES_S_OF_MBIT),
            stale_after_h=int(stale),
        ), {}

    def _options(
        self, service: Service, known: Destination | None, errors: dict[str, str]
    ) -> tuple[dict[str, str], dict[str, str]]:
        options: dict[str, str] = {}
        secrets: dict[str, str] = {}
        for each in fields_of(service, self.type):
            text = (self.secrets if each.is_secret else self.texts).get(each.name, "")
            text = text.replace("\r\n", "\n").strip()
            if each.option == "lines":
                found = _read_lines(text, each.name, errors)
                (secrets if each.is_secret else options).update(found)
                continue
            if len(text) > (MAX_SECRET if each.is_secret else MAX_TEXT):
                errors[each.name] = _("This entry is too long.")
            elif each.is_required and not text and not (each.is_secret and known):
                errors[each.name] = _("Fill in this field.")
            elif each.shape == "number" and text and not _is_port(text):
                errors[each.name] = _("Enter a number from 1 to 65535.")
            elif text:
                (secrets if each.is_secret else options)[each.option] = text
        if service is Service.RCLONE:
            options.setdefault("type", self.type)
        self._check_access(service, options, secrets, errors)
        if known and _server(options) != _server(known.options):
            # The key is that of the server before, unless it was edited, too.
            is_old = options.get("known_hosts") == known.options.get("known_hosts")
            options.pop("known_hosts" if is_old else "", None)
        if known:
            secrets = self._kept(replace(known, options=options, secrets=secrets), known, errors)
        path = options.get("path", "/")
        if service is Service.FOLDER and not path.startswith("/"):
            errors["folder_path"] = _("Enter the full path, from the first “/”.")
        return options, secrets

    def _check_access(
        self,
        service: Service,
        options: Mapping[str, str],
        secrets: Mapping[str, str],
        errors: dict[str, str],
    ) -> None:
        try:
            check_access(service, options, secrets)
        except OffsiteError as error:
            wrong = str(error.facts["option"])
            is_rclone = service is Service.RCLONE
            control = self._control_of(wrong, secrets) if is_rclone else f"{service}_{wrong}"
            words = str(OFFSITE_ERROR_WORDS[error.code])
            if error.code == "invalid_option":
                words = trouble_words(Trouble.WRONG_OPTIONS, error.facts)[0]
            errors.setdefault(control, words)

    def _kept(
        self, entered: Destination, known: Destination, errors: dict[str, str]
    ) -> dict[str, str]:
        """Return the secrets with the stored ones, where they are for the same server."""
        try:
            cleared = self.cleared_secrets(known)
            return dict(with_kept_secrets(entered, known, cleared=cleared).secrets)
        except OffsiteError as error:
            for each in fields_of(entered.service, self.type):
                if each.is_secret and not self.secrets.get(each.name, "").strip():
                    errors.setdefault(each.name, str(OFFSITE_ERROR_WORDS[error.code]))
            return {}

    def _control_of(self, option: str, secrets: Mapping[str, str]) -> str:
        """Return the name of the control in which an option of rclone is entered."""
        if self.type == OTHER:
            lines = _SECRET_LINES if option in secrets else _LINES
            return "other_type" if option == "type" else lines
        return next(
            (
                each.name
                for each in fields_of(Service.RCLONE, self.type)
                if each.option == option and each.is_secret == (option in secrets)
            ),
            "service",
        )

    def _policy(self, errors: dict[str, str]) -> RetentionPolicy:
        found: dict[str, int] = {}
        for name, (least, most) in NUMBERS.items():
            text = self.numbers.get(name, "").strip()
            if text.isascii() and text.isdigit() and len(text) < 6 and least <= int(text) <= most:
                found[name] = int(text)
            else:
                errors[name] = _(
                    "Enter a number from %(least)s to %(most)s.", least=least, most=most
                )
        return RetentionPolicy(**found)


def _server(options: Mapping[str, str]) -> tuple[str, str]:
    return options.get("host", ""), options.get("port", "")


def _of(service: str) -> str:
    """Return the end of the names of what has another default for a folder."""
    return "_folder" if service == Service.FOLDER else ""


def _shown_type(known: Destination) -> str:
    type_ = known.options.get("type", "sftp")
    own = {each.option for each in fields_of(Service.RCLONE, type_)} | {"type", "folder"}
    return type_ if type_ in TYPES and own >= {*known.options, *known.secrets} else OTHER


def _numbers(policy: RetentionPolicy | None) -> dict[str, str]:
    shown = policy or RetentionPolicy(keep_daily=7, keep_weekly=5, keep_monthly=12)
    return {name: str(getattr(shown, name)) for name in NUMBERS}


def _apart(text: str, secrets: str) -> dict[str, str]:
    """Return both fields of lines: a secret that was typed among the options is one, too."""
    lines = text.splitlines()
    going = [each for each in lines if is_secret(each.partition("=")[0].strip())]
    if not going:
        return {}
    staying = [each for each in lines if each not in going]
    return {_LINES: "\n".join(staying), _SECRET_LINES: "\n".join([secrets, *going])}


def _read_lines(text: str, name: str, errors: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in filter(str.strip, text.splitlines()):
        match = _OPTION.fullmatch(line.strip())
        if match is None:
            errors[name] = _("Enter one option a line, as name=value.")
        else:
            found[match[1]] = match[2]
    return found


def _number(
    text: str, most: int, name: str, errors: dict[str, str], *, is_whole: bool = True
) -> float:
    """Return a number, 0 for an empty field; what is none is an error."""
    text = text.strip().replace(",", ".")
    if not text:
        return 0
    shape = r"\d{1,6}" if is_whole else r"\d{1,6}(\.\d{1,3})?"
    if re.fullmatch(shape, text, re.ASCII) and float(text) <= most:
        return float(text)
    errors[name] = _("Enter a number from 0 to %(most)s, or nothing.", most=most)
    return 0


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535
