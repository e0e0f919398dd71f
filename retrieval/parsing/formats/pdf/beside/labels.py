"""What is printed as the number of a PDF's pages: "iii", "A-2"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.parsing.formats.extracted import clean

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_LONGEST = 32  # characters; a label that is longer is none
_BYTES = 8 * _LONGEST  # of one that may be as short without the white space around it
_SEARCHED_LIMIT = 20_000_000  # bytes of labels that are made; pdfium makes a whole one to tell how long it is


def page_labels(document: PdfDocument) -> list[str]:
    """Return the label of every page, its number where it has none; nothing where all are their numbers."""
    from pypdfium2 import raw

    numbers = [str(number) for number in range(1, len(document) + 1)]
    labels, made = numbers.copy(), 0
    for index in range(len(numbers)):
        size = raw.FPDF_GetPageLabel(document, index, None, 0)
        made += size
        if made > _SEARCHED_LIMIT:
            return []
        if size <= _BYTES:
            label = " ".join(clean(document.get_page_label(index)).split())
            labels[index] = label if 0 < len(label) <= _LONGEST else numbers[index]
    return labels if labels != numbers else []
