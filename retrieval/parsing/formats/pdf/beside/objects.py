"""What a page paints, in the order of painting, with its place on the page."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from functools import cache
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from retrieval.parsing.formats.pdf.library import address_of, functions
from retrieval.parsing.formats.pdf.matrices import UPRIGHT, Matrix, combined, own_matrix

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in points."""

_EDGES = (ctypes.c_float * 4)()  # pdfium writes into them; to make them anew costs as much as the call
_EDGE_ADDRESSES = [ctypes.addressof(_EDGES) + 4 * number for number in range(4)]
_DEPTH = 8  # of forms (groups that are painted as one) in forms
_LIMIT = 100_000  # objects of a page: a map of a town has that many


class Painted(NamedTuple):
    """An object of pdfium's (`address`, of `kind` FPDF_PAGEOBJ_...), with the matrix that takes its form onto the
    page."""

    address: int
    kind: int
    matrix: Matrix

    def box(self) -> Box:
        """Return its bounds on the page."""
        functions().FPDFPageObj_GetBounds(self.address, *_EDGE_ADDRESSES)
        left, bottom, right, top = _EDGES[:]
        return (left, bottom, right, top) if self.matrix is UPRIGHT else moved((left, bottom, right, top), self.matrix)


def painted(page: PdfPage) -> list[Painted]:
    """Return the page's objects, those inside of forms as well, at most 100,000."""
    pdfium = functions()
    kind_of, form = pdfium.FPDFPageObj_GetType, library().FPDF_PAGEOBJ_FORM
    found: list[Painted] = []
    address = address_of(page)
    objects: Iterator[int] = map(
        pdfium.FPDFPage_GetObject, repeat(address), range(pdfium.FPDFPage_CountObjects(address))
    )
    waiting: list[tuple[Iterator[int], Matrix]] = [(objects, UPRIGHT)]
    while waiting and len(found) < _LIMIT:
        objects, matrix = waiting[-1]
        for item in objects:
            if (kind := kind_of(item)) != form:
                found.append(Painted(item, kind, matrix))
                if len(found) >= _LIMIT:
                    break
            elif len(waiting) <= _DEPTH:
                waiting.append((_within(item), combined(own_matrix(item), matrix)))
                break
        else:
            waiting.pop()
    return found


def moved(box: Box, matrix: Matrix) -> Box:
    """Return the bounds of the box after the matrix."""
    if matrix is UPRIGHT:
        return box
    a, b, c, d, e, f = matrix
    left, bottom, right, top = box
    corners = [(x * a + y * c + e, x * b + y * d + f) for x in (left, right) for y in (bottom, top)]
    across, along = [x for x, _ in corners], [y for _, y in corners]
    return (min(across), min(along), max(across), max(along))


def page_box(page: PdfPage) -> Box:
    """Return what is shown of the page: its crop box within its media box."""
    raw = library()
    edges = raw.FS_RECTF()
    raw.FPDF_GetPageBoundingBox(page, edges)
    return (edges.left, edges.bottom, edges.right, edges.top)


def _within(form: int) -> Iterator[int]:
    pdfium = functions()
    return map(pdfium.FPDFFormObj_GetObject, repeat(form), range(pdfium.FPDFFormObj_CountObjects(form)))


@cache
def library() -> Any:
    """Return pdfium's constants and typed functions, imported when the first PDF comes: to import them anew costs as
    much as a call."""
    import pypdfium2.raw

    return pypdfium2.raw
