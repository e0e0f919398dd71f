"""Words that are written together of others: "Bauarbeiten" of "Bau" and "Arbeiten". Pure arithmetic, in linear time."""

from __future__ import annotations

from collections.abc import Iterator

COMPOUNDING = frozenset({"da", "de", "fi", "nb", "nl", "nn", "no", "sv"})
"""The languages (ISO 639-1) that write nouns together."""

_FIRST, _SECOND = 3, 4  # letters of each part at least
_LINKS = ("s", "n", "en", "es", "er", "e")  # between the parts, said of neither
_LEFT_OFF = "e"  # "Schul" of "Schule"


def halves(word: str) -> Iterator[tuple[frozenset[str], str]]:
    """Yield each way to part a folded word in two: the words that the first part may be, and the second part."""
    for cut in range(_FIRST, len(word) - _SECOND + 1):
        first = word[:cut]
        unlinked = {first.removesuffix(link) for link in _LINKS}
        yield frozenset(one for one in (*unlinked, first + _LEFT_OFF) if len(one) >= _FIRST), word[cut:]
