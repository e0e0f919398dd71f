"""HTML: what a browser would print of the content, without what only leads around the site."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.parsing.formats.extracted import Blocks, Extracted, first_date
from retrieval.parsing.formats.plain.encodings import declared_in, decode
from retrieval.parsing.formats.web.furniture import Furniture, furniture_of
from retrieval.parsing.formats.web.reader import HtmlReader

if TYPE_CHECKING:
    from lxml.etree import HTMLParser, _Element

_DEPTH_LIMIT = 1_000  # elements in each other
_DATE_NAMES = [
    *("article:modified_time", "og:updated_time", "dcterms.modified", "datemodified", "last-modified"),
    *("article:published_time", "datepublished", "dcterms.date", "dc.date", "date", "dcterms.created"),
]


def read_html(path: Path) -> Extracted:
    blocks = Blocks()
    content = path.read_bytes()
    root = parse_html(decode(content, notes=blocks.notes, declared=declared_in(content)))
    if root is None:
        return Extracted("")
    HtmlReader(blocks, furniture=furniture_of(root)).read(root)
    if blocks.is_empty:  # nothing but navigation: then that is the content
        HtmlReader(blocks, furniture=Furniture(keeps_navigation=True)).read(root)
    blocks.title = _title(root)
    blocks.head_beginning(blocks.title)
    return blocks.extracted(dated=_dated(root))


def read_html_into(blocks: Blocks, text: str) -> None:
    """Append what a browser would print of `text`."""
    root = parse_html(text)
    if root is not None:
        HtmlReader(blocks).read(root)


def parse_html(text: str) -> _Element | None:
    """Return the root of a page, however it is written; None when nothing stands in it."""
    from lxml import etree

    content = text.encode(errors="replace")
    if not content.strip():
        return None
    parser = _parser()
    root = etree.fromstring(content, parser)
    if any(fault.type_name == "ERR_RESOURCE_LIMIT" for fault in parser.error_log):
        root = etree.fromstring(content, _parser(_Flattened()))
    return root


def _parser(target: _Flattened | None = None) -> HTMLParser:
    from lxml import etree

    return etree.HTMLParser(
        target=target, encoding="utf-8", no_network=True, huge_tree=True, remove_comments=True, remove_pis=True
    )


class _Flattened:
    """Builds the tree of a page that is nested more deeply than the parser's own trees may be, beyond which it would
    leave out all that follows. Deeper elements stand, empty, before what they hold."""

    def __init__(self) -> None:
        from lxml import etree

        self._builder = etree.TreeBuilder()
        self._depth = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        self._builder.start(tag, dict(attributes))
        if self._depth > _DEPTH_LIMIT:
            self._builder.end(tag)

    def end(self, tag: str) -> None:
        if self._depth <= _DEPTH_LIMIT:
            self._builder.end(tag)
        self._depth -= 1

    def data(self, text: str) -> None:
        self._builder.data(text)

    def close(self) -> _Element:
        return self._builder.close()


def _title(root: _Element) -> str:
    """Return its <title>, else what it calls itself where it is shared."""
    title = " ".join((root.findtext(".//title") or "").split())
    shared = (meta.get("content") for meta in root.iter("meta") if meta.get("property") == "og:title")
    return (title or " ".join((next(shared, "") or "").split()))[:300]


def _dated(root: _Element) -> str:
    """Return the date at which its head says it was modified, else published; else the first date that is marked as one
    in the text."""
    named: dict[str, str] = {}
    for meta in root.iter("meta"):
        name = meta.get("property") or meta.get("name") or meta.get("itemprop") or meta.get("http-equiv") or ""
        named.setdefault(name.lower(), meta.get("content") or "")
    times = [time.get("datetime") for time in root.iter("time")]
    return first_date([*(named.get(name) for name in _DATE_NAMES), *times[:20]])
