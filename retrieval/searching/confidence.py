"""How likely it is that passages answer a question: pure arithmetic over what was found, for any language.

A logistic model of a few measurements. `python -m benchmarks.confidence` fits its coefficients and tells how well they
do; docs/decisions/010 says on what.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, pairwise
from typing import Protocol

from retrieval.text.language import likely_language
from retrieval.text.stopwords import stop_words, without_small_words
from retrieval.text.words import is_unspaced, letter_runs, words

_STEM = 5  # letters: a word's beginning is what its forms share, in most languages that have forms
_ARTICLE = re.compile(r"[وف]?(?:[بك]?ال|لل)(?=\w{3})")  # Arabic's, with what is written in one with it
_BACKGROUND = 20  # windows without any of the terms, added to those found: among few, no word is common
_ABSENT = 0.7  # of its weight, for a term that no window holds: people ask in words of their own
_WINDOW = 40  # words looked at together: one or two sentences
_TOGETHER = 3  # of the question's terms, in one window, tell that it is about the same; of fewer, all

_ENOUGH = 3  # passages; among fewer nothing stands out
_USUAL_MARGIN = 0.09  # of the best of five passages over their mean
ANSWERS = 0.28  # from here on, passages are taken to answer; docs/retrieval.md has what this keeps and refuses

# Fitted by `python -m benchmarks.confidence`: the weight of each measurement, last the constant.
_WITH_SIMILARITY = (1.06, 2.42, 4.02, 2.68, -4.00)
_WITHOUT_SIMILARITY = (1.37, 2.27, 3.61, -4.43)


class PassageLike(Protocol):
    """A passage, as far as it matters here."""

    @property
    def title(self) -> str: ...
    @property
    def section(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def similarity(self) -> float | None: ...


def confidence(query: str, passages: Sequence[PassageLike], *, language: str = "") -> float:
    """Return the probability, 0 to 1, that one of `passages`, best first, answers `query`, where about half of all
    questions have an answer.

    It is 0 without passages. Where they have no similarity, words alone count; in a known `language` (ISO 639-1), words
    that say little don't.
    """
    if not passages:
        return 0.0
    values = measure(query, passages, language=language)
    weights = _WITH_SIMILARITY if len(values) + 1 == len(_WITH_SIMILARITY) else _WITHOUT_SIMILARITY
    return 1 / (1 + math.exp(-sum(weight * value for weight, value in zip(weights, (*values, 1.0), strict=True))))


def measure(query: str, passages: Sequence[PassageLike], *, language: str = "") -> tuple[float, ...]:
    """Return what the model weighs: how much of the question the best few sentences hold, and how much the first
    passage with its title.

    With similarities, then the highest one and how far it stands out among the others; without, whether enough of the
    question's terms stand together.
    """
    asked = _asked(query, language)
    stretches = [_windows(passage.text, asked) for passage in passages]
    windows = Counter(chain.from_iterable(stretches))
    weights = _weigh(asked, windows)
    first = frozenset(_terms(words(f"{passages[0].title} {passages[0].section}"))).union(*stretches[0])
    held = max(_share(window, weights) for window in windows), _share(first, weights)
    similarities = [passage.similarity for passage in passages if passage.similarity is not None]
    if not similarities:
        together = max(map(_length, windows))
        return (*held, min(together, _TOGETHER) / min(max(_length(asked), 1), _TOGETHER))
    best = max(similarities)
    margin = best - sum(similarities) / len(similarities) if len(similarities) >= _ENOUGH else _USUAL_MARGIN
    return (*held, best, margin)


def _asked(query: str, language: str) -> frozenset[str]:
    """Return the terms of the question's words that say something; of all, where none does."""
    asked = words(query)
    language = language or likely_language(asked)
    telling = [said for word in asked for said in _telling(word, language)]
    return frozenset(_terms(telling or asked))


def _telling(word: str, language: str) -> list[str]:
    """Return the word, unless it is a small one; of a run of words without blanks, what is left without those, as far
    as it is as long as a word."""
    if is_unspaced(word):
        left = without_small_words(word, language=language)
        return [said for said in left if len(letter_runs(word)[0]) <= len(said)]
    return [] if word in stop_words(language) else [word]


def _terms(listed: Iterable[str]) -> list[str]:
    """Return the beginnings of words; of what is compared by runs of letters, those."""
    return [term for word in listed for term in letter_runs(word) or (_stem(word),)]


def _stem(word: str) -> str:
    article = _ARTICLE.match(word)
    start = article.end() if article else 0
    return word[start : start + _STEM]


def _length(terms: frozenset[str]) -> float:
    """Return how many words these are: as many runs of letters as have letters begin in a word of that many."""
    return sum(1 / len(term) if is_unspaced(term) else 1.0 for term in terms)


def _windows(text: str, asked: frozenset[str]) -> list[frozenset[str]]:
    """Return which of the terms `asked` each window of the text holds; every window overlaps half of the one before."""
    terms, half = _terms(words(text)), _WINDOW // 2
    halves = [asked.intersection(terms[start : start + half]) for start in range(0, max(len(terms), 1), half)]
    return [one | other for one, other in pairwise(halves)] or halves


def _weigh(terms: frozenset[str], windows: Counter[frozenset[str]]) -> Mapping[str, float]:
    """Return each term's inverse document frequency (Robertson and Sparck Jones, as in BM25), a window being a
    document: it finds the words that say little, in any language."""
    frequency = Counter[str]()
    for window, times in windows.items():
        frequency.update(dict.fromkeys(window, times))
    count = windows.total() + _BACKGROUND
    weights = {term: math.log(1 + (count - frequency[term] + 0.5) / (frequency[term] + 0.5)) for term in sorted(terms)}
    return {term: weight if frequency[term] else _ABSENT * weight for term, weight in weights.items()}


def _share(terms: frozenset[str], weights: Mapping[str, float]) -> float:
    whole = sum(weights.values())
    return sum(weight for term, weight in weights.items() if term in terms) / whole if whole else 0.0
