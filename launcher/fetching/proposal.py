"""The name and the icon of an app, proposed from its URL."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace

from launcher.fetching.addresses import AddressRules
from launcher.fetching.images import data_of, is_image
from launcher.fetching.naming import is_sign_in, name_of, name_of_host
from launcher.fetching.page import IconLink, Manifest, Page, has_head, read_manifest, read_page
from launcher.fetching.problems import Deadline, FetchError, Problem
from launcher.fetching.proposed import DEADLINE_S, Proposal
from launcher.fetching.requests import Fetched, fetch, join, split, target_of

MAX_PAGE_BYTES = 1_000_000
MAX_ICON_BYTES = 1_000_000
MAX_MANIFEST_BYTES = 200_000
MAX_AT_ONCE = 4
"""Proposals in one process: each holds one of its threads."""

_MAX_ICONS_TRIED = 3

_slots = threading.BoundedSemaphore(MAX_AT_ONCE)
_log = logging.getLogger(__name__)


def propose(url: str, *, rules: AddressRules, deadline_s: float = DEADLINE_S) -> Proposal:
    """Return a proposal for the app at `url`, within `deadline_s` seconds, redirects and icon too.

    Nothing that a server does raises: what went wrong is in `problem`. At most `MAX_AT_ONCE` run at
    once, the next is `BUSY`.
    """
    try:
        host = target_of(url).host
    except FetchError as error:
        return Proposal(problem=error.problem)
    without = Proposal(name=name_of_host(host), host=host)
    if not _slots.acquire(blocking=False):
        return replace(without, problem=Problem.BUSY)
    try:
        made = _Visit(url, host, rules, Deadline(deadline_s)).propose(without)
    except Exception:  # noqa: BLE001  (the page is a stranger's; it must not cost a person a form)
        _log.exception("name and icon of %s: unexpected", host)
        made = replace(without, problem=Problem.NOT_A_PAGE)
    finally:
        _slots.release()
    _log.info(
        "name and icon of %s: %s",
        host,
        made.problem or ("fetched" if made.icon else "fetched, without icon"),
    )
    return made


class _Visit:
    """The requests for one proposal, which share a deadline."""

    def __init__(self, url: str, host: str, rules: AddressRules, deadline: Deadline) -> None:
        self._url = url
        self._host = host
        self._rules = rules
        self._deadline = deadline

    def propose(self, without: Proposal) -> Proposal:
        try:
            fetched, page = self._page()
        except FetchError as error:
            has_answered = error.problem in {Problem.NOT_A_PAGE, Problem.TOO_LARGE}
            usual = [IconLink(join(self._url, "/favicon.ico"))] if has_answered else []
            found = self._first_image(usual)
            return _with_icon(replace(without, problem=error.problem), found)
        if split(fetched.url).hostname != self._host and is_sign_in(page.title):
            return without  # the page of a gateway in front of the app
        base = _base_of(page, fetched.url)
        manifest, manifest_url = self._manifest(page, base)
        names = [*page.names, *([manifest.name] if manifest.name else [])]
        links = [self._absolute(icon, base) for icon in page.icons]
        links += [self._absolute(icon, manifest_url) for icon in manifest.icons]
        best = sorted((link for link in links if link.url), key=lambda link: link.rank)
        found = self._first_image(
            [*best[:_MAX_ICONS_TRIED], IconLink(join(fetched.url, "/favicon.ico"))]
        )
        return _with_icon(replace(without, name=name_of(names, page.title, self._host)), found)

    def _page(self) -> tuple[Fetched, Page]:
        """Return the page and what it says of itself.

        Raises:
            FetchError
        """
        fetched = self._fetch(self._url, MAX_PAGE_BYTES, only_head=True)
        answer = fetched.answer
        mime = answer.headers.get("content-type", "text/html").partition(";")[0].strip().lower()
        if not 200 <= answer.status < 300 or mime not in {"text/html", "application/xhtml+xml"}:
            raise FetchError(Problem.NOT_A_PAGE)
        page = read_page(answer.body, answer.headers.get("content-type", ""))
        if len(answer.body) >= MAX_PAGE_BYTES and not (page.title or page.names):
            raise FetchError(Problem.TOO_LARGE)
        return fetched, page

    def _manifest(self, page: Page, base: str) -> tuple[Manifest, str]:
        """Return the manifest, which is only asked for what the page does not say itself."""
        is_complete = (page.names or page.title) and any(icon.is_good for icon in page.icons)
        if page.manifest and not is_complete:
            try:
                url = join(base, page.manifest)
                return read_manifest(self._fetch(url, MAX_MANIFEST_BYTES).answer.body), url
            except FetchError:
                pass
        return Manifest(), base

    def _first_image(self, links: list[IconLink]) -> bytes | None:
        """Return the first that is an image; None when time is over before."""
        for link in links:
            try:
                content = self._image(link.url)
            except FetchError:
                continue
            if is_image(content):
                return content
        return None

    def _image(self, url: str) -> bytes:
        if url[:5].lower() == "data:":
            return data_of(url, max_bytes=MAX_ICON_BYTES)
        answer = self._fetch(url, MAX_ICON_BYTES).answer
        return answer.body if answer.status == 200 and answer.is_whole else b""

    def _fetch(self, url: str, max_bytes: int, *, only_head: bool = False) -> Fetched:
        enough = {"enough": has_head} if only_head else {}
        return fetch(url, rules=self._rules, deadline=self._deadline, max_bytes=max_bytes, **enough)

    @staticmethod
    def _absolute(icon: IconLink, base: str) -> IconLink:
        try:
            return (
                icon if icon.url[:5].lower() == "data:" else replace(icon, url=join(base, icon.url))
            )
        except FetchError:
            return replace(icon, url="")


def _base_of(page: Page, url: str) -> str:
    """Return what the addresses of `page` are relative to; a base that is no URL does not count."""
    try:
        base = join(url, page.base)
        split(base)
    except FetchError:
        return url
    return base


def _with_icon(proposal: Proposal, icon: bytes | None) -> Proposal:
    if icon is None:
        return proposal
    name = (proposal.name or proposal.host).replace("/", " ").replace("\\", " ")
    return replace(proposal, icon=icon, icon_name=name)
