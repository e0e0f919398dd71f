"""Paragraphs and tables of RTF under construction: the body, a note, a comment, or the edge of a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from retrieval.parsing.formats.extracted import Blocks
from retrieval.parsing.formats.plain.grids import Merge, SheetGrid, write_tables
from retrieval.parsing.formats.plain.scripts import in_line

_BULLETS = set("·•◦▪‣o§–—-*➢❖ü\uf0b7\uf0a7\uf0d8\uf0fc\uf02d\uf0a8")
_SAME_EDGE = 30  # twips, within which the right edges of cells are one column's


@dataclass
class Style:
    """What a style of paragraphs says of headings; `level` 0 is none."""

    name: str = ""
    level: int = 0
    based_on: int = -1


@dataclass
class _TableCell:
    edge: int
    text: str
    first_of_rows: bool
    below: bool
    beside: bool


@dataclass
class CellDefinition:
    """What a row says of one of its cells: its right edge, and how it is merged with others."""

    edge: int = 0
    first_of_rows: bool = False
    below: bool = False
    beside: bool = False


@dataclass
class Flow:
    """Text that is being put together. Without `blocks` its paragraphs are collected in `lines`."""

    blocks: Blocks | None = None
    texts: list[tuple[str, str]] = field(default_factory=list)  # each with its script
    mark: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    cell: list[str] = field(default_factory=list)
    rows: list[list[_TableCell]] = field(default_factory=list)
    after_item: bool = False

    def end_paragraph(self, *, level: int = 0, in_table: bool = False, listed: bool = False) -> None:
        """End the paragraph: in a table it belongs to a cell; else it is a heading of this level, an item, or plain."""
        text = _tidied(in_line(self.texts))
        mark = _mark(_tidied("".join(self.mark)), listed=listed)
        self.texts, self.mark = [], []
        shown = f"{mark} {text}" if mark and text.strip() else text
        if in_table and self.blocks is not None:
            self.cell.append(shown.strip())
            return
        self.end_table()
        if self.blocks is None:
            self.lines.append(shown.strip())
        elif text.strip():
            self.blocks.add(shown, level=level, close=bool(mark) and self.after_item and not level)
            self.after_item = bool(mark) and not level

    def end_cell(self) -> None:
        """End a cell of the row."""
        self.end_paragraph(in_table=True)
        self.cells.append("\n".join(filter(None, self.cell)))
        self.cell = []

    def end_row(self, definitions: list[CellDefinition]) -> None:
        """End a row, whose cells are as `definitions` says."""
        row: list[_TableCell] = []
        for number, text in enumerate(self.cells):
            known = definitions[number] if number < len(definitions) else CellDefinition()
            edge = known.edge or (row[-1].edge if row else 0) + 10 * _SAME_EDGE
            row.append(_TableCell(edge, text, known.first_of_rows, known.below, known.beside))
        if row:
            self.rows.append(row)
        self.cells = []

    def end_table(self) -> None:
        """Append the table whose rows have been read."""
        if self.cells or self.cell:  # a row without an end
            left = [*self.cells, "\n".join(filter(None, self.cell))]
            self.cells, self.cell = left, []
            self.end_row([])
        if self.rows and self.blocks is not None:
            write_tables(self.blocks, _grid(self.rows))
            self.after_item = False
        self.rows = []

    def text(self) -> str:
        """Return what has been collected, as one text."""
        self.end_paragraph()
        return "\n".join(filter(None, self.lines))


def _tidied(text: str) -> str:
    """Return the text; halves of characters that stand outside the basic plane are put together."""
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\ufffd", "")
    return text


def _mark(text: str, *, listed: bool) -> str:
    mark = text.strip()
    if not mark:
        return "-" if listed else ""
    return "-" if mark in _BULLETS or (len(mark) == 1 and not mark.isalnum()) else mark


def _grid(rows: list[list[_TableCell]]) -> SheetGrid:
    """Return the rows as cells of a grid: the right edges of all cells are its columns."""
    edges = sorted({cell.edge for row in rows for cell in row})
    columns, column = {edges[0]: 0}, 0
    for left, right in pairwise(edges):
        column += right - left > _SAME_EDGE
        columns[right] = column
    grid = SheetGrid()
    for number, row in enumerate(rows):
        _add_row(grid, number, row, columns)
    grid.merges = [merge for merge in grid.merges if merge.last_row > merge.first_row or merge[1] < merge.last_column]
    return grid


def _add_row(grid: SheetGrid, number: int, row: list[_TableCell], columns: dict[int, int]) -> None:
    start, cells = 0, {}
    for cell in row:
        end = max(columns[cell.edge], start)
        if cell.below and (above := _merge_above(grid, number, start)) is not None:
            grid.merges[above] = grid.merges[above]._replace(last_row=number)
        elif cell.beside and grid.merges and grid.merges[-1].first_row == number:
            grid.merges[-1] = grid.merges[-1]._replace(last_column=end)
        else:
            if cell.text:
                cells[start] = cell.text
            grid.merges.append(Merge(number, start, number, end))
        start = end + 1
    if cells:
        grid.rows[number] = cells


def _merge_above(grid: SheetGrid, number: int, column: int) -> int | None:
    """Return which region ends in the row above and begins in this column."""
    for at in range(len(grid.merges) - 1, max(-1, len(grid.merges) - 400), -1):
        merge = grid.merges[at]
        if merge.first_column == column and number - 1 <= merge.last_row <= number:
            return at
    return None
