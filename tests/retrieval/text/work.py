"""Counts work, so that a test of how it grows depends on no clock."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def calls(function: Callable[..., object], *arguments: object, **named: object) -> int:
    """Return how many calls of functions, in Python and in C, `function` makes, with the characters of each string
    that it searches or cuts not counted."""
    count = 0

    def note(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        function(*arguments, **named)
    finally:
        sys.setprofile(before)
    return count
