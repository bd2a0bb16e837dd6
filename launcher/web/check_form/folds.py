"""Which parts of the form of a check are open: those that hold something, or an error."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from launcher.catalogue.check_entries import CheckEntries

_PARTS: Mapping[str, Collection[str]] = {
    "certificate": ("verify", "ca_pem"),
    "timing": ("interval_s", "timeout_s", "tries", "slow_ms"),
    "headers": ("headers",),
    "notify": ("is_notifying", "notify_after_min"),
}


def open_parts(
    entries: CheckEntries, named: Collection[str], *, has_headers: bool
) -> frozenset[str]:
    """Return the parts that are open.

    Args:
        entries: what the form shows.
        named: the fields with an error, or that another has changed too.
        has_headers: whether headers are stored or typed.
    """
    used = {*named, *CheckEntries().changes(entries), *(["headers"] if has_headers else [])}
    return frozenset(part for part, names in _PARTS.items() if used & {*names})
