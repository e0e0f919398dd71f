"""The items of an RSS or Atom feed. One that the feed has dropped is old, not gone: it stays."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from html import escape
from urllib.parse import urlsplit

from django import forms
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy

from retrieval.errors import FetchFailed
from retrieval.reasons import gettext_noop as _
from retrieval.syncing.declaring import (
    DocumentSource,
    EntryRefused,
    KnownEntries,
    SourceContent,
    SourceEntry,
)
from retrieval.syncing.kinds.markup import joined
from retrieval.syncing.kinds.patterns import PatternsForm, is_wanted
from retrieval.syncing.kinds.visitor import LISTING_BYTES, SiteVisitor, WebForm, read_page, unpacked
from retrieval.syncing.kinds.xml import Item, items_in

_ITEMS = 2_000
_TEXTS = ("encoded", "content", "description", "summary")  # the longest first, as feeds are written


class FeedForm(WebForm, PatternsForm):
    content = forms.ChoiceField(
        label=gettext_lazy("What becomes a document"),
        choices=[
            ("page", gettext_lazy("The page that an item links to")),
            ("item", gettext_lazy("What the feed itself says")),
        ],
        initial="page",
    )
    field_order = ["url", "content", "include", "exclude", "delay"]


class FeedSource(DocumentSource):
    kind = "feed"
    label = gettext_lazy("Feed (RSS or Atom)")
    help = gettext_lazy("Its items stay when the feed no longer lists them.")
    lists_all = False
    Form = FeedForm

    def entries(self, since: KnownEntries) -> Iterator[SourceEntry]:
        visitor = SiteVisitor(home=self.settings["url"], delay=self.settings["delay"], wait=self.wait)
        fetched = visitor.get(self.settings["url"], max_bytes=LISTING_BYTES)
        content = unpacked(fetched.content or b"")
        count = 0
        for item in items_in(content, named=("item", "entry")):
            self.wait(0)
            link = _link(item, fetched.final_url)
            key = item.text("guid", "id") or link
            if not key or (link and not is_wanted(urlsplit(link).path, self.settings)):
                continue
            if (count := count + 1) > _ITEMS:
                break
            yield self._entry(visitor, item, key=key, link=link, since=since)
        if not count and not any(sign in content[:2_000] for sign in (b"<rss", b"<feed", b"RDF")):
            raise FetchFailed(_("It is no feed."))

    def _entry(self, visitor: SiteVisitor, item: Item, *, key: str, link: str, since: KnownEntries) -> SourceEntry:
        title = Truncator(_plain(item.text("title"))).chars(300)
        said = "\0".join([title, link, item.text("updated", "pubDate", "date"), item.text(*_TEXTS)])
        version = hashlib.sha256(said.encode(errors="replace")).hexdigest()
        if self.settings["content"] == "page" and link:
            read = partial(self._read_page, visitor, link, key, title, since)
            return SourceEntry(key, read, version=version, url=link, title=title)
        return SourceEntry(key, partial(_read_item, item, title), version=version, url=link, title=title)

    def _read_page(self, visitor: SiteVisitor, link: str, key: str, title: str, since: KnownEntries) -> SourceContent:
        return read_page(visitor, link, known=since.get(key), title=title)


def _link(item: Item, base: str) -> str:
    """Return the page of an item: RSS has it as text, Atom as an attribute."""
    for field in item.fields.get("link", []):
        if field.attributes.get("rel", "alternate") == "alternate":
            found = field.text.strip() or field.attributes.get("href", "")
            if found and (link := joined(base, found)):
                return link
    return ""


def _read_item(item: Item, title: str) -> SourceContent:
    text = item.text(*_TEXTS)
    if not text:
        raise EntryRefused(_("The feed says nothing of it but its title."))
    html = f'<!DOCTYPE html><meta charset="utf-8"><title>{escape(title)}</title><body>{text}</body>'
    return SourceContent(html, "item.html", title=title)


def _plain(title: str) -> str:
    return " ".join(title.split())
