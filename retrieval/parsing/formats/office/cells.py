"""Cells of an Excel sheet, read as a stream: what each shows."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from retrieval.notes import Notes
from retrieval.parsing.formats.numbers import whole
from retrieval.parsing.formats.office.formulas import shifted
from retrieval.parsing.formats.office.number_formats import render, render_text
from retrieval.parsing.formats.office.workbook import MAIN, Workbook, is_true, rich_text, stream, unescape
from retrieval.parsing.formats.plain.grids import (
    CELL_CHARACTERS,
    COLUMNS_LIMIT,
    CellCount,
    Merge,
    SheetGrid,
    column_name,
)

_ROW, _CELL, _VALUE, _FORMULA, _INLINE = (MAIN + name for name in ("row", "c", "v", "f", "is"))
_COLUMN, _MERGE, _PRINTED = MAIN + "col", MAIN + "mergeCell", MAIN + "headerFooter"
_REFERENCE = re.compile(r"\$?([A-Za-z]{1,4})\$?(\d{1,9})")
_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]{0,29})")  # more digits than a float keeps
_PRINTED_CODE = re.compile(r'&(?:"[^"]*"|K[0-9A-Fa-f]{6}|K\d\d[+-]\d{3}|\d+|&|[A-Za-z])')
_MERGES_LIMIT = 200_000
_FORMULA_CHARACTERS = 8_192  # what Excel allows in one


class CellReader:
    """Reads a sheet's part into a grid."""

    def __init__(self, book: Workbook, grid: SheetGrid, *, notes: Notes, count: CellCount) -> None:
        self.printed_lines: list[str] = []
        self._book = book
        self._grid = grid
        self._notes = notes
        self._count = count
        self._masters: dict[str, tuple[str, int, int]] = {}
        self._row = -1

    def read(self, content: bytes) -> None:
        """Read the part. Where it is broken, what stands before is kept, which is noted. Raises ParsingError for too
        many cells."""
        from lxml.etree import XMLSyntaxError

        try:
            for element in stream(content, _ROW, _COLUMN, _MERGE, _PRINTED):
                if element.tag == _ROW:
                    self._read_row(element)
                elif element.tag == _COLUMN:
                    self._read_column(element)
                elif element.tag == _MERGE:
                    self._read_merge(element)
                else:
                    self.printed_lines += _printed_lines(element)
        except XMLSyntaxError:
            self._notes.add("parts", self._grid.name)

    def _read_row(self, row: Any) -> None:
        number = whole(row.get("r")) or 0
        self._row = number - 1 if number > 0 else self._row + 1
        cells: dict[int, str] = {}
        column = -1
        for cell in row.iterchildren(_CELL):
            column = _column_of(cell.get("r")) if cell.get("r") else column + 1
            if column >= COLUMNS_LIMIT:
                self._notes.add("parts", f"{self._grid.name}!{(cell.get('r') or str(self._row + 1))[:20]}")
                continue
            if text := self._shown(cell, column):
                cells[column] = text
        if not cells:
            return
        self._count.take(cells.values())
        self._grid.rows[self._row] = self._grid.rows.get(self._row, {}) | cells
        if is_true(row.get("hidden")) or row.get("ht") == "0":
            self._grid.hidden_rows.add(self._row)

    def _read_column(self, column: Any) -> None:
        first, last = whole(column.get("min")), whole(column.get("max"))
        if first and last and (is_true(column.get("hidden")) or column.get("width") == "0"):
            self._grid.hidden_columns.append((first - 1, min(last, COLUMNS_LIMIT) - 1))

    def _read_merge(self, merge: Any) -> None:
        region = region_of(merge.get("ref") or "")
        if region and len(self._grid.merges) < _MERGES_LIMIT:
            self._grid.merges.append(region)

    def _shown(self, cell: Any, column: int) -> str:
        """Return what the cell shows. One that makes no sense is noted."""
        value, formula, text = "", None, ""
        for child in cell:
            if child.tag == _VALUE:
                value = child.text or ""
            elif child.tag == _FORMULA:
                formula = child
            elif child.tag == _INLINE:
                text = rich_text(child)
        kind = cell.get("t") or "n"
        if formula is not None and not value and not text and kind != "str":
            return self._formula(formula, column)
        try:
            return self._value(kind, value, text, self._code(cell.get("s")))
        except (ValueError, IndexError, ArithmeticError):
            self._notes.add("parts", f"{self._grid.name}!{column_name(column)}{self._row + 1}")
            return value

    def _value(self, kind: str, value: str, text: str, code: str) -> str:
        if kind == "s":
            return render_text(self._book.texts[int(value)], code).strip() if value else ""
        if kind == "inlineStr":
            return render_text(text or unescape(value), code).strip()
        if kind == "str":
            return render_text(unescape(value[:CELL_CHARACTERS]), code).strip()
        if kind == "b":
            return {"1": "TRUE", "0": "FALSE", "": ""}.get(value, value.upper())
        if kind in ("e", "d") or not value:
            return value.replace("T00:00:00", "") if kind == "d" else value
        if code == "General" and _PLAIN.fullmatch(value):
            return value
        number = float(value)
        shown = render(number, code, since_1904=self._book.since_1904) if math.isfinite(number) else value
        if not shown and number:
            self._notes.add("hidden_text")
        return shown

    def _code(self, style: str | None) -> str:
        number = whole(style)
        return self._book.codes[number] if number is not None and 0 <= number < len(self._book.codes) else "General"

    def _formula(self, formula: Any, column: int) -> str:
        """Return the formula of a cell without a saved value; one that is shared stands in another cell."""
        text, shared = formula.text or "", formula.get("si")
        if shared and text:
            self._masters[shared] = (text[:_FORMULA_CHARACTERS], self._row, column)
        elif shared in self._masters:
            text, row, first = self._masters[shared]
            text = shifted(text, rows=self._row - row, columns=column - first)
        if not text:
            return ""
        self._notes.add("formulas")
        return f"={unescape(text)}"[:CELL_CHARACTERS]


def region_of(reference: str) -> Merge | None:
    """Return the region that a reference such as A1:B2 names; None when it names none."""
    ends = [_REFERENCE.fullmatch(end) for end in reference.split(":")]
    if not all(ends) or len(ends) > 2:
        return None
    (first, last) = [(int(end[2]) - 1, _column_number(end[1])) for end in (ends[0], ends[-1]) if end]
    return Merge(min(first[0], last[0]), min(first[1], last[1]), max(first[0], last[0]), max(first[1], last[1]))


def _column_of(reference: str) -> int:
    return _column_number(reference.rstrip("0123456789"))


@lru_cache(maxsize=COLUMNS_LIMIT)
def _column_number(letters: str) -> int:
    number = 0
    for letter in letters.replace("$", "").upper()[:5]:
        number = number * 26 + ord(letter) - 64
    return max(number - 1, 0)


def _printed_lines(element: Any) -> Iterator[str]:
    """Yield what is printed above and below each page, once, without its codes for page numbers and fonts."""
    seen: set[str] = set()
    for line in element:
        text = " ".join(_PRINTED_CODE.sub(" ", line.text or "").split())
        if re.search(r"[^\W\d_]{2}", text) and text not in seen and text.lower() not in ("page of", "page"):
            seen.add(text)
            yield f"{'Header' if 'Header' in line.tag else 'Footer'}: {text}"
