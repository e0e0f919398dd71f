"""Whether letters make words: pairs of letters that follow each other in the small words of the languages known here.

It tells text whose letters were exchanged (by a font that names the wrong ones) from text in any language that is
written in Latin letters, those unknown here as well: real words average -4.0 and are above -5.3, exchanged letters
average -7. Standard library only.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cache
from math import log2

from retrieval.text.stopwords import STOP_WORDS

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SMOOTHING = 0.3  # how often a pair that isn't met in the small words is taken to be met


def plain_letters(word: str) -> str:
    """Return the word in lower case without its accents, and without letters that aren't Latin."""
    lower = word.casefold()
    if not lower.isascii():
        lower = unicodedata.normalize("NFKD", lower)
    return "".join(letter for letter in lower if "a" <= letter <= "z")


def wordlikeness(words: Iterable[str]) -> float:
    """Return how likely the letters of words in `plain_letters` follow each other: the mean of log2 of the probability
    of each letter after the one before it. 0 without any pair."""
    likely = _likely_pairs()
    total, pairs = 0.0, 0
    for word in words:
        for at in range(len(word) - 1):
            total += likely[word[at : at + 2]]
        pairs += max(len(word) - 1, 0)
    return total / pairs if pairs else 0.0


@cache
def _likely_pairs() -> dict[str, float]:
    pairs: Counter[str] = Counter()
    firsts: Counter[str] = Counter()
    for listed in STOP_WORDS.values():
        for word in map(plain_letters, listed):
            for at in range(len(word) - 1):
                pairs[word[at : at + 2]] += 1
                firsts[word[at]] += 1
    return {
        first + second: log2((pairs[first + second] + _SMOOTHING) / (firsts[first] + _SMOOTHING * len(_LETTERS)))
        for first in _LETTERS
        for second in _LETTERS
    }
