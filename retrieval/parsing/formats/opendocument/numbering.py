"""Numbers of list items and headings, which OpenDocument leaves to the program that shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.parsing.formats.numbers import whole
from retrieval.parsing.formats.opendocument.package import STYLE, TEXT, OpenDocument

if TYPE_CHECKING:
    from lxml.etree import _Element


class ListNumbers:
    """Counts the items of one list, or the headings of a document, on each level."""

    def __init__(self, style: _Element | None) -> None:
        self._levels = {
            number: level
            for level in (style if style is not None else ())
            if isinstance(level.tag, str)
            and level.tag.endswith(("list-level-style-number", "outline-level-style"))
            and (number := whole(level.get(TEXT + "level") or "1")) is not None
        }
        self._counts: dict[int, int] = {}

    def next_mark(self, level: int, *, start: str | None = None) -> str:
        """Return the number of the next item on this level, from 1, with what stands around it; empty for a level that
        has none."""
        style = self._levels.get(level)
        self._counts = {at: count for at, count in self._counts.items() if at <= level}
        first = whole(start or (style.get(TEXT + "start-value") if style is not None else None))
        begun = level in self._counts and start is None
        self._counts[level] = self._counts[level] + 1 if begun else 1 if first is None else first
        if style is None or not style.get(STYLE + "num-format"):
            return ""
        shown = min(max(whole(style.get(TEXT + "display-levels")) or 1, 1), 99)
        first_shown = max(1, level - shown + 1)
        numbers = [self._number(at) for at in range(first_shown, level + 1)]
        mark = ".".join(filter(None, numbers))
        return f"{style.get(STYLE + 'num-prefix') or ''}{mark}{style.get(STYLE + 'num-suffix') or ''}"

    def _number(self, level: int) -> str:
        style = self._levels.get(level)
        kind = style.get(STYLE + "num-format") or "" if style is not None else ""
        return written_number(self._counts.get(level, 1), kind)


def list_numbering(document: OpenDocument, name: str | None) -> ListNumbers:
    """Return the numbering of a list with this style."""
    return ListNumbers(document.styles.get(("list", name or "")))


def written_number(number: int, kind: str) -> str:
    """Return a number as a list writes it: 1, a, A, i or I; empty for none."""
    if kind in ("a", "A") and number > 0:
        return chr(ord(kind) + (number - 1) % 26) * min((number - 1) // 26 + 1, 10)  # ..., z, aa, bb
    if kind in ("i", "I") and 0 < number < 4_000:
        return _roman(number) if kind == "I" else _roman(number).lower()
    return str(number) if kind else ""


def _roman(number: int) -> str:
    written = ""
    signs = "M CM D CD C XC L XL X IX V IV I".split()
    for value, sign in zip((1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1), signs, strict=True):
        written += sign * (number // value)
        number %= value
    return written
