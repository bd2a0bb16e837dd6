"""Records as JSON and back: the one codec of every file that Launcher keeps.

A record is a frozen dataclass whose fields hold text, numbers, booleans, aware moments, paths,
`StrEnum`s, facts of a reason, further records, tuples, frozen sets or mappings of these, or None.
Decoding is strict about types, and refuses numbers that are not finite or exceed 64 bits. In text,
"?" replaces what is no character. A missing field takes its default, and unknown keys are ignored,
so that versions read each other's files.

The name of a field is its key on disk. A field that is renamed keeps the key it had:
`field(metadata={"key": "last_slot"})`.
"""

from __future__ import annotations

import json
import math
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, NewType, TypeVar, get_args, get_origin, get_type_hints

from launcher.backup.records.text import readable

_T = TypeVar("_T")
_Decoder = Callable[[object], Any]

_MAX_INT = 2**63 - 1  # what SQLite can hold
_MAX_DEPTH = 20


class DecodeError(ValueError):
    """A value is not what its field holds.

    The message names the field, "file.size_bytes", and never the value, which may be a secret.
    """

    def __init__(self, problem: str, *, field: str = "") -> None:
        super().__init__(f"{field}: {problem}" if field else problem)
        self.problem = problem
        self.field = field

    def within(self, field: str) -> DecodeError:
        """Return the same error, seen from the record that has the field."""
        return DecodeError(self.problem, field=f"{field}.{self.field}".rstrip("."))


def encode(value: Any) -> Any:
    """Return a record, a path, or anything that a record may hold as `json.dumps` takes it.

    Moments are in UTC, to the millisecond: "2026-11-22T17:00:00.250Z".
    """
    if is_dataclass(value):
        value = {_key(each): getattr(value, each.name) for each in fields(value)}
    match value:
        case Mapping():
            return {str(key): encode(each) for key, each in value.items()}
        case frozenset():
            return sorted(map(encode, value))
        case list() | tuple():
            return [encode(each) for each in value]
        case datetime():
            text = value.astimezone(UTC).isoformat(timespec="milliseconds")
            return text.replace("+00:00", "Z")
        case Enum():
            return value.value
    return str(value) if isinstance(value, Path) else value


def parse(data: bytes | str) -> object:
    """Return what JSON text holds.

    Raises:
        DecodeError: it is not JSON, or is nested too deeply.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"not JSON: {error}") from error


def decode(kind: type[_T], value: object) -> _T:
    """Return a parsed value as a record, or as anything that a record may hold.

    Raises:
        DecodeError: it is of another type, or a field without a default is missing.
    """
    if (decoder := _decoders.get(kind)) is None:
        decoder = _decoders[kind] = _decoder(kind)
    decoded: _T = decoder(value)
    return decoded


def try_decode(kind: type[_T], value: object) -> _T | None:
    """Return what `decode` does, None where it would raise."""
    try:
        return decode(kind, value)
    except DecodeError:
        return None


def decode_each(kind: type[_T], value: object) -> tuple[_T, ...]:
    """Return what can be decoded of a list; nothing where it is no list."""
    listed = value if isinstance(value, list) else ()
    return tuple(each for one in listed if (each := try_decode(kind, one)) is not None)


def _key(field: Any) -> str:
    """Return the key of a field in JSON: its name, unless its metadata has another `key`."""
    return str(field.metadata.get("key", field.name))


def _expect(kind: type[_T], value: object) -> _T:
    if type(value) is kind:  # JSON knows no subclasses, and a bool is no int
        return value
    raise DecodeError(f"{type(value).__name__} in place of {kind.__name__}")


def _text(value: object) -> str:
    text = _expect(str, value)
    if not text.isascii():
        text = readable(text)
    # Short texts are the same in thousands of records, and are kept in memory once.
    return sys.intern(text) if len(text) < 20 else text


def _whole(value: object) -> int:
    number = _expect(int, value)
    if abs(number) > _MAX_INT:
        raise DecodeError("a number of more than 64 bits")
    return number


def _number(value: object) -> float:
    number = _whole(value) if isinstance(value, int) else _expect(float, value)
    if not math.isfinite(number):
        raise DecodeError("a number that is not finite")
    return float(number)


def _plain(value: object, depth: int = 0) -> object:
    """Return a value of any type that JSON has, by the rules of each."""
    if depth > _MAX_DEPTH:
        raise DecodeError("nested too deeply")
    match value:
        case dict():
            return {_text(key): _plain(each, depth + 1) for key, each in value.items()}
        case list():
            return [_plain(each, depth + 1) for each in value]
    return None if value is None else _decoders[type(value)](value)


def _moment(value: object) -> datetime:
    text = _expect(str, value)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DecodeError("not a time in ISO 8601") from None
    # A time at the ends of the calendar cannot be shown in every zone.
    if moment.tzinfo is None or not 1970 <= moment.year < 9999:
        raise DecodeError("a time without a zone, or beyond reason")
    return moment.astimezone(UTC)


_decoders: dict[object, _Decoder] = {
    object: _plain,
    bool: lambda value: _expect(bool, value),
    dict: lambda value: _expect(dict, value),
    int: _whole,
    float: _number,
    str: _text,
    str | int: lambda value: _whole(value) if isinstance(value, int) else _text(value),
    datetime: _moment,
    Path: lambda value: Path(_expect(str, value)),
}


def _decoder(kind: Any) -> _Decoder:
    if isinstance(kind, NewType):
        kind = kind.__supertype__
    if kind in _decoders:
        return _decoders[kind]
    if is_dataclass(kind):
        return _record(kind)
    arguments = [_decoder(each) for each in get_args(kind) if each not in {..., type(None)}]
    match get_origin(kind), arguments:
        case types.UnionType, [present]:
            return lambda value: None if value is None else present(value)
        case (builtins_type, [each]) if builtins_type in {tuple, frozenset}:
            return lambda value: builtins_type(map(each, _expect(list, value)))
        case _, [key, each]:
            return lambda value: {key(k): each(v) for k, v in _expect(dict, value).items()}
    return _enum(kind)


def _enum(kind: type[Enum]) -> _Decoder:
    members = {each.value: each for each in kind}

    def decode_enum(value: object) -> Enum:
        if (member := members.get(_expect(str, value))) is not None:
            return member
        try:
            return kind(value)  # a type may know what a value was called before
        except ValueError:
            raise DecodeError(f"not one of {', '.join(members)}") from None

    return decode_enum


def _record(kind: Any) -> _Decoder:
    hints = get_type_hints(kind)
    members = [
        (
            each.name,
            _key(each),
            _decoder(hints[each.name]),
            each.default is each.default_factory is MISSING,
        )
        for each in fields(kind)
    ]

    def decode_record(value: object) -> Any:
        facts = _expect(dict, value)
        found, key = {}, ""
        try:
            for name, key, decode_member, is_required in members:
                if key in facts:
                    found[name] = decode_member(facts[key])
                elif is_required:
                    raise DecodeError("missing")
        except DecodeError as error:
            raise error.within(key) from None
        return kind(**found)

    return decode_record
