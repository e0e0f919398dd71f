"""Raised and lowered text in a line: ten to the fourth is 10^4, never 104."""

from __future__ import annotations

import re
from collections.abc import Iterable

RAISED, LOWERED = "^", "_"
_NUMBER = re.compile(r"[+\-−–]?\d|[+\-−–]$")
_ORDINALS = "aoedhrst"  # letters that are raised behind a number to say that it is one of order, or of hours


def sign_of(text: str, script: str, *, before: str, former: str = "") -> str:
    """Return the sign that stands before raised or lowered text (`script` is RAISED or LOWERED, else empty): behind a
    word or number, where the line would say something else without it. `former` is the script of what is `before`."""
    if not script or script == former or not before or before[-1].isspace():
        return ""
    text = text.strip()
    if _NUMBER.match(text):
        return script
    return script if len(text) == 1 and text.isalpha() and (script == LOWERED or text.lower() not in _ORDINALS) else ""


def in_line(runs: Iterable[tuple[str, str]]) -> str:
    """Return runs of text, each with its script, as one text."""
    texts: list[str] = []
    former = ""
    for text, script in runs:
        if text:
            texts += [sign_of(text, script, before=texts[-1] if texts else "", former=former), text]
            former = script
    return "".join(texts)
