"""How likely it is that passages answer a question: pure arithmetic over what was found, for any language.

A logistic model of a few measurements. `python -m benchmarks.confidence` fits its coefficients and tells how well they
do; docs/decisions/010 says on what.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain, pairwise, zip_longest
from typing import Protocol

from retrieval.text.language import likely_language
from retrieval.text.spellings import unaccented
from retrieval.text.stems import stem
from retrieval.text.stopwords import asking_words, stop_words, without_small_words
from retrieval.text.words import is_unspaced, letter_runs, words

_STEM = 5  # letters: a longer word's beginning is what its forms share, in most languages that have forms
_ARTICLE = re.compile(r"\A[وف]?(?:[بك]?ال|لل)(?=\w{3})")  # Arabic's, with what is written in one with it
_BACKGROUND = 20  # windows without any of the terms, added to those found: among few, no word is common
_ABSENT = 0.7  # of its weight, for a term that no window holds: people ask in words of their own
_WINDOW = 40  # words looked at together: one or two sentences
_TOGETHER = 3  # rare words of the question, in one window, tell that it is about the same; of fewer, all
_FOREIGN = 0.1  # of a question's words, also small ones: passages in its language hold more, whatever they are about
_SYLLABIC = frozenset({"vi"})  # languages that put a blank behind each syllable: most words are two of them

_ENOUGH = 3  # passages; among fewer nothing stands out
_USUAL_MARGIN = 0.09  # of the best of five passages over their mean
ANSWERS = 0.28  # from here on, passages are taken to answer; docs/retrieval.md has what this keeps and refuses

# Fitted by `python -m benchmarks.confidence`: the weight of each measurement, last the constant.
_WITH_SIMILARITY = (1.06, 2.42, 4.02, 2.68, -4.00)
_WITHOUT_SIMILARITY = (0.79, 2.96, 2.81, -3.45)
_SIMILARITY_ALONE = (7.43, 4.39, -2.91)
_WEIGHTS = {len(weights) - 1: weights for weights in (_WITH_SIMILARITY, _WITHOUT_SIMILARITY, _SIMILARITY_ALONE)}


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


def confidence(query: str, passages: Sequence[PassageLike], *, language: str = "", translated: bool = False) -> float:
    """Return the probability, 0 to 1, that one of `passages`, best first, answers `query`, where about half of all
    questions have an answer.

    It is 0 without passages. Where they have no similarity, words alone count; in a known `language` (ISO 639-1), words
    that say little don't. `translated` says that the passages are in other languages: then similarities alone count.
    """
    if not passages:
        return 0.0
    values = measure(query, passages, language=language, translated=translated)
    weights = _WEIGHTS[len(values)]
    return 1 / (1 + math.exp(-sum(weight * value for weight, value in zip(weights, (*values, 1.0), strict=True))))


def measure(
    query: str, passages: Sequence[PassageLike], *, language: str = "", translated: bool = False
) -> tuple[float, ...]:
    """Return what the model weighs: how much of the question the best few sentences hold, and how much the first
    passage with its title.

    With similarities, then the highest one and how far it stands out among the others; without, whether enough of the
    question's rare words stand together. Of passages in another language similarities alone are weighed: of those that
    are `translated`, or that hold hardly any of its words, small ones included.
    """
    spoken = words(query)
    language = language or likely_language(spoken)
    asked, said = _asked(spoken, language), frozenset(_terms(spoken, language))
    stretches = [_windows(passage.text, asked | said, language) for passage in passages]
    windows = Counter(chain.from_iterable(stretches))
    similarities = [passage.similarity for passage in passages if passage.similarity is not None]
    near = _nearness(similarities) if similarities else ()
    foreign = translated or len(said.intersection(chain.from_iterable(windows))) <= _FOREIGN * len(said)
    if near and foreign:
        return near
    weights = _weigh(asked, windows, language)
    first = frozenset(_terms(words(f"{passages[0].title} {passages[0].section}"), language)).union(*stretches[0])
    whole, together = sum(weights.values()) or 1.0, max(_held(window, weights) for window in windows)
    held = together / whole, _held(first, weights) / whole
    return (*held, *(near or (min(together, _TOGETHER) / min(max(whole, 1), _TOGETHER),)))


def _nearness(similarities: Sequence[float]) -> tuple[float, float]:
    """Return the highest similarity, and how far it stands out."""
    best = max(similarities)
    return best, best - sum(similarities) / len(similarities) if len(similarities) >= _ENOUGH else _USUAL_MARGIN


def _asked(spoken: Sequence[str], language: str) -> frozenset[str]:
    """Return the terms of the question's words that say something; of all, where none does."""
    telling = [said for word in spoken for said in _telling(word, language)]
    return frozenset(_terms(telling or spoken, language))


