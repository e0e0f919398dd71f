"""What a page paints, in the order of painting, with its place on the page."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in points."""

Matrix = tuple[float, float, float, float, float, float]

_UPRIGHT: Matrix = (1, 0, 0, 1, 0, 0)
_EDGES = [ctypes.c_float() for _ in range(4)]  # pdfium writes into them; to make them anew costs as much as the call
_DEPTH = 8  # of forms (groups that are painted as one) in forms
_LIMIT = 100_000  # objects of a page: a map of a town has that many


@dataclass(frozen=True)
class Painted:
    """An object of pdfium's (`raw`, of `kind` FPDF_PAGEOBJ_...), with the matrix that takes its form onto the page."""

    raw: Any
    kind: int
    matrix: Matrix

    def box(self) -> Box:
        """Return its bounds on the page."""
        left, bottom, right, top = _EDGES
        library().FPDFPageObj_GetBounds(self.raw, left, bottom, right, top)
        return moved((left.value, bottom.value, right.value, top.value), self.matrix)


def painted(page: PdfPage) -> list[Painted]:
    """Return the page's objects, those inside of forms as well, at most 100,000."""
    raw = library()
    found: list[Painted] = []
    pages = (raw.FPDFPage_GetObject(page, index) for index in range(raw.FPDFPage_CountObjects(page)))
    waiting: list[tuple[Iterator[Any], Matrix]] = [(pages, _UPRIGHT)]
    while waiting and len(found) < _LIMIT:
        objects, matrix = waiting[-1]
        found_object = next(objects, None)
        if found_object is None:
            waiting.pop()
        elif (kind := raw.FPDFPageObj_GetType(found_object)) != raw.FPDF_PAGEOBJ_FORM:
            found.append(Painted(found_object, kind, matrix))
        elif len(waiting) <= _DEPTH:
            waiting.append((_within(found_object), combined(own_matrix(found_object), matrix)))
    return found


def own_matrix(raw_object: Any) -> Matrix:
    """Return the matrix that pdfium's object bears itself."""
    raw = library()
    own = raw.FS_MATRIX()
    return (own.a, own.b, own.c, own.d, own.e, own.f) if raw.FPDFPageObj_GetMatrix(raw_object, own) else _UPRIGHT


def combined(first: Matrix, then: Matrix) -> Matrix:
    """Return the matrix that does `first`, and `then` the other."""
    a, b, c, d, e, f = first
    g, h, i, j, k, m = then
    return (a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m)


def moved(box: Box, matrix: Matrix) -> Box:
    """Return the bounds of the box after the matrix."""
    if matrix is _UPRIGHT:
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


def _within(form: Any) -> Iterator[Any]:
    raw = library()
    return (raw.FPDFFormObj_GetObject(form, index) for index in range(raw.FPDFFormObj_CountObjects(form)))


@cache
def library() -> Any:
    """Return pdfium's functions, imported when the first PDF comes: to import them anew costs as much as a call."""
    import pypdfium2.raw

    return pypdfium2.raw
