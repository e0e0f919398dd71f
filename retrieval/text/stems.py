"""Stems of words, so that a plural or a past tense matches: Snowball's rules, in plain Python."""

from __future__ import annotations

from functools import lru_cache

import snowballstemmer

_ALGORITHMS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish", "fr": "french", "ga": "irish",
    "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian",
    "nb": "norwegian", "ne": "nepali", "nl": "dutch", "nn": "norwegian", "no": "norwegian", "pl": "polish",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil",
    "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
_LONGEST = 40  # letters; what is longer is no word


@lru_cache(maxsize=65_536)  # a word takes some 50 µs: the words of a site's texts are the same again and again
def stem(word: str, *, language: str) -> str:
    """Return the stem of a folded word of `language` (ISO 639-1); the word itself where no rules are known for it."""
    algorithm = _ALGORITHMS.get(language)
    if algorithm is None or len(word) > _LONGEST or not word[:1].isalpha():
        return word
    return str(snowballstemmer.stemmer(algorithm).stemWord(word))  # a new one: it keeps the word it works on
