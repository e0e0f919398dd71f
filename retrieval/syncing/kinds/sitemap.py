"""The pages that a site names in its sitemap. See https://www.sitemaps.org/protocol.html"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy

from retrieval.errors import FetchFailed, RetrievalError
from retrieval.reasons import Reason
from retrieval.reasons import gettext_noop as _
from retrieval.syncing.declaring import (
    MOST_ENTRIES,
    DocumentSource,
    EntryRefused,
    KnownEntries,
    ListingIncomplete,
    SourceContent,
    SourceDown,
    SourceEntry,
)
from retrieval.syncing.kinds.markup import host_of, joined
from retrieval.syncing.kinds.patterns import PatternsForm, is_wanted
from retrieval.syncing.kinds.visitor import LISTING_BYTES, SiteVisitor, WebForm, read_page, unpacked
from retrieval.syncing.kinds.xml import items_in

_FILES = 1_000  # of an index
_DEPTH = 3
_NEVER = datetime.min.replace(tzinfo=UTC)


class SitemapForm(WebForm, PatternsForm):
    field_order = ["url", "include", "exclude", "delay"]


class SitemapSource(DocumentSource):
    kind = "sitemap"
    label = gettext_lazy("Website, by its sitemap")
    help = gettext_lazy("The address of the sitemap, or of the site: its robots.txt or /sitemap.xml then says.")
    Form = SitemapForm

    def entries(self, since: KnownEntries) -> Iterator[SourceEntry]:
        """Yield the pages of the sitemap: those that are new first, then those read longest ago."""
        visitor = SiteVisitor(home=self.settings["url"], delay=self.settings["delay"], wait=self.wait)
        pages, fault = self._listed(visitor)
        checked = since.checked()
        host = host_of(self.settings["url"])
        for url in sorted(pages, key=lambda url: checked.get(url, _NEVER)):
            if is_wanted(urlsplit(url).path, self.settings):
                read = partial(self._read, visitor, url, since) if host_of(url) == host else partial(_stranger, url)
                yield SourceEntry(url, read, version=pages[url], url=url)
        if fault:
            raise ListingIncomplete(fault)

    def _read(self, visitor: SiteVisitor, url: str, since: KnownEntries) -> SourceContent:
        """Return a page. A sitemap that dates it says whether it has changed, and else its web server does."""
        return read_page(visitor, url, known=since.get(url))

    def _listed(self, visitor: SiteVisitor) -> tuple[dict[str, str], Reason | None]:
        """Return the pages with their dates, and why not all of them were listed. Raises FetchFailed and FetchRefused
        when not even the first file can be read."""
        waiting = [(url, 0) for url in self._sitemaps(visitor)]
        asked, pages, fault = {url for url, _depth in waiting}, dict[str, str](), None
        while waiting:
            self.wait(0)
            url, depth = waiting.pop(0)
            try:
                below = self._read_file(visitor, url, pages)
            except SourceDown:
                raise
            except RetrievalError as error:
                if len(asked) == 1:
                    raise
                fault = Reason(_("%(url)s: %(reason)s"), url=url, reason=error.reason)
                continue
            new = [link for link in below if link not in asked]
            if (new and depth >= _DEPTH) or len(asked) + len(new) > _FILES or len(pages) > MOST_ENTRIES:
                fault = Reason(_("It names more than can be read: %(limit)s files."), limit=_FILES)
                new = []
            asked.update(new)
            waiting += [(link, depth + 1) for link in new]
        return pages, fault

    def _sitemaps(self, visitor: SiteVisitor) -> list[str]:
        """Return where to begin."""
        url = self.settings["url"]
        if urlsplit(url).path.endswith((".xml", ".gz", ".txt")) or urlsplit(url).query:
            return [url]
        named = [joined(url, link) for link in visitor.robots(url).sitemaps]
        return list(dict.fromkeys(filter(None, named)))[:_FILES] or [joined(url, "/sitemap.xml")]

    def _read_file(self, visitor: SiteVisitor, url: str, pages: dict[str, str]) -> list[str]:
        """Add the pages of a sitemap, and return the files that an index names."""
        fetched = visitor.get(url, max_bytes=LISTING_BYTES)
        content = unpacked(fetched.content or b"")
        if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            _add_lines(content, url, pages)
            return []
        below = []
        for item in items_in(content, named=("url", "sitemap")):
            link = joined(url, item.text("loc"))
            if not link:
                continue
            if item.name == "sitemap":
                below.append(link)
            elif len(pages) <= MOST_ENTRIES:
                pages.setdefault(link, item.text("lastmod")[:100])
        if not below and not pages and b"<urlset" not in content[:5_000] and b"sitemapindex" not in content[:5_000]:
            raise FetchFailed(_("It is no sitemap."))
        return below


def _add_lines(content: bytes, url: str, pages: dict[str, str]) -> None:
    """Add the pages of a sitemap that is plain text, an address on each line."""
    lines = content.decode(errors="replace").splitlines()
    found = [link for line in lines if line.strip().startswith("http") and (link := joined(url, line))]
    if lines and not found:
        raise FetchFailed(_("It is no sitemap."))
    pages.update(dict.fromkeys(found[: MOST_ENTRIES + 1], ""))


def _stranger(url: str) -> SourceContent:
    raise EntryRefused(_("It is on another host than its sitemap."))
