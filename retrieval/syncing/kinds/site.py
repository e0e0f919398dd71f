"""The pages of a site that its links lead to, from one of them on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
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
        met, asked = {first}, 0
        while waiting:
            self.wait(0)
            if asked >= self.settings["pages"]:
                raise ListingIncomplete(_("It has more than %(limit)s pages."), limit=self.settings["pages"])
            url, depth = waiting.popleft()
            asked += 1
            entry, links = self._visit(visitor, url, since, is_first=depth == 0)
            if entry is not None and (entry.key == url or entry.key not in met):
                met.add(entry.key)
                yield entry
            elif entry is None and links and links[0] not in met:  # the address that the page gives itself
                met.add(links[0])
                waiting.appendleft((links[0], depth))
            if depth < self.settings["depth"]:
                new = [link for link in links if link not in met and self._is_inside(link)]
                met.update(new[: _WAITING - len(waiting)])
                waiting += [(link, depth + 1) for link in new[: _WAITING - len(waiting)]]

    def _visit(
        self, visitor: SiteVisitor, url: str, since: KnownEntries, *, is_first: bool
    ) -> tuple[SourceEntry | None, list[str]]:
        """Return the entry of a page, None where it is none of its own, and the links to follow. A page that can't be
        had just now leads on by the links that it had."""
        known = since.get(url)
        try:
            fetched = visitor.get(url, known=known.memory if known else None)
        except SourceDown:
            raise
        except PageGone as gone:
            if is_first:
                raise
            return (SourceEntry(url, partial(_raise, EntryGone(gone.reason))) if known else None), []
        except RetrievalError as error:
            if is_first and known is None:
                raise
            links = list(known.memory.get("links", [])) if known else []
            return SourceEntry(url, partial(_raise, EntryRefused(error.reason))), links
        if fetched.content is None and known:
            unchanged = SourceEntry(url, partial(_raise, EntryUnchanged()), version=known.version)
            return unchanged, list(known.memory.get("links", []))
        return self._entry(url, fetched)

    def _entry(self, url: str, fetched: Fetched) -> tuple[SourceEntry | None, list[str]]:
        key = joined(fetched.final_url, "") or url
        if not self._is_inside(key):
            if url == joined(self.settings["url"], ""):
                raise FetchRefused(_("It leads to %(url)s: begin there."), url=key)
            return SourceEntry(url, partial(_raise, EntryGone(_("It leads out of the site.")))), []
        try:
            filename = filename_of(fetched)
        except FetchRefused as refused:
            return SourceEntry(key, partial(_raise, EntryRefused(refused.reason))), []
        facts = PageFacts()
        if filename.endswith((".html", ".htm", ".xhtml")):
            facts = page_facts(fetched.content or b"", url=fetched.final_url, robots=fetched.robots)
        if facts.canonical and facts.canonical != key and self._is_inside(facts.canonical):
            return None, [facts.canonical, *facts.links]
        if facts.noindex:
            gone = EntryGone(_("The page asks to be in no index (noindex)."))
            return SourceEntry(key, partial(_raise, gone)), facts.links
        links = [link for link in facts.links if self._is_inside(link)]
        memory: dict[str, Any] = validators(fetched)
        if sum(map(len, links)) <= _MEMORY:
            memory["links"] = links
        else:
            memory = {}  # asked with no etag, it is sent whole the next time
        version = memory.get("etag") or memory.get("last_modified") or ""
        content = SourceContent(fetched.content or b"", filename, version=str(version), url=key, memory=memory)
        return SourceEntry(key, partial(_return, content), url=key), links

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
