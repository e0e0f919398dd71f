"""Strings as pdfium hands them out: UTF-16 in a buffer, whose size it tells before."""

from __future__ import annotations

import ctypes
from typing import Any

from retrieval.parsing.formats.extracted import clean

_LONGEST = 2_000_000  # bytes


def read_string(function: Any, *arguments: Any) -> str:
    """Return what pdfium's `function` writes into the buffer that it takes after `arguments`, cleaned; empty when it
    has nothing, or more than 2 MB."""
    size = function(*arguments, None, 0)
    if not 2 < size <= _LONGEST:
        return ""
    letters = (ctypes.c_ushort * (size // 2 + 1))()
    function(*arguments, letters, size)
    return clean(bytes(letters)[: size - 2].decode("utf-16-le", errors="replace")).strip()
