"""pdfium's functions that are called for each character or object of a page, as ones that take plain numbers.

They take and return addresses as numbers, which costs a fifth of what pypdfium2's typed pointers do.
"""

from __future__ import annotations

import ctypes
from functools import cache
from types import SimpleNamespace
from typing import Any

_ADDRESS, _NUMBER, _REAL, _COUNT = ctypes.c_void_p, ctypes.c_int, ctypes.c_float, ctypes.c_ulong
_KINDS: dict[str, tuple[Any, ...]] = {  # what each returns, then what it takes
    "FPDFText_CountRects": (_NUMBER, _ADDRESS, _NUMBER, _NUMBER),
    "FPDFText_GetText": (_NUMBER, _ADDRESS, _NUMBER, _NUMBER, _ADDRESS),
    "FPDFText_GetUnicode": (ctypes.c_uint, _ADDRESS, _NUMBER),
    "FPDFText_GetCharAngle": (_REAL, _ADDRESS, _NUMBER),
    "FPDFText_GetCharOrigin": (_NUMBER, _ADDRESS, _NUMBER, _ADDRESS, _ADDRESS),
    "FPDFText_GetLooseCharBox": (_NUMBER, _ADDRESS, _NUMBER, _ADDRESS),
    "FPDFText_HasUnicodeMapError": (_NUMBER, _ADDRESS, _NUMBER),
    "FPDFPage_CountObjects": (_NUMBER, _ADDRESS),
    "FPDFPage_GetObject": (_ADDRESS, _ADDRESS, _NUMBER),
    "FPDFFormObj_CountObjects": (_NUMBER, _ADDRESS),
    "FPDFFormObj_GetObject": (_ADDRESS, _ADDRESS, _COUNT),
    "FPDFPageObj_GetType": (_NUMBER, _ADDRESS),
    "FPDFPageObj_GetBounds": (_NUMBER, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS),
    "FPDFPageObj_GetMatrix": (_NUMBER, _ADDRESS, _ADDRESS),
    "FPDFPageObj_GetFillColor": (_NUMBER, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS),
    "FPDFPageObj_GetStrokeColor": (_NUMBER, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS),
    "FPDFPageObj_GetClipPath": (_ADDRESS, _ADDRESS),
    "FPDFPageObj_CountMarks": (_NUMBER, _ADDRESS),
    "FPDFPageObj_GetMark": (_ADDRESS, _ADDRESS, _COUNT),
    "FPDFPageObjMark_GetName": (_NUMBER, _ADDRESS, _ADDRESS, _COUNT, _ADDRESS),
    "FPDFPageObj_SetIsActive": (_NUMBER, _ADDRESS, _NUMBER),
    "FPDFClipPath_CountPaths": (_NUMBER, _ADDRESS),
    "FPDFClipPath_CountPathSegments": (_NUMBER, _ADDRESS, _NUMBER),
    "FPDFClipPath_GetPathSegment": (_ADDRESS, _ADDRESS, _NUMBER, _NUMBER),
    "FPDFPath_CountSegments": (_NUMBER, _ADDRESS),
    "FPDFPath_GetPathSegment": (_ADDRESS, _ADDRESS, _NUMBER),
    "FPDFPath_GetDrawMode": (_NUMBER, _ADDRESS, _ADDRESS, _ADDRESS),
    "FPDFPathSegment_GetPoint": (_NUMBER, _ADDRESS, _ADDRESS, _ADDRESS),
    "FPDFPathSegment_GetType": (_NUMBER, _ADDRESS),
    "FPDFTextObj_GetTextRenderMode": (_NUMBER, _ADDRESS),
    "FPDFTextObj_GetFontSize": (_NUMBER, _ADDRESS, _ADDRESS),
    "FPDFTextObj_GetText": (_COUNT, _ADDRESS, _ADDRESS, _ADDRESS, _COUNT),
}


@cache
def functions() -> Any:
    """Return pdfium's functions by name."""
    from pypdfium2 import raw

    return SimpleNamespace(
        **{
            name: ctypes.PYFUNCTYPE(*kinds)(ctypes.cast(getattr(raw, name), _ADDRESS).value or 0)
            for name, kinds in _KINDS.items()
        }
    )


def address_of(pointer: Any) -> int | None:
    """Return where the object is that pypdfium2 wraps, or its pointer points to."""
    return ctypes.cast(getattr(pointer, "raw", pointer), _ADDRESS).value
