"""Numbers that a request names: ids of rows in addresses, and number fields of forms.

SQLite takes none beyond 2⁶³ - 1, and answers larger ones with an error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar, overload

from flask import request
from werkzeug.routing import IntegerConverter, Map

if TYPE_CHECKING:
    from flask import Flask

LARGEST = 2**63 - 1
_NUMBER = re.compile(r"-?([0-9]+)")
_DIGITS = len(str(LARGEST))

D = TypeVar("D")


class RowId(IntegerConverter):
    """The id of a row in an address: `<id:app_id>`. What can be none is not found."""

    regex = "[0-9]{1,19}"

    def __init__(self, map_: Map) -> None:
        super().__init__(map_, max=LARGEST)


def init_app(app: Flask) -> None:
    """Let rules name ids as `<id:…>`."""
    app.url_map.converters["id"] = RowId


def read_number(text: str) -> int | None:
    """Return the number that a text is, None for another text.

    One that SQLite does not take is the nearest that it takes, which no row has.
    """
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        return None
    digits = found[1].lstrip("0")
    # Python reads no number of thousands of digits.
    number = min(int(digits or 0) if len(digits) <= _DIGITS else LARGEST, LARGEST)
    return -number if found[0].startswith("-") else number


@overload
def number_field(name: str, otherwise: D) -> int | D: ...
@overload
def number_field(name: str) -> int | None: ...
def number_field(name: str, otherwise: D | None = None) -> int | D | None:
    """Return the number in a field of the form, `otherwise` where there is none."""
    number = read_number(request.form.get(name, ""))
    return otherwise if number is None else number
