"""Text that pdfium gives no width: single letters of a Chinese, Japanese or Korean font that the file doesn't hold.

What replaces such a font has no shape for the letter, and pdfium's text passes over what has no extent. An outline
gives it one.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from retrieval.parsing.formats.pdf.beside.objects import library

if TYPE_CHECKING:
    from retrieval.parsing.formats.pdf.beside.objects import Painted

_OUTLINE = 0.5  # points: what is drawn around the letters; nobody looks at the page afterwards
_LATIN = re.compile(
    r"(?:[A-Z]{6}\+)?(?:Helvetica|Arial|Times|Courier|Symbol|ZapfDingbats)"
)  # of which pdfium has shapes


def widen(texts: Iterable[Painted]) -> None:
    """Give texts without an extent one, where it isn't for being blank that they have none."""
    raw = library()
    found: dict[Any, bool] = {}
    for text in texts:
        pointer = ctypes.cast(text.address, raw.FPDF_PAGEOBJECT)
        font = raw.FPDFTextObj_GetFont(pointer)
        key = ctypes.cast(font, ctypes.c_void_p).value
        if key not in found:
            found[key] = bool(font) and _is_replaced(font)
        if found[key]:
            raw.FPDFTextObj_SetTextRenderMode(pointer, raw.FPDF_TEXTRENDERMODE_FILL_STROKE)
            raw.FPDFPageObj_SetStrokeWidth(pointer, ctypes.c_float(_OUTLINE))
            raw.FPDFPageObj_Transform(pointer, 1, 0, 0, 1, 0, 0)  # whereupon pdfium measures it anew


def _is_replaced(font: Any) -> bool:
    """Return whether pdfium shows another font instead, which may lack the letters."""
    raw = library()
    name = ctypes.create_string_buffer(64)
    raw.FPDFFont_GetBaseFontName(font, name, 64)
    return raw.FPDFFont_GetIsEmbedded(font) == 0 and not _LATIN.match(name.value.decode("latin-1"))
