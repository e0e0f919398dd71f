"""Words to weights, offline: a text becomes BM25 term weights, cut and stemmed as its language wants.

Both indexes store what this makes, so both rank alike; a Qdrant server's own BM25 isn't asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from retrieval.text.spellings import spellings
from retrieval.text.words import with_parts

if TYPE_CHECKING:
    from qdrant_edge import Bm25, SparseVector

    Weights = SparseVector  # as Edge takes them, for whoever stores them elsewhere

# The ISO 639-1 codes that `Bm25Config(language=)` has stopwords or a stemmer for.
_KNOWN = frozenset("ar az bn ca da de el en es eu fi fr he hu id it ja kk ne nl no pt ro ru sl sv tg tr zh".split())
_ALIASES = {"nb": "no", "nn": "no"}
_NAMES = {"ja": "japanese"}  # whose code it calls `jp`
_KOREAN = re.compile(r"[\uac00-\ud7a3]{3,}")
_ANY_SCRIPT = frozenset({"ja", "zh", ""})  # written without spaces, or maybe so


def weigh_document(text: str, *, language: str) -> Weights:
    """Return the term weights of a text in `language` (ISO 639-1); in an unknown one the words count as they stand."""
    from qdrant_edge import SparseVector

    models = _models(_known(language))
    weights = _weights(models, _prepared(text))
    if others := spellings(text):  # they weigh nothing in the words that stand there
        weights = _weights(models, _prepared(f"{text}\n{' '.join(others)}")) | weights
    return SparseVector([*weights], [*weights.values()])


def _weights(models: Sequence[Bm25], text: str) -> dict[int, float]:
    weights = dict[int, float]()
    for model in models:
        embedded = model.embed_document(text)
        weights = dict(zip(embedded.indices, embedded.values, strict=True)) | weights
    return weights


def weigh_query(text: str, *, languages: Sequence[str]) -> Weights:
    """Return the terms of `text` as each of `languages` stems it, each term once.

    Its words as they stand are among them, for documents in no known language, but without the stopwords of these
    languages: such documents keep theirs, and where they are few a stopword would count as a rare word.
    """
    from qdrant_edge import SparseVector

    text = _prepared(f"{text}\n{' '.join(spellings(text))}")
    known = {_known(language) for language in languages} - {""}
    models = [model for language in known for model in (*_models(language), *_models("", stopped=language))]
    terms = sorted({term for model in models or _models("") for term in model.embed_query(text).indices})
    return SparseVector(terms, [1.0] * len(terms))


def _prepared(text: str) -> str:
    """Return the text with the parts of its names, and with each pair of neighbouring syllables in longer Korean words.

    Korean marks a word's part in a sentence by what is written at its end, and there is no stemmer that removes it.
    """
    pairs = [word[at : at + 2] for word in _KOREAN.findall(text) for at in range(len(word) - 1)]
    return f"{with_parts(text)}\n{' '.join(pairs)}" if pairs else with_parts(text)


def _known(language: str) -> str:
    """Return the language to treat it as; empty when it isn't one of those known."""
    language = _ALIASES.get(language, language)
    return language if language in _KNOWN else ""


@cache
def _models(language: str, *, stopped: str = "") -> tuple[Bm25, ...]:
    """Return what cuts a text of that language into words.

    Words of an unknown language (empty) aren't stemmed, and only the stopwords of the language `stopped` are left out.
    There are two cutters where words may not be spaced: the tokenizer that separates them drops numbers, the other
    keeps them.
    """
    from qdrant_edge import Bm25, Bm25Config, DisabledStemmer, StopwordsSet, TokenizerType

    tokenizers = [TokenizerType.Multilingual] * (language in _ANY_SCRIPT) + [TokenizerType.Word]
    named = _NAMES.get(language or stopped, language or stopped) or None
    stemmer = None if language else DisabledStemmer()
    stopwords = None if named else StopwordsSet()
    return tuple(
        Bm25(Bm25Config(tokenizer=tokenizer, language=named, stemmer=stemmer, stopwords=stopwords))
        for tokenizer in tokenizers
    )
