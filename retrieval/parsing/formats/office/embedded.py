"""The workbook that a chart on a slide or in a document brings along, for charts that keep no copy of its cells."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.errors import ParsingError
from retrieval.notes import Notes
from retrieval.parsing.formats.office.cells import CellReader
from retrieval.parsing.formats.office.package import OfficePackage, open_package
from retrieval.parsing.formats.office.workbook import RELATION_ID, load_workbook
from retrieval.parsing.formats.plain.grids import CellCount, SheetGrid

if TYPE_CHECKING:
    from lxml.etree import _Element

_REFERENCES = ("{*}numRef", "{*}strRef", "{*}multiLvlStrRef")
_BYTES_LIMIT = 500_000  # of a workbook
_CELLS_LIMIT = 100_000  # that one chart refers to
# [Book.xlsx]Sheet1!$B$2:$B$4, where a name with blanks stands in quotation marks
_RANGE = re.compile(
    r"(?:'(?P<quoted>(?:[^']|'')+)'|(?P<plain>[^'!]+))!\$?([A-Z]{1,3})\$?(\d{1,7})(?::\$?([A-Z]{1,3})\$?(\d{1,7}))?"
)
_BOOK = re.compile(r"\[[^\]]*\]")


def lacks_figures(root: _Element) -> bool:
    """Return whether a chart refers to cells of which it keeps no copy."""
    return any(True for _ in _uncopied(root))


def fill_from_workbook(package: OfficePackage, part: str, root: _Element) -> None:
    """Copy into a chart, whose part is `part`, the cells that it refers to and keeps no copy of, as its workbook shows
    them. What can't be had of a workbook, or of one too large or linked from elsewhere, is left as it is."""
    references = list(_uncopied(root))
    content = _workbook(package, part, root) if references else b""
    if not content:
        return
    try:
        grids = _grids(content)
    except ParsingError:
        return
    left = _CELLS_LIMIT
    for reference in references:
        cells = _cells(grids, reference.findtext("{*}f") or "", left)
        left -= len(cells)
        if any(cells):
            _copy(reference, cells)


def _uncopied(root: _Element) -> Iterator[_Element]:
    for reference in root.iter(*_REFERENCES):
        if reference.findtext("{*}f") and all(
            next(reference.iter("{*}" + tag), None) is None for tag in ("pt", "ptCount")
        ):
            yield reference


def _workbook(package: OfficePackage, part: str, root: _Element) -> bytes:
    source = root.find("{*}externalData")
    name = package.target(part, source.get(RELATION_ID)) if source is not None else ""
    if name not in package or package.embedded_left <= 0:
        return b""
    package.embedded_left -= 1
    try:
        content = package.read(name)
    except ParsingError:
        return b""
    return content if len(content) <= _BYTES_LIMIT else b""


def _grids(content: bytes) -> dict[str, SheetGrid]:
    """Return the sheets of a workbook by name, in small letters. Raises ParsingError."""
    grids: dict[str, SheetGrid] = {}
    notes = Notes()  # of a workbook of which no more than some cells are wanted
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "workbook.xlsx")
        path.write_bytes(content)
        with open_package(path, ending="xlsx", notes=notes) as package:
            book = load_workbook(package)
            count = CellCount()
            for name, part, _hidden in book.sheets:
                if part:
                    grids[name.lower()] = grid = SheetGrid(name)
                    CellReader(book, grid, notes=notes, count=count).read(package.read(part))
    return grids


def _cells(grids: dict[str, SheetGrid], reference: str, most: int) -> list[str]:
    """Return the texts of a row or a column of cells; none for what is neither, or longer than `most`."""
    found = _RANGE.fullmatch(reference.strip())
    if found is None:
        return []
    name = _BOOK.sub("", (found["quoted"] or found["plain"]).replace("''", "'"))
    grid = grids.get(name.lower())
    left, top = _column(found[3]), int(found[4]) - 1
    right, bottom = _column(found[5] or found[3]), int(found[6] or found[4]) - 1
    if grid is None or (left != right and top != bottom) or right - left + bottom - top >= most:
        return []
    return [
        grid.rows.get(row, {}).get(column, "") for row in range(top, bottom + 1) for column in range(left, right + 1)
    ]


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _copy(reference: _Element, cells: list[str]) -> None:
    space = str(reference.tag).rpartition("}")[0] + "}"
    kept = reference.makeelement(space + ("numCache" if reference.tag == space + "numRef" else "strCache"))
    for place, cell in enumerate(cells):
        if cell:
            point = kept.makeelement(space + "pt", idx=str(place))
            value = point.makeelement(space + "v")
            value.text = cell
            point.append(value)
            kept.append(point)
    reference.append(kept)
