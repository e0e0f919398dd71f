"""EPUB books: their chapters in reading order, with headings from the text and from the table of contents."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from retrieval.errors import ParsingError
from retrieval.parsing.formats.archive import open_archive, parse_xml, read_entry
from retrieval.parsing.formats.extracted import Blocks, Extracted, first_date
from retrieval.parsing.formats.plain.encodings import declared_in, decode
from retrieval.parsing.formats.web.html import parse_html
from retrieval.parsing.formats.web.reader import HtmlReader
from retrieval.reasons import gettext_noop as _

if TYPE_CHECKING:
    from lxml.etree import _Element

_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
_HTML_TYPES = {"application/xhtml+xml", "text/html", "text/x-oeb1-document"}
_FONT_OBFUSCATION = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")  # hides no text
_CONTENTS_LIMIT = 20_000  # entries in the table of contents
_LEVELS = 6


@dataclass(frozen=True)
class _Entry:
    """A line of the table of contents: `place` is the file in the archive, with `#id` if it points into it."""

    place: str
    level: int
    title: str


def read_epub(path: Path) -> Extracted:
    with open_archive(path, ending="epub") as archive:
        names = set(archive.namelist())
        _refuse_protected(archive, names)
        package_name = _package_name(archive)
        package = parse_xml(read_entry(archive, package_name))
        folder = posixpath.dirname(package_name)
        blocks = Blocks()
        try:
            contents = _contents(archive, package, folder, names)
        except ParsingError:
            contents = []
            blocks.notes.add("parts", "toc")
        for place in _chapters(package, folder):
            if place in names:
                _add_chapter(blocks, archive, place, contents)
            else:
                blocks.notes.add("parts", place)
    for entry in contents:
        blocks.head(entry.place, level=entry.level, title=entry.title)
    blocks.title = next((element.text or "" for element in package.iter(_DUBLIN_CORE + "title")), "")
    return blocks.extracted(dated=first_date(_dates(package)))


def _refuse_protected(archive: zipfile.ZipFile, names: set[str]) -> None:
    if "META-INF/encryption.xml" not in names:
        return
    root = parse_xml(read_entry(archive, "META-INF/encryption.xml"))
    methods = root.iter("{http://www.w3.org/2001/04/xmlenc#}EncryptionMethod")
    if any(method.get("Algorithm") not in _FONT_OBFUSCATION for method in methods):
        raise ParsingError(_("It is protected (DRM): only an unprotected copy can be read."))


def _package_name(archive: zipfile.ZipFile) -> str:
    container = parse_xml(read_entry(archive, "META-INF/container.xml"))
    named = next(container.iter("{urn:oasis:names:tc:opendocument:xmlns:container}rootfile"), None)
    if named is None or not named.get("full-path"):
        raise ParsingError(_("The file is broken: it does not say where the book begins."))
    return str(named.get("full-path"))


def _local(root: _Element, name: str) -> Iterator[_Element]:
    yield from root.iter("{*}" + name)


def _items(package: _Element, folder: str) -> dict[str, tuple[str, str, str]]:
    """Return the entries of the manifest by id: the name in the archive, the type, the properties."""
    return {
        item.get("id", ""): (
            _place(folder, item.get("href", "")),
            item.get("media-type", ""),
            item.get("properties", ""),
        )
        for item in _local(package, "item")
    }


def _chapters(package: _Element, folder: str) -> Iterator[str]:
    """Yield the names of the HTML files in reading order, without the one that is the table of contents."""
    items = _items(package, folder)
    for reference in _local(package, "itemref"):
        place, kind, properties = items.get(reference.get("idref", ""), ("", "", ""))
        if kind in _HTML_TYPES and "nav" not in properties.split():
            yield place


def _place(folder: str, href: str) -> str:
    """Return where in the archive a link leads that stands in a file of `folder`."""
    name, _, fragment = href.partition("#")
    place = posixpath.normpath(posixpath.join(folder, unquote(name)))
    return f"{place}#{unquote(fragment)}" if fragment else place


def _add_chapter(blocks: Blocks, archive: zipfile.ZipFile, place: str, contents: list[_Entry]) -> None:
    try:
        content = read_entry(archive, place)
    except ParsingError:
        blocks.notes.add("parts", place)
        return
    root = parse_html(decode(content, notes=blocks.notes, declared=declared_in(content)))
    if root is None:
        return
    blocks.mark(place)
    anchors = (entry.place.partition("#")[2] for entry in contents if entry.place.startswith(f"{place}#"))
    HtmlReader(blocks, place=place, anchors=anchors).read(root)


def _contents(archive: zipfile.ZipFile, package: _Element, folder: str, names: set[str]) -> list[_Entry]:
    """Return the table of contents: EPUB 3 has it as a page, EPUB 2 as an “ncx”."""
    for place, kind, properties in _items(package, folder).values():
        if place not in names:
            continue
        if "nav" in properties.split():
            return _page_entries(parse_html(decode(read_entry(archive, place))), posixpath.dirname(place))
        if kind == "application/x-dtbncx+xml":
            return _ncx_entries(parse_xml(read_entry(archive, place)), posixpath.dirname(place))
    return []


def _page_entries(root: _Element | None, folder: str) -> list[_Entry]:
    navigations = list(root.iter("nav")) if root is not None else []
    contents = next((each for each in navigations if "toc" in each.get("epub:type", "").split()), None)
    links = contents.iter("a") if contents is not None else iter(())
    return [
        _Entry(_place(folder, link.get("href", "")), _depth(link, "ol"), " ".join("".join(link.itertext()).split()))
        for link, _ in zip(links, range(_CONTENTS_LIMIT), strict=False)
    ]


def _ncx_entries(root: _Element, folder: str) -> list[_Entry]:
    entries = []
    for point, _number in zip(_local(root, "navPoint"), range(_CONTENTS_LIMIT), strict=False):
        target = point.find("{*}content")
        title = point.findtext("{*}navLabel/{*}text") or ""
        if target is not None:
            level = _depth(point, point.tag) + 1
            entries.append(_Entry(_place(folder, target.get("src", "")), min(level, _LEVELS), " ".join(title.split())))
    return entries


def _depth(element: _Element, tag: str) -> int:
    return min(sum(1 for _ in element.iterancestors(tag)), _LEVELS)


def _dates(package: _Element) -> list[str | None]:
    """Return when it was published, then when the file was modified."""
    published = [element.text for element in package.iter(_DUBLIN_CORE + "date")]
    modified = [meta.text for meta in _local(package, "meta") if meta.get("property") == "dcterms:modified"]
    return [*published, *modified]
