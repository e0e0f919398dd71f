"""A PDF's page as lines in the order in which a person reads them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from retrieval.parsing.formats.pdf.columns import order_columns
from retrieval.parsing.formats.pdf.glyphs import Glyphs, open_glyphs
from retrieval.parsing.formats.pdf.lines import PrintedLine, make_line, stream_lines
from retrieval.parsing.formats.pdf.vertical import order_vertical

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

_LINES_LIMIT = 5_000  # of a page, beyond which it is read in the order of the file
EMPTY_LINE = PrintedLine("", 0, 0, 0, 0)


def read_page(page: PdfPage) -> list[PrintedLine]:
    """Return the page's lines: those that stand upright, or as most of the page does, then those that are turned
    otherwise, apart."""
    with open_glyphs(page) as glyphs:
        return _lay_out(glyphs)


def _lay_out(glyphs: Glyphs) -> list[PrintedLine]:
    directions: dict[int | None, list[PrintedLine]] = {}
    upright: dict[int | None, Glyphs] = {}
    sizes: Counter[int | None] = Counter()
    for number, (quarter, words) in enumerate(stream_lines(glyphs)):
        if quarter not in upright:
            upright[quarter] = glyphs.turned(quarter or 0)
        directions.setdefault(quarter, []).append(make_line(upright[quarter], words, number=number))
        sizes[quarter] += words[-1].end - words[0].start
    lines: list[PrintedLine] = []
    for quarter, _ in sizes.most_common():
        lines += [EMPTY_LINE] * bool(lines)
        lines += _arranged(upright[quarter], directions[quarter]) if quarter is not None else directions[quarter]
    return lines


def _arranged(glyphs: Glyphs, lines: list[PrintedLine]) -> list[PrintedLine]:
    """Return lines that are turned alike in the order in which they are read."""
    if len(lines) > _LINES_LIMIT:
        return lines
    if any(line.words[0].runs_down for line in lines):
        return order_vertical(glyphs, lines)
    return order_columns(glyphs, lines)
