"""Rows of a table as lines of text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retrieval.parsing.formats.extracted import Blocks
from retrieval.parsing.formats.pdf.lines import PageLine
from retrieval.parsing.formats.plain.tables import write_table

_FIGURE = re.compile(r"[^\w\s]{0,3}\d[\d.,:/%\s  -]*[^\W\d_]{0,3}\W{0,2}|[-–—]|n/?a", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TextRow:
    """A row's cells and its place in points."""

    cells: tuple[str, ...]
    left: float
    bottom: float
    right: float
    top: float


def is_figure(text: str) -> bool:
    """Return whether a cell holds a number, with or without a unit, or says that there is none."""
    return _FIGURE.fullmatch(text) is not None


def table_lines(rows: Sequence[TextRow], *, number: float) -> Iterator[PageLine]:
    """Yield the rows as lines, numbered from `number` on in steps too small to reach the next whole number. Rows of a
    long table name their columns themselves, as those of sheets do."""
    blocks = Blocks()
    write_table(blocks, [row.cells for row in rows])
    texts = [text for text in blocks.extracted().text.split("\n") if text]
    for index, text in enumerate(texts):
        row = rows[min(index + len(rows) - len(texts), len(rows) - 1) if index or len(texts) >= len(rows) else 0]
        at = number + index / (len(texts) + 1)
        yield PageLine(row.left, row.bottom, row.right, row.top, number=at, said=text)
