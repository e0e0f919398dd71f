"""The characters of a PDF's page, which pdfium finds once for all that is read of the page."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

from retrieval.parsing.formats.pdf.library import address_of, functions

if TYPE_CHECKING:
    from pypdfium2 import PdfPage, PdfTextPage

_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Letters:
    """A page's characters in the order of the file, as UTF-16 units, with the blanks and line ends that pdfium found
    between them. `address` is what pdfium's functions know them by; `is_plain`: each of them is a character."""

    text: str
    address: int | None
    textpage: PdfTextPage
    is_plain: bool


@contextmanager
def open_letters(page: PdfPage) -> Iterator[Letters]:
    """Give the page's characters, for as long as pdfium keeps them."""
    textpage = page.get_textpage()
    try:
        address = address_of(textpage)
        count = max(0, textpage.count_chars())
        text = _units(address, count)
        is_plain = text is not None and (text.isascii() or not _HALF.search(text))
        yield Letters(_one_by_one(address, count) if text is None else text, address, textpage, is_plain)
    finally:
        textpage.close()


def _units(address: int | None, count: int) -> str | None:
    """Return the characters, exactly one for each index; None when pdfium can't give all at once."""
    units = (ctypes.c_uint16 * (count + 1))()
    written = functions().FPDFText_GetText(address, 0, count, ctypes.addressof(units))
    if written != count + 1:
        return None
    content = bytes(units)[:-2]
    try:
        text = content.decode("utf-16-le")
    except UnicodeDecodeError:
        text = ""
    if len(text) != count:  # two units for one character, or half of one
        text = "".join(map(chr, units[:count]))
    return None if "\0" in text else text


def _one_by_one(address: int | None, count: int) -> str:
    codes = map(functions().FPDFText_GetUnicode, repeat(address, count), range(count))
    return "".join([chr(code) if 0 < code < 0x110000 else " " for code in codes])
