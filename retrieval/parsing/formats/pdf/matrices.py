"""Where pdfium puts what it paints: the six numbers of ISO 32000-1, 8.3.3."""

from __future__ import annotations

import ctypes

from retrieval.parsing.formats.pdf.library import functions

Matrix = tuple[float, float, float, float, float, float]

UPRIGHT: Matrix = (1, 0, 0, 1, 0, 0)
_NUMBERS = (ctypes.c_float * 6)()  # pdfium writes into them; to make them anew costs as much as the call


def own_matrix(address: int) -> Matrix:
    """Return the matrix that pdfium's object bears itself."""
    if not functions().FPDFPageObj_GetMatrix(address, ctypes.addressof(_NUMBERS)):
        return UPRIGHT
    a, b, c, d, e, f = _NUMBERS
    return (a, b, c, d, e, f)


def combined(first: Matrix, then: Matrix) -> Matrix:
    """Return the matrix that does `first`, and `then` the other."""
    a, b, c, d, e, f = first
    g, h, i, j, k, m = then
    return (a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m)
