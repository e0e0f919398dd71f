"""What annotations and form fields paint on a page, which the text of the page lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrieval.parsing.formats.extracted import clean
from retrieval.parsing.formats.pdf.beside.objects import Box

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument


def painted_texts(document: PdfDocument, index: int, boxes: Sequence[Box]) -> list[str]:
    """Return what the annotations of the page at `index` paint within each of the boxes; nothing where they paint no
    text. The annotations become part of the page, and are gone as such: read them before."""
    from pypdfium2 import raw

    page = document[index]
    own = raw.FPDFPage_CountObjects(page)
    done = raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
    page.close()
    if done != raw.FLATTEN_SUCCESS:
        return [""] * len(boxes)
    page = document[index]
    for number in range(min(own, raw.FPDFPage_CountObjects(page))):
        raw.FPDFPageObj_SetIsActive(raw.FPDFPage_GetObject(page, number), False)
    textpage = page.get_textpage()
    texts = [clean(textpage.get_text_bounded(*box)).strip() for box in boxes]
    textpage.close()
    page.close()
    return texts
