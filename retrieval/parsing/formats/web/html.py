"""HTML: what a browser would print of the content, without what only leads around the site."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.parsing.formats.extracted import Blocks, Extracted, first_date
from retrieval.parsing.formats.plain.encodings import decode

if TYPE_CHECKING:
    from lxml.etree import _Element

_HIDDEN_TAGS = set(
    "head script style template noscript svg math iframe object select button datalist dialog canvas audio "
    "video".split()
)
_BLOCK_TAGS = set(
    "address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section summary table tbody tfoot thead tr ul".split()
)
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
# A table that holds one of these lays out a page: its cells are no cells to a reader.
_LAYOUT_TAGS = ("table", "pre", "nav", "main", "article", "section", *_HEADINGS)
_NAVIGATION_ROLES = {"navigation", "search", "menu", "menubar"}
_HIDING_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])", re.IGNORECASE)
_CHARSET = re.compile(rb"<meta[^>]{1,200}charset=[\"']?([\w-]{1,40})", re.IGNORECASE)
_DATE_NAMES = [
    *("article:modified_time", "og:updated_time", "dcterms.modified", "datemodified", "last-modified"),
    *("article:published_time", "datepublished", "dcterms.date", "dc.date", "date", "dcterms.created"),
]


def read_html(path: Path) -> Extracted:
    root = parse_html(_decode(path.read_bytes()))
    if root is None:
        return Extracted("")
    blocks = Blocks()
    HtmlReader(blocks).read(root)
    if blocks.is_empty:  # nothing but navigation: then that is the content
        HtmlReader(blocks, keeps_navigation=True).read(root)
    blocks.head_beginning(" ".join((root.findtext(".//title") or "").split())[:300])
    return blocks.extracted(dated=_dated(root))


def read_html_into(blocks: Blocks, text: str) -> None:
    """Append what a browser would print of `text`."""
    root = parse_html(text)
    if root is not None:
        HtmlReader(blocks).read(root)


def parse_html(text: str) -> _Element | None:
    """Return the root of a page, however it is written; None when nothing stands in it."""
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", no_network=True, huge_tree=True, remove_comments=True, remove_pis=True)
    content = text.encode(errors="replace")
    return etree.fromstring(content, parser) if content.strip() else None


def _decode(content: bytes) -> str:
    declared = _CHARSET.search(content[:4096])
    try:
        return content.decode(declared[1].decode()) if declared else decode(content)
    except (LookupError, UnicodeDecodeError):  # a charset that doesn't exist, or not the one it is written in
        return decode(content)


def _dated(root: _Element) -> str:
    """Return the date at which its head says it was modified, else published; else the first date that is marked as one
    in the text."""
    named: dict[str, str] = {}
    for meta in root.iter("meta"):
        name = meta.get("property") or meta.get("name") or meta.get("itemprop") or meta.get("http-equiv") or ""
        named.setdefault(name.lower(), meta.get("content") or "")
    times = [time.get("datetime") for time in root.iter("time")]
    return first_date([*(named.get(name) for name in _DATE_NAMES), *times[:20]])


class HtmlReader:
    """Walk an HTML tree and append what a browser would print to `blocks`. Where an element stands whose id is one of
    `anchors`, the blocks get a mark: `place` and the id."""

    def __init__(
        self, blocks: Blocks, *, place: str = "", anchors: Iterable[str] = (), keeps_navigation: bool = False
    ) -> None:
        self._blocks = blocks
        self._place = place
        self._anchors = set(anchors)
        self._keeps_navigation = keeps_navigation
        self._inline: list[str] = []
        self._level = 0
        self._close = False
        self._preformatted = 0
        self._cells = 0
        self._layout: set[_Element] = set()

    def read(self, root: _Element) -> None:
        from lxml.etree import iterwalk

        self._layout = _layout_tables(root)
        walk = iterwalk(root, events=("start", "end"))
        for event, element in walk:
            if event == "end":
                self._leave(element)
            elif self._is_hidden(element):
                walk.skip_subtree()
            else:
                self._enter(element)
        self._flush()

    def _enter(self, element: _Element) -> None:
        tag = element.tag
        if self._anchors and (name := element.get("id") or element.get("name")) in self._anchors:
            self._flush()
            self._blocks.mark(f"{self._place}#{name}")
        if self._is_cell(element):
            self._inline.append("| ")
            self._cells += 1
        elif tag in _BLOCK_TAGS and self._cells:
            self._inline.append(" ")
        elif tag in _BLOCK_TAGS or tag in ("td", "th"):
            self._flush()
            self._preformatted += tag == "pre"
            self._level = int(tag[1]) if tag in _HEADINGS else self._level
            if tag == "li" or (tag == "tr" and self._is_row(element)):
                self._close = element.getprevious() is not None or _is_nested(element)
                self._inline = ["- "] if tag == "li" else []
        elif tag == "br":
            self._inline.append(" " if self._cells else "\n")
        self._say(element.text)

    def _leave(self, element: _Element) -> None:
        tag = element.tag
        if self._is_hidden(element):
            pass
        elif self._is_cell(element):
            self._inline.append(" ")
            self._cells -= 1
        elif tag in _BLOCK_TAGS and self._cells:
            self._inline.append(" ")
        elif tag in _BLOCK_TAGS or tag in ("td", "th"):
            self._flush()
            self._level = 0
            self._preformatted -= tag == "pre"
            if tag == "li":
                self._inline, self._close = [], False
        self._say(element.tail)

    def _is_cell(self, element: _Element) -> bool:
        if element.tag not in ("td", "th"):
            return False
        return self._cells > 0 or self._is_row(element)

    def _is_row(self, element: _Element) -> bool:
        """Return whether this row, or cell, belongs to a table of cells and not to one that lays out a page."""
        return next(element.iterancestors("table"), None) not in self._layout

    def _is_hidden(self, element: _Element) -> bool:
        return (
            not isinstance(element.tag, str)
            or element.tag in _HIDDEN_TAGS
            or element.get("hidden") is not None
            or element.get("aria-hidden") == "true"
            or element.get("class") == "headerlink"  # the ¶ behind a heading
            or _HIDING_STYLE.search(element.get("style", "")) is not None
            or (
                not self._keeps_navigation
                and (element.tag == "nav" or element.get("role", "").lower() in _NAVIGATION_ROLES)
            )
        )

    def _say(self, text: str | None) -> None:
        if text:
            self._inline.append(text if self._preformatted else re.sub(r"\s+", " ", text))

    def _flush(self) -> None:
        text = "".join(self._inline)
        if not self._preformatted:
            text = "\n".join(" ".join(line.split()) for line in text.split("\n")).strip()
        if text.strip(" |-\n"):
            self._blocks.add(f"{text} |" if text.startswith("| ") else text, level=self._level, close=self._close)
            self._close = False
            self._inline.clear()
        elif text.strip() != "-":  # a list item's mark waits for its first paragraph
            self._inline.clear()


def _is_nested(item: _Element) -> bool:
    """Return whether this item's list is itself in an item."""
    above = item.getparent()
    return above is not None and above.getparent() is not None and above.getparent().tag == "li"


def _layout_tables(root: _Element) -> set[_Element]:
    """Return the tables that hold more than rows of cells."""
    found: set[_Element] = set()
    for element in root.iter(*_LAYOUT_TAGS):
        for table in element.iterancestors("table"):
            if table in found:
                break
            found.add(table)
    return found