def _telling(word: str, language: str) -> list[str]:
    """Return the word, unless it is a small one, or one that questions are put with; of a run of words without blanks,
    what is left without the small ones, as far as it is as long as a word."""
    if is_unspaced(word):
        left = without_small_words(word, language=language)
        return [said for said in left if len(letter_runs(word)[0]) <= len(said)]
    return [] if word in stop_words(language) or word in asking_words(language) else [word]


def _terms(listed: Sequence[str], language: str) -> list[str]:
    """Return the stems of short words and the beginnings of others; of what is compared by runs of letters, those; of
    syllables, each and then with the next."""
    if language in _SYLLABIC:
        pairs = [f"{one} {other}" for one, other in pairwise(listed)]
        return [term for both in zip_longest(listed, pairs) for term in both if term]
    return [*chain.from_iterable(_terms_of(word, language) for word in listed)]


@lru_cache(maxsize=65_536)  # as many as there are stems
def _terms_of(word: str, language: str) -> tuple[str, ...]:
    if word.isascii():
        return (word[:_STEM] if len(word) > _STEM else stem(word, language=language),)
    return tuple(letter_runs(word)) or (_beginning(word, language),)


def _beginning(word: str, language: str) -> str:
    plain = unaccented(word)
    if len(word) <= _STEM and plain.isascii():
        return unaccented(stem(word, language=language))
    return _ARTICLE.sub("", plain)[:_STEM]


def _windows(text: str, asked: frozenset[str], language: str) -> list[frozenset[str]]:
    """Return which of the terms `asked` each window of the text holds; every window overlaps half of the one before."""
    terms, half = _terms(words(text), language), _WINDOW // 2 * (1 + (language in _SYLLABIC))
    halves = [asked.intersection(terms[start : start + half]) for start in range(0, max(len(terms), 1), half)]
    return [one | other for one, other in pairwise(halves)] or halves


def _weigh(terms: frozenset[str], windows: Counter[frozenset[str]], language: str) -> Mapping[str, float]:
    """Return each term's weight: 1 for a word that one window holds, less the more hold it, which finds the words that
    say little in any language.

    It is the inverse document frequency (Robertson and Sparck Jones, as in BM25), a window being a document.
    """
    frequency = Counter[str]()
    for window, times in windows.items():
        frequency.update(dict.fromkeys(window, times))
    count = windows.total() + _BACKGROUND

    def rarity(held: int) -> float:
        return math.log(1 + (count - held + 0.5) / (held + 0.5))

    by_times = {times: rarity(times) / rarity(1) for times in frequency.values()} | {0: _ABSENT * rarity(0) / rarity(1)}
    return {term: _length(term, language) * by_times[frequency[term]] for term in sorted(terms)}


def _length(term: str, language: str) -> float:
    """Return how many words a term counts for: as many runs of letters as have letters begin in a word of that many."""
    if language in _SYLLABIC:
        return 0.5 if " " in term else 0.25
    return 1 / len(term) if is_unspaced(term) else 1.0


def _held(terms: frozenset[str], weights: Mapping[str, float]) -> float:
    return sum(weights[term] for term in sorted(terms) if term in weights)
