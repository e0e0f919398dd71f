"""OpenDocument texts: headings, lists and tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.errors import ParsingError
from retrieval.parsing.formats.archive import open_archive, parse_xml, read_entry
from retrieval.parsing.formats.extracted import Blocks, Extracted, first_date, row_line
from retrieval.reasons import gettext_noop as _

if TYPE_CHECKING:
    from lxml.etree import _Element

_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_SPACES_LIMIT = 100  # an attribute says how many; a writer means a few
_CONTAINERS = {_TEXT + "section", _TEXT + "list", _TEXT + "list-item", _TEXT + "list-header", _TEXT + "index-body"}
_UNPRINTED = {_OFFICE + "annotation", _OFFICE + "annotation-end", _TEXT + "tracked-changes", _TEXT + "table-of-content"}


def read_opendocument(path: Path) -> Extracted:
    with open_archive(path, ending="odt") as archive:
        if b"manifest:encryption-data" in (
            read_entry(archive, "META-INF/manifest.xml") if "META-INF/manifest.xml" in archive.namelist() else b""
        ):
            raise ParsingError(_("It is protected by a password: save it without one."))
        body = parse_xml(read_entry(archive, "content.xml")).find(f"{_OFFICE}body/{_OFFICE}text")
        dates = _dates(parse_xml(read_entry(archive, "meta.xml"))) if "meta.xml" in archive.namelist() else []
    blocks = Blocks()
    if body is not None:
        _add(blocks, body, is_item=False)
    return blocks.extracted(dated=first_date(dates))


def _dates(meta: _Element) -> list[str | None]:
    wanted = ("{http://purl.org/dc/elements/1.1/}date", "{urn:oasis:names:tc:opendocument:xmlns:meta:1.0}creation-date")
    return [meta.findtext(f".//{name}") for name in wanted]


def _add(blocks: Blocks, parent: _Element, *, is_item: bool) -> None:
    for child in parent:
        if child.tag == _TEXT + "h":
            level = child.get(_TEXT + "outline-level", "1")
            blocks.add(_printed(child), level=int(level) if level.isdigit() and level != "0" else 1)
        elif child.tag == _TEXT + "p":
            text = _printed(child)
            blocks.add(
                f"- {text}" if is_item and text.strip() else text, close=is_item and parent.getprevious() is not None
            )
        elif child.tag == _TABLE + "table":
            for number, row in enumerate(child.iter(_TABLE + "table-row")):
                cells = (" ".join(_printed(line) for line in cell.iter(_TEXT + "p")) for cell in row)
                blocks.add(row_line(cells), close=number > 0)
        elif child.tag in _CONTAINERS:
            _add(blocks, child, is_item=is_item or child.tag in (_TEXT + "list-item", _TEXT + "list-header"))


def _printed(paragraph: _Element) -> str:
    from lxml.etree import iterwalk

    pieces = []
    walk = iterwalk(paragraph, events=("start", "end"))
    for event, element in walk:
        if event == "end":
            pieces.append((element.tail or "") if element is not paragraph else "")
        elif element.tag in _UNPRINTED or not isinstance(element.tag, str):
            walk.skip_subtree()
        elif element.tag == _TEXT + "s":
            count = element.get(_TEXT + "c", "1")
            pieces.append(" " * min(int(count) if count.isdigit() else 1, _SPACES_LIMIT))
        elif element.tag == _TEXT + "line-break":
            pieces.append("\n")
        else:
            pieces.append(element.text or "")
    return "".join(pieces)
