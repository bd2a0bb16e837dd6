"""What the value of a field must be, in plain English, from the type that its call declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import inspect


def first_fault(
    given: Mapping[str, Any], kind: type[msgspec.Struct], *, strict: bool
) -> tuple[str, str]:
    """Return the first field of `kind` that `given` does not fill, and what is wrong with it."""
    for field in msgspec.structs.fields(kind):
        name = field.encode_name
        if name in given:
            try:
                msgspec.convert(given[name], field.type, strict=strict)
            except msgspec.ValidationError:
                return name, f"send {must_be(field.type)}"
        elif field.required:
            return name, "it is missing"
    raise AssertionError(f"{kind.__name__} refuses what each of its fields accepts")


def must_be(declared: Any) -> str:
    """Return what a value of this type is, as it reads after `send`."""
    return _must_be(inspect.type_info(declared))


def _must_be(found: inspect.Type) -> str:
    match found:
        case inspect.Metadata(type=inner):
            said = _must_be(inner)
        case inspect.UnionType(types=types):  # None is what an absent one is
            said = " or ".join(_must_be(each) for each in types if each != inspect.NoneType())
        case inspect.BoolType():
            said = "true or false"
        case inspect.IntType(ge=least, le=most):
            said = f"a whole number{_range(least, most)}"
        case inspect.StrType(max_length=most, pattern=pattern):
            limit = "" if most is None else f" of at most {most} characters"
            said = f"text{limit}{' in the form that the reference describes' if pattern else ''}"
        case inspect.DateTimeType():
            said = "a moment of RFC 3339 with its offset from UTC, like 2026-11-22T06:30:00Z"
        case inspect.LiteralType(values=values):
            said = _one_of(values)
        case inspect.EnumType(cls=cls):
            said = _one_of([each.value for each in cls])
        case _other:
            said = "what the reference describes"
    return said


def _range(least: int | None, most: int | None) -> str:
    if least is not None and most is not None:
        return f" from {least} to {most}"
    if least is not None:
        return f" of at least {least}"
    return "" if most is None else f" of at most {most}"


def _one_of(values: Iterable[object]) -> str:
    return f"one of {', '.join(map(str, values))}"
