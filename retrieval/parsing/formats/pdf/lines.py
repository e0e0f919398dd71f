"""Lines of a PDF's page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from retrieval.parsing.formats.extracted import clean

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

_BROKEN_WORD = re.compile("[\ufffe\x02]\r?\n?")  # how pdfium marks a hyphen at the end of a line
_LEADER = re.compile(r"[ \t]?(?:\.[ \t]?){5,}")


def read_lines(page: PdfPage) -> list[str]:
    """Return the page's lines. A word broken by a hyphen at the end of a line is made whole; the dots of a table of
    contents become few."""
    textpage = page.get_textpage()
    text = _LEADER.sub(" … ", _BROKEN_WORD.sub("", textpage.get_text_bounded()))
    textpage.close()
    return [line.rstrip() for line in clean(text).strip().split("\n")]
