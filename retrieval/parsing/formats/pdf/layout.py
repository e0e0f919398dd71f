"""A PDF's page as lines in the order in which a person reads them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from retrieval.parsing.formats.pdf.glyphs import read_glyphs
from retrieval.parsing.formats.pdf.lines import PrintedLine, make_line, stream_lines

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

EMPTY_LINE = PrintedLine("", 0, 0, 0, 0)


def read_page(page: PdfPage) -> list[PrintedLine]:
    """Return the page's lines: those that stand upright, or as most of the page does, then those that are turned
    otherwise, apart."""
    glyphs = read_glyphs(page)
    directions: dict[int | None, list[PrintedLine]] = {}
    sizes: Counter[int | None] = Counter()
    for number, (quarter, words) in enumerate(stream_lines(glyphs)):
        directions.setdefault(quarter, []).append(make_line(glyphs, words, number=number))
        sizes[quarter] += words[-1].end - words[0].start
    lines: list[PrintedLine] = []
    for quarter, _ in sizes.most_common():
        lines += [EMPTY_LINE] * bool(lines) + directions[quarter]
    return lines
