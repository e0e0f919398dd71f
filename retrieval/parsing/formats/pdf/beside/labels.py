"""What is printed as the number of a PDF's pages: "iii", "A-2"."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from retrieval.parsing.formats.extracted import clean

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_LONGEST = 32  # characters; a label that is longer is none


def page_labels(document: PdfDocument) -> list[str]:
    """Return the label of every page, its number where it has none; nothing where all are their numbers."""
    labels = [
        _label(document, index) or str(number) for index, number in zip(range(len(document)), count(1), strict=False)
    ]
    return labels if labels != [str(number) for number in range(1, len(labels) + 1)] else []


def _label(document: PdfDocument, index: int) -> str:
    label = " ".join(clean(document.get_page_label(index)).split())
    return label if len(label) <= _LONGEST else ""
