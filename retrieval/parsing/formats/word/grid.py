"""Tables of Word as rows of cells, each in its column; a value that spans rows stands in each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from retrieval.notes import Notes
from retrieval.parsing.formats.word.paragraphs import holds
from retrieval.parsing.formats.word.styles import W, integer, is_on

if TYPE_CHECKING:
    from lxml.etree import _Element

_COLUMNS = 63  # what Word allows in a table
_REPEATED = 300  # characters of a value that is repeated down its rows
_REPEATED_TOGETHER = 1_000_000  # in one table
_LAYOUT = 1_500  # characters in one cell, which then holds more than a value
_LAYOUT_ROWS = 4  # of so many rows one has such a cell, when the table arranges text
_WRAPPERS = {W + "sdt", W + "sdtContent", W + "customXml", W + "ins", W + "moveTo", W + "smartTag"}


def table_rows(table: _Element) -> Iterator[_Element]:
    """Yield the rows of a table, without those of tables in it."""
    return _own(table, W + "tr")


def row_cells(row: _Element) -> Iterator[_Element]:
    """Yield the cells of a row that are not deleted."""
    return (cell for cell in _own(row, W + "tc") if cell.find(f"{W}tcPr/{W}cellDel") is None)


def is_shown(row: _Element, notes: Notes) -> bool:
    """Return whether a row is there when tracked changes are accepted, and not hidden. Others are noted."""
    properties = row.find(W + "trPr")
    if properties is None:
        return True
    if properties.find(W + "del") is not None or properties.find(W + "moveFrom") is not None:
        notes.add("deleted_text")
        return False
    if is_on(properties.find(W + "hidden")):
        notes.add("hidden_text")
        return False
    return True


def is_layout(table: _Element) -> bool:
    """Return whether a table only arranges text: it has one column, or many cells that hold more than a value."""
    rows = [list(row_cells(row)) for row in table_rows(table)]
    if all(len(cells) <= 1 for cells in rows):
        return any(
            holds(cell, W + "tbl") or sum(1 for _ in cell.iterchildren(W + "p")) > 1 for row in rows for cell in row
        )
    long = sum(any(map(_is_long, cells)) for cells in rows)
    return long * _LAYOUT_ROWS > len(rows)


def grid_of(table: _Element, notes: Notes, cell_text: Callable[[_Element], str]) -> Iterator[list[str]]:
    """Yield the rows that are shown, as texts in their columns. A cell over several columns stands in the first."""
    above: dict[int, str] = {}
    left = _REPEATED_TOGETHER
    for row in table_rows(table):
        if not is_shown(row, notes):
            continue
        texts = [""] * _width(row.find(f"{W}trPr/{W}gridBefore"), least=0)
        for cell in row_cells(row):
            column, text = len(texts), cell_text(cell)
            merged = cell.find(f"{W}tcPr/{W}vMerge")
            if merged is None:
                above.pop(column, None)
            elif merged.get(W + "val") == "restart":
                above[column] = text if len(text) <= _REPEATED else ""
            elif not text.strip() and left > 0:
                text = above.get(column, "")
                left -= len(text)
            across = cell.find(f"{W}tcPr/{W}hMerge")
            if across is not None and across.get(W + "val") != "restart":
                text = ""
            texts += [text, *[""] * (_width(cell.find(f"{W}tcPr/{W}gridSpan"), least=1) - 1)]
        yield texts[:_COLUMNS] if not any(texts[_COLUMNS:]) else texts


def _width(element: _Element | None, *, least: int) -> int:
    return min(max(integer(element) or least, least), _COLUMNS)


def _own(parent: _Element, tag: str) -> Iterator[_Element]:
    """Yield the rows of this table, or the cells of this row, also those in content controls."""
    for child in parent:
        if child.tag == tag:
            yield child
        elif child.tag in _WRAPPERS:
            yield from _own(child, tag)


def _is_long(cell: _Element) -> bool:
    length = 0
    for text in cell.iter(W + "t"):
        length += len(text.text or "")
        if length > _LAYOUT:
            return True
    return False
