"""What a page of the list of apps was asked for, in its query string."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import request, url_for

from launcher.catalogue.listing import Search, Sort, Status

_TEXT_MAX = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """The search and the page of a list."""

    search: Search
    page: int = 1

    @classmethod
    def read(cls) -> Asked:
        """Return what this request asks for; what it cannot mean counts as not given."""
        given = {
            name: request.args.get(name, "").strip()[:_TEXT_MAX]
            for name in ("q", "tag", "board", "status", "sort")
        }
        status, sort, page = given["status"], given["sort"], request.args.get("page", "")
        search = Search(
            text=given["q"],
            tag=given["tag"],
            board=given["board"],
            status=Status(status) if status in set(Status) else Status.ANY,
            sort=Sort(sort) if sort in set(Sort) else Sort.NAME,
        )
        is_number = page.isascii() and page.isdigit() and len(page) < 6
        return cls(search, max(1, int(page)) if is_number else 1)

    @property
    def is_narrowed(self) -> bool:
        """Whether some apps are left out."""
        return replace(self.search, sort=Sort.NAME) != Search()

    def address(self, page: int = 1, *, sort: str | None = None) -> str:
        """Return the address of a page of this list, perhaps sorted otherwise."""
        return url_for("catalogue.apps", **self._args(sort), page=page if page > 1 else None)

    def bulk_address(self) -> str:
        """Return where the form of this page is sent."""
        page = self.page if self.page > 1 else None
        return url_for("catalogue.change_apps", **self._args(None), page=page)

    def sort_address(self, up: str) -> str:
        """Return the address that sorts by a column, and the other way when it is sorted by it."""
        return self.address(sort=f"-{up}" if self.search.sort == up else up)

    def direction(self, up: str) -> str:
        """Return `ascending` or `descending` for the sorted column, "" for another."""
        return {up: "ascending", f"-{up}": "descending"}.get(self.search.sort, "")

    def _args(self, sort: str | None) -> Mapping[str, Any]:
        search = self.search
        wanted = sort or search.sort
        return {
            "q": search.text or None,
            "tag": search.tag or None,
            "board": search.board or None,
            "status": search.status.value or None,
            "sort": None if wanted == Sort.NAME else str(wanted),
        }
