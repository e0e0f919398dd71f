"""A table's cells in the rows and columns that they span, and the numbers of a list's items, as browsers show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

_COLUMNS = 1_000  # as browsers have it
_REPEATED_LIMIT = 500_000  # characters of a page that stand there again because a cell spans rows or columns
_CARRIED_LIMIT = 1_000_000  # times that a cell of a table stands in a row below
_ITEMS_COUNTED = 10_000
_ROMAN = [
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
    (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
]  # fmt: skip
_STYLES = {
    "lower-alpha": "a", "lower-latin": "a", "upper-alpha": "A", "upper-latin": "A", "lower-roman": "i",
    "upper-roman": "I", "decimal": "1", "decimal-leading-zero": "01", "none": "", "disc": "-", "circle": "-",
    "square": "-",
}  # fmt: skip


class HtmlGrid:
    """The rows of a table, one after another."""

    def __init__(self) -> None:
        self.rows = 0  # that were given out
        self._cells: list[str] = []
        self._single = 0  # cells that this row has itself
        self._carried: dict[int, tuple[str, int]] = {}  # by column: a text, and for how many rows it still stands there
        self._repeated = 0
        self._carries = 0

    def add(self, text: str, *, columns: int, rows: int) -> None:
        """Append a cell to the row."""
        self._fill()
        self._single += 1
        for number in range(min(columns, max(_COLUMNS - len(self._cells), 1))):
            shown = text if number == 0 else self._again(text)
            if rows > 1 and self._carries < _CARRIED_LIMIT:
                self._carries += 1
                self._carried[len(self._cells)] = (text, rows - 1)
            self._cells.append(shown)

    def end_row(self) -> list[str]:
        """Return the cells of the row, with what stands in it from rows above; of one cell across the whole table, that
        one. Nothing when the row has no cell itself."""
        if not self._single:
            self._pass_row()
            return []
        self._fill()
        last = max((column for column in self._carried if column >= len(self._cells)), default=-1)
        while len(self._cells) <= last:
            self._cells.append("")
            self._fill()
        cells = self._cells[:1] if self._single == 1 and len(set(self._cells)) == 1 else self._cells
        self._cells, self._single = [], 0
        self.rows += any(cells)
        return cells

    def end_group(self) -> None:
        """Let no cell reach beyond the rows of a group."""
        self._cells, self._single = [], 0
        self._carried.clear()

    def _fill(self) -> None:
        while (column := len(self._cells)) in self._carried:
            text, rows = self._carried.pop(column)
            if rows > 1 and self._carries < _CARRIED_LIMIT:
                self._carries += 1
                self._carried[column] = (text, rows - 1)
            self._cells.append(self._again(text))

    def _pass_row(self) -> None:
        self._carried = {column: (text, rows - 1) for column, (text, rows) in self._carried.items() if rows > 1}

    def _again(self, text: str) -> str:
        self._repeated += len(text) + 1
        return text if self._repeated < _REPEATED_LIMIT else ""


def span(element: _Element, name: str) -> int:
    """Return how many rows or columns a cell spans; 0 rows are all that follow."""
    value = element.get(name, "1").strip()
    if not (value.isascii() and value.isdigit()):
        return 1
    number = min(int(value[:6]), 65_534)
    return number or (65_534 if name == "rowspan" else 1)


class ListNumbering:
    """The numbers of the items of one <ol>."""

    def __init__(self, element: _Element, style: str) -> None:
        self._style = _STYLES.get(style, element.get("type") or "1")
        self._step = -1 if element.get("reversed") is not None else 1
        start = _integer(element.get("start"))
        if start is None and self._step < 0:
            start = sum(1 for _item, _number in zip(element.iterchildren("li"), range(_ITEMS_COUNTED), strict=False))
        self._next = 1 if start is None else start

    def mark(self, item: _Element, style: str) -> str:
        """Return what stands before the next item, as `3. `; empty when its style has no mark."""
        value = _integer(item.get("value"))
        number = self._next if value is None else value
        self._next = number + self._step
        kind = _STYLES.get(style, item.get("type") or self._style)
        if kind == "-":
            return "- "
        return f"{_written(number, kind)}. " if kind else ""


def _integer(value: str | None) -> int | None:
    value = (value or "").strip()
    return (
        int(value)
        if value.removeprefix("-").isascii() and value.removeprefix("-").isdigit() and len(value) < 9
        else None
    )


def _written(number: int, kind: str) -> str:
    """Return the number as digits, letters or a Roman numeral; as digits where the others can't write it."""
    if kind in {"a", "A"} and number > 0:
        letters = ""
        while number:
            number, rest = divmod(number - 1, 26)
            letters = chr(ord(kind) + rest) + letters
        return letters
    if kind in {"i", "I"} and 0 < number < 4_000:
        numeral = ""
        for value, sign in _ROMAN:
            count, number = divmod(number, value)
            numeral += sign * count
        return numeral if kind == "i" else numeral.upper()
    return f"{number:02d}" if kind == "01" else str(number)
