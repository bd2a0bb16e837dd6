"""Icons at other addresses, requested together for an import, each judged as any request is."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from launcher.fetching.addresses import AddressRules
from launcher.fetching.problems import Deadline, FetchError
from launcher.fetching.requests import fetch
from launcher.icons.uploads import LIMIT_BYTES, IconRefusedError, Image, read_image

MOST_ICONS = 50
"""So many addresses are requested at most."""
DEADLINE_S = 20.0
"""All of them together."""

_EACH_S = 5.0
_AT_ONCE = 4
_one_import = threading.BoundedSemaphore(1)
_log = logging.getLogger(__name__)


def fetch_icons(urls: Iterable[str], *, rules: AddressRules) -> Mapping[str, Image]:
    """Return the icons that are at these URLs, as far as they come within the limits.

    It takes up to `DEADLINE_S` seconds: the caller holds no transaction. One import in a process
    fetches at a time; another gets nothing.
    """
    wanted = list(dict.fromkeys(urls))[:MOST_ICONS]
    if not _one_import.acquire(blocking=False):
        return {}
    try:
        whole = Deadline(DEADLINE_S)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            images = pool.map(lambda url: _fetch(url, rules, whole), wanted)
            return {
                url: image for url, image in zip(wanted, images, strict=True) if image is not None
            }
    finally:
        _one_import.release()


def _fetch(url: str, rules: AddressRules, whole: Deadline) -> Image | None:
    try:
        deadline = Deadline(min(_EACH_S, whole.left_s()))
        fetched = fetch(url, rules=rules, deadline=deadline, max_bytes=LIMIT_BYTES)
        answer = fetched.answer
        if answer.status != 200 or not answer.is_whole:
            return None
        name = urlsplit(url).path.rpartition("/")[2]
        return read_image(answer.body, name=name, time_s=whole.left_s())
    except (FetchError, IconRefusedError):
        return None
    except Exception:  # noqa: BLE001  (the address is a stranger's; it must not cost the import)
        _log.exception("icon of an import: unexpected")
        return None
