"""The terms of a text: what of its words is compared, to tell whether two texts are about the same."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from retrieval.text.language import likely_language
from retrieval.text.spellings import unaccented
from retrieval.text.stems import stem
from retrieval.text.stopwords import asking_words, stop_words
from retrieval.text.words import compounds, fold, letter_runs, name_parts, words

_USUAL = "en"  # for a text whose small words tell no language: names, a single word


def language_of_terms(*texts: str) -> str:
    """Return the language (ISO 639-1) to take the terms of all these texts in: terms of two languages don't match."""
    return likely_language(word for text in texts for word in words(text)) or _USUAL


def terms(text: str, *, language: str) -> frozenset[str]:
    """Return the stems of all words of `text`; of scripts that don't space words and of longer Korean words, the pairs
    of neighbouring letters. A name like QDRANT_URL, getUserName or 3.5 counts whole and in its parts; hyphens don't
    count: E-1204 is E1204, and Wi-Fi is wifi."""
    return frozenset(_terms(text, language))


def content_terms(text: str, *, language: str = "") -> frozenset[str]:
    """Return the terms of `text` that say what it is about. Without a `language` (ISO 639-1), its own small words tell
    which it is in."""
    language = language or language_of_terms(text)
    return frozenset(_terms(text, language, without=stop_words(language))) - _asking_terms(language)


@cache
def _asking_terms(language: str) -> frozenset[str]:
    return frozenset(_stem(word, language) for word in asking_words(language))


def _stem(word: str, language: str) -> str:
    """Return the stem without accents: people leave them out."""
    stemmed = stem(word, language=language)
    return stemmed if stemmed.isascii() else unaccented(stemmed)


def _terms(text: str, language: str, *, without: frozenset[str] = frozenset()) -> Iterator[str]:
    for whole, *parts in compounds(text):
        if parts:
            yield whole.replace("-", "")
        for word in parts or (whole,):
            if word not in without:
                yield from letter_runs(word) or (_stem(word, language),)
    yield from (_stem(fold(part), language) for part in name_parts(text))
