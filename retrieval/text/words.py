"""The words of a text, as they are compared: the one place that cuts and folds them.

A word is a run of letters with the marks that belong to them, or a run of digits, in any script. Pure arithmetic, in
linear time.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_HOLD_MARKS = ((0x300, 0x3100), (0xA660, 0xAC00), (0xFB1E, 0xFE30))
MARKS = "".join(
    chr(code)
    for first, last in _HOLD_MARKS
    for code in range(first, last)
    if unicodedata.category(chr(code)) in {"Mn", "Mc"}
)
"""Combining marks, for a character class of a regular expression: `\\w` doesn't match them. Those of the scripts
beyond U+FFFF, which hardly anybody writes any more, are left out: with one of them a class is searched 20 times slower.
"""

_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]{3,}")
_SPELT = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")  # by letters for sounds, like Thai
_WORD_LETTERS, _WORD_SYLLABLES = 4, 2  # of which a word has about as many
# Not written by most people: a soft hyphen, joiners, the stretched line and short vowels of Arabic, Hebrew's points.
_UNWRITTEN = re.compile(r"[\xad\u200c\u200d\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0640\u064b-\u065f\u0670]")

_PRESENTED = re.compile(r"[\ufb00-\ufb06\uff01-\uff9f]+")

_WORD = re.compile(rf"[^\W\d_]+(?:[{MARKS}]+[^\W\d_]*)*|\d+")
_ASCII_WORD = re.compile(r"[a-z]+|[0-9]+")  # the same in half the time
VOCABULARY_LONGEST = 32  # letters; what is longer is hardly a word
_PLAIN_WORD = re.compile(rf"(?<![\w{MARKS}])[^\W\d_](?:[^\W\d_]|[{MARKS}]){{2,}}(?![\w])")
_HYPHENED = re.compile(
    r"(?<![\w\u2010\u2011-])[^\W\d_]{1,15}(?:[\u2010\u2011-][^\W\d_]{1,15}){1,2}(?![\w\u2010\u2011-])"
)
_HYPHENS = re.compile(r"[\u2010\u2011-]")
_COMPOUND = re.compile(rf"\w[\w{MARKS}]*(?:[.\-]\w[\w{MARKS}]*)*")  # a word, or a name of several: QDRANT_URL, 3.5

_RUN = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"[a-z0-9][A-Z]|[A-Z]{2}[a-z]")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def fold(text: str) -> str:
    """Return `text` so that what reads the same is the same: in lower case, composed (NFKC), without what is not
    always written, like Arabic vowels."""
    if text.isascii():
        return text.lower()
    return _UNWRITTEN.sub("", unicodedata.normalize("NFKC", text).casefold())


def plain_letters(text: str) -> str:
    """Return `text` with ligatures, full-width letters and half-width kana as the letters that they are. What is quoted
    keeps them; models that turn texts into vectors know hardly any."""
    return text if text.isascii() else _PRESENTED.sub(lambda run: unicodedata.normalize("NFKC", run[0]), text)


def words(text: str) -> list[str]:
    """Return the folded words of `text` in order: "QDRANT_URL isn't 3.5" is qdrant, url, isn, t, 3, 5."""
    folded = fold(text)
    return (_ASCII_WORD if folded.isascii() else _WORD).findall(folded)


def vocabulary(text: str) -> dict[str, bool]:
    """Return the folded words of `text` that may be taken for one another when they are spelt wrong, and whether one
    stands there with a capital: words of three letters and more, in scripts that space words, and no part of a code.
    What is hyphened counts in one
    piece as well: people write wifi for Wi-Fi."""
    found: dict[str, bool] = {}
    hyphened = (_HYPHENS.sub("", written) for written in _HYPHENED.findall(text))
    for written in (*_PLAIN_WORD.findall(text), *hyphened):
        word = fold(written)
        if len(word) <= VOCABULARY_LONGEST and (word.isascii() or not _UNSPACED.search(word)):
            found[word] = found.get(word, False) or word[0] != written[0]
    return found


def compounds(text: str) -> Iterator[tuple[str, ...]]:
    """Yield each word or name of `text`, folded; a name of several words comes whole before them: "3.5 bar" is
    (3.5, 3, 5) and (bar)."""
    for compound in _COMPOUND.findall(fold(text)):
        if compound.isalpha():
            yield (compound,)
        elif parts := tuple(_WORD.findall(compound)):
            yield (compound, *parts) if len(parts) > 1 else parts


def is_unspaced(text: str) -> bool:
    """Return whether some of `text` is in a script that puts no space between words, like Thai or Japanese."""
    return not text.isascii() and _UNSPACED.search(text) is not None


def letter_runs(word: str) -> list[str]:
    """Return each run of neighbouring letters as long as a word, in scripts that don't space words, and in Korean words
    of three syllables or more: two signs of Chinese, Japanese and Korean, four of Thai. Else nothing."""
    if word.isascii() or not (_UNSPACED.search(word) or _HANGUL.search(word)):
        return []
    length = _WORD_LETTERS if _SPELT.search(word) else _WORD_SYLLABLES
    return [word[at : at + length] for at in range(max(len(word) - length + 1, 1))]


def name_parts(text: str) -> list[str]:
    """Return the parts of the camelCase names in `text`, each once, as they are written: getUserName is get, User and
    Name. An underscore parts words for every tokenizer; a capital inside a word doesn't."""
    if not _CAMEL.search(text):
        return []
    names = (name for name in _RUN.findall(text) if _CAMEL.search(name))
    return [*dict.fromkeys(part for name in names for part in _PART.findall(name))]


def with_parts(text: str) -> str:
    """Return `text`, and in a line below it the parts of its camelCase names, so that words find names."""
    parts = name_parts(text)
    return f"{text}\n{' '.join(parts)}" if parts else text
