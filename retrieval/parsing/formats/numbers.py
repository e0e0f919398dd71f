"""Whole numbers as files write them."""

from __future__ import annotations

import re

_WHOLE = re.compile(r"\s{0,20}([+-]?[0-9]{1,9})(?:\.0{0,9})?\s{0,20}")


def whole(text: str | None) -> int | None:
    """Return the whole number that `text` is, at most 9 digits long; None for anything else: "²" is a digit to
    `str.isdigit` and none to `int`, which raises for more than 4,300 digits as well."""
    found = _WHOLE.fullmatch(text or "")
    return int(found[1]) if found else None
