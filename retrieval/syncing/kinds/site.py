"""The pages of a site that its links lead to, from one of them on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from posixpath import dirname
from typing import Any, NoReturn
from urllib.parse import urlsplit

from django import forms
from django.utils.translation import gettext_lazy

from retrieval.errors import FetchRefused, PageGone, RetrievalError
from retrieval.reasons import gettext_noop as _
from retrieval.sources.addresses import filename_of
from retrieval.sources.web import Fetched
from retrieval.syncing.declaring import (
    DocumentSource,
    EntryGone,
    EntryRefused,
    EntryUnchanged,
    KnownEntries,
    ListingIncomplete,
    SourceContent,
    SourceDown,
    SourceEntry,
)
from retrieval.syncing.kinds.markup import PageFacts, joined, page_facts
from retrieval.syncing.kinds.patterns import PatternsForm, is_wanted
from retrieval.syncing.kinds.visitor import SiteVisitor, WebForm, validators

_NO_DOCUMENT = tuple(  # what pages are made of: fetched, it would only be refused
    ".7z .avi .bmp .bz2 .css .dmg .eot .exe .gif .gz .ico .iso .jpeg .jpg .js .map .mov .mp3 .mp4 .mpeg .ogg .otf .png "
    ".rar .svg .tar .tgz .tif .tiff .ttf .wasm .wav .webm .webmanifest .webp .woff .woff2 .zip".split()
)
_WAITING = 50_000  # addresses that were found and not asked yet
_CANONICALS = 10  # one naming the next, that are followed
_MEMORY = 60_000  # characters of a page's links


class SiteForm(WebForm, PatternsForm):
    depth = forms.IntegerField(
        label=gettext_lazy("Links away from the first page"), initial=5, min_value=0, max_value=30
    )
    pages = forms.IntegerField(
        label=gettext_lazy("At most so many pages"), initial=1_000, min_value=1, max_value=20_000
    )
    queries = forms.BooleanField(
        label=gettext_lazy("Also addresses with a question mark"),
        required=False,
        help_text=gettext_lazy("Calendars, searches and the like have no end of them."),
    )
    field_order = ["url", "depth", "pages", "include", "exclude", "queries", "delay"]


@dataclass(frozen=True)
class _Page:
    """A page that was visited, as an entry of its own; `canonical` is the other one that it wants to be known by."""

    entry: SourceEntry
    links: list[str] = field(default_factory=list)
    canonical: str = ""
    is_known: bool = False
    is_there: bool = True  # or stays, as what is known of it
    is_told: bool = True  # a link to nowhere is not


@dataclass
class _Crawl:
    """How far a run has come: whether each address that was visited has led to a document."""

    settled: dict[str, bool] = field(default_factory=dict)
    asked: int = 0
    _yielded: set[str] = field(default_factory=set)

    def settle(self, addresses: Iterable[str], *, is_there: bool) -> None:
        for address in addresses:
            self.settled.setdefault(address, is_there)

    def new(self, entries: Iterable[SourceEntry]) -> list[SourceEntry]:
        """Return those that were not returned before."""
        new = [entry for entry in entries if entry.key not in self._yielded]
        self._yielded.update(entry.key for entry in new)
        return new


class SiteSource(DocumentSource):
    """Follows links breadth first, below the folder of the first page, and on its host alone."""

    kind = "site"
    label = gettext_lazy("Website, by its links")
    help = gettext_lazy("From one page on, by links to pages of the same host, below the folder of the first.")
    Form = SiteForm

    def entries(self, since: KnownEntries) -> Iterator[SourceEntry]:
        visitor = SiteVisitor(home=self.settings["url"], delay=self.settings["delay"], wait=self.wait)
        first = joined(self.settings["url"], "")
        waiting = deque([(first, 0)])
        met, crawl = {first}, _Crawl()
        while waiting:
            self.wait(0)
            url, depth = waiting.popleft()
            if url in crawl.settled:  # as what another page calls canonical, or leads to
                continue
            found, links = self._settle(crawl, partial(self._visit, visitor, since), url, is_first=depth == 0)
            yield from found
            if depth < self.settings["depth"]:
                new = [link for link in links if link not in met and self._is_inside(link)]
                met.update(new[: _WAITING - len(waiting)])
                waiting += [(link, depth + 1) for link in new[: _WAITING - len(waiting)]]

    def _settle(
        self, crawl: _Crawl, visit: Callable[..., _Page], url: str, *, is_first: bool
    ) -> tuple[list[SourceEntry], list[str]]:
        """Visit a page, the one that it calls canonical, and so on. Return the entry of one of them, with those that
        are gone or can't be had, and the links of all. Where they name each other in a circle, it is the one that is
        known already, or else the last; where the next one is not there, the one that names it."""
        addresses, links = list[str](), list[str]()
        before: _Page | None = None
        known: _Page | None = None
        for number in range(_CANONICALS):
            if crawl.asked >= self.settings["pages"]:
                raise ListingIncomplete(_("It has more than %(limit)s pages."), limit=self.settings["pages"])
            crawl.asked += 1
            page = visit(url, is_first=is_first and not number)
            addresses += [url, page.entry.key]
            links += page.links
            if not page.canonical:
                found = [page] if page.is_there or before is None else [before, page]
                crawl.settle([url, page.entry.key], is_there=page.is_there)
                break
            known = known or (page if page.is_known else None)
            if page.canonical in crawl.settled:
                found = [] if crawl.settled[page.canonical] else [page]
                break
            found = [known or page]
            if page.canonical in addresses:
                break
            before, url = page, page.canonical
        else:
            addresses.append(url)
        crawl.settle(addresses, is_there=bool(found) or crawl.settled.get(page.canonical, False))
        return crawl.new(page.entry for page in found if page.is_told), links

    def _visit(self, visitor: SiteVisitor, since: KnownEntries, url: str, *, is_first: bool) -> _Page:
        """Return a page. One that can't be had just now leads on by the links that it had."""
        known = since.get(url)
        try:
            fetched = visitor.get(url, known=known.memory if known else None)
        except SourceDown:
            raise
        except PageGone as gone:
            if is_first:
                raise
            entry = SourceEntry(url, partial(_raise, EntryGone(gone.reason)))
            return _Page(entry, is_there=False, is_told=known is not None)
        except RetrievalError as error:
            if is_first and known is None:
                raise
            links = list(known.memory.get("links", [])) if known else []
            refused = SourceEntry(url, partial(_raise, EntryRefused(error.reason)))
            return _Page(refused, links, is_there=known is not None)
        if fetched.content is None and known:
            unchanged = SourceEntry(url, partial(_raise, EntryUnchanged()), version=known.version)
            links, canonical = known.memory.get("links", []), known.memory.get("canonical", "")
            return _Page(unchanged, [*links], str(canonical), is_known=True)
        page = self._page(url, fetched)
        return replace(page, is_known=since.get(page.entry.key) is not None)

    def _page(self, url: str, fetched: Fetched) -> _Page:
        key = joined(fetched.final_url, "") or url
        if not self._is_inside(key):
            if url == joined(self.settings["url"], ""):
                raise FetchRefused(_("It leads to %(url)s: begin there."), url=key)
            out = EntryGone(_("It leads out of the site."))
            return _Page(SourceEntry(url, partial(_raise, out)), is_there=False)
        try:
            filename = filename_of(fetched)
        except FetchRefused as refused:
            return _Page(SourceEntry(key, partial(_raise, EntryRefused(refused.reason))), is_there=False)
        facts = PageFacts()
        if filename.endswith((".html", ".htm", ".xhtml")):
            facts = page_facts(fetched.content or b"", url=fetched.final_url, robots=fetched.robots)
        canonical = facts.canonical if facts.canonical != key and self._is_inside(facts.canonical) else ""
        if facts.noindex:
            gone = EntryGone(_("The page asks to be in no index (noindex)."))
            return _Page(SourceEntry(key, partial(_raise, gone)), facts.links, canonical)
        links = [link for link in facts.links if self._is_inside(link)]
        memory: dict[str, Any] = validators(fetched)
        if sum(map(len, links)) <= _MEMORY:
            memory |= {"links": links, "canonical": canonical}
        else:
            memory = {}  # asked with no etag, it is sent whole the next time
        version = memory.get("etag") or memory.get("last_modified") or ""
        content = SourceContent(fetched.content or b"", filename, version=str(version), url=key, memory=memory)
        return _Page(SourceEntry(key, partial(_return, content), url=key), links, canonical)

    def _is_inside(self, url: str) -> bool:
        """Return whether an address is of the same host, below the folder of the first page, and wanted."""
        first, parts = urlsplit(joined(self.settings["url"], "")), urlsplit(url)
        if parts.netloc != first.netloc or (parts.query and not self.settings["queries"]):
            return False
        folder = first.path if first.path.endswith("/") else dirname(first.path).rstrip("/") + "/"
        if not parts.path.startswith(folder) or parts.path.lower().endswith(_NO_DOCUMENT):
            return False
        return url == joined(self.settings["url"], "") or is_wanted(parts.path, self.settings)


def _raise(error: Exception) -> NoReturn:
    raise error


def _return(content: SourceContent) -> SourceContent:
    return content
